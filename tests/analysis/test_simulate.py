from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from flowprint_zeek.analysis.archive import columns_of
from flowprint_zeek.analysis.network import DAY, HOUR
from flowprint_zeek.analysis.simulate import Logs, Network, Simulated, Simulation, simulate
from flowprint_zeek.analysis.wire import log_times
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.zeek.columns import UNSET

if TYPE_CHECKING:
    from flowprint_zeek.core.arrays import Ints

SMALL = Network(seed=7, devices=5, apps=8, days=0.75, unseen_apps=3)
NO_APP = {"background", "browser", "dns", "scan", "server", "thing"}


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate(SMALL)


def labelled(simulated: Simulated) -> pd.DataFrame:
    return simulated.conn.merge(simulated.labels, on="uid", validate="one_to_one")


def ends(conn: pd.DataFrame) -> Ints:
    duration = conn["duration"].to_numpy()
    lasted: Ints = conn["ts"].to_numpy() + np.where(duration == UNSET, 0, duration)
    return lasted


# Seeds


def test_other_seeds_give_other_networks(simulated: Simulated) -> None:
    """Another seed shares no connection, app order or address with this one."""
    other = simulate(replace(SMALL, seed=8))
    assert not set(simulated.conn["uid"]) & set(other.conn["uid"])
    assert simulated.known["app"].tolist() != other.known["app"].tolist()


def test_a_day_does_not_depend_on_the_days_after_it() -> None:
    """A longer network with the same seed has the same rows of unplanted traffic before."""
    short = Network(seed=3, devices=4, apps=6, days=1, unseen_from=0.5, unseen_apps=0)
    early = short.end - 600 * SECOND

    def rows(network: Network) -> pd.DataFrame:
        conn = simulate(network).conn
        # what is still open at the end of the shorter one is cut there
        return conn[ends(conn) < early].sort_values("uid", ignore_index=True)

    whole, part = rows(replace(short, days=2)), rows(short)
    assert len(part) > 500
    pd.testing.assert_frame_equal(part, whole)


def test_days_are_cut_where_zeek_logs_them() -> None:
    """Each day holds what is logged before the next, and its lookups, requests and handshakes."""
    network = Network(seed=3, devices=4, apps=6, days=2, unseen_from=1)
    for number, day in enumerate(Simulation(network).days()):
        low, high = network.day_start(number), network.day_start(number + 1)
        for times in (day.ssl["ts"], day.dns["ts"], day.http["ts"], day.x509["ts"]):
            assert low <= times.min() <= times.max() < high
        logged = log_times(day.conn, network.end)
        assert low <= logged.min() <= logged.max() <= high
        assert day.labels["uid"].tolist() == day.conn["uid"].tolist()


def test_a_connection_that_lasts_is_in_the_day_of_its_end() -> None:
    """Connections that begin on one day and end on another are logged once, when they end."""
    network = Network(seed=3, devices=4, apps=6, days=2, unseen_apps=0)
    first, second = Simulation(network).days()
    early = second.conn["ts"] < network.day_start(1)
    assert early.any()
    assert not set(second.conn["uid"]) & set(first.conn["uid"])


def test_the_days_are_the_whole() -> None:
    """What is simulated at once is what the days give one after another."""
    network = Network(seed=3, devices=3, apps=4, days=2)
    days = list(Simulation(network).days())
    whole = simulate(network)
    for one in fields(Logs):
        parts = [getattr(day, one.name) for day in days]
        together = pd.concat(parts, ignore_index=True)
        pd.testing.assert_frame_equal(getattr(whole, one.name), together)


# What was asked for


def test_conn_has_the_columns_of_zeek(simulated: Simulated) -> None:
    """Every log has its columns in their order, with the reader's dtypes."""
    for kind, columns in columns_of(simulated).items():
        frame = getattr(simulated, kind)
        assert list(frame.columns) == [name for name, _ in columns]
    assert simulated.conn["ts"].dtype == np.int64
    assert simulated.conn["local_orig"].dtype == np.int8
    assert simulated.conn["id.orig_h"].dtype == object


