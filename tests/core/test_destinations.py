"""Elements that flows tie together."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.core.destinations import encode, network_destinations
from flowprint_zeek.core.flows import Flow, flow_table

if TYPE_CHECKING:
    import pandas as pd

PROXY = "192.0.2.9:3128"


def table(*flows: tuple[str | None, str], proxied: bool | None) -> pd.DataFrame:
    """Return flows to one endpoint with their certificates and names."""
    made = [Flow("192.0.2.9", 3128, (1.0,), cert, name) for cert, name in flows]
    found = flow_table(made)
    return found if proxied is None else found.assign(proxied=proxied)


def destinations(flows: pd.DataFrame, scheme: str) -> set[tuple[str, ...]]:
    words = encode(flows, scheme)
    size = len(words.vocabulary)
    found = network_destinations(
        flows["start"].to_numpy() * 0, words.primary, words.secondary, size
    )
    owners = dict.fromkeys(found.owner.tolist())
    pairs = list(zip(found.owner.tolist(), found.element.tolist(), strict=True))
    return {tuple(words.vocabulary[code] for at, code in pairs if at == own) for own in owners}


@pytest.mark.parametrize("proxied", [None, False])
def test_an_endpoint_ties_certificates_together(*, proxied: bool | None) -> None:
    """As in the paper, with or without the column that tells proxies."""
    flows = table(("1", ""), ("2", ""), (None, ""), proxied=proxied)
    assert destinations(flows, "paper") == {(PROXY, "cert:1", "cert:2")}


def test_a_proxy_ties_nothing_together() -> None:
    """Its endpoint is an element of flows without certificate only."""
    flows = table(("1", ""), ("2", ""), (None, ""), proxied=True)
    assert destinations(flows, "paper") == {("cert:1",), ("cert:2",), (PROXY,)}
    assert destinations(flows.iloc[:2], "paper") == {("cert:1",), ("cert:2",)}


def test_names_tie_nothing_together_anyway() -> None:
    """The name replaces the endpoint, of a proxy or not."""
    flows = table(("1", "a.example"), ("2", "b.example"), ("3", ""), proxied=True)
    assert destinations(flows, "names") == {("name:a.example",), ("name:b.example",), (PROXY,)}
