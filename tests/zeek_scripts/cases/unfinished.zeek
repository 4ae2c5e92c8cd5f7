# @TEST-DOC: A handshake that is given up is told of, as in ssl.log.
# @TEST-EXEC: zeek -b -r $TRACES/unfinished.pcap $FLOWPRINT
# @TEST-EXEC: test $(zeek-cut uid < ssl.log | wc -l) -eq 2
# @TEST-EXEC: zeek-cut -m server_name version cert_serial < flowprint_ssl.log | sort > output
# @TEST-EXEC: zeek-cut -m server_name cert_serial client_fp final < flowprint_conn.log | sort >> output
# @TEST-EXEC: btest-diff output
