"""A daemon beside a sensor in real time, with a clock that does not wait."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest
import yaml

from benchmarks import live, soak
from benchmarks.realtime import SECOND, Pace, Sensor
from flowprint_zeek.config import load
from flowprint_zeek.stream.daemon import Clocks, Daemon

if TYPE_CHECKING:
    from pathlib import Path

BEGIN = 1_772_452_800
"""2026-03-02 12:00, where a batch begins."""
PACE = Pace(batch=20, learned=1, batches=2)
STEP = 1.0
LAG = 3.0


class Clock:
    """A clock that is set."""

    def __init__(self) -> None:
        self.now = float(BEGIN)

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def hour(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[soak.Table], soak.Places]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(soak, "BUSIEST", 1)
        tables, groups, _ = soak.hour(10, 12, 1, tmp_path_factory.mktemp("hour"))
    return tables, groups


def lived(
    hour: tuple[list[soak.Table], soak.Places], site: Path, until: float
) -> tuple[range, Sensor, live.Watch]:
    """Let a daemon look every second; it writes ``LAG`` later than it is told to."""
    clock = Clock()
    (site / "current").mkdir()
    config = site / "config.yaml"
    config.write_text(yaml.safe_dump(live.settings(site, PACE)))
    daemon = Daemon(load(config, environ={}, overrides={}), Clocks(clock, clock))
    sensor = Sensor(*hour, site / "current", BEGIN * SECOND, PACE, clock)
    watch = live.Watch(site / "out", PACE, lambda _path: clock.now + LAG)
    expected = PACE.judged(BEGIN * SECOND)
    while clock.now < until:
        sensor.write(int(clock.now * SECOND))
        daemon.poll()
        watch.look(expected)
        clock.now += STEP
    sensor.close()
    daemon.close()
    return expected, sensor, watch


def test_every_batch_has_its_notice(
    hour: tuple[list[soak.Table], soak.Places], tmp_path: Path
) -> None:
    """Notices and verdicts come with the row that closes the batch, and not before it."""
    expected, sensor, watch = lived(hour, tmp_path, BEGIN + 100)

    found = live.batches(expected, sensor, watch)

    assert list(expected) == [one.number for one in found]
    assert [LAG] * 2 == [one.notice for one in found]
    assert [LAG] * 2 == [one.verdicts for one in found]
    closed = [sensor.readable[number] for number in expected]
    assert all(PACE.closes(n) / SECOND < at for n, at in zip(expected, closed, strict=True))


def test_what_was_not_written_has_no_latency(
    hour: tuple[list[soak.Table], soak.Places], tmp_path: Path
) -> None:
    """A batch that nothing closed yet is told of as missing."""
    expected, sensor, watch = lived(hour, tmp_path, BEGIN + 70)

    found = live.batches(expected, sensor, watch)

    assert [LAG, None] == [one.notice for one in found]
    text = live.table(live.Result(10, 0.5, None, 70.4, found), PACE)
    assert "50.0% of a core and 70 MB at most" in text
    assert ["2", "none", "none"] == [
        cell.strip() for cell in text.splitlines()[-1].strip("|").split("|")
    ]


def test_what_a_core_sustains() -> None:
    """Connections and rows of the last hour by what it took."""
    hours = [soak.Hour(1, 9, 9, 9, 9, 9, 9), soak.Hour(2, 10_800, 60, 36, 9, 9, 9)]

    found = live.sustained(2.0, hours)

    assert 200 == found["connections_a_core_second"]
    assert 300 == found["rows_a_core_second"]
    assert 120 == found["connections_a_second"]


def test_the_clock_of_a_process() -> None:
    """The core-seconds of this process rise."""
    before = live.cpu(os.getpid())
    assert sum(range(100_000)) > 0
    assert before < live.cpu(os.getpid())
