"""Writes logs that were made as Zeek leaves them, rotated or not, with the truth beside them."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis import exports
from flowprint_zeek.analysis.wire import log_times
from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.errors import OutputError, UsageError
from flowprint_zeek.zeek.columns import CONN_LOG, DNS_LOG, HTTP_LOG, SSL_LOG, X509_LOG
from flowprint_zeek.zeek.logformat import fixed, log_time
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_CONN_LOG, FLOWPRINT_SSL_LOG
from flowprint_zeek.zeek.writer import write_frame

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.analysis.simulate import Simulated
    from flowprint_zeek.core.arrays import Ints
    from flowprint_zeek.zeek.columns import Columns
    from flowprint_zeek.zeek.writer import Format

LEAST_ROTATION = 60
"""Shortest time between rotations, seconds; more often, two files would get one name."""

_TIMES = {"first", "starts", "ends"}


@dataclass(frozen=True, slots=True)
class Log:
    """One log to write.

    Parameters
    ----------
    kind : str
        Name of the log stream.
    columns : sequence of (str, str)
        Names and Zeek types.
    rows : DataFrame
        Rows in the order in which Zeek logs them.
    times : ndarray of shape (n,)
        When it logs each, µs; never falling.
    """

    kind: str
    columns: Columns
    rows: pd.DataFrame
    times: Ints


@dataclass(frozen=True, slots=True)
class Truth:
    """What is known about logs that were made.

    Parameters
    ----------
    labels : DataFrame
        ``uid`` and ``label`` of each connection.
    planted : DataFrame
        One row for each planted app and device. Columns ``first``, ``starts`` and ``ends`` are
        times in µs.
    start, detect_from, end : int
        First moment, moment before which no planted app is used, and end, µs.
    """

    labels: pd.DataFrame
    planted: pd.DataFrame
    start: int
    detect_from: int
    end: int


def write(
    simulated: Simulated,
    out: Path,
    *,
    exported: bool = False,
    format: Format = "tsv",  # noqa: A002  the word people use
    rotate: float | None = 3600.0,
    compress: bool = False,
) -> list[Path]:
    """Write the logs of a simulated network and its truth, as `write_logs` does.

    With `exported` those of the Zeek package are among them.

    Raises
    ------
    UsageError
        The rotation is too short.
    OutputError
        A file cannot be written, or the folder holds logs of something else.
    """
    network = simulated.network
    logs = []
    for kind, columns in columns_of(simulated).items():
        rows = getattr(simulated, kind)
        conn = kind == "conn"
        times = log_times(rows, network.end) if conn else rows["ts"].to_numpy()
        logs.append(Log(kind, columns, rows, times))
    if exported:
        rows, times = exports.connections(simulated)
        logs.append(Log("flowprint_conn", FLOWPRINT_CONN_LOG, rows, times))
        rows = exports.handshakes(simulated)
        logs.append(Log("flowprint_ssl", FLOWPRINT_SSL_LOG, rows, rows["ts"].to_numpy()))
    truth = Truth(
        simulated.labels, simulated.planted, network.start, network.unseen_start, network.end
    )
    return write_logs(logs, truth, out, format=format, rotate=rotate, compress=compress)


def columns_of(simulated: Simulated) -> dict[str, Columns]:
    """Return the columns of each log of a simulated network."""
    ssl = (*SSL_LOG, ("ja4", "string")) if "ja4" in simulated.ssl else SSL_LOG
    return {"conn": CONN_LOG, "ssl": ssl, "x509": X509_LOG, "dns": DNS_LOG, "http": HTTP_LOG}


def write_logs(
    logs: Sequence[Log],
    truth: Truth,
    out: Path,
    *,
    format: Format = "tsv",  # noqa: A002  the word people use
    rotate: float | None = 3600.0,
    compress: bool = False,
) -> list[Path]:
    """Write logs, ``labels.tsv``, ``planted.tsv`` and ``periods.tsv``.

    ``planted.tsv`` has the columns of ``planted``: times in seconds, lists joined by commas.
    ``periods.tsv`` has a line each for ``learning`` and ``detection``, with ``start`` and ``end``.

    Parameters
    ----------
    logs : sequence of Log
        What to write.
    truth : Truth
        What is known about them.
    out : Path
        Folder; made where it is missing. It must hold no logs yet.
    format : 'tsv' or 'json', default 'tsv'
        How to write the logs. The truth is always TSV.
    rotate : float or None, default 3600
        Seconds after which a log is rotated, at least 60; the names then hold the UTC time of the
        first row, as Zeek's do (``conn.2026-03-02-00-00-07.log``). None: one file for each log.
    compress : bool
        Whether to compress the logs, as an archive holds them.

    Returns
    -------
    list of Path
        The files: logs by kind and time, then the truth.

    Raises
    ------
    UsageError
        The rotation is too short.
    OutputError
        A file cannot be written, or the folder holds logs of something else.
    """
    if rotate is not None and not rotate >= LEAST_ROTATION:
        raise UsageError(f"rotate must be at least {LEAST_ROTATION} seconds, not {rotate}")
    _empty_folder(out)
    files = []
    for log in logs:
        for rows, opened, closed in _rotations(truth, log.times, rotate):
            stamp = "" if rotate is None else f".{log_time(opened)}"
            path = out / f"{log.kind}{stamp}.log{'.gz' if compress else ''}"
            part = log.rows.iloc[rows]
            write_frame(
                path, log.kind, log.columns, part, format=format, opened=opened, closed=closed
            )
            files.append(path)
    return [*files, *_write_truth(truth, out)]


def _empty_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        found = sorted(path.name for path in out.iterdir() if ".log" in path.name)
    except OSError as error:
        raise OutputError(f"cannot be made: {error.strerror or error}", path=out) from error
    if found:
        raise OutputError(f"holds logs already, such as {found[0]}", path=out)


def _rotations(truth: Truth, times: Ints, rotate: float | None) -> Iterator[tuple[slice, int, int]]:
    """Yield the rows of each file and when it was opened and closed."""
    if rotate is None:
        yield slice(None), int(times[0]) if times.size else truth.start, truth.end
        return
    step = microseconds(rotate)
    # what is logged as the sensor stops belongs to the file then open
    turn = np.minimum(times, truth.end - 1) // step
    first = np.flatnonzero(np.diff(turn, prepend=-1)).tolist()
    for begin, end in pairwise([*first, times.size]):
        closed = min((int(turn[begin]) + 1) * step, truth.end)
        yield slice(begin, end), int(times[begin]), closed


def _write_truth(truth: Truth, out: Path) -> list[Path]:
    labels = truth.labels
    pairs = zip(labels["uid"].tolist(), labels["label"].tolist(), strict=True)
    times = [name in _TIMES for name in truth.planted.columns]
    planted = (
        "\t".join(map(_truth_text, row, times))
        for row in truth.planted.itertuples(index=False, name=None)
    )
    edges = list(map(fixed, (truth.start, truth.detect_from, truth.end)))
    tables = {
        "labels.tsv": ["uid\tlabel", *map("\t".join, pairs)],
        "planted.tsv": ["\t".join(truth.planted.columns), *planted],
        "periods.tsv": [
            "period\tstart\tend",
            f"learning\t{edges[0]}\t{edges[1]}",
            f"detection\t{edges[1]}\t{edges[2]}",
        ],
    }
    for name, lines in tables.items():
        try:
            (out / name).write_text("".join(f"{line}\n" for line in lines), newline="\n")
        except OSError as error:
            told = f"cannot be written: {error.strerror or error}"
            raise OutputError(told, path=out / name) from error
    return [out / name for name in tables]


def _truth_text(value: object, is_time: bool) -> str:
    if isinstance(value, tuple):
        return ",".join(_truth_text(part, is_time) for part in value)
    return fixed(value) if is_time and isinstance(value, int) else str(value)
