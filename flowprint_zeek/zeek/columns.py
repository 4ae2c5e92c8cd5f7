"""Columns of the logs that are read and written, and what a column of each Zeek type holds.

==============================  =========  ===============  =====================================
Zeek type                       dtype      unset            holds
==============================  =========  ===============  =====================================
``time``, ``interval``          int64      ``UNSET``        microseconds
``count``, ``int``, ``port``    int64      ``UNSET``        the number
``bool``                        int8       -1               1 or 0
``double``                      float64    NaN              the number
``set[...]``, ``vector[...]``   object     ``()``           tuples of text; also when empty
all others                      object     ``""``           text; also when empty
==============================  =========  ===============  =====================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd

from flowprint_zeek.zeek.ownlogs import (
    ENDS,
    FLOWPRINT_ACK_LOG,
    FLOWPRINT_CONN_LOG,
    FLOWPRINT_LOG,
    FLOWPRINT_SSL_LOG,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

UNSET = int(np.iinfo(np.int64).min)
"""Stands for an unset time, interval, count, int or port."""

Columns = tuple[tuple[str, str], ...]
"""Names and Zeek types, in the order of the log."""

Storage = Literal["micros", "number", "port", "bool", "double", "text", "addr", "tuple"]

CONN_LOG: Columns = (
    ("ts", "time"),
    ("uid", "string"),
    *ENDS,
    ("proto", "enum"),
    ("service", "string"),
    ("duration", "interval"),
    ("orig_bytes", "count"),
    ("resp_bytes", "count"),
    ("conn_state", "string"),
    ("local_orig", "bool"),
    ("local_resp", "bool"),
    ("missed_bytes", "count"),
    ("history", "string"),
    ("orig_pkts", "count"),
    ("orig_ip_bytes", "count"),
    ("resp_pkts", "count"),
    ("resp_ip_bytes", "count"),
    ("tunnel_parents", "set[string]"),
    ("ip_proto", "count"),
)
"""conn.log of Zeek 7.1 and later."""

SSL_LOG: Columns = (
    ("ts", "time"),
    ("uid", "string"),
    *ENDS,
    ("version", "string"),
    ("cipher", "string"),
    ("curve", "string"),
    ("server_name", "string"),
    ("resumed", "bool"),
    ("last_alert", "string"),
    ("next_protocol", "string"),
    ("established", "bool"),
    ("ssl_history", "string"),
    ("cert_chain_fps", "vector[string]"),
    ("client_cert_chain_fps", "vector[string]"),
    ("sni_matches_cert", "bool"),
)
"""ssl.log of Zeek 4.1 and later."""

X509_LOG: Columns = (
    ("ts", "time"),
    ("fingerprint", "string"),
    ("certificate.version", "count"),
    ("certificate.serial", "string"),
    ("certificate.subject", "string"),
    ("certificate.issuer", "string"),
    ("certificate.not_valid_before", "time"),
    ("certificate.not_valid_after", "time"),
    ("certificate.key_alg", "string"),
    ("certificate.sig_alg", "string"),
    ("certificate.key_type", "string"),
    ("certificate.key_length", "count"),
    ("certificate.exponent", "string"),
    ("certificate.curve", "string"),
    ("san.dns", "vector[string]"),
    ("san.uri", "vector[string]"),
    ("san.email", "vector[string]"),
    ("san.ip", "vector[addr]"),
    ("basic_constraints.ca", "bool"),
    ("basic_constraints.path_len", "count"),
    ("host_cert", "bool"),
    ("client_cert", "bool"),
)
"""x509.log of Zeek 4.1 and later."""

NOTICE_LOG: Columns = (
    ("ts", "time"),
    ("uid", "string"),
    *ENDS,
    ("fuid", "string"),
    ("file_mime_type", "string"),
    ("file_desc", "string"),
    ("proto", "enum"),
    ("note", "enum"),
    ("msg", "string"),
    ("sub", "string"),
    ("src", "addr"),
    ("dst", "addr"),
    ("p", "port"),
    ("n", "count"),
    ("peer_descr", "string"),
    ("actions", "set[enum]"),
    ("email_dest", "set[string]"),
    ("suppress_for", "interval"),
    ("remote_location.country_code", "string"),
    ("remote_location.region", "string"),
    ("remote_location.city", "string"),
    ("remote_location.latitude", "double"),
    ("remote_location.longitude", "double"),
)
"""notice.log of Zeek 4.1 and later; consumers know these 26 columns by their position."""

HTTP_LOG: Columns = (
    ("ts", "time"),
    ("uid", "string"),
    *ENDS,
    ("trans_depth", "count"),
    ("method", "string"),
    ("host", "string"),
    ("uri", "string"),
    ("referrer", "string"),
    ("version", "string"),
    ("user_agent", "string"),
    ("origin", "string"),
    ("request_body_len", "count"),
    ("response_body_len", "count"),
    ("status_code", "count"),
    ("status_msg", "string"),
    ("info_code", "count"),
    ("info_msg", "string"),
    ("tags", "set[enum]"),
    ("username", "string"),
    ("password", "string"),
    ("proxied", "set[string]"),
    ("orig_fuids", "vector[string]"),
    ("orig_filenames", "vector[string]"),
    ("orig_mime_types", "vector[string]"),
    ("resp_fuids", "vector[string]"),
    ("resp_filenames", "vector[string]"),
    ("resp_mime_types", "vector[string]"),
)

DNS_LOG: Columns = (
    ("ts", "time"),
    ("uid", "string"),
    *ENDS,
    ("proto", "enum"),
    ("trans_id", "count"),
    ("rtt", "interval"),
    ("query", "string"),
    ("qclass", "count"),
    ("qclass_name", "string"),
    ("qtype", "count"),
    ("qtype_name", "string"),
    ("rcode", "count"),
    ("rcode_name", "string"),
    ("AA", "bool"),
    ("TC", "bool"),
    ("RD", "bool"),
    ("RA", "bool"),
    ("Z", "count"),
    ("answers", "vector[string]"),
    ("TTLs", "vector[interval]"),
    ("rejected", "bool"),
)

QUIC_LOG: Columns = (
    ("ts", "time"),
    ("uid", "string"),
    *ENDS,
    ("version", "string"),
    ("client_initial_dcid", "string"),
    ("client_scid", "string"),
    ("server_scid", "string"),
    ("server_name", "string"),
    ("client_protocol", "string"),
    ("history", "string"),
)
"""quic.log of Zeek 6.2 and later; that of 6.1 lacks ``client_scid``."""

DHCP_LOG: Columns = (
    ("ts", "time"),
    ("uids", "set[string]"),
    ("client_addr", "addr"),
    ("server_addr", "addr"),
    ("mac", "string"),
    ("host_name", "string"),
    ("client_fqdn", "string"),
    ("domain", "string"),
    ("requested_addr", "addr"),
    ("assigned_addr", "addr"),
    ("lease_time", "interval"),
    ("client_message", "string"),
    ("server_message", "string"),
    ("msg_types", "vector[string]"),
    ("duration", "interval"),
)
"""dhcp.log since Bro 2.6: ``assigned_addr`` is of the host ``mac``, which calls itself
``host_name``. Before, it has ``uid`` and ``id.*``, ``mac`` and ``assigned_ip``, and no names."""

FILES_LOG: Columns = (
    ("ts", "time"),
    ("fuid", "string"),
    ("uid", "string"),
    *ENDS,
    ("source", "string"),
    ("depth", "count"),
    ("analyzers", "set[string]"),
    ("mime_type", "string"),
    ("filename", "string"),
    ("duration", "interval"),
    ("local_orig", "bool"),
    ("is_orig", "bool"),
    ("seen_bytes", "count"),
    ("total_bytes", "count"),
    ("missing_bytes", "count"),
    ("overflow_bytes", "count"),
    ("timedout", "bool"),
    ("parent_fuid", "string"),
    ("md5", "string"),
    ("sha1", "string"),
    ("sha256", "string"),
    ("extracted", "string"),
    ("extracted_cutoff", "bool"),
    ("extracted_size", "count"),
)
"""files.log of Zeek 5.1 and later; before, it has sets of hosts and uids for ``uid`` and ``id.*``.
"""

CAPTURE_LOSS_LOG: Columns = (
    ("ts", "time"),
    ("ts_delta", "interval"),
    ("peer", "string"),
    ("gaps", "count"),
    ("acks", "count"),
    ("percent_lost", "double"),
)

_CONN_EXTRA: Columns = (
    ("vlan", "int"),
    ("inner_vlan", "int"),
    ("id.ctx.vlan", "int"),
    ("id.ctx.inner_vlan", "int"),
    ("orig_l2_addr", "string"),
    ("resp_l2_addr", "string"),
    ("community_id", "string"),
)
_SSL_EXTRA: Columns = (
    ("cert_chain_fuids", "vector[string]"),
    ("client_cert_chain_fuids", "vector[string]"),
    ("cert_hash", "string"),
    ("subject", "string"),
    ("issuer", "string"),
    ("validation_status", "string"),
    ("ja3", "string"),
    ("ja3s", "string"),
    ("ja4", "string"),
)
_QUIC_EXTRA: Columns = (("ja4", "string"),)

_DNS_EXTRA: Columns = (
    ("opcode", "count"),
    ("opcode_name", "string"),
    ("auth", "set[string]"),
    ("addl", "set[string]"),
)
_DHCP_EXTRA: Columns = (
    ("uid", "string"),
    *ENDS,
    ("assigned_ip", "addr"),
    ("trans_id", "count"),
)
_FILES_EXTRA: Columns = (
    ("tx_hosts", "set[addr]"),
    ("rx_hosts", "set[addr]"),
    ("conn_uids", "set[string]"),
)

_TYPES: Mapping[str, Mapping[str, str]] = {
    "conn": dict(CONN_LOG + _CONN_EXTRA),
    "ssl": dict(SSL_LOG + _SSL_EXTRA),
    "x509": dict((*X509_LOG, ("id", "string"))),
    "notice": dict(NOTICE_LOG),
    "http": dict(HTTP_LOG),
    "dns": dict(DNS_LOG + _DNS_EXTRA),
    "quic": dict(QUIC_LOG + _QUIC_EXTRA),
    "dhcp": dict(DHCP_LOG + _DHCP_EXTRA),
    "files": dict(FILES_LOG + _FILES_EXTRA),
    "capture_loss": dict(CAPTURE_LOSS_LOG),
    "flowprint": dict(FLOWPRINT_LOG),
    "flowprint_conn": dict(FLOWPRINT_CONN_LOG + _CONN_EXTRA),
    "flowprint_ssl": dict(FLOWPRINT_SSL_LOG + _SSL_EXTRA),
    "flowprint_ack": dict(FLOWPRINT_ACK_LOG),
}
_GENERAL: Mapping[str, str] = {"ts": "time", "uid": "string", **dict(ENDS)}

INTERIM = {"conn_long": "conn", "open_conn": "conn", "open_ssl": "ssl", "open_http": "http"}
"""Kinds that repeat connections still open, and the kind whose columns they have."""

KINDS = frozenset(_TYPES)
"""Kinds whose columns are known."""


def standard_types(kind: str) -> Mapping[str, str]:
    """Return the Zeek types of a log kind's usual columns, by name."""
    return _TYPES.get(INTERIM.get(kind, kind), _GENERAL)


