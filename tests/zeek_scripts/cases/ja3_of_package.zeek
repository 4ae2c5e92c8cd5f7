# @TEST-DOC: Where a package fills ja3 of ssl.log only, that is told as the client.
# @TEST-EXEC: zeek -b -r $TRACES/handshake.pcap $FLOWPRINT %INPUT
# @TEST-EXEC: zeek-cut client_fp < flowprint_conn.log | sort -u > output
# @TEST-EXEC: btest-diff output

redef record SSL::Info += {
	ja3: string &log &optional;
};

event ssl_client_hello(c: connection, version: count, record_version: count,
    possible_ts: time, client_random: string, session_id: string,
    ciphers: index_vec, comp_methods: index_vec)
	{
	c$ssl$ja3 = "0123456789abcdef0123456789abcdef";
	}
