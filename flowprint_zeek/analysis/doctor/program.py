"""Zeek itself: where it is, and how old."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.doctor.finding import note, ok, problem
from flowprint_zeek.analysis.doctor.host import is_there
from flowprint_zeek.zeek.sensor import PROGRAM

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowprint_zeek.analysis.doctor.finding import Finding
    from flowprint_zeek.analysis.doctor.scene import Scene

NEEDED = (8, 0)
"""Version from which on the Zeek package works."""

_PATIENCE = 20.0
_VERSION = re.compile(r"(?:zeek|bro)\S* version (\d+)\.(\d+)(\S*)")


def program_of(scene: Scene) -> Path | None:
    """Return where Zeek is, None where it is not found."""
    if scene.zeek is not None:
        found = shutil.which(scene.zeek)
        return None if found is None else Path(found).absolute()
    found = shutil.which(PROGRAM, path=scene.host.search)
    if found is not None:
        return Path(found).absolute()
    places = (prefix / "bin" / name for prefix in scene.host.prefixes for name in (PROGRAM, "bro"))
    return next((place for place in places if is_there(place)), None)


def check_program(scene: Scene) -> Iterator[Finding]:
    """Tell where Zeek is, and whether the Zeek package works with it."""
    program = program_of(scene)
    if program is None and scene.zeek is not None:
        yield problem("zeek", f"there is no program {scene.zeek}", "name Zeek with --zeek PROGRAM")
        return
    if program is None:
        places = ", ".join(str(prefix / "bin") for prefix in scene.host.prefixes)
        yield note(
            "zeek",
            f"Zeek is not on PATH and not in {places or 'any other place'}",
            "name it with --zeek PROGRAM; if it runs on another host, never mind: only its logs "
            "are needed",
        )
        return
    said = _said(program)
    version = _VERSION.search(said)
    if version is None:
        text = f"{program} --version says no version ({said[:80] or 'nothing'})"
        yield problem("zeek", text, "name the Zeek that runs with --zeek PROGRAM")
        return
    number = f"{version[1]}.{version[2]}{version[3]}"
    if (int(version[1]), int(version[2])) < NEEDED:
        # Notices that are handed to Zeek need the package.
        made = note if scene.config.run.notices == "log" else problem
        yield made(
            "zeek",
            f"{program} is Zeek {number}: stock logs are read, but the Zeek package needs 8.0",
            "to see long connections while they live, install Zeek 8.0 or later "
            "(https://zeek.org/get-zeek/)",
        )
        return
    yield ok("zeek", f"{program} is Zeek {number}")


def _said(program: Path) -> str:
    """Return what a program says of its version; nothing is loaded for that."""
    try:
        done = subprocess.run(  # noqa: S603  what the operator names, without a shell
            [str(program), "--version"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_PATIENCE,
            check=False,
        )
    except OSError as error:
        return f"cannot be started: {error.strerror}"
    except subprocess.TimeoutExpired:
        return f"no answer within {_PATIENCE:g} s"
    return done.stdout.decode("utf-8", "replace").strip()
