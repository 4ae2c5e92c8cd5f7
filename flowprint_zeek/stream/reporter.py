"""Gathers the status of a daemon from its parts."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowprint_zeek import __version__
from flowprint_zeek.errors import OutputError, StateError
from flowprint_zeek.stream.attention import Recent, Situation, Tally, attention, tally
from flowprint_zeek.stream.live import FOLLOWED, Live
from flowprint_zeek.stream.report import coverage
from flowprint_zeek.stream.status import MOST_LOGS, Done, Kept, LogStatus, Progress, Reading, Status

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.config import Config
    from flowprint_zeek.stream.handback import Handback
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
    handback: Handback
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
        self._outdated = True
        self._counted = monotonic, 0
        self._rows_a_second = 0.0

    def due(self, monotonic: float) -> bool:
        """Tell whether it is time for a status."""
        return self._outdated or self._told is None or monotonic - self._told >= EVERY

    def outdated(self) -> None:
        """Take in that a batch was committed since the last status."""
        self._outdated = True

    def told(self, monotonic: float) -> None:
        """Take in that a status was told."""
        self._told, self._outdated = monotonic, False

    def status(self, moment: Moment) -> Status:
        """Return what the daemon does at a moment."""
        parts, pipeline = self._parts, self._parts.pipeline
        logs = [log for kind in FOLLOWED for log in parts.follower.logs(kind)]
        reading, kept = self._reading(moment, logs), self._kept(moment)
        situation = Situation(
            [log.log for log in logs],
            self._recent.of(moment.monotonic, self._tally()),
            moment.silence,
            reading.lag,
            moment.behind,
            moment.unsaved,
            {log: kept.unwritten.get(log, 0) for log in parts.sinks.failing},
            parts.handback.overdue,
            bool(parts.handback.failing),
        )
        return Status(
            version=__version__,
            started=self._started,
            written=moment.wall,
            mode=parts.config.run.mode,
            phase=pipeline.phase,
            progress=_progress(pipeline),
            reading=reading,
            done=_done(pipeline),
            kept=kept,
            problems=list(map(_plain, [*parts.follower.problems, *parts.live.problems])),
            attention=list(map(_plain, attention(parts.config, pipeline, situation))),
        )

    def _reading(self, moment: Moment, logs: list[FollowedLog]) -> Reading:
        parts, stats = self._parts, self._parts.stats
        newest = parts.live.watermark / 1e6 if parts.live.watermark > 0 else None
        listed = sorted(logs, key=lambda log: not log.grows)[:MOST_LOGS]
        return Reading(
            newest=newest,
            lag=None if newest is None else round(moment.wall - newest, 3),
            rows=dict(sorted(stats.rows.items())),
            damaged=dict(sorted(stats.damaged.items())),
            rows_a_second=self._rate(moment.monotonic),
            dropped=dict(sorted(parts.pipeline.gathered.dropped.reasons.items())),
            overdue=parts.pipeline.gathered.overdue,
            future=parts.live.future,
            logs=[LogStatus(_plain(str(one.log.path)), one.log.kind, one.unread) for one in listed],
            n_logs=len(logs),
            unread=sum(log.unread or 0 for log in logs),
        )

    def _kept(self, moment: Moment) -> Kept:
        pipeline, state = self._parts.pipeline, self._parts.state
        unwritten: dict[str, int] = {}
        # A state that cannot be read now is told of by what needs it.
        with suppress(OutputError, StateError):
            unwritten = state.n_unwritten()
        return Kept(
            known=len(pipeline.site.known),
            elements=len(pipeline.site.seen),
            pending=len(pipeline.pending),
            unwritten=unwritten,
            state_bytes=_size(state.path),
            commit_seconds=round(moment.commit_seconds, 4),
            handed=len(self._parts.handback),
        )

    def _tally(self) -> Tally:
        parts = self._parts
        return tally(parts.pipeline, parts.stats, parts.live.future)

    def _rate(self, monotonic: float) -> float:
        """Return the rows a second of the last while; of a moment they would say nothing."""
        since, before = self._counted
        rows = self._parts.stats.rows.total()
        if monotonic - since >= EVERY:
            self._rows_a_second = round((rows - before) / (monotonic - since), 1)
            self._counted = monotonic, rows
        return self._rows_a_second


def _progress(pipeline: Pipeline) -> Progress | None:
    span = pipeline.phase_span
    if span is None:
        return None
    begin, end = span
    passed = pipeline.last_closed - pipeline.timing.delay - begin
    return Progress(round(min(max(passed / (end - begin), 0.0), 1.0), 4), end / 1e6)


def _done(pipeline: Pipeline) -> Done:
    counts, day = pipeline.counts, pipeline.day
    return Done(
        closed=pipeline.last_closed / 1e6 if pipeline.last_closed else None,
        flows=counts.flows,
        devices=len(counts.devices),
        batches=counts.batches,
        learned=counts.learned,
        degraded=counts.degraded,
        fingerprints=counts.fingerprints,
        unseen=pipeline.detector.unseen,
        notices=pipeline.detector.notices,
        notices_today=0 if day is None else day.notices,
        held_today=0 if day is None else day.held.total(),
        coverage=coverage(pipeline),
    )


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
