# @TEST-DOC: In a directory of their own both logs rotate by themselves, and old ones are deleted.
# @TEST-EXEC: mkdir 'a b'
# @TEST-EXEC: touch -d '3 days ago' 'a b/flowprint_conn-20-01-01_00.00.00.log' 'a b/conn-20-01-01_00.00.00.log'
# @TEST-EXEC: touch -d '1 day ago' 'a b/flowprint_ssl-20-01-02_00.00.00.log'
# @TEST-EXEC: zeek -b -r $TRACES/handshake.pcap $FLOWPRINT %INPUT "FlowPrint::log_dir=$PWD/a b"
# @TEST-EXEC: ls 'a b' > output
# @TEST-EXEC: cat 'a b'/flowprint_conn-26*.log | zeek-cut -m windows >> output
# @TEST-EXEC: test ! -f flowprint_conn.log -a -f conn.log
# @TEST-EXEC: btest-diff output

redef FlowPrint::rotation_interval = 5min;
