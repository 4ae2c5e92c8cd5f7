"""Sets of elements and which of them are alike."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from itertools import combinations

import networkx as nx
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowprint_zeek.core import sets as module
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.sets import Jaccard, Sets, alike

THRESHOLDS = [Fraction(n, 10) for n in range(1, 11)] + [
    *(Fraction(1, 3), Fraction(2, 3), Fraction(3, 7), Fraction(18, 20), Fraction(1, 100)),
]
FAMILIES = st.lists(st.frozensets(st.integers(0, 12), max_size=11), max_size=12)


def components(
    sets: list[frozenset[int]], group: list[int], least: Fraction
) -> set[frozenset[int]]:
    """Return which sets are joined, comparing all pairs with exact fractions."""
    graph: nx.Graph[int] = nx.empty_graph(len(sets))
    for one, other in combinations(range(len(sets)), 2):
        union = len(sets[one] | sets[other])
        common = Fraction(len(sets[one] & sets[other]), max(union, 1))
        if group[one] == group[other] and common >= least:
            graph.add_edge(one, other)
    return {frozenset(part) for part in nx.connected_components(graph)}


def parts(labels: list[int]) -> set[frozenset[int]]:
    """Return the members of each component."""
    return {
        frozenset(at for at, label in enumerate(labels) if label == part) for part in set(labels)
    }


@settings(max_examples=300, deadline=None)
@given(FAMILIES, st.sampled_from(THRESHOLDS), st.integers(1, 3))
@example([frozenset(range(10)), frozenset(range(9))], Fraction(9, 10), 1)
@example([frozenset(range(9)), frozenset(range(1, 9))], Fraction(8, 9), 1)
@example(2 * [frozenset(range(9)), frozenset(), frozenset(range(1, 9))], Fraction(8, 9), 2)
def test_alike_against_all_pairs(
    sets: list[frozenset[int]], least: Fraction, n_groups: int
) -> None:
    """Joined are exactly the sets that a chain of pairs at or over the threshold joins."""
    group = [at % n_groups for at in range(len(sets))]
    found = alike(Sets.from_iterables(sets), ints(group), float(least))
    assert parts(found.tolist()) == components(sets, group, least)


@pytest.mark.parametrize(
    ("common", "size", "least"),
    [
        *((9, 10, 0.9), (18, 20, 0.9), (27, 30, 0.9), (7, 10, 0.7), (3, 10, 0.3), (1, 10, 0.1)),
        (14, 25, 0.56),  # 0.56 * 25 is a little more than 14
    ],
)
def test_exactly_the_threshold(common: int, size: int, least: float) -> None:
    """A similarity of exactly the threshold joins, where its float would round below."""
    sets = Sets.from_iterables([range(size), range(common)])
    assert alike(sets, ints([0, 0]), least).tolist() == [0, 0]
    assert alike(sets, ints([0, 0]), least + 1e-6).tolist() == [0, 1]


def test_chains_are_joined() -> None:
    """Sets that are not alike are joined by one that is like both."""
    sets = Sets.from_iterables([[1, 2, 3], [2, 3, 4], [3, 4, 5]])
    assert alike(sets, ints([0, 0, 0]), 0.5).tolist() == [0, 0, 0]
    assert alike(sets, ints([0, 1, 0]), 0.5).tolist() == [0, 1, 2]


@pytest.mark.parametrize("least", [0.0, -1.0])
def test_threshold_of_zero_joins_groups(least: float) -> None:
    """A threshold of at most 0 joins all sets of a group."""
    sets = Sets.from_iterables([[1], [2], [3], []])
    assert alike(sets, ints([7, 3, 7, 3]), least).tolist() == [0, 1, 0, 1]


def test_equal_sets_are_not_compared_in_pairs() -> None:
    """An app that comes back in 100,000 batches is one set, not billions of pairs."""
    sets = Sets.from_iterables([[1, 2, 3], [7, 8]] * 100_000)
    assert alike(sets, ints(np.zeros(sets.size)), 0.9).tolist() == [0, 1] * 100_000


@settings(max_examples=100, deadline=None)
@given(FAMILIES, st.sampled_from(THRESHOLDS), st.integers(1, 3))
def test_in_portions(sets: list[frozenset[int]], least: Fraction, n_groups: int) -> None:
    """Comparing the candidates of one set at a time joins the same sets."""
    group = ints([at % n_groups for at in range(len(sets))])
    whole = alike(Sets.from_iterables(sets), group, float(least))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_MAX_CANDIDATES", 1)
        parts = alike(Sets.from_iterables(sets), group, float(least))
    assert whole.tolist() == parts.tolist()


def test_memory_does_not_grow_with_pairs() -> None:
    """Of 3,000 sets that all are alike, few of the millions of pairs are held at a time."""
    random = np.random.default_rng(1)
    sets = Sets.from_iterables([random.permutation(60)[:57].tolist() for _ in range(3_000)])
    group = np.zeros(sets.size, dtype=np.int64)
    tracemalloc.start()
    try:
        found = alike(sets, group, 0.9)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert not found.any()
    assert peak < 150_000_000


def test_no_sets() -> None:
    """No sets have no components."""
    assert alike(Sets.from_iterables([]), ints([]), 0.9).size == 0


@given(FAMILIES.filter(lambda family: len(family) > 0))
def test_jaccard(family: list[frozenset[int]]) -> None:
    """Similarities are the quotient of shared and all elements; empty sets share nothing."""
    pairs = [(a, b) for a in range(len(family)) for b in range(len(family))]
    left, right = (ints(side) for side in zip(*pairs, strict=True))
    expected = [len(family[a] & family[b]) / max(len(family[a] | family[b]), 1) for a, b in pairs]
    assert Jaccard(Sets.from_iterables(family)).of(left, right).tolist() == expected


@given(FAMILIES)
def test_lists(family: list[frozenset[int]]) -> None:
    """Sets come back as sorted lists, with their lengths, however often elements were given."""
    sets = Sets.from_iterables([[*one, *one] for one in family])
    assert sets.lists() == [sorted(one) for one in family]
    assert sets.lengths.tolist() == [len(one) for one in family]


@given(st.lists(st.frozensets(st.integers(0, 1 << 40), max_size=4), max_size=8))
def test_keys(family: list[frozenset[int]]) -> None:
    """As bytes sets are equal, and sort, as their sorted lists do."""
    sets = Sets.from_iterables(family)
    keys, lists = sets.keys(), sets.lists()
    for one in range(sets.size):
        for other in range(sets.size):
            assert (keys[one] < keys[other]) == (lists[one] < lists[other])
            assert (keys[one] == keys[other]) == (lists[one] == lists[other])


def test_part() -> None:
    """A part of the sets is counted from 0."""
    part = Sets.from_iterables([[1, 2], [], [5], [7]]).part(1, 3)
    assert (part.size, part.lists()) == (2, [[], [5]])


def test_united() -> None:
    """Sets of one number are united; numbers without sets are empty."""
    sets = Sets.from_iterables([[1, 2], [5], [2, 3]])
    assert sets.united(ints([0, 2, 0]), 3).lists() == [[1, 2, 3], [], [5]]


def test_matrix() -> None:
    """As a matrix each set is a row of ones."""
    dense = Sets.from_iterables([[0, 2], []]).matrix(3).toarray()
    assert np.array_equal(dense, [[1, 0, 1], [0, 0, 0]])
