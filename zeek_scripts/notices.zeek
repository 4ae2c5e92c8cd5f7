##! Raises what flowprint-zeek finds as notices of Zeek, and says so.
##!
##! flowprint-zeek writes its findings to a file, the *outbox*; the manager reads it each time it is
##! replaced. A finding stays there until ``flowprint_ack.log`` says that it was raised. That is said
##! after :zeek:see:`FlowPrint::ack_delay`, when the notice is written, so no finding is lost whoever
##! is killed. What was raised is remembered in a file: after a restart no finding is raised anew,
##! unless Zeek was killed within that time, or another node writes its logs.

@load base/frameworks/cluster
@load base/frameworks/input
@load base/frameworks/notice
@load base/frameworks/storage/sync
@load policy/frameworks/storage/backend/sqlite

@load ./main

module FlowPrint;

export {
	redef enum Notice::Type += {
		## An app showed itself that the site has not seen.
		Unseen_App,
		## Stands for the unseen apps of a day beyond the most that are raised.
		Digest,
		## What was done on a day: flowprint-zeek is alive.
		Status
	};

	redef enum Log::ID += { ACK_LOG };

	## Called for each record of ``flowprint_ack.log``; ``break`` leaves it out, and its finding
	## in the outbox.
	global log_policy_ack: Log::PolicyHook;

	## The outbox, as ``run.outbox`` of flowprint-zeek names it; "" for none. It is read on the
	## manager of a cluster, and not while Zeek reads captures.
	const outbox = "" &redef;

	## Where it is remembered which findings were raised: an SQLite file that is made where there is
	## none; "" is the outbox's name and ``.raised``.
	const raised_file = "" &redef;

	## How long after a notice it is taken for written. Logs are flushed each second.
	const ack_delay = 5sec &redef;

	## How long after it was raised, or found in the outbox again, a finding is remembered.
	const remember_for = 90day &redef;

	## What a finding is called in the outbox.
	type FindingId: record {
		## Its ID, also in :zeek:field:`Notice::Info$sub` of unseen apps.
		id: string;
	};

	## A finding, a row of the outbox.
	type Finding: record {
		## Kind of notice.
		note: Notice::Type;
		## Unique ID of a connection to what is new.
		uid: string &optional;
		## Endpoints of that connection.
		orig_h: addr &optional;
		orig_p: port &optional;
		resp_h: addr &optional;
		resp_p: port &optional;
		## What was found, in a sentence.
		msg: string;
		## What it rests on.
		sub: string &optional;
		## Devices with the app, or apps that a digest stands for.
		n: count &optional;
		## What Zeek suppresses notices by: the same for an app until more devices have it.
		identifier: string;
		## When flowprint-zeek asked for it, in seconds since the epoch; it asks again.
		asked: count;
	};

	## A finding that was raised.
	type AckInfo: record {
		## When that was said.
		ts: time &log;
		## ID of the finding.
		id: string &log;
		## Whether it had been raised before, and was not raised again.
		again: bool &log;
	};

	## Raised with each record of ``flowprint_ack.log``.
	global log_flowprint_ack: event(rec: AckInfo);
}

# The outbox.
global findings: table[string] of Finding;

# What is known of a finding that was raised and may not be on disk.
type Raised: record {
	# How many were raised by then.
	number: count;
	# Whether that was said.
	said: bool &default=F;
	# Whether it may be lost, and is to be raised again.
	lost: bool &default=F;
};

global unsure: table[string] of Raised;
global times_raised = 0;

# Loggers that are there.
global loggers: set[string];

# Findings that were raised, for where there is no file to remember them in.
global raised: set[string] &create_expire=remember_for;

global memory: opaque of Storage::BackendHandle;
global has_memory = F;

function open_memory()
	{
	local path = raised_file == "" ? outbox + ".raised" : raised_file;
	local options = Storage::BackendOptions(
	    $sqlite=Storage::Backend::SQLite::Options($database_path=path,
	    $table_name="raised"));
	local opened = Storage::Sync::open_backend(Storage::STORAGE_BACKEND_SQLITE,
	    options, string, bool);

	if ( opened$code == Storage::SUCCESS )
		{
		memory = opened$value;
		has_memory = T;
		}
	else
		Reporter::warning(fmt("FlowPrint: %s cannot be opened (%s): findings are raised again after a restart",
		    path, opened?$error_str ? opened$error_str : "unknown"));
	}

function is_remembered(id: string): bool
	{
	return id in raised
	    || ( has_memory && Storage::Sync::get(memory, id)$code == Storage::SUCCESS );
	}

function remember(id: string)
	{
	add raised[id];

	if ( has_memory )
		Storage::Sync::put(memory, Storage::PutArgs($key=id, $value=T,
		    $expire_time=remember_for));
	}

