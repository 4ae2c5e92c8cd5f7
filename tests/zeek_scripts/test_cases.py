"""The Zeek scripts in a real Zeek, where there is one: the cases of btest."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
CASES = sorted(path.stem for path in HERE.glob("cases/*.zeek"))
MISSING = [name for name in ("zeek", "zeek-cut") if shutil.which(name) is None]


@pytest.mark.skipif(bool(MISSING), reason=f"not on PATH: {', '.join(MISSING)}")
@pytest.mark.parametrize("case", CASES)
def test_a_case(case: str, tmp_path: Path) -> None:
    """What Zeek writes is the baseline."""
    programs = Path(sys.executable).parent
    place = os.environ | {"PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"}
    command = ["btest", "-d", "-s", f"btest:TmpDir={tmp_path}", f"cases/{case}.zeek"]
    done = subprocess.run(command, cwd=HERE, env=place, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