def underscored(name: str) -> str:
    """Return a column's name as sites write it whose scope separator is ``_``."""
    return name.replace(".", "_")


_STORAGE: dict[str, Storage] = {
    "time": "micros",
    "interval": "micros",
    "count": "number",
    "int": "number",
    "port": "port",
    "bool": "bool",
    "double": "double",
    "addr": "addr",
}


def storage(zeek_type: str) -> Storage:
    """Return how values of a Zeek type are held in a column."""
    if zeek_type.endswith("]"):
        return "tuple"
    return _STORAGE.get(zeek_type, "text")


def objects(values: Sequence[object]) -> NDArray[Any]:
    """Return a one-dimensional object array, also of tuples of equal length."""
    return np.fromiter(values, dtype=object, count=len(values))


def unset_column(kept: Storage, rows: int) -> NDArray[Any]:
    """Return a column of unset values."""
    if kept in {"micros", "number", "port"}:
        return np.full(rows, UNSET, dtype=np.int64)
    if kept == "bool":
        return np.full(rows, -1, dtype=np.int8)
    if kept == "double":
        return np.full(rows, np.nan)
    return objects([() if kept == "tuple" else ""] * rows)


def as_frame(columns: Mapping[str, NDArray[Any]], rows: int) -> pd.DataFrame:
    """Return columns as a frame that keeps their dtypes."""
    # Given as arrays, pandas 3 would turn text into its own type, which cannot hold surrogates.
    kept = {
        name: pd.Series(values, dtype=values.dtype, copy=False) for name, values in columns.items()
    }
    return pd.DataFrame(kept, index=pd.RangeIndex(rows), copy=False)


def joined(frames: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Return frames with the same columns as one that keeps their dtypes."""
    if len(frames) == 1:
        return frames[0]
    columns = {
        str(name): np.concatenate([frame[name].to_numpy() for frame in frames])
        for name in frames[0]
    }
    return as_frame(columns, sum(map(len, frames)))
