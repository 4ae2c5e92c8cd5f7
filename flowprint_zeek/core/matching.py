"""The most similar known fingerprint (paper section IV-F)."""

from __future__ import annotations

from array import array
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import Floats, Ints, ints, slabs, sums, unique_pairs
from flowprint_zeek.core.segment import Candidates, Samples, Segment
from flowprint_zeek.core.sets import Sets

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

NO_MATCH = -1
_MAX_PAIRS = 2_000_000
"""Candidates and elements of theirs looked at together: about 200 MB."""

_SPARE = 10_000
"""Elements that nobody holds any more, beside as many as are held, before they are forgotten."""


class KnownIndex:
    """An index of known fingerprints by element.

    Parameters
    ----------
    weights : mapping of str to float, optional
        Weights of elements, whole and positive so that sums are exact, 1 for all others: the
        similarity is the weighted Jaccard coefficient, by default the plain one.

    Raises
    ------
    ValueError
        A weight is no whole number over 0.

    Attributes
    ----------
    keys : list of str
        Key of each number that `best` returns.

    Notes
    -----
    It grows without being built anew: segments double in size, so an entry is moved as often as the
    index doubles. A sample costs the number of known fingerprints that hold each of its elements,
    popular ones aside (see `Segment`).
    """

    def __init__(self, weights: Mapping[str, float] | None = None) -> None:
        self.keys: list[str] = []
        self._own = {} if weights is None else dict(weights)
        for element, weight in self._own.items():
            if weight < 1 or weight % 1 != 0:
                raise ValueError(f"{element} has the weight {weight!r}; it must be 1, 2, 3 …")
        self._code: dict[str, int] = {}
        self._weight = array("d")
        self._spread = array("q")
        self._slot: dict[str, int] = {}
        self._held: dict[int, Ints] = {}
        self._n_flows = array("q")
        self._rank = ints([])
        self._new: list[int] = []
        self._free: list[int] = []
        self._segments: list[Segment] = []
        self._stale = False

    def __len__(self) -> int:
        return len(self._slot)

    def put(self, key: str, elements: Iterable[str], n_flows: int) -> None:
        """Add a known fingerprint, or say how many flows it has now.

        Parameters
        ----------
        key : str
            Its id, hexadecimal; of equally similar ones that of most flows wins, then of lowest id.
        elements : iterable of str
            Its elements, for a known key the same as before.
        n_flows : int
            Flows it was made of.
        """
        slot = self._slot.get(key)
        if slot is None:
            slot = self._slot[key] = self._vacant(key)
            codes = ints(sorted({self._coded(element) for element in elements}))
            for code in codes.tolist():
                self._spread[code] += 1
            self._held[slot] = codes
            self._new.append(slot)
        self._n_flows[slot] = n_flows
        self._stale = True

    def discard(self, key: str) -> None:
        """Forget a known fingerprint."""
        slot = self._slot.pop(key)
        self._stale = True
        for code in self._held.pop(slot).tolist():
            self._spread[code] -= 1

    def holding(self, vocabulary: Sequence[str]) -> Ints:
        """Return how many known fingerprints hold each element."""
        return ints([self._spread[self._code[e]] if e in self._code else 0 for e in vocabulary])

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
            Place in `keys`, `NO_MATCH` where no known fingerprint shares an element.
        similarity : ndarray of shape (sets.size,)
            Similarity to it, 0 where there is none.
        """
        if self._stale:
            self._settle()
        samples = self._samples(vocabulary, sets)
        cost = np.ones(sets.size, dtype=np.int64)
        for segment in self._segments:
            cost += segment.cost(samples)
        number = np.full(sets.size, NO_MATCH, dtype=np.int64)
        similarity = np.zeros(sets.size)
        for low, high in slabs(cost, _MAX_PAIRS):
            number[low:high], similarity[low:high] = self._best(samples.part(low, high))
        return number, similarity

    def _best(self, samples: Samples) -> tuple[Ints, Floats]:
        highest = np.zeros(samples.total.size)
        found: list[Candidates] = []
        for segment in self._segments:
            for search in (segment.by_rare, segment.by_popular):
                found.append(search(samples, self._rank, highest))
                np.maximum.at(highest, found[-1].row, found[-1].score)
        number = np.full(highest.size, NO_MATCH, dtype=np.int64)
        if found:
            row, slot, score = map(np.concatenate, zip(*found, strict=True))
            best = (score == highest[row]) & (score > 0)
            row, slot = row[best], slot[best]
            worst_first = np.argsort(-self._rank[slot])
            number[row[worst_first]] = slot[worst_first]
        return number, highest

    def _samples(self, vocabulary: Sequence[str], sets: Sets) -> Samples:
        code = ints([self._code.get(element, -1) for element in vocabulary])[sets.element]
        weight = np.array([self._own.get(element, 1.0) for element in vocabulary], np.float64)
        total = sums(sets.owner, weight[sets.element], sets.size)
        row, code = unique_pairs(sets.owner[code >= 0], code[code >= 0])
        return Samples(row, code, np.array(self._weight)[code], total)

    def _vacant(self, key: str) -> int:
        if self._free:
            slot = self._free.pop()
            self.keys[slot] = key
            return slot
        self.keys.append(key)
        self._n_flows.append(0)
        return len(self.keys) - 1

    def _coded(self, element: str) -> int:
        code = self._code.setdefault(element, len(self._code))
        if code == len(self._weight):
            self._weight.append(self._own.get(element, 1.0))
            self._spread.append(0)
        return code

    def _settle(self) -> None:
        """Rank the known fingerprints, and put new ones into a segment.

        Segments that are not much larger are joined to it; so are those of which most is forgotten.
        """
        self._stale = False
        self._forget_elements()
        slots = ints([self._slot[key] for key in sorted(self._slot)])
        self._rank = np.full(len(self.keys), -1, dtype=np.int64)
        order = np.argsort(-np.array(self._n_flows)[slots], kind="stable")
        self._rank[slots[order]] = np.arange(slots.size)
        moved, kept, size = [ints(self._new)], list[Segment](), len(self._new)
        for segment in self._segments[::-1]:
            n_alive = int((self._rank[segment.slots] >= 0).sum())
            if n_alive < 2 * size or 2 * n_alive < segment.slots.size:
                moved.append(segment.slots)
                size += n_alive
            else:
                kept.append(segment)
        slots = np.concatenate(moved)
        alive = self._rank[slots] >= 0
        self._new = []
        self._free += slots[~alive].tolist()
        self._segments = kept[::-1]
        if alive.any():
            self._segments.append(self._segment(np.sort(slots[alive])))

    def _forget_elements(self) -> None:
        """Forget elements where most are held by nobody: all others get new numbers."""
        held = np.flatnonzero(np.array(self._spread))
        if len(self._code) <= 2 * held.size + _SPARE:
            return
        number = np.full(len(self._code), NO_MATCH, dtype=np.int64)
        number[held] = np.arange(held.size)
        words = list(self._code)
        self._code = {words[code]: at for at, code in enumerate(held.tolist())}
        self._weight = array("d", np.array(self._weight)[held].tolist())
        self._spread = array("q", np.array(self._spread)[held].tolist())
        self._held = {slot: number[codes] for slot, codes in self._held.items()}
        self._new = list({*self._new, *(s for one in self._segments for s in one.slots.tolist())})
        self._segments = []

    def _segment(self, slots: Ints) -> Segment:
        held = [self._held[slot] for slot in slots.tolist()]
        owner = np.repeat(np.arange(slots.size), [codes.size for codes in held])
        sets = Sets(slots.size, owner, np.concatenate(held))
        return Segment(slots, sets, np.array(self._weight))
