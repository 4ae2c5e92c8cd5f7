"""The most similar known fingerprint."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowprint_zeek.core import matching, segment
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.matching import NO_MATCH, KnownIndex
from flowprint_zeek.core.sets import Sets
from flowprint_zeek.errors import ModelError

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


@pytest.fixture(params=["rare", "popular", "one by one", "forgetful"])
def paths(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Look up as rare, as popular, in runs of one sample, or forget elements at once."""
    if request.param == "popular":
        monkeypatch.setattr(segment, "_FEW", 1)
        monkeypatch.setattr(segment, "_COMMON", 10)
    elif request.param == "one by one":
        monkeypatch.setattr(matching, "_MAX_PAIRS", 1)
    elif request.param == "forgetful":
        monkeypatch.setattr(matching, "_SPARE", 0)


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
    @given(FAMILIES, FAMILIES, FAMILIES)
    def test_many_at_once(
        self,
        earlier: list[frozenset[int]],
        families: list[frozenset[int]],
        samples: list[frozenset[int]],
    ) -> None:
        """Putting many is putting each; of those that are known only the flows change."""
        known = named(earlier)
        index = index_of(known)
        new = {
            key: (known.get(key, one)[0], 5 - at % 3)
            for at, (key, one) in enumerate(named(families).items())
        }
        sets = Sets.from_iterables([one for one, _ in new.values()])
        index.put_sets(list(new), WORDS, sets, ints([n_flows for _, n_flows in new.values()]))
        check(index, known | new, samples, [1] * 8)

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


def test_of_those_with_the_same_popular_elements_the_lightest_wins(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Of as light ones that of most flows, and the next where that is forgotten."""
    monkeypatch.setattr(segment, "_FEW", 1)
    monkeypatch.setattr(segment, "_COMMON", 1_000)
    known = {
        "a": (frozenset({0, 1, 2, 3}), 9),
        "b": (frozenset({0, 1, 4}), 1),
        "c": (frozenset({0, 1, 5}), 2),
        "d": (frozenset({0, 6}), 99),
    }
    index = index_of(known)
    for expected in ("c", "b", "a", "d"):
        number, _ = index.best(WORDS, Sets.from_iterables([[0, 1, 7]]))
        assert expected == index.keys[number[0]]
        index.discard(expected)
    assert [NO_MATCH] == index.best(WORDS, Sets.from_iterables([[0, 1, 7]]))[0].tolist()


def test_popular_elements_of_any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """Among many known fingerprints of all sizes, popular elements alone find the most similar."""
    monkeypatch.setattr(segment, "_FEW", 1)
    monkeypatch.setattr(segment, "_COMMON", 1_000)
    random = np.random.default_rng(1)
    weights = random.choice([1, 2, 8], 60).tolist()
    words = [f"name:{at}" for at in range(60)]
    known = {
        f"{at:x}": (frozenset(random.integers(0, 40, random.integers(1, 40)).tolist()), at % 5)
        for at in range(400)
    }
    index = KnownIndex({word: float(one) for word, one in zip(words, weights, strict=True)})
    for key, (one, n_flows) in known.items():
        index.put(key, [words[code] for code in one], n_flows)
    for key in list(known)[::7]:
        index.discard(key)
        del known[key]
    samples = [
        frozenset([*random.integers(0, 40, n % 30).tolist(), *range(40, 40 + n % 13)])
        for n in range(300)
    ]
    number, similarity = index.best(words, Sets.from_iterables(samples))
    expected = [slow(known, sample, weights) for sample in samples]
    assert ["" if at == NO_MATCH else index.keys[at] for at in number] == [e[0] for e in expected]
    assert similarity.tolist() == [float(score) for _, score in expected]


@pytest.mark.parametrize("change", ["new", "more flows", "forgotten"])
def test_what_changes_between_two_questions_counts(change: str) -> None:
    """A question is answered by what is known then, whatever was asked before."""
    known = {"a": (frozenset({0, 1}), 5), "b": (frozenset({0, 2}), 1)}
    index = index_of(known)
    check(index, known, [frozenset({0})], [1] * 8)
    if change == "new":
        known["c"] = (frozenset({0, 3}), 9)
        index.put("c", [WORDS[0], WORDS[3]], 9)
    elif change == "more flows":
        known["b"] = (known["b"][0], 9)
        index.put("b", [WORDS[0], WORDS[2]], 9)
    else:
        del known["a"]
        index.discard("a")
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


def test_learning_without_asking_takes_no_room(monkeypatch: pytest.MonkeyPatch) -> None:
    """An index that forgets as much as it learns, and is never asked, does not grow."""
    monkeypatch.setattr(matching, "_SPARE", 5)
    index = KnownIndex()
    for at in range(500):
        index.put(f"{at:x}", ["name:a", f"name:{at}"], 1)
        if at >= 20:
            index.discard(f"{at - 20:x}")
    assert len(index.keys) == 21
    assert len(index._code) <= 50
    number, similarity = index.best(["name:a", "name:490"], Sets.from_iterables([[0, 1]]))
    assert (index.keys[number[0]], similarity[0]) == (f"{490:x}", 1.0)


def test_forgetting_most_elements_between_two_questions(monkeypatch: pytest.MonkeyPatch) -> None:
    """What stays known is found when most elements are forgotten, and the number is used again."""
    monkeypatch.setattr(matching, "_SPARE", 0)
    known = {"a": (frozenset(range(6)), 1), "b": (frozenset({6, 7}), 1)}
    index = index_of(known)
    check(index, known, [frozenset({0, 6})], [1] * 8)
    index.discard("a")
    del known["a"]
    assert len(index._code) == 2
    check(index, known, [frozenset({0, 6})], [1] * 8)
    index.put("c", [WORDS[0]], 1)
    known["c"] = (frozenset({0}), 1)
    check(index, known, [frozenset({0}), frozenset({6})], [1] * 8)
    assert len(index.keys) == 2


def test_more_flows_than_can_be_counted() -> None:
    """A sum of flows that no file may say is refused, and what is known stays."""
    index = index_of({"a": (frozenset({0}), 1)})
    index.put("a", [WORDS[0]], (1 << 62) - 1)
    with pytest.raises(ModelError, match="a has 4611686018427387904 flows"):
        index.put("a", [WORDS[0]], 1 << 62)
    with pytest.raises(ModelError, match="b has"):
        index.put("b", [WORDS[0]], 1 << 64)
    check(index, {"a": (frozenset({0}), 1)}, [frozenset({0})], [1] * 8)


def test_more_flows_than_can_be_counted_among_many() -> None:
    """Putting many refuses such a one; those before it are known."""
    index = KnownIndex()
    with pytest.raises(ModelError, match="b has"):
        index.put_sets(
            ["a", "b"], WORDS, Sets.from_iterables([[0], [1]]), ints([(1 << 62) - 1, 1 << 62])
        )
    check(index, {"a": (frozenset({0}), 1)}, [frozenset({0}), frozenset({1})], [1] * 8)


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
