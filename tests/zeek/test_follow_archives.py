"""Logs that go on in archives, and after a restart."""

from __future__ import annotations

import gzip
import os
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.zeek.follow import MOST_OPEN
from flowprint_zeek.zeek.tail import Position
from tests.zeek.sites import Site, log_text, uids
from tests.zeek.small_logs import HEADER

if TYPE_CHECKING:
    from pathlib import Path

ROTATED = "conn.2026-01-01-12-00-00.log"


@pytest.mark.parametrize("seen", [True, False])
def test_zeekctl_archives_a_log(site: Site, *, seen: bool) -> None:
    """Moved out of sight, compressed onto the final name, deleted: it is read once."""
    site.add([1, 2])
    site.poll()
    site.add([3])
    hidden = site.log.rename(site.archive.parent / "conn-26-01-01_12.00.00.log")
    if seen:
        assert uids([3]) == site.poll()
    packed = gzip.compress(hidden.read_bytes())
    day = site.archive / "2026-01-01"
    day.mkdir()
    for end in (0, 30, len(packed) - 9, len(packed)):
        (day / "conn.11:00:00-12:00:00.log.gz").write_bytes(packed[:end])
        site.poll(1.0)
    hidden.unlink()
    assert site.settle() == []
    assert uids([1, 2, 3]) == site.got
    assert site.paths() == []
    assert site.open_files() == 0
    assert site.problems == []


