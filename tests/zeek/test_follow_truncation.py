"""Files that come to hold another log."""

from __future__ import annotations

import pytest

from tests.zeek.sites import SETTLE, Site, log_text, uids
from tests.zeek.small_logs import HEADER, row


@pytest.mark.parametrize("numbers", [[10], [10, 11], range(10, 40)])
def test_a_log_that_is_truncated_is_another(site: Site, numbers: list[int]) -> None:
    """A Zeek that starts again empties the same file; it may be larger than before by then."""
    site.add([1, 2])
    site.poll()
    with site.log.open("r+b") as file:
        file.truncate()
        file.write(log_text(numbers))
    site.scan()
    assert site.open_files() == 1
    assert uids(numbers) == site.poll()
    assert site.settle() == []
    assert ["conn.log"] == site.paths()
    assert site.problems == []


def test_truncation_without_a_row_yet(site: Site) -> None:
    """Between two scans a log may be emptied and have half a header only."""
    site.add([1])
    site.poll()
    for data in (b"", HEADER[:40]):
        site.log.write_bytes(data)
        assert site.poll() == []
        assert site.paths() == [] or site.poll(SETTLE) == []
    site.log.write_bytes(log_text([5]))
    assert uids([5]) == site.poll()
    assert site.problems == []


def test_unread_bytes_of_a_truncated_log_are_told(site: Site) -> None:
    """Once, when there was time to find them elsewhere."""
    site.add([1])
    site.poll()
    site.add([2, 3])
    site.scan()
    site.log.write_bytes(log_text([10]))
    assert uids([10]) == site.poll()
    assert site.problems == []
    assert site.settle() == []
    size = len(row(2) + row(3))
    assert [f"{site.log}: truncated with {size} unread bytes"] == site.problems
    site.settle()
    assert len(site.problems) == 1


@pytest.mark.parametrize("late", [True, False])
def test_reading_goes_on_in_the_copy_of_a_truncated_log(site: Site, *, late: bool) -> None:
    """Logrotate's copytruncate: what was not read is in the copy."""
    site.add([1])
    site.poll()
    site.add([2, 3])
    site.scan()
    content = site.log.read_bytes()
    copy = site.current / "conn.log.1"
    if not late:
        copy.write_bytes(content)
    site.log.write_bytes(log_text([10]))
    site.poll(1.0)
    copy.write_bytes(content)
    site.settle()
    assert sorted(uids([1, 2, 3, 10])) == sorted(site.got)
    assert site.problems == []


def test_a_file_that_is_written_anew_between_scan_and_reading(site: Site) -> None:
    """Nothing of the new log is taken for the old one's."""
    site.add(range(10))
    site.poll()
    site.scan()
    site.log.write_bytes(log_text(range(20, 60)))
    (log,) = site.logs()
    assert log.read() is None
    assert uids(range(20, 60)) == site.poll()


def test_an_inode_that_is_used_again_is_another_log(site: Site) -> None:
    """Identity is what a log begins with: its position does not go to the next file there."""
    site.add([1, 2])
    site.poll()
    inode = site.log.stat().st_ino
    site.follower.close()
    site.log.unlink()
    for number in range(20):
        # Most file systems give the number of the file that was deleted last.
        site.add([3, 4, 5], path := site.current / f"conn.{number}.tmp")
        if path.stat().st_ino == inode:
            break
    path.rename(site.log)
    site.restart()
    assert uids([3, 4, 5]) == site.settle()[:3]
