"""Composed sites: what runs when, and what its rows say."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from flowprint_zeek.analysis.archive import write, write_logs
from flowprint_zeek.analysis.compose import MINUTE, Composed, Recipe, compose
from flowprint_zeek.analysis.recordings import ends, read_recording
from flowprint_zeek.analysis.simulate import Network, simulate
from flowprint_zeek.errors import LogError, UsageError
from flowprint_zeek.zeek.reader import ReadStats
from tests.analysis.recorded import APPS, BROWSING, RESOLVER, app, composed

if TYPE_CHECKING:
    from pathlib import Path

SITE = composed()
ON_PHONES = composed(BROWSING, browser="on")


def rows(site: Composed, kind: str) -> pd.DataFrame:
    return next(log.rows for log in site.logs if log.kind == kind)


def labels(site: Composed) -> dict[str, str]:
    truth = site.truth.labels
    return dict(zip(truth["uid"], truth["label"], strict=True))


# What runs when


def test_the_unseen_app_runs_on_every_phone_after_learning_only() -> None:
    """No connection of it begins before the detection period, and each phone has some."""
    own = rows(SITE, "conn")[SITE.truth.labels["label"] == "bank"]
    assert own["ts"].min() >= SITE.recipe.detect_from
    assert set(own["id.orig_h"]) == set(SITE.phones)


def test_known_apps_run_in_both_periods() -> None:
    """Every known app runs while the site learns and again while it detects."""
    known = [one for one in SITE.sessions if one.recording.label != "bank"]
    for period in (True, False):
        inside = {
            one.recording.label for one in known if (one.start < SITE.recipe.detect_from) == period
        }
        assert inside == {"mail", "maps"}


@pytest.mark.parametrize("seed", range(20))
def test_a_known_app_is_never_new(seed: int) -> None:
    """However rarely apps start, each known one runs on some phone while the site learns."""
    site = composed(seed=seed, gap=1000 * MINUTE, phones=2)
    learned = {one.recording.label for one in site.sessions if one.end <= site.recipe.detect_from}
    assert learned == {"mail", "maps"}


def test_apps_of_a_device_overlap() -> None:
    """A session may start while another one of the same phone still runs."""
    busy = composed(gap=5_000_000, phones=1)
    runs = sorted((one.start, one.end) for one in busy.sessions)
    assert any(second[0] < first[1] for first, second in pairwise(runs))


def test_a_phone_runs_the_captures_of_one_device() -> None:
    """Phones take turns at the recorded devices, and borrow what theirs has no capture of."""
    ran = {
        (SITE.phones.index(one.phone) % 2, one.recording.label, one.recording.device)
        for one in SITE.sessions
    }
    assert ran == {
        *((0, label, "10.0.0.1") for label in ("mail", "maps", "bank")),
        *((1, label, "10.0.0.2") for label in ("mail", "bank")),
        (1, "maps", "10.0.0.1"),
    }


def test_the_truth_tells_every_session_of_the_unseen_app() -> None:
    """Planted has each phone's sessions with start and end, and their connections."""
    for row in SITE.truth.planted.to_dict("records"):
        own = [
            one
            for one in SITE.sessions
            if (one.phone, one.recording.label) == (row["device"], row["app"])
        ]
        assert sorted((one.start, one.end) for one in own) == list(
            zip(row["starts"], row["ends"], strict=True)
        )
        assert row["first"] == min(row["starts"])
        assert row["sessions"] == len(own)
        mine = rows(SITE, "conn")["id.orig_h"] == row["device"]
        assert row["flows"] == (mine & (SITE.truth.labels["label"] == "bank")).sum()
    assert SITE.truth.planted["device"].tolist() == SITE.phones


def test_the_seed_draws_the_unseen_app() -> None:
    """Without a name each app is the unseen one for some seed."""
    drawn = {composed(seed=seed, unseen="", phones=1).unseen for seed in range(20)}
    assert drawn == {"mail", "maps", "bank"}


