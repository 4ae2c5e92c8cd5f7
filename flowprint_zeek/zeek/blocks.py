"""Bytes of a log in blocks of whole lines, compressed or not, in bounded memory."""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

from flowprint_zeek.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from io import FileIO
    from pathlib import Path

MAX_LINE = 1 << 23
"""Longest line in bytes that is read; Zeek's longest are far below."""

MOST_GROWTH = 500
"""How many times as large an archive may become; logs become ten, deflate ends at 1032."""

_FREE = 1 << 24  # bytes that any archive may become
_READ = 1 << 16
_PART = 1 << 18  # bytes that are decompressed at once, at most
GZIP = b"\x1f\x8b"
"""What gzip archives begin with."""


class Blocks:
    """One pass over a log's decompressed bytes.

    Memory is bounded by ``size`` and `MAX_LINE`, and the bytes as `Source` bounds them.

    Parameters
    ----------
    path : Path
        File to read. Whether it is compressed is told by its first bytes.
    size : int
        Bytes of a block, about.

    Attributes
    ----------
    rest : bytes
        After the pass: the last line, if it lacks its line end.
    problem : str or None
        After the pass: why it ended before the file did.
    """

    def __init__(self, path: Path, size: int = 1 << 20) -> None:
        self.path = path
        # No line that begins and ends inside one part is too long.
        self.size = min(size, MAX_LINE)
        self.rest = b""
        self.problem: str | None = None

    def lines(self) -> Iterator[bytes]:
        """Yield blocks that end with a line end, their lines as `Lines` gives them.

        Raises
        ------
        LogError
            The file cannot be opened.
        """
        lines = Lines()
        for data in self._gathered():
            if block := lines.add(data):
                yield block
        self.rest = lines.rest

    def _gathered(self) -> Iterator[bytes]:
        """Yield the file in parts of `size` bytes, compressed or not; the last may be shorter."""
        parts: list[bytes] = []
        wanted = self.size
        for data in self._bytes():
            begin = 0
            while len(data) - begin >= wanted:
                parts.append(data[begin : begin + wanted])
                yield b"".join(parts)
                begin += wanted
                parts, wanted = [], self.size
            if begin < len(data):
                parts.append(data[begin:])
                wanted -= len(data) - begin
        if parts:
            yield b"".join(parts)

    def _bytes(self) -> Iterator[bytes]:
        try:
            file = self.path.open("rb", buffering=0)
        except OSError as error:
            raise LogError(f"cannot be read: {error.strerror}", path=self.path) from error
        with file:
            source = Source(file)
            try:
                while data := source.read(self.size):
                    yield data
            except OSError as error:
                self.problem = f"reading stopped: {error.strerror}"
            else:
                self.problem = source.problem or source.shortage


class Lines:
    """Makes blocks of whole lines of data that comes in parts.

    A line longer than `MAX_LINE` comes as a short line that says so, with a zero byte, which no log
    has. No part may be longer than `MAX_LINE`.

    Attributes
    ----------
    given : int
        Bytes of the data in the blocks so far.
    waiting : int
        Bytes of the data after them.
    """

    def __init__(self) -> None:
        self.given = self.waiting = 0
        self._held: list[bytes] = []

    def add(self, data: bytes) -> bytes:
        """Take the next part; return the lines that end in it, nothing where none does."""
        end = data.rfind(b"\n") + 1
        block = b""
        if end:
            overlong = self.waiting + data.index(b"\n") > MAX_LINE
            block = b"".join([*self._held, memoryview(data)[:end]])
            block = _marked(block) if overlong else block
            self.given += self.waiting + end
            self._held, self.waiting = [], 0
        if end < len(data):
            self._held.append(data[end:])
            self.waiting += len(data) - end
        if self.waiting > MAX_LINE:
            self._held = [b"".join(self._held)[:_READ]]
        return block

    @property
    def rest(self) -> bytes:
        """The line that has no end yet."""
        rest = b"".join(self._held)
        return _marked(rest) if self.waiting > MAX_LINE else rest


class Source:
    """The decompressed bytes of an open file, one after another, as far as they are there.

    That nothing is there is no end: a file may grow, compressed or not. Reading stops for good
    where an archive is damaged, or has become more than `MOST_GROWTH` times as large as what was
    read of it, beyond the first 16 MB.

    Parameters
    ----------
    file : FileIO
        Open at its beginning; nobody else reads it.

    Attributes
    ----------
    problem : str or None
        Why there will be no more.
    """

    def __init__(self, file: FileIO) -> None:
        self.file = file
        self.problem: str | None = None
        self._packed: bool | None = None
        self._inflater = zlib.decompressobj(wbits=31)
        self._total = 0

    @property
    def shortage(self) -> str | None:
        """Why it cannot have ended here, None where it can."""
        if self._packed and not self._inflater.eof:
            return "compressed data ends early; read up to there"
        return None

    def read(self, most: int) -> bytes:
        """Return the next bytes, at most so many; nothing where none are there.

        Raises
        ------
        OSError
            The file cannot be read.
        """
        if self._packed is None:
            magic = self.file.read(2)
            self.file.seek(0)
            if magic == GZIP[:1] or not magic:
                return b""
            self._packed = magic == GZIP
        return self._inflated(min(most, _PART)) if self._packed else self.file.read(most)

    def skip(self, count: int) -> int:
        """Pass over bytes, which a plain file need not have yet; return over how many."""
        if self._packed is False:
            self.file.seek(count, os.SEEK_CUR)
            return count
        left = count
        while left and (data := self.read(left)):
            left -= len(data)
        return count - left

    def beginning(self, count: int) -> bytes:
        """Return the first bytes as they stand in the file now."""
        at = self.file.tell()
        self.file.seek(0)
        try:
            return self.file.read(count)
        finally:
            self.file.seek(at)

    def _inflated(self, most: int) -> bytes:
        while self.problem is None:
            data = self._input()
            before = self._inflater.copy()
            try:
                out = self._inflater.decompress(data, most)
            except zlib.error as error:
                self.problem = f"compressed data is damaged ({error}); read up to there"
                return _salvaged(before, data)
            self._total += len(out)
            if self._total > max(_FREE, MOST_GROWTH * self.file.tell()):
                self.problem = "compressed data becomes too large for a log; read up to there"
            if out or not data:
                return out
        return b""

    def _input(self) -> bytes:
        inflater = self._inflater
        if not inflater.eof:
            return inflater.unconsumed_tail or self.file.read(_READ)
        # Archives may be padded with zero bytes after a member.
        data = inflater.unused_data.lstrip(b"\0")
        while not data and (more := self.file.read(_READ)):
            data = more.lstrip(b"\0")
        if data:
            self._inflater = zlib.decompressobj(wbits=31)
        return data


def _salvaged(inflater: zlib._Decompress, data: bytes) -> bytes:
    """Return what precedes the damage, which a failing call keeps to itself."""
    out: list[bytes] = []
    try:
        for at in range(len(data)):
            out.append(inflater.decompress(data[at : at + 1]))  # noqa: PERF401  the part before the error counts
    except zlib.error:
        pass
    return b"".join(out)


def _marked(block: bytes) -> bytes:
    """Shorten the first line of a block and mark it as damaged."""
    first, newline, others = block.partition(b"\n")
    return b"\0 longer than %d bytes: %b%b%b" % (MAX_LINE, first[:200], newline, others)