# Says that a finding was raised.
function acknowledge(id: string, again: bool)
	{
	Log::write(ACK_LOG, AckInfo($ts=current_time(), $id=id, $again=again));
	}

# Whether this Zeek writes its own logs.
function is_logger(): bool
	{
	return Cluster::local_node_type() != Cluster::MANAGER
	    || Cluster::manager_is_logger;
	}

# Whether what is logged now gets anywhere.
function is_logged(): bool
	{
	return is_logger() || |loggers| > 0;
	}

# Without an identifier no notice before is in its way.
function raise_notice(finding: Finding, suppressible: bool)
	{
	local notice = Notice::Info($note=finding$note, $msg=finding$msg);

	if ( suppressible )
		notice$identifier = finding$identifier;

	if ( finding?$sub )
		notice$sub = finding$sub;

	if ( finding?$n )
		notice$n = finding$n;

	if ( finding?$uid )
		notice$uid = finding$uid;

	if ( finding?$orig_h
	    && finding?$orig_p
	    && finding?$resp_h
	    && finding?$resp_p )
		notice$id = conn_id($orig_h=finding$orig_h, $orig_p=finding$orig_p,
		    $resp_h=finding$resp_h, $resp_p=finding$resp_p);

	NOTICE(notice);
	}

# The notice of a finding is on disk by now, if this Zeek writes it. What a logger writes is known
# to be when the acknowledgement, which came later, has reached flowprint-zeek.
event written(id: string, number: count)
	{
	if ( id !in unsure || unsure[id]$number != number || unsure[id]$lost )
		return;

	acknowledge(id, F);

	if ( is_logger() )
		{
		remember(id);
		delete unsure[id];
		}
	else
		unsure[id]$said = T;
	}

function take(id: string)
	{
	local known = id in unsure;

	if ( ! is_logged() )
		return;

	if ( known && ! unsure[id]$lost )
		{
		if ( unsure[id]$said )
			acknowledge(id, T);

		return;
		}

	if ( is_remembered(id) )
		{
		remember(id);
		acknowledge(id, T);
		return;
		}

	raise_notice(findings[id], ! known);
	unsure[id] = Raised($number=++times_raised);
	schedule ack_delay { written(id, times_raised) };
	}

event found(description: Input::TableDescription, kind: Input::Event,
    left: FindingId, right: Finding)
	{
	if ( kind != Input::EVENT_REMOVED )
		{
		if ( left$id in findings )
			take(left$id);
		}
	else if ( left$id in unsure )
		{
		remember(left$id);
		delete unsure[left$id];
		}
	}

# Not at once: zeekctl checks scripts by a Zeek that ends when it has begun.
event read_outbox()
	{
	open_memory();
	# Whatever a site has other inputs look like.
	Input::add_table(Input::TableDescription($source=outbox,
	    $reader=Input::READER_ASCII, $name="flowprint-outbox",
	    $idx=FindingId, $val=Finding, $destination=findings, $ev=found,
	    $mode=Input::REREAD, $config=table(["separator"] = "\t", [
	    "set_separator"] = ",", ["unset_field"] = "-", ["empty_field"] =
	    "(empty)", ["fail_on_invalid_lines"] = "F", ["fail_on_file_problem"] =
	    "F")));
	}

event zeek_init() &priority=4
	{
	if ( outbox == "" )
		return;

	Log::create_stream(ACK_LOG, Log::Stream($columns=AckInfo,
	    $ev=log_flowprint_ack, $path="flowprint_ack",
	    $policy=log_policy_ack));
	add_filter(ACK_LOG, "flowprint_ack");

	if ( reading_traces()
	    || Supervisor::is_supervisor()
	    || ( Cluster::is_enabled() && Cluster::local_node_type() != Cluster::MANAGER ) )
		return;

	schedule 1sec { read_outbox() };
	}

# What this Zeek writes itself is on disk when it has ended.
event zeek_done()
	{
	if ( ! is_logger() )
		return;

	for ( id in unsure )
		{
		remember(id);
		acknowledge(id, F);
		}
	}

@if ( Cluster::is_enabled() && Cluster::local_node_type() == Cluster::MANAGER )
event Cluster::node_up(name: string, id: string)
	{
	if ( Cluster::nodes[name]$node_type != Cluster::LOGGER )
		return;

	add loggers[name];

	for ( finding in findings )
		take(finding);
	}

# What it was given last may not be on disk.
event Cluster::node_down(name: string, id: string)
	{
	if ( name !in loggers )
		return;

	delete loggers[name];

	for ( _, one in unsure )
		one$lost = T;

	for ( finding in findings )
		if ( finding in unsure )
			take(finding);
	}
@endif
