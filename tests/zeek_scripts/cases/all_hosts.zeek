# @TEST-DOC: With ALL_HOSTS the connections of others are told of too; with no networks ignored, those to groups.
# @TEST-EXEC: zeek -b -r $TRACES/hosts.pcap $FLOWPRINT %INPUT
# @TEST-EXEC: zeek-cut -m id.orig_h id.resp_h local_orig < flowprint_conn.log | sort > output
# @TEST-EXEC: btest-diff output

redef FlowPrint::hosts = ALL_HOSTS;
redef FlowPrint::ignored_networks = set();
