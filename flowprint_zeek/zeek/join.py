"""Rows of conn.log and what other logs say of the same connections."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.core.elements import printable
from flowprint_zeek.zeek.answers import DNS_COLUMNS
from flowprint_zeek.zeek.certificates import (
    FILES_COLUMNS,
    X509_COLUMNS,
    Certificates,
    CertificatesState,
)
from flowprint_zeek.zeek.columns import UNSET, as_frame, objects
from flowprint_zeek.zeek.leases import DHCP_COLUMNS
from flowprint_zeek.zeek.names import HTTP_COLUMNS, Naming, of_distinct
from flowprint_zeek.zeek.waiting import Waiting, WaitingState

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    import pandas as pd
    from numpy.typing import NDArray

CONN_COLUMNS = (
    "ts",
    "uid",
    "id.orig_h",
    "id.orig_p",
    "id.resp_h",
    "id.resp_p",
    "proto",
    "duration",
    "orig_bytes",
    "resp_bytes",
    "conn_state",
    "local_orig",
    "history",
    "resp_pkts",
    "vlan",
    "inner_vlan",
    "id.ctx.vlan",
    "id.ctx.inner_vlan",
    "orig_l2_addr",
)
"""What `conn_rows` needs of a conn.log."""

FLOWPRINT_CONN_COLUMNS = (
    *("ts", "uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p", "proto"),
    *("batch_start", "batch", "window", "windows", "orig_bytes", "resp_bytes"),
    *("local_orig", "answered", "flipped", "final"),
    *("cert_sha256", "server_name", "http_host", "proxied", "client_fp"),
    *("vlan", "inner_vlan", "id.ctx.vlan", "id.ctx.inner_vlan", "orig_l2_addr"),
)
"""What `flowprint_zeek.zeek.exported.exported_rows` needs of a flowprint_conn.log."""

SSL_COLUMNS = (
    *("ts", "uid", "server_name"),
    *("cert_chain_fps", "cert_chain_fuids", "cert_hash", "subject"),
    *("ja4", "ja3"),
)
"""What `TlsRows` needs of an ssl.log, of whatever Zeek or Bro."""

FLOWPRINT_SSL_COLUMNS = ("ts", "uid", "server_name", "cert_chain_fps", "subject", "cert_serial")
"""What `TlsRows` needs of a flowprint_ssl.log."""

QUIC_COLUMNS = ("ts", "uid", "server_name", "ja4")
"""What `TlsRows` needs of a quic.log."""

CAPTURE_LOSS_COLUMNS = ("ts", "ts_delta", "peer", "percent_lost")
"""What a pipeline needs of a capture_loss.log, to know when not to trust what it sees."""

COLUMNS: dict[str, tuple[str, ...]] = {
    "conn": CONN_COLUMNS,
    "flowprint_conn": FLOWPRINT_CONN_COLUMNS,
    "ssl": SSL_COLUMNS,
    "flowprint_ssl": FLOWPRINT_SSL_COLUMNS,
    "quic": QUIC_COLUMNS,
    "x509": X509_COLUMNS,
    "files": FILES_COLUMNS,
    "http": HTTP_COLUMNS,
    "dns": DNS_COLUMNS,
    "capture_loss": CAPTURE_LOSS_COLUMNS,
    "dhcp": DHCP_COLUMNS,
}
"""Kinds of logs that are read, and what of each."""

CONNECTIONS = ("conn", "flowprint_conn")
"""Kinds whose rows are connections; of the others each row tells something of one."""

NO_CONNECTIONS = f"no {' or '.join(CONNECTIONS)} log: nothing to fingerprint"
"""What is said where there is none of these."""

_UNANSWERED = ("S0", "REJ", "SH", "RSTOS0")
_MOST_BYTES = 1 << 61


def conn_rows(chunk: pd.DataFrame) -> pd.DataFrame:
    """Return connections as the batcher takes them.

    Rows without a time are left out.

    Parameters
    ----------
    chunk : DataFrame
        ``CONN_COLUMNS`` of a conn.log as read.

    Returns
    -------
    DataFrame
        ``uid``; ``start`` and ``end`` in µs, the same where no duration is known; ``orig_h``,
        ``orig_p``, ``resp_h``, ``resp_p``, ``proto``; ``n_bytes`` of both directions;
        ``local_orig`` (1, 0, -1 not said); ``answered`` (true where nothing tells); ``flipped``:
        Zeek swapped the sides; ``orig_l2_addr``; ``ctx``: VLANs as text, "" without.
    """
    chunk = timed(chunk)
    start = chunk["ts"].to_numpy()
    history = chunk["history"].tolist()
    return as_frame(
        {
            "uid": chunk["uid"].to_numpy(),
            "start": start,
            "end": start + np.maximum(chunk["duration"].to_numpy(), 0),
            **ends_of(chunk),
            "n_bytes": bytes_of(chunk["orig_bytes"]) + bytes_of(chunk["resp_bytes"]),
            "local_orig": chunk["local_orig"].to_numpy(),
            "answered": _answered(chunk),
            "flipped": np.array(of_distinct(lambda text: "^" in text, history), dtype=np.bool_),
            "orig_l2_addr": chunk["orig_l2_addr"].to_numpy(),
            "ctx": contexts(chunk),
        },
        len(chunk),
    )


def timed(chunk: pd.DataFrame) -> pd.DataFrame:
    """Return the rows that tell a time: mostly all of them, which are not copied then."""
    has_time = chunk["ts"].to_numpy() != UNSET
    return chunk if has_time.all() else chunk[has_time]


def ends_of(chunk: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return the ends of connections and their protocol, by their names in a flow table."""
    names = ("orig_h", "orig_p", "resp_h", "resp_p")
    ends = {name: chunk[f"id.{name}"].to_numpy() for name in names}
    return ends | {"proto": chunk["proto"].to_numpy()}


