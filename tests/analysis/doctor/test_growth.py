"""Whether logs grow, by which clock."""

from __future__ import annotations

import pytest

from flowprint_zeek.analysis.doctor.growth import check_clock, check_growth
from tests.analysis.doctor.setups import NOW, Setup, aged, of


def test_logs_that_grow(setup: Setup) -> None:
    """What was written seconds ago is well."""
    assert of(check_growth(setup.scene()), "ok")["growth"] == (
        f"{setup.log('conn')} was written 5 s ago; "
    )
    assert "s old" in of(check_clock(setup.scene()), "ok")["clock"]


def test_a_log_that_stopped(setup: Setup) -> None:
    """How long ago, and where to look."""
    for path in setup.current.iterdir():
        aged(path, 7_300)
    found = of(check_growth(setup.scene()), "problem")["growth"]
    assert f"{setup.log('conn')} was written last 2.0 h ago" in found
    assert "`zeekctl status`" in found


def test_one_log_that_stopped(setup: Setup) -> None:
    """Others go on beside it."""
    aged(setup.log("ssl"), 10_000)
    found = of(check_growth(setup.scene()), "note")
    assert found.keys() == {"growth.ssl"}
    assert "has had no row for 2.8 h in which conn.log had some" in found["growth.ssl"]


def shifted(setup: Setup, seconds: float) -> None:
    """Let the sensor's clock be ahead."""
    setup.edit("conn", lambda row: row | {"ts": f"{float(row['ts']) + seconds:.6f}"})


@pytest.mark.parametrize(("ahead", "zone"), [(7_200.0, True), (5_000.0, False)])
def test_rows_of_the_future(setup: Setup, ahead: float, zone: bool) -> None:
    """Whole half hours look like a wrong time zone."""
    shifted(setup, ahead)
    found = of(check_clock(setup.scene()), "problem")["clock"]
    assert f"rows of {setup.log('conn')} end more than run.skew (60 min) ahead" in found
    assert "`timedatectl set-ntp true`" in found
    assert ("looks like a time zone" in found) == zone


def test_a_little_ahead(setup: Setup) -> None:
    """Up to run.skew it does no harm."""
    shifted(setup, 1_000.0)
    assert of(check_clock(setup.scene()), "ok").keys() == {"clock"}


def test_rows_of_the_past(setup: Setup) -> None:
    """They are written now, and tell of long ago."""
    shifted(setup, -3 * 3_600.0)
    found = of(check_clock(setup.scene()), "problem")["clock"]
    assert "before the file was written" in found
    assert "looks like a time zone" in found
    assert "`flowprint-zeek replay`" in found


def test_a_clock_that_was_never_set(setup: Setup) -> None:
    """It is this host's."""
    setup.has(now=lambda: NOW - 20 * 365 * 86_400)
    found = of(check_clock(setup.scene()), "problem")["clock"]
    assert found.startswith("the clock of this host shows 2006-03-")
