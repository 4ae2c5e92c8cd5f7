# @TEST-DOC: With more connections than looks a second the looks are spread, and windows stay right.
# @TEST-EXEC: zeek -b -r $TRACES/crowd.pcap $FLOWPRINT %INPUT > looks
# @TEST-EXEC: zeek-cut windows < flowprint_conn.log | sort | uniq -c | sed 's/^ *//' > output
# @TEST-EXEC: test $(sort -u looks | wc -l) -gt 1
# @TEST-EXEC: btest-diff output

redef FlowPrint::looks_per_second = 4;

event FlowPrint::look(id: conn_id, uid: string)
	{
	print network_time();
	}
