# @TEST-DOC: A connection of the same endpoints as one before is another one.
# @TEST-EXEC: zeek -b -r $TRACES/reused.pcap $FLOWPRINT
# @TEST-EXEC: zeek-cut -m ts windows orig_pkts final < flowprint_conn.log > output
# @TEST-EXEC: test $(zeek-cut uid < flowprint_conn.log | sort -u | wc -l) -eq 2
# @TEST-EXEC: btest-diff output
