"""Fingerprint, the value that the estimators hand out."""

from __future__ import annotations

import copy
import json
import pickle
from dataclasses import FrozenInstanceError, replace
from itertools import permutations
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek import Fingerprint
from tests.core import upstream

MIXED = ["name:b.example", "cert:7f", "[2001:db8::1]:53", "10.0.0.10:443", "10.0.0.9:443"]
IN_ORDER = ("10.0.0.9:443", "10.0.0.10:443", "[2001:db8::1]:53", "cert:7f", "name:b.example")
ADDRESSES = st.ip_addresses().map(str)
PORTS = st.integers(0, 65_535)
ENDPOINTS = st.builds(
    lambda address, port: f"[{address}]:{port}" if ":" in address else f"{address}:{port}",
    ADDRESSES,
    PORTS,
)
WORDS = st.text("abc.-0123456789", min_size=1).filter(lambda text: text.strip(".") == text)
ELEMENTS = st.one_of(ENDPOINTS, WORDS.map("cert:{}".format), WORDS.map("name:{}".format))
FINGERPRINTS = st.builds(Fingerprint, st.frozensets(ELEMENTS), st.integers(0, 9))


class TestSet:
    def test_elements(self) -> None:
        """Elements given in any order and more than once are kept in order, each once."""
        one = Fingerprint(iter([*MIXED, *MIXED]), 3)
        assert (one.elements, one.n_flows) == (IN_ORDER, 3)
        assert (tuple(one), len(one)) == (IN_ORDER, 5)
        assert "cert:7f" in one
        assert "7f" not in one
        assert 7 not in one

    def test_kinds(self) -> None:
        """Destinations, certificates and names are what elements stand for."""
        one = Fingerprint(MIXED)
        assert one.destinations == [["10.0.0.9", 443], ["10.0.0.10", 443], ["2001:db8::1", 53]]
        assert (one.certificates, one.names) == (["7f"], ["b.example"])

    def test_empty(self) -> None:
        """A fingerprint of nothing is empty and false."""
        assert (len(Fingerprint()), Fingerprint().n_flows, bool(Fingerprint())) == (0, 0, False)

    def test_one_text_is_not_elements(self) -> None:
        """A text is not taken for the set of its letters."""
        with pytest.raises(TypeError, match=r"not the text '10\.0\.0\.1:443'"):
            Fingerprint("10.0.0.1:443")

    def test_equal(self) -> None:
        """Equal sets are equal and hash alike, whatever their order and flows."""
        one, other = Fingerprint(MIXED, 3), Fingerprint(MIXED[::-1], 4)
        assert one == other
        assert len({one, other}) == 1
        assert one != Fingerprint(MIXED[1:], 3)
        assert one != set(MIXED)

    def test_frozen(self) -> None:
        """Nothing in it can be changed."""
        with pytest.raises(FrozenInstanceError):
            Fingerprint().n_flows = 3  # type: ignore[misc] # on purpose

    def test_copies(self) -> None:
        """Copies and pickles are equal and have the flows."""
        one = Fingerprint(MIXED, 3)
        pickled = pickle.loads(pickle.dumps(one))  # noqa: S301 - our own bytes
        for other in (copy.copy(one), copy.deepcopy(one), pickled, replace(one)):
            assert (other, other.n_flows) == (one, 3)
        assert repr(one) == f"Fingerprint(elements={IN_ORDER!r}, n_flows=3)"

    def test_in_an_array(self) -> None:
        """NumPy takes fingerprints as values, not as sequences."""
        array = np.array([Fingerprint(MIXED), Fingerprint()])
        assert (array.shape, array.dtype) == ((2,), np.dtype(object))
        assert np.unique(array).tolist() == [Fingerprint(), Fingerprint(MIXED)]


class TestOrder:
    def test_size_then_flows(self) -> None:
        """Larger ones come later, then those of more flows, then those of later elements."""
        order = [
            Fingerprint(n_flows=9),
            Fingerprint(["10.0.0.1:1"], 2),
            Fingerprint(["10.0.0.0:1"], 3),
            Fingerprint(["10.0.0.1:1"], 3),
            Fingerprint(["10.0.0.1:1", "10.0.0.2:1"], 1),
        ]
        for mixed in permutations(order):
            assert [(one, one.n_flows) for one in sorted(mixed)] == [(o, o.n_flows) for o in order]
        assert max(order) > min(order)

    def test_something_else(self) -> None:
        """A fingerprint has no order with anything else."""
        wrong: Any = ("10.0.0.1:1",)
        with pytest.raises(TypeError, match="not supported between"):
            assert Fingerprint() < wrong


