# @TEST-DOC: HTTP has a host; of a request to a proxy it is the one that is asked for.
# @TEST-EXEC: zeek -b -r $TRACES/http.pcap $FLOWPRINT
# @TEST-EXEC: zeek-cut -m id.orig_p service http_host proxied < flowprint_conn.log | sort > output
# @TEST-EXEC: btest-diff output
