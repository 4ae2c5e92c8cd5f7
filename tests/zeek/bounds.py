"""Reads one file in a process of its own and tells what that took.

Usage: python -m tests.zeek.bounds FILE COLUMN,...

Prints JSON: rows, damaged lines, problems, and the most MB held beyond what importing takes.
"""

from __future__ import annotations

import json
import subprocess
import sys
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks import memory
from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.files import log_at
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

COLUMNS = "ts,uid,query,answers,made_up"


@dataclass(frozen=True, slots=True)
class Taken:
    """What reading a file took and gave."""

    rows: int
    damaged: int
    problems: list[str]
    megabytes: float


def taken(path: Path, columns: str = COLUMNS) -> Taken:
    """Read a file in a process of its own."""
    command = [sys.executable, "-m", "tests.zeek.bounds", str(path), columns]
    root = Path(__file__).resolve().parents[2]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
    return Taken(**json.loads(done.stdout))


def main(path: str, columns: str) -> int:
    """Read a file and print what it took."""
    before = memory.most()
    stats = ReadStats()
    rows = 0
    try:
        for chunk in read_chunks(log_at(path), columns.split(","), stats=stats):
            rows += len(chunk)
    except LogError as error:
        stats.problems.append(str(error))
    found = Taken(rows, stats.damaged.total(), stats.problems, memory.most() - before)
    sys.stdout.write(json.dumps(asdict(found)))
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
