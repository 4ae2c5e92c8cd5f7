##! What FlowPrint exports, and how: options, records and log streams.
##!
##! Stock conn.log says when a connection began and ended, and says it when the connection is over.
##! Fingerprinting apps needs to know in which *windows* of each *batch* a connection was active,
##! and needs to know it while the connection lives. ``flowprint_conn.log`` has one record for each
##! connection and batch; ``flowprint_ssl.log`` has one for each TLS handshake. Stock logs stay as
##! they are.

@load base/frameworks/logging
@load base/utils/directions-and-hosts
@load base/utils/site

module FlowPrint;

export {
	redef enum Log::ID += {
		CONN_LOG,
		SSL_LOG
	};

	## Called for each record of ``flowprint_conn.log``; ``break`` leaves it out.
	global log_policy_conn: Log::PolicyHook;

	## Called for each record of ``flowprint_ssl.log``; ``break`` leaves it out.
	global log_policy_ssl: Log::PolicyHook;

	## Width of a window: connections that are active in the same windows belong to one app.
	## flowprint-zeek may run with a multiple of it.
	const window = 30sec &redef;

	## Width of a batch: how often a connection that lives is told of. flowprint-zeek must run with
	## the same.
	const batch = 300sec &redef;

	## Whose connections are told of: those that these hosts open. What is local is a matter of
	## :zeek:see:`Site::local_nets`.
	option hosts = LOCAL_HOSTS;

	## Connections to these networks are not told of; by default those to no single host.
	option ignored_networks: set[subnet] = {
		224.0.0.0/4,
		255.255.255.255/32,
		[ff00::]/8
	};

	## Directory of both logs; "" is where all logs are. They are then rotated, archived and in the
	## end deleted as those are. In a directory of their own they are rotated each
	## :zeek:see:`FlowPrint::rotation_interval` and deleted after :zeek:see:`FlowPrint::keep_logs`.
	## It must exist and be writable where logs are written: on the logger of a cluster. Where Zeek
	## rotates all logs to a directory of its choice it must stay "": under the Supervisor, and with
	## :zeek:see:`Log::default_logdir`.
	const log_dir = "" &redef;

	## How often both logs are rotated in a directory of their own.
	const rotation_interval = 1hr &redef;

	## How long rotated logs are kept in a directory of their own; 0 keeps them for ever.
	const keep_logs = 2day &redef;

	## Write both logs as JSON; F is Zeek's own format, whatever the other logs are written in.
	const json = F &redef;

	## Tell VLANs and link-layer addresses. flowprint-zeek then calls a device in a VLAN by both,
	## as it does with stock logs of a site that logs VLANs.
	const link_layer = F &redef;

	## Connections that are looked at together when a window ends. With more of them, the looks are
	## spread over up to half a window, so that no worker stalls: as many a second. A connection
	## that wakes up just then may be told of in the window before, or not be told of there.
	const looks_per_second = 10000 &redef;

	## One connection in one batch.
	type ConnInfo: record {
		## First packet of the connection.
		ts: time &log;
		## Unique ID of the connection.
		uid: string &log;
		## Endpoints of the connection.
		id: conn_id &log;
		## Transport protocol.
		proto: transport_proto &log;
		## Services that were recognised, as in conn.log.
		service: string &log &optional;
		## Whether the originator is in :zeek:see:`Site::local_nets`.
		local_orig: bool &log;
		## Start of the batch; batches and windows are aligned to the epoch.
		batch_start: time &log;
		## Width of the batch.
		batch: interval &log;
		## Width of a window.
		window: interval &log;
		## Windows in which there were packets, 0 for the first window of the batch.
		windows: vector of count &log;
		## Payload of the originator in the batch.
		orig_bytes: count &log;
		## Payload of the responder in the batch.
		resp_bytes: count &log;
		## Packets of the originator in the batch.
		orig_pkts: count &log;
		## Packets of the responder in the batch.
		resp_pkts: count &log;
		## Whether the responder has answered so far, other than by refusing the connection.
		answered: bool &log;
		## SHA-256 of the certificate of the server.
		cert_sha256: string &log &optional;
		## Serial number of that certificate.
		cert_serial: string &log &optional;
		## Server name that the client asked for in TLS or QUIC.
		server_name: string &log &optional;
		## Host of the last HTTP request, or what a proxy was asked for.
		http_host: string &log &optional;
		## Whether that request was one to a proxy, which did not refuse it.
		proxied: bool &log &optional;
		## Fingerprint of the TLS client, such as ``ja4:t13d1516h2_8daaf6152771_b186095e22b6``.
		client_fp: string &log &optional;
		## Whether Zeek swapped originator and responder.
		flipped: bool &log;
		## Whether the TLS session was resumed.
		resumed: bool &log &optional;
		## Whether this is the last record: the connection ended in this batch.
		final: bool &log;
		## Outer VLAN, see :zeek:see:`FlowPrint::link_layer`.
		vlan: int &log &optional;
		## Inner VLAN.
		inner_vlan: int &log &optional;
		## Link-layer address of the originator.
		orig_l2_addr: string &log &optional;
	};

	## One TLS handshake.
	type SSLInfo: record {
		## Start of the handshake, as in ssl.log.
		ts: time &log;
		## Unique ID of the connection.
		uid: string &log;
		## Server name that the client asked for.
		server_name: string &log &optional;
		## Version that the server chose.
		version: string &log &optional;
		## SHA-256 of the server's certificates, its own first.
		cert_chain_fps: vector of string &log &optional;
		## Subject of the server's own certificate.
		subject: string &log &optional;
		## Issuer of that certificate.
		issuer: string &log &optional;
		## Serial number of that certificate.
		cert_serial: string &log &optional;
		## Whether the session was resumed.
		resumed: bool &log;
	};

	## Raised with each record of ``flowprint_conn.log``.
	global log_flowprint_conn: event(rec: ConnInfo);

	## Raised with each record of ``flowprint_ssl.log``.
	global log_flowprint_ssl: event(rec: SSLInfo);
}

