from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.browsers import ONCE, Browsers

if TYPE_CHECKING:
    from collections.abc import Callable


def reaching(browsers: Browsers, client: str, n_domains: int, now: int = 1) -> None:
    for at in range(n_domains):
        browsers.reached("d", client, f"site{at}.example", now)


def test_many_domains_make_a_browser() -> None:
    """A client is a browser once it reached more than so many registered domains."""
    browsers = Browsers(domains=3)
    reaching(browsers, "ja4:a", 3)
    assert ("d", "ja4:a") not in browsers
    reaching(browsers, "ja4:a", 4)
    assert ("d", "ja4:a") in browsers
    assert list(browsers) == [("d", "ja4:a", 1)]


def test_devices_apart() -> None:
    """The same software on another device is counted for itself."""
    browsers = Browsers(domains=3)
    reaching(browsers, "ja4:a", 4)
    assert ("e", "ja4:a") not in browsers


def test_a_browser_on_several_devices_is_one_everywhere() -> None:
    """Software that browses on three devices is a browser on all, until it is forgotten."""
    browsers = Browsers(domains=1)
    for at, device in enumerate("abc"):
        assert ("z", "ja4:a") not in browsers
        browsers.put(device, "ja4:a", 5 + at)
        browsers.put(device, "ja4:a", 5 + at)
    assert ("z", "ja4:a") in browsers
    browsers.expire(6)
    assert ("z", "ja4:a") not in browsers


def test_shuffled_hellos_are_no_browser_everywhere() -> None:
    """What every device may show once says nothing of other devices."""
    browsers = Browsers(domains=1)
    for device in "abc":
        browsers.put(device, ONCE, 5)
    assert ("z", ONCE) not in browsers


def test_ageing() -> None:
    """A client that was not seen for long is forgotten, one that came back is not."""
    browsers = Browsers(domains=1)
    reaching(browsers, "ja4:a", 2, now=5)
    reaching(browsers, "ja4:b", 2, now=5)
    reaching(browsers, "ja4:b", 1, now=9)
    browsers.expire(9)
    assert list(browsers) == [("d", "ja4:b", 9)]


def test_domains_age() -> None:
    """A client that is seen every day is a browser by what it reached lately, not ever."""
    browsers = Browsers(domains=3)
    for now in range(10):
        for at in (now, now + 1):
            browsers.reached("d", "ja4:a", f"site{at}.example", now)
        browsers.expire(now)
    assert ("d", "ja4:a") not in browsers
    for now in (10, 11):
        browsers.reached("d", "ja4:a", f"site{now + 1}.example", now)
    assert ("d", "ja4:a") in browsers


def test_what_browsers_reached() -> None:
    """The domains of a device's browsers are remembered, those from before it was one too."""
    browsers = Browsers(domains=2)
    reaching(browsers, "ja4:a", 4)
    assert [browsers.browsed("d", f"site{at}.example") for at in range(5)] == [True] * 4 + [False]
    assert not browsers.browsed("e", "site0.example")


def test_memory_of_domains_is_bounded() -> None:
    """Of thousands of domains the least recent are forgotten."""
    browsers = Browsers(domains=2)
    reaching(browsers, "ja4:a", 1500)
    assert browsers.browsed("d", "site1499.example")
    assert not browsers.browsed("d", "site0.example")


def test_companions() -> None:
    """A client is a browser's companion while it reached nothing but what that reached."""
    browsers = Browsers(domains=2)
    reaching(browsers, "ja4:a", 4)
    assert not browsers.is_companion("d", "ja4:b")
    browsers.reached("d", "ja4:b", "site1.example", 1)
    assert not browsers.is_companion("d", "ja4:b")
    browsers.reached("d", "ja4:b", "site2.example", 1)
    assert browsers.is_companion("d", "ja4:b")
    browsers.reached("d", "ja4:b", "other.example", 1)
    assert not browsers.is_companion("d", "ja4:b")


def test_put() -> None:
    """A browser that a model tells of is one, with its latest time."""
    browsers = Browsers()
    for last in (3, 7, 5):
        browsers.put("d", "ja4:a", last)
    assert list(browsers) == [("d", "ja4:a", 7)]


