"""What the Zeek package would have logged of simulated connections.

The simulator knows when a connection begins and ends and how much it carries. In which windows
between it had packets is made up: in the first and the last, and in a share of the others.
"""

from __future__ import annotations

from ipaddress import ip_address
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.analysis.network import Stream
from flowprint_zeek.analysis.wire import log_times
from flowprint_zeek.core.batch import windows_between
from flowprint_zeek.core.devices import is_group
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.zeek.columns import as_frame, objects, storage, unset_column
from flowprint_zeek.zeek.names import of_distinct
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_CONN_LOG, FLOWPRINT_SSL_LOG

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from flowprint_zeek.analysis.simulate import Simulated
    from flowprint_zeek.core.arrays import Bools, Ints, Texts
    from flowprint_zeek.zeek.columns import Columns

BATCH, WINDOW = 300 * SECOND, 30 * SECOND
"""Widths that the Zeek package has by default, µs."""

BUSY = 0.25
"""Share of the windows between the first and the last in which a connection has packets."""

_TOTALS = ("orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts")


def connections(simulated: Simulated) -> tuple[pd.DataFrame, Ints]:
    """Return flowprint_conn.log in the order in which Zeek logs it, and when it logs each row, µs.

    Memory grows with the windows in which connections live, 10 bytes for each.
    """
    conn, stop = simulated.conn, simulated.network.end
    told = conn["local_orig"].to_numpy() == 1
    told &= np.isin(conn["proto"].to_numpy(), ["tcp", "udp"])
    told &= ~np.array(of_distinct(_of_many, conn["id.resp_h"].tolist()), dtype=np.bool_)
    removed = log_times(conn, stop)[told]
    conn = conn[told].reset_index(drop=True)
    row, window, last = _active(simulated, conn)
    number = window * WINDOW // BATCH
    new = np.append([True], (np.diff(row) != 0) | (np.diff(number) != 0)) if row.size else row > 0
    first = np.flatnonzero(new)
    of, batch_end = row[first], (number[first] + 1) * BATCH
    ends = np.append(first[1:], row.size) - 1
    # A connection that Zeek removes later was told of when the batch ended.
    final = last[ends] & (removed[of] <= batch_end)
    logged = np.where(final, removed[of], np.minimum(batch_end, stop))
    size = np.bincount(row, minlength=len(conn))
    done = np.append(0, np.cumsum(size))
    columns = {
        **_beside(simulated, conn, of),
        "batch_start": batch_end - BATCH,
        "batch": np.full(of.size, BATCH),
        "window": np.full(of.size, WINDOW),
        "windows": _windows(window - number * (BATCH // WINDOW), first),
        "final": final.astype(np.int8),
    }
    for name in _TOTALS:
        total = np.maximum(conn[name].to_numpy(), 0)[of]
        before, after = first - done[of], ends + 1 - done[of]
        columns[name] = total * after // size[of] - total * before // size[of]
    order = np.lexsort((columns["uid"].astype(str), logged))
    frame = _frame(columns, FLOWPRINT_CONN_LOG, of.size)
    return frame.iloc[order].reset_index(drop=True), logged[order]


def handshakes(simulated: Simulated) -> pd.DataFrame:
    """Return flowprint_ssl.log in the order in which Zeek logs it."""
    ssl = simulated.ssl
    columns = {name: ssl[name].to_numpy() for name, _ in FLOWPRINT_SSL_LOG if name in ssl}
    prints = _leaves(ssl)
    for name, said in (("subject", "subject"), ("issuer", "issuer"), ("cert_serial", "serial")):
        known = _certificates(simulated, f"certificate.{said}")
        columns[name] = objects([known.get(one, "") for one in prints])
    return _frame(columns, FLOWPRINT_SSL_LOG, len(ssl))


def _of_many(address: str) -> bool:
    return is_group(ip_address(address))


def _active(simulated: Simulated, conn: pd.DataFrame) -> tuple[Ints, Ints, Bools]:
    """Return rows and windows in which they had packets, by row, and which are the last of one."""
    start = conn["ts"].to_numpy()
    end = start + np.maximum(conn["duration"].to_numpy(), 0)
    row, window = windows_between(start, end, WINDOW, 0, "interval")
    last = window == (end // WINDOW)[row]
    chance = simulated.network.stream(Stream.EXPORTED).random(row.size)
    kept = (window == (start // WINDOW)[row]) | last | (chance < BUSY)
    return row[kept], window[kept], last[kept]


def _windows(numbers: Ints, first: Ints) -> Texts:
    """Return the windows of runs of numbers as a log has them."""
    runs = [tuple(one.tolist()) for one in np.split(numbers, first[1:])]
    return objects(of_distinct(lambda run: tuple(map(str, run)), runs))


def _beside(simulated: Simulated, conn: pd.DataFrame, of: Ints) -> dict[str, NDArray[Any]]:
    """Return what is told of rows of conn.log as often as they are told of."""
    uid = conn["uid"].to_numpy()
    ssl, http = simulated.ssl, simulated.http
    prints = _by_uid(uid, ssl["uid"], _leaves(ssl))
    serials = _certificates(simulated, "certificate.serial")
    shown = ssl["ja4"].tolist() if "ja4" in ssl else [""] * len(ssl)
    clients = [f"ja4:{one}" if one else "" for one in shown]
    answered = (conn["resp_pkts"] > 0) & (conn["conn_state"] != "REJ")
    handshaken = _by_uid(uid, ssl["uid"], ssl["resumed"].tolist(), -1)
    columns = {
        **{name: conn[name].to_numpy() for name, _ in FLOWPRINT_CONN_LOG[:8] if name in conn},
        "local_orig": conn["local_orig"].to_numpy(),
        "answered": answered.to_numpy().astype(np.int8),
        "cert_sha256": prints,
        "cert_serial": objects([serials.get(one, "") for one in prints.tolist()]),
        "server_name": _by_uid(uid, ssl["uid"], ssl["server_name"].tolist()),
        "http_host": _by_uid(uid, http["uid"], http["host"].tolist()),
        "client_fp": _by_uid(uid, ssl["uid"], clients),
        "flipped": np.zeros(len(conn), dtype=np.int8),
        "resumed": handshaken.astype(np.int8),
    }
    return {name: values[of] for name, values in columns.items()}


def _leaves(ssl: pd.DataFrame) -> list[str]:
    return [chain[0] if chain else "" for chain in ssl["cert_chain_fps"].tolist()]


def _certificates(simulated: Simulated, column: str) -> dict[str, str]:
    x509 = simulated.x509
    return dict(zip(x509["fingerprint"].tolist(), x509[column].tolist(), strict=True))


def _by_uid(
    uid: Texts, of: pd.Series[str], values: list[Any], nothing: object = ""
) -> NDArray[Any]:
    """Return the last value of each connection, `nothing` without one."""
    known = dict(zip(of.tolist(), values, strict=True))
    return objects([known.get(one, nothing) for one in uid.tolist()])


def _frame(columns: dict[str, Any], log: Columns, rows: int) -> pd.DataFrame:
    made = {
        name: columns[name] if name in columns else unset_column(storage(kind), rows)
        for name, kind in log
    }
    return as_frame(made, rows)