def test_all_time_is_inside_the_network(simulated: Simulated) -> None:
    """No connection begins before the start or lasts longer than the sensor runs."""
    conn = simulated.conn
    assert conn["ts"].min() >= SMALL.start
    assert ends(conn).max() <= SMALL.end


@pytest.mark.parametrize("devices", [2, 6])
def test_devices_are_as_many_as_asked(devices: int) -> None:
    """Without new leases each device has one address of its own."""
    network = Network(devices=devices, days=1, apps=3, address_change_share=0, unseen_apps=0)
    conn = simulate(network).conn
    own = conn[conn["id.resp_p"] == 53]["id.orig_h"]
    assert own.nunique() == devices


def test_leases_change_addresses() -> None:
    """Where every device gets a new address each day, there are two a client after two days."""
    network = Network(devices=4, servers=1, days=2, apps=3, address_change_share=1, unseen_apps=0)
    conn = simulate(network).conn
    assert conn[conn["id.resp_p"] == 53]["id.orig_h"].nunique() == 3 * 2 + 1


def test_every_known_app_is_used_before_the_planted_ones(simulated: Simulated) -> None:
    """Each known app has flows before any planted app may be used."""
    flows = labelled(simulated)
    early = set(flows.loc[flows["ts"] < SMALL.unseen_start, "label"])
    assert set(simulated.known["app"]) <= early
    assert simulated.known["app"].size == SMALL.apps


def test_every_flow_has_a_label(simulated: Simulated) -> None:
    """Labels are apps or one of six other words, one for each row of conn."""
    apps = set(simulated.known["app"]) | set(simulated.planted["app"])
    assert simulated.labels["uid"].tolist() == simulated.conn["uid"].tolist()
    assert set(simulated.labels["label"]) <= apps | NO_APP
    assert set(simulated.labels["label"]) >= NO_APP - {"thing"}


# Planted apps


def test_planted_truth_matches_the_flows(simulated: Simulated) -> None:
    """Device, first use and number of flows of a planted app are those of its labelled rows."""
    flows = labelled(simulated)
    assert set(simulated.planted["app"]) == set(flows["label"]) - NO_APP - set(
        simulated.known["app"]
    )
    for use in simulated.planted.to_dict("records"):
        own = flows[(flows["label"] == use["app"]) & flows["id.orig_h"].isin(use["addresses"])]
        assert len(own) == use["flows"]
        assert own["ts"].min() == use["first"]
        assert own.sort_values("ts")["id.orig_h"].iloc[0] == use["device"]


def test_nothing_of_a_planted_app_comes_too_early(simulated: Simulated) -> None:
    """Before `unseen_from` there is no flow of a planted app, nor of anyone to its own names."""
    flows = labelled(simulated)
    planted = flows["label"].isin(simulated.planted["app"])
    assert flows.loc[planted, "ts"].min() >= SMALL.unseen_start
    own = {name for names in simulated.planted["names"] for name in names}
    to_them = simulated.ssl[simulated.ssl["server_name"].isin(own)]
    assert to_them["ts"].min() >= SMALL.unseen_start


def test_own_addresses_of_planted_apps_are_their_own(simulated: Simulated) -> None:
    """No other flow goes to an address or shows a certificate of a planted app's own names."""
    ssl = simulated.ssl
    own = {name for names in simulated.planted["names"] for name in names}
    theirs = ssl["server_name"].isin(own)
    addresses = set(ssl.loc[theirs, "id.resp_h"])
    flows = labelled(simulated)
    others = flows[~flows["label"].isin(simulated.planted["app"])]
    assert addresses
    assert not addresses & set(others["id.resp_h"])
    leaves = {chain[0] for chain in ssl.loc[theirs, "cert_chain_fps"] if chain}
    assert not leaves & {chain[0] for chain in ssl.loc[~theirs, "cert_chain_fps"] if chain}


