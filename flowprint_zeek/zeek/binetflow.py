"""Flows of Argus as CTU-13 keeps them (binetflow), as rows of conn.log.

A binetflow file is comma- or tab-separated text with one line of column names. It tells no
certificates and no names, counts bytes with their headers, and is ordered by the *start* of flows.

==========================  ===============================================================
column of conn.log          is
==========================  ===============================================================
``ts``, ``duration``        ``StartTime``, in UTC, and ``Dur``
``uid``                     a digest of the row: rows written twice have the same, others never
``id.*``, ``proto``         addresses, ports (also hexadecimal), and protocol as written
``orig_bytes``              ``SrcBytes``; ``resp_bytes`` is the rest of ``TotBytes``
``orig_pkts``               ``SrcPkts``, which CTU-13 lacks; ``resp_pkts`` the rest of ``TotPkts``
``history``                 ``^`` where Argus guessed the direction or found it reversed
``label``                   ``Label``
==========================  ===============================================================

All others are unset, ``conn_state`` too. Records of Argus itself (``man``) are no rows.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.zeek.columns import (
    UNSET,
    as_frame,
    objects,
    standard_types,
    storage,
    unset_column,
)
from flowprint_zeek.zeek.fields import as_micros
from flowprint_zeek.zeek.jsonlines import lines_of
from flowprint_zeek.zeek.tsv import Damaged, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd
    from numpy.typing import NDArray

_NEEDED = {
    *("StartTime", "Dur", "Proto", "SrcAddr", "Sport", "Dir", "DstAddr", "Dport"),
    *("TotPkts", "TotBytes", "SrcBytes"),
}
_TIME = re.compile(r"\d{4}/\d\d/\d\d \d\d:\d\d:\d\d(\.\d{1,6})?", re.ASCII)
_DECIMAL = re.compile(r"\d{1,12}(\.\d*)?", re.ASCII)
_NUMBER = re.compile(r"\d{1,18}", re.ASCII)
_PORT = re.compile(r"\d{1,5}|0x[0-9a-fA-F]{1,4}", re.ASCII)
_MOST_PORT = 65_535
_OWN = {"man", "Proto"}
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True)
class Header:
    """The first line of a binetflow file.

    Parameters
    ----------
    separator : str
        Comma or tab.
    fields : tuple of str
        Argus's names of the columns.
    """

    separator: str
    fields: tuple[str, ...]


def header_of(head: bytes) -> Header | None:
    r"""Return the header of a file by its beginning, None where it is no binetflow.

    >>> header_of(b"ts,uid\n") is None
    True
    """
    first = head.partition(b"\n")[0].decode("utf-8", "replace").strip()
    for separator in (",", "\t"):
        fields = tuple(first.split(separator))
        if _NEEDED.issubset(fields):
            return Header(separator, fields)
    return None


# Fields as values; None is wrong. Most occur often.

_cached = lru_cache(maxsize=1 << 16)


def _time(text: str) -> int | None:
    if _TIME.fullmatch(text) is None:
        return None
    try:
        moment = datetime.fromisoformat(f"{text.replace('/', '-')}+00:00")
    except ValueError:
        return None
    return (moment - _EPOCH) // _MICROSECOND


@_cached
def _duration(text: str) -> int | None:
    if not text:
        return UNSET
    return as_micros(float(text)) if _DECIMAL.fullmatch(text) else None


@_cached
def _port(text: str) -> int | None:
    if not text:
        return UNSET
    if _PORT.fullmatch(text) is None:
        return None
    port = int(text, 16 if text.startswith("0x") else 10)
    return port if port <= _MOST_PORT else None


@_cached
def _number(text: str) -> int | None:
    if not text:
        return UNSET
    return int(text) if _NUMBER.fullmatch(text) else None


@_cached
def _rest(total: str, part: str) -> int | None:
    whole, taken = _number(total), _number(part)
    if whole is None or taken is None:
        return None
    if UNSET in (whole, taken):
        return UNSET
    return whole - taken if whole >= taken else None


@_cached
def _history(direction: str) -> str:
    reversed_ = "<" in direction and ">" not in direction
    return "^" if reversed_ or "?" in direction else ""


def _uid(fields: list[str]) -> str:
    raw = "\t".join(fields).encode("utf-8", "surrogateescape")
    return f"A{hashlib.blake2b(raw, digest_size=10).hexdigest()}"


_MADE: dict[str, tuple[tuple[str, ...], Callable[..., object], str]] = {
    "ts": (("StartTime",), _time, "time"),
    "id.orig_h": (("SrcAddr",), str, ""),
    "id.orig_p": (("Sport",), _port, "port"),
    "id.resp_h": (("DstAddr",), str, ""),
    "id.resp_p": (("Dport",), _port, "port"),
    "proto": (("Proto",), str, ""),
    "duration": (("Dur",), _duration, "time"),
    "orig_bytes": (("SrcBytes",), _number, "number"),
    "resp_bytes": (("TotBytes", "SrcBytes"), _rest, "number"),
    "history": (("Dir",), _history, ""),
    "orig_pkts": (("SrcPkts",), _number, "number"),
    "resp_pkts": (("TotPkts", "SrcPkts"), _rest, "number"),
    "label": (("Label",), str, ""),
}
"""What each column is made of and how, and what it is not where it is wrong."""

TYPES = {name: standard_types("conn").get(name, "string") for name in ("ts", "uid", *_MADE)}
"""Columns that are set, and their Zeek types."""


class Parser:
    """Turns lines of a binetflow file into frames.

    Parameters
    ----------
    header : Header
        What the lines are.
    columns : sequence of str
        Columns of the frames.
    """

    def __init__(self, header: Header, columns: Sequence[str]) -> None:
        self._header = header
        self._columns = columns
        self._proto = header.fields.index("Proto")

    def parse(self, block: bytes) -> tuple[pd.DataFrame, list[Damaged]]:
        """Return the rows of whole lines, and the lines that are none."""
        lines = dict(lines_of(block.replace(b"\r\n", b"\n"), "", unclaimed=False))
        numbers, rows, bad = self._split(lines)
        made = dict(self._made(rows))
        for name, values in made.items():
            if None in values:
                reason = f"{name} is no {_MADE[name][2]}"
                wrong = (at for at, value in zip(numbers, values, strict=True) if value is None)
                bad = dict.fromkeys(wrong, reason) | bad
        kept = [number not in bad for number in numbers]
        frame = {name: _column(name, made.get(name), kept) for name in self._columns}
        first = min(bad, default=0)
        damaged = [Damaged(len(bad), first, shown(lines[first]), bad[first])] if bad else []
        return as_frame(frame, sum(kept)), damaged

    def _split(self, lines: dict[int, bytes]) -> tuple[list[int], list[list[str]], dict[int, str]]:
        """Return the numbers and fields of lines, and which lines cannot be split.

        Lines of Argus itself are left out: records about its running, and a header once more. So
        are blank ones, which are no damage.
        """
        numbers: list[int] = []
        rows: list[list[str]] = []
        bad: dict[int, str] = {}
        for number, line in lines.items():
            fields = line.decode("utf-8", "surrogateescape").split(self._header.separator)
            if len(fields) != len(self._header.fields):
                bad[number] = f"{len(fields)} fields instead of {len(self._header.fields)}"
            elif b"\0" in line:
                bad[number] = "a zero byte"
            elif fields[self._proto] not in _OWN:
                numbers.append(number)
                rows.append(fields)
        return numbers, rows, bad

    def _made(self, rows: list[list[str]]) -> Iterator[tuple[str, list[object]]]:
        """Yield the columns that are asked for and can be made, with None where one is wrong."""
        missing = [""] * len(rows)
        fields = dict(zip(self._header.fields, zip(*rows, strict=True), strict=False))
        for name in self._columns:
            if name == "uid":
                yield name, [_uid(row) for row in rows]
            elif name in _MADE:
                needed, make, _ = _MADE[name]
                yield name, list(map(make, *(fields.get(field, missing) for field in needed)))


def _column(name: str, values: list[object] | None, kept: list[bool]) -> NDArray[Any]:
    unset = unset_column(storage(standard_types("conn").get(name, "string")), sum(kept))
    if values is None:
        return unset
    good = list(compress(values, kept))
    return objects(good) if unset.dtype.hasobject else np.array(good, dtype=unset.dtype)
