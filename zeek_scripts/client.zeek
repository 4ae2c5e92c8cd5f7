##! The fingerprint of a TLS client: what tells a browser from an app that runs beside it.
##!
##! Where a package adds ``ja4`` or ``ja3`` to ssl.log, it is theirs. Elsewhere it is JA4, made here
##! of the ClientHello: https://github.com/FoxIO-LLC/ja4/blob/main/technical_details/JA4.md.

@load base/protocols/ssl

@load ./main

module FlowPrint;

export {
	## Returns the fingerprint of a connection's client, "" without one.
	##
	## c: The connection.
	##
	## Returns: The fingerprint, after its kind and a colon.
	global client_fingerprint: function(c: connection): string;
}

# A ClientHello that is being read.
type ClientHello: record {
	extensions: vector of string;
	signature_algorithms: vector of string;
	application: string &default="00";
	version: count &default=0;
	named: bool &default=F;
};

redef record connection += {
	flowprint_hello: ClientHello &optional;
	flowprint_client: string &optional;
};

const SERVER_NAME = 0;
const APPLICATION = 16;
const NOTHING = "000000000000";

# Not among them are QUIC's: it has TLS 1.3 only.
const version_names: table[count] of string = {
	[0x0304] = "13",
	[0x0303] = "12",
	[0x0302] = "11",
	[0x0301] = "10",
	[0x0300] = "s3",
	[0x0002] = "s2",
	[0xfeff] = "d1",
	[0xfefd] = "d2",
	[0xfefc] = "d3",
} &default="00";

# The column of ssl.log that a package fills, "" without one.
global of_package = "";

event zeek_init()
	{
	for ( _, field in vector("ja3", "ja4") )
		if ( field in record_fields("SSL::Info") )
			of_package = field;
	}

# GREASE, RFC 8701: values that clients make up.
function is_grease(code: count): bool
	{
	return code % 256 == code / 256 && code % 16 == 10;
	}

function hello_of(c: connection): ClientHello
	{
	if ( ! c?$flowprint_hello )
		c$flowprint_hello = ClientHello();

	return c$flowprint_hello;
	}

# Whether something that the client says in its first ClientHello is of interest.
function is_read(c: connection, is_client: bool): bool
	{
	return is_client && of_package == "" && ! c?$flowprint_client;
	}

event ssl_extension(c: connection, is_client: bool, code: count, val: string)
	{
	if ( ! is_read(c, is_client) || is_grease(code) )
		return;

	local hello = hello_of(c);
	hello$extensions += fmt("%04x", code);

	if ( code == SERVER_NAME )
		hello$named = T;
	}

event ssl_extension_supported_versions(c: connection, is_client: bool,
    versions: index_vec)
	{
	if ( ! is_read(c, is_client) )
		return;

	local hello = hello_of(c);

	for ( _, version in versions )
		# The versions of DTLS count down.
		if ( ! is_grease(version)
		    && ( hello$version == 0 || ( version > 0xf000 ? version < hello$version : version > hello$version ) ) )
			hello$version = version;
	}

event ssl_extension_signature_algorithm(c: connection, is_client: bool,
    signature_algorithms: signature_and_hashalgorithm_vec)
	{
	if ( ! is_read(c, is_client) )
		return;

	for ( _, one in signature_algorithms )
		{
		local code = one$HashAlgorithm * 256 + one$SignatureAlgorithm;

		if ( ! is_grease(code) )
			hello_of(c)$signature_algorithms += fmt("%04x", code);
		}
	}

event ssl_extension_application_layer_protocol_negotiation(c: connection,
    is_client: bool, protocols: string_vec)
	{
	if ( ! is_read(c, is_client) || |protocols| == 0 || |protocols[0]| == 0 )
		return;

	local name = protocols[0];
	local ends = name[0] + name[-1];

	if ( /[0-9A-Za-z]{2}/ != ends )
		{
		local hex = bytestring_to_hexstr(ends);
		ends = hex[0] + hex[-1];
		}

	hello_of(c)$application = ends;
	}

function hash_of(values: vector of string): string
	{
	return |values| == 0 ? NOTHING : sha256_hash(join_string_vec(values, ","))[:12];
	}

function transport_of(c: connection, version: count): string
	{
	if ( version > 0xf000 )
		return "d";

	return get_port_transport_proto(c$id$resp_p) == udp ? "q" : "t";
	}

function sorted(values: vector of string): vector of string
	{
	return sort(values, strcmp);
	}

event ssl_client_hello(c: connection, version: count, record_version: count,
    possible_ts: time, client_random: string, session_id: string,
    ciphers: index_vec, comp_methods: index_vec)
	{
	if ( ! is_read(c, T) )
		return;

	local hello = hello_of(c);
	local offered: vector of string;
	local hashed: vector of string;

	for ( _, cipher in ciphers )
		if ( ! is_grease(cipher) )
			offered += fmt("%04x", cipher);

	for ( _, extension in hello$extensions )
		if ( extension != fmt("%04x", SERVER_NAME)
		    && extension != fmt("%04x", APPLICATION) )
			hashed += extension;

	local chosen = hello$version == 0 ? version : hello$version;
	local extensions = NOTHING;

	if ( |hashed| > 0 )
		{
		local text = join_string_vec(sorted(hashed), ",");

		if ( |hello$signature_algorithms| > 0 )
			text += "_" + join_string_vec(hello$signature_algorithms, ",");

		extensions = sha256_hash(text)[:12];
		}

	c$flowprint_client = fmt("%s%s%s%02d%02d%s_%s_%s", transport_of(c, chosen),
	    version_names[chosen], hello$named ? "d" : "i", |offered| > 99 ? 99 :
	    |offered|, |hello$extensions| > 99 ? 99 : |hello$extensions|,
	    hello$application, hash_of(sorted(offered)), extensions);
	delete c$flowprint_hello;
	}

function client_fingerprint(c: connection): string
	{
	if ( c?$flowprint_client )
		return fmt("ja4:%s", c$flowprint_client);

	if ( of_package == "" || ! c?$ssl )
		return "";

	local field = record_fields(c$ssl)[of_package];

	if ( ! field?$value )
		return "";

	# Looked up once: it is dear.
	local found = field$value as string;

	if ( found == "" )
		return "";

	return fmt("%s:%s", of_package, found);
	}
