"""A log that is read while it grows."""

from __future__ import annotations

import os
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import pandas as pd

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.blocks import MAX_LINE, Lines, Source
from flowprint_zeek.zeek.identity import HEAD, identity_of, read_head
from flowprint_zeek.zeek.reader import no_rows
from flowprint_zeek.zeek.takers import taker_of
from flowprint_zeek.zeek.tsv import Damaged, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from flowprint_zeek.zeek.files import LogFile
    from flowprint_zeek.zeek.reader import ReadStats

CHUNK = 1 << 22
"""Bytes of a chunk, about."""


@dataclass(frozen=True, slots=True)
class Position:
    """Where in a log reading goes on; with the log itself that is all there is to know.

    Parameters
    ----------
    offset : int
        Decompressed bytes before.
    line : int
        Lines before.
    header : str
        What lines from there on are read by, where the log's beginning does not tell: header lines
        that came later, as in the file, each byte a character.
    """

    offset: int = 0
    line: int = 0
    header: str = ""


START = Position()
"""The beginning of a log."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """Some lines of a log.

    Parameters
    ----------
    rows : DataFrame
        Those that are good rows, perhaps none, as `flowprint_zeek.zeek.reader.read_chunks` gives
        them.
    begin, end : Position
        What of the log they are.
    """

    rows: pd.DataFrame
    begin: Position
    end: Position


class _Opened:
    """An open file and how far it is read.

    Parameters
    ----------
    path : Path
        File.

    Attributes
    ----------
    beginning : bytes or None
        The log up to the end of its first record; None until that is there.
    """

    def __init__(self, path: Path) -> None:
        self.source = Source(path.open("rb", buffering=0))
        self.lines = Lines()
        self.beginning: bytes | None = None
        self._head = self._mark = b""
        self._skipped = 0

    def begin(self, offset: int, *, final: bool) -> bool:
        """Read the beginning and go to an offset; tell whether there is a complete record."""
        self._head, end = read_head(self.source, self._head)
        whole = end is not None or len(self._head) >= HEAD
        if whole or final:
            self.beginning = self._head[:end]
            self._mark = self.source.beginning(len(self.beginning))
            self._skipped = max(0, offset - len(self._head))
            self._head = self._head[offset:]
        return whole

    def is_as_it_was(self) -> bool:
        """Tell whether the file still begins as it did."""
        return self.source.beginning(len(self._mark)) == self._mark

    def block(self, most: int) -> bytes:
        """Return the next whole lines, about so many bytes."""
        parts: list[bytes] = []
        size = 0
        while size < most and (data := self._data(most)):
            parts.append(self.lines.add(data))
            size += len(parts[-1])
        return b"".join(parts)

    def _data(self, most: int) -> bytes:
        if self._skipped:
            self._skipped -= self.source.skip(self._skipped)
        if self._skipped:
            return b""
        if not self._head:
            return self.source.read(most)
        data, self._head = self._head[:most], self._head[most:]
        return data


class Tail:
    """One log, read as it grows.

    The rows are those that `flowprint_zeek.zeek.reader.read_chunks` finds in the complete file,
    however it was written and wherever reading was resumed, but for one thing: whether rows have
    fields without a name is told by the first row alone.

    The file is held open from the first reading on, so renaming and deleting it lose nothing. What
    is replaced on the same inode is noticed and not taken for the log's own.

    Parameters
    ----------
    log : LogFile
        File to read.
    columns : sequence of str
        Columns of the rows.
    stats : ReadStats
        Where rows, damaged lines and problems are counted.
    position : Position
        Where to begin; by default at the beginning.
    chunk_bytes : int, default 4 MB
        Bytes of a chunk, about.
    identity : str, default ""
        Which log it is (`flowprint_zeek.zeek.identity.identity_of`); "" takes whatever is there.

    Attributes
    ----------
    log : LogFile
        What is read, with the path where it is now.
    identity : str
        Which log it is, as soon as its first record is there.
    replaced : bool
        Whether the file was found to hold something else. Nothing is read of it then.
    """

    def __init__(
        self,
        log: LogFile,
        columns: Sequence[str],
        stats: ReadStats,
        position: Position = START,
        *,
        chunk_bytes: int = CHUNK,
        identity: str = "",
    ) -> None:
        self.log = log
        self.identity = identity
        self.replaced = False
        self._columns, self._stats = columns, stats
        self._position = position
        self._most = min(chunk_bytes, MAX_LINE)
        self._file: _Opened | None = None
        self._taker = taker_of(log, columns, stats)
        self._started = False
        self._told: set[str] = set()
        self._cut = False

    @property
    def position(self) -> Position:
        """Where reading goes on."""
        return self._position

    @property
    def status(self) -> os.stat_result | None:
        """The status of the open file, None where none is open."""
        return None if self._file is None else os.fstat(self._file.source.file.fileno())

    @property
    def unfinished(self) -> bool:
        """Whether what was read of the open file ends in the middle of a line or of an archive."""
        file = self._file
        return file is not None and (file.lines.waiting > 0 or file.source.shortage is not None)

    def open(self) -> None:
        """Open the file, so that renaming and deleting it lose nothing from here on.

        Raises
        ------
        LogError
            It cannot be read.
        """
        with self._closing():
            self._opened(final=False)

    def read(self, *, final: bool = False) -> Chunk | None:
        """Return the next complete lines; None where there are none now.

        Parameters
        ----------
        final : bool, default False
            Whether the file will not grow any more: a last line without its end is taken, unless
            an archive was cut there, in which case it is damaged.

        Raises
        ------
        LogError
            The file cannot be read, or cannot be a log of its format. The next call tries again.
        """
        with self._closing():
            file = self._opened(final=final)
            return None if file is None else self._read(file, final=final)

    def move(self, path: Path) -> None:
        """Go on in another file with the same content: the log was renamed, copied or archived."""
        status = self.status
        self.log = self._taker.log = replace(self.log, path=path)
        self.replaced = False
        try:
            same = status is not None and os.path.samestat(status, path.stat())
        except OSError:
            same = False
        if not same:
            self.close()

    def close(self) -> None:
        """Let go of the file; the next reading opens it again."""
        if self._file is not None:
            self._file.source.file.close()
            self._file = None

    @contextmanager
    def _closing(self) -> Iterator[None]:
        """Let go of the file after an error: what was read and not given is read again."""
        try:
            yield
        except (OSError, LogError) as error:
            opened = self._file is not None
            self.close()
            if isinstance(error, LogError):
                raise
            said = "reading stopped" if opened else "cannot be read"
            raise LogError(f"{said}: {error.strerror}", path=self.log.path) from error

    def _opened(self, *, final: bool) -> _Opened | None:
        """Return the open file, None where there is nothing to begin with or it was replaced."""
        if self.replaced:
            return None
        if self._file is None:
            self._file = _Opened(self.log.path)
        file = self._file
        if file.beginning is None:
            whole = file.begin(self._position.offset, final=final)
            if file.beginning is None:
                return None
            found = identity_of(self.log.kind, file.beginning) if whole else ""
            if self.identity not in ("", found):
                self._replace()
                return None
            self.identity = found
        if not self._started and self._position.offset:
            self._taker.resume(file.beginning, self._position.header, self._position.line)
            self._started = True
        return file

    def _replace(self) -> None:
        self.replaced = True
        self.close()

    def _read(self, file: _Opened, *, final: bool) -> Chunk | None:
        given = file.lines.given
        block = file.block(self._most)
        # What was read may be another log's, if the file was written anew in between.
        if not file.is_as_it_was():
            self._replace()
            return None
        chunk = None
        if block:
            chunk = self._chunk(file, block, file.lines.given - given)
        elif final and file.lines.waiting:
            chunk = self._last(file)
        self._tell(file.source, final=final and chunk is None)
        return chunk

    def _chunk(self, file: _Opened, block: bytes, size: int) -> Chunk:
        """Return the rows of lines that are so many bytes of the log, and go on behind them."""
        if not self._started:
            block = self._taker.begin(block, file.beginning)
            self._started = True
        frames = list(self._taker.take(block))
        begin = self._position
        self._position = Position(begin.offset + size, self._taker.line, self._taker.kept())
        if not frames:
            rows = no_rows(self.log.kind, self._columns)
        else:
            rows = frames[0] if len(frames) == 1 else pd.concat(frames, ignore_index=True)
        return Chunk(rows, begin, self._position)

    def _last(self, file: _Opened) -> Chunk | None:
        """Return the last line, which lacks its end."""
        rest, size = file.lines.rest, file.lines.waiting
        if file.source.problem is None and file.source.shortage is None:
            file.lines = Lines()
            return self._chunk(file, rest + b"\n", size)
        if not self._cut:
            # The line may be cut inside its last field and still have all of them.
            self._taker.count([Damaged(1, 0, shown(rest), "cut short")])
            self._cut = True
        return None

    def _tell(self, source: Source, *, final: bool) -> None:
        """Pass on what was found wrong, each thing once."""
        told = self._taker.told
        fresh = sorted(told[about] for about in told.keys() - self._told)
        self._told |= told.keys()
        self._stats.problems += [f"{self.log.path}:{line}: {text}" for line, text in fresh]
        problem = source.problem or (source.shortage if final else None)
        if problem is not None and problem not in self._told:
            self._told.add(problem)
            self._stats.problems.append(f"{self.log.path}: {problem}")
