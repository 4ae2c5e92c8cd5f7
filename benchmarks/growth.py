"""Memory of a replay as the archive grows, and what a second process gains. *Simulated*.

Usage: python -m benchmarks.growth FOLDER [--rows 1M] [--devices N] [--seed S] [--turns 1,5]
                                   [--full] [--workers] [--json FILE|-]

The same busy hours (`benchmarks.busy`, TSV) are written again and again below FOLDER, once, with
later times and other uids, so that nothing but what a replay keeps of the past can make its memory
grow. The first half of the first turn is learned. Each replay is a process of its own; the ratio is
of the most memory that it held over that of the first one. By default 1 M and 5 M rows of conn,
with --full 20 M too, which are 20 turns and about 6 GB on disk. With --workers each is followed by
one of two processes, which must give the same: exit code 1 where it does not.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks.apart import apart
from benchmarks.busy import Stretch, written
from benchmarks.endtoend import ROWS, ROWS_A_DEVICE
from benchmarks.report import environment, markdown, short, versions
from benchmarks.speed import count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from benchmarks.busy import Written

TURNS = (1, 5)
FULL = 20
BATCH = 300
_DONE = "done"


@dataclass(frozen=True, slots=True)
class Row:
    """A replay of some turns.

    Attributes
    ----------
    turns, rows : int
        How often the hours were replayed, and rows of conn in them.
    ratio, peak : float
        Most memory over that of the first row, and in MB.
    seconds, imports : float
        Core-seconds, those before not among them.
    notices : int
        How many were raised.
    gain, cost : float or None
        Seconds on the clock over those of two processes, and core-seconds of two processes over
        these; None where that was not measured.
    same : bool
        Whether two gave the same.
    """

    turns: int
    rows: int
    ratio: float
    peak: float
    seconds: float
    imports: float
    notices: int
    gain: float | None = None
    cost: float | None = None
    same: bool = True


def turn(logs: Written, number: int) -> Path:
    """Return the folder of the logs of a turn, writing them if they are not there."""
    if not number:
        return Path(logs.folder)
    folder = Path(logs.folder).with_name("turns") / f"{number:03d}"
    if not (folder / _DONE).exists():
        folder.mkdir(parents=True, exist_ok=True)
        # Batches of all turns are cut alike.
        length = -(-(logs.closes - logs.opens) // BATCH) * BATCH
        for kind in logs.rows:
            for file in logs.files(kind):
                with file.open() as before, (folder / file.name).open("w") as after:
                    after.writelines(later(before, number, number * int(length)))
        (folder / _DONE).touch()
    return folder


def later(lines: Iterator[str], number: int, seconds: int) -> Iterator[str]:
    """Yield lines of a log as they are in a later turn."""
    for line in lines:
        if line.startswith("#"):
            yield line
        else:
            ts, uid, rest = line.split("\t", 2)
            whole, part = ts.split(".")
            yield f"{int(whole) + seconds}.{part}\t{uid}{number:x}\t{rest}"


def measured(logs: Written, turns: Sequence[int], *, workers: bool = False) -> list[Row]:
    """Return replays of some turns each, also by two processes if asked for."""
    found: list[Row] = []
    for size in turns:
        folders = [str(turn(logs, number)) for number in range(size)]
        given = "benchmarks.replayed", "replayed", folders, logs.detects
        run = apart(*given)
        ratio = run.peak / (found[0].peak if found else run.peak)
        rows, notices = size * logs.rows["conn"], run.answer["notices"]
        row = Row(size, rows, ratio, run.peak, run.seconds, run.imports, notices)
        if workers:
            two = apart(*given, "--workers", "2")
            gain, cost = run.wall / two.wall, two.seconds / run.seconds
            row = replace(row, gain=gain, cost=cost, same=two.answer == run.answer)
        found.append(row)
        print(f"{short(rows)}: {run.peak:.0f} MB", file=sys.stderr, flush=True)
    return found


def table(rows: Sequence[Row], stretch: Stretch) -> str:
    """Return a Markdown table, ratios first, below a line of versions."""
    header = (
        *("rows of conn", "memory over the first", "MB", "rows a core-second", "notices"),
        *("two processes: times as fast", "core-seconds over those of one"),
    )
    cells = [
        [
            short(row.rows),
            f"{row.ratio:.2f}",
            f"{row.peak:.0f}",
            short(row.rows / row.seconds),
            str(row.notices),
            "other answers" if not row.same else _ratio(row.gain),
            _ratio(row.cost),
        ]
        for row in rows
    ]
    about = f"The same hours of {stretch.devices:,} devices again and again, *simulated*:"
    return "\n".join([versions(), "", about, "", *markdown(header, cells)])


def _ratio(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, and print a table or JSON."""
    given = _parser().parse_args(arguments)
    stretch = Stretch(given.rows, given.devices or max(12, given.rows // ROWS_A_DEVICE), given.seed)
    logs = written(stretch, given.folder, ("tsv",))["tsv"]
    turns = [*given.turns, FULL] if given.full else given.turns
    rows = measured(logs, turns, workers=given.workers)
    result = {
        "parameters": asdict(stretch) | {"turns": turns},
        "environment": environment(),
        "simulated": True,
        "rows": [asdict(row) for row in rows],
    }
    text = json.dumps(result, indent=2)
    if given.json not in (None, "-"):
        Path(given.json).write_text(text + "\n", encoding="utf-8")
    print(text if given.json == "-" else table(rows, stretch))
    return 0 if all(row.same for row in rows) else 1


def _turns(text: str) -> list[int]:
    return [count(one) for one in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.growth",
        description="Memory of a replay as the archive grows.",
    )
    parser.add_argument("folder", type=Path, help="where the logs are, or are written")
    parser.add_argument("--rows", type=count, default=ROWS, help="of conn in a turn; default 1M")
    parser.add_argument("--devices", type=count, help="default one for 1,000 rows, at least 12")
    parser.add_argument("--seed", type=int, default=1, help="of the simulator; default 1")
    parser.add_argument("--turns", type=_turns, default=list(TURNS), help="default 1,5")
    parser.add_argument("--full", action="store_true", help="20 turns too")
    parser.add_argument("--workers", action="store_true", help="each also with two processes")
    parser.add_argument("--json", metavar="FILE", help="write JSON; - for stdout, without table")
    return parser


if __name__ == "__main__":
    sys.exit(main())
