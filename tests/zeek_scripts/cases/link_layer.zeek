# @TEST-DOC: VLANs and link-layer addresses are told where they are asked for.
# @TEST-EXEC: zeek -b -r $TRACES/tagged.pcap $FLOWPRINT
# @TEST-EXEC: zeek-cut -m vlan inner_vlan orig_l2_addr < flowprint_conn.log > output
# @TEST-EXEC: zeek -b -r $TRACES/tagged.pcap $FLOWPRINT %INPUT
# @TEST-EXEC: zeek-cut -m vlan inner_vlan orig_l2_addr < flowprint_conn.log >> output
# @TEST-EXEC: btest-diff output

redef FlowPrint::link_layer = T;
