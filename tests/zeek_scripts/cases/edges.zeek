# @TEST-DOC: A packet at the very end of a window belongs to the next one.
# @TEST-EXEC: zeek -b -r $TRACES/edges.pcap $FLOWPRINT
# @TEST-EXEC: zeek-cut -m id.orig_p batch_start windows orig_pkts resp_pkts answered < flowprint_conn.log | sort > output
# @TEST-EXEC: btest-diff output
