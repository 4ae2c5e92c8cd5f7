"""Recordings: the logs of a capture or of a network, with all of their columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.config import Config
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.devices import Selector
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.configured import selection_of
from flowprint_zeek.zeek.columns import (
    CONN_LOG,
    DNS_LOG,
    HTTP_LOG,
    QUIC_LOG,
    SSL_LOG,
    UNSET,
    X509_LOG,
    as_frame,
    standard_types,
    storage,
    unset_column,
)
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.join import conn_rows
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from flowprint_zeek.core.arrays import Bools, Ints
    from flowprint_zeek.zeek.columns import Columns
    from flowprint_zeek.zeek.files import LogFile

LOGS: dict[str, Columns] = {
    "conn": CONN_LOG,
    "ssl": SSL_LOG,
    "x509": X509_LOG,
    "http": HTTP_LOG,
    "dns": DNS_LOG,
    "quic": QUIC_LOG,
}
"""Kinds of logs that a recording has, and the columns that Zeek writes of each by default."""


@dataclass(frozen=True)
class Recording:
    """Logs of a capture or of a network, and the device that they are of.

    Parameters
    ----------
    label : str
        What the device does in it.
    device : str
        Its address.
    logs : mapping of str to DataFrame
        Rows of each kind in `LOGS` with every column that is known of the kind, in the order of
        the files.
    logged : ndarray of shape (n_conn,)
        Earliest time at which each row of conn can have been logged, µs: Zeek logs a connection
        when it is over, so none before the one above it ended.
    """

    label: str
    device: str
    logs: Mapping[str, pd.DataFrame]
    logged: Ints

    @cached_property
    def own(self) -> Bools:
        """Which connections the device has a part in, of shape (n_conn,)."""
        conn = self.logs["conn"]
        own: Bools = (
            (conn["id.orig_h"] == self.device) | (conn["id.resp_h"] == self.device)
        ).to_numpy()
        return own

    @cached_property
    def connection(self) -> dict[str, Ints]:
        """Row of conn that each row of ssl, http, dns and quic tells of, -1 for none."""
        row = {uid: at for at, uid in enumerate(self.logs["conn"]["uid"].tolist()) if uid}
        return {
            kind: ints([row.get(uid, -1) for uid in self.logs[kind]["uid"].tolist()])
            for kind in LOGS.keys() - {"conn", "x509"}
        }

    @cached_property
    def start(self) -> int:
        """Start of the device's first connection, µs."""
        return int(self.logs["conn"]["ts"][self.own].min())

    @cached_property
    def end(self) -> int:
        """End of the device's last connection, µs."""
        return int(ends(self.logs["conn"])[self.own].max())


def read_recording(
    paths: Sequence[str | Path], label: str, device: str = "", *, stats: ReadStats
) -> Recording:
    """Read a recording.

    Parameters
    ----------
    paths : sequence of str or Path
        Files, patterns, folders.
    label : str
        What it is of.
    device : str, default ""
        Address of the device; "" for that of `busiest`.
    stats : ReadStats
        Gets rows, damaged lines and problems.

    Raises
    ------
    LogError
        A path is no log, there is no conn log, or it has no connection of the device.
    """
    files = find_logs(paths, LOGS)
    place = ", ".join(map(str, paths))
    if not any(file.kind == "conn" for file in files):
        raise LogError("no conn log", path=place)
    parts = {kind: [_rows(file, stats) for file in files if file.kind == kind] for kind in LOGS}
    logged = np.concatenate([np.maximum.accumulate(ends(part)) for part in parts["conn"]])
    logs = {
        kind: pd.concat([_none(kind), *part], ignore_index=True) for kind, part in parts.items()
    }
    recording = Recording(label, device or busiest(logs["conn"]), logs, ints(logged))
    if not recording.own.any():
        raise LogError(f"no connection of {device or 'a local host'}", path=place)
    return recording


def busiest(conn: pd.DataFrame) -> str:
    """Return the local host that opens most connections, "" without any; ties to the lowest."""
    flows = Selector(selection_of(Config())).select(conn_rows(conn))
    counts = Counter(flows["orig_h"].tolist())
    return min(counts, key=lambda address: (-counts[address], address), default="")


def ends(conn: pd.DataFrame) -> Ints:
    """Return the end of each row of a conn.log, µs."""
    return ints(conn["ts"]) + np.maximum(ints(conn["duration"]), 0)


def _none(kind: str) -> pd.DataFrame:
    types = standard_types(kind)
    return as_frame({name: unset_column(storage(of), 0) for name, of in types.items()}, 0)


def _rows(file: LogFile, stats: ReadStats) -> pd.DataFrame:
    """Return the rows of a log that tell their time."""
    chunks = read_chunks(file, list(standard_types(file.kind)), stats=stats)
    rows = pd.concat([_none(file.kind), *chunks], ignore_index=True)
    return rows[rows["ts"] != UNSET].reset_index(drop=True)
