"""The most similar known fingerprint."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowprint_zeek.core import matching, segment
from flowprint_zeek.core.matching import NO_MATCH, KnownIndex
from flowprint_zeek.core.sets import Sets

if TYPE_CHECKING:
    from collections.abc import Mapping

WORDS = [f"name:{letter}" for letter in "abcdefgh"]
SETS = st.frozensets(st.sampled_from(range(8)), max_size=6)
FAMILIES = st.lists(SETS, max_size=10)
WEIGHTS = st.lists(st.sampled_from([1, 2, 8]), min_size=8, max_size=8)

Known = dict[str, tuple[frozenset[int], int]]


def slow(known: Known, sample: frozenset[int], weights: list[int]) -> tuple[str, Fraction]:
    """Return the key of the most similar known set, comparing with all of them."""
    best, similarity = "", Fraction(0)
    for key, (one, _) in sorted(known.items(), key=lambda item: (-item[1][1], item[0])):
        union = sum(weights[code] for code in one | sample)
        score = Fraction(sum(weights[code] for code in one & sample), max(union, 1))
        if score > similarity:
            best, similarity = key, score
    return best, similarity


def check(
    index: KnownIndex, known: Known, samples: list[frozenset[int]], weights: list[int]
) -> None:
    """Check what an index says of samples and elements against comparing with all."""
    number, similarity = index.best(WORDS, Sets.from_iterables(samples))
    expected = [slow(known, sample, weights) for sample in samples]
    assert ["" if at == NO_MATCH else index.keys[at] for at in number] == [e[0] for e in expected]
    assert similarity.tolist() == [float(score) for _, score in expected]
    holders = [sum(code in one for one, _ in known.values()) for code in range(8)]
    assert index.holding(WORDS).tolist() == holders
    assert len(index) == len(known)


def named(families: list[frozenset[int]]) -> Known:
    """Return sets as known fingerprints with keys and flows; equal flows are ties."""
    return {f"{at:x}": (one, at % 3) for at, one in enumerate(families)}


def index_of(known: Known, weights: Mapping[str, float] | None = None) -> KnownIndex:
    """Return an index of known sets."""
    index = KnownIndex(weights)
    for key, (one, n_flows) in known.items():
        index.put(key, [WORDS[code] for code in one], n_flows)
    return index


@pytest.fixture(params=["rare", "popular", "one by one"])
def paths(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look elements up as rare, as popular, or in runs of one sample."""
    if request.param == "popular":
        monkeypatch.setattr(segment, "_FEW", 1)
        monkeypatch.setattr(segment, "_COMMON", 10)
    elif request.param == "one by one":
        monkeypatch.setattr(matching, "_MAX_PAIRS", 1)


@pytest.mark.usefixtures("paths")
class TestAgainstAllPairs:
    @settings(max_examples=150, deadline=None)
    @given(FAMILIES, FAMILIES, WEIGHTS)
    def test_best(
        self, families: list[frozenset[int]], samples: list[frozenset[int]], weights: list[int]
    ) -> None:
        """The best is the most similar, then that of most flows, then that of the lowest key."""
        known = named(families)
        check(index_of(known), known, samples, [1] * 8)
        own = {word: float(weight) for word, weight in zip(WORDS, weights, strict=True)}
        check(index_of(known, own), known, samples, weights)

    @settings(max_examples=100, deadline=None)
    @given(
        st.lists(
            st.one_of(
                st.tuples(st.integers(0, 9), SETS, st.integers(0, 2)),
                st.integers(0, 9),
                st.lists(SETS, min_size=1, max_size=3),
            ),
            max_size=25,
        )
    )
    def test_updates(self, steps: list[object]) -> None:
        """Adding, counting anew, forgetting and asking in any order gives what is known then."""
        index, known = KnownIndex(), Known()
        for step in steps:
            if isinstance(step, tuple):
                at, one, n_flows = step
                key = f"{at:x}"
                one = known[key][0] if key in known else one
                known[key] = (one, n_flows)
                index.put(key, [WORDS[code] for code in one], n_flows)
            elif isinstance(step, list):
                check(index, known, step, [1] * 8)
            elif f"{step:x}" in known:
                del known[f"{step:x}"]
                index.discard(f"{step:x}")


