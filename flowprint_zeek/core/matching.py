"""The most similar known fingerprint (paper section IV-F)."""

from __future__ import annotations

from array import array
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import Floats, Ints, distinct, ints, slabs, sums, unique_pairs
from flowprint_zeek.core.fingerprint import MAX_FLOWS
from flowprint_zeek.core.segment import Candidates, Samples, Segment
from flowprint_zeek.core.sets import Sets
from flowprint_zeek.errors import ModelError

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
        Weights of elements, whole and positive so that sums are exact: the similarity is the
        weighted Jaccard coefficient, by default the plain one.
    other : float, default=1
        Weight of all other elements.

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
    popular ones aside. One that only popular elements speak for costs the number of known ones of
    about its size; at worst these are all (see `Segment.by_popular`).
    """

    def __init__(self, weights: Mapping[str, float] | None = None, *, other: float = 1) -> None:
        self.keys: list[str] = []
        self._own = {} if weights is None else dict(weights)
        self._other = float(other)
        for element, weight in (*self._own.items(), ("any other", other)):
            if weight < 1 or weight % 1 != 0:
                raise ValueError(f"{element} has the weight {weight!r}; it must be 1, 2, 3 …")
        self._code: dict[str, int] = {}
        self._weight = array("d")
        self._spread = array("q")
        self._slot: dict[str, int] = {}
        self._held: dict[int, Ints] = {}
        self._n_flows = array("q")
        self._n_held = 0
        self._rank = ints([])
        self._new: set[int] = set()
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

        Raises
        ------
        ModelError
            There are more flows than a fingerprint file may say.
        """
        self._check(key, n_flows)
        if key not in self._slot:
            self._add(key, ints(sorted({self._coded(element) for element in elements})))
        self._count(key, n_flows)

    def put_sets(
        self, keys: Sequence[str], vocabulary: Sequence[str], sets: Sets, n_flows: Ints
    ) -> None:
        """Do what `put` does for many known fingerprints, at less than a third of the cost.

        Parameters
        ----------
        keys : sequence of str
            Id of each.
        vocabulary : sequence of str
            Elements that the numbers in `sets` stand for.
        sets : Sets
            Elements of each.
        n_flows : ndarray of shape (sets.size,)
            Flows of each.

        Raises
        ------
        ModelError
            See `put`; then those before it are known.
        """
        code = np.full(len(vocabulary), NO_MATCH, dtype=np.int64)
        for at in distinct(sets.element).tolist():
            code[at] = self._coded(vocabulary[at])
        sets = Sets.from_pairs(sets.size, sets.owner, code[sets.element])
        edges = pairwise(sets.offsets.tolist())
        for key, (low, high), count in zip(keys, edges, n_flows.tolist(), strict=True):
            self._check(key, count)
            if key not in self._slot:
                self._add(key, sets.element[low:high])
            self._count(key, count)

    def discard(self, key: str) -> None:
        """Forget a known fingerprint."""
        slot = self._slot.pop(key)
        self._stale = True
        for code in self._held.pop(slot).tolist():
            self._spread[code] -= 1
            self._n_held -= self._spread[code] == 0
        if slot in self._new:
            self._new.remove(slot)
            self._free.append(slot)
        if len(self._code) > 2 * self._n_held + _SPARE:
            self._forget_elements()

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
            part = samples.part(low, high)
            answer = number[low:high], similarity[low:high]
            for segment in self._segments:
                self._take(segment.by_rare(part, self._rank, answer[1]), *answer)
        for segment in self._segments:
            self._take(segment.by_popular(samples, self._rank, similarity), number, similarity)
        return number, similarity

    def _take(self, found: Candidates, number: Ints, similarity: Floats) -> None:
        """Put candidates into an answer where they are better."""
        before = similarity.copy()
        np.maximum.at(similarity, found.row, found.score)
        number[similarity > before] = NO_MATCH
        best = found.score == similarity[found.row]
        row, slot = found.row[best], found.slot[best]
        kept = np.flatnonzero(number != NO_MATCH)
        row, slot = np.concatenate((kept, row)), np.concatenate((number[kept], slot))
        worst_first = np.argsort(-self._rank[slot])
        number[row[worst_first]] = slot[worst_first]

    def _samples(self, vocabulary: Sequence[str], sets: Sets) -> Samples:
        code = ints([self._code.get(element, -1) for element in vocabulary])[sets.element]
        weight = np.array(
            [self._own.get(element, self._other) for element in vocabulary], np.float64
        )
        total = sums(sets.owner, weight[sets.element], sets.size)
        row, code = unique_pairs(sets.owner[code >= 0], code[code >= 0])
        return Samples(row, code, np.array(self._weight)[code], total)

    @staticmethod
    def _check(key: str, n_flows: int) -> None:
        if n_flows >= MAX_FLOWS:
            raise ModelError(f"fingerprint {key} has {n_flows} flows; it must be fewer than 2^62")

    def _add(self, key: str, codes: Ints) -> None:
        slot = self._slot[key] = self._vacant(key)
        for code in codes.tolist():
            self._n_held += self._spread[code] == 0
            self._spread[code] += 1
        self._held[slot] = codes
        self._new.add(slot)

    def _count(self, key: str, n_flows: int) -> None:
        self._n_flows[self._slot[key]] = n_flows
        self._stale = True

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
            self._weight.append(self._own.get(element, self._other))
            self._spread.append(0)
        return code

    def _settle(self) -> None:
        """Rank the known fingerprints, and put new ones into a segment.

        Segments that are not much larger are joined to it; so are those of which most is forgotten.
        """
        self._stale = False
        slots = ints([self._slot[key] for key in sorted(self._slot)])
        self._rank = np.full(len(self.keys), -1, dtype=np.int64)
        order = np.argsort(-np.array(self._n_flows)[slots], kind="stable")
        self._rank[slots[order]] = np.arange(slots.size)
        moved, kept, size = [ints(list(self._new))], list[Segment](), len(self._new)
        for segment in self._segments[::-1]:
            n_alive = int((self._rank[segment.slots] >= 0).sum())
            if n_alive < 2 * size or 2 * n_alive < segment.slots.size:
                moved.append(segment.slots)
                size += n_alive
            else:
                kept.append(segment)
        slots = np.concatenate(moved)
        alive = self._rank[slots] >= 0
        self._new = set()
        self._free += slots[~alive].tolist()
        self._segments = kept[::-1]
        if alive.any():
            self._segments.append(self._segment(np.sort(slots[alive])))

    def _forget_elements(self) -> None:
        """Forget elements that nobody holds: others get new numbers, and all is indexed anew."""
        held = np.flatnonzero(np.array(self._spread))
        number = np.full(len(self._code), NO_MATCH, dtype=np.int64)
        number[held] = np.arange(held.size)
        words = list(self._code)
        self._code = {words[code]: at for at, code in enumerate(held.tolist())}
        self._weight = array("d", np.array(self._weight)[held].tolist())
        self._spread = array("q", np.array(self._spread)[held].tolist())
        self._held = {slot: number[codes] for slot, codes in self._held.items()}
        indexed = [slot for segment in self._segments for slot in segment.slots.tolist()]
        self._free += [slot for slot in indexed if slot not in self._held]
        self._new = set(self._held)
        self._segments = []

    def _segment(self, slots: Ints) -> Segment:
        held = [self._held[slot] for slot in slots.tolist()]
        owner = np.repeat(np.arange(slots.size), [codes.size for codes in held])
        sets = Sets(slots.size, owner, np.concatenate(held))
        return Segment(slots, sets, np.array(self._weight))
