from __future__ import annotations

import pandas as pd

from flowprint_zeek.browsers import Browsers
from flowprint_zeek.stream.browsing import browsing


def slices(*rows: tuple[str, str, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["device", "client", "name"], dtype=object)


SURF = [("d", "ja4:web", f"www.site{at}.example") for at in range(4)]


def found(*rows: tuple[str, str, str]) -> list[bool]:
    told: list[bool] = browsing(slices(*rows), Browsers(domains=3), 1).tolist()
    return told


def test_clients_of_many_domains() -> None:
    """All slices of a client that turns out a browser in a batch are a browser's."""
    assert found(*SURF, ("d", "ja4:app", "api.app.example")) == [True] * 4 + [False]


def test_names_below_one_domain_are_one() -> None:
    """Many names of one registered domain make no browser."""
    assert not any(found(*(("d", "ja4:app", f"s{at}.app.example") for at in range(9))))


def test_without_clients_nothing_is_a_browsers() -> None:
    """Logs without client fingerprints have no browsers."""
    assert not any(found(*(("d", "", name) for _, _, name in SURF)))


def test_flows_without_client_go_with_their_domain() -> None:
    """Plain flows are a browser's where only browsers of the device reached their domain."""
    rows = [
        ("d", "", "img.site1.example"),
        ("d", "", "cdn.example"),
        ("d", "", ""),
        ("e", "", "img.site1.example"),
    ]
    assert found(*SURF, *rows) == [True] * 4 + [True, False, False, False]


def test_shared_domains_stay_with_the_apps() -> None:
    """A plain flow to a domain that an app reached too is no browser's."""
    rows = [
        ("d", "ja4:app", "api.app.example"),
        ("d", "ja4:app", "site1.example"),
        ("d", "", "site1.example"),
    ]
    assert found(*SURF, *rows) == [True] * 4 + [False, False, False]


def test_companions_go_with_the_browser() -> None:
    """A client that reaches nothing but what the device's browser reached is a part of it."""
    updater = [("d", "ja4:updater", f"update.site{at}.example") for at in (1, 2)]
    assert found(*SURF, *updater) == [True] * 6
    other = ("d", "ja4:updater", "other.example")
    assert found(*SURF, *updater, other) == [True] * 4 + [False] * 3
    assert found(*SURF, updater[0]) == [True] * 4 + [False]
    assert found(*SURF, *(("e", *one[1:]) for one in updater)) == [True] * 4 + [False] * 2


def test_later_batches() -> None:
    """What is a browser stays one."""
    browsers = Browsers(domains=3)
    browsing(slices(*SURF), browsers, 1)
    assert browsing(slices(SURF[0]), browsers, 2).tolist() == [True]


def test_what_was_browsed_before() -> None:
    """A plain flow goes with what browsers reached in earlier batches too."""
    browsers = Browsers(domains=3)
    browsing(slices(*SURF), browsers, 1)
    assert browsing(slices(("d", "", "site2.example")), browsers, 2).tolist() == [True]


def test_nothing() -> None:
    """A batch without slices has none of a browser."""
    assert browsing(slices(), Browsers(), 1).size == 0