def bytes_of(column: pd.Series[int]) -> NDArray[np.int64]:
    """Return a column of bytes, 0 where it is unset."""
    return np.clip(column.to_numpy(), 0, _MOST_BYTES)


def _answered(chunk: pd.DataFrame) -> NDArray[np.bool_]:
    state = chunk["conn_state"].to_numpy()
    packets = chunk["resp_pkts"].to_numpy()
    size = chunk["resp_bytes"].to_numpy()
    by_bytes = (size == UNSET) | (size > 0)
    by_state = np.where(state == "", by_bytes, ~np.isin(state, objects(list(_UNANSWERED))))
    answered: NDArray[np.bool_] = np.where(
        packets == UNSET, by_state, (packets > 0) & (state != "REJ")
    )
    return answered


def contexts(chunk: pd.DataFrame) -> NDArray[Any]:
    """Return the VLANs of connections as text, "" without."""
    outer = _first_set(chunk["id.ctx.vlan"], chunk["vlan"])
    inner = _first_set(chunk["id.ctx.inner_vlan"], chunk["inner_vlan"])
    if (outer == UNSET).all() and (inner == UNSET).all():
        return np.full(len(chunk), "", dtype=object)
    pairs = list(zip(outer.tolist(), inner.tolist(), strict=True))
    return objects(of_distinct(_context, pairs))


def _first_set(first: pd.Series[int], second: pd.Series[int]) -> NDArray[np.int64]:
    return np.where(first.to_numpy() == UNSET, second.to_numpy(), first.to_numpy())


def _context(vlans: tuple[int, int]) -> str:
    return ".".join(str(vlan) for vlan in vlans if vlan != UNSET)


TlsRow = tuple[int, str, str, str, str]
"""Time, certificate, name, the file of a certificate that x509.log tells, client fingerprint."""

_NOTHING: TlsRow = (UNSET, "", "", "", "")


