"""How much of a fingerprint known apps explain."""

from __future__ import annotations

from fractions import Fraction
from typing import NamedTuple

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowprint_zeek.core import resemblance
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.matching import NO_MATCH
from flowprint_zeek.core.resemblance import PLENTY, WHOLE, Explained, KnownTogether, widened
from flowprint_zeek.core.sets import Sets

WIDER = {
    "192.0.2.7:443": "net:192.0.2.0/24:443",
    "192.0.2.9:443": "net:192.0.2.0/24:443",
    "192.0.2.9:80": "net:192.0.2.0/24:80",
    "[2001:db8::7]:443": "net:2001:db8::/48:443",
    "cert:ab": None,
    "cert:cd": None,
    "name:a.example.com": "domain:example.com",
    "name:b.example.com": "domain:example.com",
    "name:c.example.org": "domain:example.org",
}
"""Elements and what they are a part of."""

WORDS = list(WIDER)
A, B, C = "name:a.example.com", "name:b.example.com", "name:c.example.org"

LETTERS = "abcuvw"


class Known(NamedTuple):
    """A known fingerprint."""

    elements: frozenset[str]
    app: int
    n_flows: int = 1


ELEMENTS = st.frozensets(st.sampled_from(WORDS), max_size=6)
KNOWN = st.lists(st.builds(Known, ELEMENTS, st.integers(0, 4), st.integers(0, 2)), max_size=8)


def coded(vocabulary: list[str], fingerprints: list[frozenset[str]]) -> Sets:
    return Sets.from_iterables([[vocabulary.index(e) for e in one] for one in fingerprints])


def together(known: list[Known]) -> KnownTogether:
    """Return known fingerprints; the first has the highest key."""
    keys = [f"{99 - at}" for at in range(len(known))]
    sets = coded(WORDS, [one.elements for one in known])
    app, n_flows = ints([one.app for one in known]), ints([one.n_flows for one in known])
    return KnownTogether(WORDS, sets, app, keys, n_flows)


def explain(known: list[Known], *samples: frozenset[str] | set[str]) -> Explained:
    """Return what known fingerprints explain of samples, whose elements have other numbers."""
    words = ["cert:unknown", *WORDS[::-1], "name:un.known"]
    return together(known).explain(words, coded(words, [frozenset(one) for one in samples]))


def wide(elements: frozenset[str] | set[str]) -> set[str]:
    return {*elements, *(WIDER.get(e) or e for e in elements)}


def slow(known: list[Known], sample: frozenset[str]) -> tuple[int, Fraction, Fraction, Fraction]:
    """Return nearest, similarity, covered and amount, comparing with all."""
    apps: dict[int, set[str]] = {}
    for one in known:
        apps.setdefault(one.app, set()).update(wide(one.elements))

    def weight(elements: set[str]) -> int:
        n_apps = (sum(element in held for held in apps.values()) for element in elements)
        return sum(round(WHOLE / max(n, 1)) for n in n_apps)

    nearest, similarity = NO_MATCH, Fraction(0)
    order = sorted(range(len(known)), key=lambda at: (-known[at].n_flows, -at))
    for at in order:
        held, met = wide(known[at].elements), wide(sample)
        score = Fraction(weight(held & met), max(weight(held | met), 1))
        if score > similarity:
            nearest, similarity = at, score
    most = max((weight(held & wide(sample)) for held in apps.values()), default=0)
    covered = Fraction(most, max(weight(wide(sample)), 1))
    return nearest, similarity, covered, Fraction(most, WHOLE)


