"""The baseline table: what everything costs beside what it is compared with.

Usage: python -m benchmarks.speed [--cases NAME,...] [--sizes 1k,...] [--rounds N] [--seed S]
                                  [--quick] [--stages] [--json FILE|-]

Tables go to stdout and progress to stderr. Exit code 1: answers differ more than they may.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from benchmarks import memory, stages
from benchmarks.harness import measure
from benchmarks.registry import cases
from benchmarks.report import as_json, short, tables

if TYPE_CHECKING:
    from collections.abc import Sequence

    from benchmarks.harness import Case, Row

ROUNDS = 5
QUICK = 10_000
QUICK_ROUNDS = 3
_UNITS = {"k": 1000, "M": 1_000_000}


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure what is asked for, print tables or JSON, return the exit code."""
    parser = _parser()
    given = parser.parse_args(arguments)
    try:
        chosen = choose(given.cases)
    except (KeyError, ImportError) as error:
        parser.error(str(error.args[0]))
    rounds = given.rounds
    if rounds is None:
        rounds = QUICK_ROUNDS if given.quick else ROUNDS
    rows = []
    for case in chosen:
        for size in given.sizes or sizes(case, quick=given.quick):
            rows.append(_measured(case, size, given.seed, rounds, profile=given.stages))
            _say(rows[-1])
    parameters = {
        "cases": [case.name for case in chosen],
        "sizes": given.sizes,
        "rounds": rounds,
        "seed": given.seed,
        "quick": given.quick,
    }
    text = json.dumps(as_json(rows, parameters), indent=2)
    if given.json not in (None, "-"):
        Path(given.json).write_text(text + "\n", encoding="utf-8")
    print(text if given.json == "-" else tables(rows, chosen))
    return 0 if all(row.agrees for row in rows) else 1


def choose(names: Sequence[str]) -> list[Case]:
    """Return the cases of names, which are those of cases or of modules; without names all.

    Raises
    ------
    KeyError
        No case and no module has a name.
    """
    of_module = cases()
    known = {case.name: (case,) for own in of_module.values() for case in own}
    unknown = [name for name in names if name not in known and name not in of_module]
    if unknown:
        raise KeyError(f"no case {unknown[0]!r}; there are {', '.join([*of_module, *known])}")
    wanted = [case for name in names or of_module for case in {**known, **of_module}[name]]
    return list(dict.fromkeys(wanted))


def sizes(case: Case, *, quick: bool) -> tuple[int, ...]:
    """Return the sizes of a case; quickly, the small ones or the smallest."""
    small = tuple(size for size in case.sizes if size <= QUICK)
    return (small or case.sizes[:1]) if quick else case.sizes


def _measured(case: Case, size: int, seed: int, rounds: int, *, profile: bool) -> Row:
    # Memory first, while this process holds no input.
    most = memory.peak(case.name, size, seed) if case.memory else {}
    row = replace(measure(case, size, seed, rounds), memory=most)
    if not profile or case.stages is None:
        return row
    run = case.make(size, seed).ours.prepare()
    run()
    return replace(row, stages=stages.shares(case.stages, run))


def _say(row: Row) -> None:
    print(
        f"{row.case} {short(row.size)}: {row.ratio:.3g} times as fast"
        f" ({row.lowest:.3g} to {row.highest:.3g}, {row.rounds} rounds)",
        file=sys.stderr,
    )


def count(text: str) -> int:
    """Return a count such as ``300``, ``30k`` or ``1M``."""
    unit = _UNITS.get(text[-1:], 1)
    value = int(text.removesuffix("k").removesuffix("M")) * unit
    if value <= 0:
        raise argparse.ArgumentTypeError(f"{text!r} is no count")
    return value


def _several(text: str) -> list[str]:
    return text.split(",")


def _sizes(text: str) -> list[int]:
    return [count(one) for one in text.split(",")]


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.speed",
        description="What everything costs beside what it is compared with; exit code 1 where "
        "answers differ more than they may.",
    )
    parser.add_argument("--cases", type=_several, default=[], help="cases or modules; default all")
    parser.add_argument("--sizes", type=_sizes, default=[], help="instead of those of each case")
    parser.add_argument("--rounds", type=count, help="at most; default 5")
    parser.add_argument("--seed", type=int, default=1, help="of the generators; default 1")
    parser.add_argument("--quick", action="store_true", help="small sizes, three rounds")
    parser.add_argument("--stages", action="store_true", help="where the time of the engine goes")
    parser.add_argument("--json", metavar="FILE", help="write JSON; - for stdout, without tables")
    return parser


if __name__ == "__main__":
    sys.exit(main())
