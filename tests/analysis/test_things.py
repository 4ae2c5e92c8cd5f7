"""Simulated things, which always do the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.network import Network
from flowprint_zeek.analysis.simulate import simulate

if TYPE_CHECKING:
    import pandas as pd

NETWORK = Network(seed=1, devices=14, apps=2, servers=1, things=12, browsers=0, days=2)


@pytest.fixture(scope="module")
def flows() -> pd.DataFrame:
    """Return the connections of things with the names they go to."""
    simulated = simulate(NETWORK)
    conn = simulated.conn.merge(simulated.labels, on="uid").query("label == 'thing'")
    return conn.merge(simulated.ssl[["uid", "server_name"]], on="uid", how="left")


def test_things_have_few_destinations(flows: pd.DataFrame) -> None:
    """Each thing talks to at most three names of one maker and one controller."""
    assert flows["id.orig_h"].nunique() == NETWORK.things
    maker = flows["server_name"].str.split(".").str[1]
    assert maker.groupby(flows["id.orig_h"]).nunique().max() == 1
    assert flows.groupby("id.orig_h")["server_name"].nunique().max() <= 3
    polled = flows[flows["service"] == "modbus"]
    assert polled.groupby("id.orig_h")["id.resp_h"].nunique().max() == 1
    assert polled["local_resp"].eq(1).all()


def test_things_do_the_same_all_day(flows: pd.DataFrame) -> None:
    """Each talks to its maker about four times an hour, at night as by day."""
    often = flows[flows["server_name"].str.startswith("ingest.", na=False)]
    hours = (often["ts"] - NETWORK.start) // 3_600_000_000
    for _, of_one in hours.groupby(often["id.orig_h"]):
        assert of_one.nunique() > 44
        assert of_one.value_counts().max() < 9


def test_things_stay_where_they_are(flows: pd.DataFrame) -> None:
    """They keep their addresses, however often others change theirs."""
    network = Network(
        *(1, 14, 2, 3), servers=1, things=12, browsers=0, unseen_apps=0, address_change_share=1.0
    )
    simulated = simulate(network)
    own = simulated.conn[simulated.labels["label"] == "thing"]
    assert set(own["id.orig_h"]) == set(flows["id.orig_h"])
