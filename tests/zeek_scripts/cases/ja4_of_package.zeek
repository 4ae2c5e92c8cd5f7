# @TEST-DOC: Where a package fills ja4 of ssl.log, it is told as the client, though loaded later.
# @TEST-EXEC: zeek -b -r $TRACES/handshake.pcap $FLOWPRINT %INPUT
# @TEST-EXEC: zeek-cut client_fp < flowprint_conn.log | sort -u > output
# @TEST-EXEC: btest-diff output

redef record SSL::Info += {
	ja4: string &log &optional;
};

hook SSL::log_policy(rec: SSL::Info, id: Log::ID, filter: Log::Filter)
	{
	rec$ja4 = "of_a_package";
	}
