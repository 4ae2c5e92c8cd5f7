"""Forgetting a device: nothing of what it did stays behind."""

from __future__ import annotations

from dataclasses import fields, replace

import pandas as pd
import pytest

from flowprint_zeek.browsers import Browsers
from flowprint_zeek.errors import UsageError
from flowprint_zeek.stream.requests import ForgetDevice
from flowprint_zeek.stream.sharing import Sharing
from flowprint_zeek.zeek.answers import DNS_COLUMNS
from flowprint_zeek.zeek.join import SSL_COLUMNS
from flowprint_zeek.zeek.leases import DHCP_COLUMNS
from flowprint_zeek.zeek.names import HTTP_COLUMNS
from tests.stream.decided import DEVICE, WIDTH, Decided
from tests.stream.small import MIDNIGHT, SECOND, Conn, conn, frame, moved, session, ssl
from tests.stream.test_sharing import asked, slices

GONE = "10.0.0.77"
MAC = "02:00:5e:00:53:77"
RESOLVER = "10.0.0.53"

HOLDING = {
    *("seen", "browsers", "pending", "detector", "sharing", "beside", "leases", "late", "counts"),
    "day",
}
"""Parts of the state that hold devices."""


def holding(site: Decided, *texts: str) -> set[str]:
    """Return the parts of the state that hold any of some texts."""
    state = site.line.state()
    parts = {one.name: repr(getattr(state, one.name)) for one in fields(state)}
    return {name for name, held in parts.items() if any(text in held for text in texts)}


def tell(site: Decided) -> None:
    """Let all logs tell of the device that is to be forgotten."""
    line, at = site.line, MIDNIGHT + (site.batch * WIDTH + 5) * SECOND
    place = {"id.resp_h": GONE, "id.resp_p": 3128}
    request = {"method": "CONNECT", "uri": "www.example.com:443", "status_code": 200}
    answers = {"qtype": 1, "answers": ("203.0.113.9",)}
    lookups = [
        {"ts": at, "id.orig_h": GONE, "query": "www.example.com"} | answers,
        {"ts": at, "id.orig_h": DEVICE, "query": "old.example", "qtype": 1, "answers": (GONE,)},
        {"ts": at, "id.orig_h": DEVICE, "query": "www.example.com"} | answers,
    ]
    lease = {"ts": at, "mac": MAC, "host_name": "old-phone", "assigned_addr": GONE}
    line.beside("http", frame("http", HTTP_COLUMNS, [{"ts": at, "uid": "H1"} | place | request]))
    line.beside("dns", frame("dns", DNS_COLUMNS, lookups))
    line.beside("dhcp", frame("dhcp", DHCP_COLUMNS, [lease]))


def use(site: Decided) -> None:
    """Let it use apps with clients, ask a resolver, and share an unseen app with another device."""
    start = site.batch * WIDTH + 10.0
    clients = [replace(one, client="t13d") for one in moved(session("game", start), GONE)]
    resolver = Conn("Cr", start, 1.0, RESOLVER, "203.0.113.53")
    query = conn(Conn("Cq", start, 1.0, GONE, RESOLVER)).assign(resp_p=53)
    once = Conn("Cj", start, 1.0, GONE, "203.0.113.9")
    given = {"ts": once.ts, "uid": "Cj", "ja3": "0a" * 16, "server_name": "j.example"}
    site.line.beside("ssl", ssl(*clients))
    site.line.beside("ssl", frame("ssl", SSL_COLUMNS, [given]))
    site.line.conn(pd.concat([conn(*clients, resolver, once), query]))
    both = [*moved(session("chat", start + 140), GONE), *session("chat", start + 140)]
    site.line.beside("ssl", ssl(*both))
    site.line.conn(conn(*both))
    site.batch += 1
    site.line.advance(MIDNIGHT + (site.batch + 1) * WIDTH * SECOND)


@pytest.fixture
def site() -> Decided:
    """Return a site on which the device did all that devices do."""
    made = Decided()
    use(made)
    made.use("mail", devices=(DEVICE, GONE))
    tell(made)
    return made


