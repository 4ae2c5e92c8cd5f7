"""Fields of TSV lines as text, each distinct one made once where many are alike.

Short fields are compared as words of eight bytes, all rows at once. A column like ``uid``, whose
fields all differ, is cut out of the block in one piece instead.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from flowprint_zeek.zeek.fields import Table

    Ints = NDArray[np.int64]
    Words = NDArray[np.uint64]

SHORT = 40
"""Longest field in bytes that is taken as words: IPv6 addresses are, certificate chains are not."""

_SAMPLE = 256
_NEWLINE = 10
_FIRST = np.array([2 ** (8 * inside) - 1 for inside in range(9)], dtype=np.uint64)
_ODD = np.uint64(0x9E3779B97F4A7C15)


def distinct(table: Table, place: int) -> tuple[Ints | None, list[str]]:
    """Return a column's texts as they stand in the file, and which of them each line has.

    Parameters
    ----------
    table : Table
        The lines.
    place : int
        Which of their fields.

    Returns
    -------
    codes : int64 array or None
        For each line its text's place in `texts`; None where each line has a text of its own, in
        order.
    texts : list of str
        Bytes that are no UTF-8 as surrogates.
    """
    starts, ends = table.spans(place)
    step = sampling(len(starts))
    if not many_equal(_cut(table, starts[::step], ends[::step])):
        return None, _each(table, starts, ends)
    codes, first = _codes(table, starts, ends)
    return codes, _cut(table, starts[first], ends[first])


def sampling(size: int) -> int:
    """Return the step from text to text of a column for `many_equal`."""
    return max(1, size // _SAMPLE)


def many_equal(sample: Sequence[str]) -> bool:
    """Tell from some texts of a column whether it pays to look for equal ones."""
    return 10 * len(set(sample)) < 9 * len(sample)


def _cut(table: Table, starts: Ints, ends: Ints) -> list[str]:
    """Return fields, one by one."""
    return [
        table.block[begin:end].decode("utf-8", "surrogateescape")
        for begin, end in zip(starts.tolist(), ends.tolist(), strict=True)
    ]


def _words(table: Table, starts: Ints, lengths: Ints) -> list[Words]:
    """Return fields as words, the first byte lowest, zero where a field has ended."""
    words = []
    shortest, longest = int(lengths.min(initial=SHORT)), int(lengths.max(initial=0))
    for done in range(0, longest, 8):
        word = table.words[starts + done + 8]
        # A word that all fields fill needs no mask.
        inside = None if done + 8 <= shortest else np.clip(lengths - done, 0, 8)
        words.append(word if inside is None else word & _FIRST[inside])
    return words


def _each(table: Table, starts: Ints, ends: Ints) -> list[str]:
    lengths = ends - starts
    words = _words(table, starts, np.minimum(lengths, SHORT))
    cells = np.column_stack([*words, np.full(len(starts), _NEWLINE, dtype=np.uint64)])
    # No line holds a zero byte, so all of them are what follows a field in its last word.
    packed = cells.astype("<u8", copy=False).tobytes().translate(None, b"\0")
    texts = packed.decode("utf-8", "surrogateescape").split("\n")[:-1]
    long = np.flatnonzero(lengths > SHORT)
    for row, text in zip(long.tolist(), _cut(table, starts[long], ends[long]), strict=True):
        texts[row] = text
    return texts


def _codes(table: Table, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    """Return numbers that are equal where fields are, and the first row of each number."""
    lengths = ends - starts
    short = np.flatnonzero(lengths <= SHORT)
    long = np.flatnonzero(lengths > SHORT)
    if not long.size:
        return _codes_of_words(table, starts, ends)
    codes = np.empty(len(starts), dtype=np.int64)
    codes[short], first = _codes_of_words(table, starts[short], ends[short])
    codes[long], more = _codes_of_bytes(table, starts[long], ends[long])
    codes[long] += len(first)
    return codes, np.concatenate((short[first], long[more]))


def _codes_of_words(table: Table, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    words = _words(table, starts, ends - starts)
    mixed = np.zeros(len(starts), dtype=np.uint64)
    for word in words:
        mixed = mixed * _ODD + word
    codes = pd.factorize(mixed)[0].astype(np.int64, copy=False)
    first = _first(codes)
    if all(bool((word[first][codes] == word).all()) for word in words):
        return codes, first
    # Different fields were mixed into one number, which hardly happens by chance.
    return _codes_of_bytes(table, starts, ends)


def _codes_of_bytes(table: Table, starts: Ints, ends: Ints) -> tuple[Ints, Ints]:
    known: dict[bytes, int] = {}
    pairs = zip(starts.tolist(), ends.tolist(), strict=True)
    numbers = [known.setdefault(table.block[begin:end], len(known)) for begin, end in pairs]
    codes = np.array(numbers, dtype=np.int64)
    return codes, _first(codes)


def _first(codes: Ints) -> Ints:
    """Return the first row of each number."""
    first = np.empty(int(codes.max(initial=-1)) + 1, dtype=np.int64)
    first[codes[::-1]] = np.arange(len(codes) - 1, -1, -1)
    return first
