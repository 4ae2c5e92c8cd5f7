"""Values of JSON rows: a column at a time where all are as they should be, else cell by cell."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable
from functools import lru_cache
from itertools import chain
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.zeek.columns import UNSET, Storage, objects, storage, unset_column
from flowprint_zeek.zeek.fields import as_micros, is_address
from flowprint_zeek.zeek.logformat import fixed, iso_micros, to_bytes
from flowprint_zeek.zeek.texts import many_equal, sampling

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

Read = Callable[[object], object]

_MILLISECONDS = 1e11
_MOST_SECONDS = 1e12
_PORTS = 1 << 16
_OF_TIMES = ("[time]", "[interval]")

# What Zeek 9 may write for bytes that are no text, a part of Unicode that has no characters.
_PRIVATE = re.compile("[\U000f0000-\U000f00ff]")

_known_address = lru_cache(1 << 16)(is_address)


class WrongValueError(ValueError):
    """A value of another type than its column."""


def column_of(
    cells: Sequence[object], zeek_type: str | None
) -> tuple[NDArray[Any], dict[int, str]]:
    """Return a column's values, and by row what those are not that they should be.

    Parameters
    ----------
    cells : sequence
        Values as JSON has them; None is unset.
    zeek_type : str or None
        Type of the column; None makes text of whatever there is.
    """
    made = None if zeek_type is None else _whole(cells, zeek_type)
    if made is not None:
        return made, {}
    read = _cell_reader(zeek_type)
    unset = read(None)
    values: list[object] = []
    wrong: dict[int, str] = {}
    for row, cell in enumerate(cells):
        try:
            values.append(read(cell))
        except WrongValueError as error:
            values.append(unset)
            wrong[row] = str(error)
        except RecursionError:
            values.append(unset)
            wrong[row] = "text"
    dtype = unset_column("text" if zeek_type is None else storage(zeek_type), 0).dtype
    return objects(values) if dtype.hasobject else np.array(values, dtype=dtype), wrong


# A column at a time


def _whole(cells: Sequence[object], zeek_type: str) -> NDArray[Any] | None:
    """Return a column's values, None where one of them has to be looked at."""
    kept = storage(zeek_type)
    kinds = set(map(type, cells)) - {type(None)}
    if not kinds:
        return unset_column(kept, len(cells))
    try:
        if kept in {"text", "addr"} and kinds <= {str}:
            return _whole_text(cells, kept)
        if kept in {"number", "port"} and kinds <= {int}:
            return _whole_numbers(cells, kept)
        if kept == "bool" and kinds <= {bool}:
            return np.array([-1 if cell is None else cell for cell in cells], dtype=np.int8)
        if kept == "micros" and kinds <= {int, float}:
            return _whole_times(cells, zeek_type)
        if kept == "tuple" and kinds <= {list} and not zeek_type.endswith(_OF_TIMES):
            return _whole_lists(cells)
    except OverflowError:
        pass
    return None


def _whole_text(cells: Sequence[Any], kept: Storage) -> NDArray[Any] | None:
    texts = [cell or "" for cell in cells]
    if not "".join(texts).isascii():
        texts = list(map(_clean, texts))
    if kept == "addr" and not all(map(_known_address, set(texts) - {""})):
        return None
    return objects(_shared(texts))


def _shared(texts: list[str]) -> list[str]:
    """Return texts of which equal ones are one object, where many are equal.

    All that hashes and compares them later costs half, as it does for texts of TSV.
    """
    if not many_equal(texts[:: sampling(len(texts))]):
        return texts
    known: dict[str, str] = {}
    return [known.setdefault(text, text) for text in texts]


def _whole_lists(cells: Sequence[Any]) -> NDArray[Any] | None:
    parts = [tuple(cell) if cell else () for cell in cells]
    if not set(map(type, chain.from_iterable(parts))) <= {str}:
        return None
    clean = {part: tuple(map(_clean, part)) for part in set(parts)}
    return objects([clean[part] for part in parts])


def _whole_numbers(cells: Sequence[Any], kept: Storage) -> NDArray[Any] | None:
    numbers = np.array([UNSET if cell is None else cell for cell in cells], dtype=np.int64)
    wrong = int((numbers == UNSET).sum()) != cells.count(None)
    if kept == "port":
        wrong |= bool((((numbers < 0) & (numbers != UNSET)) | (numbers >= _PORTS)).any())
    return None if wrong else numbers


def _whole_times(cells: Sequence[Any], zeek_type: str) -> NDArray[Any] | None:
    seconds = np.array([math.nan if cell is None else cell for cell in cells], dtype=np.float64)
    known = seconds[~np.isnan(seconds)]
    most = _MILLISECONDS if zeek_type == "time" else _MOST_SECONDS
    if len(known) + cells.count(None) != len(cells) or not bool((abs(known) < most).all()):
        return None
    whole = np.trunc(known)
    micros = np.full(len(cells), UNSET, dtype=np.int64)
    # As `as_micros`, to the same microsecond.
    part = np.rint((known - whole) * SECOND).astype(np.int64)
    micros[~np.isnan(seconds)] = whole.astype(np.int64) * SECOND + part
    return micros


# Cell by cell


def _cell_reader(zeek_type: str | None) -> Read:
    if zeek_type is None:
        return _anything
    if zeek_type == "time":
        return _time
    if zeek_type.endswith("]"):
        return _times if zeek_type.endswith(_OF_TIMES) else _list
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
    text = _PRIVATE.sub(_as_byte, text)
    return to_bytes(text).decode("utf-8", "surrogateescape")


def _as_byte(match: re.Match[str]) -> str:
    return bytes([ord(match[0]) & 0xFF]).decode("utf-8", "surrogateescape")


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
        micros = iso_micros(value)
        if micros is None:
            raise WrongValueError("time")
        return micros
    seconds = _seconds(value)
    if seconds is None:
        return UNSET
    return round(seconds * 1000) if abs(seconds) > _MILLISECONDS else as_micros(seconds)


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
