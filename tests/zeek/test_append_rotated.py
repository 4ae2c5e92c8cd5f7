"""Logs that a daemon appends to, beside logrotate."""

from __future__ import annotations

import errno
import os
import shutil
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowprint_zeek.errors import OutputError
from flowprint_zeek.zeek import append, readback
from tests.zeek.small_appends import (
    HEADER,
    OPENED,
    by_age,
    failing,
    head,
    log_in,
    packed,
    rows,
    unsynced,
    whole_rows,
)

if TYPE_CHECKING:
    from flowprint_zeek.zeek.append import AppendedLog
    from flowprint_zeek.zeek.readback import Found
    from flowprint_zeek.zeek.writer import Format

__all__ = ["unsynced"]

Way = Literal["create", "nocreate", "copytruncate"]

both = pytest.mark.parametrize("form", ["tsv", "json"])


@dataclass
class Rotation:
    """Rotate the log; files that were rotated before get the next number."""

    way: Way
    packs: bool

    def __call__(self, path: Path) -> None:
        if not path.exists():
            return
        for old in by_age(path)[:-1]:
            number, *rest = old.name.removeprefix(f"{path.name}.").split(".")
            old.rename(path.with_name(".".join([path.name, f"{int(number) + 1}", *rest])))
        new = path.with_name(f"{path.name}.1")
        if self.way == "copytruncate":
            shutil.copy(path, new)
            os.truncate(path, 0)
        else:
            path.rename(new)
            if self.way == "create":
                path.touch()
        if self.packs:
            packed(new)


@both
def test_a_log_that_was_renamed_is_opened_anew(tmp_path: Path, form: Format) -> None:
    """Also where another empty file stands in its place; each file gets its own header."""
    log = log_in(tmp_path, form)
    for number in range(3):
        log.append(rows(log, number), OPENED)
        opened = len(list(Path("/dev/fd").iterdir()))
        log.path.rename(tmp_path / f"notice.log.{number}")
        if number:
            log.path.touch()
    log.append(rows(log, 3), OPENED)
    assert len(list(Path("/dev/fd").iterdir())) == opened
    files = [*(tmp_path / f"notice.log.{number}" for number in range(3)), log.path]
    expected = [head(form) + rows(log, number) for number in range(4)]
    assert [file.read_bytes() for file in files] == expected


def test_a_log_that_was_truncated_begins_again(tmp_path: Path) -> None:
    """A truncated file gets a header."""
    log = log_in(tmp_path)
    log.append(rows(log, 1, 2), OPENED)
    os.truncate(log.path, 0)
    log.append(rows(log, 3), OPENED)
    assert log.path.read_bytes() == HEADER + rows(log, 3)


@both
def test_a_directory_may_be_replaced(tmp_path: Path, form: Format) -> None:
    """Renamed, removed, or a link that points elsewhere now."""
    log = log_in(tmp_path / "current", form)
    log.append(rows(log, 1), OPENED)
    log.path.parent.rename(tmp_path / "old")
    log.append(rows(log, 2), OPENED)
    log.path.unlink()
    log.path.parent.rmdir()
    (tmp_path / "other").mkdir()
    log.path.parent.symlink_to(tmp_path / "other")
    log.append(rows(log, 3), OPENED)
    files = [tmp_path / "old" / "notice.log", tmp_path / "other" / "notice.log"]
    assert [file.read_bytes() for file in files] == [head(form) + rows(log, n) for n in (1, 3)]


@pytest.mark.parametrize("way", ["removed", "compressed", "truncated"])
def test_a_log_that_vanishes_while_it_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """Rows that went with it are written again, those in its archive are not."""
    real = os.write
    log = log_in(tmp_path)
    log.append(rows(log, 1), OPENED)

    def write(descriptor: int, data: bytes) -> int:
        monkeypatch.undo()
        written = real(descriptor, data)
        if way == "compressed":
            packed(log.path.rename(tmp_path / "notice.log.1"))
        elif way == "removed":
            log.path.unlink()
        else:
            os.truncate(log.path, 0)
        return written

    monkeypatch.setattr(os, "write", write)
    log.append(rows(log, 2), OPENED)
    log.append(rows(log, 3), OPENED)
    expected = rows(log, 3) if way == "compressed" else rows(log, 2, 3)
    assert log.path.read_bytes() == HEADER + expected


@both
@pytest.mark.parametrize("before", ["log", "1"])
@pytest.mark.parametrize("way", ["create", "nocreate", "copytruncate"])
@pytest.mark.parametrize("packs", [False, True])
def test_a_rotation_between_reading_back_and_writing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    form: Format,
    before: str,
    way: Way,
    *,
    packs: bool,
) -> None:
    """A row that was cut is looked for again where it is no longer at the end of the file."""
    log = log_in(tmp_path, form)
    (tmp_path / "notice.log").write_bytes(head(form) + rows(log, 1, 2)[:-3])
    if before == "1":
        Rotation("create", packs=False)(log.path)
    todo = [Rotation(way, packs)]

    def look(path: Path, data: bytes, *, tsv: bool) -> Found:
        found = readback.look(path, data, tsv=tsv)
        while asked and todo:
            todo.pop()(path)
        return found

    monkeypatch.setattr(append, "look", look)
    asked = False
    missing = log.missing(rows(log, 1, 2, 3))
    asked = True
    log.append(missing, OPENED)
    monkeypatch.undo()
    assert todo == []
    found = b"".join(whole_rows(file, form) for file in by_age(log.path))
    assert found == rows(log, 1, 2, 3)