def test_equal_seeds_give_equal_sites() -> None:
    """The same recipe gives the same rows, another seed others."""
    pd.testing.assert_frame_equal(rows(composed(), "conn"), rows(SITE, "conn"))
    assert rows(composed(seed=2), "conn")["ts"].tolist() != rows(SITE, "conn")["ts"].tolist()


# The background


def test_a_background_beside_is_left_as_it_is() -> None:
    """Its hosts keep their addresses; the phones run what they would run without it."""
    site = composed(BROWSING)
    browsing = rows(site, "conn")[site.truth.labels["label"] == "browsing"]
    assert {"10.0.0.7", "10.0.0.8", "10.0.0.9"} == set(browsing["id.orig_h"])
    assert [(one.phone, one.start) for one in site.sessions] == [
        (one.phone, one.start) for one in SITE.sessions
    ]


def test_a_background_on_phones_moves_its_user_onto_each() -> None:
    """Each phone visits the user's sites at other times; the other hosts stay, once."""
    site = ON_PHONES
    browsing = rows(site, "conn")[site.truth.labels["label"] == "browsing"]
    hosts = browsing[browsing["id.resp_p"] == 443].groupby("id.orig_h")["ts"]
    assert set(hosts.groups) == {*site.phones, "10.0.0.8", "10.0.0.9"}
    assert hosts.size()["10.0.0.8"] == 1
    latest = {hosts.get_group(phone).max() for phone in site.phones}
    assert len(latest) == len(site.phones)


def test_a_background_runs_where_its_device_is_busiest() -> None:
    """The site gets as many of its connections as any stretch of its length has."""
    site = composed(BROWSING, learn=5 * MINUTE, detect=5 * MINUTE)
    assert Counter(labels(site).values())["browsing"] >= 2 * 60
    assert rows(site, "conn")["ts"].min() >= site.recipe.start
    assert rows(site, "conn")["ts"].max() < site.recipe.end


def test_a_background_can_be_left_out() -> None:
    """Without a browser nothing of the background is there."""
    assert set(labels(composed(BROWSING, browser="none")).values()) == {"mail", "maps", "bank"}


# What rows say


def test_every_copy_has_uids_of_its_own() -> None:
    """No two connections share a uid, though captures run many times."""
    conn = rows(ON_PHONES, "conn")
    assert conn["uid"].is_unique
    assert ON_PHONES.truth.labels["uid"].tolist() == conn["uid"].tolist()


@pytest.mark.parametrize("kind", ["ssl", "http", "dns"])
def test_other_logs_tell_of_the_same_connections(kind: str) -> None:
    """Their rows have the new uid, time and address of their connection, which names its app."""
    conn = rows(ON_PHONES, "conn").set_index("uid")
    name = {"ssl": "server_name", "http": "host", "dns": "query"}[kind]
    table = rows(ON_PHONES, kind)
    of = conn.loc[table["uid"]]
    assert table["ts"].tolist() == of["ts"].tolist()
    assert table["id.orig_h"].tolist() == of["id.orig_h"].tolist()
    label = map(labels(ON_PHONES).__getitem__, table["uid"])
    assert all(
        one in each or (one == "browsing" and each.startswith("site"))
        for one, each in zip(label, table[name], strict=True)
    )


def test_only_the_device_gets_another_address() -> None:
    """The resolver is where it was recorded; nothing else of the capture's network is there."""
    conn = rows(SITE, "conn")
    assert set(conn["id.orig_h"]) == set(SITE.phones)
    assert set(conn.loc[conn["id.resp_p"] == 53, "id.resp_h"]) == {RESOLVER}


def test_phones_have_addresses_that_no_recording_has() -> None:
    """A recording in the network that phones would have moves them to another."""
    taken = app("mail", SITE.phones[0])
    site = composed(taken, browser="none")
    assert not set(site.phones) & set(taken.logs["conn"]["id.orig_h"])


