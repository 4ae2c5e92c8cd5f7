"""Which files are one log, and reading each once."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tests.zeek.sites import SETTLE, Site, log_text, uids
from tests.zeek.small_logs import COLUMNS, HEADER, row

if TYPE_CHECKING:
    from pathlib import Path

ROTATED = "conn.2026-01-01-12-00-00.log"


def test_a_log_is_read_as_it_grows(site: Site) -> None:
    """It may come late, and begin in pieces; quiet times do not end it."""
    assert site.settle() == []
    site.add(HEADER[:100])
    assert site.poll() == []
    assert site.logs() == []
    site.add(HEADER[100:] + row(1)[:5])
    assert site.poll() == []
    site.add(row(1)[5:])
    assert uids([1]) == site.poll()
    assert site.settle() == []
    site.add([2, 3])
    assert uids([2, 3]) == site.poll(1000.0)
    assert ["conn.log"] == site.paths()
    assert site.problems == []


def test_reading_needs_no_scan_in_between(site: Site) -> None:
    """A log gives what is appended after the scan."""
    site.add([1])
    site.scan()
    (log,) = site.logs()
    assert log.read() is not None
    assert log.read() is None
    site.add([2])
    chunk = log.read()
    assert chunk is not None
    assert uids([2]) == chunk.rows["uid"].tolist()
    assert log.position == chunk.end


def test_rotation_by_renaming(site: Site) -> None:
    """The old file is read to its end, then is finished; the new one at its place is another."""
    site.add([1, 2])
    site.poll()
    site.add([3])
    site.rotate(ROTATED)
    site.add([10])
    assert uids([3, 10]) == site.poll()
    assert [ROTATED, "conn.log"] == site.paths()
    assert site.settle() == []
    assert ["conn.log"] == site.paths()
    assert site.open_files() == 1
    assert site.problems == []


def test_what_is_written_after_renaming_is_read(site: Site) -> None:
    """Zeek goes on writing where another program renames its log."""
    site.add([1])
    site.poll()
    with site.log.open("ab", buffering=0) as file:
        path = site.rotate("conn.log.1")
        site.poll(SETTLE - 1)
        file.write(row(2))
        assert uids([2]) == site.poll(2.0)
        site.settle()
        assert site.paths() == []
        file.write(row(3))
    assert uids([3]) == site.poll()
    assert path.name in site.paths()
    assert uids([1, 2, 3]) == site.got


def test_what_is_written_out_of_sight_is_read(site: Site) -> None:
    """As long as it grows; it is found again when it comes back."""
    site.add([1])
    site.poll()
    with site.log.open("ab", buffering=0) as file:
        path = site.log.rename(site.archive.parent / "conn.log")
        for number in range(2, 7):
            file.write(row(number))
            assert uids([number]) == site.poll(SETTLE - 1)
        site.settle()
        assert site.open_files() == 0
        path.rename(site.log)
        assert site.poll() == []
        assert ["conn.log"] == site.paths()
        assert site.open_files() == 1


def test_a_log_that_is_not_read_to_its_end_is_not_finished(site: Site) -> None:
    """However long it does not change, and even if it was read to its end before."""
    site.add([1])
    site.poll()
    path = site.rotate(ROTATED)
    site.scan()
    site.add([2], path)
    for _ in range(5):
        site.scan(SETTLE)
    assert uids([2]) == site.poll()


def test_a_line_that_goes_on_is_not_the_last(site: Site) -> None:
    """Though the file seemed complete when it was looked at before."""
    path = site.current / ROTATED
    site.add(log_text([1]) + row(2)[:5], path)
    site.poll()
    site.scan(SETTLE)
    site.add(row(2)[5:9], path)
    assert site.poll() == []
    site.add(row(2)[9:], path)
    assert uids([2]) == site.settle()


def test_several_rotations_between_two_scans(site: Site) -> None:
    """All that were rotated are found, the oldest first."""
    site.add([1])
    site.poll()
    for number in range(2, 6):
        os.utime(site.rotate(f"conn.2026-01-01-0{number}-00-00.log"), (number, number))
        site.add([number])
    assert uids([2, 3, 4, 5]) == site.poll()
    assert site.settle() == []
    assert ["conn.log"] == site.paths()


def test_a_deleted_log_is_read_to_its_end(site: Site) -> None:
    """Its file is held open; after some time without change it is finished."""
    site.add([1])
    site.poll()
    with site.log.open("ab", buffering=0) as file:
        site.log.unlink()
        file.write(row(2))
        assert uids([2]) == site.poll()
        file.write(row(3)[:-1])
        assert site.poll() == []
    assert uids([3]) == site.settle()
    assert site.paths() == []
    assert site.open_files() == 0
    assert site.problems == []


def test_the_last_line_of_a_growing_log_waits_for_its_end(site: Site) -> None:
    """However long that takes; that of a rotated log is taken as it is."""
    site.add(log_text([1]) + row(2)[:-1])
    assert uids([1]) == site.settle()
    site.rotate(ROTATED)
    assert uids([2]) == site.settle()
    assert site.settle() == []
    (position,) = site.follower.positions().values()
    assert (site.current / ROTATED).stat().st_size == position.offset


def test_the_same_file_reached_twice_is_one_log(tmp_path: Path) -> None:
    """By a link, by a pattern, by the archive around it."""
    root = tmp_path / "current"
    site = Site(tmp_path, watched=[root, f"{root}/conn*", root / "conn.log"], archives=[tmp_path])
    (tmp_path / "archive" / "current").symlink_to(root)
    (root / "link.log").symlink_to("conn.log")
    site.add([1])
    assert uids([1]) == site.settle()
    site.rotate(ROTATED)
    site.add([2])
    assert uids([2]) == site.settle()
    assert len(site.logs()) == 1
    site.follower.close()


def test_the_current_directory_becomes_another(tmp_path: Path) -> None:
    """Zeekctl's link points to where the logger of the day runs."""
    link = tmp_path / "link"
    site = Site(tmp_path, watched=[link])
    link.symlink_to(site.current)
    site.add([1])
    site.poll()
    site.add([2])
    other = tmp_path / "other"
    other.mkdir()
    site.add([3], other / "conn.log")
    link.unlink()
    link.symlink_to(other)
    assert uids([2, 3]) == site.settle()
    assert ["conn.log"] == site.paths()
    site.follower.close()


