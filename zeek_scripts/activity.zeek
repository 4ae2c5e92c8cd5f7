##! Notes in which windows connections are active, and writes both logs.
##!
##! There is no event for each packet. A connection is looked at when a window ends: its packets
##! were counted meanwhile, and it knows the time of the last one. So what is told is exact, but
##! for packets that come between the end of a window and the look: see
##! :zeek:see:`FlowPrint::looks_per_second`.

@load base/protocols/conn
@load base/protocols/http
@load base/protocols/quic
@load base/protocols/ssl

@load ./client
@load ./main

module FlowPrint;

export {
	## What is known of a connection that is told of. Times are microseconds since the epoch:
	## with whole numbers windows and batches begin exactly where flowprint-zeek has them begin.
	type Activity: record {
		## Number of the batch at hand, counted from the epoch.
		number: count;
		## Active windows in it, counted from its first one.
		windows: vector of count;
		## Time of the last look.
		looked: count;
		## Packets by then.
		pkts: count &default=0;
		## Payload and packets that records told of.
		orig_bytes: count &default=0;
		resp_bytes: count &default=0;
		orig_pkts: count &default=0;
		resp_pkts: count &default=0;
		## When its looks come within the time that they are spread over, a number below 1.
		phase: double;
		## Whether ``flowprint_ssl.log`` has its handshake.
		handshake_logged: bool &default=F;
	};

	## Scheduled for the end of a window: looks what a connection did.
	##
	## id: Its endpoints.
	##
	## uid: Its unique ID.
	global look: event(id: conn_id, uid: string);
}

redef record connection += {
	flowprint: Activity &optional;
};

# A look is told of in the window before where it is less late than this: a burst of packets that
# lies across the end of a window is then likelier than one that began right after it.
const GRACE = 1000000;

const PHASES = 1000;

# Widths in microseconds.
global window_width = 0;
global batch_width = 0;

# Connections that are told of now, and those that ever were.
global living = 0;
global begun = 0;

event zeek_init() &priority=5
	{
	if ( ! use_conn_size_analyzer
	    || Analyzer::ANALYZER_CONNSIZE in Analyzer::disabled_analyzers )
		Reporter::fatal("FlowPrint needs the analyzer of connection sizes");

	window_width = double_to_count(window / 1usec);
	batch_width = double_to_count(batch / 1usec);
	}

function micros(t: time): count
	{
	return double_to_count(time_to_double(t) * 1000000.0);
	}

function time_of(at: count): time
	{
	return double_to_time(at / 1000000.0);
	}

# Notes activity at a time in the batch at hand.
function mark(a: Activity, at: count)
	{
	local number = at / window_width - a$number * batch_width / window_width;

	if ( |a$windows| == 0 || a$windows[|a$windows| - 1] < number )
		a$windows += number;
	}

function is_told_of(c: connection): bool
	{
	local proto = get_port_transport_proto(c$id$resp_p);
	return ( proto == tcp || proto == udp )
	    && addr_matches_host(c$id$orig_h, hosts)
	    && c$id$resp_h !in ignored_networks;
	}

# The first time after another at which a window or the batch ends.
function edge_after(at: count): count
	{
	local of_window = ( at / window_width + 1 ) * window_width;
	local of_batch = ( at / batch_width + 1 ) * batch_width;
	return of_window < of_batch ? of_window : of_batch;
	}

# Has a connection looked at when its window ends.
function plan(c: connection)
	{
	local a = c$flowprint;
	# Never too late, as a packet may come just then: a time holds a quarter of a microsecond.
	local wait = ( edge_after(a$looked) - a$looked - 1 ) * 1usec;

	if ( living > looks_per_second )
		{
		local spread = ( living - looks_per_second ) * 1sec / looks_per_second;
		wait += a$phase * ( spread < window / 2 ? spread : window / 2 );
		}

	schedule wait { FlowPrint::look(c$id, c$uid) };
	}

function begin(c: connection)
	{
	local now = micros(network_time());
	c$flowprint = Activity($number=now / batch_width, $windows=vector(),
	    $looked=now, $phase=begun % PHASES / ( PHASES + 0.0 ));
	mark(c$flowprint, now);
	++begun;
	++living;
	plan(c);
	}

function end(c: connection)
	{
	delete c$flowprint;
	--living;
	}

function is_answered(c: connection): bool
	{
	local refused = get_port_transport_proto(c$id$resp_p) == tcp
	    && /r/ in c$history
	    && /[hadf]/ !in c$history;
	return c$resp$num_pkts > 0 && ! refused;
	}

function grown(total: count, told: count): count
	{
	return total > told ? total - told : 0;
	}

# Whether the server showed a certificate that was understood.
function has_certificate(ssl: SSL::Info): bool
	{
	return ssl?$cert_chain && |ssl$cert_chain| > 0 && ssl$cert_chain[0]?$x509;
	}

function set_tls(info: ConnInfo, c: connection)
	{
	if ( ! c?$ssl )
		return;

	if ( c$ssl?$server_name )
		info$server_name = c$ssl$server_name;

	info$resumed = c$ssl$resumed;

	if ( has_certificate(c$ssl) )
		{
		local leaf = c$ssl$cert_chain[0]$x509;
		info$cert_serial = leaf$certificate$serial;
		info$cert_sha256 = leaf$fingerprint;
		}

	local client = client_fingerprint(c);

	if ( client != "" )
		info$client_fp = client;
	}

