"""Writes simulated logs as Zeek leaves them: rotated, perhaps compressed, the truth beside them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.wire import log_times
from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.errors import OutputError, UsageError
from flowprint_zeek.zeek.columns import CONN_LOG, SSL_LOG, X509_LOG
from flowprint_zeek.zeek.logformat import fixed, log_time
from flowprint_zeek.zeek.writer import write_frame

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flowprint_zeek.analysis.network import Network
    from flowprint_zeek.analysis.simulate import Simulated
    from flowprint_zeek.core.arrays import Ints
    from flowprint_zeek.zeek.writer import Format

LEAST_ROTATION = 60
"""Shortest time between rotations, seconds; more often, two files would get one name."""


def write(
    simulated: Simulated,
    out: Path,
    *,
    format: Format = "tsv",  # noqa: A002  the word people use
    rotate: float | None = 3600.0,
    compress: bool = False,
) -> list[Path]:
    """Write the logs of a simulated network, ``labels.tsv`` and ``planted.tsv``.

    ``planted.tsv`` has the columns of ``planted``: ``first`` in seconds, lists joined by commas.

    Parameters
    ----------
    simulated : Simulated
        What to write.
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
    times = {
        "conn": log_times(simulated.conn, simulated.network.end),
        "ssl": simulated.ssl["ts"].to_numpy(),
        "x509": simulated.x509["ts"].to_numpy(),
    }
    files = []
    for kind, columns in (("conn", CONN_LOG), ("ssl", SSL_LOG), ("x509", X509_LOG)):
        frame = getattr(simulated, kind)
        for rows, opened, closed in _rotations(simulated.network, times[kind], rotate):
            stamp = "" if rotate is None else f".{log_time(opened)}"
            path = out / f"{kind}{stamp}.log{'.gz' if compress else ''}"
            part = frame.iloc[rows]
            write_frame(path, kind, columns, part, format=format, opened=opened, closed=closed)
            files.append(path)
    return [*files, *_write_truth(simulated, out)]


def _empty_folder(out: Path) -> None:
    try:
        out.mkdir(parents=True, exist_ok=True)
        found = sorted(path.name for path in out.iterdir() if ".log" in path.name)
    except OSError as error:
        raise OutputError(f"cannot be made: {error.strerror or error}", path=out) from error
    if found:
        raise OutputError(f"holds logs already, such as {found[0]}", path=out)


def _rotations(
    network: Network, times: Ints, rotate: float | None
) -> Iterator[tuple[slice, int, int]]:
    """Yield the rows of each file and when it was opened and closed."""
    if rotate is None:
        yield slice(None), int(times[0]) if times.size else network.start, network.end
        return
    step = microseconds(rotate)
    # what is logged as the sensor stops belongs to the file then open
    turn = np.minimum(times, network.end - 1) // step
    first = np.flatnonzero(np.diff(turn, prepend=-1))
    for begin, end in zip(first.tolist(), [*first[1:].tolist(), times.size], strict=True):
        closed = min((int(turn[begin]) + 1) * step, network.end)
        yield slice(begin, end), int(times[begin]), closed


def _write_truth(simulated: Simulated, out: Path) -> list[Path]:
    labels, planted = simulated.labels, simulated.planted
    pairs = zip(labels["uid"].tolist(), labels["label"].tolist(), strict=True)
    seconds = planted.assign(first=[fixed(first) for first in planted["first"].tolist()])
    rows = [map(_truth_text, row) for row in seconds.itertuples(index=False)]
    tables = {
        "labels.tsv": ["uid\tlabel", *map("\t".join, pairs)],
        "planted.tsv": ["\t".join(planted.columns), *map("\t".join, rows)],
    }
    for name, lines in tables.items():
        try:
            (out / name).write_text("".join(f"{line}\n" for line in lines), newline="\n")
        except OSError as error:
            told = f"cannot be written: {error.strerror or error}"
            raise OutputError(told, path=out / name) from error
    return [out / name for name in tables]


def _truth_text(value: object) -> str:
    return ",".join(value) if isinstance(value, tuple) else str(value)
