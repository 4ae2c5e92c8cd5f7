# @TEST-DOC: A connection whose sides Zeek swapped is that of the host that opened it.
# @TEST-EXEC: zeek -b -r $TRACES/flipped.pcap $FLOWPRINT
# @TEST-EXEC: zeek-cut -m id.orig_h windows orig_pkts resp_pkts flipped final < flowprint_conn.log > output
# @TEST-EXEC: btest-diff output
