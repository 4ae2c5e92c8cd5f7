"""Tokens: what of a flow is its word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.analysis.flow2vec.choices import FIELDS, PRESETS
from flowprint_zeek.analysis.flow2vec.tokens import Scheme
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Mapping

FLOW = {
    "device": "7/10.0.0.1",
    "orig_h": "10.0.0.1",
    "orig_p": 50_000,
    "server": "192.0.2.7",
    "resp_h": "192.0.2.7",
    "resp_p": 443,
    "proto": "tcp",
    "name": "",
    "label": "malware",
}


def tokens(text: str, *flows: Mapping[str, object]) -> list[str]:
    code, found = Scheme.parse(text).tokens(pd.DataFrame([FLOW | dict(one) for one in flows]))
    return [found[at] for at in code.tolist()]


def test_the_documents_token_is_a_preset() -> None:
    """Source, destination, port and protocol, in the order of the document."""
    assert tokens("flow", {}) == ["10.0.0.1,192.0.2.7,443,tcp"]


def test_a_destination_is_free_of_its_device() -> None:
    """Flows of two devices to one service have one token."""
    assert len(set(tokens("destination", {}, {"orig_h": "10.0.0.2", "device": "10.0.0.2"}))) == 1


def test_an_element_is_the_name_else_the_endpoint() -> None:
    """Where a name is told, address and port do not count."""
    named = {"name": "www.example.com"}
    elsewhere = named | {"resp_h": "192.0.2.8", "resp_p": 80}
    assert tokens("element", {}, named, elsewhere) == [
        "192.0.2.7:443",
        "name:www.example.com",
        "name:www.example.com",
    ]
    assert tokens("domain", {}, named) == ["net:192.0.2.0/24:443", "domain:example.com"]


def test_any_fields_make_a_token() -> None:
    """Every field can be chosen, in any order; a name that is not told is a dash."""
    values = dict(zip(FIELDS, tokens(",".join(FIELDS), {})[0].split(","), strict=True))
    assert values == {
        "src": "10.0.0.1",
        "sport": "50000",
        "dst": "192.0.2.7",
        "dport": "443",
        "proto": "tcp",
        "device": "7/10.0.0.1",
        "name": "-",
        "element": "192.0.2.7:443",
        "domain": "net:192.0.2.0/24:443",
    }


def test_a_label_is_no_field() -> None:
    """What a flow is said to be cannot be part of its token."""
    with pytest.raises(UsageError, match="not 'label'"):
        Scheme.parse("dst,label")


@pytest.mark.parametrize("preset", PRESETS)
def test_a_label_does_not_change_a_token(preset: str) -> None:
    """Flows that differ in their labels only have one token."""
    assert len(set(tokens(preset, {"label": "a"}, {"label": "b"}))) == 1


@pytest.mark.parametrize("text", ["", "dst,dst", "dst,,proto", "Dst"])
def test_wrong_fields_are_refused(text: str) -> None:
    """Fields that are unknown, twice or none are an error of the option."""
    with pytest.raises(UsageError, match="--tokens must"):
        Scheme.parse(text)


@given(st.text(), st.text())
def test_values_cannot_forge_another_token(src: str, proto: str) -> None:
    """Whatever traffic says, a token has as many parts as fields and is printable ASCII."""
    (found,) = tokens("src,proto", {"orig_h": src, "proto": proto})
    assert found.count(",") == 1
    assert found.isascii()
    assert found.isprintable()