def test_an_archive_of_what_was_read_is_not_read_again(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its last bytes tell that there is no more in it."""
    site.add([1, 2])
    site.poll()
    archive = site.pack(site.log)
    assert site.settle() == []
    opened = []
    monkeypatch.setattr(
        "flowprint_zeek.zeek.followed.Tail.open", lambda tail: opened.append(tail.log.path)
    )
    monkeypatch.setattr(
        "flowprint_zeek.zeek.followed.Tail.read", lambda tail, **_: opened.append(tail.log.path)
    )
    packed = archive.read_bytes()
    for end in (len(packed) - 9, len(packed)):
        archive.write_bytes(packed[:end])
        assert site.poll(1.0) == []
    assert site.settle() == []
    site.restart()
    assert site.settle() == []
    assert opened == []


def test_what_an_archive_has_more_comes_when_it_is_complete(site: Site) -> None:
    """It may be made long after the log was finished, and says nothing while it is made."""
    site.add([1])
    site.poll()
    hidden = site.log.rename(site.archive.parent / "hidden")
    site.settle()
    site.add([2], hidden)
    os.utime(site.pack(hidden), (1.0, 1.0))
    assert site.poll() == []
    assert uids([2]) == site.settle()


@pytest.mark.parametrize("where", ["current", "archive"])
def test_a_plain_log_is_preferred_to_its_archive(site: Site, where: str) -> None:
    """The archive beside it may be half written."""
    plain = site.current.parent / where / ROTATED
    plain.write_bytes(log_text(range(40)))
    (site.current / f"{ROTATED}.gz").write_bytes(gzip.compress(log_text(range(40)))[:300])
    assert uids(range(40)) == site.poll()
    assert [ROTATED] == site.paths()
    assert site.settle() == []
    assert site.problems == []


def test_an_archive_that_is_being_written_is_read_as_it_grows(site: Site) -> None:
    """It is nothing to complain of before it stays incomplete."""
    packed = gzip.compress(log_text(range(40)))
    path = site.archive / "conn.00:00:00-01:00:00.log.gz"
    for end in range(0, len(packed), 40):
        path.write_bytes(packed[:end])
        site.poll(1.0)
    assert len(site.got) > 10
    assert site.stats.problems == []
    assert site.settle() == []
    assert ["compressed data ends early; read up to there"] == [
        text.rpartition(": ")[2] for text in site.stats.problems if "damaged" not in text
    ]
    assert site.paths() == []
    path.write_bytes(packed)
    site.settle()
    assert uids(range(40)) == site.got


def test_an_archive_that_becomes_complete_elsewhere(site: Site) -> None:
    """Where the half is all that was seen, the whole beside it gives the rest."""
    packed = gzip.compress(log_text(range(40)))
    (site.archive / "conn.00:00:00-01:00:00.log.gz").write_bytes(packed[:300])
    site.settle()
    assert 0 < len(site.got) < 40
    (site.archive / "conn.00:00:00-01:00:00.again.log.gz").write_bytes(packed)
    site.settle()
    assert uids(range(40)) == site.got


def test_logs_of_several_loggers(site: Site) -> None:
    """Each is a log of its own, while it grows and in the archive."""
    paths = [site.current / f"conn.logger-{number}.log" for number in (1, 2)]
    for number, path in enumerate(paths):
        site.add([1, number + 2], path)
    with paths[0].open("r+b") as file:
        file.write(HEADER.replace(b"2026-01-01", b"2026-01-02"))
    assert uids([1, 2, 1, 3]) == site.poll()
    for number, path in enumerate(paths):
        site.add([number + 4], path)
        site.pack(path, f"conn.00:00:00-01:00:00-logger-{number + 1}.log.gz")
    assert uids([4, 5]) == site.settle()
    assert site.paths() == []


@pytest.mark.parametrize("where", ["live", "renamed", "packed", "both"])
def test_a_restart_goes_on_wherever_the_log_is(site: Site, where: str) -> None:
    """From the position alone; what came while nobody read is read, nothing twice."""
    site.add([1, 2])
    site.poll()
    site.restart()
    site.add([3])
    if where != "live":
        path = site.rotate(ROTATED)
    if where == "both":
        content = path.read_bytes()
    if where in {"packed", "both"}:
        site.pack(path)
    if where == "both":
        path.write_bytes(content)
    assert uids([3]) == site.settle()
    site.restart()
    assert site.settle() == []
    assert uids([1, 2, 3]) == site.got


def test_archives_of_unknown_logs_are_read_from_a_time_on(tmp_path: Path) -> None:
    """Older ones are not looked at; without a time none are but those of known logs."""
    site = Site(tmp_path, since=1_000.0)
    for number in (1, 2):
        path = site.current / "conn.tmp"
        site.add([number], path)
        os.utime(site.pack(path, f"conn.0{number}:00:00.log.gz"), (number * 600, number * 600))
    assert uids([2]) == site.settle()
    site.options["since"] = None
    site.restart()
    site.add([4])
    path = site.current / "conn.tmp"
    path.write_bytes(log_text([2, 5]))
    site.pack(path, "conn.02:00:00.log.gz")
    assert uids([5, 4]) == site.settle()
    site.pack(site.log, "conn.04:00:00.log.gz")
    site.settle()
    assert uids([2, 5, 4]) == site.got
    site.follower.close()


def test_a_thousand_archives_are_opened_one_after_another(site: Site) -> None:
    """None before it is read, and no more than some at a time."""
    for number in range(1000):
        path = site.archive / f"conn.{number:06d}.log.gz"
        path.write_bytes(gzip.compress(log_text([number, number + 1000], closed=True), 1))
        os.utime(path, (number, number))
    site.scan()
    logs = site.logs()
    assert len(logs) == 1000
    assert site.open_files() == 0
    for log in logs:
        chunk = log.read()
        assert chunk is not None
        site.got += chunk.rows["uid"].tolist()
        assert site.open_files() <= MOST_OPEN
    assert uids(n + more for n in range(1000) for more in (0, 1000)) == site.got
    assert site.settle() == []
    assert site.open_files() == 0
    assert site.logs() == []
    assert len(site.follower.positions()) == 1000


def test_positions_of_what_is_nowhere_are_kept_for_a_week(site: Site) -> None:
    """Stored ones that were not found too: an archive may be away for a while."""
    site.follower.close()
    site._follower({"0" * 16: Position(7, 1)})
    site.add([1])
    site.poll()
    (found,) = (log.identity for log in site.logs())
    site.log.unlink()
    site.settle()
    assert {"0" * 16, found} == set(site.follower.positions())
    site.poll(600_000.0)
    assert {"0" * 16, found} == set(site.follower.positions())
    site.poll(10_000.0)
    assert site.follower.positions() == {}


def test_what_was_read_before_a_restart_is_held_open(site: Site) -> None:
    """It may be written to and deleted before it is read again."""
    site.add([1])
    site.poll()
    site.restart()
    site.scan()
    site.add([2])
    site.log.unlink()
    assert uids([2]) == site.poll()
