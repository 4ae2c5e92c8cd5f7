"""Which connections become flows of devices."""

from __future__ import annotations

import ipaddress
from typing import Any

import pandas as pd
import pytest

from flowprint_zeek.core.devices import Selection, Selector, is_mac, without_names
from flowprint_zeek.core.flows import EXPORTED

LOCAL = (ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8"))
MAC, OTHER_MAC = "02:00:00:00:00:01", "02:00:00:00:00:02"


def connection(**changes: object) -> dict[str, object]:
    """One answered connection of a device to a server."""
    return {
        "uid": "C1",
        "start": 0,
        "end": 1,
        "n_bytes": 9,
        "orig_p": 50_000,
        "resp_p": 443,
        "orig_h": "10.0.0.1",
        "resp_h": "192.0.2.1",
        "proto": "tcp",
        "local_orig": -1,
        "answered": True,
        "flipped": False,
        "orig_l2_addr": MAC,
        "ctx": "",
    } | changes


def selected(selection: dict[str, Any], *rows: dict[str, object]) -> tuple[pd.DataFrame, Selector]:
    """Return what is selected of connections, and the selector."""
    selector = Selector(Selection(LOCAL, **selection))
    return selector.select(pd.DataFrame(rows)), selector


def networks(*texts: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """Return networks of texts."""
    return tuple(map(ipaddress.ip_network, texts))


FOREIGN: dict[str, object] = {"orig_h": "198.51.100.7", "resp_h": "10.0.0.1"}

DROPPED: list[tuple[str, dict[str, Any], dict[str, object]]] = [
    ("protocol", {}, {"proto": "icmp"}),
    ("protocol", {"protocols": ("tcp",)}, {"proto": "udp"}),
    ("address", {}, {"orig_h": "-"}),
    ("address", {}, {"resp_h": "0.0.0.0.0"}),
    ("multicast", {}, {"resp_h": "224.0.0.251"}),
    ("multicast", {}, {"resp_h": "ff02::fb"}),
    ("multicast", {}, {"resp_h": "255.255.255.255"}),
    ("unanswered", {}, {"answered": False}),
    ("flipped", {}, {"flipped": True}),
    ("not_local", {}, FOREIGN),
    ("not_local", {"inbound": True}, FOREIGN | {"resp_h": "203.0.113.1"}),
    ("not_local", {}, {"orig_h": "198.51.100.7", "local_orig": 0}),
    ("ignored", {"ignored_destinations": networks("192.0.2.0/24")}, {}),
    ("ignored", {"ignored_devices": networks("10.0.0.1/32")}, {}),
    ("ignored", {"ignored_devices": networks("10.0.0.1/32"), "inbound": True}, FOREIGN),
    ("ignored", {"ignored_destinations": networks("198.51.100.0/24"), "inbound": True}, FOREIGN),
    ("ignored", {"ignored_macs": frozenset({MAC})}, {}),
]


@pytest.mark.parametrize(("reason", "selection", "changes"), DROPPED)
def test_dropped(reason: str, selection: dict[str, Any], changes: dict[str, object]) -> None:
    """A connection that counts for no device is dropped and counted under its reason."""
    rows, selector = selected(selection, connection(**changes), connection(**changes))
    assert len(rows) == 0
    assert dict(selector.dropped.reasons) == {reason: 2}


KEPT: list[tuple[dict[str, Any], dict[str, object], str, str]] = [
    # selection, changes, device, destination
    ({}, {}, "10.0.0.1", "192.0.2.1"),
    ({}, {"proto": "udp"}, "10.0.0.1", "192.0.2.1"),
    ({"protocols": ("icmp",)}, {"proto": "icmp"}, "10.0.0.1", "192.0.2.1"),
    ({}, {"orig_h": "fd00::1", "resp_h": "2001:db8::1"}, "fd00::1", "2001:db8::1"),
    ({}, {"orig_h": "198.51.100.7", "local_orig": 1}, "198.51.100.7", "192.0.2.1"),
    ({}, {"local_orig": 0}, "10.0.0.1", "192.0.2.1"),
    ({}, {"resp_h": "10.0.0.9"}, "10.0.0.1", "10.0.0.9"),
    ({"unanswered": True}, {"answered": False}, "10.0.0.1", "192.0.2.1"),
    ({"flipped": True}, {"flipped": True}, "10.0.0.1", "192.0.2.1"),
    ({"inbound": True}, FOREIGN, "10.0.0.1", "198.51.100.7"),
    ({"inbound": True}, {"resp_h": "10.0.0.9"}, "10.0.0.1", "10.0.0.9"),
    ({"by_mac": True}, {}, MAC, "192.0.2.1"),
    ({"by_mac": True}, {"orig_l2_addr": ""}, "10.0.0.1", "192.0.2.1"),
    ({"by_mac": True, "inbound": True}, FOREIGN, "10.0.0.1", "198.51.100.7"),
    ({}, {"ctx": "vlan7"}, "vlan7/10.0.0.1", "192.0.2.1"),
    ({"by_mac": True}, {"ctx": "vlan7"}, f"vlan7/{MAC}", "192.0.2.1"),
    ({"ignored_macs": frozenset({OTHER_MAC})}, {}, "10.0.0.1", "192.0.2.1"),
    ({"ignored_devices": networks("10.0.0.2/32")}, {}, "10.0.0.1", "192.0.2.1"),
    ({"ignored_destinations": networks("10.0.0.0/8")}, {}, "10.0.0.1", "192.0.2.1"),
]


@pytest.mark.parametrize(("selection", "changes", "device", "destination"), KEPT)
def test_kept(
    selection: dict[str, Any], changes: dict[str, object], device: str, destination: str
) -> None:
    """A connection that counts says its device and its destination."""
    rows, selector = selected(selection, connection(**changes))
    assert rows[["device", "resp_h"]].to_numpy().tolist() == [[device, destination]]
    assert rows["server"].tolist() == [connection(**changes)["resp_h"]]
    assert not selector.dropped.reasons


def test_the_first_reason_counts() -> None:
    """A connection with several faults is counted once."""
    _, selector = selected({}, connection(proto="icmp", answered=False, **FOREIGN))
    assert dict(selector.dropped.reasons) == {"protocol": 1}


def test_the_rest_stays() -> None:
    """Of many connections those that count stay in order, with what a flow table needs."""
    rows, _ = selected(
        {},
        connection(uid="a"),
        connection(uid="b", answered=False),
        connection(uid="c", orig_h="10.0.0.2"),
    )
    assert rows["uid"].tolist() == ["a", "c"]
    assert rows["device"].tolist() == ["10.0.0.1", "10.0.0.2"]


def test_what_tells_of_one_batch_exactly_stays() -> None:
    """Rows that say more than conn.log keep it; rows of conn.log have no such columns."""
    told = dict.fromkeys(EXPORTED, "") | {"windows": "30000000:0,3"}
    rows, _ = selected({}, connection(**told), connection(answered=False, **told))
    assert rows["windows"].tolist() == ["30000000:0,3"]
    assert set(EXPORTED) <= set(rows.columns)
    stock, _ = selected({}, connection())
    assert not set(EXPORTED) & set(stock.columns)


def test_foreign_prefixes() -> None:
    """Where foreign originators live is counted by /24 and /64."""
    foreign = ["198.51.100.7", "198.51.100.8", "2001:db8::1"]
    _, selector = selected({}, *(connection(orig_h=address) for address in foreign))
    assert dict(selector.dropped.foreign) == {"198.51.100.0/24": 2, "2001:db8::/64": 1}


def test_no_connections() -> None:
    """Of no connections none is selected."""
    selector = Selector(Selection(LOCAL))
    empty = pd.DataFrame([connection()])[:0]
    assert "device" in selector.select(empty).columns


@pytest.mark.parametrize(
    ("text", "expected"), [(MAC, True), ("10.0.0.1", False), ("2001:db8::1:2:3", False)]
)
def test_is_mac(text: str, expected: bool) -> None:
    """Six pairs with colons are a link-layer address."""
    assert is_mac(text) is expected


@pytest.mark.parametrize(
    ("ignored", "expected"),
    [
        ((), ["", "a.test", "b.a.test", "xa.test"]),
        (("a.test",), ["", "b.a.test", "xa.test"]),
        ((".a.test",), ["", "a.test", "xa.test"]),
        ((".test",), [""]),
    ],
)
def test_without_names(ignored: tuple[str, ...], expected: list[str]) -> None:
    """Flows to ignored names are left out; a leading dot means every subdomain."""
    flows = pd.DataFrame({"name": ["", "a.test", "b.a.test", "xa.test"]})
    left = without_names(flows, ignored)
    assert left["name"].tolist() == expected
    assert left.index.tolist() == list(range(len(expected)))
