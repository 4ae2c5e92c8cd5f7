"""Rows of recordings laid over each other: new times, uids and addresses, nothing else changed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from flowprint_zeek.analysis.archive import Log
from flowprint_zeek.analysis.recordings import LOGS, Recording
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.elements import digest
from flowprint_zeek.zeek.columns import as_frame, objects, standard_types, storage, unset_column

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from flowprint_zeek.core.arrays import Bools, Ints
    from flowprint_zeek.zeek.columns import Columns

ADDRESSES = ("id.orig_h", "id.resp_h")

_OF_THE_PLACE = {
    *("vlan", "inner_vlan", "id.ctx.vlan", "id.ctx.inner_vlan"),
    *("orig_l2_addr", "resp_l2_addr", "community_id", "tunnel_parents"),
}
"""Columns that tell where a device was recorded; what is composed is another place."""

_OF_CERTIFICATES = {
    *("cert_chain_fps", "client_cert_chain_fps", "cert_chain_fuids", "client_cert_chain_fuids"),
    *("cert_hash", "subject", "issuer", "validation_status", "sni_matches_cert"),
}
_CHAINS = ("cert_chain_fps", "client_cert_chain_fps", "cert_chain_fuids")


@dataclass(frozen=True, slots=True)
class Copy:
    """Some connections of a recording, at another time and perhaps of another device.

    Parameters
    ----------
    recording : Recording
        What is copied.
    chosen : ndarray of bool, shape (n_conn,)
        Its connections that are.
    shift : int
        What is added to all times, µs.
    address : str
        Replaces the address of the recording's device; "" leaves it.
    """

    recording: Recording
    chosen: Bools
    shift: int
    address: str = ""


def overlay(
    copies: Sequence[Copy], span: tuple[int, int], seed: int, *, strip: bool
) -> tuple[list[Log], pd.DataFrame]:
    """Return the logs of copies in the order in which Zeek writes them, and the labels.

    Parameters
    ----------
    copies : sequence of Copy
        What to lay over each other.
    span : tuple of int
        Connections that begin before or after it are left out, µs.
    seed : int
        Decides the uids, with the place of a copy among all.
    strip : bool
        Leave certificates out.

    Returns
    -------
    logs : list of Log
        Logs with rows, by kind.
    labels : DataFrame
        ``uid`` and ``label`` of each row of conn.
    """
    places = [_places(copy, span) for copy in copies]
    rows = {kind: _rows(kind, copies, [one[kind] for one in places], seed) for kind in LOGS}
    logged = np.concatenate(
        [
            one.recording.logged[at["conn"]] + one.shift
            for one, at in zip(copies, places, strict=True)
        ]
    )
    order = ints(np.argsort(logged, kind="stable"))
    named = objects([copy.recording.label for copy in copies])
    label = np.repeat(named, [at["conn"].size for at in places])[order]
    rows["conn"] = rows["conn"].take(order).reset_index(drop=True)
    rows["x509"] = _certificates(rows["x509"], rows["ssl"], span[0])
    times = {kind: ints(table["ts"]) for kind, table in rows.items()} | {"conn": logged[order]}
    if strip:
        rows["x509"] = rows["x509"].head(0)
        rows["ssl"] = rows["ssl"].drop(columns=_OF_CERTIFICATES, errors="ignore")
    logs = [Log(kind, _columns(kind, rows[kind]), rows[kind], times[kind]) for kind in LOGS]
    labels = as_frame({"uid": rows["conn"]["uid"].to_numpy(), "label": label}, order.size)
    return [log for log in logs if len(log.rows)], labels


def _places(copy: Copy, span: tuple[int, int]) -> dict[str, Ints]:
    """Return the rows of each log of a recording that are copied; all of x509."""
    recording = copy.recording
    time = ints(recording.logs["conn"]["ts"]) + copy.shift
    chosen = copy.chosen & (time >= span[0]) & (time < span[1])
    places = {
        kind: np.flatnonzero((at >= 0) & chosen[at]) for kind, at in recording.connection.items()
    }
    return places | {
        "conn": np.flatnonzero(chosen),
        "x509": np.arange(len(recording.logs["x509"])),
    }


def _rows(kind: str, copies: Sequence[Copy], places: Sequence[Ints], seed: int) -> pd.DataFrame:
    """Return rows of copies at their new times; those of conn copy by copy, others by time."""
    first, tables, n_rows = {}, [], 0
    for recording in {id(copy.recording): copy.recording for copy in copies}.values():
        first[id(recording)] = n_rows
        tables.append(recording.logs[kind].drop(columns=_OF_THE_PLACE, errors="ignore"))
        n_rows += len(tables[-1])
    starts = [first[id(copy.recording)] for copy in copies]
    at = np.concatenate([start + rows for start, rows in zip(starts, places, strict=True)])
    of = np.repeat(np.arange(len(copies)), [rows.size for rows in places])
    rows = pd.concat(tables, ignore_index=True).take(at).reset_index(drop=True)
    columns: dict[str, NDArray[Any]] = {
        "ts": rows["ts"].to_numpy() + ints([copy.shift for copy in copies])[of]
    }
    if "uid" in rows:
        pairs = zip(of.tolist(), rows["uid"].tolist(), strict=True)
        columns["uid"] = objects(
            [uid and f"C{digest((seed, number, uid))}" for number, uid in pairs]
        )
        old = objects([copy.recording.device for copy in copies])[of]
        new = objects([copy.address or copy.recording.device for copy in copies])[of]
        for name in ADDRESSES:
            address = rows[name].to_numpy()
            columns[name] = np.where(address == old, new, address)
    # As a frame from arrays, pandas 3 would turn text into its own type.
    rows = rows.assign(
        **{name: pd.Series(values, dtype=values.dtype) for name, values in columns.items()}
    )
    return rows if kind == "conn" else rows.sort_values("ts", kind="stable", ignore_index=True)


def _certificates(x509: pd.DataFrame, ssl: pd.DataFrame, start: int) -> pd.DataFrame:
    """Return the certificates that connections show, each once: Zeek logs them once a day.

    One that was logged before the start is logged at the start.
    """
    shown = {one for name in _CHAINS for each in ssl[name].tolist() for one in each}
    key = x509["fingerprint"].where(x509["fingerprint"] != "", x509["id"])
    kept = x509[key.isin(shown) & ~key.duplicated()]
    return kept.assign(ts=kept["ts"].clip(lower=start)).reset_index(drop=True)


def _columns(kind: str, rows: pd.DataFrame) -> Columns:
    """Return the columns that Zeek writes by default and others that have a value."""
    default = dict(LOGS[kind])
    more = {
        name: of
        for name, of in standard_types(kind).items()
        if name in rows and name not in default and _has_value(rows[name], of)
    }
    return tuple((default | more).items())


def _has_value(column: pd.Series[Any], zeek_type: str) -> bool:
    unset = unset_column(storage(zeek_type), 1).tolist()
    return not set(column.tolist()) <= set(unset)
