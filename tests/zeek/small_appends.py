"""A small log that is appended to, and ways to cut its writes."""

from __future__ import annotations

import errno
import gzip
import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.zeek.append import AppendedLog
from flowprint_zeek.zeek.header import header_lines
from flowprint_zeek.zeek.writer import whole_lines

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from flowprint_zeek.zeek.writer import Format

OPENED = 1_767_225_600_000_000
COLUMNS = (("ts", "time"), ("msg", "string"))
HEADER = whole_lines(header_lines("notice", COLUMNS, OPENED))


def log_in(folder: Path, form: Format = "tsv") -> AppendedLog:
    return AppendedLog(folder / "notice.log", "notice", COLUMNS, format=form)


def rows(log: AppendedLog, *numbers: int) -> bytes:
    return log.lines({"ts": OPENED + number, "msg": f"{number}"} for number in numbers)


def head(form: Format) -> bytes:
    return HEADER if form == "tsv" else b""


def packed(path: Path) -> None:
    """Compress a file as logrotate does it."""
    archive = path.with_name(f"{path.name}.gz")
    archive.write_bytes(gzip.compress(path.read_bytes()))
    shutil.copystat(path, archive)
    path.unlink()


def by_age(path: Path) -> list[Path]:
    """Return the files of a log that there are, the oldest first."""
    rotated = path.parent.glob(f"{path.name}.*")
    files = [*sorted(rotated, key=lambda old: -int(old.name.split(".")[2])), path]
    return [file for file in files if file.exists()]


def whole_rows(path: Path, form: Format = "tsv") -> bytes:
    """Return the rows of a file that follow its header; one may be cut in an archive."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
        content = content[: content.rfind(b"\n") + 1]
    header = head(form)[: len(content)]
    assert content.startswith(header)
    body = content.removeprefix(header)
    assert body[-1:] in {b"", b"\n"}
    return body


@contextmanager
def writing(write: Callable[[int, bytes], int]) -> Iterator[None]:
    """Let something else write."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "write", write)
        yield


@contextmanager
def failing(
    size: int,
    error: int | BaseException = errno.ENOSPC,
    before: Callable[[], None] = lambda: None,
) -> Iterator[None]:
    """Let no more than so many bytes be written, and something happen before the first write."""
    real = os.write
    left = size
    todo = [before]

    def write(descriptor: int, data: bytes) -> int:
        nonlocal left
        while todo:
            todo.pop()()
        written = real(descriptor, data[:left])
        left -= written
        if left == 0 and isinstance(error, BaseException):
            raise error
        if written == 0 and isinstance(error, int):
            raise OSError(error, os.strerror(error))
        return written

    with writing(write):
        yield


@pytest.fixture(autouse=True, scope="module")
def unsynced() -> Iterator[None]:
    """Do not wait for the disk."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", lambda _: None)
        yield
