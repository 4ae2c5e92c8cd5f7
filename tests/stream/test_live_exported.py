"""The daemon follows the logs of the Zeek package as it follows stock logs."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.stream.outputs import NOTICES, VERDICTS
from flowprint_zeek.stream.phases import Learning
from tests.stream.exports import (
    EXPORTED,
    STOCK,
    all_rows,
    exported_rows,
    talk,
    write_logs,
)
from tests.stream.small import BATCH, SECOND
from tests.stream.test_exported import LEARNED, story
from tests.stream.test_kept import outcomes
from tests.stream.test_live import Running, followed, replayed, settings, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.stream.sensor import Rotation


@pytest.mark.parametrize("kinds", [EXPORTED, (*STOCK, *EXPORTED)], ids=["alone", "both"])
@pytest.mark.parametrize(("rotation", "seed"), [("none", 0), ("plain", 1), ("zeekctl", 2)])
def test_live_equals_replay(
    tmp_path: Path, kinds: tuple[str, ...], rotation: Rotation, seed: int
) -> None:
    """Rows out of order, flushes that end anywhere, rotation, restarts: the same bytes."""
    rows, config = all_rows(story()), settings(tmp_path, run__learn_for=f"{LEARNED}s")
    write_logs(tmp_path / "source", {kind: rows[kind] for kind in kinds})
    expected = replayed(tmp_path / "source", tmp_path / "replayed", config)
    assert expected[NOTICES].count(b"Unseen_App") >= 1
    assert expected[VERDICTS].count(b"\n") > 50
    assert followed(tmp_path / "source", tmp_path, config, rotation, seed) > 1
    assert written(tmp_path / "out") == expected


def test_restarts_change_nothing(tmp_path: Path) -> None:
    """A pipeline that restarts after every batch still knows what was told of exactly."""
    write_logs(tmp_path, all_rows(story()))
    config = settings(tmp_path)
    whole, found, restarts = outcomes(tmp_path, config, Learning(duration=LEARNED * SECOND))
    assert restarts > 20
    assert whole.gathered.dropped.reasons["exported"] > 100
    assert found.noted("Unseen_App")


def test_rows_of_other_widths_are_left_out_and_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Zeek was set otherwise for a while: what it wrote then is told once, and stays out."""
    rows = exported_rows([talk("C1", 10)], BATCH, 45 * SECOND)
    rows += exported_rows([talk("C2", 20)]) + exported_rows([talk("C3", 30)], 600 * SECOND)
    write_logs(tmp_path / "current", {"flowprint_conn": rows})
    (tmp_path / "archive").mkdir()
    running = Running(settings(tmp_path))
    with caplog.at_level(logging.WARNING):
        running.poll()
    daemon = running.daemon
    assert daemon is not None
    (problem,) = daemon.status().problems
    assert "flowprint_conn.log: has batches of 300 s and windows of 45 s" in problem
    assert caplog.text.count("FlowPrint::window") == 1
    running.monotonic += 86_400
    running.poll()
    assert daemon.pipeline.counts.flows == 1
    running.stop()
