"""Ways to name an app and to tell that one was never seen."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.analysis.items import Items
from flowprint_zeek.analysis.methods import (
    Judged,
    PlainJaccard,
    Resemblance,
    distinct_fingerprints,
    picked_label,
)
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.elements import fingerprint_id
from flowprint_zeek.core.matching import NO_MATCH

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from flowprint_zeek.analysis.methods import Method

LABELS = ["chat", "mail", "news", "maps"]
TEN = [f"cert:{at}" for at in range(10)]


def labelled(*fingerprints: tuple[Sequence[str], str, int]) -> Items:
    """Return fingerprints of elements, label and flows."""
    rows = ((elements, label, n_flows, 0) for elements, label, n_flows in fingerprints)
    return Items.of(rows, sorted(LABELS))


def judge(method: Method, train: Items, *tested: Iterable[str]) -> tuple[list[str], Judged]:
    """Return the label that each fingerprint is given, "" for none, and what the method said."""
    method.fit(train)
    judged = method.judge(labelled(*((list(one), "news", 1) for one in tested)))
    return [[*sorted(LABELS), ""][at] for at in judged.label], judged


class TestPlainJaccard:
    def test_the_threshold_itself_is_known(self) -> None:
        """One of ten elements is 0.1 similar, and known; one of eleven is not."""
        method, train = PlainJaccard(), labelled((TEN, "mail", 1))
        labels, judged = judge(method, train, TEN[:1], [TEN[0], "cert:new"])
        assert ["mail", "mail"] == labels
        assert [1 - 1 / 10, 1 - 1 / 11] == judged.score.tolist()
        assert [False, True] == (judged.score >= method.threshold).tolist()

    def test_hardly_below_the_threshold(self) -> None:
        """200 of 2001 elements are too few."""
        method, many = PlainJaccard(), [f"cert:{at}" for at in range(2000)]
        _, judged = judge(method, labelled((many, "mail", 1)), [*many[:200], "cert:new"])
        assert [True] == (judged.score >= method.threshold).tolist()

    @pytest.mark.parametrize("shared", range(1, 10))
    def test_any_threshold_is_known(self, shared: int) -> None:
        """What is as similar as the threshold is known, whatever that is."""
        method = PlainJaccard(shared / 10)
        _, judged = judge(method, labelled((TEN, "mail", 1)), TEN[:shared], TEN[: shared - 1])
        assert [False, True] == (judged.score >= method.threshold).tolist()

    def test_nothing_shared(self) -> None:
        """What shares nothing has no label and is as unseen as can be."""
        labels, judged = judge(PlainJaccard(), labelled((TEN, "mail", 1)), ["cert:new"])
        assert ([""], [1.0]) == (labels, judged.score.tolist())

    def test_every_element_counts_the_same(self) -> None:
        """Popular ones too, and networks do not count."""
        train = labelled((["192.0.2.1:443", "cert:a"], "mail", 1), (["cert:a"], "chat", 1))
        labels, judged = judge(PlainJaccard(), train, ["192.0.2.2:443", "cert:a"])
        assert (["chat"], [1 / 2]) == (labels, judged.score.tolist())


class TestResemblance:
    def test_known_and_unseen(self) -> None:
        """What an app was seen with is its own, what nobody was seen with is nobody's."""
        train = labelled((TEN[:3], "mail", 1), (TEN[4:7], "chat", 1))
        method = Resemblance()
        labels, judged = judge(method, train, TEN[:3], TEN[4:7], ["cert:new"])
        assert ["mail", "chat", ""] == labels
        assert [0.0, 0.0, 1.0] == judged.score.tolist()
        assert [False, False, True] == (judged.score >= method.threshold).tolist()

    def test_popular_elements_count_less(self) -> None:
        """The app of the rare element is named, though another shares more elements."""
        shared = ["cert:ads", "cert:cdn", "cert:dns"]
        train = labelled(
            ([*shared, "cert:m"], "mail", 1), (shared, "chat", 9), (shared[:2], "news", 9)
        )
        assert ["mail"] == judge(Resemblance(), train, [*shared[:2], "cert:m"])[0]

    def test_the_threshold(self) -> None:
        """A fingerprint is unseen from the threshold on."""
        assert 0.25 == Resemblance(0.25).threshold


