# @TEST-DOC: A refusal is no answer, and neither is silence.
# @TEST-EXEC: zeek -b -r $TRACES/refused.pcap $FLOWPRINT
# @TEST-EXEC: zeek-cut -m id.orig_p proto resp_pkts answered < flowprint_conn.log | sort > output
# @TEST-EXEC: btest-diff output
