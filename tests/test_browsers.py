from __future__ import annotations

from flowprint_zeek.browsers import ONCE, Browsers


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
