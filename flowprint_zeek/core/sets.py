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
    components,
    ints,
    row_groups,
    slabs,
    unique_pairs,
)

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_TINY = 1e-9
_SPARSE = 64
"""Elements that may be for each one in a set, for sets to be compared as bits."""
_MAX_CELLS = 1 << 23
"""Elements looked at together: about 100 MB."""


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

    def united(self, into: Ints, size: int) -> Sets:
        """Return the unions of the sets that `into` gives one number."""
        return Sets.from_pairs(size, into[self.owner], self.element)

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
    """
    if similarity <= 0:
        return row_groups((group,))[0]
    if not sets.size:
        return ints([])
    same = _equal(sets, group)
    n_distinct = int(same.max()) + 1
    if n_distinct < sets.size:
        of_distinct = np.empty(n_distinct, dtype=np.int64)
        of_distinct[same] = group
        return alike(sets.united(same, n_distinct), of_distinct, similarity)[same]
    left, right = _candidates(sets, group, similarity)
    near = jaccard(sets, left, right) >= similarity
    return components(sets.size, left[near], right[near])


def _equal(sets: Sets, group: Ints) -> Ints:
    """Return numbers of the distinct sets of each group, by first member.

    An app makes the same set in batch after batch; compared in pairs they would cost the square.
    Empty sets are like no other, each is a number of its own.
    """
    numbers: dict[tuple[int, tuple[int, ...] | int], int] = {}
    pairs = zip(group.tolist(), map(tuple, sets.lists()), strict=True)
    keys = ((one, elements or at) for at, (one, elements) in enumerate(pairs))
    return ints([numbers.setdefault(key, len(numbers)) for key in keys])


def jaccard(sets: Sets, left: Ints, right: Ints) -> Floats:
    """Return the Jaccard similarity of pairs of sets (paper section IV-F, equation 5)."""
    length = sets.lengths
    common = _common(sets, left, right)
    union: Ints = np.maximum(length[left] + length[right] - common, 1)
    result: Floats = common / union
    return result


def _common(sets: Sets, left: Ints, right: Ints) -> Ints:
    """Return the number of elements that pairs of sets share."""
    n_elements = int(sets.element.max()) + 1 if sets.element.size else 1
    cells = sets.size * n_elements
    common = np.zeros(left.size, dtype=np.int64)
    cost = sets.lengths[left] + sets.lengths[right]
    # Sets that hold a good part of all elements are compared faster as bits.
    if cells <= min(_SPARSE * sets.element.size, 8 * _MAX_CELLS):
        table = np.zeros((sets.size, n_elements), dtype=np.bool_)
        table[sets.owner, sets.element] = True
        bits = np.packbits(table, axis=1)
        for low, high in slabs(np.full(left.size, bits.shape[1]), _MAX_CELLS):
            both = bits[left[low:high]] & bits[right[low:high]]
            common[low:high] = np.bitwise_count(both).sum(axis=1)
        return common
    matrix = sets.matrix(n_elements)
    for low, high in slabs(cost, _MAX_CELLS):
        shared = matrix[left[low:high]].multiply(matrix[right[low:high]])
        common[low:high] = shared.sum(axis=1)
    return common


def _candidates(sets: Sets, group: Ints, similarity: float) -> tuple[Ints, Ints]:
    """Return pairs that may be alike.

    Sets of Jaccard similarity t or more share one of the ``n - ceil(t * n) + 1`` rarest of their n
    elements, so only those are joined on.
    """
    token, _ = row_groups((group[sets.owner], sets.element))
    rarity = np.bincount(token)[token]
    order = np.lexsort((token, rarity, sets.owner))
    length = sets.lengths
    place = np.arange(order.size) - sets.offsets[sets.owner]
    prefix = length - np.ceil(similarity * length - _TINY).astype(np.int64) + 1
    chosen = order[place < prefix[sets.owner]]
    seen = coo_array(
        (np.ones(chosen.size, dtype=np.int64), (sets.owner[chosen], token[chosen])),
        shape=(sets.size, int(token.max()) + 1 if token.size else 1),
    ).tocsr()
    both = triu(seen @ seen.T, k=1, format="coo")
    left, right = ints(both.coords[0]), ints(both.coords[1])
    shorter, longer = (
        np.minimum(length[left], length[right]),
        np.maximum(length[left], length[right]),
    )
    near = shorter / longer >= similarity
    return left[near], right[near]
