"""The TLS clients of simulated devices."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.clients import RELEASE_DAYS
from flowprint_zeek.analysis.network import Network
from flowprint_zeek.analysis.simulate import Simulated, simulate

if TYPE_CHECKING:
    import pandas as pd

NETWORK = Network(seed=4, devices=40, apps=40, days=1, browsers=12, servers=2, things=8)
NO_APP = {"background", "browser", "dns", "scan", "server", "thing"}


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate(NETWORK)


@pytest.fixture(scope="module")
def flows(simulated: Simulated) -> pd.DataFrame:
    """Return ssl.log with labels."""
    return simulated.ssl.merge(simulated.labels, on="uid", validate="one_to_one")


def clients(flows: pd.DataFrame, *labels: str) -> set[str]:
    return set(flows.loc[flows["label"].isin(labels), "ja4"])


def of_apps(flows: pd.DataFrame) -> pd.DataFrame:
    return flows[~flows["label"].isin(NO_APP)]


def test_fingerprints_look_like_ja4(flows: pd.DataFrame, simulated: Simulated) -> None:
    """Transport, version, name, numbers, protocol and two hashes; QUIC begins with q."""
    form = re.compile(r"[tq]13d[01][0-9][01][0-9]h[23]_[0-9a-f]{12}_[0-9a-f]{12}")
    assert flows["ja4"].map(lambda text: form.fullmatch(text) is not None).all()
    quic = set(simulated.conn.loc[simulated.conn["proto"] == "udp", "uid"])
    assert (flows["ja4"].str.startswith("q") == flows["uid"].isin(quic)).all()


def test_apps_have_clients_of_their_own_and_shared_ones(flows: pd.DataFrame) -> None:
    """About a third of the flows of apps go through what their system lends them."""
    apps = of_apps(flows)
    lent = apps["ja4"].isin(clients(flows, "background"))
    assert 0.2 < lent.mean() < 0.45
    users = apps[~lent].groupby("ja4")["label"].nunique()
    assert (users == 1).sum() > 30
    # libraries, and browsers that desktop apps are made of
    assert (users > 1).sum() > 3


def test_an_app_talks_to_a_destination_with_one_client(flows: pd.DataFrame) -> None:
    """On one device the same code of an app talks to a destination, each time."""
    apps = of_apps(flows)
    tcp = apps[apps["ja4"].str.startswith("t")]
    held = tcp.groupby(["id.orig_h", "label", "server_name"])["ja4"].nunique()
    assert (held == 1).all()


def test_a_browser_is_one_client_of_a_device(flows: pd.DataFrame) -> None:
    """There are a few brands and releases, and each device has one at a time."""
    browsed = flows[(flows["label"] == "browser") & flows["ja4"].str.startswith("t")]
    assert 2 <= browsed["ja4"].nunique() <= 8
    assert browsed.groupby("id.orig_h")["ja4"].nunique().max() <= 2


def test_desktop_apps_can_be_browsers_inside(flows: pd.DataFrame) -> None:
    """Some apps show a browser's client, and no phone does for an app."""
    apps = of_apps(flows)
    inside = apps[apps["ja4"].isin(clients(flows, "browser"))]
    assert 0 < inside["label"].nunique() < 0.3 * apps["label"].nunique()
    number = inside["id.orig_h"].map(lambda address: int(address.split(".")[3]) - 2)
    assert ((number < NETWORK.browsers) | (number % 5).isin([0, 2])).all()


def test_things_show_their_makers_client(flows: pd.DataFrame) -> None:
    """Each maker has a client that nothing else shows."""
    things = flows[flows["label"] == "thing"]
    others = set(flows.loc[flows["label"] != "thing", "ja4"])
    assert not set(things["ja4"]) & others
    maker = things["server_name"].str.split(".").str[1]
    tcp = things["ja4"].str.startswith("t")
    assert things[tcp].groupby(maker[tcp])["ja4"].nunique().max() == 1


def test_browsers_are_updated() -> None:
    """Within the days between two releases and those to install it, each device has a new one."""
    network = Network(
        *(5, 3, 1, RELEASE_DAYS + 8), servers=0, browsers=3, unseen_apps=0, activity=0.2
    )
    simulated = simulate(network)
    browsed = simulated.ssl.merge(simulated.labels, on="uid").query("label == 'browser'")
    tcp = browsed[browsed["ja4"].str.startswith("t")]
    assert tcp["ja4"].iloc[0] not in set(tcp["ja4"].iloc[-50:])


def test_without_client_fingerprints_there_is_no_column() -> None:
    """ssl.log is then a stock Zeek's."""
    network = Network(days=0.05, devices=2, client_fingerprints=False)
    assert "ja4" not in simulate(network).ssl
