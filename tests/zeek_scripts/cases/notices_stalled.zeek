# @TEST-DOC: That a logger had the time to write a notice is no proof: it counts when the finding is taken out.
# @TEST-PORT: MANAGER_PORT
# @TEST-PORT: LOGGER_PORT
# @TEST-PORT: WORKER_1_PORT
# @TEST-PORT: WORKER_2_PORT
# @TEST-EXEC: cp %INPUT input.zeek
# @TEST-EXEC: bash $SCRIPTS/logger-stalls.sh input.zeek
# @TEST-EXEC: test ! -f first/notice.log
# @TEST-EXEC: cat second/notice.* | zeek-cut msg sub > output
# @TEST-EXEC: cat second/flowprint_ack.* | zeek-cut id again >> output
# @TEST-EXEC: btest-diff output

@load base/frameworks/cluster

redef exit_only_after_terminate = T;
redef FlowPrint::outbox = "../outbox.tsv";
redef FlowPrint::ack_delay = 4sec;

@if ( Cluster::local_node_type() == Cluster::MANAGER )
event leave()
	{
	terminate();
	}

global loggers_up = 0;

event Cluster::node_up(name: string, id: string)
	{
	print "logger up";

	if ( ++loggers_up == 2 )
		schedule 8sec { leave() };
	}
@else
event Cluster::node_down(name: string, id: string)
	{
	terminate();
	}
@endif
