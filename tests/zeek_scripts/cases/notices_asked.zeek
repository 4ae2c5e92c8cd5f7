# @TEST-DOC: A row that is asked for again, and one that is new, are taken while Zeek runs.
# @TEST-EXEC: bash $SCRIPTS/outbox.sh outbox.tsv 'a1|FlowPrint::Status|-|-|-|-|-|one|-|-|1|1'
# @TEST-EXEC: zeek -b $FLOWPRINT $SCRIPTS/hand.zeek %INPUT > output
# @TEST-EXEC: cat notice.log | zeek-cut msg >> output
# @TEST-EXEC: btest-diff output

redef FlowPrint::outbox = "outbox.tsv";
redef FlowPrint::raised_file = "memory.sqlite";
redef ends_after = 3;

event FlowPrint::log_flowprint_ack(rec: FlowPrint::AckInfo)
	{
	if ( n_acks == 1 )
		system("sleep 2; bash $SCRIPTS/outbox.sh outbox.tsv 'a1|FlowPrint::Status|-|-|-|-|-|one|-|-|1|2' 'a2|FlowPrint::Status|-|-|-|-|-|two|-|-|2|2'; test -f memory.sqlite");
	}
