"""Captures of three small apps, for a search that takes no time."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.captures import read_captures
from flowprint_zeek.analysis.choices import RECOGNITION
from flowprint_zeek.analysis.manifest import read_manifest
from flowprint_zeek.analysis.rounds import Wanted
from flowprint_zeek.analysis.tuning.cells import Task, plan_of
from flowprint_zeek.config import load
from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.stream.replay import Span
from tests.stream.small import conn_log, session

if TYPE_CHECKING:
    from flowprint_zeek.analysis.captures import Captures

START = Parameters(scheme="names")
NARROW = Parameters(scheme="names", window=1.0)
"""Leaves most flows of these captures in no fingerprint."""
APPS = ("chat", "game", "mail")
RUNS = 4


def recorded(folder: Path, runs: int = RUNS) -> Path:
    """Write captures of the apps and a manifest of them.

    Each has names of its own; mail shares half of them with chat, and its last run has those only.
    """
    lines = []
    for run in range(runs):
        for app in APPS:
            name = f"{app}{run}"
            (folder / name).mkdir()
            own = session(app, run, flows=12, names=6)
            shared = session("chat", run + 0.5, flows=6, names=3) if app == "mail" else []
            both = [replace(one, uid=f"{one.uid}{name}") for one in (*own, *shared)]
            both = both[-6:] if name == f"mail{runs - 1}" else both
            conn_log(folder / name, *both)
            lines.append(f"{name}\t{app}")
    path = folder / "manifest.tsv"
    path.write_text("\n".join(lines))
    return path


@cache
def captures() -> Captures:
    """Return them as they are read."""
    with TemporaryDirectory() as folder:
        path = recorded(Path(folder))
        return read_captures(
            path,
            read_manifest(path),
            load(None, environ={}, overrides={}),
            Span(None, None),
            certificates=True,
            advance=lambda: None,
        )


def task(kind: str = RECOGNITION, method: str = "jaccard", **wanted: int) -> Task:
    """Return the task to score settings on them."""
    held = captures()
    whole = np.ones(len(held.rows), dtype=np.bool_)
    plan = plan_of(held.label, whole, len(held.rows), kind, Wanted(**wanted))  # type: ignore[arg-type]  # numbers
    return Task(held, [plan], kind, method, 0.1)
