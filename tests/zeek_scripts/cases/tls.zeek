# @TEST-DOC: Server name, certificate and client of TLS are in each record of the connection.
# @TEST-EXEC: zeek -b -r $TRACES/handshake.pcap $FLOWPRINT
# @TEST-EXEC: zeek-cut -m service batch_start windows cert_sha256 cert_serial server_name client_fp resumed final < flowprint_conn.log > output
# @TEST-EXEC: btest-diff output
# @TEST-EXEC: zeek-cut -m ts server_name version cert_chain_fps subject issuer cert_serial resumed < flowprint_ssl.log > ssl
# @TEST-EXEC: btest-diff ssl