@pytest.mark.parametrize("few", [0, 1, 64])
@pytest.mark.parametrize("cells", [1, 1 << 23])
@settings(max_examples=150, deadline=None)
@given(known=KNOWN, samples=st.lists(ELEMENTS, max_size=8))
def test_against_comparing_with_all(
    cells: int, few: int, known: list[Known], samples: list[frozenset[str]]
) -> None:
    """All figures are those of comparing with everything, in any portions, popular or not."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(resemblance, "_MAX_CELLS", cells)
        patch.setattr(resemblance, "_FEW", few)
        found = explain(known, *samples)
    expected = [slow(known, one) for one in samples]
    assert [one[0] for one in expected] == found.nearest.tolist()
    assert [float(one[1]) for one in expected] == found.similarity.tolist()
    assert [float(one[2]) for one in expected] == found.covered.tolist()
    assert [float(one[3]) for one in expected] == found.amount.tolist()


class TestWidened:
    def test_sets_hold_both(self) -> None:
        """What elements are a part of comes after all elements, each once."""
        words, sets = widened([A, "cert:ab", B, C], Sets.from_iterables([[0, 1, 2], [3], []]))
        assert [A, "cert:ab", B, C, "domain:example.com", "domain:example.org"] == words
        assert [[0, 1, 2, 4], [3, 5], []] == sets.lists()

    def test_nothing(self) -> None:
        """No sets of no elements stay so."""
        words, sets = widened([], Sets.from_iterables([]))
        assert ([], 0) == (words, sets.size)


class TestWeights:
    def test_an_element_of_n_apps_counts_one_nth(self) -> None:
        """How many fingerprints of an app have it does not matter, nor how many apps there are."""
        known = [Known(frozenset({"cert:ab"}), app) for app in (0, 1, 2, 3, 4, 5, 5)]
        known.append(Known(frozenset({"cert:cd"}), 6))
        found = explain(known, {"cert:ab"}, {"cert:cd"}, {"cert:ab", "cert:cd"})
        assert [round(WHOLE / 6) / WHOLE, 1, 1] == found.amount.tolist()
        assert 1 / (1 + round(WHOLE / 6) / WHOLE) == found.covered[2]

    def test_an_element_and_what_it_is_a_part_of_count(self) -> None:
        """A name below a known domain is half known, though the app never had it."""
        found = explain([Known(frozenset({A}), 0)], {A}, {B}, {C})
        assert [2, 1, 0] == found.amount.tolist()
        assert [1, 1 / 2, 0] == found.covered.tolist()
        assert [1, 1 / 3, 0] == found.similarity.tolist()

    def test_rare_elements_decide(self) -> None:
        """One element of one app outweighs one that all apps have."""
        known = [Known(frozenset({"cert:ab", C}), 0), Known(frozenset({C, A, B}), 1, n_flows=99)]
        assert [0] == explain(known, {C, "cert:ab"}).nearest.tolist()

    def test_more_apps_than_parts_of_a_weight(self) -> None:
        """An element of very many apps still weighs something."""
        n_apps = 2 * WHOLE + 2
        one = np.zeros(n_apps, dtype=np.int64)
        sets = Sets(n_apps, np.arange(n_apps), one)
        keys = [f"{at:06x}" for at in range(n_apps)]
        known = KnownTogether(["cert:ab"], sets, np.arange(n_apps), keys, one)
        found = known.explain(["cert:ab"], Sets.from_iterables([[0]]))
        assert ([0], [1.0], [1 / WHOLE]) == (
            found.nearest.tolist(),
            found.covered.tolist(),
            found.amount.tolist(),
        )


class TestCovered:
    def test_an_app_explains_by_all_it_was_seen_with(self) -> None:
        """Two fingerprints of an app together cover what neither does alone."""
        known = [Known(frozenset({"cert:ab"}), 0), Known(frozenset({"cert:cd"}), 0)]
        found = explain(known, {"cert:ab", "cert:cd"})
        assert (1, 1 / 2, 2) == (found.covered[0], found.similarity[0], found.amount[0])

    def test_two_apps_do_not_explain_together(self) -> None:
        """The same of two apps cover half."""
        known = [Known(frozenset({"cert:ab"}), 0), Known(frozenset({"cert:cd"}), 1)]
        found = explain(known, {"cert:ab", "cert:cd"})
        assert (1 / 2, 1) == (found.covered[0], found.amount[0])

    def test_numbers_of_apps_may_have_gaps(self) -> None:
        """Apps that have no fingerprint are nobody."""
        found = explain([Known(frozenset({"cert:ab"}), 7)], {"cert:ab", "cert:cd"})
        assert 1 / 2 == found.covered[0]


def certificates(*apps: str) -> KnownTogether:
    """Return apps of one fingerprint each, whose certificates are letters."""
    vocabulary = [f"cert:{letter}" for letter in LETTERS]
    sets = Sets.from_iterables([[LETTERS.index(letter) for letter in one] for one in apps])
    each = np.arange(len(apps))
    return KnownTogether(vocabulary, sets, each, [f"{at:02d}" for at in each], each)


class TestPopular:
    """Elements that more than one app has are popular."""

    @pytest.fixture(autouse=True)
    def few(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(resemblance, "_FEW", 1)

    def most(self, known: KnownTogether, letters: str) -> float:
        """Return the largest weight that a fingerprint shares with one app."""
        vocabulary = [f"cert:{letter}" for letter in letters]
        every = Sets.from_iterables([range(len(letters))])
        return float(known.explain(vocabulary, every).amount[0])

    def test_popular_elements_turn_the_best(self) -> None:
        """One element of its own and three shared ones outweigh two of its own."""
        assert 2.5 == self.most(certificates("uv", "wabc", "abc"), "uvwabc")

    def test_popular_elements_of_many_apps_do_not_add_up(self) -> None:
        """One element of its own outweighs three that no app has together."""
        assert 1 == self.most(certificates("u", "a", "a", "b", "b", "c", "c"), "uabc")

    def test_popular_elements_alone(self) -> None:
        """An app that shares nothing else may explain most."""
        assert 1.5 == self.most(certificates("u", "abc", "abc"), "uabc")


class TestScore:
    @pytest.mark.parametrize(
        ("similarity", "covered", "amount", "score"),
        [
            (0.0, 0.0, 0.0, 1.0),
            (1.0, 1.0, 1.0, 0.0),
            (0.25, 0.75, 0.0, 0.5),
            (0.0, 0.5, 0.0, 0.75),
            (0.0, 0.1, PLENTY, 0.5),
            (0.1, 0.1, 3 * PLENTY, 0.25),
            (0.5, 0.9, PLENTY, 0.3),
        ],
    )
    def test_formula(self, similarity: float, covered: float, amount: float, score: float) -> None:
        """The mean of both shares, or the amount where that says more, is explained."""
        shares = (np.array([one], dtype=np.float64) for one in (similarity, covered, amount))
        assert pytest.approx(score) == Explained(ints([0]), *shares).score[0]

    def test_the_same_fingerprint_is_explained(self) -> None:
        """Nothing is left of what is known."""
        assert [0.0] == explain([Known(frozenset({A, C}), 0)], {A, C}).score.tolist()


class TestNothingKnown:
    def check(self, found: Explained) -> None:
        """Check that nothing is explained of one fingerprint."""
        assert [NO_MATCH] == found.nearest.tolist()
        assert ([0.0], [0.0]) == (found.similarity.tolist(), found.covered.tolist())
        assert ([0.0], [1.0]) == (found.amount.tolist(), found.score.tolist())

    def test_no_known_fingerprints(self) -> None:
        """Without known apps all is unexplained."""
        self.check(explain([], {A}))

    def test_no_vocabulary(self) -> None:
        """The same where not even an element is known."""
        known = KnownTogether([], Sets.from_iterables([]), ints([]), [], ints([]))
        self.check(known.explain([A], Sets.from_iterables([[0]])))

    def test_known_fingerprints_without_elements(self) -> None:
        """Known fingerprints that are empty explain nothing."""
        self.check(explain([Known(frozenset(), 0)], {A}))

    def test_unknown_elements_only(self) -> None:
        """A fingerprint of elements that nobody has is like nothing."""
        self.check(explain([Known(frozenset({A}), 0)], {"cert:unknown", "name:un.known"}))

    def test_an_empty_fingerprint(self) -> None:
        """An empty fingerprint is like nothing, not even an empty one."""
        self.check(explain([Known(frozenset({A}), 0), Known(frozenset(), 1)], set()))

    def test_no_fingerprints(self) -> None:
        """No questions have no answers."""
        assert 0 == explain([Known(frozenset({A}), 0)]).score.size


def test_unknown_elements_count_as_unexplained() -> None:
    """An element that nobody knows weighs as much as one of one app."""
    found = explain([Known(frozenset({"cert:ab"}), 0)], {"cert:ab", "cert:unknown"})
    assert (1 / 2, 1 / 2, 1) == (found.similarity[0], found.covered[0], found.amount[0])


class TestTies:
    def test_of_equally_similar_ones_that_of_most_flows_is_nearest(self) -> None:
        """Equal fingerprints of two apps: flows decide."""
        one = frozenset({A})
        found = explain([Known(one, 0, 5), Known(one, 1, 6), Known(one, 2, 5)], one)
        assert [1] == found.nearest.tolist()

    def test_then_that_of_the_lowest_key(self) -> None:
        """Of as many flows the lowest key decides, which the last one has."""
        one = frozenset({A})
        assert [1] == explain([Known(one, 0), Known(one, 1)], one).nearest.tolist()
