"""What of some rows stands at the end of a log that is appended to and rotated."""

from __future__ import annotations

import logging
import os
import re
import stat
from itertools import accumulate
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from flowprint_zeek.errors import LogError, OutputError
from flowprint_zeek.zeek.blocks import Blocks
from flowprint_zeek.zeek.writer import told

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

_logger = logging.getLogger(__name__)

_SLACK = 1 << 16  # bytes read beyond those looked for: comments, the beginning of a row
_STRANGERS = 3  # rotated files read that end with other rows: a copy may lie among them
_TRIES = 100
_GZIP = b"\x1f\x8b"
_NUMBERED = re.compile(r"\.(\d{1,4})(?:\.gz)?")


class File(NamedTuple):
    """A file of a log.

    Parameters
    ----------
    path : Path
        Where it is; links are followed.
    current : bool
        Whether it is the one that rows are appended to, not a rotated one.
    archived : bool
        Whether a ``.gz`` of it lies beside it.
    identity : (int, int)
        Device and inode.
    """

    path: Path
    current: bool
    archived: bool
    identity: tuple[int, int]


class Found(NamedTuple):
    """What of some rows stands in a log: whole rows, then maybe the beginning of the next.

    Parameters
    ----------
    rest : bytes
        What does not stand there.
    torn : bytes
        How much of the row that `rest` begins in does, b"" where it begins with a row.
    file : File, optional
        Where that ends the file.
    plain : bool
        Whether that file is not compressed.
    """

    rest: bytes
    torn: bytes = b""
    file: File | None = None
    plain: bool = True


class _Piece(NamedTuple):
    """The end of a file: all its rows, or more of them than were asked for."""

    file: File
    plain: bool
    rows: bytes  # whole lines that are no comments
    torn: bytes  # the last line, if it lacks its line end


def look(path: Path, data: bytes, *, tsv: bool) -> Found:
    """Return what of some rows stands at the end of a log, maybe spread over several files.

    The log and its rotated files (``name.*``, ``name-*``, plain or ``.gz``) are read from their
    ends, newest first by their time of modification, until a row stands there that is none of
    these. Files with other rows among the newest rotated ones are skipped. What cannot be read of
    a rotated file is not in the log, which the package's log says.

    Parameters
    ----------
    path : Path
        The log.
    data : bytes
        Rows as whole lines, in order, no two equal.
    tsv : bool
        Whether lines that begin with ``#`` are comments.

    Raises
    ------
    OutputError
        The log cannot be read.
    """
    with told(path):
        for _ in range(_TRIES):
            files = _files(path.resolve())
            try:
                found = _found(data, list(_pieces(files, data, tsv=tsv)))
            except FileNotFoundError:
                continue
            if files == _files(path.resolve()):
                return found
    raise OutputError("cannot be read back: it is rotated all the time", path=path)


# Files


def _files(path: Path) -> list[File]:
    """Return the files of a log that there are now, newest first."""
    try:
        names = {other.name for other in path.parent.iterdir()}
    except FileNotFoundError:
        return []
    found: dict[tuple[int, int], tuple[tuple[bool, int, int, str], File]] = {}
    for name in names:
        if name != path.name and not _is_rotated(name, path.name, names):
            continue
        place = path.with_name(name)
        try:
            status = place.stat()
        except FileNotFoundError:
            continue
        if stat.S_ISREG(status.st_mode):
            identity = status.st_dev, status.st_ino
            file = File(place, name == path.name, f"{name}.gz" in names, identity)
            number = _NUMBERED.fullmatch(name, len(path.name))
            turn = 0 if number is None else -int(number[1])
            age = file.current, status.st_mtime_ns, turn, name
            # A link to the log is no other file.
            found[identity] = max(found.get(identity, (age, file)), (age, file))
    return [file for _, file in sorted(found.values(), reverse=True)]


def _is_rotated(name: str, log: str, names: Collection[str]) -> bool:
    plain = name.removesuffix(".gz")
    being_made = plain not in {name, log} and plain in names
    return name.startswith((f"{log}.", f"{log}-")) and not being_made


def _pieces(files: Iterable[File], data: bytes, *, tsv: bool) -> Iterator[_Piece]:
    """Read the ends of files until none of the rows can stand in an older one."""
    strangers = 0
    for file in files:
        try:
            piece = _piece(file, len(data) + 1, tsv=tsv)
        except FileNotFoundError:
            raise
        except (OSError, LogError) as error:
            if file.current:
                raise
            _logger.warning("%s: cannot be read back: %s", file.path, error)
            continue
        yield piece
        if piece.rows not in data:
            strangers += 1
            if file.current or strangers == _STRANGERS:
                return


def _piece(file: File, size: int, *, tsv: bool) -> _Piece:
    with file.path.open("rb") as opened:
        plain = opened.read(len(_GZIP)) != _GZIP
        end = _plain_end(opened, size) if plain else _packed_end(file.path, size)
    rows, newline, torn = end.rpartition(b"\n")
    rows += newline
    if tsv and b"#" in rows:
        lines = rows.splitlines(keepends=True)
        rows = b"".join(line for line in lines if not line.startswith(b"#"))
    return _Piece(file, plain, rows, torn)


def _plain_end(file: BinaryIO, size: int) -> bytes:
    """Return the end of a file with so many bytes of lines, or all of it."""
    length = file.seek(0, os.SEEK_END)
    wanted = size + _SLACK
    while True:
        start = max(0, length - wanted)
        file.seek(start)
        end = file.read()
        if start == 0 or end.rfind(b"\n") >= size:
            return end
        wanted *= 4


def _packed_end(path: Path, size: int) -> bytes:
    blocks = Blocks(path)
    end = b""
    for block in blocks.lines():
        end = (end + block)[-size - _SLACK :]
    if blocks.problem is not None:
        _logger.warning("%s: %s", path, blocks.problem)
    return end + blocks.rest


# Rows


def _found(data: bytes, pieces: Sequence[_Piece]) -> Found:
    """Return what of some rows stands at the ends of files, the newest first: the most possible."""
    lines = [line + b"\n" for line in data.split(b"\n")[:-1]]
    ends = [0, *accumulate(map(len, lines))]
    starts = set(ends)
    last = {piece.rows[piece.rows.rfind(b"\n", 0, -1) + 1 :] for piece in pieces}
    count = len(lines)
    while count and not (lines[count - 1] in last and _stands(data[: ends[count]], starts, pieces)):
        count -= 1
    rest = data[ends[count] :]
    newest = next((piece for piece in pieces if piece.rows or piece.torn), None)
    if not rest or newest is None or not newest.torn or not lines[count].startswith(newest.torn):
        return Found(rest)
    return Found(rest[len(newest.torn) :], newest.torn, newest.file, newest.plain)


def _stands(rows: bytes, starts: Collection[int], pieces: Iterable[_Piece]) -> bool:
    """Tell whether the last rows are these; pieces that are none of them do not count."""
    for piece in pieces:
        before = len(piece.rows) - len(rows)
        if piece.rows.endswith(rows) and piece.rows[before - 1 : before] in {b"", b"\n"}:
            return True
        if -before in starts and rows.endswith(piece.rows):
            rows = rows[:-before]
    return False
