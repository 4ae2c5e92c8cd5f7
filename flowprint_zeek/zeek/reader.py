"""Logs as chunks of columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek import jsonlines, tsv
from flowprint_zeek.zeek.blocks import Blocks
from flowprint_zeek.zeek.columns import as_frame, standard_types, storage, unset_column
from flowprint_zeek.zeek.files import head_of, header_of, without_indent
from flowprint_zeek.zeek.logformat import Header, parse_header
from flowprint_zeek.zeek.tsv import Damaged, shown

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from flowprint_zeek.zeek.files import LogFile

ROWS = 65_536
"""Rows of a chunk, at most."""

_BYTES_A_ROW = 128


@dataclass(slots=True)
class ReadStats:
    """What reading met, over any number of files.

    Parameters
    ----------
    rows, damaged : Counter of str
        Good and damaged lines by kind of log.
    problems : list of str
        One sentence for each thing a person should know, with its file: the first damaged line of
        a file with its number and text, a file that ends early.
    """

    rows: Counter[str] = field(default_factory=Counter)
    damaged: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def __iadd__(self, other: ReadStats) -> ReadStats:
        self.rows.update(other.rows)
        self.damaged.update(other.damaged)
        self.problems.extend(other.problems)
        return self

    def add(self, other: ReadStats) -> None:
        """Count in what another met."""
        self += other


def read_chunks(
    log: LogFile, columns: Sequence[str], *, rows: int = ROWS, stats: ReadStats
) -> Iterator[pd.DataFrame]:
    """Yield a log's rows as frames of the asked columns, in file order.

    Memory stays bounded however long the log is. Damaged lines are dropped and counted; they never
    stop the reading, nor does a file that ends early.

    Parameters
    ----------
    log : LogFile
        File to read.
    columns : sequence of str
        Columns of the frames, by their dotted names; those that the file lacks are all unset. The
        dtypes are those of `flowprint_zeek.zeek.columns`.
    rows : int, default 65536
        Rows of a frame, at most. The rows do not depend on it.
    stats : ReadStats
        Where rows, damaged lines and problems are counted.

    Raises
    ------
    LogError
        The file cannot be opened, or has no header and is no JSON.
    """
    source = Blocks(log.path, max(1 << 12, rows * _BYTES_A_ROW))
    taker = _Json(log, columns, stats) if log.format == "json" else _Tsv(log, columns, stats)
    try:
        for block in source.lines():
            for piece in _pieces(block, rows):
                yield from taker.take(piece)
        if source.rest and source.problem is None:
            yield from taker.take(source.rest + b"\n")
        elif source.rest:
            # The line may be cut inside its last field and still have all of them.
            taker.count([Damaged(1, 0, shown(source.rest), "cut short")])
    finally:
        stats.problems += taker.problems()
        if source.problem is not None:
            stats.problems.append(f"{log.path}: {source.problem}")


def peek(log: LogFile, columns: Sequence[str]) -> pd.DataFrame:
    """Return the first good row of a log, or a frame without rows.

    Parameters
    ----------
    log : LogFile
        File to read.
    columns : sequence of str
        Columns of the frame.

    Raises
    ------
    LogError
        As `read_chunks`.
    """
    for chunk in read_chunks(log, columns, rows=64, stats=ReadStats()):
        return chunk.head(1)
    types = standard_types(log.kind)
    empty = {name: unset_column(storage(types.get(name, "string")), 0) for name in columns}
    return as_frame(empty, 0)


def column_types(log: LogFile) -> dict[str, str]:
    """Return the columns of a log and their Zeek types, in the order of the file.

    A JSON log has the columns that any of its rows has, standard ones first.

    Raises
    ------
    LogError
        As `read_chunks`.
    """
    standard = standard_types(log.kind)
    if log.format == "json":
        found = _json_keys(log)
        known = {name: kind for name, kind in standard.items() if name in found}
        return known | dict.fromkeys(sorted(found - known.keys()), "string")
    header = header_of(head_of(log.path), log.path)
    said = header.types or ("string",) * len(header.fields)
    return {name: standard.get(name, kind) for name, kind in zip(header.fields, said, strict=True)}


def _json_keys(log: LogFile) -> set[str]:
    keys: set[str] = set()
    for block in Blocks(log.path).lines():
        for line in block.splitlines():
            keys.update(jsonlines.row_of(line) or ())
    return keys


def _pieces(block: bytes, rows: int) -> Iterator[bytes]:
    """Yield a block's lines in portions of at most so many."""
    if block.count(b"\n") <= rows:
        yield block
        return
    ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n")) + 1
    cuts = [0, *ends[rows - 1 :: rows].tolist()]
    if cuts[-1] != len(block):
        cuts.append(len(block))
    for begin, end in pairwise(cuts):
        yield block[begin:end]


