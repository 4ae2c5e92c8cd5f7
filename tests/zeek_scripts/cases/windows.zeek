# @TEST-DOC: A record tells the windows of its batch that had packets, and what was sent in it.
# @TEST-EXEC: zeek -b -r $TRACES/windows.pcap $FLOWPRINT
# @TEST-EXEC: zeek-cut -m ts proto service local_orig batch_start batch window windows orig_bytes resp_bytes orig_pkts resp_pkts answered flipped final < flowprint_conn.log > output
# @TEST-EXEC: btest-diff output
