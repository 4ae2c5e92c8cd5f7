# @TEST-DOC: QUIC has a server name and a client.
# @TEST-REQUIRES: zeek -b -e 'event zeek_init() { exit(have_spicy() ? 0 : 1); }'
# @TEST-EXEC: zeek -b -r $TRACES/quic.pcap $FLOWPRINT
# @TEST-EXEC: zeek-cut -m proto service windows server_name client_fp < flowprint_conn.log > output
# @TEST-EXEC: btest-diff output
