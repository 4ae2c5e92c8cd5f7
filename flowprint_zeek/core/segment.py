"""A part of an index of known fingerprints: which of them may be the most similar.

Elements that few known fingerprints hold are looked up first. Elements that many hold (a resolver,
an advertiser) are counted only where they can still change the answer: for candidates that are
close enough, and for samples so unlike everything that nothing else speaks for them.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from flowprint_zeek.core.arrays import Floats, Ints, expand, ints, numbered, sums
from flowprint_zeek.core.sets import Sets

_COMMON = 256
"""An element that one in so many fingerprints hold is popular."""
_FEW = 64
"""An element that so many fingerprints hold never is."""
_LIKELY, _LESS = 0.75, 0.5
"""Share of the highest possible similarity that is looked for first, and of that one the next."""
_TINY = 1e-9


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
        total = sums(sets.owner, weights[sets.element], sets.size)
        # By size, so that those that a sample may be like follow each other.
        order = np.argsort(total, kind="stable")
        rank = np.empty_like(order)
        rank[order] = np.arange(order.size)
        sets = sets.united(rank, sets.size)
        self.slots = slots[order]
        self._weights = weights
        self._total = total[order]
        self.spread = np.bincount(sets.element, minlength=weights.size)
        self._start = np.concatenate(([0], np.cumsum(self.spread)))
        self._posted = sets.owner[np.argsort(sets.element, kind="stable")]
        self._popular = self.spread > max(_FEW, sets.size // _COMMON)
        held = self._popular[sets.element]
        self._shared = Sets(sets.size, sets.owner[held], sets.element[held])
        self._edges = self._shared.offsets
        self._kind, _ = numbered(self._shared.keys())
        # A candidate costs itself and the popular elements that it may have to be compared in.
        price = (1 + self._shared.lengths).astype(np.float64)
        self._cost = np.where(self._popular, 0, sums(sets.element, price[sets.owner], weights.size))
        self._postings = csr_array(
            (np.ones(self._posted.size), self._posted, self._start), (weights.size, sets.size)
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
        n_met = np.diff(product.indptr)
        at = np.repeat(np.arange(samples.total.size), n_met)
        common[rank[self.slots[column]] < 0] = 0
        both = samples.total[at] + self._total[column]
        floor, met = floor.copy(), np.flatnonzero(n_met)
        highest = np.maximum.reduceat(common / (both - common), product.indptr[met])
        floor[met] = np.maximum(floor[met], highest)
        most = np.minimum(common + rest[at], self._total[column])
        kept = (most / (both - most) >= floor[at]) & (common > 0)
        common, column, at, both = common[kept], column[kept], at[kept], both[kept]
        common = common + self._popular_in_common(at, column, row[~rare], code[~rare])
        return Candidates(at, self.slots[column], common / (both - common))

    def by_popular(self, samples: Samples, rank: Ints, floor: Floats) -> Candidates:
        """Return the best candidate by popular elements alone, where these can reach the floor.

        Takes what `by_rare` takes.

        Notes
        -----
        Known ones that hold the same popular elements are as one: the lightest is the most similar.
        A sample costs those of about its size, once or twice, whatever they hold: a known one of
        weight C shares at most the popular weight w of a sample of weight T, so it is at least t
        similar only from ``t * T`` to ``w / t + w - T``. Equal samples are looked up once.
        """
        row, code, weight = self._known(samples)
        popular = self._popular[code]
        row, code, weight = row[popular], code[popular], weight[popular]
        most = sums(row, weight, samples.total.size)
        open_ = np.flatnonzero(most)
        open_ = open_[most[open_] / samples.total[open_] >= floor[open_]]
        edge = np.searchsorted(row, np.arange(samples.total.size + 1))
        equal: defaultdict[tuple[bytes, float], list[int]] = defaultdict(list)
        for place, at in enumerate(open_.tolist()):
            own = slice(edge[at], edge[at + 1])
            equal[code[own].tobytes(), float(samples.total[at])].append(place)
        column, score = np.zeros(open_.size, dtype=np.int64), np.zeros(open_.size)
        if not equal:
            return Candidates(open_, open_, np.zeros(0))
        lightest = self._lightest(rank[self.slots])
        for (_, total), places in equal.items():
            at = open_[places[0]]
            own = slice(edge[at], edge[at + 1])
            least = float(floor[open_[places]].min())
            column[places], score[places] = lightest.most_alike(
                code[own], weight[own], total, least
            )
        met = score > 0
        return Candidates(open_[met], self.slots[column[met]], score[met])

    def _lightest(self, rank: Ints) -> _Lightest:
        """Return the lightest of those that hold the same popular elements, ties to the rank."""
        alive = np.flatnonzero(rank >= 0)
        order = alive[np.lexsort((rank[alive], self._total[alive], self._kind[alive]))]
        new = np.diff(self._kind[order], prepend=-1) > 0
        column = np.sort(order[new])
        place = np.full(rank.size, -1, dtype=np.int64)
        place[column] = np.arange(column.size)
        held = place[self._shared.owner]
        kept = held >= 0
        return _Lightest(
            column,
            Sets(column.size, held[kept], self._shared.element[kept]),
            self._total[column],
            rank[column],
            self.spread.size,
        )

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


class _Lightest:
    """Some of a segment, by total weight, as popular elements alone find them.

    Parameters
    ----------
    column : ndarray of shape (n,)
        Number of each in the segment.
    sets : Sets
        Their popular elements.
    total : ndarray of shape (n,)
        Total weight of each, ascending.
    rank : ndarray of shape (n,)
        Rank of each among equally similar ones.
    n_codes : int
        Number of elements.
    """

    def __init__(self, column: Ints, sets: Sets, total: Floats, rank: Ints, n_codes: int) -> None:
        self._column = column
        self._total = total
        self._rank = rank
        n_held = np.bincount(sets.element, minlength=n_codes)
        self._start = np.concatenate(([0], np.cumsum(n_held)))
        self._posted = sets.owner[np.argsort(sets.element, kind="stable")]

    def most_alike(
        self, code: Ints, weight: Floats, total: float, floor: float
    ) -> tuple[int, float]:
        """Return the known fingerprint most similar to some popular elements, and how similar.

        Where none reaches the floor the similarity is a smaller one, 0 for none.
        """
        floor = max(floor, 1 / (total + float(self._total[-1])))
        likely = max(floor, _LIKELY * float(weight.sum()) / total)
        best = self._of_size(code, weight, total, likely)
        while best[1] < likely and likely > floor:
            likely = max(floor, best[1], _LESS * likely)
            best = self._of_size(code, weight, total, likely)
        return best

    def _of_size(self, code: Ints, weight: Floats, total: float, least: float) -> tuple[int, float]:
        """Return the same among those that by their size may be so similar."""
        most = float(weight.sum())
        sizes = (least * total * (1 - _TINY), (most / least + most - total) * (1 + _TINY))
        edges = np.searchsorted(self._total, sizes)
        low, high = edges.tolist()
        common = np.zeros(high - low)
        for one, more in zip(code.tolist(), weight.tolist(), strict=True):
            posted = self._posted[self._start[one] : self._start[one + 1]]
            first, last = posted.searchsorted(edges)
            common[posted[first:last] - low] += more
        score = common / (total + self._total[low:high] - common)
        highest = float(score.max(initial=0.0))
        if not highest:
            return 0, 0.0
        tied = low + np.flatnonzero(score == highest)
        return int(self._column[tied[np.argmin(self._rank[tied])]]), highest