def test_shuffled_hellos_are_one_client() -> None:
    """JA3 fingerprints that a device shows once only are taken together."""
    browsers = Browsers()
    assert [browsers.named("d", f"ja3:{at}", 1) for at in range(3)] == [ONCE] * 3


def test_a_hello_met_again_is_a_client() -> None:
    """A JA3 fingerprint that comes back, or comes twice in a batch, stands for itself."""
    browsers = Browsers()
    assert browsers.named("d", "ja3:a", 1) == ONCE
    assert browsers.named("d", "ja3:a", 1) == "ja3:a"
    assert browsers.named("d", "ja3:b", 2) == "ja3:b"


def test_a_counted_client_stays_itself() -> None:
    """What has reached a domain under its own name keeps that name."""
    browsers = Browsers()
    browsers.reached("d", "ja3:a", "example.com", 1)
    assert browsers.named("d", "ja3:a", 1) == "ja3:a"


def test_ja4_stands_for_itself() -> None:
    """JA4 sorts what browsers shuffle."""
    assert Browsers().named("d", "ja4:a", 1) == "ja4:a"


def test_memory_of_hellos_is_bounded() -> None:
    """Of thousands of hellos met once the oldest are forgotten."""
    browsers = Browsers()
    for at in range(1000):
        browsers.named("d", f"ja3:{at}", 1)
    assert browsers.named("d", "ja3:999", 1) == "ja3:999"
    assert browsers.named("d", "ja3:0", 1) == ONCE


def kept(browsers: Browsers) -> Browsers:
    """Return browsers as a model file gives them back."""
    found = Browsers.from_dict(json.loads(json.dumps(browsers.to_dict())))
    found.domains = browsers.domains
    return found


def same(browsers: Browsers) -> Browsers:
    return browsers


def surfed(between: Callable[[Browsers], Browsers]) -> Browsers:
    """Return what is learned in two halves, with what becomes of it between them."""
    browsers = Browsers(domains=3)
    for half in (0, 2):
        reaching(browsers, "ja4:browser", half + 4, now=half)
        reaching(browsers, "ja4:later", half + 2, now=half)
        reaching(browsers, "ja4:app", 1, now=half)
        reaching(browsers, "ja4:old", 2 - half, now=half)
        for device in "dab"[half:]:
            browsers.put(device, "ja4:everywhere", half)
        browsers.reached("z", "ja4:everywhere", "site.example", half)
        for at in (2, 0, 1):
            browsers.named("d", f"ja3:{half + at}", 1)
        browsers = between(browsers)
        browsers.expire(half)
    return browsers


def test_learning_in_two_halves() -> None:
    """A model that is saved and loaded half way changes nothing of what is learned."""
    whole, halves = surfed(same), surfed(kept)
    assert vars(whole) == vars(halves)
    assert whole.to_dict() == halves.to_dict()
    assert ("d", "ja4:later") in halves
    assert list(halves.to_dict()) == ["clients", "domains", "others", "once"]


def test_a_file_of_browsers_alone() -> None:
    """Files used to tell of browsers and of nothing else."""
    browsers = Browsers.from_dict({"clients": [["d", "ja4:a", 5]], "domains": [["d", ["x.org"]]]})
    assert list(browsers) == [("d", "ja4:a", 5)]
    assert browsers.browsed("d", "x.org")


@pytest.mark.parametrize(
    ("key", "rows"),
    [
        ("others", {}),
        ("others", [["d", "ja4:a", 5]]),
        ("others", [["d", "ja4:a", "5", []]]),
        ("others", [["d", "ja4:a", 5, [["x.org", 1 << 62]]]]),
        ("others", [["d", "ja4:a", 5, ["x.org"]]]),
        ("once", None),
        ("once", [["d", [1]]]),
    ],
)
def test_what_is_damaged(key: str, rows: object) -> None:
    """The key that holds what cannot be is named."""
    with pytest.raises(ValueError, match=f"{key} of browsers holds"):
        Browsers.from_dict({"clients": [], "domains": [], key: rows})