@pytest.mark.parametrize("method", [PlainJaccard(), Resemblance()], ids=lambda one: one.name)
class TestBoth:
    def test_training_forgets_what_was_before(self, method: Method) -> None:
        """A method knows what it was trained on last."""
        judge(method, labelled((TEN, "mail", 1)), TEN)
        assert [""] == judge(method, labelled((["cert:new"], "chat", 1)), TEN)[0]

    def test_equal_fingerprints_have_the_label_of_most_flows(self, method: Method) -> None:
        """Of two apps with one fingerprint that of more flows is named."""
        train = labelled((TEN, "chat", 1), (TEN, "mail", 3), (TEN, "chat", 1))
        assert ["mail"] == judge(method, train, TEN)[0]

    def test_of_equally_similar_ones_that_of_most_flows_is_named(self, method: Method) -> None:
        """All flows of a fingerprint count, not only those of its label."""
        train = labelled(
            (["cert:a", "cert:x"], "chat", 4),
            (["cert:a", "cert:y"], "mail", 3),
            (["cert:a", "cert:y"], "news", 2),
        )
        assert ["mail"] == judge(method, train, ["cert:a"])[0]

    def test_then_that_of_the_lowest_id(self, method: Method) -> None:
        """Of as many flows the id decides, not the order."""
        pairs = [["cert:a", f"cert:{at}"] for at in range(4)]
        expected = min(range(4), key=lambda at: fingerprint_id(pairs[at]))
        rows = [(pair, label, 1) for pair, label in zip(pairs, LABELS, strict=True)]
        for one in (rows, rows[::-1]):
            assert [LABELS[expected]] == judge(method, labelled(*one), ["cert:a"])[0]

    def test_nothing_to_judge(self, method: Method) -> None:
        """No fingerprints have no answers."""
        assert [] == judge(method, labelled((TEN, "mail", 1)))[0]

    def test_nothing_to_learn(self, method: Method) -> None:
        """Who knows nothing takes all for unseen."""
        labels, judged = judge(method, labelled(), TEN)
        assert ([""], [1.0]) == (labels, judged.score.tolist())


class TestDistinct:
    def test_each_once_with_all_its_flows(self) -> None:
        """Equal fingerprints are one, in the order they come first."""
        items = labelled((TEN[:2], "mail", 2), (TEN[5:], "chat", 1), (TEN[:2], "mail", 3))
        found = distinct_fingerprints(items)
        words = [{items.vocabulary[code] for code in one} for one in found.sets.lists()]
        assert [set(TEN[:2]), set(TEN[5:])] == words
        assert [5, 1] == found.n_flows.tolist()

    @pytest.mark.parametrize(
        ("flows", "label"),
        [({"mail": 3, "chat": 2}, "mail"), ({"mail": 2, "chat": 2}, "chat"), ({"news": 1}, "news")],
    )
    def test_the_label_of_most_flows(self, flows: dict[str, int], label: str) -> None:
        """Ties go to the first label in order."""
        found = distinct_fingerprints(labelled(*((TEN, one, n) for one, n in flows.items())))
        assert [label] == [sorted(LABELS)[at] for at in found.label]

    def test_a_label_of_many_small_ones_beats_one_large(self) -> None:
        """Flows are counted, not fingerprints, and add up."""
        rows = [(TEN, "chat", 3), (TEN, "mail", 2), (TEN, "mail", 2)]
        assert [1] == distinct_fingerprints(labelled(*rows)).label.tolist()

    @given(
        st.lists(st.tuples(st.frozensets(st.integers(0, 3)), st.integers(0, 3), st.integers(0, 3)))
    )
    def test_as_counted_slowly(self, rows: list[tuple[frozenset[int], int, int]]) -> None:
        """Labels, flows and keys are those of counting one by one."""
        words = ["name:a", "192.0.2.9:443", "cert:a", "9.0.0.2:443"]
        sets = [tuple(words[code] for code in sorted(one)) for one, *_ in rows]
        items = labelled(
            *((one, sorted(LABELS)[row[1]], row[2]) for one, row in zip(sets, rows, strict=True))
        )
        found = distinct_fingerprints(items)
        flows: dict[tuple[str, ...], list[int]] = {}
        for one, (_, label, n_flows) in zip(sets, rows, strict=True):
            flows.setdefault(one, [0] * len(LABELS))[label] += n_flows
        assert [fingerprint_id(one) for one in flows] == found.keys
        assert [sum(one) for one in flows.values()] == found.n_flows.tolist()
        # A label of no flows wins nothing over one that the fingerprint has.
        assert all(
            one[label] == max(one) for one, label in zip(flows.values(), found.label, strict=True)
        )
        assert flows.keys() == {
            tuple(sorted((items.vocabulary[code] for code in one), key=words.index))
            for one in found.sets.lists()
        }


def test_a_label_for_no_match() -> None:
    """Where there is no match there is no label."""
    found = picked_label(ints([7, 5]), np.array([1, NO_MATCH, 0]))
    assert [5, NO_MATCH, 7] == found.tolist()
