# @TEST-DOC: What a cluster's manager raises waits for a logger, and is raised again where that may have lost it.
# @TEST-PORT: MANAGER_PORT
# @TEST-PORT: LOGGER_PORT
# @TEST-PORT: WORKER_1_PORT
# @TEST-PORT: WORKER_2_PORT
# @TEST-EXEC: bash $SCRIPTS/outbox.sh outbox.tsv 'a1|FlowPrint::Unseen_App|-|-|-|-|-|found|id=a1|1|app/1|1'
# @TEST-EXEC: cp %INPUT input.zeek
# @TEST-EXEC: bash $SCRIPTS/logger-dies.sh input.zeek
# @TEST-EXEC: cat first/notice.log | zeek-cut msg sub peer_descr > output
# @TEST-EXEC: cat second/notice.* | zeek-cut msg sub peer_descr >> output
# @TEST-EXEC: cat second/flowprint_ack.* | zeek-cut id again >> output
# @TEST-EXEC: test ! -f first/flowprint_ack.log
# @TEST-EXEC: btest-diff output

@load base/frameworks/cluster

redef exit_only_after_terminate = T;
redef FlowPrint::outbox = "../outbox.tsv";
redef FlowPrint::ack_delay = 8sec;

event leave()
	{
	terminate();
	}

event FlowPrint::log_flowprint_ack(rec: FlowPrint::AckInfo)
	{
	# When the logger has it.
	schedule 3sec { leave() };
	}

@if ( Cluster::local_node_type() == Cluster::LOGGER )
event Cluster::node_down(name: string, id: string)
	{
	terminate();
	}
@endif
