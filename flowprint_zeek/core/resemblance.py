"""How much of a fingerprint known apps explain.

The best plain similarity to any of many known apps goes deaf: everything shares an advertiser with
something. Four things sharpen it. An element that n apps have counts one nth. An element stands for
itself and for something wider that outlives it, an endpoint for its network and a name for its
registered domain. An app explains a fingerprint by all it was ever seen with as well as by one
fingerprint of its own: the two shares are averaged. And an app that explains very much is not
outvoted by what is new beside it, such as the pages that a news reader opens.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from flowprint_zeek.core.arrays import (
    Bools,
    Floats,
    Ints,
    distinct,
    ints,
    numbered,
    slabs,
    sums,
    unique_pairs,
)
from flowprint_zeek.core.domains import wider
from flowprint_zeek.core.matching import KnownIndex
from flowprint_zeek.core.sets import Sets

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    Matrix = csr_array[np.float64, tuple[int, int]]

WHOLE = 1 << 16
"""Weight of an element that no app has, or one alone."""

PLENTY = 24
"""Elements of one app alone that explain half of a fingerprint, however much is new in it."""

_MAX_CELLS = 1 << 23
"""Elements of apps looked at together: about 200 MB."""
_FEW = 64
"""Apps that may have an element without its being popular."""


def widened(vocabulary: Sequence[str], sets: Sets) -> tuple[list[str], Sets]:
    """Return sets with what their elements are a part of, and the vocabulary of both."""
    words = list(vocabulary)
    code: dict[str, int] = {}
    outer = np.full(len(words), -1, dtype=np.int64)
    for at in distinct(sets.element).tolist():
        name = wider(vocabulary[at])
        if name:
            outer[at] = code.setdefault(name, len(vocabulary) + len(code))
    above = outer[sets.element]
    held = above >= 0
    both = Sets.from_pairs(
        sets.size,
        np.concatenate((sets.owner, sets.owner[held])),
        np.concatenate((sets.element, above[held])),
    )
    return words + list(code), both


@dataclass(frozen=True, slots=True)
class Explained:
    """What known apps explain of fingerprints.

    Attributes
    ----------
    nearest : ndarray of shape (n,)
        Place of the most similar known fingerprint, `NO_MATCH` for none.
    similarity : ndarray of shape (n,)
        Weighted Jaccard similarity to it.
    covered : ndarray of shape (n,)
        Largest share of the weight that is of elements one app has.
    amount : ndarray of shape (n,)
        Weight of these, 1 for an element that no other app has.
    """

    nearest: Ints
    similarity: Floats
    covered: Floats
    amount: Floats

    @property
    def score(self) -> Floats:
        """What is left unexplained, 0 to 1: the higher, the more like an unseen app."""
        share = (self.similarity + self.covered) / 2
        score: Floats = 1 - np.maximum(share, self.amount / (self.amount + PLENTY))
        return score


class KnownTogether:
    """Known fingerprints and the apps that they are of, weighed by rarity among the apps.

    Parameters
    ----------
    vocabulary : sequence of str
        Elements that the numbers in `sets` stand for.
    sets : Sets
        Known fingerprints.
    app : ndarray of shape (sets.size,)
        Number of the app of each.
    keys : sequence of str
        Id of each, distinct.
    n_flows : ndarray of shape (sets.size,)
        Flows of each; of equally similar ones that of most flows is the nearest.
    """

    def __init__(
        self, vocabulary: Sequence[str], sets: Sets, app: Ints, keys: Sequence[str], n_flows: Ints
    ) -> None:
        words, sets = widened(vocabulary, sets)
        self._code = {word: at for at, word in enumerate(words)}
        size = int(app.max(initial=0)) + 1
        apps = sets.united(app, size)
        n_apps = np.bincount(apps.element, minlength=len(words))
        # The last is of all elements that no known fingerprint has.
        self._weight = np.append(np.maximum(np.rint(WHOLE / np.maximum(n_apps, 1)), 1), WHOLE)
        self._apps = _Apps(apps, self._weight)
        weights = dict(zip(words, self._weight[:-1].tolist(), strict=True))
        self._index = KnownIndex(weights, other=WHOLE)
        self._index.put_sets(keys, words, sets, n_flows)

    def explain(self, vocabulary: Sequence[str], sets: Sets) -> Explained:
        """Return what the known apps explain of fingerprints.

        Takes what `KnownIndex.best` takes.
        """
        words, sets = widened(vocabulary, sets)
        nearest, similarity = self._index.best(words, sets)
        total, held = self._held(words, sets)
        return Explained(nearest, similarity, held / np.maximum(total, 1), held / WHOLE)

    def _held(self, vocabulary: Sequence[str], sets: Sets) -> tuple[Floats, Floats]:
        """Return the weight of each fingerprint, and the most of it that is of one app."""
        code = ints([self._code.get(word, -1) for word in vocabulary])[sets.element]
        total = sums(sets.owner, self._weight[code], sets.size)
        row, code = unique_pairs(sets.owner[code >= 0], code[code >= 0])
        return total, self._apps.most_shared(Sets(sets.size, row, code))


class _Apps:
    """What apps were ever seen with, and what fingerprints share with it.

    Parameters
    ----------
    apps : Sets
        Elements of each app.
    weight : ndarray of shape (n_elements,)
        Weight of each element, whole.
    """

    def __init__(self, apps: Sets, weight: Floats) -> None:
        self._weight = weight
        self._n_apps = np.bincount(apps.element, minlength=weight.size).astype(np.float64)
        self._holders = apps.matrix(weight.size).astype(np.float64).T.tocsr()
        self._popular = self._n_apps > _FEW
        many = _parts(apps, self._popular[apps.element])
        self._many, self._n_many = many.matrix(weight.size), many.lengths

    def most_shared(self, sets: Sets) -> Floats:
        """Return the largest weight that each fingerprint shares with one app.

        An element that thousands of apps have weighs next to nothing, and would cost the most: such
        ones are counted for the apps that they can make the best. Where nothing else speaks for an
        app, fingerprints with the same popular elements have the same answer.
        """
        popular = self._popular[sets.element]
        few, many = _parts(sets, ~popular), _parts(sets, popular)
        rest = sums(many.owner, self._weight[many.element], many.size)
        best = np.zeros(sets.size)
        for low, shared in self._shared(few):
            high = low + shared.shape[0]
            best[low:high] = self._most(shared, many.part(low, high), rest[low:high])
        left = np.flatnonzero(rest > best)
        keys = many.keys()
        kind = np.full(sets.size, -1, dtype=np.int64)
        kind[left], n_kinds = numbered(keys[at] for at in left.tolist())
        alike = _parts(many, kind[many.owner] >= 0).united(kind, n_kinds)
        most = np.zeros(alike.size)
        for low, shared in self._shared(alike):
            most[low : low + shared.shape[0]] = shared.max(axis=1).toarray().ravel()
        best[left] = np.maximum(best[left], most[kind[left]])
        return best

    def _most(self, shared: Matrix, many: Sets, rest: Floats) -> Floats:
        """Return the largest weight, among apps that share unpopular elements, of all elements."""
        best = shared.max(axis=1).toarray().ravel()
        at = np.repeat(np.arange(best.size), np.diff(shared.indptr))
        near = shared.data + rest[at] > best[at]
        at, app, held = at[near], ints(shared.indices[near]), shared.data[near]
        weighed = self._weighed(many)
        cost = many.lengths[at] + self._n_many[app] + 1
        for low, high in slabs(cost, _MAX_CELLS):
            pair = slice(low, high)
            held[pair] += weighed[at[pair]].multiply(self._many[app[pair]]).sum(axis=1)
        np.maximum.at(best, at, held)
        return best

    def _shared(self, sets: Sets) -> Iterator[tuple[int, Matrix]]:
        """Yield the weight that sets share with each app, for some at a time from a number on."""
        cost = sums(sets.owner, self._n_apps[sets.element], sets.size)
        for low, high in slabs(ints(cost) + 1, _MAX_CELLS):
            yield low, self._weighed(sets.part(low, high)) @ self._holders

    def _weighed(self, sets: Sets) -> Matrix:
        """Return sets as rows of the weights of their elements."""
        return csr_array(
            (self._weight[sets.element], sets.element, sets.offsets),
            shape=(sets.size, self._weight.size),
        )


def _parts(sets: Sets, kept: Bools) -> Sets:
    """Return the sets with some of their elements."""
    return Sets(sets.size, sets.owner[kept], sets.element[kept])