def test_planted_apps_differ_in_reach() -> None:
    """Planted apps are on one, two and three devices in turn."""
    reach = simulate(replace(SMALL, unseen_apps=4)).planted.groupby("app", sort=False).size()
    assert reach.tolist() == [1, 2, 3, 1]


def test_unseen_from_moves_the_first_use() -> None:
    """Planted apps appear after the days that were asked for."""
    network = replace(SMALL, unseen_from=0.6)
    planted = simulate(network).planted
    assert planted["first"].min() >= SMALL.start + int(0.6 * DAY)


def test_in_longer_networks_planted_apps_are_tried_out_for_some_days() -> None:
    """Sessions on a device lie in three days, and apps appear all over the detection period."""
    network = Network(seed=2, devices=6, apps=4, days=20, unseen_from=2, unseen_apps=12)
    planted = Simulation(network).planted
    spans = planted["starts"].map(lambda starts: (starts[-1] - starts[0]) / DAY)
    assert spans.max() < 3
    first = (planted.groupby("app")["first"].min() - network.unseen_start) / DAY
    assert first.min() < 5
    assert first.max() > 8


def test_starts_are_of_the_sessions(simulated: Simulated) -> None:
    """Each session of a planted app has its start, and flows begin right after the first."""
    planted = simulated.planted
    assert planted["starts"].map(len).tolist() == planted["sessions"].tolist()
    waited = planted["first"] - planted["starts"].map(min)
    assert waited.between(0, 60 * SECOND).all()


# Order


def test_conn_follows_removal(simulated: Simulated) -> None:
    """Rows come in the order of removal, at most 60 s after the last packet."""
    times = log_times(simulated.conn, SMALL.end)
    assert (np.diff(times) >= 0).all()
    delay = times - ends(simulated.conn)
    assert delay.min() >= 0
    assert delay.max() <= 60 * SECOND


def test_idle_connections_are_logged_late() -> None:
    """Connections never closed are logged five minutes after their last packet."""
    network = replace(SMALL, idle_share=0.2)
    conn = simulate(network).conn
    delay = log_times(conn, network.end) - ends(conn)
    assert (delay == 300 * SECOND).sum() > 100


def test_ssl_rows_follow_their_handshakes(simulated: Simulated) -> None:
    """Rows of ssl are ordered by time and lie inside the connection with their uid."""
    assert simulated.ssl["ts"].is_monotonic_increasing
    both = simulated.ssl.merge(simulated.conn, on="uid", suffixes=("", "_conn"))
    assert len(both) == len(simulated.ssl)
    assert (both["ts"] >= both["ts_conn"]).all()
    assert (both["ts"] <= both["ts_conn"] + both["duration"]).all()
    assert (both["id.orig_h"] == both["id.orig_h_conn"]).all()
    assert both["service"].isin(["ssl", "quic,ssl"]).all()


def test_long_connections_last_for_hours() -> None:
    """Push connections live for hours, and their rows come at their end."""
    conn = simulate(Network(seed=2, apps=3, unseen_apps=0)).conn
    push = conn[conn["id.resp_p"] == 5228]
    assert (push["duration"] > 3 * HOUR).mean() > 0.3


# TLS


def test_certificates_are_seen_in_full_tls12_handshakes_only(simulated: Simulated) -> None:
    """TLS 1.3 and resumed connections show no certificate; all others show one."""
    ssl = simulated.ssl
    shown = ssl["cert_chain_fps"].map(bool)
    full = (ssl["version"] == "TLSv12") & (ssl["resumed"] == 0)
    assert (shown == full).all()
    assert (ssl["sni_matches_cert"] == np.where(full, 1, -1)).all()
    assert (ssl["server_name"] != "").all()


@pytest.mark.parametrize(("share", "version"), [(0.0, "TLSv12"), (1.0, "TLSv13")])
def test_share_of_tls13_is_as_asked(share: float, version: str) -> None:
    """With none or all servers on TLS 1.3 every client connection to them says so."""
    network = replace(SMALL, tls13_share=share, servers=0)
    assert set(simulate(network).ssl["version"]) == {version}


