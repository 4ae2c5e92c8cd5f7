"""Types of the arrays that pass through the core, and grouping by sorting."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable, Iterator, Sequence

Ints = NDArray[np.int64]
Bools = NDArray[np.bool_]
Floats = NDArray[np.float64]
Texts = NDArray[np.object_]
Words = NDArray[np.uint64]

_LARGEST = np.iinfo(np.int64).max
_WORD = 64


def ints(values: object) -> Ints:
    """Return values as an ``int64`` array."""
    return np.asarray(values, dtype=np.int64)


def row_groups(columns: tuple[Ints, ...]) -> tuple[Ints, Ints]:
    """Return numbers of the distinct rows of columns, in their sorted order.

    Returns
    -------
    number : ndarray of shape (n_rows,)
        Group of each row; groups are counted from 0 in lexicographic order.
    first : ndarray of shape (n_groups,)
        A row of each group.
    """
    order = np.lexsort(columns[::-1])
    if not order.size:
        return order, order
    new = np.zeros(order.size, dtype=np.bool_)
    new[0] = True
    for column in columns:
        ordered = column[order]
        new[1:] |= ordered[1:] != ordered[:-1]
    number = np.empty_like(order)
    number[order] = np.cumsum(new) - 1
    return number, order[new]


def distinct(keys: Ints) -> Ints:
    """Return sorted distinct keys; sorting beats NumPy's hashing on millions of integers."""
    ordered = np.sort(keys)
    new = np.ones(ordered.size, dtype=np.bool_)
    new[1:] = ordered[1:] != ordered[:-1]
    return ordered[new]


def unique_pairs(left: Ints, right: Ints) -> tuple[Ints, Ints]:
    """Return the distinct pairs of two columns, sorted by left, then right."""
    if not left.size:
        return left, right
    low = int(right.min())
    span = int(right.max()) - low + 1
    if (max(abs(int(left.min())), abs(int(left.max()))) + 1) * span > _LARGEST:
        _, first = row_groups((left, right))
        return left[first], right[first]
    keys = distinct(left * span + (right - low))
    return keys // span, keys % span + low


def components(size: int, left: Ints, right: Ints) -> Ints:
    """Return the connected component of each node, counted from 0 by first member."""
    edges = coo_array((np.ones(left.size), (left, right)), shape=(size, size))
    return ints(connected_components(edges, directed=False)[1])


def expand(counts: Ints) -> tuple[Ints, Ints]:
    """Return, for a run of each count, which run and which place in it.

    >>> run, place = expand(ints([2, 0, 1]))
    >>> run.tolist(), place.tolist()
    ([0, 0, 2], [0, 1, 0])
    """
    run = np.repeat(np.arange(counts.size), counts)
    starts = np.cumsum(counts) - counts
    return run, np.arange(run.size) - starts[run]


def packed(n_rows: int, row: Ints, bit: Ints) -> Words:
    """Return rows of bits as words: shape (n_rows, words for the highest bit).

    >>> packed(2, ints([0, 0, 1]), ints([0, 2, 64])).tolist()
    [[5, 0], [0, 1]]
    """
    n_words = int(bit.max()) // _WORD + 1 if bit.size else 1
    words = np.zeros(n_rows * n_words, dtype=np.uint64)
    mask = np.uint64(1) << (bit % _WORD).astype(np.uint64)
    np.bitwise_or.at(words, row * n_words + bit // _WORD, mask)
    return words.reshape(n_rows, n_words)


def sums(number: Ints, values: Floats, size: int) -> Floats:
    """Return the sum of the values of each number from 0 to size."""
    return np.bincount(number, weights=values, minlength=size).astype(np.float64)


def slabs(cost: Ints, limit: int) -> Iterator[tuple[int, int]]:
    """Yield runs of rows whose costs add up to the limit at most; a dear row runs alone.

    >>> list(slabs(ints([2, 2, 9, 1]), 4))
    [(0, 2), (2, 3), (3, 4)]
    """
    total = np.cumsum(cost)
    low = 0
    while low < cost.size:
        done = int(total[low - 1]) if low else 0
        high = max(low + 1, int(np.searchsorted(total, done + limit, side="right")))
        yield low, high
        low = high


def numbered(keys: Iterable[Hashable]) -> tuple[Ints, int]:
    """Return the number of each key, equal keys have the same, by first appearance; and how many.

    >>> numbered("abca")
    (array([0, 1, 2, 0]), 3)
    """
    number: dict[Hashable, int] = {}
    return ints([number.setdefault(key, len(number)) for key in keys]), len(number)


def picked(values: Sequence[object], number: Ints, default: object) -> Texts:
    """Return the value of each number, the default for -1."""
    table = np.empty(len(values) + 1, dtype=object)
    for at, value in enumerate((*values, default)):
        table[at] = value
    return table[number]


def most_frequent(keys: Ints, values: Ints) -> tuple[Ints, Ints]:
    """Return for each distinct key its most frequent value, ties to the value met first.

    Returns
    -------
    key, value : ndarray
        Sorted distinct keys and the value of each.
    """
    number, first = row_groups((keys, values))
    counts = np.bincount(number, minlength=first.size)
    earliest = np.full(first.size, keys.size, dtype=np.int64)
    np.minimum.at(earliest, number, np.arange(keys.size))
    order = np.lexsort((earliest, -counts, keys[first]))
    ordered = keys[first][order]
    chosen = order[np.concatenate(([True], ordered[1:] != ordered[:-1]))] if order.size else order
    return keys[first][chosen], values[first][chosen]