def test_popular_ties_count(monkeypatch: pytest.MonkeyPatch) -> None:
    """What shares a popular element only wins where it is as similar and has more flows."""
    monkeypatch.setattr(segment, "_FEW", 2)
    known = {f"{at:x}": (frozenset({0, at}), 1) for at in range(1, 8)}
    known |= {"a0": (frozenset({0}), 9), "b0": (frozenset({3}), 5)}
    check(index_of(known), known, [frozenset({0, 3}), frozenset({0})], [1] * 8)
    known["b0"] = (frozenset({3}), 10)
    check(index_of(known), known, [frozenset({0, 3}), frozenset({0})], [1] * 8)


def test_forgotten_popular_fingerprints(monkeypatch: pytest.MonkeyPatch) -> None:
    """A fingerprint that was forgotten is found by no popular element."""
    monkeypatch.setattr(segment, "_FEW", 2)
    known = {f"{at:x}": (frozenset({0, 1 + at % 7, 7 - at % 3}), at) for at in range(40)}
    known |= {"a0": (frozenset({0}), 99)}
    index = index_of(known)
    check(index, known, [frozenset({0})], [1] * 8)
    index.discard("a0")
    del known["a0"]
    check(index, known, [frozenset({0})], [1] * 8)


def test_many_segments() -> None:
    """An index that grew one by one, asked each time, answers as one built at once."""
    families = [frozenset({at % 8, at // 8 % 8, at // 64}) for at in range(300)]
    grown, known = KnownIndex(), named(families)
    for key, (one, n_flows) in known.items():
        grown.put(key, [WORDS[code] for code in one], n_flows)
        grown.best(WORDS, Sets.from_iterables([[0]]))
    check(grown, known, families[::7], [1] * 8)
    assert 1 < len(grown._segments) < 10


def test_a_number_is_used_again() -> None:
    """An index that forgets as much as it learns does not grow."""
    index = KnownIndex()
    for at in range(500):
        index.put(f"{at:x}", [WORDS[at % 8]], 1)
        if at >= 20:
            index.discard(f"{at - 20:x}")
        index.best(WORDS, Sets.from_iterables([[0]]))
    assert len(index) == 20
    assert len(index.keys) < 100


def test_forgotten_elements_take_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that lives long with ever new elements holds those of what it knows."""
    monkeypatch.setattr(matching, "_SPARE", 5)
    index = KnownIndex()
    for at in range(300):
        index.put(f"{at:x}", ["name:a", f"name:{at}"], 1)
        if at >= 20:
            index.discard(f"{at - 20:x}")
        number, similarity = index.best(["name:a", f"name:{at}"], Sets.from_iterables([[0, 1]]))
        assert (index.keys[number[0]], similarity[0]) == (f"{at:x}", 1.0)
    assert len(index._code) <= 60
    assert index.holding(["name:a", "name:0", "name:299"]).tolist() == [20, 0, 1]


def test_elements_that_nobody_knows() -> None:
    """Elements outside the index count into the union only."""
    index = KnownIndex()
    index.put("0", ["name:a", "name:b"], 1)
    number, similarity = index.best(["name:z", "name:a"], Sets.from_iterables([[0], [0, 1]]))
    assert number.tolist() == [NO_MATCH, 0]
    assert similarity.tolist() == [0.0, 1 / 3]


@pytest.mark.parametrize("weight", [0, -1, 0.5, float("nan"), float("inf")])
def test_weights_are_whole(weight: float) -> None:
    """A weight whose sums are not exact is refused by name."""
    with pytest.raises(ValueError, match="name:a has the weight"):
        KnownIndex({"name:a": weight})


def test_empty_index() -> None:
    """Nothing is similar to nothing."""
    number, similarity = KnownIndex().best(["name:a"], Sets.from_iterables([[0]]))
    assert (number.tolist(), similarity.tolist()) == ([NO_MATCH], [0.0])
    assert len(KnownIndex()) == 0


def test_no_samples() -> None:
    """No samples have no answers."""
    number, _ = index_of(named([frozenset({0})])).best([], Sets.from_iterables([]))
    assert number.size == 0


def test_holding() -> None:
    """The index says how many known fingerprints hold an element."""
    index = index_of(named([frozenset({0, 1}), frozenset({1})]))
    assert index.holding(["name:b", "name:z", "name:a"]).tolist() == [2, 0, 1]
