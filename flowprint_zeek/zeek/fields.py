"""Fields of TSV lines as columns: numbers and times exactly, text as it was before escaping."""

from __future__ import annotations

import math
import socket
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.zeek.columns import UNSET, Storage, objects
from flowprint_zeek.zeek.logformat import iso_micros, to_bytes, unescape
from flowprint_zeek.zeek.texts import SHORT, distinct

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from flowprint_zeek.zeek.header import Header

    Wrong = NDArray[np.bool_] | None
    Parsed = tuple[NDArray[Any], NDArray[np.bool_]]
    Plain = Callable[["Table", NDArray[np.int64], NDArray[np.int64]], Parsed]

NEWLINE = 10
_MINUS = 45
_DOT = 46
_MOST_DIGITS = 19
_MOST_NUMBER = np.uint64(2**63 - 1)
_MOST_SECONDS = 10**12
_MOST_PORT = 65_535
_MOST_ADDRESSES = 1 << 18
_TRUTH = {"T": 1, "1": 1, "F": 0, "0": 0}
_NO_TRUTH = -2


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
        padded = b"".join((bytes(8), block, bytes(SHORT)))
        self.words = np.ndarray(len(padded) - 7, dtype="<u8", buffer=padded, strides=(1,))
        self._ends: dict[int, NDArray[np.int64]] = {}

    def __len__(self) -> int:
        return len(self.ends)

    def spans(self, place: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return where a column's fields begin and end."""
        ends = self._column(place)
        if place > 0:
            return self._column(place - 1) + 1, ends
        starts = np.zeros_like(ends)
        starts[1:] = self.ends[:-1, -1] + 1
        return starts, ends

    def _column(self, place: int) -> NDArray[np.int64]:
        if place not in self._ends:
            self._ends[place] = np.ascontiguousarray(self.ends[:, place])
        return self._ends[place]

    def equal(
        self, starts: NDArray[np.int64], ends: NDArray[np.int64], raw: bytes
    ) -> NDArray[np.bool_]:
        """Tell which of some fields are a text."""
        same: NDArray[np.bool_] = (ends - starts) == len(raw)
        for offset, byte in enumerate(raw):
            at = np.flatnonzero(same)
            same[at] = self.bytes[starts[at] + offset] == byte
        return same

    def line(self, row: int) -> bytes:
        """Return a line without its end."""
        first = 0 if row == 0 else int(self.ends[row - 1, -1]) + 1
        return self.block[first : self.ends[row, -1]]


# Numbers and times, from the bytes


def _digits(
    table: Table, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return the numbers that runs of digits make, and which are none."""
    lengths = ends - starts
    longest = int(lengths.max(initial=0))
    wrong = (lengths < 1) | (lengths > _MOST_DIGITS)
    numbers = np.zeros(len(starts), dtype=np.uint64)
    for done in range(0, min(longest, _MOST_DIGITS), 8):
        inside = np.clip(lengths - done, 0, 8)
        value, bad = _eight_digits(table.words[np.maximum(ends - done, 0)], inside)
        numbers += value * np.uint64(10**done)
        wrong |= bad
    if longest >= _MOST_DIGITS:
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


def _decimals(
    table: Table, starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Return seconds with six decimals as microseconds, and which are none."""
    dot = ends - 7
    whole, wrong = _digits(table, starts, dot)
    part, bad = _digits(table, dot + 1, ends)
    wrong |= bad | (table.bytes[np.maximum(dot, 0)] != _DOT) | (whole >= _MOST_SECONDS)
    return whole * SECOND + part, wrong


def _numbers(
    table: Table, place: int, plain: Plain, other: Callable[[bytes], int | None]
) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    """Return a column of numbers, and which are none.

    Most fields are plain; what is not is looked at again, for a minus, for being unset, and then
    one by one.
    """
    starts, ends = table.spans(place)
    numbers, wrong = plain(table, starts, ends)
    unset = to_bytes(table.header.unset_field)
    rest = np.flatnonzero(wrong | unset[:1].isdigit())
    if not rest.size:
        return numbers, wrong
    starts, ends = starts[rest], ends[rest]
    minus = (table.bytes[starts] == _MINUS) & (starts < ends)
    values, bad = plain(table, starts + minus, ends)
    values[minus] *= -1
    blank = table.equal(starts, ends, unset)
    for row in np.flatnonzero(bad & ~blank).tolist():
        value = other(table.block[starts[row] : ends[row]])
        if value is not None:
            values[row], bad[row] = value, False
    values[blank] = UNSET
    numbers[rest], wrong[rest] = values, bad & ~blank
    return numbers, wrong


def _number(table: Table, place: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    return _numbers(table, place, _digits, lambda _: None)


def _port(table: Table, place: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    ports, wrong = _number(table, place)
    return ports, wrong | ((ports < 0) & (ports != UNSET)) | (ports > _MOST_PORT)


def _micros(table: Table, place: int) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    return _numbers(table, place, _decimals, _micros_of)


def _micros_of(raw: bytes) -> int | None:
    text = raw.decode("ascii", "replace")
    seconds = _float(text)
    if seconds is None:
        return iso_micros(text)
    return as_micros(seconds) if abs(seconds) < _MOST_SECONDS else None


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


FROM_BYTES: dict[Storage, Callable[[Table, int], tuple[NDArray[Any], NDArray[np.bool_]]]] = {
    "micros": _micros,
    "number": _number,
    "port": _port,
}


# Text


def from_text(
    table: Table, place: int, kept: Storage, addresses: Addresses
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
    addresses : Addresses
        What is known of addresses.
    """
    codes, texts = distinct(table, place)
    values, wrong = _values(table, texts, kept, addresses)
    if codes is None:
        return values, wrong
    return values[codes], None if wrong is None else wrong[codes]


def _values(
    table: Table, texts: list[str], kept: Storage, addresses: Addresses
) -> tuple[NDArray[Any], Wrong]:
    blank = {table.header.unset_field, table.header.empty_field}
    if kept == "tuple":
        return objects([_elements(text, table.header, blank) for text in texts]), None
    if kept == "double":
        return _doubles(texts, blank)
    if kept == "bool":
        known = _TRUTH | {table.header.unset_field: -1}
        truth = np.array([known.get(text, _NO_TRUTH) for text in texts], dtype=np.int8)
        return truth, truth == _NO_TRUTH
    if b"\\" in table.block:
        texts = ["" if text in blank else unescape(text) for text in texts]
    elif not blank.isdisjoint(texts):
        texts = ["" if text in blank else text for text in texts]
    return objects(texts), (addresses.wrong(texts) if kept == "addr" else None)


def _elements(text: str, header: Header, blank: set[str]) -> tuple[str, ...]:
    if not text or text in blank:
        return ()
    parts = text.split(header.set_separator) if header.set_separator else [text]
    return tuple("" if part in blank else unescape(part) for part in parts)


def _doubles(texts: list[str], blank: set[str]) -> tuple[NDArray[Any], NDArray[np.bool_]]:
    values = [math.nan if text in blank else _float(text) for text in texts]
    wrong = np.array([value is None for value in values], dtype=np.bool_)
    numbers = np.array([math.nan if value is None else value for value in values])
    return numbers, wrong


class Addresses:
    """Tells addresses from other text; what was an address once is not looked at again."""

    def __init__(self) -> None:
        self._known: set[str] = {""}

    def wrong(self, texts: list[str]) -> NDArray[np.bool_]:
        """Tell which texts are neither an IP address nor empty."""
        fresh = set(texts) - self._known
        refused = {text for text in fresh if not is_address(text)}
        if len(self._known) > _MOST_ADDRESSES:
            self._known = {""}
        self._known |= fresh - refused
        if not refused:
            return np.zeros(len(texts), dtype=np.bool_)
        return np.fromiter(map(refused.__contains__, texts), np.bool_, len(texts))


def is_address(text: str) -> bool:
    """Tell whether a text is an IP address."""
    try:
        socket.inet_pton(socket.AF_INET6 if ":" in text else socket.AF_INET, text)
    except (OSError, ValueError):
        return False
    return True
