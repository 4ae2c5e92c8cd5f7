"""Peak memory of a case, in a process of its own.

Usage: python -m benchmarks.memory CASE SIZE SEED
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
from pathlib import Path

from benchmarks.registry import cases


def peak(case: str, size: int, seed: int) -> dict[str, float]:
    """Return ``input`` and ``peak``: most MB held before and after a first run of ours."""
    command = [sys.executable, "-m", "benchmarks.memory", case, str(size), str(seed)]
    root = Path(__file__).resolve().parents[1]
    done = subprocess.run(  # noqa: S603 - our own module
        command, cwd=root, capture_output=True, text=True, check=True
    )
    found: dict[str, float] = json.loads(done.stdout)
    return found


def main(arguments: list[str]) -> int:
    """Print both figures as JSON."""
    name, size, seed = arguments
    (case,) = [case for own in cases().values() for case in own if case.name == name]
    run = case.make(int(size), int(seed)).ours.prepare()
    before = most()
    run()
    print(json.dumps({"input": before, "peak": most()}))
    return 0


def most() -> float:
    """Return the most memory that this process held, MB."""
    # Linux hands ru_maxrss of the parent down to the child; VmHWM is the process's own.
    if (own := most_of("self")) is not None:
        return own
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most / 1024 / (1024 if sys.platform == "darwin" else 1)


def most_of(process: int | str) -> float | None:
    """Return the most memory that a process held, MB; None where the system does not tell."""
    status = Path(f"/proc/{process}/status")
    if not status.exists():
        return None
    fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
    # A process that ended holds nothing.
    return int(fields["VmHWM"].split()[0]) / 1024 if "VmHWM" in fields else None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
