"""Devices that others speak through."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from flowprint_zeek.stream.sharing import Sharing

if TYPE_CHECKING:
    from collections.abc import Mapping


def slices(*rows: Mapping[str, object]) -> pd.DataFrame:
    given = {"device": "d", "orig_h": "10.0.0.1", "server": "203.0.113.1", "resp_p": 443}
    texts = {"resp_h": "203.0.113.1", "client": "", "name": "www.example.com"}
    return pd.DataFrame([given | texts | dict(row) for row in rows])


def test_nobody() -> None:
    """A device that does what devices do is not shared, and neither is what it speaks to."""
    assert Sharing().shared(slices({}, {"device": "e"}), (), 1) == frozenset()


def test_proxies() -> None:
    """An explicit proxy that is a device is shared, whatever it is called as a device."""
    own = {"device": "02:00:00:00:00:09", "orig_h": "10.0.0.9"}
    assert Sharing().shared(slices(own, {}), ["10.0.0.9:3128"], 1) == {"02:00:00:00:00:09"}


def asked(device: str) -> dict[str, object]:
    return {"device": device, "server": "10.0.0.2", "resp_p": 53}


OWN: dict[str, object] = {"device": "r", "orig_h": "10.0.0.2"}


def test_resolvers() -> None:
    """What three devices asked for names resolves for others, until nobody asks."""
    sharing = Sharing()
    assert sharing.shared(slices(OWN, asked("a"), asked("b")), (), 1) == frozenset()
    assert sharing.shared(slices(OWN, asked("c")), (), 2) == {"r"}
    assert sharing.shared(slices(OWN), (), 3) == {"r"}
    sharing.expire(2)
    assert sharing.shared(slices(OWN), (), 4) == frozenset()


def test_one_question_hides_nobody() -> None:
    """A device that asks another again and again does not make it a resolver."""
    assert Sharing().shared(slices(OWN, *[asked("a")] * 9), (), 1) == frozenset()


def test_many_clients() -> None:
    """A device that shows many clients at once is several hosts."""
    rows = [{"client": f"ja4:{at % 4}"} for at in range(8)]
    assert Sharing(clients=3).shared(slices(*rows), (), 1) == {"d"}
    assert Sharing(clients=4).shared(slices(*rows), (), 1) == frozenset()


def test_what_does_not_tell_hosts_apart() -> None:
    """Browsers shuffle what JA3 is made of, and anyone may send any User-Agent."""
    rows = [{"client": f"{kind}:{at}"} for at in range(8) for kind in ("ja3", "ua")]
    assert Sharing(clients=3).shared(slices(*rows), (), 1) == frozenset()


def test_scanners() -> None:
    """A device that reaches many destinations without a name scans."""
    rows: list[dict[str, object]] = [{"resp_h": f"203.0.113.{at}", "name": ""} for at in range(5)]
    assert Sharing(endpoints=4).shared(slices(*rows, {"device": "e"}), (), 1) == {"d"}
    assert Sharing(endpoints=5).shared(slices(*rows), (), 1) == frozenset()
    named = slices(*rows).assign(name="cdn.example")
    assert Sharing(endpoints=4).shared(named, (), 1) == frozenset()
