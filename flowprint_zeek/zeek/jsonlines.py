"""Blocks of JSON lines as columns."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.zeek.columns import as_frame, underscored
from flowprint_zeek.zeek.header import stream_of
from flowprint_zeek.zeek.jsonvalues import column_of
from flowprint_zeek.zeek.tsv import Damaged, shown

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    import pandas as pd
    from numpy.typing import NDArray

STREAM = re.compile(rb'"_path"\s*:\s*"([^"\\]+)"')
"""Where a row says what log it is of."""


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
    said = row.get("_path")
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
        made, wrong = self._made(rows)
        bad += [(*places[row], reason) for row, reason in wrong.items()]
        kept = np.ones(len(rows), dtype=np.bool_)
        kept[list(wrong)] = False
        columns = {name: values[kept] for name, values in made.items()} if wrong else made
        damaged = []
        if bad:
            number, line, reason = min(bad)
            damaged = [Damaged(len(bad), number, shown(line), reason)]
        return as_frame(columns, int(kept.sum())), damaged, foreign

    def _made(self, rows: list[tuple[Any, ...]]) -> tuple[dict[str, NDArray[Any]], dict[int, str]]:
        """Return the columns of rows, and what is wrong with those that are no rows."""
        made: dict[str, NDArray[Any]] = {}
        wrong: dict[int, str] = {}
        every = zip(*rows, strict=True) if rows else [()] * len(self._keys)
        cells_of = dict(zip(self._keys, every, strict=True))
        for name, zeek_type in self._columns:
            cells = cells_of[name]
            if "." in name and None in cells:
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
