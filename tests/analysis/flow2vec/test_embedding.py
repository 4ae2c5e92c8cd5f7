"""Embeddings: what is near to what."""

from __future__ import annotations

import pytest

from flowprint_zeek.analysis.flow2vec.nearest import Places
from flowprint_zeek.analysis.flow2vec.tokens import Scheme
from flowprint_zeek.errors import ModelError, UsageError
from flowprint_zeek.known import KnownApp
from tests.analysis.flow2vec.small import SMALL, embedding

MODEL = embedding([[2, 0], [0.7, 0.7], [0, 5], [-1, 0], [0.9, 0.1]])


def test_similar_is_by_cosine() -> None:
    """Directions count, lengths do not; the token itself is no answer."""
    found = MODEL.similar(["a"])
    assert [name for name, _ in found] == ["e", "b", "c", "d"]
    assert [round(cosine, 3) for _, cosine in found] == [0.994, 0.707, 0.0, -1.0]


def test_several_tokens_ask_by_their_mean() -> None:
    """Each counts alike, whatever its length."""
    assert MODEL.similar(["a", "c"], 1)[0][0] == "b"


def test_no_more_answers_than_tokens() -> None:
    """Asking for many gives all others."""
    assert len(MODEL.similar(["a"], 99)) == 4


def test_ties_are_in_the_order_of_the_vocabulary() -> None:
    """Equal tokens come in the same order in every run."""
    model = embedding([[1, 0], [1, 1], [1, 1], [1, 1]])
    assert [name for name, _ in model.similar(["a"])] == ["b", "c", "d"]


def test_a_vector_of_nothing_is_near_to_nothing() -> None:
    """A token that was never moved has no direction, and breaks nothing."""
    model = embedding([[0, 0], [1, 1]])
    assert model.similar(["a"]) == [("b", 0.0)]


def test_an_unknown_token_is_an_error() -> None:
    """The text is named, with tokens that hold it, or what tokens look like."""
    model = embedding([[1, 0]] * 7, [f"192.0.2.{n},53,udp" for n in range(7)])
    with pytest.raises(
        UsageError, match=r"no token '192.0.2' in the model; these hold it: 192.0.2.0"
    ):
        model.similar(["192.0.2"])
    with pytest.raises(UsageError, match=r"its 7 tokens are dst,dport,proto, such as 192.0.2.0,53"):
        model.similar(["example.com"])


def test_the_label_of_a_token_is_that_of_most_flows() -> None:
    """Ties go to the first by name; without labels it is empty."""
    model = embedding([[1, 0]] * 3, labels={"a": {"x": 1, "w": 2}, "b": {"y": 1, "x": 1}})
    assert [model.label(token) for token in "abc"] == ["w", "x", ""]


# Known apps

ELEMENTS = embedding(
    [[1, 0, 0], [0.9, 0.1, 0], [0, 1, 0], [0, 0.9, 0.1], [0, 0, 1]],
    ["name:c1", "name:c2", "name:m1", "name:m2", "192.0.2.1:53"],
    settings=SMALL.__class__(Scheme.parse("element")),
)
RESOLVER = "192.0.2.1:53"
KNOWN = [
    ("c0de", KnownApp(("name:c1", RESOLVER))),
    ("beef", KnownApp(("name:m1", RESOLVER))),
    ("0000", KnownApp(("name:not-met",))),
]


def test_known_apps_are_near_where_their_elements_are() -> None:
    """The app whose element keeps the company of the new one comes first."""
    near = Places(ELEMENTS, KNOWN).near(["name:m2", "name:new"])
    assert [one.id for one in near.apps] == ["beef", "c0de"]
    assert (near.placed, near.unplaced) == (("name:m2",), ("name:new",))
    assert near.destinations[0][0] == "name:m1"


def test_what_all_apps_have_says_little() -> None:
    """The resolver weighs half as much in an app as what the app has alone."""
    (first, second) = Places(ELEMENTS, KNOWN).near(["name:c2"]).apps
    assert first.id == "c0de"
    assert first.cosine == pytest.approx(0.9 / 0.82**0.5 * (1 / 1.25**0.5), abs=1e-5)
    assert second.cosine < 0.2


def test_nothing_is_near_what_has_no_vector() -> None:
    """Destinations that training has not met are told, and nothing is guessed."""
    near = Places(ELEMENTS, KNOWN).near(["name:new"])
    assert (near.placed, near.unplaced, near.apps, near.destinations) == ((), ("name:new",), (), ())


def test_apps_need_tokens_that_are_elements() -> None:
    """A model of other tokens is refused by what they are."""
    with pytest.raises(ModelError, match="has tokens of dst,dport,proto"):
        Places(MODEL, KNOWN)
