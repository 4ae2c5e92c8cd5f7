"""A function in a process of its own: what it costs there, apart from what it imports.

Usage: python -m benchmarks.apart MODULE FUNCTION ARGUMENTS

ARGUMENTS are a list in JSON. Prints JSON: the fields of `Run`.
"""

from __future__ import annotations

import gc
import json
import resource
import subprocess
import sys
import time
from contextlib import redirect_stdout
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.memory import most


@dataclass(frozen=True, slots=True)
class Run:
    """What a run cost.

    Attributes
    ----------
    seconds, wall : float
        Core-seconds, with those of the processes that it started, and seconds on the clock.
    imports : float
        Core-seconds before: the interpreter's start, and imports.
    peak : float
        Most MB that the process held; those that it started hold more.
    answer : object
        What the function returned.
    """

    seconds: float
    wall: float
    imports: float
    peak: float
    answer: Any


def apart(module: str, function: str, *arguments: object) -> Run:
    """Run a function of a module in a process of its own.

    Raises
    ------
    subprocess.CalledProcessError
        It failed; what it said of that is on stderr.
    """
    command = [sys.executable, "-m", "benchmarks.apart", module, function, json.dumps(arguments)]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(  # noqa: S603 - our own module
        command, cwd=root, stdout=subprocess.PIPE, text=True, check=True
    )
    return Run(**json.loads(done.stdout))


def main(arguments: list[str]) -> int:
    """Run a function and print what it cost."""
    module, function, given = arguments
    run = getattr(import_module(module), function)
    gc.collect()
    wall, imports = time.perf_counter(), time.process_time()
    # Stdout is for what it cost.
    with redirect_stdout(sys.stderr):
        answer = run(*json.loads(given))
    wall = time.perf_counter() - wall
    seconds = time.process_time() - imports + _of_children()
    print(json.dumps(asdict(Run(seconds, wall, imports, most(), answer))))
    return 0


def _of_children() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
