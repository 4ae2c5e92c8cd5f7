"""The most similar known fingerprint."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowprint_zeek.core import matching
from flowprint_zeek.core.matching import NO_MATCH, KnownIndex
from flowprint_zeek.core.sets import Sets

WORDS = [f"name:{letter}" for letter in "abcdefgh"]
FAMILIES = st.lists(st.frozensets(st.sampled_from(range(8)), max_size=6), max_size=10)


def slow(known: list[frozenset[int]], sample: frozenset[int]) -> tuple[int, Fraction]:
    """Return the first of the most similar known sets, comparing with all of them."""
    best, similarity = NO_MATCH, Fraction(0)
    for at, one in enumerate(known):
        score = Fraction(len(one & sample), max(len(one | sample), 1))
        if score > similarity:
            best, similarity = at, score
    return best, similarity


def index_of(known: list[frozenset[int]]) -> KnownIndex:
    """Return an index of known sets."""
    return KnownIndex([[WORDS[code] for code in sorted(one)] for one in known])


@settings(max_examples=200, deadline=None)
@given(FAMILIES, FAMILIES)
def test_against_all_pairs(known: list[frozenset[int]], samples: list[frozenset[int]]) -> None:
    """The best is the first of the most similar, none where no element is shared."""
    number, similarity = index_of(known).best(WORDS, Sets.from_iterables(samples))
    expected = [slow(known, sample) for sample in samples]
    assert number.tolist() == [best for best, _ in expected]
    assert similarity.tolist() == [float(score) for _, score in expected]


@settings(max_examples=30, deadline=None)
@given(FAMILIES, FAMILIES)
def test_in_slabs(known: list[frozenset[int]], samples: list[frozenset[int]]) -> None:
    """Looking a few up at a time gives the same answers."""
    index, sets = index_of(known), Sets.from_iterables(samples)
    whole = index.best(WORDS, sets)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(matching, "_MAX_PAIRS", 3)
        parts = index.best(WORDS, sets)
    assert [array.tolist() for array in whole] == [array.tolist() for array in parts]


def test_elements_that_nobody_knows() -> None:
    """Elements outside the index count into the union only."""
    index = KnownIndex([["name:a", "name:b"]])
    number, similarity = index.best(["name:z", "name:a"], Sets.from_iterables([[0], [0, 1]]))
    assert number.tolist() == [NO_MATCH, 0]
    assert similarity.tolist() == [0.0, 1 / 3]


def test_empty_index() -> None:
    """Nothing is similar to nothing."""
    number, similarity = KnownIndex([]).best(["name:a"], Sets.from_iterables([[0]]))
    assert (number.tolist(), similarity.tolist()) == ([NO_MATCH], [0.0])
    assert len(KnownIndex([])) == 0


def test_no_samples() -> None:
    """No samples have no answers."""
    number, _ = KnownIndex([["name:a"]]).best([], Sets.from_iterables([]))
    assert number.size == 0


def test_holding() -> None:
    """The index says how many known fingerprints hold an element."""
    index = KnownIndex([["name:a", "name:b"], ["name:b"]])
    assert index.holding(["name:b", "name:z", "name:a"]).tolist() == [2, 0, 1]
