"""The most similar known fingerprint (paper section IV-F)."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import Floats, Ints, ints
from flowprint_zeek.core.sets import Sets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

NO_MATCH = -1
_MAX_PAIRS = 4_000_000
"""Similarities computed together: about 100 MB."""


class KnownIndex:
    """An index of known fingerprints by element.

    Parameters
    ----------
    known : sequence of sequence of str
        Elements of each known fingerprint, best first: of equally similar ones the first wins.

    Notes
    -----
    A query costs the number of known fingerprints that hold each of its elements.
    """

    def __init__(self, known: Sequence[Sequence[str]]) -> None:
        self._code: dict[str, int] = {}
        for elements in known:
            for element in elements:
                self._code.setdefault(element, len(self._code))
        sets = Sets.from_iterables([[self._code[e] for e in elements] for elements in known])
        self._length = sets.lengths
        self._matrix = sets.matrix(max(len(self._code), 1)).T.tocsr()
        self._spread = np.diff(self._matrix.indptr)

    def __len__(self) -> int:
        return int(self._length.size)

    def holding(self, vocabulary: Sequence[str]) -> Ints:
        """Return how many known fingerprints hold each element."""
        code = self._codes(vocabulary)
        return ints(np.append(self._spread, 0)[code])

    def best(self, vocabulary: Sequence[str], sets: Sets) -> tuple[Ints, Floats]:
        """Find the most similar known fingerprint of each set.

        Parameters
        ----------
        vocabulary : sequence of str
            Elements that the numbers in `sets` stand for.
        sets : Sets
            Fingerprints to look up.

        Returns
        -------
        number : ndarray of shape (sets.size,)
            Known fingerprint, `NO_MATCH` where none shares an element.
        similarity : ndarray of shape (sets.size,)
            Jaccard similarity to it, 0 where there is none.
        """
        number = np.full(sets.size, NO_MATCH, dtype=np.int64)
        similarity = np.zeros(sets.size)
        code = self._codes(vocabulary)[sets.element]
        shared = code >= 0
        length = sets.lengths
        for low, high in self._slabs(sets, code):
            part = (sets.owner >= low) & (sets.owner < high) & shared
            query = Sets(high - low, sets.owner[part] - low, code[part])
            common = (query.matrix(self._matrix.shape[0]) @ self._matrix).tocsr()
            n_candidates = np.diff(common.indptr)
            column, both = ints(common.indices), ints(common.data)
            union = np.repeat(length[low:high], n_candidates) + self._length[column] - both
            row = low + np.flatnonzero(n_candidates)
            number[row], similarity[row] = _best(both / union, column, n_candidates)
        return number, similarity

    def _codes(self, vocabulary: Sequence[str]) -> Ints:
        return ints([self._code.get(element, NO_MATCH) for element in vocabulary])

    def _slabs(self, sets: Sets, code: Ints) -> Iterator[tuple[int, int]]:
        """Yield runs of queries with a bounded number of candidates."""
        candidates = np.append(self._spread, 0)[code]
        work = np.cumsum(np.bincount(sets.owner, weights=candidates, minlength=sets.size))
        low = 0
        while low < sets.size:
            done = work[low - 1] if low else 0
            high = max(low + 1, int(np.searchsorted(work, done + _MAX_PAIRS, side="right")))
            yield low, high
            low = high


def _best(score: Floats, column: Ints, n_candidates: Ints) -> tuple[Ints, Floats]:
    """Return the first column of the highest score of each row that has candidates."""
    size = n_candidates[n_candidates > 0]
    if not size.size:
        return ints([]), np.zeros(0)
    start = np.cumsum(size) - size
    highest: Floats = np.maximum.reduceat(score, start)
    ties = np.where(score == np.repeat(highest, size), column, np.iinfo(np.int64).max)
    return ints(np.minimum.reduceat(ties, start)), highest