def test_nothing_of_a_forgotten_device_is_in_the_state(site: Decided) -> None:
    """No part of it holds its address, nor what dhcp.log called it."""
    assert holding(site, GONE) == HOLDING
    assert holding(site, MAC, "old-phone") == {"leases"}
    assert site.do(ForgetDevice(GONE)).startswith(f"forgotten: device {GONE}")
    assert holding(site, GONE, MAC, "old-phone") == set()


def test_other_devices_are_not_forgotten(site: Decided) -> None:
    """What they share with it stays, and what is theirs."""
    site.do(ForgetDevice(GONE))
    assert holding(site, DEVICE) >= {"seen", "pending", "detector", "late", "counts", "day"}
    held = site.line.state().beside.answers
    assert "www.example.com" in held.texts
    assert "old.example" not in held.texts
    assert len(held.rows) == 3 * 8


def test_what_only_a_forgotten_device_showed_is_pending_no_more(site: Decided) -> None:
    """What another device showed too still is."""
    assert site.pending() == ["p1", "p2"]
    site.do(ForgetDevice(GONE))
    assert [app.devices for app in site.line.pending] == [{DEVICE}]


def test_what_it_brought_to_the_site_stays_known() -> None:
    """It is no new app on another device."""
    site = Decided()
    site.do(ForgetDevice(DEVICE))
    assert site.verdicts("mail", devices=("10.0.0.9",)) == ["unseen_device"]
    assert site.notices() == []


def test_a_forgotten_device_that_comes_back_is_a_new_one(site: Decided) -> None:
    """It has seen nothing, and what waits for a person counts it again."""
    site.do(ForgetDevice(DEVICE))
    assert site.verdicts("mail") == ["unseen_device"]
    assert site.verdicts("mail") == ["known"]


def test_only_devices_that_are_known_are_forgotten(site: Decided) -> None:
    """A host that is no device, or that is forgotten already, is an error."""
    site.do(ForgetDevice(GONE))
    for device in (GONE, "10.0.0.78", f"7/{DEVICE}"):
        with pytest.raises(UsageError, match=f"^nothing is known of a device {device}$"):
            site.do(ForgetDevice(device))


@pytest.mark.parametrize("what", ["browsed", "once"])
def test_what_only_a_model_tells_of_a_device_makes_it_known(what: str) -> None:
    """Its clients, though it had no flow here."""
    site = Decided()
    browsers = Browsers()
    if what == "once":
        browsers.named(GONE, "ja3:0a", 1)
    else:
        browsers.put(GONE, "ja4:b", 1)
    site.line.site.browsers = browsers
    site.do(ForgetDevice(GONE))
    assert not browsers.has_device(GONE)


def test_what_others_asked_it_is_forgotten() -> None:
    """Its address is no resolver any more: another device may have it now."""
    sharing = Sharing()
    own = {"device": "10.0.0.2", "orig_h": "10.0.0.2"}
    sharing.shared(slices(own, asked("a"), asked("b"), asked("c")), (), 1)
    assert sharing.shared(slices(own), (), 2) == {"10.0.0.2"}
    sharing.forget_device("10.0.0.2", ["10.0.0.2"])
    assert sharing.shared(slices(own), (), 3) == frozenset()
    assert sharing.state() == {}


def test_devices_by_mac_are_forgotten_with_their_addresses() -> None:
    """Those that dhcp.log told, with what they were answered; other addresses stay."""
    site = Decided(device__key="mac")
    tell(site)
    used = moved(session("mail", site.batch * WIDTH + 10.0), GONE)
    site.line.beside("ssl", ssl(*used))
    site.line.conn(conn(*used).assign(orig_l2_addr=MAC))
    site.batch += 1
    site.line.advance(MIDNIGHT + (site.batch + 1) * WIDTH * SECOND)
    assert holding(site, MAC) >= {"seen", "leases", "counts"}
    site.do(ForgetDevice(MAC))
    assert holding(site, MAC, GONE, "old-phone") == set()
    assert DEVICE in repr(site.line.state().beside)
