# @TEST-DOC: A policy hook leaves records of either log out.
# @TEST-EXEC: zeek -b -r $TRACES/handshake.pcap $FLOWPRINT %INPUT
# @TEST-EXEC: zeek-cut -m windows < flowprint_conn.log > output
# @TEST-EXEC: test ! -f flowprint_ssl.log
# @TEST-EXEC: btest-diff output

hook FlowPrint::log_policy_conn(rec: FlowPrint::ConnInfo, id: Log::ID,
    filter: Log::Filter)
	{
	if ( rec$final )
		break;
	}

hook FlowPrint::log_policy_ssl(rec: FlowPrint::SSLInfo, id: Log::ID,
    filter: Log::Filter)
	{
	break;
	}