# Deletes rotated logs that are too old, also those of a Zeek before this one.
function delete_old(info: Log::RotationInfo): bool
	{
	system(fmt("find %s -maxdepth 1 -type f -name 'flowprint_*[0-9].log*' -mmin +%d -delete",
	    safe_shell_quote(log_dir), double_to_count(keep_logs / 1min)));
	return T;
	}

function add_filter(id: Log::ID, path: string)
	{
	local filter = Log::Filter($name="default", $writer=Log::WRITER_ASCII,
	    $path=path, $field_name_map=table(), $config=table(["use_json"] =
	    json ? "T" : "F", ["tsv"] = "F", ["output_to_stdout"] = "F", [
	    "gzip_level"] = "0"));

	if ( log_dir != "" )
		{
		filter$path = fmt("%s/%s", log_dir, path);
		filter$interv = rotation_interval;

		if ( keep_logs > 0sec )
			filter$postprocessor = delete_old;
		}

	Log::add_filter(id, filter);
	}

event zeek_init() &priority=5
	{
	if ( log_dir != "" && Log::default_rotation_dir + Log::default_logdir != "" )
		Reporter::fatal("FlowPrint::log_dir must be empty: this Zeek rotates its logs to a directory of its own");

	if ( window <= 0sec || batch <= 0sec || looks_per_second == 0 )
		Reporter::fatal("FlowPrint::window, FlowPrint::batch and FlowPrint::looks_per_second must be more than 0");

	Log::create_stream(CONN_LOG, Log::Stream($columns=ConnInfo,
	    $ev=log_flowprint_conn, $path="flowprint_conn",
	    $policy=log_policy_conn));
	Log::create_stream(SSL_LOG, Log::Stream($columns=SSLInfo,
	    $ev=log_flowprint_ssl, $path="flowprint_ssl",
	    $policy=log_policy_ssl));
	add_filter(CONN_LOG, "flowprint_conn");
	add_filter(SSL_LOG, "flowprint_ssl");
	}
