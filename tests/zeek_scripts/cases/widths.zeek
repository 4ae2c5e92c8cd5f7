# @TEST-DOC: Windows and batches of other widths, one of which does not divide the other.
# @TEST-EXEC: zeek -b -r $TRACES/windows.pcap $FLOWPRINT %INPUT
# @TEST-EXEC: zeek-cut -m batch_start batch window windows orig_pkts resp_pkts final < flowprint_conn.log > output
# @TEST-EXEC: btest-diff output

redef FlowPrint::window = 25sec;
redef FlowPrint::batch = 90sec;
