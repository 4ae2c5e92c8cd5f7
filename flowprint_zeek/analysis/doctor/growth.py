"""Whether logs grow, and whether their clock is that of this host."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.doctor.finding import note, ok, problem, span
from flowprint_zeek.core.flows import SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowprint_zeek.analysis.doctor.finding import Finding
    from flowprint_zeek.analysis.doctor.scene import Last, Scene

_SILENT = 3_600.0
"""Seconds after which a log has stopped that others are written beside."""

_ARCHIVED = 7_200.0

_LATE = 1_800.0
"""Seconds after its end within which a connection is written: Zeek waits for minutes for more."""

_ZONE = 1_800.0
_NEAR = 240.0
_FARTHEST = 14 * 3_600.0

_RELEASED = 1_735_689_600.0
"""Start of 2025: no clock that is set shows less."""

_BESIDE = ("ssl", "http", "dns", "capture_loss")


def check_growth(scene: Scene) -> Iterator[Finding]:
    """Tell whether rows are written now."""
    conn, now = scene.newest_connections(), scene.host.now()
    if conn is None:
        return
    age = now - conn.found.changed
    # Archives come once in a while.
    if age >= (_ARCHIVED if conn.found.path.suffix == ".gz" else scene.config.stream.idle):
        yield problem(
            "growth",
            f"{conn.found.path} was written last {span(age)} ago",
            "run `zeekctl status` (or look whether Zeek runs and sees traffic), and whether "
            f"{conn.found.path.parent} is still the folder it writes to",
        )
        return
    yield ok("growth", f"{conn.found.path} was written {span(max(age, 0.0))} ago")
    for kind in _BESIDE:
        last = scene.last(kind)
        if last is not None and conn.found.changed - last.found.changed > _SILENT:
            silent = span(conn.found.changed - last.found.changed)
            yield note(
                f"growth.{kind}",
                f"{last.found.path} has had no row for {silent} in which "
                f"{conn.found.kind}.log had some",
                f"look in reporter.log and weird.log for what became of it, unless there is no "
                f"{kind} traffic at this time",
            )


def check_clock(scene: Scene) -> Iterator[Finding]:
    """Tell whether rows tell of the time at which they were written."""
    now = scene.host.now()
    if now < _RELEASED:
        shown = time.strftime("%Y-%m-%d %H:%MZ", time.gmtime(now))
        yield problem(
            "clock", f"the clock of this host shows {shown}", "run `timedatectl set-ntp true`"
        )
        return
    conn = scene.newest_connections()
    if conn is None or conn.newest is None:
        return
    ahead, behind = conn.newest - now, conn.found.changed - conn.newest
    skew = scene.config.run.skew
    if ahead > skew:
        many = int((conn.times > (now + skew) * SECOND).sum())
        yield problem(
            "clock",
            f"{many} of the last {conn.times.size} rows of {conn.found.path} end more than "
            f"run.skew ({span(skew)}) ahead of this host's clock, the newest {span(ahead)}: they "
            f"are left out{_zone(ahead)}",
            "compare `date -u` on the sensor and on this host, and run `timedatectl set-ntp true` "
            "where it is wrong",
        )
    elif behind > _LATE:
        yield _behind(conn, behind)
    else:
        yield ok("clock", f"the newest row of {conn.found.path} is {span(abs(ahead))} old")


def _behind(conn: Last, behind: float) -> Finding:
    archived = conn.found.path.suffix == ".gz"
    said = f"the newest row of {conn.found.path} ends {span(behind)} before the file was written"
    if archived:
        return note("clock", said, "nothing, if it was compressed or copied late")
    return problem(
        "clock",
        f"{said}: its clock is behind, or these are logs of another time{_zone(behind)}",
        "compare `date -u` on the sensor and on this host; a file that was copied here, or is of a "
        "capture, is for `flowprint-zeek replay`",
    )


def _zone(seconds: float) -> str:
    """Return that a difference is that of time zones, where it looks like one.

    >>> _zone(7_210.0), _zone(4_500.0)
    ('; it looks like a time zone: local time that is taken for UTC', '')
    """
    off = abs(seconds - round(seconds / _ZONE) * _ZONE)
    if off > _NEAR or not _ZONE <= seconds <= _FARTHEST + _NEAR:
        return ""
    return "; it looks like a time zone: local time that is taken for UTC"
