"""A few of the kills that `tests.stream.crashes` makes hundreds of."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.stream.crashes import AIMS, crash, logs

if TYPE_CHECKING:
    from pathlib import Path


def test_kills_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    """Wherever the daemon is killed, its logs become those of a replay, byte for byte."""
    done = crash(logs(tmp_path / "logs", 18), tmp_path / "site", 18, seed=1)
    assert done.total() == 18
    assert set(done) == set(AIMS)
