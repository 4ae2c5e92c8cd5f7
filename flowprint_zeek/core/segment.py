"""A part of an index of known fingerprints: which of them may be the most similar.

Elements that few known fingerprints hold are looked up first. Elements that many hold (a resolver,
an advertiser) are counted only where they can still change the answer: for candidates that are
close enough, and for samples so unlike everything that nothing else speaks for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from flowprint_zeek.core.arrays import Floats, Ints, expand, ints, sums
from flowprint_zeek.core.sets import Sets

_COMMON = 256
"""An element that one in so many fingerprints hold is popular."""
_FEW = 64
"""An element that so many fingerprints hold never is."""


class Candidates(NamedTuple):
    """Pairs of a sample and a known fingerprint, with their similarity."""

    row: Ints
    slot: Ints
    score: Floats


@dataclass(frozen=True, slots=True)
class Samples:
    """Samples as pairs of row and element, sorted by both; elements nobody knows are left out.

    Attributes
    ----------
    row, code : ndarray of shape (n_pairs,)
        Sample and element.
    weight : ndarray of shape (n_pairs,)
        Weight of the element.
    total : ndarray of shape (n_samples,)
        Weight of all elements of each sample, also those that nobody knows.
    """

    row: Ints
    code: Ints
    weight: Floats
    total: Floats

    def part(self, low: int, high: int) -> Samples:
        """Return some of the samples, counted from 0."""
        first, last = np.searchsorted(self.row, [low, high])
        pairs = slice(first, last)
        return Samples(
            self.row[pairs] - low, self.code[pairs], self.weight[pairs], self.total[low:high]
        )


class Segment:
    """Some known fingerprints, indexed by element.

    Parameters
    ----------
    slots : ndarray of shape (n_known,)
        Number of each in the whole index.
    sets : Sets
        Their elements, as codes.
    weights : ndarray of shape (n_codes,)
        Weight of each element.
    """

    def __init__(self, slots: Ints, sets: Sets, weights: Floats) -> None:
        self.slots = slots
        self.sets = sets
        self._weights = weights.copy()
        self._total = sums(sets.owner, weights[sets.element], sets.size)
        order = np.argsort(sets.element, kind="stable")
        self.spread = np.bincount(sets.element, minlength=weights.size)
        self._start = np.concatenate(([0], np.cumsum(self.spread)))
        self._posted = sets.owner[order]
        self._popular = self.spread > max(_FEW, sets.size // _COMMON)
        held = self._popular[sets.element]
        self._shared = Sets(sets.size, sets.owner[held], sets.element[held])
        self._edges = self._shared.offsets
        # A candidate costs itself and the popular elements that it may have to be compared in.
        price = (1 + self._shared.lengths).astype(np.float64)
        self._cost = np.where(self._popular, 0, sums(sets.element, price[sets.owner], weights.size))
        self._postings = csr_array(
            (np.ones(order.size), self._posted, self._start), shape=(weights.size, sets.size)
        )

    def cost(self, samples: Samples) -> Ints:
        """Return how many numbers `by_rare` looks at for each sample at most."""
        row, code, _ = self._known(samples)
        return ints(sums(row, self._cost[code], samples.total.size))

    def by_rare(self, samples: Samples, rank: Ints, floor: Floats) -> Candidates:
        """Return candidates that share an element which few hold.

        Parameters
        ----------
        samples : Samples
            Samples.
        rank : ndarray of shape (n_slots,)
            Rank of each known fingerprint of the whole index among equally similar ones, the lowest
            wins; below 0 it does not count.
        floor : ndarray of shape (n_samples,)
            Similarity below which a candidate is of no use.
        """
        row, code, weight = self._known(samples)
        rare = ~self._popular[code]
        rest = sums(row[~rare], weight[~rare], samples.total.size)
        query = csr_array(
            (
                weight[rare],
                code[rare],
                np.searchsorted(row[rare], np.arange(samples.total.size + 1)),
            ),
            shape=(samples.total.size, self.spread.size),
        )
        product = query @ self._postings
        common, column = product.data, ints(product.indices)
        at = np.repeat(np.arange(samples.total.size), np.diff(product.indptr))
        kept = rank[self.slots[column]] >= 0
        common, column, at = common[kept], column[kept], at[kept]
        both = samples.total[at] + self._total[column]
        floor = floor.copy()
        np.maximum.at(floor, at, common / (both - common))
        most = np.minimum(common + rest[at], np.minimum(samples.total[at], self._total[column]))
        kept = most / (both - most) >= floor[at]
        common, column, at, both = common[kept], column[kept], at[kept], both[kept]
        common = common + self._popular_in_common(at, column, row[~rare], code[~rare])
        return Candidates(at, self.slots[column], common / (both - common))

    def by_popular(self, samples: Samples, rank: Ints, floor: Floats) -> Candidates:
        """Return the best candidate by popular elements alone, where these can reach the floor.

        Takes what `by_rare` takes.
        """
        row, code, weight = self._known(samples)
        popular = self._popular[code]
        row, code, weight = row[popular], code[popular], weight[popular]
        most = sums(row, weight, samples.total.size)
        open_ = np.flatnonzero(most)
        open_ = open_[most[open_] / samples.total[open_] >= floor[open_]]
        edge = np.searchsorted(row, np.arange(samples.total.size + 1))
        rank = rank[self.slots]
        answers: dict[tuple[bytes, float], tuple[int, float]] = {}
        found: list[tuple[int, float]] = []
        for at in open_.tolist():
            own = slice(edge[at], edge[at + 1])
            key = (code[own].tobytes(), float(samples.total[at]))
            if key not in answers:
                answers[key] = self._most_alike(code[own], weight[own], key[1], rank)
            found.append(answers[key])
        column, score = zip(*found, strict=True) if found else ((), ())
        return Candidates(open_, self.slots[ints(column)], np.array(score, dtype=np.float64))

    def _known(self, samples: Samples) -> tuple[Ints, Ints, Floats]:
        """Return the pairs of samples whose element somebody here holds."""
        kept = samples.code < self.spread.size
        kept[kept] = self.spread[samples.code[kept]] > 0
        return samples.row[kept], samples.code[kept], samples.weight[kept]

    def _popular_in_common(self, at: Ints, column: Ints, row: Ints, code: Ints) -> Floats:
        """Return the weight of popular elements that pairs of sample and candidate share."""
        pair, place = expand(self._edges[column + 1] - self._edges[column])
        held = self._shared.element[self._edges[column[pair]] + place]
        keys = row * self.spread.size + code
        wanted = at[pair] * self.spread.size + held
        found = np.searchsorted(keys, wanted)
        shared = np.append(keys, -1)[found] == wanted
        return sums(pair[shared], self._weights[held[shared]], at.size)

    def _most_alike(
        self, code: Ints, weight: Floats, total: float, rank: Ints
    ) -> tuple[int, float]:
        """Return the known fingerprint most similar to some popular elements."""
        common = np.zeros(self.slots.size)
        for one, more in zip(code.tolist(), weight.tolist(), strict=True):
            common[self._posted[self._start[one] : self._start[one + 1]]] += more
        score = np.where(rank >= 0, common / (total + self._total - common), -1.0)
        highest = float(score.max())
        tied = np.flatnonzero(score == highest)
        return int(tied[np.argmin(rank[tied])]), highest
