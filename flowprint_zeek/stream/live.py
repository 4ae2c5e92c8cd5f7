"""The rows of logs that grow, in the order in which a replay of them would take them.

What closes a batch, and what it sees, is decided by the times in the rows, as in a replay. Open
batches are not kept on disk: after a restart their rows are read again from the logs, and what the
batches that closed had of them is left out.
"""

from __future__ import annotations

import logging
from collections import deque
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.arrivals import Arrivals, Arriving
from flowprint_zeek.stream.replay import (
    BEFORE_ALL,
    KINDS,
    close_until,
    first_time,
    key_of,
    prepared,
)
from flowprint_zeek.zeek.exported import Widths, fits
from flowprint_zeek.zeek.join import CONNECTIONS
from flowprint_zeek.zeek.tail import Position

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    import pandas as pd

    from flowprint_zeek.core.arrays import Ints
    from flowprint_zeek.stream.pipeline import Pipeline
    from flowprint_zeek.zeek.follow import FollowedLog, Follower

_logger = logging.getLogger(__name__)

FOLLOWED = tuple(kind for kind in KINDS if kind != "files")
"""Kinds of logs that are followed. Of x509.log and files.log only one may be read, and which there
will be is not known before."""

_NEVER = -(1 << 62)

_MOST_READ = 10_000
"""Logs read to their ends whose places are remembered, should they grow after all."""


@dataclass(frozen=True, slots=True)
class Resume:
    """Where reading a log goes on after a restart.

    Attributes
    ----------
    position : Position
        Where in the log.
    taken : int
        Rows from there on that were taken before; those of connections are needed again.
    latest : int
        Largest time of the rows before, µs.
    """

    position: Position
    taken: int
    latest: int


@dataclass(slots=True)
class _Span:
    """A chunk of which rows were taken: where it begins, and the last batch that they end in."""

    begin: Position
    latest: int
    taken: int = 0
    home: int = _NEVER


