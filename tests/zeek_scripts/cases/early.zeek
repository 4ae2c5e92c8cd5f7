# @TEST-DOC: Packets that are counted after the look that ended their batch are told of in the next.
# @TEST-EXEC: zeek -b -r $TRACES/early.pcap $FLOWPRINT 2> output
# @TEST-EXEC: zeek-cut -m batch_start windows orig_pkts resp_pkts final < flowprint_conn.log >> output
# @TEST-EXEC: btest-diff output