@dataclass(frozen=True, slots=True)
class TlsState:
    """What `TlsRows` hold."""

    ssl: WaitingState
    quic: WaitingState
    certificates: CertificatesState
    by_file: bool
    clients: bool
    handshakes: WaitingState = field(default_factory=WaitingState)


class TlsRows:
    """What ssl.log and others said of connections whose conn.log row is still to come.

    Of several rows of one connection the first by time, then certificate, then name counts, in
    whatever order they arrive. Certificates in files are looked up together with the connection,
    so x509.log may come after ssl.log, or in another hour's file.

    Parameters
    ----------
    limit : int, default 1000000
        Rows of each log that `expire` keeps; see `Waiting` and `Certificates`.
    deny : collection of str, default none
        Normalised server names that strangers share, such as ``cloudflare-ech.com``: no names. A
        leading dot stands for every subdomain.

    Attributes
    ----------
    certificates : Certificates
        What x509.log and files.log said.
    by_file : bool
        Whether a connection named its certificate by the file it came in.
    """

    def __init__(self, limit: int = 1_000_000, deny: Collection[str] = ()) -> None:
        self.certificates = Certificates(limit)
        self.by_file = False
        self._naming = Naming(deny)
        self._clients = False
        self._ssl: Waiting[TlsRow] = Waiting(limit)
        self._quic: Waiting[tuple[int, str, str]] = Waiting(limit)
        self._handshakes: Waiting[tuple[int, str, str]] = Waiting(limit)

    def __len__(self) -> int:
        return len(self._ssl)

    def state(self) -> TlsState:
        """Return what they hold, to go on from."""
        return TlsState(
            self._ssl.state(),
            self._quic.state(),
            self.certificates.state(),
            self.by_file,
            self._clients,
            self._handshakes.state(),
        )

    def restore(self, state: TlsState) -> None:
        """Hold what `state` returned."""
        self._ssl.restore(state.ssl)
        self._quic.restore(state.quic)
        self.certificates.restore(state.certificates)
        self.by_file = state.by_file
        self._clients = state.clients
        self._handshakes.restore(state.handshakes)

    def take(self, kind: str, chunk: pd.DataFrame) -> None:
        """Take rows of a log of some kind in, as read with the ``COLUMNS`` of the kind."""
        {
            "ssl": self.add,
            "quic": self.add_quic,
            "flowprint_ssl": self.add_handshakes,
            "x509": self.certificates.add_x509,
            "files": self.certificates.add_files,
        }[kind](chunk)

    @property
    def dropped(self) -> int:
        """Rows that went because of the limit."""
        waiting = self._ssl.dropped + self._quic.dropped + self._handshakes.dropped
        return waiting + self.certificates.dropped

    def add(self, chunk: pd.DataFrame) -> None:
        """Take rows in.

        Parameters
        ----------
        chunk : DataFrame
            ``SSL_COLUMNS`` of an ssl.log as read. Rows without uid are left out.
        """
        ts = chunk["ts"].tolist()
        prints = of_distinct(_leaf, chunk["cert_chain_fps"].tolist())
        files = of_distinct(_leaf, chunk["cert_chain_fuids"].tolist())
        hashes = of_distinct(_md5, chunk["cert_hash"].tolist())
        names = of_distinct(self._naming, chunk["server_name"].tolist())
        self.by_file |= any(files)
        if any(hashes):
            self.certificates.add_subjects(ts, hashes, chunk["subject"].tolist())
        clients = self._told(chunk["ja4"].tolist(), chunk["ja3"].tolist())
        rows = [
            (at, one or ("" if file else old), name, "" if one else file, client)
            for at, one, file, old, name, client in zip(
                ts, prints, files, hashes, names, clients, strict=True
            )
        ]
        self._ssl.add(chunk["uid"].tolist(), rows)

    def add_quic(self, chunk: pd.DataFrame) -> None:
        """Take rows of quic.log: ``QUIC_COLUMNS`` as read."""
        ts, names = chunk["ts"].tolist(), of_distinct(self._naming, chunk["server_name"].tolist())
        clients = self._told(chunk["ja4"].tolist(), [""] * len(chunk))
        self._quic.add(chunk["uid"].tolist(), list(zip(ts, names, clients, strict=True)))

    def add_handshakes(self, chunk: pd.DataFrame) -> None:
        """Take rows of flowprint_ssl.log: ``FLOWPRINT_SSL_COLUMNS`` as read."""
        ts, names = chunk["ts"].tolist(), of_distinct(self._naming, chunk["server_name"].tolist())
        prints = of_distinct(_leaf, chunk["cert_chain_fps"].tolist())
        self._handshakes.add(chunk["uid"].tolist(), list(zip(ts, prints, names, strict=True)))
        subjects, serials = chunk["subject"].tolist(), chunk["cert_serial"].tolist()
        self.certificates.add_described(prints, subjects, serials)

    def _told(self, ja4: Sequence[str], ja3: Sequence[str]) -> Sequence[str]:
        """Return the client fingerprints of rows."""
        if not any(ja4) and not any(ja3):
            return [""] * len(ja4)
        self._clients = True
        return of_distinct(_client, list(zip(ja4, ja3, strict=True)))

    def look_up(self, uids: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any], NDArray[Any]]:
        """Return certificates, server names and client fingerprints of connections, "" without.

        A QUIC connection has rows in ssl.log and quic.log; what one does not tell is that of the
        other. flowprint_ssl.log tells what is still missing then.

        Parameters
        ----------
        uids : array of str
            Connections.
        """
        rows = self._ssl.look_up(uids.tolist(), _NOTHING)
        certificates = objects(list(map(itemgetter(1), rows)))
        names = objects(list(map(itemgetter(2), rows)))
        if self.by_file:
            files = objects(list(map(itemgetter(3), rows)))
            at = np.flatnonzero(files != "")
            certificates[at] = self.certificates.in_files(files[at])
        clients = objects(list(map(itemgetter(4), rows) if self._clients else [""] * len(rows)))
        _complete((names, clients), self._quic, uids)
        _complete((certificates, names), self._handshakes, uids)
        return certificates, names, clients

    def forget(self, uids: Iterable[str]) -> None:
        """Drop the rows of connections that are done with."""
        done = list(uids)
        if self.by_file:
            rows = self._ssl.look_up(done, _NOTHING)
            self.certificates.forget(map(itemgetter(3), rows))
        self._ssl.forget(done)
        self._quic.forget(done)
        self._handshakes.forget(done)

    def expire(self, before: int) -> None:
        """Drop rows from before a time, µs since the epoch, and the oldest beyond the limit."""
        self._ssl.expire(before)
        self._quic.expire(before)
        self._handshakes.expire(before)
        self.certificates.expire(before)


def _complete(
    columns: tuple[NDArray[Any], NDArray[Any]],
    waiting: Waiting[tuple[int, str, str]],
    uids: NDArray[Any],
) -> None:
    """Put what waiting rows tell of connections into two columns, where these are ""."""
    if waiting:
        rows = waiting.look_up(uids.tolist(), (UNSET, "", ""))
        for place, column in enumerate(columns, start=1):
            at = np.flatnonzero(column == "")
            column[at] = objects(list(map(itemgetter(place), rows)))[at]


def _leaf(chain: tuple[str, ...]) -> str:
    return sys.intern(chain[0]) if chain else ""


def _md5(cert_hash: str) -> str:
    return sys.intern(f"md5:{cert_hash}") if cert_hash else ""


def _client(prints: tuple[str, str]) -> str:
    ja4, ja3 = prints
    return sys.intern(printable(f"ja4:{ja4}" if ja4 else f"ja3:{ja3}" if ja3 else ""))
