"""How long a command takes that has little to do, and what share of it is imports.

Usage: python -m benchmarks.startup [--rounds N] [--json FILE|-]

``--help``, that of a command, ``--version`` and a replay of 1,000 rows of conn with their ssl rows
(*simulated*), each in a fresh process, in turn with an interpreter that does nothing: ratios are
those of the medians of seconds on the clock. Imports are what `python -X importtime` says in one
more run, by the package that is imported; its own reckoning makes them somewhat slower.
"""

from __future__ import annotations

import argparse
import json
import re
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections import Counter
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.busy import Stretch, written
from benchmarks.report import environment, figures, markdown, versions
from benchmarks.speed import count

if TYPE_CHECKING:
    from collections.abc import Sequence

ROUNDS = 11
STRETCH = Stretch(1000, 3)
LARGEST = 5
INTERPRETER = "python -c pass"
_IMPORTED = re.compile(r"^import time:\s+(\d+) \|\s+\d+ \|\s+(\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Row:
    """What a command takes.

    Attributes
    ----------
    command : str
        Its name.
    ratio : float
        Seconds on the clock over those of an interpreter that does nothing.
    wall, lowest, highest : float
        Median, lowest and highest of them.
    seconds : float
        Median core-seconds.
    modules : int
        Modules that it imports.
    share : float
        Share of imports in the seconds of the run that they were told in.
    imports : dict of str to float
        Their seconds by package, the most first.
    """

    command: str
    ratio: float
    wall: float
    lowest: float
    highest: float
    seconds: float
    modules: int
    share: float
    imports: dict[str, float]


def commands(folder: Path) -> dict[str, list[str]]:
    """Return what is run by name: arguments of Python."""
    ours = ["-m", "flowprint_zeek"]
    logs = written(STRETCH, folder, ("tsv",))["tsv"]
    given = [logs.folder, "-o", str(folder / "out"), "--learn-until", f"{logs.detects:.6f}", "-q"]
    return {
        INTERPRETER: ["-c", "pass"],
        "--version": [*ours, "--version"],
        "--help": [*ours, "--help"],
        "replay --help": [*ours, "replay", "--help"],
        f"replay of {STRETCH.rows:,} rows": [*ours, "replay", *given],
    }


def run(arguments: list[str]) -> tuple[float, float, str]:
    """Return the seconds on the clock, the core-seconds and the stderr of a fresh interpreter."""
    used, begun = _children(), time.perf_counter()
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    return time.perf_counter() - begun, _children() - used, done.stderr


def _children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def imports(told: str) -> tuple[int, dict[str, float]]:
    """Return how many modules were imported, and the seconds of each package, the most first.

    Parameters
    ----------
    told : str
        What ``python -X importtime`` wrote.
    """
    found: Counter[str] = Counter()
    each = _IMPORTED.findall(told)
    for micros, module in each:
        found[module.partition(".")[0]] += int(micros)
    return len(each), {name: micros / 1e6 for name, micros in found.most_common()}


def measured(of: dict[str, list[str]], rounds: int) -> list[Row]:
    """Return what commands take; the first is the one that others are compared with."""
    for arguments in of.values():  # so that all is compiled and in memory
        run(arguments)
    times: dict[str, list[tuple[float, float]]] = {name: [] for name in of}
    for _ in range(rounds):
        for name, arguments in of.items():
            wall, seconds, _ = run(arguments)
            times[name].append((wall, seconds))
    base = statistics.median(wall for wall, _ in times[next(iter(of))])
    rows = []
    for name, arguments in of.items():
        walls, cores = zip(*times[name], strict=True)
        whole, _, told = run(["-X", "importtime", *arguments])
        modules, packages = imports(told)
        middle, share = statistics.median(walls), sum(packages.values()) / whole
        spread = (middle, min(walls), max(walls), statistics.median(cores))
        rows.append(Row(name, middle / base, *spread, modules, share, packages))
    return rows


def table(rows: Sequence[Row]) -> str:
    """Return a Markdown table, ratios first, below a line of versions."""
    header = ("command", f"times {INTERPRETER}", "seconds", "lowest to highest", "core-seconds")
    cells = [
        [
            row.command,
            figures(row.ratio),
            figures(row.wall),
            f"{figures(row.lowest)} to {figures(row.highest)}",
            figures(row.seconds),
            f"{row.share:.0%}",
            str(row.modules),
            ", ".join(
                f"{name} {1000 * one:.0f}" for name, one in list(row.imports.items())[:LARGEST]
            ),
        ]
        for row in rows
    ]
    more = ("imports", "modules", "ms of imports by package")
    return "\n".join([versions(), "", *markdown((*header, *more), cells)])


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, and print a table or JSON."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.startup",
        description="How long a command takes that has little to do.",
    )
    parser.add_argument("--rounds", type=count, default=ROUNDS, help=f"default {ROUNDS}")
    parser.add_argument("--json", metavar="FILE", help="write JSON; - for stdout, without table")
    given = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="startup") as name:
        rows = measured(commands(Path(name)), given.rounds)
    result = {
        "parameters": {"rounds": given.rounds},
        "environment": environment(),
        "rows": [asdict(row) for row in rows],
    }
    text = json.dumps(result, indent=2)
    if given.json not in (None, "-"):
        Path(given.json).write_text(text + "\n", encoding="utf-8")
    print(text if given.json == "-" else table(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
