"""Peak memory of a case."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.memory import most_of, peak


def test_peak_in_a_process_of_its_own() -> None:
    """A run holds at least as much as its input."""
    found = peak("linear-batch", 100, 1)

    assert ["input", "peak"] == sorted(found)
    assert 0 < found["input"] <= found["peak"]


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="needs /proc")
def test_what_a_process_held_at_most() -> None:
    """Nothing is known of one that ended, whether somebody asked for its end or not."""
    held = most_of(os.getpid())
    assert held is not None
    assert held > 1
    with subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE) as ended:
        assert ended.stdout is not None
        ended.stdout.read()
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert most_of(ended.pid) is None
    assert most_of(ended.pid) is None
