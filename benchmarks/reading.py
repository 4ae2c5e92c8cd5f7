"""Cases of reading: the columns that are needed of simulated logs, beside other readers."""

from __future__ import annotations

import tempfile
from contextlib import redirect_stdout
from functools import cache, partial
from importlib import import_module
from importlib.util import find_spec
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from benchmarks.harness import Case, Contender, Pair
from flowprint_zeek.analysis.simulate import Network, simulate
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.zeek.columns import CONN_LOG, SSL_LOG
from flowprint_zeek.zeek.files import log_at
from flowprint_zeek.zeek.join import CONN_COLUMNS, SSL_COLUMNS
from flowprint_zeek.zeek.reader import ReadStats, read_chunks
from flowprint_zeek.zeek.writer import write_frame

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowprint_zeek.analysis.simulate import Simulated
    from flowprint_zeek.zeek.columns import Columns
    from flowprint_zeek.zeek.writer import Format

    Answer = tuple[int, int]
    """Rows, and the sum of the parts of a second in ``ts``, in µs."""

    Read = Callable[[Path, "Log"], Answer]

ROWS_A_DEVICE = 1000
"""Rows of conn.log and of ssl.log that a simulated device has in a day, at least."""

HEADER_LINES = 8


class Log:
    """A kind of log: its columns, and those of them that are needed."""

    def __init__(self, kind: str, columns: Columns, needed: tuple[str, ...]) -> None:
        self.kind = kind
        self.columns = columns
        self.names = [name for name, _ in columns]
        self.needed = [name for name in needed if name in self.names]


CONN = Log("conn", CONN_LOG, CONN_COLUMNS)
SSL = Log("ssl", SSL_LOG, SSL_COLUMNS)

_folder = tempfile.TemporaryDirectory(prefix="reading")


@cache
def _simulated(devices: int, seed: int) -> Simulated:
    return simulate(Network(seed=seed, devices=devices, days=1))


@cache
def written(log: Log, ending: str, size: int, seed: int) -> Path:
    """Return a simulated log of so many rows."""
    made = _simulated(max(12, -(-size // ROWS_A_DEVICE)), seed)
    frame = {"conn": made.conn, "ssl": made.ssl}[log.kind].iloc[:size]
    if len(frame) < size:
        raise ValueError(f"simulated {len(frame)} rows instead of {size}")
    path = Path(_folder.name, f"{log.kind}-{size}-{seed}{ending}")
    form: Format = "json" if ending == ".json" else "tsv"
    write_frame(path, log.kind, log.columns, frame, format=form, opened=0, closed=0)
    return path


def ours(path: Path, log: Log) -> Answer:
    """Read with the reader of this package."""
    rows = total = 0
    for chunk in read_chunks(log_at(path), log.needed, stats=ReadStats()):
        rows += len(chunk)
        total += int((chunk["ts"] % SECOND).sum())
    return rows, total


def by_pandas(path: Path, log: Log) -> Answer:
    """Read TSV with pandas."""
    frame = pd.read_csv(
        path,
        sep="\t",
        skiprows=HEADER_LINES,
        names=log.names,
        usecols=log.needed,
        comment="#",
        na_values=["-"],
        keep_default_na=False,
    )
    return len(frame), parts(frame["ts"].to_numpy())


def json_by_pandas(path: Path, log: Log) -> Answer:
    """Read JSON with pandas."""
    frame = pd.read_json(path, lines=True)
    frame = frame[[name for name in log.needed if name in frame]]
    return len(frame), parts(frame["ts"].to_numpy())


def by_polars(path: Path, log: Log) -> Answer:
    """Read TSV with polars."""
    polars = import_module("polars")
    lines = polars.scan_csv(
        path,
        separator="\t",
        has_header=False,
        new_columns=log.names,
        comment_prefix="#",
        null_values=["-"],
        quote_char=None,
        # Its lists of numbers look like numbers at first.
        schema_overrides={"windows": polars.String} if "windows" in log.names else None,
    )
    frame = lines.select(log.needed).collect()
    return len(frame), parts(frame["ts"].to_numpy())


def by_zat(path: Path, log: Log) -> Answer:
    """Read row by row with zat."""
    rows = total = 0
    with redirect_stdout(StringIO()):  # it prints what it opens
        for row in import_module("zat.zeek_log_reader").ZeekLogReader(str(path)).readrows():
            rows += all(name in row for name in log.needed)
            total += row["ts"].microsecond
    return rows, total


def parts(seconds: np.ndarray[Any, np.dtype[np.float64]]) -> int:
    """Return the sum of the parts of a second in times, µs."""
    return int((np.rint(seconds * SECOND).astype(np.int64) % SECOND).sum())


def beside(size: int, seed: int, *, log: Log, ending: str = ".log", name: str, other: Read) -> Pair:
    """Return our reader beside another one."""

    def contender(name: str, read: Read) -> Contender:
        return Contender(name, lambda: partial(read, written(log, ending, size, seed), log), size)

    return Pair(contender("read_chunks", ours), contender(name, other), lambda a, b: float(a == b))


_ABOUT = "the needed columns of so many rows of a simulated "
_SIZES = (100_000, 1_000_000)
_READ_CSV = "pandas.read_csv(usecols=...)"
_case = partial(Case, unit="row")

# Polars is in no extra: it is measured where it happens to be.
_POLARS = find_spec("polars") is not None
_NOTE = "" if _POLARS else "; polars is NOT INSTALLED and not measured"

CASES: tuple[Case, ...] = (
    _case(
        name="reading-conn",
        about=f"{_ABOUT}conn.log{_NOTE}",
        sizes=_SIZES,
        make=partial(beside, log=CONN, name=_READ_CSV, other=by_pandas),
    ),
    _case(
        name="reading-gz",
        about=f"{_ABOUT}conn.log.gz",
        sizes=_SIZES,
        make=partial(beside, log=CONN, ending=".log.gz", name=_READ_CSV, other=by_pandas),
    ),
    _case(
        name="reading-json",
        about=f"{_ABOUT}conn.log in JSON",
        sizes=_SIZES,
        make=partial(
            beside,
            log=CONN,
            ending=".json",
            name="pandas.read_json(lines=True)",
            other=json_by_pandas,
        ),
    ),
    _case(
        name="reading-ssl",
        about=f"{_ABOUT}ssl.log",
        sizes=_SIZES,
        make=partial(beside, log=SSL, name=_READ_CSV, other=by_pandas),
    ),
    _case(
        name="reading-zat",
        about=f"{_ABOUT}conn.log",
        sizes=(10_000, 100_000),
        make=partial(beside, log=CONN, name="ZeekLogReader of zat", other=by_zat),
    ),
)
if _POLARS:
    CASES += (
        _case(
            name="reading-polars",
            about=f"{_ABOUT}conn.log",
            sizes=_SIZES,
            make=partial(beside, log=CONN, name="polars.read_csv(columns=...)", other=by_polars),
        ),
    )
