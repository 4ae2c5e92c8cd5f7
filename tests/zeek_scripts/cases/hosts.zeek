# @TEST-DOC: Connections that local hosts open are told of, those to groups are not.
# @TEST-EXEC: zeek -b -r $TRACES/hosts.pcap $FLOWPRINT
# @TEST-EXEC: zeek-cut -m id.orig_h id.resp_h local_orig < flowprint_conn.log | sort > output
# @TEST-EXEC: btest-diff output
