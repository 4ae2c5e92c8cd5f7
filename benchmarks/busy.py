"""Logs of busy hours of a network, *simulated*, in the forms that they come in.

The logs of one `Stretch` are written once below a folder and found there again. Each form has
conn.log and ssl.log of the same connections, rotated every hour:

- ``tsv``, ``gz`` (TSV, compressed) and ``json``: as the simulator makes them;
- ``exported``: flowprint_conn.log and flowprint_ssl.log, *derived* from them, since the simulator
  knows no packets. A connection has a row for each batch that it lasts into, active in all windows
  between its first and last moment; bytes and packets are spread evenly over its rows, which say
  what ssl.log says of certificate, server name and client. Where Zeek would leave out the batches
  in which a long connection is silent, there are rows here: no fewer than Zeek would write.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.archive import Log, Truth, columns_of, write_logs
from flowprint_zeek.analysis.network import HOUR, MONDAY, Network
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.analysis.wire import log_times
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.batch import cut_intervals
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.zeek.columns import UNSET, as_frame, objects
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_CONN_LOG, FLOWPRINT_SSL_LOG

if TYPE_CHECKING:
    from typing import Any

    import pandas as pd
    from numpy.typing import NDArray

    from flowprint_zeek.analysis.simulate import Simulated
    from flowprint_zeek.core.arrays import Ints

FORMS = ("tsv", "gz", "json", "exported")

OPENING = 8 * HOUR
"""Hour of the day at which the stretch begins."""
FEWEST, USUAL = 190, 260
"""Rows of conn.log that a device has in an hour: least and usual ones."""
LEAST_DAYS = 0.05

BATCH, WINDOW = 300 * SECOND, 30 * SECOND
NOTE = "stretch.json"


@dataclass(frozen=True, slots=True)
class Stretch:
    """Busy hours of a network.

    Parameters
    ----------
    rows : int
        Rows of conn.log.
    devices : int
        How many; the more, the shorter it is.
    seed : int
        Of the simulator.
    """

    rows: int
    devices: int
    seed: int = 1

    @property
    def name(self) -> str:
        """Name of its folder."""
        return f"{self.rows}-{self.devices}-{self.seed}"

    def network(self) -> Network:
        """Return what is simulated: a mixed network, long enough whatever its devices do."""
        devices = self.devices
        hours = self.rows / devices / np.array((FEWEST, USUAL))
        days = max(float(hours[0]) / 24, LEAST_DAYS)
        return Network(
            seed=self.seed,
            devices=devices,
            days=days,
            start=MONDAY + OPENING,
            apps=max(devices * 3 // 10, 1),
            servers=devices // 20,
            things=devices // 5,
            browsers=devices * 3 // 10,
            phone_browsing_share=0.5,
            unseen_apps=max(devices // 50, 2),
            unseen_from=float(hours[1]) / 24 / 2,
        )


@dataclass(frozen=True, slots=True)
class Written:
    """Logs of a stretch in one form.

    Attributes
    ----------
    folder : str
        Where they are.
    rows : dict of str to int
        Rows by the kind of log.
    opens, detects, closes : float
        First moment, end of the half in which no planted app is used, and end; seconds.
    """

    folder: str
    rows: dict[str, int]
    opens: float
    detects: float
    closes: float

    def files(self, kind: str) -> list[Path]:
        """Return the files of a kind, by time."""
        return sorted(Path(self.folder).glob(f"{kind}.*"))


def written(stretch: Stretch, folder: Path, forms: tuple[str, ...] = FORMS) -> dict[str, Written]:
    """Return the logs of a stretch by form, writing those that are not there yet.

    Parameters
    ----------
    stretch : Stretch
        Whose logs.
    folder : Path
        What gets a folder for the stretch, and in it one for each form.
    forms : tuple of str, default `FORMS`
        Which forms.

    Raises
    ------
    ValueError
        The simulated network has fewer rows, or there are too few for its devices.
    """
    place = folder / stretch.name
    missing = [form for form in forms if not (place / form / NOTE).exists()]
    if missing:
        simulated = _cut(simulate(stretch.network()), stretch.rows)
        for form in missing:
            _write(simulated, place / form, form)
    notes = {form: json.loads((place / form / NOTE).read_text()) for form in forms}
    return {form: Written(str(place / form), **note) for form, note in notes.items()}


def _cut(simulated: Simulated, rows: int) -> Simulated:
    """Return the first connections to be logged, and the handshakes until then."""
    if len(simulated.conn) < rows:
        raise ValueError(f"simulated {len(simulated.conn)} rows instead of {rows}")
    until = int(log_times(simulated.conn, simulated.network.end)[rows - 1])
    if until <= simulated.network.unseen_start:
        raise ValueError(f"{rows} rows are too few for what is learned and what is judged")
    ssl = simulated.ssl[ints(simulated.ssl["ts"]) <= until]
    return replace(simulated, conn=simulated.conn.iloc[:rows], ssl=ssl)


def _write(simulated: Simulated, out: Path, form: str) -> None:
    network, conn, ssl = simulated.network, simulated.conn, simulated.ssl
    at = log_times(conn, network.end)
    if form == "exported":
        logs = exported(conn, ssl)
    else:
        columns = columns_of(simulated)
        logs = [
            Log("conn", columns["conn"], conn, at),
            Log("ssl", columns["ssl"], ssl, ints(ssl["ts"])),
        ]
    end = int(at[-1]) + 1
    # Nobody looks up what a connection is of.
    truth = Truth(
        simulated.labels.iloc[:0], simulated.planted, network.start, network.unseen_start, end
    )
    write_logs(logs, truth, out, format="json" if form == "json" else "tsv", compress=form == "gz")
    note = {
        "rows": {log.kind: len(log.rows) for log in logs},
        "opens": network.start / SECOND,
        "detects": network.unseen_start / SECOND,
        "closes": end / SECOND,
    }
    (out / NOTE).write_text(json.dumps(note, indent=1) + "\n", encoding="utf-8")


def exported(conn: pd.DataFrame, ssl: pd.DataFrame) -> list[Log]:
    """Return flowprint_conn.log and flowprint_ssl.log as derived from conn.log and ssl.log."""
    conn = conn[conn["proto"].isin(("tcp", "udp"))]
    first = ints(conn["ts"])
    row, start, end = cut_intervals(first, first + ints(conn["duration"]).clip(0), BATCH, 0)
    count = np.bincount(row)
    batch = start - start % BATCH
    final = np.diff(row, append=-1) != 0
    part = conn.iloc[row]
    columns: dict[str, NDArray[Any]] = {
        name: part[name].to_numpy() for name, _ in FLOWPRINT_CONN_LOG if name in part
    }
    for name in ("orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts"):
        told = ints(part[name])
        columns[name] = np.where(told == UNSET, UNSET, told // count[row])
    columns |= {
        "batch_start": batch,
        "batch": np.full(row.size, BATCH),
        "window": np.full(row.size, WINDOW),
        "windows": _windows((start - batch) // WINDOW, (end - batch) // WINDOW),
        "answered": (ints(part["resp_pkts"]) > 0).astype(np.int8),
        "flipped": np.zeros(row.size, dtype=np.int8),
        "final": final.astype(np.int8),
    }
    columns |= {name: told[row] for name, told in _handshakes(conn, ssl).items()}
    at = np.where(final, end, batch + BATCH)
    order = np.argsort(at, kind="stable")
    rows = as_frame(columns, row.size).iloc[order]
    return [
        Log("flowprint_conn", FLOWPRINT_CONN_LOG, rows, at[order]),
        Log("flowprint_ssl", FLOWPRINT_SSL_LOG, ssl, ints(ssl["ts"])),
    ]


def _windows(first: Ints, last: Ints) -> NDArray[Any]:
    """Return all windows between, as they stand in a log."""
    each = {
        (low, high): tuple(map(str, range(low, high + 1)))
        for low, high in set(zip(first.tolist(), last.tolist(), strict=True))
    }
    return objects([each[pair] for pair in zip(first.tolist(), last.tolist(), strict=True)])


def _handshakes(conn: pd.DataFrame, ssl: pd.DataFrame) -> dict[str, NDArray[Any]]:
    """Return what ssl.log tells of each connection, "" where it tells nothing."""
    told = zip(
        *(ssl[name].tolist() for name in ("cert_chain_fps", "server_name", "ja4")), strict=True
    )
    known = dict(zip(ssl["uid"].tolist(), told, strict=True))
    rows = [known.get(uid, ((), "", "")) for uid in conn["uid"].tolist()]
    return {
        "cert_sha256": objects([chain[0] if chain else "" for chain, _, _ in rows]),
        "server_name": objects([name for _, name, _ in rows]),
        "client_fp": objects([f"ja4:{ja4}" if ja4 else "" for _, _, ja4 in rows]),
    }
