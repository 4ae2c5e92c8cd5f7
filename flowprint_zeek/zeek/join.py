"""Rows of conn.log and what ssl.log says of the same connections."""

from __future__ import annotations

import sys
from collections import deque
from itertools import repeat
from operator import itemgetter
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.core.elements import normalise_name
from flowprint_zeek.zeek.columns import UNSET, as_frame, objects

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable

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

SSL_COLUMNS = ("ts", "uid", "server_name", "cert_chain_fps")
"""What `TlsRows` needs of an ssl.log."""

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
    chunk = chunk[chunk["ts"] != UNSET]
    start = chunk["ts"].to_numpy()
    history = chunk["history"].tolist()
    return as_frame(
        {
            "uid": chunk["uid"].to_numpy(),
            "start": start,
            "end": start + np.maximum(chunk["duration"].to_numpy(), 0),
            "orig_h": chunk["id.orig_h"].to_numpy(),
            "orig_p": chunk["id.orig_p"].to_numpy(),
            "resp_h": chunk["id.resp_h"].to_numpy(),
            "resp_p": chunk["id.resp_p"].to_numpy(),
            "proto": chunk["proto"].to_numpy(),
            "n_bytes": _bytes(chunk["orig_bytes"]) + _bytes(chunk["resp_bytes"]),
            "local_orig": chunk["local_orig"].to_numpy(),
            "answered": _answered(chunk),
            "flipped": np.array(_of_distinct(lambda text: "^" in text, history), dtype=np.bool_),
            "orig_l2_addr": chunk["orig_l2_addr"].to_numpy(),
            "ctx": _contexts(chunk),
        },
        len(chunk),
    )


def _bytes(column: pd.Series[int]) -> NDArray[np.int64]:
    return np.clip(column.to_numpy(), 0, _MOST_BYTES)


def _of_distinct(function: Callable[[Any], Any], values: list[Any]) -> list[Any]:
    """Return a function of each value, computed once for equal ones."""
    known = {value: function(value) for value in dict.fromkeys(values)}
    return list(map(known.__getitem__, values))


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


def _contexts(chunk: pd.DataFrame) -> NDArray[Any]:
    outer = _first_set(chunk["id.ctx.vlan"], chunk["vlan"])
    inner = _first_set(chunk["id.ctx.inner_vlan"], chunk["inner_vlan"])
    pairs = list(zip(outer.tolist(), inner.tolist(), strict=True))
    return objects(_of_distinct(_context, pairs))


def _first_set(first: pd.Series[int], second: pd.Series[int]) -> NDArray[np.int64]:
    return np.where(first.to_numpy() == UNSET, second.to_numpy(), first.to_numpy())


def _context(vlans: tuple[int, int]) -> str:
    return ".".join(str(vlan) for vlan in vlans if vlan != UNSET)


TlsRow = tuple[int, str, str]

_NOTHING: TlsRow = (UNSET, "", "")


class TlsRows:
    """What ssl.log said of connections whose conn.log row is still to come.

    Of several rows of one connection the first by time, then certificate, then name counts, in
    whatever order they arrive.

    Parameters
    ----------
    limit : int, default 1000000
        Rows that `expire` keeps. Of more, the oldest go until seven eighths of the limit are
        left, so that making room costs little a row.
    deny : collection of str, default none
        Normalised server names that strangers share, such as ``cloudflare-ech.com``: no names. A
        leading dot stands for every subdomain.

    Attributes
    ----------
    dropped : int
        Rows that went because of the limit.
    """

    def __init__(self, limit: int = 1_000_000, deny: Collection[str] = ()) -> None:
        self.limit = limit
        self.dropped = 0
        self._deny = frozenset(deny)
        self._deny_below = tuple(name for name in deny if name.startswith("."))
        self._rows: dict[str, TlsRow] = {}
        self._horizon = UNSET
        self._swept = 0

    def __len__(self) -> int:
        self._sweep()
        return len(self._rows)

    def add(self, chunk: pd.DataFrame) -> None:
        """Take rows in.

        Parameters
        ----------
        chunk : DataFrame
            ``SSL_COLUMNS`` of an ssl.log as read. Rows without uid are left out.
        """
        uids = chunk["uid"].tolist()
        chains = _of_distinct(_leaf, chunk["cert_chain_fps"].tolist())
        names = _of_distinct(self._name, chunk["server_name"].tolist())
        rows = list(zip(chunk["ts"].tolist(), chains, names, strict=True))
        fresh = dict(zip(uids, rows, strict=True))
        if len(fresh) < len(uids):
            latest_first = sorted(zip(rows, uids, strict=True), reverse=True)
            fresh = {uid: row for row, uid in latest_first}
        fresh.pop("", None)
        for uid in fresh.keys() & self._rows.keys():
            fresh[uid] = min(fresh[uid], self._rows[uid])
        self._rows.update(fresh)

    def _name(self, server_name: str) -> str:
        name = sys.intern(normalise_name(server_name))
        return "" if name in self._deny or name.endswith(self._deny_below) else name

    def look_up(self, uids: NDArray[Any]) -> tuple[NDArray[Any], NDArray[Any]]:
        """Return the certificates and names of connections, "" without.

        Parameters
        ----------
        uids : array of str
            Connections.
        """
        rows = list(map(self._rows.get, uids.tolist(), repeat(_NOTHING)))
        certificates = objects(list(map(itemgetter(1), rows)))
        names = objects(list(map(itemgetter(2), rows)))
        gone = np.fromiter(map(itemgetter(0), rows), np.int64, len(rows)) < self._horizon
        certificates[gone] = ""
        names[gone] = ""
        return certificates, names

    def forget(self, uids: Iterable[str]) -> None:
        """Drop the rows of connections that are done with."""
        deque(map(self._rows.pop, uids, repeat(None)), maxlen=0)

    def expire(self, before: int) -> None:
        """Drop rows from before a time, µs since the epoch, and the oldest beyond the limit.

        Only here rows go because of the limit: what goes depends on what has arrived by the time
        of the call, not on how it was read.
        """
        self._horizon = max(self._horizon, before)
        # They are invisible at once; clearing them out waits until it pays.
        if len(self._rows) > 2 * self._swept:
            self._sweep()
        if len(self._rows) > self.limit:
            self._make_room()

    def _times(self) -> NDArray[np.int64]:
        return np.fromiter(map(itemgetter(0), self._rows.values()), np.int64, len(self._rows))

    def _sweep(self) -> None:
        old = self._times() < self._horizon
        self.forget(objects(list(self._rows))[old].tolist())
        self._swept = len(self._rows)

    def _make_room(self) -> None:
        self._sweep()
        excess = len(self._rows) - (self.limit - self.limit // 8)
        if len(self._rows) <= self.limit:
            return
        times = self._times()
        uids = objects(list(self._rows))
        edge = np.partition(times, excess - 1)[excess - 1]
        oldest: list[str] = uids[times < edge].tolist()
        oldest += sorted(uids[times == edge].tolist())[: excess - len(oldest)]
        self.forget(oldest)
        self.dropped += len(oldest)


def _leaf(chain: tuple[str, ...]) -> str:
    return sys.intern(chain[0]) if chain else ""