def test_client_fingerprints_are_carried_and_places_are_not() -> None:
    """ssl.log keeps ja3, which not every Zeek writes; VLANs of the recording are left out."""
    columns = {log.kind: dict(log.columns) for log in SITE.logs}
    assert rows(SITE, "ssl")["ja3"].str.strip("0").isin(["mail", "maps", "bank"]).all()
    assert "ja3" in columns["ssl"]
    assert "ja4" not in columns["ssl"]
    assert "vlan" not in columns["conn"]


def test_rows_are_in_the_order_in_which_zeek_writes_them() -> None:
    """Conn follows the ends of connections, other logs their times; certificates come once."""
    site = composed(BROWSING)
    for log in site.logs:
        assert (np.diff(log.times) >= 0).all()
    conn = next(log for log in site.logs if log.kind == "conn")
    assert (conn.times >= ends(conn.rows)).all()
    assert rows(site, "x509")["fingerprint"].is_unique


def test_stripped_certificates_are_nowhere() -> None:
    """Neither ssl.log nor an x509.log tells of one."""
    site = composed(strip_certificates=True)
    assert [log.kind for log in site.logs] == ["conn", "ssl", "http", "dns"]
    assert "cert_chain_fps" not in rows(site, "ssl")
    assert (rows(site, "ssl")["server_name"] != "").all()


# Reading and refusing


def test_what_is_written_is_a_recording_again(tmp_path: Path) -> None:
    """Logs of a composed site read back with every column, and the busiest phone is its device."""
    write_logs(SITE.logs, SITE.truth, tmp_path)
    again = read_recording([tmp_path], "site", stats=ReadStats())
    for log in SITE.logs:
        names = [name for name, _ in log.columns if name in log.rows]
        pd.testing.assert_frame_equal(again.logs[log.kind][names], log.rows[names])
    own = rows(SITE, "conn")["id.orig_h"].value_counts()
    assert again.device == min(own[own == own.max()].index)


def test_simulated_logs_can_be_composed(tmp_path: Path) -> None:
    """Recordings are read from logs; the device is the local host with most flows."""
    recordings = []
    for seed, label in enumerate(("one", "two")):
        network = Network(seed=seed, devices=1, apps=1, days=0.05, servers=0, browsers=0)
        write(simulate(network), tmp_path / label)
        recordings.append(read_recording([tmp_path / label], label, stats=ReadStats()))
    hours = 2 * 60 * MINUTE
    recipe = Recipe(phones=1, browser="none", learn=hours, detect=hours, gap=60 * MINUTE)
    site = compose(recordings, recipe)
    assert set(labels(site).values()) == {"one", "two"}
    assert site.phones[0] in set(rows(site, "conn")["id.orig_h"])


def test_a_recording_needs_its_device(tmp_path: Path) -> None:
    """An address that no connection has is an error that names it."""
    write_logs(SITE.logs, SITE.truth, tmp_path)
    with pytest.raises(LogError, match="no connection of 192"):
        read_recording([tmp_path], "site", "192.0.2.1", stats=ReadStats())


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"phones": 0}, "phones must be from 1 to 10000, not 0"),
        ({"learn": 0}, "learn must be at least 1s"),
        ({"seed": -1}, "seed must be at least 0"),
        ({"start": -1}, "start must be from 1970-01-01"),
        ({"unseen": "chess"}, "no recording is labelled 'chess', the unseen app"),
        ({"browser": "on"}, "no recording is labelled 'browsing', the background"),
        ({"detect": 5_000_000}, "must be longer than a capture of bank of 0.2 minutes"),
    ],
)
def test_a_recipe_that_cannot_be_is_refused(given: dict[str, object], message: str) -> None:
    """What is out of range or not there is named."""
    with pytest.raises(UsageError, match=message):
        composed(**given)


def test_one_app_is_too_few() -> None:
    """With a single app nothing would be known."""
    with pytest.raises(UsageError, match="two apps at least, not 1"):
        compose(APPS[:1], Recipe(browser="none"))