class _Taker:
    """Turns a log's lines, portion by portion, into frames and counts what they are."""

    def __init__(self, log: LogFile, columns: Sequence[str], stats: ReadStats) -> None:
        self.log = log
        self.columns = columns
        self.stats = stats
        self.types = standard_types(log.kind)
        self.line = 0
        self.told: dict[str, tuple[int, str]] = {}

    def take(self, piece: bytes) -> Iterator[pd.DataFrame]:
        raise NotImplementedError

    def give(self, frame: pd.DataFrame, damaged: list[Damaged]) -> Iterator[pd.DataFrame]:
        self.count(damaged)
        if len(frame):
            self.stats.rows[self.log.kind] += len(frame)
            yield frame

    def count(self, damaged: list[Damaged]) -> None:
        if damaged:
            self.stats.damaged[self.log.kind] += sum(part.count for part in damaged)
            first = min(damaged, key=lambda part: part.row)
            text = f"damaged line ({first.reason}): {first.text!r}"
            self.tell("damaged", text, self.line + first.row + 1)

    def tell(self, about: str, text: str, line: int) -> None:
        """Record a problem, once a file."""
        self.told.setdefault(about, (line, text))

    def problems(self) -> list[str]:
        """Return what was told, by line."""
        return [f"{self.log.path}:{line}: {text}" for line, text in sorted(self.told.values())]


class _Json(_Taker):
    def __init__(self, log: LogFile, columns: Sequence[str], stats: ReadStats) -> None:
        super().__init__(log, columns, stats)
        self.parser = jsonlines.Parser(columns, self.types)

    def take(self, piece: bytes) -> Iterator[pd.DataFrame]:
        frame, damaged, foreign = self.parser.parse(piece)
        if foreign is not None:
            text = f"rows of other logs than {self.parser.stream} are skipped"
            self.tell("stream", text, self.line + foreign + 1)
        yield from self.give(frame, damaged)
        self.line += piece.count(b"\n")


class _Tsv(_Taker):
    def __init__(self, log: LogFile, columns: Sequence[str], stats: ReadStats) -> None:
        super().__init__(log, columns, stats)
        self.header: Header | None = None
        self.stream = ""
        self.parser: tsv.Parser | None = None
        self.comments: list[str] = []

    def take(self, piece: bytes) -> Iterator[pd.DataFrame]:
        if self.line == 0:
            piece = without_indent(piece)
        plain = b"#" not in piece
        at = 0
        while at < len(piece):
            if piece[at] == ord("#"):
                end = piece.index(b"\n", at) + 1
                self.comments.append(piece[at:end].decode("utf-8", "surrogateescape"))
                self.line += 1
            else:
                end = len(piece) if plain else piece.find(b"\n#", at) + 1 or len(piece)
                yield from self._rows(piece[at:end])
                self.line += piece.count(b"\n", at, end)
            at = end

    def _rows(self, lines: bytes) -> Iterator[pd.DataFrame]:
        self._settle()
        if self.header is None or self.parser is None:
            bad = Damaged(lines.count(b"\n"), 0, shown(lines), "no usable header")
            self.count([bad])
        elif self.header.path != self.stream:
            self.tell("stream", f"rows of other logs than {self.stream} are skipped", self.line + 1)
        else:
            yield from self.give(*self.parser.parse(lines))

    def _settle(self) -> None:
        """Take over what comment lines before these rows say of them."""
        comments, self.comments = self.comments, []
        first = self.line == len(comments)
        if not first and not any(line.startswith("#fields") for line in comments):
            return
        try:
            self.header = parse_header(comments)
        except LogError as error:
            if first:
                raise LogError(error.message, path=self.log.path) from error
            self.header = None
            self.tell("header", error.message, self.line)
            return
        self.stream = self.stream or self.header.path
        self.parser = tsv.Parser(self.header, tsv.wanted(self.header, self.columns, self.types))
