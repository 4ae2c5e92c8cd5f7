# @TEST-DOC: Nothing is deleted where logs are kept for ever.
# @TEST-EXEC: mkdir own
# @TEST-EXEC: touch -d '3 days ago' own/flowprint_conn-20-01-01_00.00.00.log
# @TEST-EXEC: zeek -b -r $TRACES/handshake.pcap $FLOWPRINT %INPUT "FlowPrint::log_dir=$PWD/own"
# @TEST-EXEC: test -f own/flowprint_conn-20-01-01_00.00.00.log

redef FlowPrint::rotation_interval = 5min;
redef FlowPrint::keep_logs = 0sec;
