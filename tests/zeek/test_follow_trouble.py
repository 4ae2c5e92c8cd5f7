"""Files that cannot be read, are no logs, or go away: told once, and nothing else stops."""

from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path
from typing import Any

import pytest

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.blocks import Source
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.follow import Follower
from flowprint_zeek.zeek.join import CONN_COLUMNS
from flowprint_zeek.zeek.places import directories_of
from flowprint_zeek.zeek.reader import ReadStats
from tests.zeek.sites import SETTLE, Site, log_text, uids
from tests.zeek.small_logs import HEADER, row


def failing(number: int, wanted: str, original: Any) -> Any:
    """Return a function that fails for the file of some name."""

    def call(this: Any, *args: Any, **kwargs: Any) -> Any:
        name = this if isinstance(this, Path) else this.file.name
        if Path(name).name == wanted:
            raise OSError(number, os.strerror(number))
        return original(this, *args, **kwargs)

    return call


def test_a_log_that_may_not_be_opened_is_told_once(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is tried at each scan; the others are read meanwhile."""
    path = site.current / "conn.logger-1.log"
    site.add([1], path)
    site.add([2])
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", failing(errno.EACCES, path.name, Path.open))
        assert uids([2]) == site.settle()
    assert [f"{path}: cannot be read: Permission denied"] == site.problems
    assert uids([1]) == site.settle()
    site.add([3], path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "open", failing(errno.EACCES, path.name, Path.open))
        # What is open needs no opening.
        assert uids([3]) == site.poll()
    assert len(site.problems) == 2


@pytest.mark.parametrize("number", [errno.EIO, errno.ESTALE])
def test_a_log_that_fails_while_it_is_read(
    site: Site, monkeypatch: pytest.MonkeyPatch, number: int
) -> None:
    """Nothing is lost and nothing read twice; it is told again when it comes again."""
    site.add([1])
    site.poll()
    for add in (2, 3):
        site.add([add])
        site.scan()
        with monkeypatch.context() as patch:
            patch.setattr(Source, "read", failing(number, "conn.log", Source.read))
            assert site.poll() == []
            assert site.poll(SETTLE) == []
        assert uids([add]) == site.poll()
    told = [text for text in site.problems if "reading stopped" in text]
    assert [f"{site.log}: reading stopped: {os.strerror(number)}"] * 2 == told


def test_what_is_no_log_is_told_once(site: Site) -> None:
    """If its name or the settings say that it is one; again when it was one in between."""
    (site.current / "notes.txt").write_bytes(b"Lorem ipsum\n")
    (site.current / "core").write_bytes(bytes(range(256)) * 300)
    (site.current / "conn.log.zst").write_bytes(b"\x28\xb5\x2f\xfd\x00\n")
    site.log.write_bytes(b"Lorem ipsum\n")
    for _ in range(3):
        site.settle()
    no_log = f"{site.log}: is no Zeek log: neither a header nor JSON"
    compressed = f"{site.log}.zst: is compressed by zstd: only gzip is read"
    assert {compressed, no_log} == set(site.problems)
    assert len(site.problems) == 2
    site.log.write_bytes(log_text([1]))
    assert uids([1]) == site.settle()
    site.log.write_bytes(b"Lorem ipsum\n")
    site.settle()
    assert [no_log] == site.problems[2:]


def test_a_first_record_without_end_is_told(site: Site) -> None:
    """Nothing can be known of such a log."""
    site.log.write_bytes(HEADER + b"x" * 70_000)
    site.settle()
    assert [f"{site.log}: its first record is longer than 65536 bytes"] == site.problems
    site.add(b"\n")
    site.settle()
    assert len(site.problems) == 1


def test_a_header_that_says_nothing_is_told(site: Site) -> None:
    """The other logs are read."""
    path = site.current / "conn.logger-1.log"
    path.write_bytes(b"#separator \\x09\n#path\tconn\n1.0\tC1\n")
    site.add([2])
    assert uids([2]) == site.settle()
    assert [f"{path}: the header has no #fields line"] == site.problems


def test_directories_that_vanish_are_told_until_they_come_back(tmp_path: Path) -> None:
    """What is open is read on meanwhile."""
    site = Site(tmp_path, archives=[tmp_path / "archive", tmp_path / "none"])
    site.add([1])
    site.poll()
    away = site.current.rename(tmp_path / "away")
    site.add([2], away / "conn.log")
    assert uids([2]) == site.settle()
    assert [
        f"{tmp_path}/none: no such directory",
        f"{site.current}: no such directory",
    ] == site.problems
    assert site.paths() == []
    site.add([3], away / "conn.log")
    away.rename(site.current)
    assert uids([3]) == site.settle()
    assert ["conn.log"] == site.paths()
    site.current.rename(away)
    site.settle()
    assert len(site.problems) == 3
    site.follower.close()


def test_a_log_that_was_not_begun_is_no_problem(tmp_path: Path) -> None:
    """Zeek makes it with its first row; but the directory should be there."""
    place = tmp_path / "current" / "conn.log"
    site = Site(tmp_path, watched=[place, tmp_path / "none" / "ssl.log", f"{tmp_path}/*/x/*.log"])
    site.settle()
    assert [f"{tmp_path}/none: no such directory"] == site.problems
    site.add([1])
    assert uids([1]) == site.poll()
    site.follower.close()


@pytest.mark.parametrize("pattern", ["", "/*.log"])
def test_what_is_no_file_is_never_opened(tmp_path: Path, pattern: str) -> None:
    """A pipe would block."""
    site = Site(tmp_path, watched=[f"{tmp_path}/current{pattern}"])
    os.mkfifo(site.current / "conn.pipe.log")
    (site.current / "conn.dir.log").mkdir()
    (site.current / "conn.link.log").symlink_to("nowhere")
    site.add([1])
    assert uids([1]) == site.settle()
    assert site.problems == []
    site.follower.close()


def test_a_directory_that_may_not_be_read_is_told(
    site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Once; it is looked at again at each scan."""
    site.add([1])
    real = os.scandir
    with monkeypatch.context() as patch:

        def refuse(path: Path) -> Any:
            if path == site.current:
                raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
            return real(path)

        patch.setattr(os, "scandir", refuse)
        assert site.settle() == []
    assert [f"{site.current}: cannot be read: Permission denied"] == site.problems
    assert uids([1]) == site.poll()


@pytest.fixture
def closed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a folder that may not be entered: nothing below can be looked at."""
    folder, real = tmp_path / "closed", os.stat

    def refuse(path: Any, *arguments: Any, **named: Any) -> os.stat_result:
        if str(path).startswith(f"{folder}/"):
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        return real(path, *arguments, **named)

    monkeypatch.setattr(os, "stat", refuse)
    return folder


def test_folders_below_one_that_may_not_be_entered_are_told(closed: Path) -> None:
    """They may be opened later, so nothing ends."""
    current, archive = closed / "current", closed / "archive"
    stats = ReadStats()
    follower = Follower(
        [current],
        [archive],
        {"conn": CONN_COLUMNS},
        positions={},
        stats=stats,
        clock=lambda: 0.0,
        since=0.0,
    )
    follower.scan()
    assert follower.reachable
    assert [f"{one}: cannot be read: Permission denied" for one in (current, archive)] == sorted(
        follower.problems, reverse=True
    )
    assert directories_of([current]) == []
    follower.close()


def test_logs_below_a_folder_that_may_not_be_entered_are_an_error(closed: Path) -> None:
    """It names the folder and why."""
    for path in (closed / "current", closed / "conn.log"):
        with pytest.raises(LogError, match=f"{path}: cannot be read: Permission denied"):
            find_logs([path], ["conn"])


def test_unread_bytes_of_a_log_that_is_gone_are_told(site: Site) -> None:
    """Where no file was held open: what was archived and deleted before its turn came."""
    path = site.archive / "conn.00:00:00-01:00:00.log"
    site.add([1, 2], path)
    site.scan()
    size = path.stat().st_size
    path.unlink()
    (log,) = site.logs()
    assert log.read() is None
    assert site.settle() == []
    assert [f"{path}: gone with {size} unread bytes"] == site.problems
    assert site.logs() == []


def test_a_damaged_archive_is_read_up_to_the_damage(site: Site) -> None:
    """It is told once and finished; made anew, it is read on."""
    whole = gzip.compress(log_text(range(40)))
    path = site.archive / "conn.00:00:00-01:00:00.log.gz"
    path.write_bytes(gzip.compress(log_text(range(20)) + row(20)[:9]) + b"garbage")
    assert uids(range(20)) == site.settle()
    assert site.logs() == []
    told = [text for text in site.stats.problems if "compressed data is damaged" in text]
    assert len(told) == 1
    path.write_bytes(whole)
    site.settle()
    assert uids(range(40)) == site.got


def test_damaged_lines_are_told_once_with_their_place(site: Site) -> None:
    """As the reader tells them, however often the log is renamed."""
    site.add([1])
    site.poll()
    site.add(b"garbage\n")
    site.poll()
    path = site.rotate("conn.2026-01-01-12-00-00.log")
    site.add(b"garbage\n" + row(2), path)
    assert uids([2]) == site.settle()
    assert [
        f"{site.log}:10: damaged line (1 fields instead of 6): 'garbage'"
    ] == site.stats.problems
    assert site.stats.damaged == {"conn": 2}
