"""What the last hour of the logs would tell the daemon: the pipeline itself, run over it."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.doctor.finding import Finding, note, ok, problem
from flowprint_zeek.analysis.doctor.recent import Part, last_part, rows_of
from flowprint_zeek.analysis.doctor.scene import KINDS
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.errors import LogError
from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.stream.phases import LEARN, Learning
from flowprint_zeek.stream.pipeline import Pipeline
from flowprint_zeek.stream.replay import KINDS as REPLAYED
from flowprint_zeek.stream.replay import Source, key_of, prepared, replay
from flowprint_zeek.stream.report import coverage, foreign, lacking, no_flows, overdue
from flowprint_zeek.zeek.join import COLUMNS, CONNECTIONS
from flowprint_zeek.zeek.reader import ReadStats

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.analysis.doctor.scene import Found, Scene
    from flowprint_zeek.stream.explained import Why
    from flowprint_zeek.stream.notices import Row
    from flowprint_zeek.zeek.files import LogFile

HOUR = 3_600

MOST = 16 << 20
"""Bytes of each kind of log that are read, at most."""

_ENOUGH = 100
"""Flows from which on their shares tell something."""

_NAMELESS = 0.5
_OVERDUE = 0.01


class _Nowhere:
    """A sink that keeps nothing."""

    def notice(self, row: Row, _why: Why | None = None) -> None:
        """Take a row of notice.log."""

    def verdict(self, row: Row) -> None:
        """Take a row of flowprint.log."""


@dataclass(slots=True)
class Recent(Source):
    """The ends of logs, as a replay takes them.

    Parameters
    ----------
    parts : dict of Path to Part
        What is read of each file.
    since : int
        Connections that begin before, µs, are left out: of these other logs told earlier.
    """

    parts: dict[Path, Part] = field(default_factory=dict)
    since: int = 0

    def _read(self, log: LogFile) -> Iterator[pd.DataFrame]:
        part = Part(log, self.parts[log.path].start, self.parts[log.path].size)
        for chunk in rows_of(part, COLUMNS[log.kind], self.stats):
            rows = prepared(chunk, log.kind, self._widths, log.path)
            yield rows[rows["start"] >= self.since] if log.kind in CONNECTIONS else rows


def check_coverage(scene: Scene) -> Iterator[Finding]:
    """Tell what is known of the connections of the last hour, and whose they are."""
    last = scene.newest_connections()
    if last is None:
        return
    newest = last.newest_by(scene.host.now() + scene.config.run.skew) or 0.0
    source = _recent(scene, last.found.changed, newest)
    if not any(log.kind in CONNECTIONS for log in source.logs):
        yield note(
            "coverage",
            "logs of connections are large archives, which are not looked through",
            "add the folder in which Zeek's conn.log grows to run.logs",
        )
        return
    pipeline = _replayed(scene, source)
    flows, dropped = pipeline.counts.flows, pipeline.gathered.dropped
    # What flowprint_conn.log tells of, too, counts once.
    total = flows + sum(dropped.reasons.values()) - dropped.reasons["exported"]
    looked = f"from {_time(source.since)} to {_time(newest * SECOND)} ({total} connections)"
    if total < _ENOUGH:
        yield note("coverage", f"too few connections {looked} to tell shares", "ask again later")
        return
    yield from _devices(scene, pipeline, looked)
    if flows < _ENOUGH:
        return
    yield _named(source, pipeline, looked)
    if pipeline.gathered.overdue > (flows + pipeline.gathered.overdue) * _OVERDUE:
        share = pipeline.gathered.overdue / (flows + pipeline.gathered.overdue)
        yield problem(
            "order",
            overdue(f"{share:.0%} of the rows {looked}").partition(";")[0],
            "compare the clocks of the sensors, or raise stream.disorder in the file of --config",
        )


def _time(micros: float) -> str:
    # What logs tell may be no year that Python knows.
    return f"{np.datetime64(round(micros / SECOND), 's')}Z"


def _devices(scene: Scene, pipeline: Pipeline, looked: str) -> Iterator[Finding]:
    """Tell whether connections are of devices, and which networks would have to be added."""
    flows, dropped = pipeline.counts.flows, pipeline.gathered.dropped
    strangers = dropped.reasons["not_local"]
    share = flows / max(flows + strangers, 1)
    if flows and not foreign(dropped, flows):
        devices = len(pipeline.counts.devices)
        said = f"{share:.0%} of the connections {looked} have a device, {devices} in all"
        yield ok("networks", said)
        return
    said = f"{share:.0%} of the connections {looked} have a device"
    if not flows:
        said = f"{no_flows(dropped).partition(': ')[0]} {looked}"
    if not dropped.foreign:
        yield problem("networks", said, "see which hosts Zeek sees: its traffic is of no device")
        return
    top = sorted(dropped.foreign.items(), key=lambda item: (-item[1], item[0]))[:3]
    most = ", ".join(f"{prefix} ({count})" for prefix, count in top)
    every = ", ".join((*scene.config.device.local_networks, *(prefix for prefix, _ in top)))
    yield problem(
        "networks",
        f"{said}: most of the others are opened from {most}",
        f"if these are yours, write `local_networks: [{every}]` in section device of the file of "
        "--config",
    )


def _named(source: Source, pipeline: Pipeline, looked: str) -> Finding:
    shares = coverage(pipeline)
    parts = ", ".join(f"{key.replace('_', ' ')} {share or 0:.0%}" for key, share in shares.items())
    said = f"flows {looked}: {parts}"
    if (shares["none"] or 0.0) <= _NAMELESS:
        return ok("coverage", said)
    lacks = lacking(source.logs, by_file=pipeline.gathered.by_file)
    return problem(
        "coverage",
        "; ".join([said, *lacks]),
        "let Zeek write ssl.log, http.log and dns.log, and let it see both directions of the "
        "traffic and the lookups of devices",
    )


def _replayed(scene: Scene, source: Recent) -> Pipeline:
    """Run the pipeline over the ends of logs, learning them."""
    try:
        return _run(scene, source)
    except LogError:
        # Rows of the Zeek package that do not fit are told of elsewhere.
        logs = [log for log in source.logs if log.kind != "flowprint_conn"]
        if len(logs) == len(source.logs):
            raise
    source.stats.rows.clear()
    return _run(scene, Recent(logs, stats=source.stats, parts=source.parts, since=source.since))


def _run(scene: Scene, source: Recent) -> Pipeline:
    site = Site(KnownApps(scene.config.model.max_fingerprints))
    pipeline = Pipeline(scene.config, site, Learning(always=LEARN), _Nowhere())
    replay(source, pipeline)
    return pipeline


def _recent(scene: Scene, changed: float, newest: float) -> Recent:
    """Return the last hour of all logs, or as much of it as may be read of each."""
    parts: list[tuple[Found, Part]] = []
    for kind in (one for one in KINDS if one in REPLAYED):
        found = [one for one in scene.of(kind) if one.changed > changed - HOUR]
        parts += _parts(found)
    cut = [_begins(part, found.kind) for found, part in parts if part.cut]
    since = max([newest - HOUR, *cut])
    return Recent(
        [part.log for _, part in parts],
        parts={part.log.path: part for _, part in parts},
        since=round(since * SECOND),
    )


def _parts(found: list[Found]) -> Iterator[tuple[Found, Part]]:
    """Yield the ends of the logs of a kind."""
    seen: set[Path] = set()
    for one in found:
        if one.log is None or one.path in seen:
            continue
        seen.add(one.path)
        try:
            part = last_part(one.log, MOST // len(found))
        except OSError:
            continue
        if part.ends:
            yield one, part


def _begins(part: Part, kind: str) -> float:
    """Return the time of the first row of a part, s since the epoch."""
    for chunk in rows_of(part, COLUMNS[kind], ReadStats()):
        rows = prepared(chunk, kind)
        if len(rows):
            return float(rows[key_of(kind)].iloc[0]) / SECOND
    return -math.inf
