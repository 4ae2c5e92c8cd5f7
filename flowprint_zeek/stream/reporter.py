"""Gathers the status of a daemon from its parts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowprint_zeek import __version__
from flowprint_zeek.errors import OutputError, StateError
from flowprint_zeek.stream.attention import Recent, Situation, attention, tally
from flowprint_zeek.stream.live import FOLLOWED, Live
from flowprint_zeek.stream.report import coverage
from flowprint_zeek.stream.status import MOST_LOGS, LogStatus, Progress, Status

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.config import Config
    from flowprint_zeek.stream.pipeline import Pipeline
    from flowprint_zeek.stream.sinks import Sinks
    from flowprint_zeek.stream.state import State
    from flowprint_zeek.zeek.follow import FollowedLog, Follower
    from flowprint_zeek.zeek.reader import ReadStats

EVERY = 10.0
"""Seconds after which a status is told again, where no commit comes before."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a daemon is made of."""

    config: Config
    pipeline: Pipeline
    live: Live
    follower: Follower
    sinks: Sinks
    state: State
    stats: ReadStats


@dataclass(frozen=True, slots=True)
class Moment:
    """What only the daemon itself knows.

    Attributes
    ----------
    wall, monotonic : float
        What its clocks show, s.
    silence : float
        Seconds since the last row of conn.log.
    behind : bool
        Whether it reads what was written long ago.
    unsaved : bool
        Whether the state cannot be written.
    commit_seconds : float
        What the last commit took.
    """

    wall: float
    monotonic: float
    silence: float
    behind: bool
    unsaved: bool
    commit_seconds: float


class Reporter:
    """Tells what a daemon does.

    Parameters
    ----------
    parts : Parts
        What it is made of.
    wall, monotonic : float
        What its clocks show when it starts, s.
    """

    def __init__(self, parts: Parts, wall: float, monotonic: float) -> None:
        self._parts = parts
        self._started = wall
        self._recent = Recent(monotonic, self._tally())
        self._told: float | None = None
        self._rows = 0

    def due(self, monotonic: float) -> bool:
        """Tell whether it is time for a status."""
        return self._told is None or monotonic - self._told >= EVERY

    def told(self, monotonic: float) -> None:
        """Take in that a status was told."""
        self._told, self._rows = monotonic, self._parts.stats.rows.total()

    def status(self, moment: Moment) -> Status:
        """Return what the daemon does at a moment."""
        parts, pipeline = self._parts, self._parts.pipeline
        counts, stats, day = pipeline.counts, parts.stats, pipeline.day
        logs = [log for kind in FOLLOWED for log in parts.follower.logs(kind)]
        logs.sort(key=lambda log: not log.grows)
        newest = parts.live.watermark / 1e6 if parts.live.watermark > 0 else None
        lag = None if newest is None else round(moment.wall - newest, 3)
        unwritten = self._unwritten()
        failing = {log: unwritten.get(log, 0) for log in parts.sinks.failing}
        situation = Situation(
            [log.log for log in logs],
            self._recent.of(moment.monotonic, self._tally()),
            moment.silence,
            lag,
            moment.behind,
            moment.unsaved,
            failing,
        )
        return Status(
            version=__version__,
            started=self._started,
            written=moment.wall,
            mode=parts.config.run.mode,
            phase=pipeline.phase,
            progress=_progress(pipeline),
            newest=newest,
            closed=pipeline.last_closed / 1e6 if pipeline.last_closed else None,
            lag=lag,
            rows=dict(sorted(stats.rows.items())),
            damaged=dict(sorted(stats.damaged.items())),
            rows_a_second=self._rate(moment.monotonic),
            flows=counts.flows,
            devices=len(counts.devices),
            batches=counts.batches,
            learned=counts.learned,
            degraded=counts.degraded,
            fingerprints=counts.fingerprints,
            unseen=pipeline.detector.unseen,
            notices=pipeline.detector.notices,
            known=len(pipeline.site.known),
            elements=len(pipeline.site.seen),
            pending=len(pipeline.pending),
            notices_today=0 if day is None else day.notices,
            held_today=0 if day is None else day.held.total(),
            unwritten=unwritten,
            overdue=pipeline.overdue,
            future=parts.live.future,
            dropped=dict(sorted(pipeline.dropped.reasons.items())),
            coverage=coverage(pipeline),
            logs=[_of(log) for log in logs[:MOST_LOGS]],
            n_logs=len(logs),
            unread=sum(log.unread or 0 for log in logs),
            state_bytes=_size(parts.state.path),
            commit_seconds=round(moment.commit_seconds, 4),
            problems=[_plain(text) for text in parts.follower.problems],
            attention=[
                _plain(text) for text in attention(parts.config, pipeline, situation)
            ],
        )

    def _tally(self):
        parts = self._parts
        return tally(parts.pipeline, parts.stats, parts.live.future)

    def _unwritten(self) -> dict[str, int]:
        # A state that cannot be read just now is told by what needs it.
        with suppress(OutputError, StateError):
            return self._parts.state.n_unwritten()
        return {}

    def _rate(self, monotonic: float) -> float:
        elapsed = 0.0 if self._told is None else monotonic - self._told
        rows = self._parts.stats.rows.total() - self._rows
        return round(rows / elapsed, 1) if elapsed > 0 else 0.0


def _progress(pipeline: Pipeline) -> Progress | None:
    span = pipeline.phase_span
    if span is None:
        return None
    begin, end = span
    passed = pipeline.last_closed - pipeline.timing.delay - begin
    return Progress(round(min(max(passed / (end - begin), 0.0), 1.0), 4), end / 1e6)


def _of(log: FollowedLog) -> LogStatus:
    return LogStatus(_plain(str(log.log.path)), log.log.kind, log.unread)


def _size(path: Path) -> int | None:
    """Return the bytes of the state, with what SQLite has not moved into it yet."""
    try:
        size = path.stat().st_size
    except OSError:
        return None
    with suppress(OSError):
        size += path.with_name(f"{path.name}-wal").stat().st_size
    return size


def _plain(text: str) -> str:
    """Return a text that UTF-8 has a form for: names of files may be any bytes."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8")
