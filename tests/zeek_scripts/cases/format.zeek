# @TEST-DOC: Both logs are TSV where all others are JSON, and JSON where that is asked for.
# @TEST-EXEC: zeek -b -r $TRACES/handshake.pcap $FLOWPRINT LogAscii::use_json=T
# @TEST-EXEC: grep -q '^{' conn.log
# @TEST-EXEC: head -1 flowprint_conn.log > output
# @TEST-EXEC: head -1 flowprint_ssl.log >> output
# @TEST-EXEC: zeek -b -r $TRACES/handshake.pcap $FLOWPRINT FlowPrint::json=T
# @TEST-EXEC: grep -q '^#' conn.log
# @TEST-EXEC: cut -c 1-22 flowprint_conn.log >> output
# @TEST-EXEC: cut -c 1-22 flowprint_ssl.log >> output
# @TEST-EXEC: btest-diff output
