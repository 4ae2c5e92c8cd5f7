"""Replay: the live engine over archived logs, with log time for its clock."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.arrivals import Arrivals
from flowprint_zeek.zeek.columns import UNSET
from flowprint_zeek.zeek.join import CONN_COLUMNS, SSL_COLUMNS, conn_rows
from flowprint_zeek.zeek.reader import ReadStats, peek, read_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd

    from flowprint_zeek.stream.arrivals import Chunks
    from flowprint_zeek.stream.batcher import Timing
    from flowprint_zeek.stream.pipeline import Pipeline
    from flowprint_zeek.zeek.files import LogFile

KINDS = ("conn", "ssl", "x509")
"""Kinds of logs that a replay reads; ``conn`` is needed."""

_COLUMNS: dict[str, tuple[str, ...]] = {
    "conn": CONN_COLUMNS,
    "ssl": SSL_COLUMNS,
    "x509": ("ts", "fingerprint", "certificate.subject"),
}
_FOREVER = 1 << 62
_BEFORE_ALL = -_FOREVER
_KEYS = {"conn": "end", "ssl": "ts", "x509": "ts"}


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
        Files of the kinds in `KINDS`.
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

    def first_time(self, kind: str) -> int:
        """Return the first time of the logs of a kind, µs; 0 where no first row tells one."""
        return min((first for first, _ in self._files(kind) if first != _BEFORE_ALL), default=0)

    def arrivals(self, kind: str) -> Arrivals:
        """Return the rows of one kind by arrival."""
        return Arrivals(self._files(kind), _KEYS[kind])

    def _files(self, kind: str) -> list[tuple[int, Chunks]]:
        """Return what opens each file of a kind, with its first time.

        A file whose first row tells none is opened at once, so that what it holds is counted.
        """
        if kind not in self._found:
            files = self._found[kind] = []
            for log in self.logs:
                if log.kind == kind:
                    times = self._prepared(peek(log, _COLUMNS[kind]), kind)[_KEYS[kind]].tolist()
                    files.append((times[0] if times else _BEFORE_ALL, partial(self._chunks, log)))
        return self._found[kind]

    def _prepared(self, rows: pd.DataFrame, kind: str) -> pd.DataFrame:
        return conn_rows(rows) if kind == "conn" else rows[rows["ts"] != UNSET]

    def _chunks(self, log: LogFile) -> Iterator[pd.DataFrame]:
        columns = _COLUMNS[log.kind]
        for chunk in read_chunks(log, columns, rows=self.chunk_rows, stats=self.stats):
            self.on_chunk(log, len(chunk))
            rows = self._prepared(chunk, log.kind)
            yield self.span.of(rows) if log.kind == "conn" else rows


def replay(source: Source, pipeline: Pipeline) -> None:
    """Run a pipeline over archived logs and close all batches at the end.

    Rows reach the pipeline as a live sensor's would: nothing that arrives after a batch closed is
    in it. Memory holds the open batches and a chunk of each file that is open at the time.

    Raises
    ------
    LogError
        There is no conn log.
    """
    if not any(log.kind == "conn" for log in source.logs):
        raise LogError("no conn log: nothing to fingerprint")
    conn, ssl, x509 = (source.arrivals(kind) for kind in KINDS)
    timing, last = pipeline.timing, 0
    while (arrival := conn.next()) is not None:
        limit = _boundary(arrival, timing)
        # What closes now may only see what had arrived by then.
        _feed_tls(pipeline, ssl, x509, limit - timing.batch)
        pipeline.advance(arrival)
        _feed_tls(pipeline, ssl, x509, limit)
        for rows in conn.take(limit):
            pipeline.conn(rows)
        # At the end the batch of the last row closes too, and sees what arrives until then.
        last = timing.closes(limit // timing.batch)
    _feed_tls(pipeline, ssl, x509, last)
    pipeline.finish()
    # Files are read to their end, so that damage is counted also behind the last connection.
    for arrivals in (ssl, x509):
        for _ in arrivals.take(_FOREVER):
            pass


def _boundary(arrival: int, timing: Timing) -> int:
    """Return the first time at which a batch closes, at an arrival or after it."""
    return -(-(arrival - timing.delay) // timing.batch) * timing.batch + timing.delay


def _feed_tls(pipeline: Pipeline, ssl: Arrivals, x509: Arrivals, limit: int) -> None:
    for rows in ssl.take(limit):
        pipeline.ssl(rows)
    for rows in x509.take(limit):
        pipeline.x509(rows)
