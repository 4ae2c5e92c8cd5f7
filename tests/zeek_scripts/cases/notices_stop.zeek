# @TEST-DOC: A cluster that stops right after a finding was raised raises it when it starts again.
# @TEST-PORT: MANAGER_PORT
# @TEST-PORT: LOGGER_PORT
# @TEST-PORT: WORKER_1_PORT
# @TEST-PORT: WORKER_2_PORT
# @TEST-EXEC: bash $SCRIPTS/outbox.sh outbox.tsv 'a1|FlowPrint::Unseen_App|-|-|-|-|-|found|id=a1|1|app/1|1'
# @TEST-EXEC: cp %INPUT input.zeek
# @TEST-EXEC: bash $SCRIPTS/cluster-stops.sh input.zeek
# @TEST-EXEC: cat logger2/notice.* | zeek-cut msg sub > output
# @TEST-EXEC: cat logger2/flowprint_ack.* | zeek-cut id again >> output
# @TEST-EXEC: btest-diff output

@load base/frameworks/cluster

redef exit_only_after_terminate = T;
redef FlowPrint::outbox = "../outbox.tsv";
redef FlowPrint::ack_delay = 2sec;

hook Notice::notice(n: Notice::Info)
	{
	print "raised";
	}

event FlowPrint::log_flowprint_ack(rec: FlowPrint::AckInfo)
	{
	print "acknowledged";
	}
