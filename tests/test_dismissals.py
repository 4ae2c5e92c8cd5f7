"""Dismissals: what they cover, for how long, and that they come back as they were."""

from __future__ import annotations

import pytest

from flowprint_zeek.dismissals import Dismissals

GAME = "name:api.game.example"
PLACE = "203.0.113.7:443"


def held(**given: object) -> Dismissals:
    """Return dismissals with one decision."""
    dismissals = Dismissals()
    dismissals.add(**{"made": 1} | given)  # type: ignore[arg-type]  # as a test gives them
    return dismissals


def alone(_device: str) -> tuple[str, ...]:
    """Return the groups of a device that has none."""
    return ()


def test_nothing_is_covered_without_a_decision() -> None:
    """No element and no device."""
    dismissals = Dismissals()
    assert not dismissals.cover(GAME)
    assert not dismissals.cover_device("10.0.0.1", alone)
    assert len(dismissals) == 0


def test_elements_are_covered_as_they_are() -> None:
    """An endpoint, a certificate or a name, and no other."""
    elements = (PLACE, "cert:0f0f", GAME)
    dismissals = held(elements=elements)
    assert all(map(dismissals.cover, elements))
    assert not any(map(dismissals.cover, ("203.0.113.7:80", "cert:0f", "name:game.example")))


@pytest.mark.parametrize(
    ("name", "covered"),
    [
        ("game.example", ["name:game.example"]),
        (".game.example", ["name:api.game.example", "name:a.b.game.example"]),
    ],
)
def test_names(name: str, covered: list[str]) -> None:
    """A name stands for itself, one with a leading dot for all below it."""
    elements = [
        *("name:game.example", "name:api.game.example", "name:a.b.game.example"),
        *("name:notgame.example", "cert:api.game.example", PLACE),
    ]
    assert [one for one in elements if held(names=[name]).cover(one)] == covered


@pytest.mark.parametrize(
    ("given", "covered"),
    [
        ("10.0.0.1/32", ["10.0.0.1", "7/10.0.0.1"]),
        ("10.0.0.0/8", ["10.0.0.1", "7/10.0.0.1", "10.9.9.9"]),
        ("fd00::/8", ["fd00::7"]),
        ("02:00:5e:00:53:01", ["02:00:5e:00:53:01"]),
    ],
)
def test_devices(given: str, covered: list[str]) -> None:
    """Addresses, networks and MAC addresses, in whatever VLAN a device is."""
    devices = ["10.0.0.1", "7/10.0.0.1", "10.9.9.9", "fd00::7", "02:00:5e:00:53:01", "strange"]
    dismissals = held(devices=[given])
    assert [one for one in devices if dismissals.cover_device(one, alone)] == covered


def test_groups() -> None:
    """All devices of a group, as it is when they are asked for."""
    groups = {"10.0.0.1": ["office", "sales"], "10.0.0.2": ["office"], "10.0.0.3": []}
    dismissals = held(groups=["sales", "floor-3"])
    assert [one for one in groups if dismissals.cover_device(one, groups.__getitem__)] == [
        "10.0.0.1"
    ]
    groups["10.0.0.1"] = ["office"]
    groups["10.0.0.3"] = ["floor-3"]
    assert [one for one in groups if dismissals.cover_device(one, groups.__getitem__)] == [
        "10.0.0.3"
    ]


def test_nobody_is_asked_for_groups_where_none_is_dismissed() -> None:
    """They take a look-up of each device."""

    def asked(device: str) -> tuple[str, ...]:
        raise AssertionError(device)

    dismissals = held(devices=["10.0.0.0/8"])
    assert dismissals.cover_device("10.0.0.1", asked)
    assert not dismissals.cover_device("192.168.0.1", asked)


def test_a_decision_is_told_by_its_number() -> None:
    """Numbers rise, and none is given twice, also after it was taken back."""
    dismissals = held(names=["a.example"], reason="known")
    second = dismissals.add(names=["b.example"], made=2, until=9)
    assert [(one.number, one.reason, one.until) for one in dismissals] == [
        (1, "known", None),
        (2, "", 9),
    ]
    assert dismissals.remove(second.number)
    assert dismissals.add(devices=["10.0.0.0/8"], made=3).number == 3


def test_a_decision_that_is_taken_back_holds_no_more() -> None:
    """What another one covers too stays covered."""
    dismissals = held(
        names=["a.example"], elements=[GAME], devices=["10.0.0.0/8"], groups=["sales"]
    )
    dismissals.add(elements=[GAME], made=2)
    assert dismissals.remove(1)
    assert dismissals.cover(GAME)
    assert not dismissals.cover("name:a.example")
    assert not dismissals.cover_device("10.0.0.1", lambda _device: ["sales"])
    assert not dismissals.remove(1)


def test_a_decision_ends_at_its_time() -> None:
    """To the microsecond; those for good stay."""
    dismissals = held(elements=[GAME], until=10)
    dismissals.add(elements=[PLACE], made=1)
    dismissals.expire(9)
    assert dismissals.cover(GAME)
    dismissals.expire(10)
    assert not dismissals.cover(GAME)
    assert dismissals.cover(PLACE)


def test_they_come_back_as_they_were() -> None:
    """Decisions, what they cover, and the next number."""
    dismissals = held(names=[".game.example"], devices=["10.0.0.0/8"], groups=["sales"], until=7)
    dismissals.add(elements=[PLACE], made=2)
    dismissals.remove(2)
    again = held(names=["other.example"])
    again.restore(dismissals.state())
    assert list(again) == list(dismissals)
    assert again.cover(GAME)
    assert again.cover_device("10.0.0.1", alone)
    assert again.cover_device("192.168.0.1", lambda _device: ["sales"])
    assert not again.cover("name:other.example")
    assert again.add(made=3).number == 3
