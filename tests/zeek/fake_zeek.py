"""A program that tests run in Zeek's place: it does as told, and notes how it was called."""

from __future__ import annotations

import json
import shlex
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pathlib import Path

PCAP = bytes.fromhex("d4c3b2a1") + bytes(20)
"""A capture without packets."""

_NOTING = """
import json, os, sys
from pathlib import Path
home = Path(__file__).parent
call = {"argv": sys.argv[1:], "cwd": os.getcwd(), "environment": dict(os.environ)}
with (home / "calls").open("a") as calls:
    calls.write(json.dumps(call) + "\\n")
capture = Path(sys.argv[sys.argv.index("-r") + 1])
"""


@dataclass(frozen=True)
class FakeZeek:
    """Such a program.

    Parameters
    ----------
    program : Path
        Where it is.
    """

    program: Path

    @property
    def calls(self) -> list[dict[str, Any]]:
        """Arguments, working directory and environment of each run."""
        noted = self.program.parent / "calls"
        return [json.loads(line) for line in noted.read_text().splitlines()]

    @property
    def started(self) -> bool:
        """Whether it ever ran."""
        return (self.program.parent / "calls").exists()


def fake_zeek(folder: Path, body: str = "") -> FakeZeek:
    """Write a program `zeek` to a new folder.

    Parameters
    ----------
    folder : Path
        Where it goes.
    body : str
        What it does, in Python; `capture` is the capture, `home` the folder of the program.
    """
    folder.mkdir()
    script = folder / "fake.py"
    script.write_text(_NOTING + body)
    program = folder / "zeek"
    command = shlex.join([sys.executable, "-IS", str(script)])
    program.write_text(f'#!/bin/sh\nexec {command} "$@"\n')
    program.chmod(0o755)
    return FakeZeek(program)


def capture(path: Path) -> Path:
    """Write a capture without packets."""
    path.write_bytes(PCAP)
    return path