function set_http(info: ConnInfo, c: connection)
	{
	if ( ! c?$http )
		return;

	local uri = c$http?$uri ? c$http$uri : "";

	if ( c$http?$host )
		info$http_host = c$http$host;

	if ( /^[hH][tT][tT][pP]:\/\// in uri )
		info$http_host = split_string(uri[7:], /[\/?#]/)[0];
	else if ( c$http?$method && c$http$method == "CONNECT" )
		info$http_host = uri;
	else
		return;

	info$proxied = c$http?$status_code && c$http$status_code < 400;
	}

function set_link_layer(info: ConnInfo, c: connection)
	{
	if ( c?$vlan )
		info$vlan = c$vlan;

	if ( c?$inner_vlan )
		info$inner_vlan = c$inner_vlan;

	if ( c$orig?$l2_addr )
		info$orig_l2_addr = c$orig$l2_addr;
	}

# Writes what a connection did in the batch at hand, if it did anything.
function write(c: connection, final: bool)
	{
	local a = c$flowprint;

	if ( |a$windows| == 0 )
		return;

	local info = ConnInfo($ts=c$start_time, $uid=c$uid, $id=c$id,
	    $proto=get_port_transport_proto(c$id$resp_p),
	    $local_orig=Site::is_local_addr(c$id$orig_h), $batch_start=time_of(
	    a$number * batch_width), $batch=batch, $window=window,
	    $windows=a$windows, $orig_bytes=grown(c$orig$size, a$orig_bytes),
	    $resp_bytes=grown(c$resp$size, a$resp_bytes), $orig_pkts=grown(
	    c$orig$num_pkts, a$orig_pkts), $resp_pkts=grown(c$resp$num_pkts,
	    a$resp_pkts), $answered=is_answered(c), $flipped=/\^/ in c$history,
	    $final=final);

	if ( |c$service| > 0 )
		info$service = to_lower(join_string_set(c$service, ","));

	set_tls(info, c);
	set_http(info, c);

	if ( link_layer )
		set_link_layer(info, c);

	Log::write(CONN_LOG, info);
	a$orig_bytes = c$orig$size;
	a$resp_bytes = c$resp$size;
	a$orig_pkts = c$orig$num_pkts;
	a$resp_pkts = c$resp$num_pkts;
	}

# Goes over to a batch; what a connection did in the one before is written.
function go_to(c: connection, number: count)
	{
	local a = c$flowprint;

	if ( number <= a$number )
		return;

	write(c, F);
	a$number = number;
	a$windows = vector();
	}

# Takes in what a connection did since the last look.
function take_in(c: connection)
	{
	local a = c$flowprint;
	# Looks come early, by a microsecond or two.
	local now = micros(network_time()) + 1;
	local pkts = c$orig$num_pkts + c$resp$num_pkts;
	local fresh = pkts - a$pkts;

	if ( fresh > 0 )
		{
		local last = micros(c$start_time + c$duration);
		local edge = edge_after(a$looked);

		# Packets may come out of order, or out of a buffer.
		if ( last < a$looked )
			last = a$looked;

		# The packets before the last one came at times that nobody knows.
		if ( fresh > 1 && last >= edge && last < edge + GRACE )
			mark(a, edge - 1);

		go_to(c, last / batch_width);
		mark(a, last);
		}

	go_to(c, now / batch_width);
	a$pkts = pkts;
	a$looked = now;
	}

event look(id: conn_id, uid: string)
	{
	if ( ! connection_exists(id) )
		return;

	local c = lookup_connection(id);

	# Another connection may have the same endpoints by now.
	if ( c$uid != uid || ! c?$flowprint )
		return;

	take_in(c);
	plan(c);
	}

event new_connection(c: connection)
	{
	if ( is_told_of(c) )
		begin(c);
	}

event connection_flipped(c: connection)
	{
	if ( c?$flowprint == is_told_of(c) )
		return;

	if ( c?$flowprint )
		end(c);
	else
		begin(c);
	}

# After the hooks of a connection that is removed: in one of them SSL ends what is unfinished.
event connection_state_remove(c: connection) &priority=-4
	{
	if ( ! c?$flowprint )
		return;

	take_in(c);
	write(c, T);
	end(c);
	}

hook SSL::ssl_finishing(c: connection) &priority=-10
	{
	if ( ! c?$flowprint || c$flowprint$handshake_logged )
		return;

	local info = SSLInfo($ts=c$ssl$ts, $uid=c$uid, $resumed=c$ssl$resumed);

	if ( c$ssl?$server_name )
		info$server_name = c$ssl$server_name;

	if ( c$ssl?$version )
		info$version = c$ssl$version;

	if ( c$ssl?$cert_chain_fps )
		info$cert_chain_fps = c$ssl$cert_chain_fps;

	if ( has_certificate(c$ssl) )
		{
		local leaf = c$ssl$cert_chain[0]$x509$certificate;
		info$subject = leaf$subject;
		info$issuer = leaf$issuer;
		info$cert_serial = leaf$serial;
		}

	Log::write(SSL_LOG, info);
	c$flowprint$handshake_logged = T;
	}