class Followed(Arriving):
    """The rows of a log that grows.

    Parameters
    ----------
    log : FollowedLog
        The log.
    resume : Resume or None
        Where to go on; None at its beginning.
    widths : Widths
        Batches and windows of the daemon.
    horizon : callable
        Returns the time, µs, after which a connection cannot end.
    again : callable
        Gets the rows that were taken before a restart.

    Attributes
    ----------
    problem : str
        Why rows of the log are left out now, "" where none are.
    """

    def __init__(
        self,
        log: FollowedLog,
        resume: Resume | None,
        *,
        widths: Widths,
        horizon: Callable[[], int],
        again: Callable[[pd.DataFrame], None],
    ) -> None:
        kind = log.log.kind
        latest = None if resume is None else resume.latest
        first = _first(log) if latest is None else latest
        # A first row that cannot be must not make all those behind it arrive so late.
        super().__init__(BEFORE_ALL if first > horizon() else first, key_of(kind), latest)
        self.log = log
        self.future = 0
        self.problem = ""
        self._conn = kind in CONNECTIONS
        self._widths = widths
        self._horizon = horizon
        self._again = again
        self._left_again = 0 if resume is None else resume.taken
        self._end = Position() if resume is None else resume.position
        self._spans: deque[_Span] = deque()

    @property
    def ended(self) -> bool:  # type: ignore[override]  # here it changes
        """Whether the log will have no more rows, and none of it is needed again."""
        return self.log.finished and self.rows is None and not self._spans

    def more(self) -> pd.DataFrame | None:
        """Return the next rows of the log; None where there are none now."""
        chunk = self.log.read()
        if chunk is None:
            return None
        self._end = chunk.end
        rows = self._prepared(chunk.rows)
        self._spans.append(_Span(chunk.begin, self.latest))
        return rows

    def _prepared(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return rows without those of other batches and windows, which are told."""
        kind, before = self.log.log.kind, self.problem
        try:
            found = prepared(rows, kind, self._widths, self.log.log.path)
            self.problem = ""
        except LogError as error:
            self.problem = f"{error}; until then such rows are left out"
            found = prepared(rows[fits(rows, self._widths)], kind)
        if self.problem and not before:
            _logger.warning("%s", self.problem)
        return found

    def times(self, rows: pd.DataFrame) -> Ints:
        """Return the time of each row, µs; of one that cannot be, a time before all."""
        times = super().times(rows)
        return np.where(times > self._horizon(), _NEVER, times)

    def take(self, limit: int) -> Iterator[pd.DataFrame]:
        """Yield the rows that arrive up to a time and were not taken before."""
        for taken in super().take(limit):
            span = self._spans[-1]
            span.taken += len(taken)
            old = min(self._left_again, len(taken))
            self._left_again -= old
            rows = self._possible(taken.iloc[old:])
            if old:
                self._again(self._possible(taken.iloc[:old]))
            if self._conn:
                last = int(self.times(taken).max(initial=_NEVER))
                span.home = max(span.home, last // self._widths.batch)
            yield rows

    def _possible(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return rows without those that cannot be, which are counted."""
        possible = self.times(rows) != _NEVER
        self.future += int((~possible).sum())
        return rows if possible.all() else rows[possible]

    def resume(self, first_open: int | None) -> Resume:
        """Return where to go on after a restart, given the first batch that is open then."""
        spans = self._spans
        while spans and (len(spans) > 1 or self.rows is None):
            if self._conn and (first_open is None or spans[0].home >= first_open):
                break
            spans.popleft()
        taken = self._left_again + sum(span.taken for span in spans)
        if not spans:
            return Resume(self._end, taken, self.latest)
        return Resume(spans[0].begin, taken, spans[0].latest)


class Live:
    """Feeds a pipeline with what logs have at the time.

    Parameters
    ----------
    follower : Follower
        Finds the logs; it follows the kinds in `FOLLOWED`.
    pipeline : Pipeline
        What gets the rows.
    resumed : mapping of str to Resume
        Where to go on, by the identity of a log.
    skew : int
        How far ahead of the clock a row may end, µs.
    clock : callable
        Returns the time, µs since the epoch.
    """

    def __init__(
        self,
        follower: Follower,
        pipeline: Pipeline,
        resumed: Mapping[str, Resume],
        *,
        skew: int,
        clock: Callable[[], int],
    ) -> None:
        self.pipeline = pipeline
        self.watermark = _NEVER
        self._follower = follower
        self._resumed = dict(resumed)
        self._skew = skew
        self._clock = clock
        self._connections = Arrivals()
        self._others = {kind: Arrivals() for kind in FOLLOWED if kind not in CONNECTIONS}
        self._logs: dict[str, Followed] = {}
        self._read: dict[str, Resume] = {}
        self._future = 0
        self._limit = _NEVER
        self._grew = False

    @property
    def watching(self) -> bool:
        """Whether new connections would be seen: if there are none, nothing happens.

        Where only complete logs are found, rows come in lumps. Between two logs there may be none:
        Zeek makes the next one with its first row.
        """
        conn = [one.log for one in self._logs.values() if one.log.log.kind in CONNECTIONS]
        self._grew |= any(log.grows for log in conn)
        readable = self._follower.reachable and not any(log.failed for log in conn)
        return self._grew and readable

    @property
    def future(self) -> int:
        """Rows that were left out, ending further ahead of the clock than can be."""
        return self._future + sum(log.future for log in self._logs.values())

    @property
    def problems(self) -> list[str]:
        """Why rows of logs are left out now."""
        return [log.problem for log in self._logs.values() if log.problem]

    def look(self) -> None:
        """Look which logs there are."""
        self._follower.scan()
        for kind in FOLLOWED:
            for log in self._follower.logs(kind):
                if log.identity not in self._logs:
                    self._logs[log.identity] = followed = self._followed(log)
                    self._others.get(kind, self._connections).add([followed])

    def _followed(self, log: FollowedLog) -> Followed:
        resume = self._resumed.pop(log.identity, self._read.pop(log.identity, None))
        return Followed(
            log,
            resume,
            widths=Widths.of(self.pipeline.parameters),
            horizon=lambda: self._clock() + self._skew,
            again=self.pipeline.again if log.log.kind in CONNECTIONS else lambda _rows: None,
        )

    def step(self) -> bool:
        """Take rows up to the next time at which a batch closes; False where there are none."""
        conn, timing = self._connections, self.pipeline.timing
        arrival = conn.next()
        if arrival is None:
            return False
        if timing.boundary(arrival) > self._limit:
            # What was written before the row that closes a batch is found before it closes.
            self.look()
            arrival = conn.next() or arrival
        limit = self._limit = timing.boundary(arrival)
        # What closes now may only see what had arrived by then.
        if arrival != _NEVER:
            close_until(self.pipeline, self._feed, arrival)
        self._feed(limit)
        self.watermark = max(self.watermark, arrival)
        for rows in conn.take(limit):
            self.watermark = int(ints(rows["end"]).max(initial=self.watermark))
            self.pipeline.conn(rows)
        return True

    def pass_time(self, silence: int) -> None:
        """Close what a silence of connections, µs, closes: log time goes on without rows."""
        close_until(self.pipeline, self._feed, self.watermark + silence)

    def _feed(self, limit: int) -> None:
        for kind, arrivals in self._others.items():
            for rows in arrivals.take(limit):
                self.pipeline.beside(kind, rows)

    def committed(self) -> None:
        """Let go of logs that are read to their ends; their places are on disk."""
        for identity, log in list(self._logs.items()):
            if log.ended:
                del self._logs[identity]
                self._future += log.future
                self._read[identity] = log.resume(self.pipeline.first_open)
        for identity in list(self._read)[:-_MOST_READ]:
            del self._read[identity]
        for identity in self._resumed.keys() - self._follower.positions().keys():
            del self._resumed[identity]

    def positions(self) -> dict[str, Resume]:
        """Return where to go on after a restart, by the identity of a log.

        What was to be resumed and was not found yet is among them.
        """
        first_open = self.pipeline.first_open
        return self._resumed | {
            identity: log.resume(first_open) for identity, log in self._logs.items()
        }


def _first(log: FollowedLog) -> int:
    try:
        return first_time(log.log)
    except LogError:
        # It went away in between; what is held open of it is read at once.
        return BEFORE_ALL
