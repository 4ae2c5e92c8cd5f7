"""Ways to name an app and to tell that one was never seen, compared by evaluation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import numpy as np

from flowprint_zeek.analysis.choices import JACCARD, RESEMBLANCE
from flowprint_zeek.core.arrays import distinct, numbered, row_groups
from flowprint_zeek.core.elements import digest, in_order
from flowprint_zeek.core.matching import NO_MATCH, KnownIndex
from flowprint_zeek.core.resemblance import KnownTogether
from flowprint_zeek.core.sets import Sets

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.analysis.items import Items
    from flowprint_zeek.core.arrays import Floats, Ints


@dataclass(frozen=True, slots=True)
class Judged:
    """What a method says of fingerprints.

    Attributes
    ----------
    label : ndarray of shape (n,)
        Number of the label that each is given, `NO_MATCH` for none.
    score : ndarray of shape (n,)
        How much each looks like an unseen app, higher is more so; unseen from `threshold` on.
    """

    label: Ints
    score: Floats


class Method(Protocol):
    """A way to name apps and to find unseen ones."""

    name: str
    threshold: float

    def fit(self, train: Items) -> None:
        """Learn labelled fingerprints, and nothing of before."""

    def judge(self, test: Items) -> Judged:
        """Name fingerprints and say how unseen they look."""


class PlainJaccard:
    """The paper's way: the most similar known fingerprint by plain Jaccard similarity.

    Parameters
    ----------
    similarity : float, default=0.1
        Similarity below which a fingerprint is unseen.
    """

    name = JACCARD

    def __init__(self, similarity: float = 0.1) -> None:
        self.threshold = float(np.nextafter(1 - similarity, 2))

    def fit(self, train: Items) -> None:
        """Learn labelled fingerprints, and nothing of before."""
        known = distinct_fingerprints(train)
        self._label = known.label
        self._index = KnownIndex()
        self._index.put_sets(known.keys, train.vocabulary, known.sets, known.n_flows)

    def judge(self, test: Items) -> Judged:
        """Name fingerprints and say how unseen they look."""
        number, similarity = self._index.best(test.vocabulary, test.sets)
        return Judged(picked_label(self._label, number), 1 - similarity)


class Resemblance:
    """The product's way: how much of a fingerprint known apps leave unexplained.

    See `flowprint_zeek.core.resemblance`.

    Parameters
    ----------
    threshold : float, default=0.7
        Score from which a fingerprint is unseen.
    """

    name = RESEMBLANCE

    def __init__(self, threshold: float = 0.7) -> None:
        self.threshold = threshold

    def fit(self, train: Items) -> None:
        """Learn labelled fingerprints, and nothing of before."""
        known = distinct_fingerprints(train)
        self._label = known.label
        self._known = KnownTogether(
            train.vocabulary, known.sets, known.label, known.keys, known.n_flows
        )

    def judge(self, test: Items) -> Judged:
        """Name fingerprints and say how unseen they look."""
        found = self._known.explain(test.vocabulary, test.sets)
        return Judged(picked_label(self._label, found.nearest), found.score)


@dataclass(frozen=True, slots=True)
class Distinct:
    """Fingerprints of which no two are equal.

    Attributes
    ----------
    sets : Sets
        Fingerprints.
    label, n_flows : ndarray of shape (n,)
        The label of most of the flows of each, ties to the lowest, and its flows.
    keys : list of str
        A key for each; equally similar ones win by it.
    """

    sets: Sets
    label: Ints
    n_flows: Ints
    keys: list[str]


def distinct_fingerprints(items: Items) -> Distinct:
    """Return fingerprints each once, with all its flows."""
    of_item, size = numbered(items.sets.keys())
    sets = items.sets.united(of_item, size)
    pair, first = row_groups((of_item, items.label))
    of_pair, label, flows = of_item[first], items.label[first], np.zeros_like(first)
    np.add.at(flows, pair, items.n_flows)
    most_first = np.lexsort((label, -flows, of_pair))
    _, place = np.unique(of_pair[most_first], return_index=True)
    n_flows = np.zeros(sets.size, dtype=np.int64)
    np.add.at(n_flows, of_item, items.n_flows)
    return Distinct(sets, label[most_first[place]], n_flows, _ids(items.vocabulary, sets))


def _ids(vocabulary: Sequence[str], sets: Sets) -> list[str]:
    """Return the id of each set, as `fingerprint_id` does; elements are put in order once."""
    used = distinct(sets.element)
    words = [vocabulary[code] for code in used.tolist()]
    ordered = in_order(words)
    place = {word: at for at, word in enumerate(ordered)}
    rank = np.zeros(len(vocabulary), dtype=np.int64)
    rank[used] = [place[word] for word in words]
    ranked = Sets.from_pairs(sets.size, sets.owner, rank[sets.element])
    return [digest([ordered[at] for at in one]) for one in ranked.lists()]


def picked_label(label: Ints, number: Ints) -> Ints:
    """Return the label of each number, `NO_MATCH` where that is the number."""
    return np.append(label, NO_MATCH)[number]
