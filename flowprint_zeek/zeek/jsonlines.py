"""Blocks of JSON lines as columns."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.zeek.columns import UNSET, Storage, as_frame, objects, storage, unset_column
from flowprint_zeek.zeek.fields import as_micros, is_address
from flowprint_zeek.zeek.logformat import fixed, to_bytes
from flowprint_zeek.zeek.tsv import Damaged, shown

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

Read = Callable[[object], object]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MILLISECONDS = 1e11
_MOST_SECONDS = 1e12
_PORTS = 1 << 16

_known_address = lru_cache(1 << 16)(is_address)


class WrongValueError(ValueError):
    """A value of another type than its column."""


def row_of(line: bytes) -> dict[str, Any] | None:
    """Return the object of a line, None where it is none."""
    try:
        row = json.loads(line.decode("utf-8", "surrogateescape"))
    except (ValueError, RecursionError):
        return None
    return row if isinstance(row, dict) else None


class Parser:
    """Turns blocks of one log's lines into frames.

    Parameters
    ----------
    columns : sequence of str
        Columns of the frames.
    types : mapping
        Zeek types of the standard columns; others become text.

    Attributes
    ----------
    stream : str
        What the first ``_path`` said; rows that say otherwise are another log's.
    """

    def __init__(self, columns: Sequence[str], types: Mapping[str, str]) -> None:
        self.stream = ""
        self._columns = columns
        self._types = types
        self._readers = [
            (name, name.replace(".", "_"), _reader(types.get(name))) for name in columns
        ]

    def parse(self, block: bytes) -> tuple[pd.DataFrame, list[Damaged], int | None]:
        """Return the rows of whole lines, the lines that are none, and the first foreign line."""
        lines = block.split(b"\n")[:-1]
        rows: list[list[object]] = []
        bad: list[tuple[int, str]] = []
        foreign: int | None = None
        for number, line in enumerate(lines):
            row = row_of(line)
            if row is None:
                bad.append((number, "no JSON object"))
            elif self._is_foreign(row):
                foreign = number if foreign is None else foreign
            else:
                try:
                    rows.append([_value(row, *reader) for reader in self._readers])
                except WrongValueError as error:
                    bad.append((number, str(error)))
        damaged = [Damaged(len(bad), bad[0][0], shown(lines[bad[0][0]]), bad[0][1])] if bad else []
        return _frame(rows, self._columns, self._types), damaged, foreign

    def _is_foreign(self, row: dict[str, object]) -> bool:
        said = row.get("_path")
        if not isinstance(said, str):
            return False
        self.stream = self.stream or said
        return said != self.stream


def _frame(
    rows: list[list[object]], columns: Sequence[str], types: Mapping[str, str]
) -> pd.DataFrame:
    made: dict[str, NDArray[Any]] = {}
    for place, name in enumerate(columns):
        dtype = unset_column(kept_as(types.get(name)), 0).dtype
        cells = [row[place] for row in rows]
        made[name] = objects(cells) if dtype.hasobject else np.array(cells, dtype=dtype)
    return as_frame(made, len(rows))


def kept_as(zeek_type: str | None) -> Storage:
    """Return how a column is held; one of unknown type as text."""
    return "text" if zeek_type is None else storage(zeek_type)


def _value(row: dict[str, object], name: str, other: str, read: Read) -> object:
    value = row.get(name)
    if value is None and other != name:
        value = row.get(other)
    try:
        return read(value)
    except WrongValueError as error:
        raise WrongValueError(f"{name} is no {error}") from None


def _reader(zeek_type: str | None) -> Read:
    if zeek_type is None:
        return _anything
    if zeek_type == "time":
        return _time
    if zeek_type.endswith("]"):
        return _times if zeek_type.endswith(("[time]", "[interval]")) else _list
    return _READERS[storage(zeek_type)]


def _text(value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise WrongValueError("text")
    return _clean(value)


def _clean(text: str) -> str:
    """Return text whose surrogates are all bytes that are no UTF-8, as in text from TSV."""
    if text.isascii():
        return text
    return to_bytes(text).decode("utf-8", "surrogateescape")


def _address(value: object) -> str:
    text = _text(value)
    if text and not _known_address(text):
        raise WrongValueError("address")
    return text


def _number(value: object) -> int:
    if value is None:
        return UNSET
    if isinstance(value, bool) or not isinstance(value, int) or abs(value) > -(UNSET + 1):
        raise WrongValueError("number")
    return value


def _port(value: object) -> int:
    port = _number(value)
    if port != UNSET and not 0 <= port < _PORTS:
        raise WrongValueError("port")
    return port


def _seconds(value: object) -> float | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongValueError("time")
    # Compared before any conversion: an int may be too large for a float.
    if not abs(value) < _MOST_SECONDS * 1000:
        raise WrongValueError("time")
    return float(value)


def _interval(value: object) -> int:
    seconds = _seconds(value)
    if seconds is None:
        return UNSET
    if abs(seconds) >= _MOST_SECONDS:
        raise WrongValueError("time")
    return as_micros(seconds)


def _time(value: object) -> int:
    if isinstance(value, str):
        return _iso_time(value)
    seconds = _seconds(value)
    if seconds is None:
        return UNSET
    return round(seconds * 1000) if abs(seconds) > _MILLISECONDS else as_micros(seconds)


def _iso_time(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise WrongValueError("time") from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1)


def _bool(value: object) -> int:
    if value is None:
        return -1
    if not isinstance(value, bool):
        raise WrongValueError("truth value")
    return int(value)


def _double(value: object) -> float:
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise WrongValueError("number")
    try:
        return float(value)
    except OverflowError:
        raise WrongValueError("number") from None


def _list(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise WrongValueError("list")
    return tuple(map(_element, value))


def _element(value: object) -> str:
    if isinstance(value, list | dict):
        raise WrongValueError("list")
    return _anything(value)


def _times(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list):
        raise WrongValueError("list")
    return tuple("" if cell is None else fixed(_interval(cell)) for cell in value)


def _anything(value: object) -> str:
    """Return a value of unknown type as TSV would have it."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, list | tuple):
        return ",".join(map(_anything, value))
    return _clean(value if isinstance(value, str) else json.dumps(value))


_READERS: dict[Storage, Read] = {
    "micros": _interval,
    "number": _number,
    "port": _port,
    "bool": _bool,
    "double": _double,
    "addr": _address,
    "text": _text,
}
