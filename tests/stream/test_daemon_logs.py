"""The daemon when Zeek's logs or a clock are not as they should be, and how far behind it is."""

from __future__ import annotations

import errno
import gzip
import os
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from flowprint_zeek.stream.outputs import VERDICTS
from flowprint_zeek.zeek.follow import MOST_OPEN
from tests.stream.daemons import LAST, START, Site, ends_as, in_order, small, story
from tests.stream.small import Conn, session

HALF = 2_000.0
DAY = 86_400.0


def told(caplog: pytest.LogCaptureFixture, word: str) -> list[str]:
    return [text for text in caplog.messages if word in text]


# Which logs there are


def test_logs_may_come_later(
    site: Site, replay: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """A daemon waits for its logs, and says what is not there."""
    site.current.rmdir()
    site.poll()
    site.poll()
    assert caplog.messages == [f"{site.current}: no such directory"]
    site.current.mkdir()
    site.poll()
    assert ends_as(site, replay)


@pytest.mark.parametrize("logs", ["{0}/conn.log,{0}/ssl.log", "{0}/*.log", "{0}/c*.log,{0}/s*.log"])
def test_logs_as_files_and_patterns(tmp_path: Path, replay: dict[str, bytes], logs: str) -> None:
    """What they name is read as the folder would be."""
    site = Site(tmp_path, small(tmp_path, run__logs=logs.format(tmp_path / "current")))
    site.append(*session("stranger", 30.0), kinds=["conn"])
    (site.current / "conn.log").rename(site.current / "conn_other.txt")
    assert ends_as(site, replay)


def test_a_log_that_cannot_be_read_is_told_once(
    site: Site, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """conn.log is read on meanwhile, and this one as soon as it can be."""
    real = Path.open

    def opened(path: Path, *given: Any, **named: Any) -> Any:
        if path.name == "ssl.log" and not given[0].startswith("a"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *given, **named)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", opened)
        site.follow(HALF)
    assert told(caplog, "ssl.log") == [f"{site.current}/ssl.log: cannot be read: Permission denied"]
    assert site.running.pipeline.counts.batches == 5
    verdicts = site.out / VERDICTS
    assert b"mail.example" not in verdicts.read_bytes()
    site.follow(HALF + 700)
    assert b"mail.example" in verdicts.read_bytes()
    assert len(told(caplog, "ssl.log")) == 1


def test_a_folder_that_vanishes_and_comes_back(
    site: Site, replay: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """What is held open is read on, and the folder again when it is back."""
    site.follow(HALF)
    away = site.current.rename(site.folder / "away")
    for _ in range(3):
        site.poll()
    assert told(caplog, "current") == [f"{site.current}: no such directory"]
    away.rename(site.current)
    assert ends_as(site, replay)


def test_a_folder_that_is_another_one(site: Site, replay: dict[str, bytes]) -> None:
    """A link that comes to point to another folder: as Zeek's does when it is updated."""
    for name in ("first", "second"):
        (site.folder / name).mkdir()
    site.current.rmdir()
    site.current.symlink_to(site.folder / "first")
    site.follow(HALF)
    site.current.unlink()
    site.current.symlink_to(site.folder / "second")
    assert ends_as(site, replay)


def test_logs_that_are_truncated(
    site: Site, replay: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """Zeek that was killed truncates them when it starts: they are read from their beginning."""
    site.follow(HALF)
    for path in site.current.iterdir():
        with path.open("r+b") as file:
            file.truncate()
    assert ends_as(site, replay)
    assert caplog.messages == []


def test_what_a_truncation_took_is_told(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Rows that were seen and not read are lost, and that is said."""
    site.follow(HALF)
    site.write(HALF + 500)
    site.running.poll(lambda: True)
    for path in site.current.iterdir():
        with path.open("r+b") as file:
            file.truncate()
    for _ in range(3):
        site.poll(11.0)
    assert len(told(caplog, "truncated with")) == 2


# A log that falls silent


def test_a_silent_conn_log_closes_its_batches_by_the_clock(site: Site) -> None:
    """After stream.idle, and not before: the same batch that a row would have closed."""
    site.follow(1_900.0)
    before = site.running.pipeline.last_closed / 1e6 - START
    site.poll(298)
    assert site.running.pipeline.last_closed / 1e6 - START == before
    site.poll(4)
    assert site.running.pipeline.last_closed / 1e6 - START == before + 300


def test_a_silence_is_the_daemons_own_and_not_that_before_its_start(
    site: Site, replay: dict[str, bytes]
) -> None:
    """What was written while it was down is read before any clock closes a batch."""
    site.follow(HALF)
    site.stop()
    site.write(HALF + 1_000)
    site.monotonic += DAY
    site.poll()
    assert ends_as(site, replay)


# Clocks


def test_a_sensor_whose_clock_is_set_back(site: Site, replay: dict[str, bytes]) -> None:
    """Its rows are overdue and counted until its clock has passed where it was."""
    site.follow(HALF)
    back = [replace(one, uid=f"{one.uid}-back", start=one.start - 3_000) for one in story()]
    site.append(*(one for one in in_order(back) if one.start < HALF - 1_000))
    site.poll()
    overdue = site.running.pipeline.gathered.overdue
    assert overdue > 20
    assert ends_as(site, replay)


def test_a_sensor_whose_clock_jumps_ahead(
    site: Site, replay: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """Rows beyond run.skew are left out, counted and told of once; its other logs stay readable."""
    site.follow(HALF)
    site.offset = 5 * DAY
    site.append(*(replace(one, uid=f"{one.uid}-ahead") for one in session("mail", HALF)))
    site.poll()
    site.append(*(replace(one, uid=f"{one.uid}-more") for one in session("mail", HALF)))
    site.poll()
    site.offset = 0.0
    site.follow(HALF + 300)
    assert site.running.live.future == 32
    assert told(caplog, "ahead of") == [
        "16 rows end more than 3600 s ahead of this host's clock: left out"
    ]
    assert ends_as(site, replay)


def test_rows_that_are_left_out_are_told_of_again_after_an_hour(
    site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """With how many came since."""
    site.follow(HALF)
    site.offset = 5 * DAY
    for name in ("a", "b", "c"):
        site.append(*(replace(one, uid=f"{one.uid}-{name}") for one in session("mail", HALF)))
        site.poll(1_799)
    site.poll()
    assert [text[:7] for text in told(caplog, "ahead of")] == ["16 rows", "32 rows"]


@pytest.mark.parametrize("jump", [-400 * DAY, -2 * 3_600.0, 2 * 3_600.0, 400 * DAY])
def test_the_clock_of_the_daemons_host_jumps(
    site: Site, replay: dict[str, bytes], caplog: pytest.LogCaptureFixture, jump: float
) -> None:
    """It changes nothing: what waits is measured with a clock that does not jump."""
    site.follow(HALF)
    site.wall = START + HALF + jump
    site.follow(HALF + 800)
    assert ends_as(site, replay)
    assert caplog.messages == []


def test_a_commit_under_a_clock_that_was_ahead(site: Site, replay: dict[str, bytes]) -> None:
    """What was archived meanwhile is caught up with all the same."""
    site.follow(HALF)
    now = (site.current / "conn.log").stat().st_mtime
    site.wall = now + 400 * DAY
    site.follow(HALF + 400)
    site.stop()
    site.wall = now + 60
    site.write(HALF + 900)
    pack(site, 1)
    assert ends_as(site, replay)


# How far behind it is


def pack(site: Site, number: int) -> None:
    """Rotate and archive the logs."""
    for path in site.current.glob("*.log"):
        packed = (
            site.folder / "archive" / f"{path.stem}.{number:02d}:00:00-{number:02d}:59:59.log.gz"
        )
        packed.write_bytes(gzip.compress(path.read_bytes(), mtime=0))
        path.unlink()


def test_catching_up_is_told_with_how_far_behind_it_is(
    site: Site, replay: dict[str, bytes], caplog: pytest.LogCaptureFixture
) -> None:
    """Once when it begins, and once when it is done."""
    site.follow(HALF)
    site.stop()
    site.write(LAST)
    site.poll()
    assert caplog.messages == [
        "behind: reading what was written 0.6 h ago; nothing is left out",
        "has caught up with the logs",
    ]
    assert ends_as(site, replay)
    assert len(caplog.messages) == 2


def test_a_daemon_that_keeps_up_says_nothing(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Neither about rows that come in time nor about a sensor whose clock is behind."""
    site.wall = START + 5 * DAY
    site.follow(HALF, step=30.0)
    caplog.clear()
    site.follow(LAST, step=650.0)
    assert caplog.messages == []


def test_many_rotated_files_are_few_open_ones(tmp_path: Path) -> None:
    """Catching up opens files one after the other and holds a chunk of each log that is read."""
    site = Site(tmp_path, small(tmp_path))
    site.follow(600.0)
    site.stop()
    held: list[int] = []
    quiet = [
        Conn(f"C{number}", 700.0 + number * 20, name="n1.mail.example") for number in range(150)
    ]
    site.left = []
    for number, one in enumerate(quiet):
        site.append(one)
        for kind in ("conn", "ssl"):
            log = site.current / f"{kind}.log"
            log.rename(site.current / f"{kind}.2026-01-01-{number:06d}.log")
    before = descriptors()
    daemon = site.running
    step = daemon.live.step

    def counted() -> bool:
        held.append(descriptors() - before)
        return step()

    daemon.live.step = counted  # type: ignore[method-assign]
    site.poll()
    assert daemon.stats.rows["conn"] == 150 + 32
    assert len(held) > 5
    assert max(held) <= MOST_OPEN + 10
    site.stop()
    assert descriptors() == before


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
