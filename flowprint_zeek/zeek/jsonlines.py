"""Blocks of JSON lines as columns."""

from __future__ import annotations

import json
import re
from functools import lru_cache
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from flowprint_zeek.zeek.columns import as_frame, underscored
from flowprint_zeek.zeek.header import stream_of
from flowprint_zeek.zeek.jsonvalues import column_of
from flowprint_zeek.zeek.tsv import Damaged, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

STREAM = re.compile(rb'"_path"\s*:\s*"([^"\\]+)"')
"""Where a row says what log it is of."""


_PATH = "_path"
_FILLED = re.compile(rb"[^\n]+")

# Bro 2 wrote each byte that is no ASCII as \u00NN, with no space in a row. Others write spaces, and
# mean characters.
_BYTE = re.compile(rb"\\\\|\\u00([89a-fA-F][0-9a-fA-F])")
_SPACED = re.compile(rb'\s*\{\s*"[^"]*"\s*:\s')


def row_of(line: bytes) -> dict[str, Any] | None:
    """Return the object of a line, None where it is none."""
    if b"\\u00" in line and not _SPACED.match(line):
        line = _BYTE.sub(_as_surrogate, line)
    try:
        row = json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


def _as_surrogate(match: re.Match[bytes]) -> bytes:
    return match[0] if match[1] is None else b"\\udc" + match[1]


def stream_in(row: Mapping[str, object]) -> str:
    """Return what log a row says it is of, "" where it does not say."""
    said = row.get(_PATH)
    return stream_of(said) if isinstance(said, str) else ""


def flat(row: dict[str, Any], scopes: Collection[str]) -> dict[str, Any]:
    """Return a row with the fields of records of some names beside all others, dotted."""
    for scope in scopes:
        inner = row.get(scope)
        if isinstance(inner, dict):
            row |= {f"{scope}.{name}": value for name, value in inner.items()}
    return row


def scopes_of(columns: Iterable[str]) -> list[str]:
    """Return the records that columns are fields of, outer ones first.

    >>> scopes_of(["ts", "id.ctx.vlan", "id.orig_h"])
    ['id', 'id.ctx']
    """
    parts = (name.split(".") for name in columns)
    return sorted({".".join(part[:end]) for part in parts for end in range(1, len(part))})


