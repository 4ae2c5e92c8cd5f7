"""Many sets of elements at once, and which of them are alike."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import coo_array, csr_array, triu

from flowprint_zeek.core.arrays import (
    Floats,
    Ints,
    Words,
    components,
    ints,
    numbered,
    packed,
    row_groups,
    slabs,
    unique_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_TINY = 1e-9
_SPARSE = 64
"""Elements that may be for each one in a set, for sets to be compared as bits."""
_MAX_CELLS = 1 << 21
"""Elements looked at together: about 100 MB."""
_MAX_CANDIDATES = 1 << 20
"""Pairs of sets looked at together: about 100 MB."""


@dataclass(frozen=True, slots=True)
class Sets:
    """Sets of elements as sorted pairs.

    Attributes
    ----------
    size : int
        Number of sets.
    owner, element : ndarray of shape (n_pairs,)
        Set and element, sorted by set, then element.
    """

    size: int
    owner: Ints
    element: Ints

    @classmethod
    def from_pairs(cls, size: int, owner: Ints, element: Ints) -> Sets:
        """Make sets of pairs in any order, repeated ones too."""
        return cls(size, *unique_pairs(owner, element))

    @classmethod
    def from_iterables(cls, sets: Sequence[Iterable[int]]) -> Sets:
        """Make sets of iterables of element numbers."""
        items = [list(one) for one in sets]
        owner = np.repeat(np.arange(len(items)), [len(one) for one in items])
        return cls.from_pairs(len(items), ints(owner), ints([e for one in items for e in one]))

    @property
    def lengths(self) -> Ints:
        """Number of elements of each set."""
        return ints(np.bincount(self.owner, minlength=self.size))

    @property
    def offsets(self) -> Ints:
        """Where each set starts in `element`, and the end: shape (size + 1,)."""
        return np.searchsorted(self.owner, np.arange(self.size + 1))

    def lists(self) -> list[list[int]]:
        """Return each set as a sorted list of element numbers."""
        element, edge = self.element.tolist(), self.offsets.tolist()
        return [element[low:high] for low, high in pairwise(edge)]

    def keys(self) -> list[bytes]:
        """Return each set as bytes, which are equal and sort as its list does."""
        packed, edge = self.element.astype(">u8").tobytes(), (8 * self.offsets).tolist()
        return [packed[low:high] for low, high in pairwise(edge)]

    def united(self, into: Ints, size: int) -> Sets:
        """Return the unions of the sets that `into` gives one number."""
        return Sets.from_pairs(size, into[self.owner], self.element)

    def part(self, low: int, high: int) -> Sets:
        """Return some of the sets, counted from 0."""
        first, last = np.searchsorted(self.owner, [low, high])
        return Sets(high - low, self.owner[first:last] - low, self.element[first:last])

    def matrix(self, n_elements: int) -> csr_array[np.int64, tuple[int, int]]:
        """Return the sets as rows of a sparse matrix of ones."""
        ones = np.ones(self.owner.size, dtype=np.int64)
        return coo_array((ones, (self.owner, self.element)), (self.size, n_elements)).tocsr()


def alike(sets: Sets, group: Ints, similarity: float) -> Ints:
    """Return the connected components of sets of one group that are alike.

    Two sets are joined where their Jaccard similarity is at least the threshold. The outcome does
    not depend on the order of the sets.

    Parameters
    ----------
    sets : Sets
        Sets to compare.
    group : ndarray of shape (sets.size,)
        Only sets of the same group are compared.
    similarity : float
        Threshold; at most 0 joins every set of a group.

    Returns
    -------
    ndarray of shape (sets.size,)
        Component of each set, counted from 0 by first member.

    Notes
    -----
    Cost is linear in sets that share few of their rarest elements, and quadratic in distinct sets
    of one group that share these. Memory is linear: pairs are looked at in portions.
    """
    if similarity <= 0:
        number, first = row_groups((group,))
        return components(sets.size, np.arange(sets.size), first[number])
    same = _equal(sets, group)
    n_distinct = int(same.max()) + 1 if same.size else 0
    of_distinct = np.empty(n_distinct, dtype=np.int64)
    of_distinct[same] = group
    return _joined(sets.united(same, n_distinct), of_distinct, similarity)[same]


def _equal(sets: Sets, group: Ints) -> Ints:
    """Return numbers of the distinct sets of each group, by first member.

    An app makes the same set in batch after batch; compared in pairs they would cost the square.
    Empty sets are like no other, each is a number of its own.
    """
    pairs = enumerate(zip(group.tolist(), sets.keys(), strict=True))
    keys = ((one, elements or at) for at, (one, elements) in pairs)
    return numbered(keys)[0]


def _joined(sets: Sets, group: Ints, similarity: float) -> Ints:
    """Return the connected components of distinct sets."""
    part = np.arange(sets.size)
    if not sets.element.size:
        return part
    rarest, compared, length = _rarest(sets, group, similarity), Jaccard(sets), sets.lengths
    meets = ints(rarest @ np.bincount(rarest.indices, minlength=rarest.shape[1]))
    for low, high in slabs(np.minimum(meets, part[::-1] + 1), _MAX_CANDIDATES):
        both = triu(rarest[low:high] @ rarest[low:].T, k=1, format="coo")
        left, right = low + ints(both.coords[0]), low + ints(both.coords[1])
        shorter = np.minimum(length[left], length[right])
        near = shorter / np.maximum(length[left], length[right]) >= similarity
        # What was joined in an earlier portion need not be compared.
        near &= part[left] != part[right]
        left, right = left[near], right[near]
        near = compared.of(left, right) >= similarity
        if near.any():
            part = components(int(part.max()) + 1, part[left[near]], part[right[near]])[part]
    return part


def _rarest(sets: Sets, group: Ints, similarity: float) -> csr_array[np.bool_, tuple[int, int]]:
    """Return a row for each set with the elements that it shares with all that are like it.

    Sets of Jaccard similarity t or more share one of the ``n - ceil(t * n) + 1`` rarest of their n
    elements. Elements of different groups are different.
    """
    token, _ = row_groups((group[sets.owner], sets.element))
    rarity = np.bincount(token)[token]
    order = np.lexsort((token, rarity, sets.owner))
    length = sets.lengths
    place = np.arange(order.size) - sets.offsets[sets.owner]
    prefix = length - np.ceil(similarity * length - _TINY).astype(np.int64) + 1
    chosen = order[place < prefix[sets.owner]]
    return coo_array(
        (np.ones(chosen.size, dtype=np.bool_), (sets.owner[chosen], token[chosen])),
        shape=(sets.size, int(token.max()) + 1),
    ).tocsr()


class Jaccard:
    """Jaccard similarities of pairs of sets (paper section IV-F, equation 5).

    Parameters
    ----------
    sets : Sets
        Sets to compare.
    """

    def __init__(self, sets: Sets) -> None:
        self._length = sets.lengths
        n_elements = int(sets.element.max()) + 1 if sets.element.size else 1
        # Sets that hold a good part of all elements are compared faster as bits.
        self._bits: Words | None = None
        if sets.size * n_elements <= _SPARSE * sets.element.size:
            self._bits = packed(sets.size, sets.owner, sets.element)
        else:
            self._matrix = sets.matrix(n_elements)

    def of(self, left: Ints, right: Ints) -> Floats:
        """Return the similarity of each pair; two empty sets share nothing."""
        both = self._length[left] + self._length[right]
        common = np.zeros(left.size, dtype=np.int64)
        cost = both if self._bits is None else np.full(left.size, self._bits.shape[1])
        for low, high in slabs(cost, _MAX_CELLS):
            common[low:high] = self._common(left[low:high], right[low:high])
        union: Ints = np.maximum(both - common, 1)
        result: Floats = common / union
        return result

    def _common(self, left: Ints, right: Ints) -> Ints:
        """Return the number of elements that pairs share."""
        if self._bits is None:
            return ints(self._matrix[left].multiply(self._matrix[right]).sum(axis=1))
        return ints(np.bitwise_count(self._bits[left] & self._bits[right]).sum(axis=1))
