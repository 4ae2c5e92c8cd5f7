"""Which TLS clients of which devices are browsers.

A client hello tells the software that sent it. A client of a device that reaches more registered
domains than an app does is a browser: its flows are fingerprinted apart from the device's other
flows, and what looks unseen among them needs more evidence. What updates a browser has a client of
its own, which reaches nothing but what the browser reached too: it is the browser's *companion*.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from reprlib import repr as short
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

JA3 = "ja3:"
ONCE = "ja3:once"
"""The client that all JA3 fingerprints are which a device showed only once.

Browsers shuffle their client hello, so that JA3 differs from connection to connection.
"""

_MOST = 256
"""Fingerprints of one device remembered as met once; the oldest go first."""

_EVERYWHERE = 3
"""Devices on which a client is a browser before it is one on every device."""

_LARGEST = 1 << 62
_COMPANIONS = 2
"""Registered domains, at least, that a companion reached: an app often has one."""

_MOST_BROWSED = 1000
"""Domains remembered that the browsers of one device reached; the least recent go first."""


@dataclass(slots=True)
class _Client:
    last: int
    domains: dict[str, int] = field(default_factory=dict)
    browser: bool = False


class Browsers:
    """Clients of devices, and which of them are browsers.

    Parameters
    ----------
    domains : int, default=25
        Registered domains that a client of a device may reach before it is a browser.
    """

    def __init__(self, domains: int = 25) -> None:
        self.domains = domains
        self._clients: dict[tuple[str, str], _Client] = {}
        self._spread: Counter[str] = Counter()
        self._once: dict[str, dict[str, None]] = {}
        self._browsed: dict[str, dict[str, None]] = {}

    @classmethod
    def from_dict(cls, held: object) -> Browsers:
        """Make them of what `to_dict` returned.

        Raises
        ------
        ValueError
            It is something else.
        """
        match held:
            case {"clients": list(clients), "domains": list(domains), **rest}:
                others, once = rest.get("others", []), rest.get("once", [])
            case _:
                raise ValueError(f"browsers is {short(held)}")
        browsers = cls()
        for row in clients:
            match row:
                case [str(device), str(client), int(last)] if abs(last) < _LARGEST:
                    browsers.put(device, client, last)
                case _:
                    raise ValueError(f"clients of browsers holds {short(row)}")
        for device, names in _texts("domains", domains):
            for name in names:
                browsers._browse(device, name)
        for device, client, last, reached in _others(others):
            browsers._clients.setdefault((device, client), _Client(last, reached))
        browsers._once = {device: dict.fromkeys(names) for device, names in _texts("once", once)}
        return browsers

    def to_dict(self) -> dict[str, list[Any]]:
        """Return the clients and what they reached as JSON holds them."""
        others = [
            (*pair, one.last, sorted(one.domains.items()))
            for pair, one in self._clients.items()
            if not one.browser
        ]
        return {
            "clients": list(self),
            "domains": [[device, list(names)] for device, names in sorted(self._browsed.items())],
            "others": sorted(others),
            "once": [[device, list(names)] for device, names in sorted(self._once.items())],
        }

    def __iter__(self) -> Iterator[tuple[str, str, int]]:
        """Yield the device, the client and the last time of each browser, µs, sorted."""
        found = [(*pair, one.last) for pair, one in self._clients.items() if one.browser]
        return iter(sorted(found))

    def __contains__(self, pair: tuple[str, str]) -> bool:
        """Tell whether a client of a device is a browser, there or on several other devices."""
        client = self._clients.get(pair)
        return (client is not None and client.browser) or self._everywhere(pair[1])

    def _everywhere(self, client: str) -> bool:
        return self._spread[client] >= _EVERYWHERE and client != ONCE

    def put(self, device: str, client: str, last: int) -> None:
        """Note that a client of a device is a browser."""
        known = self._clients.setdefault((device, client), _Client(last))
        known.last = max(known.last, last)
        self._spread[client] += not known.browser
        known.browser = True
        for domain in sorted(known.domains) if client != ONCE else ():
            self._browse(device, domain)
        known.domains.clear()

    def reached(self, device: str, client: str, domain: str, now: int) -> None:
        """Note that a client of a device reached a registered domain, at a time in µs."""
        known = self._clients.get((device, client))
        if known is None:
            known = self._clients[device, client] = _Client(now)
        known.last = max(known.last, now)
        if known.browser or self._everywhere(client):
            if client != ONCE:
                self._browse(device, domain)
            return
        known.domains[domain] = max(now, known.domains.get(domain, now))
        if len(known.domains) > self.domains:
            self.put(device, client, now)

    def _browse(self, device: str, domain: str) -> None:
        browsed = self._browsed.setdefault(device, {})
        browsed.pop(domain, None)
        browsed[domain] = None
        if len(browsed) > _MOST_BROWSED:
            del browsed[next(iter(browsed))]

    def browsed(self, device: str, domain: str) -> bool:
        """Tell whether a browser of a device reached a registered domain."""
        return domain in self._browsed.get(device, ())

    def is_companion(self, device: str, client: str) -> bool:
        """Tell whether a client reached domains of the device's browsers and no others."""
        known = self._clients.get((device, client))
        return (
            known is not None
            and len(known.domains) >= _COMPANIONS
            and all(self.browsed(device, domain) for domain in known.domains)
        )

    def named(self, device: str, client: str, count: int) -> str:
        """Return what a client fingerprint is counted as: itself, or `ONCE`.

        Parameters
        ----------
        device, client : str
            Who showed it.
        count : int
            How often in the batch at hand.
        """
        if not client.startswith(JA3) or (device, client) in self._clients:
            return client
        once = self._once.setdefault(device, {})
        if client in once or count > 1:
            once.pop(client, None)
            return client
        once[client] = None
        if len(once) > _MOST:
            del once[next(iter(once))]
        return ONCE

    def has_device(self, device: str) -> bool:
        """Tell whether anything is known of the clients of a device."""
        return device in self._once or any(one == device for one, _ in self._clients)

    def forget_device(self, device: str) -> None:
        """Forget what the clients of a device did."""
        for pair in [pair for pair in self._clients if pair[0] == device]:
            self._spread[pair[1]] -= self._clients.pop(pair).browser
        self._spread = +self._spread
        self._browsed.pop(device, None)
        self._once.pop(device, None)

    def expire(self, before: int) -> None:
        """Forget clients last seen before a time, µs, and domains that clients reached before it.

        Only so many days count towards a browser: the library of a system reaches more and more.
        What browsers reached is kept as long as one of the device is.
        """
        for pair in [pair for pair, known in self._clients.items() if known.last < before]:
            self._spread[pair[1]] -= self._clients.pop(pair).browser
        self._spread = +self._spread
        for known in self._clients.values():
            known.domains = {name: last for name, last in known.domains.items() if last >= before}
        alive = {device for device, _ in self._clients}
        for memory in (self._browsed, self._once):
            for device in [device for device in memory if device not in alive]:
                del memory[device]


def _texts(key: str, rows: object) -> Iterator[tuple[str, list[str]]]:
    """Yield the devices that a key of `Browsers.to_dict` holds, each with its texts."""
    for row in rows if isinstance(rows, list) else [rows]:
        match row:
            case [str(device), [*texts]] if all(isinstance(text, str) for text in texts):
                yield device, list(map(str, texts))
            case _:
                raise ValueError(f"{key} of browsers holds {short(row)}")


def _others(rows: object) -> Iterator[tuple[str, str, int, dict[str, int]]]:
    """Yield the clients that are no browsers, each with its last time and that of its domains."""
    for row in rows if isinstance(rows, list) else [rows]:
        match row:
            case [str(device), str(client), int(last), [*reached]] if abs(last) < _LARGEST:
                yield device, client, last, dict(map(_reached, reached))
            case _:
                raise ValueError(f"others of browsers holds {short(row)}")


def _reached(pair: object) -> tuple[str, int]:
    match pair:
        case [str(domain), int(last)] if abs(last) < _LARGEST:
            return domain, last
        case _:
            raise ValueError(f"others of browsers holds {short(pair)}")