@both
@pytest.mark.parametrize("replaced", [False, True])
def test_a_row_is_finished_in_a_rotated_file(
    tmp_path: Path, form: Format, *, replaced: bool
) -> None:
    """The rest goes to the current file; so it does if the rotation comes after the question."""
    log = log_in(tmp_path, form)
    data = rows(log, 1, 2, 3)
    for cut in range(1, len(data)):
        old = tmp_path / f"notice.log.{len(data) - cut}"
        (log.path if replaced else old).write_bytes(head(form) + data[:cut])
        again = log_in(tmp_path, form)
        missing = again.missing(data)
        if replaced:
            log.path.rename(old)
        again.append(missing, OPENED)
        again.close()
        whole = data[: data.index(b"\n", cut - 1) + 1]
        rest = data.removeprefix(whole)
        assert old.read_bytes() == head(form) + whole
        assert (log.path.read_bytes() if rest else b"") == (head(form) + rest if rest else b"")
        log.path.unlink(missing_ok=True)
        old.unlink()


@both
@pytest.mark.parametrize("made", ["compressed", "being compressed", "not ours"])
def test_a_row_is_written_again_where_it_cannot_be_finished(
    tmp_path: Path, form: Format, made: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A rotated file that nothing can be appended to keeps half a row; the whole one comes next."""
    log = log_in(tmp_path, form)
    data = rows(log, 1, 2, 3)
    old = tmp_path / "notice.log-20260101"
    content = head(form) + data[: data.index(b"\n") + 5]
    old.write_bytes(content)
    if made == "compressed":
        packed(old)
    elif made == "being compressed":
        (tmp_path / "notice.log-20260101.gz").write_bytes(b"\x1f\x8b")
    else:
        real = os.open

        def refused(path: str | Path, *how: int) -> int:
            if path == old:
                raise PermissionError(errno.EACCES, "not ours")
            return real(path, *how)

        monkeypatch.setattr(os, "open", refused)
    log.append(log.missing(data), OPENED)
    assert log.path.read_bytes() == head(form) + rows(log, 2, 3)
    assert log.missing(data) == b""
    assert old.exists() is (made != "compressed")


# Anything, in any order


class Killed(BaseException):
    """The daemon was killed."""


@dataclass
class Append:
    """Append rows; the write may end early, and rotations may come before and while it is done."""

    rows: int
    end: Literal["killed", "failed"] | None
    share: float
    asked: Rotation | None
    overtaken: Rotation | None


@dataclass
class Daemon:
    """Appends rows as a daemon does, with a database that never fails."""

    log: AppendedLog
    form: Format
    stored: int = 0
    marked: int = 0
    asks: bool = False

    def append(self, event: Append) -> None:
        self.stored += event.rows
        data = rows(self.log, *range(self.marked, self.stored))
        size = round(event.share * (len(head(self.form)) + len(data))) if event.end else 1 << 30
        error = Killed() if event.end == "killed" else errno.ENOSPC
        try:
            if self.asks:
                data = self.log.missing(data)
            self._rotate(event.asked)
            with failing(size, error, lambda: self._rotate(event.overtaken)):
                self.log.append(data, OPENED)
        except (OutputError, Killed):
            self.asks = True
        else:
            self.asks, self.marked = False, self.stored
        if event.end == "killed":
            self.log.close()
            self.log = log_in(self.log.path.parent, self.form)

    def _rotate(self, rotation: Rotation | None) -> None:
        if rotation is not None:
            rotation(self.log.path)


class Follower(ExitStack):
    """Remembers what it read of every file, and holds it open so that no other gets its number."""

    def __init__(self) -> None:
        super().__init__()
        self._seen: dict[int, bytes] = {}

    def read(self, path: Path, truncated: int | None) -> None:
        """Read all plain files of a log again: what was there is there, but for a truncated one."""
        for place in by_age(path):
            if place.suffix == ".gz":
                continue
            file = self.enter_context(place.open("rb"))
            inode, content = os.fstat(file.fileno()).st_ino, file.read()
            assert inode == truncated or content.startswith(self._seen.get(inode, b""))
            self._seen[inode] = content


def to_truncate(path: Path, event: Append | Rotation) -> int | None:
    """Return the inode of the file that an event truncates."""
    rotation = event.asked if isinstance(event, Append) else event
    if rotation is None or rotation.way != "copytruncate" or not path.exists():
        return None
    return path.stat().st_ino


some = st.builds(
    Rotation, st.sampled_from(["create", "nocreate", "copytruncate"]), packs=st.booleans()
)
# What copytruncate loses of a write that it overtakes is lost.
renames = st.builds(Rotation, st.sampled_from(["create", "nocreate"]), packs=st.booleans())
appends = st.builds(
    Append,
    rows=st.integers(1, 4),
    end=st.sampled_from(["killed", "failed", None]),
    share=st.floats(0, 1),
    asked=st.none() | some,
    overtaken=st.none() | renames,
)


@settings(max_examples=100, deadline=None)
@given(form=st.sampled_from(["tsv", "json"]), events=st.lists(appends | some, max_size=10))
def test_every_row_is_written_once(
    tmp_path_factory: pytest.TempPathFactory, form: Format, events: list[Append | Rotation]
) -> None:
    """Whatever is cut where, and rotated when, all rows stand whole and in order; files only grow.

    Headers stand at the beginning of files, and half rows in archives only.
    """
    daemon = Daemon(log_in(tmp_path_factory.mktemp("logs"), form), form)
    path = daemon.log.path
    with Follower() as follower:
        for event in [*events, Append(1, None, 1, None, None)]:
            truncated = to_truncate(path, event)
            if isinstance(event, Append):
                daemon.append(event)
            else:
                event(path)
            follower.read(path, truncated)
    daemon.log.close()
    found = b"".join(whole_rows(file, form) for file in by_age(path))
    assert found == rows(daemon.log, *range(daemon.stored))
