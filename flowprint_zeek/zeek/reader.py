"""Logs as chunks of columns."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.zeek import binetflow, jsonlines
from flowprint_zeek.zeek.blocks import Blocks
from flowprint_zeek.zeek.columns import (
    as_frame,
    joined,
    standard_types,
    storage,
    underscored,
    unset_column,
)
from flowprint_zeek.zeek.files import head_of, header_of, without_indent
from flowprint_zeek.zeek.header import stream_of
from flowprint_zeek.zeek.takers import Tsv, taker_of
from flowprint_zeek.zeek.tsv import Damaged, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    import pandas as pd

    from flowprint_zeek.zeek.files import LogFile
    from flowprint_zeek.zeek.header import Header

ROWS = 65_536
"""Rows of a chunk, at most."""

_BYTES_A_ROW = 128
_BLOCK = 3 << 20
"""Bytes that are parsed at once: what is made of them on the way takes several times as many."""
_BLOCKS = 3
"""Blocks of a chunk, at most."""


@dataclass(slots=True)
class ReadStats:
    """What reading met, over any number of files.

    Parameters
    ----------
    rows, damaged : Counter of str
        Good and damaged lines by kind of log.
    skipped : Counter of str
        Rows of other logs in files of a kind.
    problems : list of str
        One sentence for each thing a person should know, once a file, with the file and mostly the
        line: the first damaged line with its text, the first row of another log, fields without a
        name, a file that ends early.
    """

    rows: Counter[str] = field(default_factory=Counter)
    damaged: Counter[str] = field(default_factory=Counter)
    skipped: Counter[str] = field(default_factory=Counter)
    problems: list[str] = field(default_factory=list)

    def __iadd__(self, other: ReadStats) -> ReadStats:
        self.rows.update(other.rows)
        self.damaged.update(other.damaged)
        self.skipped.update(other.skipped)
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
    held: list[pd.DataFrame] = []
    for frame in _frames(log, columns, rows, stats):
        if held and (len(held) == _BLOCKS or sum(map(len, held)) + len(frame) > rows):
            chunk, held = joined(held), []
            yield chunk
        held.append(frame)
    if held:
        chunk, held = joined(held), []
        yield chunk


def _frames(
    log: LogFile, columns: Sequence[str], rows: int, stats: ReadStats
) -> Iterator[pd.DataFrame]:
    """Yield what `read_chunks` does, in smaller pieces."""
    source = Blocks(log.path, min(_BLOCK, max(1 << 12, rows * _BYTES_A_ROW)))
    taker = taker_of(log, columns, stats)
    try:
        for number, block in enumerate(source.lines()):
            for piece in _pieces(block if number else taker.begin(block), rows):
                yield from taker.take(piece)
        if source.rest and source.problem is None:
            rest = source.rest + b"\n"
            yield from taker.take(rest if taker.line else taker.begin(rest))
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
    for frame in _frames(log, columns, 64, ReadStats()):
        return frame.head(1)
    return no_rows(log.kind, columns)


def no_rows(kind: str, columns: Sequence[str]) -> pd.DataFrame:
    """Return a frame of a log kind's columns without rows."""
    types = standard_types(kind)
    empty = {name: unset_column(storage(types.get(name, "string")), 0) for name in columns}
    return as_frame(empty, 0)


def column_types(log: LogFile) -> dict[str, str]:
    """Return the columns of a log and their Zeek types, in the order of the file.

    Names that Zeek knows are dotted whatever the file's scope separator. A JSON log has the columns
    that any of its rows has, standard ones first.

    Raises
    ------
    LogError
        As `read_chunks`.
    """
    standard = standard_types(log.kind)
    dotted = {underscored(name): name for name in standard}
    if log.format == "json":
        found = {dotted.get(underscored(name), name) for name in _json_keys(log, standard)}
        known = {name: kind for name, kind in standard.items() if name in found}
        return known | dict.fromkeys(sorted(found - known.keys()), "string")
    if log.format == "binetflow":
        return dict(binetflow.TYPES)
    header = _tsv_header(log)
    said = header.types or ("string",) * len(header.fields)
    names = [dotted.get(underscored(name), name) for name in header.fields]
    return {name: standard.get(name, kind) for name, kind in zip(names, said, strict=True)}


def _json_keys(log: LogFile, standard: Collection[str]) -> set[str]:
    keys: set[str] = set()
    scopes = jsonlines.scopes_of(standard)
    for block in Blocks(log.path).lines():
        for _, line in jsonlines.lines_of(without_indent(block), log.stream, unclaimed=False):
            row = jsonlines.flat(jsonlines.row_of(line) or {}, scopes)
            keys.update(name for name in row if name not in scopes)
    return keys


def _tsv_header(log: LogFile) -> Header:
    header = header_of(head_of(log.path), log.path)
    if not log.stream or stream_of(header.path) == log.stream:
        return header
    taker = Tsv(log, (), ReadStats())
    for number, block in enumerate(Blocks(log.path).lines()):
        for _ in taker.take(block if number else taker.begin(block)):
            pass
        if taker.own is not None:
            return taker.own
    return header


def _pieces(block: bytes, rows: int) -> Iterator[bytes]:
    """Yield a block's lines in portions of at most so many."""
    if block.count(b"\n") <= rows or jsonlines.is_blank(block):
        yield block
        return
    ends = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == ord("\n")) + 1
    cuts = [0, *ends[rows - 1 :: rows].tolist()]
    if cuts[-1] != len(block):
        cuts.append(len(block))
    for begin, end in pairwise(cuts):
        yield block[begin:end]
