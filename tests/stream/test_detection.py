"""Detection: verdicts, what refreshes what was learned, and what is written."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.known import KnownApps, Site
from tests.stream.small import (
    BATCH,
    DAY,
    MIDNIGHT,
    NOTHING,
    SECOND,
    Conn,
    Found,
    conn,
    feed,
    moved,
    pipeline,
    run,
    session,
    ssl,
    until,
)
from tests.stream.test_hosts import MAC, give, lease

if TYPE_CHECKING:
    from pathlib import Path

HOUR = 3600
MAIL = tuple(f"name:n{number}.mail.example" for number in range(4))
GAME = tuple(f"name:n{number}.game.example" for number in range(4))


LEARNED = [
    one
    for at, app in enumerate(("mail", "news", "maps", "mail", "chat", "music", "bank", "shop"))
    for one in session(app, at * 300)
]
"""What 10.0.0.1 does in the hour in which is learned."""


def judged(
    *detected: Conn, site: Site | None = None, rows: str = "all", **settings: object
) -> Found:
    """Return verdicts and notices after an hour of learning."""
    flows = [*LEARNED, *detected]
    return run(flows, until(HOUR), site=site, log__rows=rows, **settings)[1]


@pytest.fixture
def site() -> Site:
    """Nothing known yet."""
    return Site(KnownApps(1000))


# Verdicts


def test_an_app_that_was_learned_is_known() -> None:
    """The same destinations on the same device are the known app."""
    found = judged(*session("mail", HOUR))
    assert found.said("verdict") == ["known"]
    assert found.said("similarity") == [1.0]
    assert found.said("nearest") == found.said("fingerprint")
    assert found.notices == []


def test_an_app_that_the_site_never_saw_is_unseen() -> None:
    """Own destinations that nobody met before are a new app, and raise a notice."""
    found = judged(*session("game", HOUR))
    assert found.said("verdict") == ["unseen_site"]
    assert found.said("novel") == [GAME]
    assert found.said("score") == [1.0]
    assert found.said("nearest") == [None]
    assert len(found.noted("Unseen_App")) == 1


def test_a_known_app_on_another_device_is_new_to_the_device_only() -> None:
    """What the site knows raises no notice on a device that never met it."""
    found = judged(*session("mail", HOUR, device="10.0.0.2"))
    assert found.said("verdict") == ["unseen_device"]
    assert found.notices == []


@pytest.mark.parametrize(("flows", "names"), [(3, 4), (8, 1)])
def test_little_traffic_is_too_little(flows: int, names: int) -> None:
    """Too few flows, or too few new destinations, raise nothing."""
    shared = [Conn("CS", HOUR, 60.0, name="n1.mail.example")]
    game = session("game", HOUR, flows=flows, names=names)
    found = judged(*shared, *game, detect__min_score="0.3")
    assert found.said("verdict") == ["too_little"]
    assert found.notices == []


def test_some_new_destinations_of_a_known_app_are_known() -> None:
    """A known app that also meets new destinations stays that app."""
    other = Conn("CX", HOUR, 60.0, address="203.0.113.8", name="extra.example")
    found = judged(*session("mail", HOUR), other)
    assert found.said("verdict") == ["known"]


def test_labels_of_known_apps_are_told(site: Site) -> None:
    """The label of the nearest app stands in flowprint.log."""
    run(session("mail", 0), site=site)
    for _, app in site.known:
        app.labels = Counter({"Mail": 3})
    _, found = run(session("mail", HOUR), NOTHING, site=site, log__rows="all")
    assert found.said("label") == ["Mail"]


def test_the_device_of_a_dismissed_group_is_dismissed(site: Site, tmp_path: Path) -> None:
    """Where something is unseen there; what is known stays known, and others are raised."""
    (tmp_path / "names").write_text("10.0.0.2 - sales\n10.0.0.0/24 - office\n")
    site.dismissals.add(groups=["sales"], made=1)
    flows = [*session("game", HOUR), *moved(session("mail", HOUR + 150), "10.0.0.2")]
    found = judged(
        *flows,
        *moved(session("game", HOUR), "10.0.0.2"),
        site=site,
        device__names=str(tmp_path / "names"),
    )
    said = {(row["device"], row["verdict"]) for row in found.verdicts}
    assert said == {
        ("10.0.0.1", "unseen_site"),
        ("10.0.0.2", "dismissed"),
        ("10.0.0.2", "unseen_device"),
    }
    assert [(row["src"], row["n"]) for row in found.noted("Unseen_App")] == [("10.0.0.1", 1)]


def test_a_device_is_of_a_group_while_it_has_the_address(site: Site, tmp_path: Path) -> None:
    """A line of a MAC holds for whoever dhcp.log gives an address at that time."""
    (tmp_path / "names").write_text(f"{MAC} - sales\n")
    site.dismissals.add(groups=["sales"], made=1)
    line, found = pipeline(
        NOTHING, site=site, log__rows="all", device__names=str(tmp_path / "names")
    )
    for start, mac in ((0, MAC), (600, "02:00:5e:00:53:02")):
        give(line, lease(start, mac=mac))
        feed(line, session("game", start))
    line.finish()
    assert found.said("verdict") == ["dismissed", "unseen_site"]


# What refreshes what


def test_a_known_app_refreshes_its_elements(site: Site) -> None:
    """What is judged known was seen again then."""
    judged(*session("mail", HOUR), site=site)
    at = MIDNIGHT + HOUR * SECOND
    assert {name for name, _, last, _ in site.seen if last == at} == set(MAIL)
    assert [app.elements for _, app in site.known if app.last == at] == [MAIL]


def test_a_known_app_teaches_its_new_destinations(site: Site) -> None:
    """New destinations of a known app become seen after a day in which no unseen app had them."""
    other = Conn("CX", HOUR, 60.0, address="203.0.113.8", name="extra.example")
    judged(*session("mail", HOUR), other, site=site)
    assert not site.seen.on_site("name:extra.example")
    later = session("mail", 72 * HOUR)
    site = Site(KnownApps(1000))
    judged(*session("mail", HOUR), other, *later, site=site)
    assert site.seen.on_site("name:extra.example")


def test_what_is_used_does_not_age(site: Site) -> None:
    """What the site knows stays known while it is used, whatever is new beside it."""
    days = [
        [*session("mail", day * 86_400), Conn(f"CX{day}", day * 86_400, name=f"x{day}.example")]
        for day in range(1, 9)
    ]
    flows = [one for day in days for one in day]
    judged(*flows, site=site, model__max_age="3d", detect__min_score=0.1)
    assert all(site.seen.on_site(name) for name in MAIL)
    assert not site.seen.on_site("name:n0.shop.example")


def test_a_device_forgets_what_it_does_not_use(site: Site) -> None:
    """What another device goes on using, whatever it is seen with, stays known to that one."""
    days = [
        [*session("mail", day * 86_400), Conn(f"CX{day}", day * 86_400, name=f"x{day}.example")]
        for day in range(1, 9)
    ]
    flows = [*moved(session("mail", 0), "10.0.0.2"), *(one for day in days for one in day)]
    judged(*flows, site=site, model__max_age="3d", detect__min_score=0.1)
    assert [site.seen.n_devices(name) for name in MAIL] == [1] * 4
    assert {site.seen.last_on("10.0.0.1", name) for name in MAIL} == {MIDNIGHT + 8 * DAY}


def test_a_device_learns_what_the_site_knows() -> None:
    """An app that is new to a device only is known there the next time."""
    found = judged(
        *session("mail", HOUR, device="10.0.0.2"), *session("mail", 2 * HOUR, device="10.0.0.2")
    )
    assert found.said("verdict") == ["unseen_device", "known"]


def test_what_was_flagged_is_never_learned(site: Site) -> None:
    """An unseen app stays unseen however often it comes."""
    found = judged(*session("game", HOUR), *session("game", 2 * HOUR), site=site)
    assert found.said("verdict") == ["unseen_site", "unseen_site"]
    assert not any(site.seen.on_site(name) for name in GAME)
    assert not any(site.seen.on_device("10.0.0.1", name) for name in GAME)
    assert not any(set(GAME) & set(app.elements) for _, app in site.known)


def test_what_is_too_little_is_not_learned() -> None:
    """The first few flows of an app do not make it known."""
    found = judged(*session("game", HOUR, flows=4), *session("game", 2 * HOUR))
    assert found.said("verdict") == ["too_little", "unseen_site"]


def test_a_flagged_app_is_not_learned_through_a_known_one(site: Site) -> None:
    """A known app that is active together with a flagged one does not make that known."""
    together = [*session("mail", 2 * HOUR), *session("game", 2 * HOUR, names=2)]
    found = judged(*session("game", HOUR), *together, *session("game", 3 * HOUR), site=site)
    assert found.said("verdict") == ["unseen_site", "unseen_device", "unseen_site"]
    assert not any(site.seen.on_site(name) for name in GAME)


# flowprint.log


def test_by_default_a_verdict_is_written_once_a_day() -> None:
    """Repeated verdicts on a device and app are written on the first time of a day."""
    times = (HOUR, 2 * HOUR, 86_400, 86_400 + HOUR)
    found = judged(*(one for at in times for one in session("mail", at)), rows="changes")
    assert [(int(str(at)) - MIDNIGHT) // DAY for at in found.said("batch_start")] == [0, 1]


def test_by_default_a_change_of_verdict_is_written() -> None:
    """A device that learned an app is told of when its verdict changes."""
    times = (HOUR, 2 * HOUR, 3 * HOUR)
    flows = [one for at in times for one in session("mail", at, device="10.0.0.2")]
    assert judged(*flows, rows="changes").said("verdict") == ["unseen_device", "known"]


def test_with_all_rows_every_verdict_is_written() -> None:
    """By setting every fingerprint of every batch is in the log."""
    found = judged(*session("mail", HOUR), *session("mail", 2 * HOUR), rows="all")
    assert len(found.verdicts) == 2


def test_rows_are_sorted_by_batch_device_and_fingerprint() -> None:
    """The order of rows is that of batches, devices and ids."""
    flows = [*session("game", HOUR), *session("mail", HOUR + 600)]
    found = judged(*flows, *moved(flows, "10.0.0.2"), *moved(flows, "10.0.0.10"))
    keys = [(row["batch_start"], row["device"], row["fingerprint"]) for row in found.verdicts]
    assert len(keys) == 6
    assert [key[:2] for key in keys] == sorted(key[:2] for key in keys)


def test_a_row_says_when_and_on_how_much_it_rests() -> None:
    """A row has the time of closing, the batch, the flows and their uids."""
    row = judged(*session("mail", HOUR)).verdicts[0]
    assert row["batch_start"] == MIDNIGHT + HOUR * SECOND
    assert row["ts"] == MIDNIGHT + HOUR * SECOND + BATCH + 150 * SECOND
    assert row["n_flows"] == 8
    assert row["uids"] == tuple(f"Cmail10.0.0.1-3600-{number}" for number in range(8))


def test_a_row_of_a_pending_app_counts_its_devices() -> None:
    """A row of an unseen app tells on how many devices it was seen so far."""
    game = session("game", HOUR)
    found = judged(*game, *moved(game, "10.0.0.2"), *session("game", 2 * HOUR, device="10.0.0.3"))
    assert found.said("devices") == [2, 2, 3]


def test_a_row_of_a_known_app_counts_the_devices_of_its_rarest_element() -> None:
    """A row of a known app tells on how many devices its rarest own element was seen before."""
    mail = [session("mail", at, device=f"10.0.0.{at // HOUR}") for at in (HOUR, 2 * HOUR, 3 * HOUR)]
    assert judged(*(one for part in mail for one in part)).said("devices") == [1, 1, 2]


# Notices


def test_an_app_on_several_devices_raises_one_notice() -> None:
    """The devices of one batch are counted in the one notice of an app."""
    game = session("game", HOUR)
    found = judged(*game, *moved(game, "10.0.0.2"), *moved(game, "10.0.0.3"))
    (notice,) = found.noted("Unseen_App")
    assert notice["n"] == 3


def test_per_device_each_device_raises_a_notice() -> None:
    """By setting there is one notice for each device."""
    game = session("game", HOUR)
    found = judged(*game, *moved(game, "10.0.0.2"), notice__per_device="true")
    assert [row["src"] for row in found.noted("Unseen_App")] == ["10.0.0.1", "10.0.0.2"]


def test_a_pending_app_is_raised_again_after_the_repeat() -> None:
    """An app that is still seen is raised again when `repeat_after` has passed."""
    flows = [one for hour in range(1, 6) for one in session("game", hour * HOUR)]
    found = judged(*flows, notice__repeat_after="2h")
    assert len(found.noted("Unseen_App")) == 3


def test_a_notice_points_to_the_novel_element_with_most_flows() -> None:
    """The connection of a notice is the first one to the novel element met most."""
    more = [Conn(f"CM{at}", HOUR + at, 60.0, name="n3.game.example") for at in range(40, 44)]
    (notice,) = judged(*session("game", HOUR), *more).noted("Unseen_App")
    assert notice["uid"] == "Cgame10.0.0.1-3600-3"


def test_a_notice_of_flows_without_uid_has_none() -> None:
    """Where conn.log has no uid, a notice points to the addresses alone."""
    flows = [*session("game", HOUR), *session("game", 2 * HOUR)]
    (notice,) = judged(*(replace(one, uid="") for one in flows)).noted("Unseen_App")
    assert notice["uid"] is None
    assert "uids=" not in str(notice["sub"])
    assert notice["id.resp_h"] == "203.0.160.0"


def test_bytes_of_any_size_add_up() -> None:
    """Counts that a damaged log makes huge do not become negative."""
    line, found = pipeline(NOTHING)
    flows = session("game", 0)
    line.beside("ssl", ssl(*flows))
    line.conn(conn(*flows).assign(n_bytes=1 << 62))
    line.finish()
    assert " bytes=36893488T " in str(found.noted("Unseen_App")[0]["sub"])


def test_a_notice_of_new_certificates_on_known_addresses_has_a_connection() -> None:
    """In the scheme of the paper an app may be new by its certificates alone."""
    old, new = (
        [
            Conn(f"C{at}-{one}", at + one, 60.0, address=f"203.0.113.{one % 4}", certificate=mark)
            for one, mark in ((one, f"{kind}{one % 4}" * 32) for one in range(8))
        ]
        for at, kind in ((0, "a"), (HOUR, "b"))
    )
    _, found = run(
        [*old, *new],
        until(HOUR),
        log__rows="all",
        fingerprint__scheme="paper",
        detect__min_score="0.2",
    )
    assert found.said("verdict") == ["unseen_site"]
    (notice,) = found.noted("Unseen_App")
    assert notice["uid"] == "C3600-0"
    assert "uids=C3600-0,C3600-1" in str(notice["sub"])