def is_blank(lines: bytes) -> bool:
    """Tell whether lines are nothing but line ends of one kind, at next to no cost."""
    end = lines[:1] if lines[:1] == b"\n" else b"\r\n"
    return lines.startswith(end) and lines == end * (len(lines) // len(end))


def filled_lines(block: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield the lines that are not empty with their numbers; empty ones cost next to nothing."""
    number = at = 0
    for match in _FILLED.finditer(block):
        number += block.count(b"\n", at, match.start())
        at = match.start()
        yield number, match[0]


def lines_of(block: bytes, stream: str, *, unclaimed: bool) -> Iterator[tuple[int, bytes]]:
    """Yield a block's lines that are of a stream, with their numbers; blank lines are left out.

    Parameters
    ----------
    block : bytes
        Whole lines.
    stream : str
        What the lines say they are of; "" takes all.
    unclaimed : bool
        Whether lines that do not say what they are of are taken too.
    """
    if is_blank(block):
        return
    lines = filled_lines(block) if b"\n\n" in block else enumerate(block.split(b"\n")[:-1])
    if not stream:
        yield from ((number, line) for number, line in lines if line.strip())
        return
    # Looking for bytes costs a tenth of parsing a line.
    said = {match[0]: match[1] for match in STREAM.finditer(block)}
    own = [
        text for text, name in said.items() if stream_of(name.decode("utf-8", "replace")) == stream
    ]
    for number, line in lines:
        if any(text in line for text in own) or (
            unclaimed and STREAM.search(line) is None and line.strip()
        ):
            yield number, line


@lru_cache(maxsize=64)
def _decoder(names: tuple[str, ...]) -> Callable[[bytes], object]:
    """Return what reads the values of some names from a line, None where it has no such name."""
    fields = [(field, Any, None) for field in _fields(names)]
    rename = dict(zip(_fields(names), names, strict=True))
    return msgspec.json.Decoder(msgspec.defstruct("Row", fields, rename=rename, gc=False)).decode


def _fields(names: Collection[str]) -> list[str]:
    """Return what names are called that may be no words of Python."""
    return [f"f{at}" for at in range(len(names))]


class Parser:
    """Turns blocks of one log's lines into frames.

    Parameters
    ----------
    columns : sequence of str
        Columns of the frames.
    types : mapping
        Zeek types of the standard columns; others become text.
    stream, unclaimed
        As for `lines_of`.

    Attributes
    ----------
    stream : str
        As given, else what the first ``_path`` said; rows that say otherwise are another log's.
    """

    def __init__(
        self,
        columns: Sequence[str],
        types: Mapping[str, str],
        stream: str = "",
        *,
        unclaimed: bool = False,
    ) -> None:
        self.stream = stream
        self._shared = stream
        self._unclaimed = unclaimed
        self._scopes = scopes_of(columns)
        self._columns = [(name, types.get(name)) for name in columns]
        self._keys = list(dict.fromkeys([*columns, *map(underscored, columns)]))

    def parse(self, block: bytes) -> tuple[pd.DataFrame, list[Damaged], list[int]]:
        """Return the rows of whole lines, the lines that are none, and the numbers of foreign ones.

        Lines that are known to be another log's without looking into them are nowhere.
        """
        plain = self._plain(block)
        return self._one_by_one(block) if plain is None else (plain, [], [])

    def _plain(self, block: bytes) -> pd.DataFrame | None:
        """Return the rows of lines that are all as Zeek writes them, None of others.

        It gives what `_one_by_one` gives, three times as fast: `python -m benchmarks.speed --cases
        reading`.
        """
        if self._shared or b"\\u00" in block:
            return None
        lines = block.split(b"\n")[:-1]
        names = dict.fromkeys((*self._keys, _PATH, *self._scopes))
        try:
            rows = list(map(_decoder(tuple(names)), lines))
        except (msgspec.MsgspecError, ValueError, RecursionError):
            return None
        # Column by column: what all rows hold would not fit the cache.
        every = (tuple(map(attrgetter(field), rows)) for field in _fields(names))
        cells_of = dict(zip(names, every, strict=True))
        nested = (dict in set(map(type, cells_of[scope])) for scope in self._scopes)
        if any(nested) or not set(map(type, cells_of[_PATH])) <= {str, type(None)}:
            return None
        said = {self.stream, *(stream_in({_PATH: path}) for path in set(cells_of[_PATH]))} - {""}
        made, wrong = self._made(cells_of, len(rows))
        if wrong or len(said) > 1:
            return None
        self.stream = "".join(said)
        return as_frame(made, len(rows))

    def _one_by_one(self, block: bytes) -> tuple[pd.DataFrame, list[Damaged], list[int]]:
        """Return what `parse` returns, of any lines."""
        rows: list[tuple[Any, ...]] = []
        places: list[tuple[int, bytes]] = []
        bad: list[tuple[int, bytes, str]] = []
        foreign: list[int] = []
        for number, line in lines_of(block, self._shared, unclaimed=self._unclaimed):
            row = row_of(line)
            if row is None:
                bad.append((number, line, "no JSON object"))
            elif self._is_foreign(row):
                foreign.append(number)
            else:
                rows.append(tuple(map(flat(row, self._scopes).get, self._keys)))
                places.append((number, line))
        every = zip(*rows, strict=True) if rows else [()] * len(self._keys)
        made, wrong = self._made(dict(zip(self._keys, every, strict=True)), len(rows))
        bad += [(*places[row], reason) for row, reason in wrong.items()]
        kept = np.ones(len(rows), dtype=np.bool_)
        kept[list(wrong)] = False
        columns = {name: values[kept] for name, values in made.items()} if wrong else made
        damaged = []
        if bad:
            number, line, reason = min(bad)
            damaged = [Damaged(len(bad), number, shown(line), reason)]
        return as_frame(columns, int(kept.sum())), damaged, foreign

    def _made(
        self, cells_of: Mapping[str, tuple[Any, ...]], rows: int
    ) -> tuple[dict[str, NDArray[Any]], dict[int, str]]:
        """Return the columns of rows, and what is wrong with those that are no rows."""
        made: dict[str, NDArray[Any]] = {}
        wrong: dict[int, str] = {}
        none = (None,) * rows
        for name, zeek_type in self._columns:
            cells = cells_of.get(name, none)
            if "." in name and None in cells and underscored(name) in cells_of:
                pairs = zip(cells, cells_of[underscored(name)], strict=True)
                cells = tuple(other if cell is None else cell for cell, other in pairs)
            made[name], refused = column_of(cells, zeek_type)
            for row, noun in refused.items():
                wrong.setdefault(row, f"{name} is no {noun}")
        return made, wrong

    def _is_foreign(self, row: Mapping[str, object]) -> bool:
        said = stream_in(row)
        if said and not self.stream:
            self.stream = said
        return said != self.stream and bool(said or self._shared)
