"""Rows of conn and ssl to notices: a whole replay beside the bare reading of its columns.

Usage: python -m benchmarks.endtoend FOLDER [--rows 1M] [--devices N] [--seed S] [--rounds N]
                                     [--forms tsv,gz,json,exported] [--json FILE|-]

The logs are *simulated* (`benchmarks.busy`, which also says what is derived): busy hours of a
network, written below FOLDER once. A replay learns the first half and detects in the rest. Beside
it stand readers of the columns that it needs of the same files, which do nothing with them, and,
where the command has ``--workers``, a replay by two processes. zat reads the first hour only: a
ratio is of the costs of a row, of whatever log.

Each run is in a process of its own, and is measured after its imports, which are told apart. All
take turns, round by round, after the files were read once. Ratios are those of medians: above 1 the
replay costs more than what it is compared with. Exit code 1: answers differ. A replay's answer is
the rows of notice.log and flowprint.log, which are the same for all forms but ``exported``, that
of a reader the number of rows and the sum of the parts of a second in their times.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
from dataclasses import asdict, dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

from benchmarks.apart import apart
from benchmarks.busy import FORMS, Stretch, written
from benchmarks.report import environment, figures, markdown, short, versions
from benchmarks.speed import count

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from benchmarks.apart import Run
    from benchmarks.busy import Written

ROUNDS = 5
ROWS = 1_000_000
ROWS_A_DEVICE = 1000
"""Rows of conn that a device has: about four hours."""

PACKAGES = ("polars", "zat")
REPLAY = "replay"
OWN, PANDAS, POLARS, ZAT = "read_chunks", "pandas", "polars", "zat"
WORKERS = "replay --workers 2"
NOT_INSTALLED = "not installed"


@dataclass(frozen=True, slots=True)
class Spread:
    """Several runs of one thing.

    Attributes
    ----------
    seconds, lowest, highest : float
        Median, lowest and highest core-seconds, imports left out.
    wall, imports, peak : float
        Medians of seconds on the clock, core-seconds of imports, and most MB held.
    rows : int
        Rows of all logs that were read.
    answer : object
        The answer.
    """

    seconds: float
    lowest: float
    highest: float
    wall: float
    imports: float
    peak: float
    rows: int
    answer: Any

    @property
    def cost(self) -> float:
        """Core-microseconds for a row."""
        return self.seconds / self.rows * 1e6


@dataclass(frozen=True, slots=True)
class Row:
    """A replay beside something else.

    Attributes
    ----------
    form, other : str
        Form of the logs, and what it is compared with.
    ratio, lowest, highest : float or None
        The replay's cost for a row over the other's, and that at the ends of both spreads; None
        where the other is not installed.
    wall : float or None
        The same ratio of seconds on the clock.
    agrees : bool or None
        Whether the answers are equal, None where they are of different things.
    replay : Spread
        The replay.
    beside : Spread or None
        The other.
    """

    form: str
    other: str
    ratio: float | None
    lowest: float | None
    highest: float | None
    wall: float | None
    agrees: bool | None
    replay: Spread
    beside: Spread | None


def spread(runs: Sequence[Run], rows: int) -> Spread:
    """Return several runs as one."""
    seconds = [run.seconds for run in runs]
    wall, imports, peak = (
        statistics.median(getattr(run, name) for run in runs)
        for name in ("wall", "imports", "peak")
    )
    middle = statistics.median(seconds)
    answer = runs[0].answer
    return Spread(middle, min(seconds), max(seconds), wall, imports, peak, rows, answer)


def beside(form: str, other: str, replay: Spread, spent: Spread | None, agrees: bool | None) -> Row:
    """Return a replay beside something else, None where that is not installed."""
    if spent is None:
        return Row(form, other, None, None, None, None, agrees, replay, None)
    work = spent.rows / replay.rows
    return Row(
        form,
        other,
        work * replay.seconds / spent.seconds,
        work * replay.lowest / spent.highest,
        work * replay.highest / spent.lowest,
        work * replay.wall / spent.wall,
        agrees,
        replay,
        spent,
    )


def has_workers() -> bool:
    """Tell whether a replay can have several processes."""
    asked = [sys.executable, "-m", "flowprint_zeek", REPLAY, "--help"]
    done = subprocess.run(asked, capture_output=True, text=True, check=True)  # noqa: S603 - ours
    return "--workers" in done.stdout


def contenders(form: str, logs: Written, *, workers: bool) -> dict[str, Callable[[], Run] | None]:
    """Return what is run for a form by name, None for what is not installed."""
    files = {kind: [str(file) for file in logs.files(kind)] for kind in logs.rows}
    read = partial(apart, "benchmarks.bare", "read")
    replay = partial(apart, "benchmarks.replayed", "replayed", [logs.folder], logs.detects)
    found: dict[str, Callable[[], Run] | None] = {REPLAY: replay}
    if workers:
        found[WORKERS] = partial(replay, "--workers", "2")
    found[OWN] = partial(read, OWN, form, files)
    found[PANDAS] = partial(read, PANDAS, form, files)
    found[POLARS] = partial(read, POLARS, form, files) if find_spec("polars") else None
    if form == "tsv":
        first = {kind: each[:1] for kind, each in files.items()}
        found[ZAT] = partial(read, ZAT, form, first)
    return found


def measured(form: str, logs: Written, rounds: int, *, workers: bool) -> list[Row]:
    """Return a replay of logs in a form beside all else."""
    for kind in logs.rows:
        for file in logs.files(kind):
            file.read_bytes()
    runs = contenders(form, logs, workers=workers)
    spent: dict[str, list[Run]] = {name: [] for name, run in runs.items() if run is not None}
    for _ in range(rounds):
        for name, run in runs.items():
            if run is not None:
                spent[name].append(run())
    found = {name: spread(each, _rows(each[0])) for name, each in spent.items()}
    replay = found[REPLAY]
    return [
        beside(form, name, replay, found.get(name), _agree(name, found))
        for name in runs
        if name != REPLAY
    ]


def _rows(run: Run) -> int:
    return int(run.answer["rows"])


def _agree(name: str, found: dict[str, Spread]) -> bool | None:
    """Tell whether an answer is that of the replay, or of our own reader."""
    if name in (OWN, ZAT) or name not in found:
        return None
    return bool(found[name].answer == found[REPLAY if name == WORKERS else OWN].answer)


def same_notices(rows: Iterable[Row]) -> bool:
    """Tell whether replays of all forms of one thing gave the same."""
    of_stock = {row.replay.answer["digest"] for row in rows if row.form != "exported"}
    return len(of_stock) <= 1


def tables(rows: Sequence[Row], stretch: Stretch, logs: dict[str, Written]) -> str:
    """Return a Markdown table for each form, ratios first, below a line of versions."""
    lines = [versions(*PACKAGES), ""]
    for form, one in logs.items():
        own = [row for row in rows if row.form == form]
        about = _about(form, one, stretch, own[0].replay)
        lines += [about, "", *markdown(_HEADER, [_cells(row) for row in own]), ""]
    if not same_notices(rows):
        lines += ["ANSWERS DIFFER between the forms.", ""]
    return "\n".join(lines)


def _about(form: str, logs: Written, stretch: Stretch, replay: Spread) -> str:
    """Return what was replayed and what that cost."""
    read = " and ".join(f"{rows:,} rows of {kind}" for kind, rows in logs.rows.items())
    hours, answer = (logs.closes - logs.opens) / 3600, replay.answer
    return (
        f"**{form}**: {read}, {hours:.1f} hours of {stretch.devices:,} devices, *simulated*, to "
        f"{answer['notices']} notices in {answer['batches']} batches: {replay.seconds:.2f} "
        f"core-seconds ({replay.lowest:.2f} to {replay.highest:.2f}), and {replay.imports:.2f} "
        f"before for imports; at most {replay.peak:.0f} MB."
    )


_HEADER = (
    *("a replay beside", "costs times as much", "lowest to highest", "lasts times as long"),
    *("answers agree", "µs a row: replay", "other", "core-seconds: replay", "other"),
    *("seconds: replay", "other", "rows: other", "MB: other"),
)


def _cells(row: Row) -> list[str]:
    replay, other = row.replay, row.beside
    if other is None or row.ratio is None or row.lowest is None or row.highest is None:
        return [row.other, NOT_INSTALLED, *[""] * (len(_HEADER) - 2)]
    return [
        row.other,
        figures(row.ratio),
        f"{figures(row.lowest)} to {figures(row.highest)}",
        figures(row.wall or 0.0),
        "" if row.agrees is None else "yes" if row.agrees else "NO",
        figures(replay.cost),
        figures(other.cost),
        figures(replay.seconds),
        figures(other.seconds),
        figures(replay.wall),
        figures(other.wall),
        short(other.rows),
        f"{other.peak:.0f}",
    ]


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, print tables or JSON, return the exit code."""
    given = _parser().parse_args(arguments)
    stretch = Stretch(given.rows, given.devices or max(12, given.rows // ROWS_A_DEVICE), given.seed)
    logs = written(stretch, given.folder, given.forms)
    workers = has_workers()
    rows: list[Row] = []
    for form, one in logs.items():
        rows += measured(form, one, given.rounds, workers=workers)
        print(f"{form}: {rows[-1].replay.seconds:.2f} core-seconds", file=sys.stderr, flush=True)
    result = {
        "parameters": asdict(stretch) | {"rounds": given.rounds, "forms": list(given.forms)},
        "environment": environment(*PACKAGES),
        "simulated": True,
        "logs": {form: asdict(one) for form, one in logs.items()},
        "rows": [asdict(row) for row in rows],
    }
    text = json.dumps(result, indent=2)
    if given.json not in (None, "-"):
        Path(given.json).write_text(text + "\n", encoding="utf-8")
    print(text if given.json == "-" else tables(rows, stretch, logs))
    return 0 if same_notices(rows) and all(row.agrees is not False for row in rows) else 1


def _forms(text: str) -> tuple[str, ...]:
    forms = tuple(text.split(","))
    if unknown := [form for form in forms if form not in FORMS]:
        raise argparse.ArgumentTypeError(f"no form {unknown[0]!r}; there are {', '.join(FORMS)}")
    return forms


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.endtoend",
        description="Rows of conn and ssl to notices, beside the bare reading of their columns.",
    )
    parser.add_argument("folder", type=Path, help="where the logs are, or are written")
    parser.add_argument("--rows", type=count, default=ROWS, help="of conn; default 1M")
    parser.add_argument("--devices", type=count, help="default one for 1,000 rows, at least 12")
    parser.add_argument("--seed", type=int, default=1, help="of the simulator; default 1")
    parser.add_argument("--rounds", type=count, default=ROUNDS, help="default 5")
    parser.add_argument("--forms", type=_forms, default=FORMS, help="default all")
    parser.add_argument("--json", metavar="FILE", help="write JSON; - for stdout, without tables")
    return parser


if __name__ == "__main__":
    sys.exit(main())