def test_interim_logs_and_other_kinds_are_left_out(site: Site) -> None:
    """Rows of open_conn.log say conn; each connection comes again in conn.log."""
    for number, name in enumerate(["open_conn.log", "conn_long.log", "stats.log", ".conn.log.x7"]):
        site.add([number], site.current / name)
    (site.current / "stats.log").write_bytes(HEADER.replace(b"\tconn", b"\tstats") + row(9))
    site.add([5])
    assert uids([5]) == site.poll()


def test_a_file_of_several_logs_is_one_for_each(tmp_path: Path) -> None:
    """Also for a kind of which no row came yet."""
    site = Site(tmp_path, columns={"conn": COLUMNS, "ssl": COLUMNS, "dns": COLUMNS})
    path = site.current / "all.json"
    path.write_bytes(b'{"_path":"conn","ts":1.0,"uid":"C1"}\n')
    assert uids([1]) == site.poll()
    with path.open("ab") as file:
        file.write(b'{"_path":"ssl","ts":2.0,"uid":"C2"}\n{"_path":"conn","ts":3.0,"uid":"C3"}\n')
    (ssl,) = site.follower.logs("ssl")
    chunk = ssl.read()
    assert chunk is not None
    assert uids([2]) == chunk.rows["uid"].tolist()
    assert uids([3]) == site.poll()
    assert len(site.follower.positions()) == 3
    assert site.stats.problems == []
    site.follower.close()


def test_rows_of_other_logs_in_a_shared_file_are_nobodys_concern(site: Site) -> None:
    """Where its name does not say what the first row says, others may come."""
    (site.current / "all.json").write_bytes(b'{"_path":"conn","ts":1.0,"uid":"C1"}\n')
    site.poll()
    with (site.current / "all.json").open("ab") as file:
        file.write(b'{"_path":"ssl","ts":2.0,"uid":"C2"}\n')
    assert site.settle() == []
    assert uids([1]) == site.got
    assert site.stats.skipped == {}
    assert site.stats.problems == []
