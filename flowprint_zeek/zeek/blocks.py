"""Bytes of a log in blocks of whole lines, compressed or not, in bounded memory."""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, BinaryIO

from flowprint_zeek.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

MAX_LINE = 1 << 23
"""Longest line in bytes that is read; Zeek's longest are far below."""

MOST_GROWTH = 500
"""How many times as large an archive may become; logs become ten, deflate ends at 1032."""

_FREE = 1 << 24  # bytes that any archive may become
_READ = 1 << 16
_PART = 1 << 18  # bytes that are decompressed at once, at most
_GZIP = b"\x1f\x8b"


class Blocks:
    """One pass over a log's decompressed bytes.

    Memory is bounded by ``size`` and `MAX_LINE`, and the bytes by the size of the file: reading
    stops where an archive has become more than `MOST_GROWTH` times as large as what was read of
    it, beyond the first 16 MB.

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
        """Yield blocks that end with a line end.

        A line longer than `MAX_LINE` comes as a short line that says so, with a zero byte, which no
        log has.

        Raises
        ------
        LogError
            The file cannot be opened.
        """
        held: list[bytes] = []
        length = 0
        for data in self._gathered():
            end = data.rfind(b"\n") + 1
            if end:
                overlong = length + data.index(b"\n") > MAX_LINE
                block = b"".join([*held, memoryview(data)[:end]])
                yield _marked(block) if overlong else block
                held, length = [], 0
            held.append(data[end:])
            length += len(data) - end
            if length > MAX_LINE:
                held = [b"".join(held)[:_READ]]
        rest = b"".join(held)
        self.rest = _marked(rest) if length > MAX_LINE else rest

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
            file = self.path.open("rb")
        except OSError as error:
            raise LogError(f"cannot be read: {error.strerror}", path=self.path) from error
        with file:
            try:
                magic = file.read(2)
                file.seek(0)
                yield from self._inflated(file) if magic == _GZIP else self._plain(file)
            except OSError as error:
                self.problem = f"reading stopped: {error.strerror}"

    def _plain(self, file: BinaryIO) -> Iterator[bytes]:
        while data := file.read(self.size):
            yield data

    def _inflated(self, file: BinaryIO) -> Iterator[bytes]:
        inflater = zlib.decompressobj(wbits=31)
        total = 0
        data = file.read(_READ)
        while data:
            if inflater.eof:
                inflater = zlib.decompressobj(wbits=31)
            before = inflater.copy()
            try:
                out = inflater.decompress(data, min(self.size, _PART))
            except zlib.error as error:
                yield _salvaged(before, data)
                self.problem = f"compressed data is damaged ({error}); read up to there"
                return
            if out:
                yield out
            total += len(out)
            if total > max(_FREE, MOST_GROWTH * file.tell()):
                self.problem = "compressed data becomes too large for a log; read up to there"
                return
            data = _next_input(inflater, file)
        yield inflater.flush()
        if not inflater.eof:
            self.problem = "compressed data ends early; read up to there"


def _next_input(inflater: zlib._Decompress, file: BinaryIO) -> bytes:
    if not inflater.eof:
        return inflater.unconsumed_tail or file.read(_READ)
    # Archives may be padded with zero bytes after a member.
    data = inflater.unused_data.lstrip(b"\0")
    while not data and (more := file.read(_READ)):
        data = more.lstrip(b"\0")
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
