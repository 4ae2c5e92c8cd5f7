"""What dhcp.log tells of hosts, in whatever order it comes."""

from __future__ import annotations

import random
from itertools import permutations

import msgspec
import pytest

from flowprint_zeek.zeek.leases import DHCP_COLUMNS, Leases, LeasesState
from tests.stream.small import frame

ADDRESS = "10.0.0.1"
MAC = "02:00:5e:00:53:01"
OTHER = "02:00:5e:00:53:02"
Row = dict[str, object]


def lease(ts: int, mac: str = MAC, name: str = "lt-4711", address: str = ADDRESS) -> Row:
    return {"ts": ts, "mac": mac, "host_name": name, "assigned_addr": address}


def told(*rows: Row, until: int = 1_000, limit: int = 1_000) -> Leases:
    """Return leases that got rows one by one, as of some time."""
    leases = Leases(limit)
    for row in rows:
        leases.add(frame("dhcp", DHCP_COLUMNS, [row]))
    leases.settle(until)
    return leases


def test_an_address_has_the_name_of_its_host() -> None:
    """An address and the MAC behind it have the name; others have none."""
    leases = told(lease(1))
    assert [leases.name(one) for one in (ADDRESS, MAC, "10.0.0.2", "")] == ["lt-4711"] * 2 + [
        ""
    ] * 2
    assert (leases.host(ADDRESS), leases.host("10.0.0.2")) == (MAC, "10.0.0.2")


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"host_name": "LT-4711.", "client_fqdn": "other.example"}, "lt-4711"),
        ({"client_fqdn": "lt-4711.a.example"}, "lt-4711.a.example"),
        ({"host_name": "é\n"}, "\\xc3\\xa9\\x0a"),
        ({"host_name": 300 * "x"}, 255 * "x"),
        ({}, ""),
    ],
)
def test_a_host_has_the_name_that_it_gives(row: Row, name: str) -> None:
    """Its host name, else its full one, printable and of bounded length."""
    assert told({"ts": 1, "mac": MAC, "assigned_addr": ADDRESS} | row).name(ADDRESS) == name


@pytest.mark.parametrize("column", ["assigned_addr", "assigned_ip", "client_addr"])
def test_the_address_is_where_it_stands(column: str) -> None:
    """Zeek and Bro name the column otherwise; a host that only asks has its address before."""
    row: Row = {"ts": 1, "mac": MAC, "host_name": "lt-4711", column: ADDRESS}
    assert told(row).name(ADDRESS) == "lt-4711"


@pytest.mark.parametrize(
    ("messages", "name"),
    [
        (("DISCOVER", "OFFER", "REQUEST", "ACK"), "lt-4711"),
        (("INFORM",), "lt-4711"),
        (("DISCOVER", "OFFER"), ""),
        (("REQUEST", "NAK"), ""),
        (("RELEASE",), ""),
    ],
)
def test_only_who_has_an_address_gives_it_a_name(messages: tuple[str, ...], name: str) -> None:
    """What was offered or refused is nobody's address."""
    assert told(lease(1) | {"msg_types": messages}).name(ADDRESS) == name


def test_without_a_mac_the_address_has_the_name() -> None:
    """A row that tells no MAC names its address."""
    assert told(lease(1, mac="")).name(ADDRESS) == "lt-4711"


def test_a_renewal_without_a_name_keeps_it() -> None:
    """A host need not tell its name each time, nor for each address."""
    leases = told(lease(1), lease(2, name=""), lease(3, name="", address="10.0.0.2"))
    assert (leases.name(ADDRESS), leases.name("10.0.0.2")) == ("lt-4711", "lt-4711")


def test_another_host_does_not_inherit_the_name() -> None:
    """An address that is handed on has the new host's name, or none."""
    assert told(lease(1), lease(2, OTHER, "")).name(ADDRESS) == ""
    assert told(lease(1), lease(2, OTHER, "other")).name(ADDRESS) == "other"


def test_the_latest_by_log_time_counts_in_any_order() -> None:
    """Rows up to the time count by their own times, whatever the order in which they come."""
    rows = [lease(1), lease(5, OTHER, "b"), lease(5, OTHER, "a"), lease(7), lease(9, name="late")]
    for order in permutations(rows):
        found = [told(*order, until=until).name(ADDRESS) for until in (0, 4, 6, 8, 9)]
        assert found == ["", "lt-4711", "b", "lt-4711", "late"]


def test_going_on_in_steps_is_going_on_at_once() -> None:
    """Whenever rows come and however often time moves on, the same is told."""
    chance = random.Random(3)  # noqa: S311  no secret
    for _ in range(50):
        rows = [
            lease(chance.randint(0, 20), chance.choice((MAC, OTHER)), chance.choice("ab"))
            for _ in range(12)
        ]
        stepwise = Leases()
        for until, row in enumerate(chance.sample(rows, len(rows))):
            stepwise.add(frame("dhcp", DHCP_COLUMNS, [row]))
            stepwise.settle(until)
        stepwise.settle(15)
        assert stepwise.name(ADDRESS) == told(*rows, until=15).name(ADDRESS)


def test_old_rows_are_let_go() -> None:
    """A host that renews for ever takes no more room than one that does not."""
    leases = told(*(lease(ts) for ts in range(500)), until=400)
    assert [len(rows) for rows in leases.state().holders.values()] == [100]
    leases.settle(500)
    assert leases.state().holders == {ADDRESS: [(499, MAC)]}
    assert leases.state().names == {MAC: [(499, "lt-4711")]}


def test_what_is_told_no_more_expires() -> None:
    """What was last told before a time is forgotten, and what was told since stays."""
    leases = told(lease(1), lease(10, OTHER, "other", "10.0.0.2"), lease(10, name=""))
    leases.expire(10)
    assert [leases.name(one) for one in (ADDRESS, "10.0.0.2")] == ["", "other"]
    assert leases.host(ADDRESS) == MAC


def test_a_flood_of_leases_is_bounded() -> None:
    """The oldest go, in whatever order they came, and are counted."""
    rows = [lease(ts, f"{ts:012x}", f"h{ts}", f"10.0.{ts // 256}.{ts % 256}") for ts in range(200)]
    for order in (rows, rows[::-1]):
        leases = told(*order, limit=80)
        assert len(leases.state().holders) == len(leases.state().names) == 70
        assert (leases.name("10.0.0.129"), leases.name("10.0.0.130")) == ("", "h130")
        assert leases.dropped == 260


def test_a_device_is_forgotten() -> None:
    """Of an address that is forgotten neither its host nor the host's name is left."""
    leases = told(lease(1), lease(2, OTHER, "other", "10.0.0.2"))
    leases.forget(ADDRESS)
    assert (leases.host(ADDRESS), leases.name(MAC)) == (ADDRESS, "")
    assert leases.name("10.0.0.2") == "other"


def test_leases_go_on_from_their_state() -> None:
    """What later times will tell is kept too."""
    leases = told(lease(1), lease(5, OTHER, "other"), until=3)
    kept = msgspec.msgpack.decode(msgspec.msgpack.encode(leases.state()), type=LeasesState)
    again = Leases()
    again.restore(kept)
    assert again.state() == leases.state()
    assert again.name(ADDRESS) == "lt-4711"
    again.settle(5)
    assert again.name(ADDRESS) == "other"
    assert again.state().holders == {ADDRESS: [(5, OTHER)]}
