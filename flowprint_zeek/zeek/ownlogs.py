"""Columns of the logs of this project: flowprint.log, and those that the Zeek package knows."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from flowprint_zeek.zeek.columns import Columns

ENDS: Columns = (
    ("id.orig_h", "addr"),
    ("id.orig_p", "port"),
    ("id.resp_h", "addr"),
    ("id.resp_p", "port"),
)
"""Columns that tell the ends of a connection, as all of Zeek's logs have them."""

FLOWPRINT_LOG: Columns = (
    ("ts", "time"),
    ("batch_start", "time"),
    ("device", "string"),
    ("fingerprint", "string"),
    ("label", "string"),
    ("verdict", "string"),
    ("score", "double"),
    ("nearest", "string"),
    ("similarity", "double"),
    ("n_flows", "count"),
    ("devices", "count"),
    ("novel", "vector[string]"),
    ("shared", "vector[string]"),
    ("uids", "vector[string]"),
)
"""flowprint.log: the verdicts on fingerprints."""

FLOWPRINT_CONN_LOG: Columns = (
    ("ts", "time"),
    ("uid", "string"),
    *ENDS,
    ("proto", "enum"),
    ("service", "string"),
    ("local_orig", "bool"),
    ("batch_start", "time"),
    ("batch", "interval"),
    ("window", "interval"),
    ("windows", "vector[count]"),
    ("orig_bytes", "count"),
    ("resp_bytes", "count"),
    ("orig_pkts", "count"),
    ("resp_pkts", "count"),
    ("answered", "bool"),
    ("cert_sha256", "string"),
    ("cert_serial", "string"),
    ("server_name", "string"),
    ("http_host", "string"),
    ("proxied", "bool"),
    ("client_fp", "string"),
    ("flipped", "bool"),
    ("resumed", "bool"),
    ("final", "bool"),
)
"""flowprint_conn.log: connections batch by batch, with the windows in which they had packets."""

FLOWPRINT_SSL_LOG: Columns = (
    ("ts", "time"),
    ("uid", "string"),
    ("server_name", "string"),
    ("version", "string"),
    ("cert_chain_fps", "vector[string]"),
    ("subject", "string"),
    ("issuer", "string"),
    ("cert_serial", "string"),
    ("resumed", "bool"),
)
"""flowprint_ssl.log: TLS handshakes."""

FLOWPRINT_ACK_LOG: Columns = (("ts", "time"), ("id", "string"), ("again", "bool"))
"""flowprint_ack.log: findings that Zeek raised."""

OUTBOX_PATH = "flowprint_outbox"
"""What the outbox calls itself."""

OUTBOX: Columns = (
    ("id", "string"),
    ("note", "enum"),
    ("uid", "string"),
    ("orig_h", "addr"),
    ("orig_p", "string"),
    ("resp_h", "addr"),
    ("resp_p", "string"),
    ("msg", "string"),
    ("sub", "string"),
    ("n", "count"),
    ("identifier", "string"),
    ("asked", "count"),
)
"""The outbox: findings that Zeek is to raise. Ports are text, with their protocol."""
