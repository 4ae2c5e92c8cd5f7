"""A few of the ends that `tests.zeek_scripts.handback` makes hundreds of, with a real Zeek."""

from __future__ import annotations

import shutil
import signal
from typing import TYPE_CHECKING

import pytest

from tests.zeek_scripts.handback import hand

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = [
    pytest.mark.skipif(shutil.which("zeek") is None, reason="not on PATH: zeek"),
    pytest.mark.timeout(300),
]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_findings_reach_zeek_whoever_ends(tmp_path: Path, number: signal.Signals) -> None:
    """None is lost; where nobody is killed each is raised once."""
    handing, said = hand(tmp_path, 4, 1, number)
    assert len(handing.found) > 4, said
    assert handing.waiting == []
