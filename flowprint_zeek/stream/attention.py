"""What of a running daemon needs a person, a sentence each."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowprint_zeek.core.devices import Dropped
from flowprint_zeek.stream.phases import LEARN, SHADOW
from flowprint_zeek.stream.report import (
    foreign,
    lacking,
    learned_little,
    overdue,
    waiting_dropped,
)
from flowprint_zeek.zeek.join import CONNECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowprint_zeek.config import Config
    from flowprint_zeek.stream.pipeline import Pipeline
    from flowprint_zeek.zeek.files import LogFile
    from flowprint_zeek.zeek.reader import ReadStats

DAY = 86_400.0
"""Seconds after which what was counted is old: shares are of one to two days."""

_ENOUGH = 100
"""Rows from which on a share of them tells something."""

_MANY = 0.01
"""Share of rows that came too late, or are damaged, over which that is told."""

_NAMELESS = 0.5
"""Share of flows without a name and a certificate over which that is told."""


@dataclass(frozen=True, slots=True)
class Tally:
    """What was counted up to a time, or between two.

    Attributes
    ----------
    flows, nameless, overdue, future : int
        Flows, those without name and certificate, rows that came too late, and rows that were left
        out because they end later than can be.
    dropped : Dropped
        Rows that became no flow.
    rows, damaged : Counter of str
        Good and damaged rows by kind of log.
    """

    flows: int
    nameless: int
    overdue: int
    future: int
    dropped: Dropped
    rows: Counter[str]
    damaged: Counter[str]

    def since(self, before: Tally) -> Tally:
        """Return what was counted since another."""
        reasons = self.dropped.reasons - before.dropped.reasons
        return Tally(
            self.flows - before.flows,
            self.nameless - before.nameless,
            self.overdue - before.overdue,
            self.future - before.future,
            Dropped(reasons, self.dropped.foreign - before.dropped.foreign),
            self.rows - before.rows,
            self.damaged - before.damaged,
        )


def tally(pipeline: Pipeline, stats: ReadStats, future: int) -> Tally:
    """Return what was counted up to now."""
    counts, dropped = pipeline.counts, pipeline.gathered.dropped
    return Tally(
        counts.flows,
        counts.with_neither,
        pipeline.gathered.overdue,
        future,
        Dropped(Counter(dropped.reasons), Counter(dropped.foreign)),
        Counter(stats.rows),
        Counter(stats.damaged),
    )


class Recent:
    """What was counted lately, so that what was put right is not told for ever.

    Parameters
    ----------
    now : float
        Time in seconds, from wherever it counts.
    counted : Tally
        What was counted by then.
    """

    def __init__(self, now: float, counted: Tally) -> None:
        self._since = now
        self._older = self._newer = counted

    def of(self, now: float, counted: Tally) -> Tally:
        """Return what was counted in the last day or two, given what was by now."""
        if now - self._since >= DAY:
            self._since = now
            self._older, self._newer = self._newer, counted
        return counted.since(self._older)


@dataclass(frozen=True, slots=True)
class Situation:
    """What a daemon is in, besides what its pipeline knows.

    Attributes
    ----------
    logs : list of LogFile
        Logs that are followed.
    recent : Tally
        What was counted lately.
    silence : float
        Seconds since the last row of conn.log.
    lag : float or None
        Seconds since the newest row.
    behind : bool
        Whether the daemon reads what was written long ago.
    unsaved : bool
        Whether the state cannot be written.
    unwritten : mapping of str to int
        Lines that wait, by log that cannot be written.
    handed : int
        Notices that Zeek should have raised by now.
    stuck : bool
        Whether the outbox cannot be written.
    """

    logs: list[LogFile]
    recent: Tally
    silence: float
    lag: float | None
    behind: bool
    unsaved: bool
    unwritten: Mapping[str, int]
    handed: int = 0
    stuck: bool = False


def attention(config: Config, pipeline: Pipeline, now: Situation) -> list[str]:
    """Return what needs a person, the most urgent first."""
    found = [*_outputs(config, now), *_conn(config, now)]
    if pipeline.degraded:
        found.append(
            f"the last batch is degraded ({pipeline.degraded}): nothing of it is raised or learned"
        )
    found += _learned(pipeline)
    found += _shares(config, pipeline, now)
    return found + waiting_dropped(pipeline)


def _outputs(config: Config, now: Situation) -> Iterator[str]:
    if now.unsaved:
        yield "the state cannot be written: nothing is read until it can be"
    for log, lines in now.unwritten.items():
        yield f"{log} cannot be written: {lines} lines of it are kept until it can be"
    if now.stuck:
        yield f"{config.run.outbox} cannot be written: notices are kept until it can be"
    elif now.handed:
        asked = f"does its manager run with FlowPrint::outbox set to {config.run.outbox}, and is "
        asked += "the folder of its flowprint_ack.log among run.logs?"
        yield f"Zeek has not raised {now.handed} of the notices that it was handed: {asked}"


def _conn(config: Config, now: Situation) -> Iterator[str]:
    there = {log.kind for log in now.logs} | (+now.recent.rows).keys()
    names = [f"{kind}.log" for kind in CONNECTIONS if kind in there]
    if not names:
        logs = " or ".join(f"{kind}.log" for kind in CONNECTIONS)
        yield f"no {logs} found: run.logs is {', '.join(config.run.logs)}"
    elif now.silence >= config.stream.idle:
        yield f"no row of {' or '.join(names)} for {now.silence / 60:.0f} min: is Zeek running?"
    if now.behind and now.lag is not None:
        yield f"behind: reading what was written {now.lag / 3600:.1f} h ago; nothing is left out"


def _learned(pipeline: Pipeline) -> list[str]:
    if pipeline.phase in {None, LEARN}:
        return []
    if not len(pipeline.site.known):
        return ["nothing is known after learning: every app is new; learn longer (run.learn_for)"]
    return learned_little(pipeline) if pipeline.phase == SHADOW else []


def _shares(config: Config, pipeline: Pipeline, now: Situation) -> Iterator[str]:
    """Yield what shares of what was counted lately are too large or too small."""
    recent = now.recent
    flows, strangers = recent.flows, recent.dropped.reasons["not_local"]
    if flows + strangers >= _ENOUGH:
        yield from foreign(recent.dropped, flows)
    if flows >= _ENOUGH and recent.nameless > flows * _NAMELESS:
        share = f"{recent.nameless / flows:.0%} of the flows have neither name nor certificate"
        yield "; ".join([share, *lacking(now.logs, by_file=pipeline.gathered.by_file)])
    if recent.overdue > (flows + recent.overdue) * _MANY:
        yield overdue(f"{recent.overdue / (flows + recent.overdue):.0%} of the rows")
    if recent.future:
        yield (
            f"{recent.future} rows end more than {config.run.skew:g} s ahead of this host's clock "
            "and are left out: compare its clock with the sensor's"
        )
    for kind, damaged in sorted(recent.damaged.items()):
        rows = recent.rows[kind] + damaged
        if rows >= _ENOUGH and damaged > rows * _MANY:
            yield f"{damaged / rows:.0%} of the rows of {kind}.log are damaged"
