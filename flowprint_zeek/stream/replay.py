"""Replay: the live engine over archived logs, with log time for its clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.arrivals import Archived, Arrivals, in_order_of_end
from flowprint_zeek.zeek.certificates import needed
from flowprint_zeek.zeek.exported import Widths, exported_rows
from flowprint_zeek.zeek.join import COLUMNS, CONNECTIONS, NO_CONNECTIONS, conn_rows, timed
from flowprint_zeek.zeek.reader import ReadStats, peek, read_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.core.fingerprint import Parameters
    from flowprint_zeek.stream.arrivals import Chunks
    from flowprint_zeek.stream.batcher import Timing
    from flowprint_zeek.zeek.files import LogFile

KINDS = tuple(COLUMNS)
"""Kinds of logs that a replay reads; one of `CONNECTIONS` is needed."""

FOREVER = 1 << 62
BEFORE_ALL = -FOREVER
"""First time of a file whose first row tells none: it is opened at once."""


@dataclass(frozen=True, slots=True)
class Span:
    """Part of the log time to replay: connections that end within ``[since, until)``, µs.

    Rows of other logs are not cut: they tell of connections and come before their ends.
    """

    since: int | None = None
    until: int | None = None

    def of(self, conn: pd.DataFrame) -> pd.DataFrame:
        """Return the connections inside."""
        if self.since is not None:
            conn = conn[conn["end"] >= self.since]
        return conn if self.until is None else conn[conn["end"] < self.until]


@dataclass(slots=True)
class Source:
    """The logs of a replay.

    Parameters
    ----------
    logs : sequence of LogFile
        Files of the kinds in `KINDS`, of which those that tell nothing more are left out.
    chunk_rows : int
        Rows read at a time; results do not depend on it.
    span : Span
        Part of the log time.
    on_chunk : callable
        Called with each file and the rows just read of it, for progress.
    """

    logs: Sequence[LogFile]
    chunk_rows: int = 65_536
    span: Span = field(default_factory=Span)
    on_chunk: Callable[[LogFile, int], None] = lambda _log, _rows: None
    stats: ReadStats = field(default_factory=ReadStats)
    _found: dict[str, list[tuple[int, Chunks]]] = field(default_factory=dict, init=False)
    _widths: Widths | None = field(default=None, init=False)

    def __post_init__(self) -> None:
        self.logs = needed(self.logs)

    def first_time(self) -> int:
        """Return the first time of the connections, µs; 0 where no first row tells one."""
        first = (first for kind in CONNECTIONS for first, _ in self._files(kind))
        return min((one for one in first if one != BEFORE_ALL), default=0)

    def connections(self, widths: Widths) -> Arrivals:
        """Return the connections by arrival; those that are told of exactly must fit in widths."""
        self._widths = widths
        return self.arrivals(*CONNECTIONS)

    def arrivals(self, *kinds: str) -> Arrivals:
        """Return the rows of some kinds by arrival."""
        return Arrivals(
            Archived(first, chunks, key_of(kind))
            for kind in kinds
            for first, chunks in self._files(kind)
        )

    def _files(self, kind: str) -> list[tuple[int, Chunks]]:
        """Return what opens each file of a kind, with its first time."""
        if kind not in self._found:
            logs = [log for log in self.logs if log.kind == kind]
            self._found[kind] = [(first_time(log), partial(self._chunks, log)) for log in logs]
        return self._found[kind]

    def _chunks(self, log: LogFile) -> Iterator[pd.DataFrame]:
        rows = self._read(log)
        return in_order_of_end(rows) if _by_start(log) else rows

    def _read(self, log: LogFile) -> Iterator[pd.DataFrame]:
        columns = COLUMNS[log.kind]
        for chunk in read_chunks(log, columns, rows=self.chunk_rows, stats=self.stats):
            self.on_chunk(log, len(chunk))
            rows = prepared(chunk, log.kind, self._widths, log.path)
            yield self.span.of(rows) if log.kind in CONNECTIONS else rows


class Engine(Protocol):
    """What a replay gives its rows to: a `flowprint_zeek.stream.pipeline.Pipeline`, or its half."""

    parameters: Parameters

    @property
    def timing(self) -> Timing:
        """Widths and delays of batches."""

    @property
    def next_closing(self) -> int | None:
        """Log time after which the first batch that is open closes, µs; None where none is."""

    def conn(self, chunk: pd.DataFrame, /) -> None:
        """Take connections."""

    def beside(self, kind: str, chunk: pd.DataFrame, /) -> None:
        """Take rows of another log."""

    def advance(self, watermark: int, /) -> None:
        """Move log time on and close what it closes."""

    def finish(self) -> None:
        """Close all batches."""


def replay(source: Source, pipeline: Engine) -> None:
    """Run a pipeline over archived logs and close all batches at the end.

    Rows reach the pipeline as a live sensor's would: nothing that arrives after a batch closed is
    in it. Memory holds the open batches and a chunk of each file that is open at the time.

    Raises
    ------
    LogError
        There is no log of connections, or one whose batches or windows do not fit.
    """
    if not any(log.kind in CONNECTIONS for log in source.logs):
        raise LogError(NO_CONNECTIONS)
    conn = source.connections(Widths.of(pipeline.parameters))
    others = {kind: source.arrivals(kind) for kind in KINDS if kind not in CONNECTIONS}
    feed = partial(_feed, pipeline, others)
    timing, last = pipeline.timing, 0
    while (arrival := conn.next()) is not None:
        limit = timing.boundary(arrival)
        close_until(pipeline, feed, arrival)
        feed(limit)
        for rows in conn.take(limit):
            pipeline.conn(rows)
        # At the end the batch of the last row closes too, and sees what arrives until then.
        last = timing.closes(limit // timing.batch)
    close_until(pipeline, feed, last + 1)
    pipeline.finish()
    # Files are read to their end, so that damage is counted also behind the last connection.
    for arrivals in others.values():
        for _ in arrivals.take(FOREVER):
            pass


def close_until(pipeline: Engine, feed: Callable[[int], None], arrival: int) -> None:
    """Close the batches that an arrival, µs, closes.

    Each sees what other logs had told by its closing: `feed` gives a pipeline their rows up to a
    time.
    """
    timing = pipeline.timing
    while (closing := pipeline.next_closing) is not None and closing < arrival:
        feed(closing)
        pipeline.advance(closing + 1)
    feed(timing.boundary(arrival) - timing.batch)
    pipeline.advance(arrival)


def _by_start(log: LogFile) -> bool:
    """Tell whether the rows of a log are in the order in which connections begin."""
    return log.format == "binetflow"


def first_time(log: LogFile) -> int:
    """Return the time of a log's first row, µs; `BEFORE_ALL` where none is told."""
    key = "start" if _by_start(log) else key_of(log.kind)
    times = prepared(peek(log, COLUMNS[log.kind]), log.kind)[key].tolist()
    return times[0] if times else BEFORE_ALL


def prepared(
    rows: pd.DataFrame, kind: str, widths: Widths | None = None, path: Path | None = None
) -> pd.DataFrame:
    """Return rows of a kind of log, as read, without those that tell no time.

    Raises
    ------
    LogError
        Those at a path do not fit in widths that are given.
    """
    if kind == "flowprint_conn":
        return exported_rows(rows, widths, path)
    return conn_rows(rows) if kind == "conn" else timed(rows)


def key_of(kind: str) -> str:
    """Return the column that the rows of a kind are ordered by."""
    return "end" if kind in CONNECTIONS else "ts"


def _feed(pipeline: Engine, others: Mapping[str, Arrivals], limit: int) -> None:
    for kind, arrivals in others.items():
        for rows in arrivals.take(limit):
            pipeline.beside(kind, rows)
