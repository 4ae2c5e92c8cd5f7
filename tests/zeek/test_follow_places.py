"""Where logs may be, and what looking there costs."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any
from unittest.mock import Mock

import pytest

from flowprint_zeek.zeek.places import Places, directories_of
from flowprint_zeek.zeek.standing import Standing

if TYPE_CHECKING:
    from pathlib import Path

OLD = time.time() - 1_000.0


def aged(path: Path, content: bytes | None = b"x") -> Path:
    """Make a file, or a directory without content, and let it be old."""
    if content is not None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    os.utime(path, (OLD, OLD))
    return path


def places(watched: list[Any], archives: list[Any], since: float | None = 0.0) -> Places:
    return Places(watched, archives, ["conn", "ssl"], since=since, settle=10.0, standing=Standing())


def names(found: Places) -> tuple[list[str], list[str]]:
    changed, gone = found.scan()
    return [place.path.name for place in changed], [path.name for path in gone]


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    """Return an archive of three old days."""
    root = tmp_path / "logs"
    for day in ("1", "2", "3"):
        for kind in ("conn", "dns"):
            aged(root / day / f"{kind}.0{day}:00:00.log.gz")
        aged(root / day, None)
    return aged(root, None)


def test_files_are_given_when_they_change(tmp_path: Path) -> None:
    """New ones, longer ones, those that were replaced, and those that went away."""
    path = aged(tmp_path / "conn.log")
    found = places([tmp_path], [])
    assert (["conn.log"], []) == names(found)
    assert ([], []) == names(found)
    aged(path, b"xx")
    assert (["conn.log"], []) == names(found)
    aged(aged(tmp_path / "ssl.log", b"yy").replace(path), None)
    assert (["conn.log"], []) == names(found)
    path.unlink()
    assert ([], ["conn.log"]) == names(found)
    assert ([], []) == names(found)


def test_what_was_just_changed_is_given_again(tmp_path: Path) -> None:
    """A change in the same tick of the clock would not show."""
    (tmp_path / "conn.log").write_bytes(b"x")
    found = places([tmp_path], [])
    assert (["conn.log"], []) == names(found)
    assert (["conn.log"], []) == names(found)


def test_an_archive_is_listed_when_its_directories_change(
    archive: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Besides one directory in turn, nothing else is; of files only wanted ones are looked at."""
    found = places([], [archive])
    assert (["conn.01:00:00.log.gz", "conn.02:00:00.log.gz", "conn.03:00:00.log.gz"], []) == names(
        found
    )
    listed = Mock(side_effect=os.scandir)
    monkeypatch.setattr(os, "scandir", listed)
    turns = []
    for _ in range(4):
        assert ([], []) == names(found)
        turns += [call.args[0] for call in listed.call_args_list]
        listed.reset_mock()
    assert [archive, archive / "1", archive / "2", archive / "3"] == sorted(turns)
    aged(archive / "2" / "conn.04:00:00.log.gz")
    (archive / "3" / "conn.03:00:00.log.gz").unlink()
    assert (["conn.04:00:00.log.gz"], ["conn.03:00:00.log.gz"]) == names(found)


def test_a_file_that_is_written_anew_in_place_is_found(archive: Path) -> None:
    """When clocks are set back, an hour's archive gets the name of another; no directory shows it.

    It is found when the turn of its directory comes.
    """
    found = places([], [archive])
    found.scan()
    aged(archive / "2" / "conn.02:00:00.log.gz", b"another")
    changed = [name for _ in range(4) for name in names(found)[0]]
    assert ["conn.02:00:00.log.gz"] == changed


def test_a_file_that_grows_in_an_archive_is_seen_to_grow(archive: Path) -> None:
    """A directory is taken for quiet only when its files are."""
    path = archive / "2" / "conn.04:00:00.log.gz"
    path.write_bytes(b"x")
    aged(archive / "2", None)
    found = places([], [archive])
    found.scan()
    for size in range(2, 5):
        path.write_bytes(b"x" * size)
        os.utime(path)
        assert path.name in names(found)[0]


def test_archives_are_followed_through_links_once(tmp_path: Path, archive: Path) -> None:
    """A link that leads in a circle is no end of them; a directory that goes takes its files."""
    (archive / "4").symlink_to(archive)
    (archive / "5").symlink_to(archive / "1")
    found = places([], [archive, f"{archive}/*", tmp_path])
    assert 3 == len(names(found)[0])
    for path in (archive / "3").iterdir():
        path.unlink()
    (archive / "3").rmdir()
    assert ([], ["conn.03:00:00.log.gz"]) == names(found)


def test_old_files_of_archives_do_not_count(archive: Path) -> None:
    """Those of watched places do."""
    path = archive / "2" / "conn.02:00:00.log.gz"
    os.utime(path, (OLD + 60, OLD + 60))
    assert ([path.name], []) == names(places([], [archive], since=OLD + 30))
    assert 2 == len(names(places([archive / "1"], [archive], since=OLD + 30))[0])


def test_a_watched_file_in_an_archive_is_watched(archive: Path) -> None:
    """It comes once, and before the others."""
    path = archive / "2" / "conn.02:00:00.log.gz"
    changed, _ = places([path], [archive]).scan()
    assert [(True, False), (False, True), (False, True)] == [
        (place.named, place.archived) for place in changed
    ]
    assert changed[0].path == path


def test_directories_of_watched_places(tmp_path: Path) -> None:
    """Those in which something happens when a log does; as far as there are any."""
    for name in ("a", "b"):
        aged(tmp_path / name / "conn.log")
    watched = [tmp_path / "a", tmp_path / "b" / "ssl.log", tmp_path / "c" / "conn.log"]
    assert [tmp_path / "a", tmp_path / "b"] == directories_of(watched)
    pattern = f"{tmp_path}/*/conn*"
    assert [tmp_path / "a", tmp_path / "b", tmp_path] == directories_of([pattern])
