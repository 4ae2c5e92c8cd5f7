"""The last rows of a log, however long it is."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowprint_zeek.zeek.blocks import GZIP, Blocks
from flowprint_zeek.zeek.tail import CHUNK, START, Position, Tail

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from flowprint_zeek.zeek.files import LogFile
    from flowprint_zeek.zeek.reader import ReadStats

_PACKED = 2 << 20
"""Bytes of an archive that is read whole; they become about eight times as many."""

_ENDLESS = 1 << 62

_LINE = 1 << 16


@dataclass(frozen=True, slots=True)
class Part:
    """The end of a log.

    Attributes
    ----------
    log : LogFile
        The log.
    start : Position
        Where it begins.
    size : int
        Decompressed bytes of the log behind which nothing is read: it may grow.
    ends : bool
        Whether it reaches to the end of the log.
    """

    log: LogFile
    start: Position
    size: int
    ends: bool = True

    @property
    def cut(self) -> bool:
        """Whether the log has rows before."""
        return self.start.offset > 0


def last_part(log: LogFile, most: int) -> Part:
    """Return the last whole lines of a log, at most so many bytes.

    Of an archive that is small it is all, of a large one the beginning.

    Raises
    ------
    OSError
        It cannot be read.
    """
    with log.path.open("rb") as file:
        packed = file.read(len(GZIP)) == GZIP
        size = file.seek(0, 2)
        if packed:
            whole = size <= _PACKED
            return Part(log, START, _ENDLESS if whole else most, ends=whole)
        if size <= most:
            return Part(log, START, size)
        at = file.seek(size - most)
        skipped = file.readline(_LINE)
        return Part(log, Position(at + len(skipped)), size)


def rows_of(part: Part, columns: Sequence[str], stats: ReadStats) -> Iterator[pd.DataFrame]:
    """Yield the rows of a part; a last line without its end is not among them.

    Raises
    ------
    LogError
        The log cannot be read.
    """
    tail = Tail(part.log, columns, stats, part.start, chunk_bytes=min(CHUNK, part.size))
    try:
        while tail.position.offset < part.size and (chunk := tail.read()) is not None:
            yield chunk.rows
    finally:
        tail.close()


def lines_of(part: Part) -> list[bytes]:
    """Return lines of a part as they stand in the file, from its beginning on.

    Raises
    ------
    LogError
        The log cannot be read.
    """
    if not part.cut:
        return next(Blocks(part.log.path).lines(), b"").splitlines()
    with part.log.path.open("rb") as file:
        file.seek(part.start.offset)
        return file.read(part.size - part.start.offset).splitlines()
