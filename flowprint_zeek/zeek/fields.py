"""Fields of TSV lines as columns: numbers and times exactly, text as it was before escaping."""

from __future__ import annotations

import csv
import io
import math
import socket
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.zeek.columns import UNSET, Storage, objects
from flowprint_zeek.zeek.logformat import Header, to_bytes, unescape

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    Wrong = NDArray[np.bool_] | None

NEWLINE = 10
_MINUS = 45
_DOT = 46
_MOST_DIGITS = 19
_MOST_NUMBER = np.uint64(2**63 - 1)
_MOST_SECONDS = 10**12
_MOST_PORT = 65_535
_MOST_ADDRESSES = 1 << 18


class Table:
    """Bytes of TSV lines, each with as many fields as the header, and where the fields are.

    Parameters
    ----------
    block : bytes
        The lines.
    ends : int64 array of (lines, fields)
        Where each field ends.
    header : Header
        What the lines are.

    Attributes
    ----------
    bytes : uint8 array
        The lines.
    words : uint64 array
        At each place in the lines, the eight bytes before it.
    """

    def __init__(self, block: bytes, ends: NDArray[np.int64], header: Header) -> None:
        self.block = block
        self.header = header
        self.bytes = np.frombuffer(block, dtype=np.uint8)
        self.ends = ends
        padded = bytes(8) + block
        self.words = np.ndarray(len(block) + 1, dtype="<u8", buffer=padded, strides=(1,))
        self._spans: dict[int, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}

    def __len__(self) -> int:
        return len(self.ends)

    def spans(self, place: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where a column's fields begin and end."""
        if place not in self._spans:
            ends = np.ascontiguousarray(self.ends[:, place])
            if place == 0:
                starts = np.zeros_like(ends)
                starts[1:] = self.ends[:-1, -1] + 1
            else:
                starts = self.ends[:, place - 1] + 1
            self._spans[place] = starts, ends
        return self._spans[place]

    def equal(self, place: int, text: str) -> NDArray[np.bool_]:
        """Tell which fields of a column are a text."""
        starts, ends = self.spans(place)
        raw = to_bytes(text)
        same: NDArray[np.bool_] = (ends - starts) == len(raw)
        for offset, byte in enumerate(raw):
            at = np.flatnonzero(same)
            same[at] = self.bytes[starts[at] + offset] == byte
        return same

    def line(self, row: int) -> bytes:
        """Return a line without its end."""
        first = 0 if row == 0 else int(self.ends[row - 1, -1]) + 1
        return self.block[first : self.ends[row, -1]]


# Numbers, times and truth values, from the bytes


def _digits(
    table: Table, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the numbers that runs of digits make, and which are none."""
    lengths = ends - starts
    wrong = (lengths < 1) | (lengths > _MOST_DIGITS)
    numbers = np.zeros(len(starts), dtype=np.uint64)
    for done in range(0, int(lengths[~wrong].max(initial=0)), 8):
        inside = np.clip(lengths - done, 0, 8)
        value, bad = _eight_digits(table.words[np.maximum(ends - done, 0)], inside)
        numbers += value * np.uint64(10**done)
        wrong |= bad
    wrong |= numbers > _MOST_NUMBER
    return numbers.astype(np.int64), wrong


# Eight bytes are taken at once as one number, the first digit in its lowest byte, and added up in
# pairs, then pairs of pairs. What precedes the field in the eight bytes is replaced by zeros.
_ZEROS = 0x3030303030303030
_KEEP = np.array([2**64 - 2 ** (64 - 8 * inside) for inside in range(9)], dtype=np.uint64)
_FILL = np.array([_ZEROS % 2 ** (64 - 8 * inside) for inside in range(9)], dtype=np.uint64)
_HIGH = np.uint64(0xF0F0F0F0F0F0F0F0)
_SIX = np.uint64(0x0606060606060606)
_THREE = np.uint64(0x3333333333333333)
_STEPS = tuple(
    (np.uint64(mask), np.uint64(factor), np.uint64(shift))
    for mask, factor, shift in (
        (0x0F0F0F0F0F0F0F0F, 10 * 2**8 + 1, 8),
        (0x00FF00FF00FF00FF, 100 * 2**16 + 1, 16),
        (0x0000FFFF0000FFFF, 10_000 * 2**32 + 1, 32),
    )
)


def _eight_digits(
    words: NDArray[np.uint64], inside: NDArray[np.int64]
) -> tuple[NDArray[np.uint64], NDArray[np.bool_]]:
    """Return the numbers of the last so many bytes of words, and which hold other than digits."""
    words = (words & _KEEP[inside]) | _FILL[inside]
    bad = ((words & _HIGH) | (((words + _SIX) & _HIGH) >> np.uint64(4))) != _THREE
    for mask, factor, shift in _STEPS:
        words = ((words & mask) * factor) >> shift
    return words, bad


def _signed(
    data: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.bool_], NDArray[np.int64]]:
    """Return which fields begin with a minus and where the digits begin."""
    minus = (data[starts] == _MINUS) & (starts < ends)
    return minus, starts + minus


def _number(table: Table, place: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    starts, ends = table.spans(place)
    unset = table.equal(place, table.header.unset_field)
    minus, first = _signed(table.bytes, starts, ends)
    numbers, wrong = _digits(table, first, ends)
    numbers[minus] *= -1
    numbers[unset] = UNSET
    return numbers, wrong & ~unset


def _port(table: Table, place: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    numbers, wrong = _number(table, place)
    return numbers, wrong | out_of_range(numbers)


def out_of_range(ports: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Tell which numbers are no port, and not unset."""
    outside: NDArray[np.bool_] = ((ports < 0) & (ports != UNSET)) | (ports > _MOST_PORT)
    return outside


def _micros(table: Table, place: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    starts, ends = table.spans(place)
    unset = table.equal(place, table.header.unset_field)
    minus, first = _signed(table.bytes, starts, ends)
    dot = ends - 7
    usual = (dot > first) & (table.bytes[np.maximum(dot, 0)] == _DOT)
    dot = np.where(usual, dot, first)
    whole, wrong = _digits(table, first, dot)
    part, wrong_part = _digits(table, np.where(usual, dot + 1, ends - 1), ends)
    wrong |= wrong_part | (whole >= _MOST_SECONDS)
    micros = np.where(wrong, 0, whole) * SECOND + part
    micros[minus] *= -1
    for row in np.flatnonzero(~usual & ~unset).tolist():
        text = table.block[starts[row] : ends[row]]
        micros[row], wrong[row] = _micros_of(text.decode("ascii", "replace"))
    micros[unset] = UNSET
    return micros, wrong & ~unset


def _micros_of(text: str) -> tuple[int, bool]:
    value = _float(text)
    if value is None or not abs(value) < _MOST_SECONDS:
        return 0, True
    return as_micros(value), False


def as_micros(seconds: float) -> int:
    """Return seconds as the nearest whole microsecond; exact for six decimals up to 2**33 s."""
    whole = math.trunc(seconds)
    return whole * SECOND + round((seconds - whole) * SECOND)


def _float(text: str) -> float | None:
    if not text.isascii() or "_" in text or text != text.strip():
        return None
    try:
        return float(text)
    except ValueError:
        return None


def _bool(table: Table, place: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    truth = np.full(len(table), -2, dtype=np.int8)
    for text, value in (("0", 0), ("1", 1), ("F", 0), ("T", 1), (table.header.unset_field, -1)):
        truth[table.equal(place, text)] = value
    wrong = truth == -2
    return truth, wrong


FROM_BYTES: dict[Storage, Callable[[Table, int], tuple[NDArray[Any], NDArray[np.bool_]]]] = {
    "micros": _micros,
    "number": _number,
    "port": _port,
    "bool": _bool,
}


# Text


def texts_of(table: Table, places: list[int]) -> dict[int, NDArray[Any]]:
    """Return columns as they stand in the file, as text."""
    if not places or not len(table):
        return {place: np.empty(0, dtype=object) for place in places}
    # pandas drops one byte order mark at the beginning, which here would be data.
    block = b"\xef\xbb\xbf" + table.block if table.block[:1] == b"\xef" else table.block
    frame = pd.read_csv(
        io.BytesIO(block),
        sep=table.header.separator,
        header=None,
        index_col=False,
        usecols=places,
        dtype=object,
        engine="c",
        lineterminator="\n",
        quoting=csv.QUOTE_NONE,
        na_filter=False,
        skip_blank_lines=False,
        low_memory=False,
        encoding="utf-8",
        encoding_errors="surrogateescape",
    )
    return {place: frame[place].to_numpy(dtype=object) for place in places}


def from_text(
    table: Table, place: int, kept: Storage, text: NDArray[Any], addresses: Addresses
) -> tuple[NDArray[Any], Wrong]:
    """Return a column of text as its values, and which of them are wrong.

    Parameters
    ----------
    table : Table
        The lines.
    place : int
        Which of their fields.
    kept : Storage
        What the values are.
    text : object array
        The fields as they stand in the file.
    addresses : Addresses
        What is known of addresses.
    """
    header = table.header
    blank = table.equal(place, header.unset_field)
    blank |= table.equal(place, header.empty_field)
    text = text.copy()
    text[blank] = ""
    if kept == "tuple":
        return _tuples(text, header), None
    if kept == "double":
        return _doubles(text, blank)
    for row in _escaped_rows(table, place):
        text[row] = unescape(text[row])
    return text, (addresses.wrong(text) if kept == "addr" else None)


def _escaped_rows(table: Table, place: int) -> list[int]:
    """Return the rows in which a column has a backslash."""
    if b"\\" not in table.block:
        return []
    marks = np.flatnonzero(table.bytes == ord("\\"))
    fields = np.unique(np.searchsorted(table.ends.ravel(), marks))
    rows, places = np.divmod(fields, table.ends.shape[1])
    found: list[int] = rows[places == place].tolist()
    return found


def _tuples(text: NDArray[Any], header: Header) -> NDArray[Any]:
    codes, unique = pd.factorize(text)
    return objects([_elements(entry, header) for entry in unique])[codes]


def _elements(text: str, header: Header) -> tuple[str, ...]:
    if not text:
        return ()
    blank = {header.unset_field, header.empty_field}
    parts = text.split(header.set_separator) if header.set_separator else [text]
    return tuple("" if part in blank else unescape(part) for part in parts)


def _doubles(
    text: NDArray[Any], blank: NDArray[np.bool_]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    values = [_float(entry) for entry in text.tolist()]
    wrong = np.array([value is None for value in values], dtype=np.bool_) & ~blank
    numbers = np.array([math.nan if value is None else value for value in values])
    return numbers, wrong


class Addresses:
    """Tells addresses from other text; what was an address once is not looked at again."""

    def __init__(self) -> None:
        self._known: set[str] = {""}

    def wrong(self, texts: NDArray[Any]) -> NDArray[np.bool_]:
        """Tell which texts are neither an IP address nor empty."""
        fresh = set(texts.tolist()) - self._known
        refused = {text for text in fresh if not is_address(text)}
        if len(self._known) > _MOST_ADDRESSES:
            self._known = {""}
        self._known |= fresh - refused
        if not refused:
            return np.zeros(len(texts), dtype=np.bool_)
        return np.fromiter(map(refused.__contains__, texts.tolist()), np.bool_, len(texts))


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        return False
    return True
