# @TEST-DOC: A connection is told of at the end of each batch in which it was active, while it lives.
# @TEST-EXEC: zeek -b -r $TRACES/lives.pcap $FLOWPRINT %INPUT > output
# @TEST-EXEC: btest-diff output

@load base/protocols/conn

redef tcp_inactivity_timeout = 1hr;

event FlowPrint::log_flowprint_conn(rec: FlowPrint::ConnInfo)
	{
	print "told at", network_time(), rec$batch_start, rec$windows, rec$orig_pkts,
	    rec$final;
	}

event Conn::log_conn(rec: Conn::Info)
	{
	if ( rec$id$resp_p == 443/tcp )
		print "conn.log at", network_time();
	}
