"""Elements as fingerprint files say them, each distinct one checked once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.core.elements import sort_key
from flowprint_zeek.core.fingerprint import Fingerprint
from flowprint_zeek.stored import _Elements, apps_of

if TYPE_CHECKING:
    from collections.abc import Callable

SCALARS: list[object] = [None, True, False, 0, 1, 1.0, 443, 443.0, "", "a", "A", "ab", "1"]
ODD: st.SearchStrategy[object] = st.sampled_from([*SCALARS, [], {}, {"a": 1, "b": 2}])
DESTINATIONS = st.tuples(st.sampled_from(["192.0.2.1", "::1", "a", 1]), ODD).map(list)
VALUES = st.one_of(ODD, DESTINATIONS, st.lists(ODD, max_size=3))
KEYS = st.sampled_from(["destinations", "certificates", "names"])
HOLDERS = st.dictionaries(KEYS, st.one_of(st.lists(VALUES, max_size=2), ODD))


def answer(holder: dict[str, Any], read: Callable[[dict[str, Any]], set[str]]) -> set[str] | None:
    """Return the elements of a fingerprint, None where it is refused."""
    try:
        return read(holder)
    except ValueError:
        return None


@given(st.lists(HOLDERS, max_size=8))
def test_what_was_read_before_changes_nothing(holders: list[dict[str, Any]]) -> None:
    """What is taken and what is refused is that of each fingerprint alone."""
    known = _Elements()
    for holder in holders:
        alone = answer(holder, lambda one: set(Fingerprint.from_dict(one).elements))
        assert alone == answer(holder, known.of)


@pytest.mark.parametrize(
    ("first", "then", "message"),
    [
        ({"destinations": [["a", 443]]}, {"destinations": [["a", 443.0]]}, r"\['a', 443.0\]"),
        ({"destinations": [["a", 1]]}, {"destinations": [["a", True]]}, r"\['a', True\]"),
        ({"certificates": [1]}, {"certificates": [True]}, "certificates holds True"),
        ({"certificates": ["a"]}, {"names": [["a"]]}, r"names holds \['a'\]"),
        ({"names": ["a", "b"]}, {"names": "ab"}, "names is 'ab'"),
        ({"destinations": [["a", 1]]}, {"destinations": ["a1"]}, "destinations holds 'a1'"),
    ],
)
def test_what_is_like_something_known_is_refused(
    first: dict[str, Any], then: dict[str, Any], message: str
) -> None:
    """Python's equalities between types are no licence, and the message names the value."""
    known = _Elements()
    known.of(first)
    with pytest.raises(ValueError, match=message):
        known.of(then)


def test_a_value_under_two_keys_is_two_elements() -> None:
    """A name and a certificate of the same letters are not confused."""
    known = _Elements()
    assert {"name:ab"} == known.of({"names": ["ab"]})
    assert {"cert:ab"} == known.of({"certificates": ["ab"]})


def test_no_certificate_is_no_element() -> None:
    """Upstream writes None where a flow has no certificate."""
    assert {"cert:a"} == _Elements().of({"certificates": [None, "a"]})


def test_elements_are_in_canonical_order() -> None:
    """However a file orders them, by what it has of them all or not."""
    elements = {"name:b", "name:a", "cert:c", "10.0.0.9:443", "9.0.0.1:443", "[::1]:443"}
    holders = [Fingerprint(elements).to_dict(), Fingerprint(list(elements)[:3]).to_dict()]
    for holder in holders:
        for values in holder.values():
            if isinstance(values, list):
                values.reverse()
    for app, expected in zip(
        apps_of([[holder, None] for holder in holders], None),
        (elements, list(elements)[:3]),
        strict=True,
    ):
        assert tuple(sorted(expected, key=sort_key)) == app.elements
