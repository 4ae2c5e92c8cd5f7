"""dns.log and http.log of simulated connections."""

from __future__ import annotations

import pandas as pd
import pytest

from flowprint_zeek.analysis.network import Network
from flowprint_zeek.analysis.simulate import Simulated, simulate
from flowprint_zeek.core.flows import SECOND

NETWORK = Network(seed=6, devices=8, apps=16, days=0.6, browsers=2, things=2)


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate(NETWORK)


def told(simulated: Simulated, kind: str) -> pd.DataFrame:
    """Return a log with its rows of conn."""
    rows: pd.DataFrame = getattr(simulated, kind)
    both = rows.merge(simulated.conn, on="uid", suffixes=("", "_conn"), validate="one_to_one")
    assert len(both) == len(rows)
    return both


def test_every_lookup_is_a_connection_to_the_resolver(simulated: Simulated) -> None:
    """dns.log has a row for each question to the resolver, in order, with its connection's ids."""
    both = told(simulated, "dns")
    asked = simulated.conn["id.resp_h"].eq("10.20.0.1") & simulated.conn["id.resp_p"].eq(53)
    assert len(both) == asked.sum()
    assert both["ts"].is_monotonic_increasing
    assert both["ts"].eq(both["ts_conn"]).all()
    assert both["id.orig_p"].eq(both["id.orig_p_conn"]).all()
    assert both["query"].ne("").all()


def test_only_questions_for_ipv4_are_answered(simulated: Simulated) -> None:
    """An A question has addresses, each with a lifetime; an AAAA question has none."""
    dns = simulated.dns
    ipv4 = dns["qtype_name"] == "A"
    assert 0.5 < ipv4.mean() < 0.8
    assert dns.loc[ipv4, "answers"].map(len).between(1, 4).all()
    assert not dns.loc[~ipv4, "answers"].map(len).any()
    assert dns["answers"].map(len).tolist() == dns["TTLs"].map(len).tolist()


def test_devices_connect_to_what_they_were_told(simulated: Simulated) -> None:
    """Nearly every TLS connection goes to an address that its device got for the name before."""
    dns = simulated.dns[simulated.dns["qtype_name"] == "A"].explode("answers")
    first = dns.groupby(["id.orig_h", "query", "answers"])["ts"].min()
    ssl = simulated.ssl[simulated.ssl["id.orig_h"].str.startswith("10.20.")]
    keys = ssl[["id.orig_h", "server_name", "id.resp_h"]]
    inside = keys["id.resp_h"].str.startswith("10.")
    before = first.reindex(pd.MultiIndex.from_frame(keys[~inside])).to_numpy()
    # an address may change while an answer is still kept
    assert (before < ssl.loc[~inside, "ts"].to_numpy()).mean() > 0.98


def test_answers_are_kept_for_their_time(simulated: Simulated) -> None:
    """A device does not ask for a name twice in much less than the lifetime of the answer."""
    dns = simulated.dns[simulated.dns["qtype_name"] == "A"]
    held = dns["TTLs"].map(lambda ttl: float(ttl[0]) * SECOND)
    waited = dns.groupby(["id.orig_h", "query"])["ts"].diff()
    assert (waited.dropna() > held[waited.notna()] * 0.5).mean() > 0.7


def test_plain_http_has_a_request(simulated: Simulated) -> None:
    """Each answered HTTP connection has one row, inside it, for its name or the bare address."""
    both = told(simulated, "http")
    plain = simulated.conn["service"] == "http"
    assert len(both) == plain.sum() > 50
    assert both["ts"].is_monotonic_increasing
    assert (both["ts"] <= both["ts_conn"] + both["duration"]).all()
    named = both["host"] != both["id.resp_h"]
    assert 0 < named.sum() < len(both)
    assert both.loc[named, "host"].str.endswith(".example").all()
