# @TEST-DOC: In a cluster each worker tells of its own connections, and the logger writes them.
# @TEST-PORT: MANAGER_PORT
# @TEST-PORT: LOGGER_PORT
# @TEST-PORT: WORKER_1_PORT
# @TEST-PORT: WORKER_2_PORT
# @TEST-EXEC: bash $SCRIPTS/cluster.sh %INPUT
# @TEST-EXEC: grep -v -e 'processing [sc]' -e termination -e PEER_UNAVAILABLE -e archive-log said > output || true
# @TEST-EXEC: ls -d */flowprint_* | sed 's/[.].*//' >> output
# @TEST-EXEC: cat logger/flowprint_conn.* | zeek-cut -m proto windows server_name http_host final | sort >> output
# @TEST-EXEC: cat logger/flowprint_ssl.* | zeek-cut -m server_name cert_serial >> output
# @TEST-EXEC: btest-diff output

@load base/frameworks/cluster
@load base/protocols/conn

global there: set[string];

@if ( Cluster::local_node_type() == Cluster::WORKER )
event zeek_init()
	{
	suspend_processing();
	}

event Cluster::node_up(name: string, id: string)
	{
	add there[name];

	if ( "manager" in there && "logger" in there )
		continue_processing();
	}
@else
event leave()
	{
	terminate();
	}

event Cluster::node_up(name: string, id: string)
	{
	if ( /worker/ in name )
		add there[name];
	}

event Cluster::node_down(name: string, id: string)
	{
	delete there[name];

	if ( |there| == 0 )
		schedule 1sec { leave() };
	}
@endif
