"""``status``: what a daemon does now, and what it needs."""

from __future__ import annotations

import time
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.cli import options
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.shown import time_text
from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.errors import StateError
from flowprint_zeek.stream.snapshot import Snapshot
from flowprint_zeek.stream.status import doing

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.stream.status import Done, Kept, Reading, Status

_SILENT = 300.0
"""Seconds after which it needs a person that a daemon tells nothing."""

Rows = list[tuple[str, object]]


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    config = options.settings(args)
    snapshot = Snapshot(Path(config.run.state))
    status, runs = snapshot.status(), snapshot.in_use
    age = None if status is None else max(0.0, round(time.time() - status.written, 1))
    _healthy(snapshot, args.max_age, age, runs=runs)
    needs = [*_standstill(age, runs=runs), *([] if status is None else status.attention)]
    if args.json:
        told = {"running": runs, "age": age, "attention": needs}
        held = {"status": None if status is None else asdict(status)}
        terminal.json({"parameters": config.to_dict()} | told | held)
        return Exit.OK
    said = "has told nothing yet" if status is None else f"{doing(status)}; told {_ago(age)} ago"
    terminal.line(f"daemon {'runs' if runs else 'does not run'}: {said}")
    for text in needs:
        terminal.line(f"needs attention: {text}")
    if status is not None:
        _show(status, terminal)
    return Exit.OK


def _healthy(snapshot: Snapshot, most: float | None, age: float | None, *, runs: bool) -> None:
    """Raise StateError where a daemon has to be well and is not."""
    if most is None:
        return
    if not runs:
        raise StateError("no daemon runs with it", path=snapshot.path)
    if age is None or age > most:
        said = "nothing yet" if age is None else f"nothing for {_ago(age)}"
        raise StateError(f"the daemon has told {said}", path=snapshot.path)


def _standstill(age: float | None, *, runs: bool) -> list[str]:
    if not runs:
        return ["no daemon runs with this state"]
    if age is not None and age > _SILENT:
        why = "it cannot write its state, is busy with one large batch, or hangs"
        return [f"the daemon has told nothing for {_ago(age)}: {why}"]
    return []


def _ago(seconds: float | None) -> str:
    """Return a span of time as people read it.

    >>> _ago(12.3), _ago(400.0), _ago(100_000.0), _ago(400_000.0)
    ('12 s', '7 min', '28 h', '5 days')
    """
    span = seconds or 0.0
    for unit, size, least in (("days", 86_400, 2), ("h", 3_600, 2), ("min", 60, 2)):
        if span >= size * least:
            return f"{span / size:.0f} {unit}"
    return f"{span:.0f} s"


def _show(status: Status, terminal: Terminal) -> None:
    tables = {
        "Daemon": _daemon(status),
        "What comes in": _reading(status.reading),
        "What was made of it": _done(status.done),
        "What is kept": _kept(status.kept),
    }
    for title, rows in tables.items():
        terminal.table(title, ("", ""), rows)
    logs = [(log.kind, log.path, log.unread) for log in status.reading.logs]
    terminal.table("Logs", ("kind", "path", "bytes unread"), logs)
    for problem in status.problems:
        terminal.line(f"problem: {problem}")


def _daemon(status: Status) -> Rows:
    return [
        ("version", status.version),
        ("settings read", _time(status.started)),
        ("mode", status.mode),
        ("done with the last batch", status.phase),
        ("until (log time)", _time(None if status.progress is None else status.progress.ends)),
    ]


def _reading(reading: Reading) -> Rows:
    return [
        ("newest row (log time)", _time(reading.newest)),
        ("age of it", None if reading.lag is None else _ago(reading.lag)),
        ("rows read", _parts(reading.rows)),
        ("rows a second", reading.rows_a_second),
        ("rows damaged", _parts(reading.damaged)),
        ("rows that are no flow", _parts(reading.dropped)),
        ("rows overdue", reading.overdue),
        ("rows of the future", reading.future),
        ("bytes unread", reading.unread),
        ("logs followed", reading.n_logs),
    ]


def _done(done: Done) -> Rows:
    return [
        ("last batch closed (log time)", _time(done.closed)),
        ("batches", f"{done.batches}: {done.learned} learned, {done.degraded} degraded"),
        ("flows", done.flows),
        ("devices", done.devices),
        ("named by", _parts(done.coverage)),
        ("fingerprints", f"{done.fingerprints}: {done.unseen} unseen"),
        ("notices", f"{done.notices}: {done.notices_today} today"),
        ("notices held back today", done.held_today),
    ]


def _kept(kept: Kept) -> Rows:
    return [
        ("known apps", kept.known),
        ("elements seen", kept.elements),
        ("pending apps", kept.pending),
        ("lines not written yet", _parts(kept.unwritten)),
        ("bytes of the state", kept.state_bytes),
        ("notices that Zeek is to raise", kept.handed),
        ("seconds of the last commit", kept.commit_seconds),
    ]


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else time_text(microseconds(seconds))


def _parts(values: Mapping[str, float | None]) -> str | None:
    parts = [f"{name} {'-' if value is None else value}" for name, value in values.items()]
    return ", ".join(parts) or None
