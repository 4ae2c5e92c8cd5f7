"""What the daemon last told, and whether its state can be gone on from."""

from __future__ import annotations

import os
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.doctor.finding import Finding, note, ok, problem, span
from flowprint_zeek.analysis.doctor.host import barred_by, is_there
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.errors import StateError
from flowprint_zeek.stream.configured import parameters_of
from flowprint_zeek.stream.snapshot import Snapshot
from flowprint_zeek.stream.status import MOST_LOGS, doing
from flowprint_zeek.zeek.join import CONNECTIONS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowprint_zeek.analysis.doctor.scene import Scene
    from flowprint_zeek.stream.status import Status

_SILENT = 300.0
_NEW = 60.0
_BUDGET = "clique_budget"
"""The one parameter that may change: it bounds the search."""


def check_daemon(scene: Scene) -> Iterator[Finding]:
    """Tell whether a daemon runs, and what it says that needs a person."""
    path = Path(scene.config.run.state)
    if not is_there(path) and not barred_by(path):
        yield note(
            "daemon",
            f"run.state: there is no {path}: no daemon has run with it yet",
            "start it: `systemctl start flowprint-zeek`, or `flowprint-zeek run --config FILE`",
        )
        return
    try:
        snapshot = Snapshot(path)
        runs, status = snapshot.in_use, snapshot.status()
    except StateError as error:
        # The daemon's own user may be another.
        made = problem if scene.host.access(path, os.R_OK) else note
        yield made("state", f"{path} {error.message}", _mended(error.message))
        return
    yield from _basis(scene, snapshot)
    age = None if status is None else max(0.0, scene.host.now() - status.written)
    yield _running(runs=runs, doing_now=_doing(status), age=age)
    if status is None:
        return
    for log, lines in status.kept.unwritten.items():
        yield problem(
            "daemon.unwritten",
            f"{lines} lines of {log} wait in the state: run.output was not writable",
            f"make room in {scene.config.run.output}, or give the daemon's user the right to write "
            "there",
        )
    for text in status.attention if runs else ():
        yield problem(
            "daemon.attention", f"the daemon says: {text}", "docs/operations.md says what"
        )
    if runs:
        yield from _follows(scene, status)


def _doing(status: Status | None) -> str:
    return "it has told nothing yet" if status is None else f"it is {doing(status)}"


def _running(*, runs: bool, doing_now: str, age: float | None) -> Finding:
    told = "" if age is None else f", as it told {span(age)} ago"
    if not runs:
        return note(
            "daemon",
            f"no daemon runs with this state ({doing_now.replace('it is', 'it was')}{told})",
            "start it: `systemctl start flowprint-zeek`; `journalctl -u flowprint-zeek` says why "
            "it ended",
        )
    if age is not None and age > _SILENT:
        return problem(
            "daemon",
            f"the daemon has told nothing for {span(age)}",
            "wait if a batch is just large; else look whether its disk is full, or restart it",
        )
    return ok("daemon", f"a daemon runs: {doing_now}{told}")


def _mended(said: str) -> str:
    if "version" in said:
        return "use the version of flowprint-zeek that wrote it, or a later one"
    if "cannot be read" in said:
        return "run doctor as the user of the daemon"
    return "put a copy of it back, or move it away to learn anew"


def _basis(scene: Scene, snapshot: Snapshot) -> Iterator[Finding]:
    """Tell which settings are not those that the state was learned with."""
    try:
        learned = asdict(snapshot.parameters())
    except StateError as error:
        if "holds nothing yet" not in error.message:
            yield problem("state", f"{snapshot.path} {error.message}", _mended(error.message))
        return
    wrong = False
    for key, value in asdict(parameters_of(scene.config)).items():
        if key != _BUDGET and learned[key] != value:
            wrong = True
            yield problem(
                "state",
                f"{snapshot.path} was learned with fingerprint.{key} {learned[key]}, the settings "
                f"say {value}: the daemon does not start",
                f"set fingerprint.{key} back to {learned[key]}, or move {snapshot.path} away to "
                "learn anew",
            )
    if not wrong:
        yield ok("state", f"{snapshot.path} can be read and fits the settings")


def _follows(scene: Scene, status: Status) -> Iterator[Finding]:
    """Tell which log of connections is found here and not by the daemon."""
    if status.reading.n_logs > MOST_LOGS:
        return
    told = {Path(one.path).resolve() for one in status.reading.logs}
    for kind in CONNECTIONS:
        last = scene.last(kind)
        if last is None or not last.times.size or last.found.path.suffix == ".gz":
            continue
        # A log that was begun just now comes with the next status.
        if (
            last.times.min() / SECOND < status.written - _NEW
            and last.found.path.resolve() not in told
        ):
            yield problem(
                "daemon.logs",
                f"{last.found.path} is found here, and the daemon does not follow it",
                "run `systemctl reload flowprint-zeek` to read changed settings; if these "
                "are the same, let its user read the file",
            )
