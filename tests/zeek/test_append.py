"""Logs that a daemon appends to."""

from __future__ import annotations

import errno
import os
import resource
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.errors import OutputError
from flowprint_zeek.zeek.append import AppendedLog
from flowprint_zeek.zeek.columns import NOTICE_LOG
from flowprint_zeek.zeek.header import header_lines
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_LOG
from flowprint_zeek.zeek.writer import LogWriter, whole_lines
from tests.zeek.small_appends import (
    COLUMNS,
    HEADER,
    OPENED,
    failing,
    head,
    log_in,
    rows,
    unsynced,
    writing,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flowprint_zeek.zeek.columns import Columns
    from flowprint_zeek.zeek.writer import Format

LATER = OPENED + 86_400_000_000
NOTICE = {"ts": OPENED, "note": "FlowPrint::Unseen_App", "msg": "a\tb\nc", "actions": ["A"]}

__all__ = ["unsynced"]

both = pytest.mark.parametrize("form", ["tsv", "json"])


@both
def test_a_log_is_what_the_writer_of_logs_makes(tmp_path: Path, form: Format) -> None:
    """Header and rows are those of a log that is written at once, without its end."""
    log = AppendedLog(tmp_path / "notice.log", "notice", NOTICE_LOG, format=form)
    log.append(log.lines([NOTICE]), OPENED)
    log.append(log.lines([NOTICE | {"n": 2}, NOTICE | {"n": 3}]), LATER)
    with LogWriter(tmp_path / "at once.log", "notice", NOTICE_LOG, format=form, opened=0) as other:
        other.write([NOTICE, NOTICE | {"n": 2}, NOTICE | {"n": 3}])
    expected = (tmp_path / "at once.log").read_bytes().partition(b"#close")[0]
    expected = expected.replace(b"1970-01-01-00-00-00", b"2026-01-01-00-00-00")
    assert (tmp_path / "notice.log").read_bytes() == expected


def test_rows_go_out_in_one_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And are on disk then; the header of a new file goes with its first rows."""
    real = os.write
    done: list[tuple[str, int]] = []

    def write(descriptor: int, data: bytes) -> int:
        done.append(("write", len(data)))
        return real(descriptor, data)

    def fsync(descriptor: int) -> None:
        done.append(("sync", os.fstat(descriptor).st_ino))

    monkeypatch.setattr(os, "fsync", fsync)
    log = log_in(tmp_path)
    log.append(b"", OPENED)
    assert not log.path.exists()
    with writing(write):
        log.append(rows(log, 1, 2), OPENED)
        log.append(rows(log, 3, 4, 5), OPENED)
    file, directory = ("sync", log.path.stat().st_ino), ("sync", tmp_path.stat().st_ino)
    first = ("write", len(HEADER + rows(log, 1, 2)))
    assert done == [directory, first, file, ("write", len(rows(log, 3, 4, 5))), file]


def test_directories_are_made(tmp_path: Path) -> None:
    """File and missing directories are the owner's and the group's."""
    (tmp_path / "old").mkdir(0o755)
    before = os.umask(0)
    try:
        log, other = log_in(tmp_path / "old" / "a" / "b"), log_in(tmp_path)
        log.append(rows(log, 1), OPENED)
        other.append(rows(log, 1), OPENED)
    finally:
        os.umask(before)
    made = [other.path, log.path, *list(log.path.parents)[:2]]
    assert [path.stat().st_mode & 0o777 for path in made] == [0o640, 0o640, 0o750, 0o750]


# What was cut


@both
@pytest.mark.parametrize("older", [(), (1, 2)])
def test_rows_are_resumed_at_any_byte(tmp_path: Path, form: Format, older: tuple[int]) -> None:
    """Wherever a write was cut, what is missing is appended and nothing is written twice."""
    log = log_in(tmp_path, form)
    data = rows(log, 3, 4, 5)
    before = head(form) + rows(log, *older)
    for cut in range(len(data) + 1):
        log.path.write_bytes(before + data[:cut])
        again = log_in(tmp_path, form)
        missing = again.missing(data)
        assert missing == data[cut:]
        again.append(missing, LATER)
        again.append(rows(log, 6), LATER)
        again.close()
        assert log.path.read_bytes() == before + data + rows(log, 6)


@pytest.mark.parametrize("opened", [OPENED, LATER])
def test_a_header_is_resumed_at_any_byte(tmp_path: Path, opened: int) -> None:
    """A header that was cut is finished, also where it is of another time."""
    log = log_in(tmp_path)
    data = rows(log, 1, 2)
    later = whole_lines(header_lines("notice", COLUMNS, opened))
    for cut in range(len(HEADER) + 1):
        log.path.write_bytes(HEADER[:cut])
        again = log_in(tmp_path)
        again.check()
        assert again.missing(data) == data
        again.append(data, opened)
        again.close()
        assert log.path.read_bytes() == HEADER[:cut] + later[cut:] + data


@both
@pytest.mark.parametrize("foreign", [b"something", b"1767225600.0000", b'{"ts":1767225600.5', b"#"])
def test_a_foreign_end_is_ended(tmp_path: Path, form: Format, foreign: bytes) -> None:
    """After what somebody else left without a line end, rows stay whole."""
    log = log_in(tmp_path, form)
    before = head(form) + rows(log, 1) + foreign
    log.path.write_bytes(before)
    log.append(rows(log, 2), OPENED)
    log.append(rows(log, 3), OPENED)
    assert log.path.read_bytes() == before + b"\n" + rows(log, 2, 3)


@both
def test_a_foreign_end_is_no_part_of_a_row(tmp_path: Path, form: Format) -> None:
    """Rows before it are found; what begins no missing row is ended."""
    log = log_in(tmp_path, form)
    data = rows(log, 1, 2, 3)
    before = head(form) + rows(log, 1, 2) + b"\0" * 100_000
    log.path.write_bytes(before)
    log.append(log.missing(data), OPENED)
    assert log.path.read_bytes() == before + b"\n" + rows(log, 3)


# Failures


@both
@pytest.mark.parametrize("error", [errno.ENOSPC, errno.EFBIG, errno.EIO, errno.EROFS])
def test_a_failed_write_is_resumed(tmp_path: Path, form: Format, error: int) -> None:
    """Whatever got out before it failed, nothing is doubled, also if it fails twice."""
    rows_of_two = len(rows(log_in(tmp_path, form), 1, 2))
    for cut in range(0, len(head(form)) + rows_of_two, 5):
        log = log_in(tmp_path / f"{cut}", form)
        data = rows(log, 1, 2)
        with failing(cut, error), pytest.raises(OutputError) as told:
            log.append(data, OPENED)
        assert told.value.path == log.path
        data += rows(log, 3)
        with failing(cut % 17, error), pytest.raises(OutputError):
            log.append(log.missing(data), OPENED)
        log.append(log.missing(data), OPENED)
        log.close()
        assert log.path.read_bytes() == head(form) + data


def test_nothing_is_appended_after_a_failure_unasked(tmp_path: Path) -> None:
    """A row that was cut is not buried under others."""
    log = log_in(tmp_path)
    with failing(len(HEADER) + 5), pytest.raises(OutputError):
        log.append(rows(log, 1), OPENED)
    with pytest.raises(RuntimeError, match="missing"):
        log.append(rows(log, 2), OPENED)
    log.append(log.missing(rows(log, 1, 2)), OPENED)
    assert log.path.read_bytes() == HEADER + rows(log, 1, 2)


@contextmanager
def limited(size: int) -> Iterator[None]:
    """Let no file grow beyond a size; Python ignores the signal."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_that_is_full_is_resumed(tmp_path: Path) -> None:
    """The system cuts writes for real: the first is short, the next one says why."""
    for size in range(0, len(HEADER) + 60, 11):
        log = log_in(tmp_path / f"{size}")
        data = rows(log, 1, 2, 3)
        with limited(size):
            with pytest.raises(OutputError, match="bytes fit" if size else "File too large"):
                log.append(data, OPENED)
            with pytest.raises(OutputError, match="File too large"):
                log.append(log.missing(data), OPENED)
        assert log.path.read_bytes() == (HEADER + data)[:size]
        log.append(log.missing(data), OPENED)
        log.close()
        assert log.path.read_bytes() == HEADER + data


def test_rows_that_may_not_be_on_disk_stand_in_the_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that fails after the write is told, and the rows are not doubled."""
    log = log_in(tmp_path)
    log.append(rows(log, 1), OPENED)

    def fsync(_: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fsync)
        with pytest.raises(OutputError, match="Input/output error"):
            log.append(rows(log, 2), OPENED)
    assert log.missing(rows(log, 2)) == b""


@pytest.mark.parametrize("place", ["a directory", "below a file"])
def test_a_place_that_cannot_be_written_is_named(tmp_path: Path, place: str) -> None:
    """The error names the log, and is over when its cause is."""
    log = log_in(tmp_path / "logs")
    if place == "a directory":
        log.path.mkdir(parents=True)
    else:
        log.path.parent.touch()
    with pytest.raises(OutputError, match=r"logs.notice\.log: "):
        log.append(rows(log, 1), OPENED)
    (log.path if place == "a directory" else log.path.parent).rename(tmp_path / "away")
    log.append(log.missing(rows(log, 1)), OPENED)
    assert log.path.read_bytes() == HEADER + rows(log, 1)


# What stands there already


def test_the_other_format_is_told(tmp_path: Path) -> None:
    """A log whose format was changed in the settings names file, format and what to do."""
    forms: list[tuple[Format, Format, str]] = [
        ("tsv", "json", "JSON lines"),
        ("json", "tsv", "Zeek's TSV"),
    ]
    for form, word, holds in forms:
        log, other = log_in(tmp_path / form, form), log_in(tmp_path / form, word)
        other.append(rows(other, 1), OPENED)
        before = log.path.read_bytes()
        text = rf"notice\.log: holds {holds}: move it away, or set notice\.format to {word}$"
        with pytest.raises(OutputError, match=text):
            log.check()
        with pytest.raises(OutputError, match=text):
            log.append(rows(log, 1), OPENED)
        assert log.path.read_bytes() == before


@pytest.mark.parametrize("cut", [-1, 0, 1, 100, 200])
@pytest.mark.parametrize(
    ("log_path", "columns"), [("flowprint", FLOWPRINT_LOG), ("notice", NOTICE_LOG[1:])]
)
def test_other_columns_are_told(tmp_path: Path, log_path: str, columns: Columns, cut: int) -> None:
    """So is a header of other columns, also if it was cut after it began to differ."""
    path = tmp_path / "notice.log"
    header = whole_lines(header_lines(log_path, columns, OPENED))
    row = b"1767225600.000000\n" if cut < 0 else b""
    path.write_bytes(header[: len(header) - max(0, cut)] + row)
    with pytest.raises(OutputError, match="header of other columns: move it away"):
        AppendedLog(path, "notice", NOTICE_LOG).check()


def test_a_header_of_another_log_is_told_however_short(tmp_path: Path) -> None:
    """A header that was cut is one of ours only if it begins as ours does."""
    header = whole_lines(header_lines("flowprint", COLUMNS, OPENED))
    log = log_in(tmp_path)
    log.path.write_bytes(header[: header.index(b"#open")])
    with pytest.raises(OutputError, match="header of other columns: move it away"):
        log.check()


@both
def test_what_can_be_appended_to_passes(tmp_path: Path, form: Format) -> None:
    """No file, an empty one, one of ours, and rows without a header."""
    log = log_in(tmp_path / "none" / "yet", form)
    log.check()
    for content in (b"", head(form) + rows(log, 1), rows(log, 1)):
        other = log_in(tmp_path, form)
        other.path.write_bytes(content)
        if content or form == "tsv":
            other.check()
    log.append(rows(log, 1), OPENED)
    log.check()