class TestDictionary:
    def test_to_dict(self) -> None:
        """The dictionary has upstream's keys and names, and is JSON."""
        expected = {
            "certificates": ["7f"],
            "destinations": [["10.0.0.9", 443], ["10.0.0.10", 443], ["2001:db8::1", 53]],
            "names": ["b.example"],
            "n_flows": 3,
        }
        assert Fingerprint(MIXED, 3).to_dict() == expected
        assert json.loads(json.dumps(expected)) == expected

    @given(FINGERPRINTS)
    def test_there_and_back(self, one: Fingerprint) -> None:
        """What to_dict gives makes the same fingerprint, as JSON too, on the class or on one."""
        text = json.dumps(one.to_dict())
        for back in (
            Fingerprint.from_dict(one.to_dict()),
            Fingerprint().from_dict(json.loads(text)),
        ):
            assert (back, back.n_flows) == (one, one.n_flows)

    @given(FINGERPRINTS)
    def test_there_and_back_through_upstream(self, one: Fingerprint) -> None:
        """Upstream reads the dictionary without its names, and ours reads upstream's."""
        paper = Fingerprint([e for e in one if not e.startswith("name:")], one.n_flows)
        other = upstream.Fingerprint().from_dict(one.to_dict())
        assert sorted(paper.destinations) == other.destinations
        assert paper.certificates == other.certificates
        back = Fingerprint.from_dict(other.to_dict())
        assert (back, back.n_flows) == (paper, one.n_flows)

    def test_what_is_missing_is_empty(self) -> None:
        """Without a key there is nothing of its kind."""
        assert Fingerprint.from_dict({}) == Fingerprint()
        assert Fingerprint.from_dict({"names": ["A.example."]}) == Fingerprint(["name:a.example"])

    def test_as_upstream_holds_it(self) -> None:
        """Serial numbers become text, None is no element, and a pair may be a tuple."""
        holder = {"certificates": [2**70, None], "destinations": [("10.0.0.1", 0)]}
        expected = Fingerprint(["10.0.0.1:0", "cert:1180591620717411303424"])
        assert Fingerprint.from_dict(holder) == expected

    @pytest.mark.parametrize(
        ("key", "value", "message"),
        [
            ("destinations", "10.0.0.1", "destinations is '10.0.0.1'"),
            ("destinations", ["10.0.0.1"], "destinations holds '10.0.0.1'"),
            ("destinations", [["10.0.0.1", "443"]], r"holds \['10.0.0.1', '443'\]"),
            ("destinations", [["10.0.0.1", True]], r"holds \['10.0.0.1', True\]"),
            ("destinations", [["10.0.0.1", 65_536]], r"holds \['10.0.0.1', 65536\]"),
            ("destinations", [["10.0.0.1", -1]], r"holds \['10.0.0.1', -1\]"),
            ("destinations", [["10.0.0.1", 443, 1]], r"holds \['10.0.0.1', 443, 1\]"),
            ("destinations", [["cert", 1]], r"holds \['cert', 1\]"),
            ("destinations", [["[10.0.0.1", 1]], r"holds \['\[10.0.0.1', 1\]"),
            ("destinations", [["\x1b[31m", 1]], r"holds \['\\x1b\[31m', 1\]"),
            ("destinations", [None], "destinations holds None"),
            ("certificates", None, "certificates is None"),
            ("certificates", [True], "certificates holds True"),
            ("certificates", [1.5], "certificates holds 1.5"),
            ("certificates", [""], "certificates holds ''"),
            ("certificates", ["a\nb"], r"certificates holds 'a\\nb'"),
            ("names", {"a": 1}, "names is {'a': 1}"),
            ("names", [7], "names holds 7"),
            ("names", ["."], "names holds '.'"),
            ("n_flows", -1, "n_flows is -1"),
            ("n_flows", True, "n_flows is True"),
            ("n_flows", 2.0, "n_flows is 2.0"),
            ("n_flows", 1 << 62, "n_flows is 46116860184"),
            ("n_flows", None, "n_flows is None"),
        ],
    )
    def test_what_is_wrong(self, key: str, value: object, message: str) -> None:
        """A value of another type or range is named with its key."""
        with pytest.raises(ValueError, match=message):
            Fingerprint.from_dict({key: value})


class TestBesideUpstream:
    @given(FINGERPRINTS, FINGERPRINTS)
    def test_compare(self, one: Fingerprint, other: Fingerprint) -> None:
        """The similarity is upstream's, the same number, and does not depend on who asks."""
        expected = theirs(one).compare(theirs(other))
        assert one.compare(other) == other.compare(one) == expected

    @given(FINGERPRINTS, st.lists(FINGERPRINTS, max_size=3))
    def test_merge(self, one: Fingerprint, others: list[Fingerprint]) -> None:
        """The union has the elements and the sum of the flows, as upstream's."""
        merged, expected = one.merge(*others), theirs(one).merge(*map(theirs, others))
        assert theirs(merged) == expected
        assert merged.n_flows == expected.n_flows

    @given(FINGERPRINTS, FINGERPRINTS)
    def test_less(self, one: Fingerprint, other: Fingerprint) -> None:
        """What comes before another in upstream's order does so in ours."""
        if theirs(one) < theirs(other):
            assert one < other
        elif theirs(other) < theirs(one):
            assert other < one


def theirs(one: Fingerprint) -> Any:
    """Return a fingerprint as upstream's, whose certificates are our certificates and names."""
    words = [element for element in one if element.startswith(("cert:", "name:"))]
    return upstream.Fingerprint().from_dict(one.to_dict() | {"certificates": words})
