# @TEST-DOC: A Zeek that reads a capture leaves the outbox to the one that is live.
# @TEST-EXEC: bash $SCRIPTS/outbox.sh outbox.tsv 'a1|FlowPrint::Status|-|-|-|-|-|one|-|-|1|1'
# @TEST-EXEC: zeek -b -r $TRACES/crowd.pcap $FLOWPRINT %INPUT
# @TEST-EXEC: test -f flowprint_conn.log -a ! -f notice.log -a ! -f flowprint_ack.log -a ! -f outbox.tsv.raised

redef FlowPrint::outbox = "outbox.tsv";