def test_resumption_hides_every_certificate() -> None:
    """Where all TLS 1.2 connections resume, no certificate is logged."""
    simulated = simulate(replace(SMALL, resumed_share=1.0))
    assert not simulated.ssl["cert_chain_fps"].map(bool).any()
    assert simulated.x509.empty


def test_certificates_are_logged_once_a_day(simulated: Simulated) -> None:
    """Every certificate shown has a row of x509, one a day, not later than its connection."""
    x509 = simulated.x509
    day = (x509["ts"] - SMALL.start) // DAY
    assert not pd.DataFrame({"day": day, "key": x509["fingerprint"]}).duplicated().any()
    chains = simulated.ssl["cert_chain_fps"].explode().dropna()
    assert set(chains) == set(x509["fingerprint"])
    assert (x509["certificate.not_valid_before"] < x509["ts"]).all()
    assert (x509["certificate.not_valid_after"] > x509["ts"]).all()


# Real-looking


def test_unanswered_flows_have_no_handshake(simulated: Simulated) -> None:
    """Connections nobody answered or that were refused carry no bytes and no ssl row."""
    conn = simulated.conn
    failed = conn[conn["conn_state"].isin(["S0", "REJ"]) & (conn["proto"] == "tcp")]
    assert set(failed["conn_state"]) == {"S0", "REJ"}
    assert not set(failed["uid"]) & set(simulated.ssl["uid"])
    assert set(failed["orig_bytes"]) <= {0, UNSET}


def test_icmp_has_no_ports(simulated: Simulated) -> None:
    """ICMP rows hold type and code where others hold ports, and no history."""
    icmp = simulated.conn[simulated.conn["proto"] == "icmp"]
    assert icmp["id.orig_p"].isin([3, 8, 133, 135, 143]).all()
    assert (icmp["history"] == "").all()
    assert set(icmp["ip_proto"]) == {1, 58}


def test_single_packets_have_no_duration(simulated: Simulated) -> None:
    """One packet without an answer leaves duration and bytes unset, as Zeek does."""
    conn = simulated.conn
    single = conn["orig_pkts"] + conn["resp_pkts"] == 1
    assert single.any()
    assert ((conn["duration"] == UNSET) == single).all()
    assert ((conn["orig_bytes"] == UNSET) == single).all()


def test_browsed_names_never_run_out() -> None:
    """The number of browsed domains grows like n^0.8: 418 for 1,441 flows of a real user."""
    simulated = simulate(Network(seed=5, devices=2, apps=2, days=2, unseen_apps=0))
    ssl = simulated.ssl.merge(simulated.labels, on="uid")
    names = ssl.loc[ssl["label"] == "browser", "server_name"]
    assert 300 < names.iloc[:1441].nunique() < 550
    assert names.iloc[:3000].nunique() > 1.5 * names.iloc[:1441].nunique()


def test_addresses_change_more_than_names() -> None:
    """From one day to the next apps keep most names and lose many addresses, as real ones do."""
    simulated = simulate(Network(seed=1, unseen_apps=0))
    ssl = simulated.ssl.merge(simulated.labels, on="uid")
    ssl = ssl[~ssl["label"].isin(NO_APP)]
    day = (ssl["ts"] - simulated.network.start) // DAY
    kept = {}
    for column in ("id.resp_h", "server_name"):
        before, after = (set(ssl.loc[day == d, column]) for d in (0, 1))
        kept[column] = len(before & after) / len(after)
    assert 0.3 < kept["id.resp_h"] < 0.65
    assert kept["server_name"] > 0.8


def test_scans_come_from_outside_and_meet_silence(simulated: Simulated) -> None:
    """Outside scanners are not local, and nothing answers them."""
    flows = labelled(simulated)
    scan = flows[(flows["label"] == "scan") & (flows["local_orig"] == 0)]
    assert set(scan["conn_state"]) == {"S0", "REJ"}
    assert (scan["local_resp"] == 1).all()
