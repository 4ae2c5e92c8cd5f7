"""The logs that settings lead to, and their last rows."""

from __future__ import annotations

import gzip

import pytest

from tests.analysis.doctor.setups import NOW, Setup, aged, parsed


def archived(setup: Setup, kind: str, age: float) -> None:
    """Move a log to the archive of its day, as zeekctl does."""
    day = setup.folder / "archive" / "2026-03-02"
    day.mkdir(exist_ok=True)
    packed = day / f"{kind}.00:00:00-01:00:00.log.gz"
    packed.write_bytes(gzip.compress(setup.log(kind).read_bytes()))
    aged(packed, age)
    setup.log(kind).unlink()


def test_a_log_that_was_rotated_just_now(setup: Setup) -> None:
    """Until Zeek makes the next one it is looked at in the archive."""
    archived(setup, "conn", 30.0)
    last = setup.scene().last("conn")
    assert last is not None
    assert last.found.archived
    assert last.newest == pytest.approx(NOW, abs=300)


def test_what_was_archived_long_ago(setup: Setup) -> None:
    """It says nothing of now."""
    archived(setup, "conn", 10_000.0)
    assert setup.scene().last("conn") is None


def test_a_log_that_grows_goes_first(setup: Setup) -> None:
    """An archive may be written later than it."""
    text = setup.log("conn").read_bytes()
    archived(setup, "conn", 1.0)
    setup.write(setup.log("conn"), text)
    assert [one.archived for one in setup.scene().of("conn")] == [False, True]


def test_a_row_of_the_future_is_not_the_newest_of_the_past(setup: Setup) -> None:
    """One row of a clock that jumped does not hide the others."""
    head, _, rows = parsed(setup.log("conn"))
    rows[-1]["ts"] = f"{NOW + 9e8:.6f}"
    lines = ["\t".join(one) for one in head] + ["\t".join(row.values()) for row in rows]
    setup.write(setup.log("conn"), "\n".join(lines) + "\n")
    last = setup.scene().last("conn")
    assert last is not None
    assert last.newest == pytest.approx(NOW + 9e8, abs=3_600)
    assert last.newest_by(NOW + 3_600) == pytest.approx(NOW, abs=300)
    assert last.newest_by(0.0) == last.newest


def test_files_that_vanish_are_left_out(setup: Setup) -> None:
    """Zeek may rotate between two looks."""
    scene = setup.scene()
    assert len(scene.logs) == 5
    setup.log("conn").unlink()
    assert scene.last("conn") is None
    assert scene.newest_connections() is None
