"""Blocks of TSV lines as columns.

Positions of separators and line ends are found over the bytes at once. So a line with a wrong
number of fields is dropped before anything is parsed and cannot shift or swallow another, numbers
and times are parsed exactly, and only the text columns that are asked for become Python strings.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.zeek.columns import Storage, as_frame, storage, underscored, unset_column
from flowprint_zeek.zeek.fields import (
    FROM_BYTES,
    NEWLINE,
    Addresses,
    Table,
    from_text,
)
from flowprint_zeek.zeek.logformat import to_bytes

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from flowprint_zeek.zeek.fields import Wrong
    from flowprint_zeek.zeek.header import Header


@dataclass(frozen=True, slots=True)
class Damaged:
    """Lines of one block that are no rows.

    Parameters
    ----------
    count : int
        How many.
    row : int
        The first of them, counted from 0 in the block.
    text : str
        Its beginning.
    reason : str
        What is wrong with it.
    """

    count: int
    row: int
    text: str
    reason: str


@dataclass(frozen=True, slots=True)
class Wanted:
    """A column that was asked for.

    Parameters
    ----------
    name : str
        Its name in the result.
    place : int
        Its place among the file's fields; -1 where the file lacks it.
    kept : Storage
        How its values are held.
    """

    name: str
    place: int
    kept: Storage


def wanted(header: Header, columns: Sequence[str], types: Mapping[str, str]) -> tuple[Wanted, ...]:
    """Return where the asked columns stand in a file.

    Parameters
    ----------
    header : Header
        Header of the file. Its scope separator may be ``_`` for ``.``.
    columns : sequence of str
        Names asked for.
    types : mapping
        Types of standard columns; they go before what the header says.
    """
    fields = header.fields
    found = []
    for name in columns:
        # No table of all fields, of which a hostile header has millions.
        other = name if name in fields else underscored(name)
        place = fields.index(other) if other in fields else -1
        said = header.types[place] if header.types and place >= 0 else "string"
        found.append(Wanted(name, place, storage(types.get(name) or said)))
    return tuple(found)


def shown(line: bytes) -> str:
    """Return the beginning of a line as messages show it."""
    return line[:120].decode("utf-8", "backslashreplace")


def table_of(block: bytes, header: Header) -> tuple[Table, NDArray[np.int64] | None, list[Damaged]]:
    """Return the lines that may be rows, their numbers in the block, and those that are none.

    A line is none if it has a wrong number of fields or a zero byte. No numbers means all lines.

    Parameters
    ----------
    block : bytes
        Whole lines without comments.
    header : Header
        What they are.
    """
    if b"\r" in block:
        block = block.replace(b"\r\n", b"\n")
    width = len(header.fields)
    ends = _field_ends(block, header)
    breaks = np.frombuffer(block, dtype=np.uint8)[ends] == NEWLINE
    lines = int(breaks.sum())
    if len(ends) == lines * width and bool(breaks[width - 1 :: width].all()) and b"\0" not in block:
        return Table(block, ends.reshape(-1, width), header), None, []
    good, damaged = _judged(block, ends, breaks, width)
    lengths = np.diff(ends[breaks], prepend=-1)
    kept = np.frombuffer(block, dtype=np.uint8)[np.repeat(good, lengths)].tobytes()
    clean = Table(kept, _field_ends(kept, header).reshape(-1, width), header)
    return clean, np.flatnonzero(good), [damaged]


def _field_ends(block: bytes, header: Header) -> NDArray[np.int64]:
    data = np.frombuffer(block, dtype=np.uint8)
    separator = to_bytes(header.separator)[0]
    return np.flatnonzero((data == separator) | (data == NEWLINE))


def _judged(
    block: bytes, ends: NDArray[np.int64], breaks: NDArray[np.bool_], width: int
) -> tuple[NDArray[np.bool_], Damaged]:
    """Return which lines may be rows, and what the others are."""
    line_ends = ends[breaks]
    fields = np.diff(np.flatnonzero(breaks), prepend=-1)
    good = fields == width
    zeros = np.flatnonzero(np.frombuffer(block, dtype=np.uint8) == 0)
    good[np.searchsorted(line_ends, zeros)] = False
    bad = np.flatnonzero(~good)
    row = int(bad[0])
    begin = 0 if row == 0 else int(line_ends[row - 1]) + 1
    reason = "a zero byte" if fields[row] == width else f"{fields[row]} fields instead of {width}"
    return good, Damaged(len(bad), row, shown(block[begin : line_ends[row]]), reason)


class Parser:
    """Turns blocks of one header's lines into frames.

    Parameters
    ----------
    header : Header
        What the lines are.
    columns : sequence of Wanted
        Columns of the frames.
    """

    def __init__(self, header: Header, columns: Sequence[Wanted]) -> None:
        self._header = header
        self._wanted = columns
        self._addresses = Addresses()

    def parse(self, block: bytes) -> tuple[pd.DataFrame, list[Damaged]]:
        """Return the rows of a block of whole lines without comments, and what are none."""
        table, numbers, damaged = table_of(block, self._header)
        values: dict[str, NDArray[Any]] = {}
        bad = np.zeros(len(table), dtype=np.bool_)
        for column, found, wrong in self._columns(table):
            values[column.name] = found
            fresh = wrong & ~bad if wrong is not None and wrong.any() else _NONE
            if fresh.any():
                row = int(fresh.argmax())
                line = row if numbers is None else int(numbers[row])
                reason = f"{column.name} is no {_NOUN[column.kept]}"
                damaged.append(Damaged(int(fresh.sum()), line, shown(table.line(row)), reason))
                bad |= fresh
        frame = as_frame(values, len(table))
        return (frame[~bad].reset_index(drop=True) if bad.any() else frame), damaged

    def _columns(self, table: Table) -> Iterator[tuple[Wanted, NDArray[Any], Wrong]]:
        """Yield each column with its values and which of them are wrong."""
        for column in self._wanted:
            if column.place < 0:
                yield column, unset_column(column.kept, len(table)), None
            elif column.kept in _AS_TEXT:
                yield column, *from_text(table, column.place, column.kept, self._addresses)
            else:
                yield column, *FROM_BYTES[column.kept](table, column.place)


_NONE = np.zeros(0, dtype=np.bool_)
_AS_TEXT: frozenset[Storage] = frozenset({"text", "addr", "tuple", "double", "bool"})
_NOUN: dict[Storage, str] = {
    "micros": "time",
    "number": "number",
    "port": "port",
    "bool": "truth value",
    "double": "number",
    "addr": "address",
    "text": "text",
    "tuple": "list",
}
