"""The TLS clients of simulated devices: which software opened a connection, as JA4 tells it.

An app brings a client of its own, but for some of its destinations uses what its system lends to
all apps (web views, the system's HTTP stack) or what a library brought (advertising, log-in). A
browser has one client for each brand and release. Some desktop apps are a browser inside.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.catalogue import INFRASTRUCTURE, THING_NAMES, mixed
from flowprint_zeek.analysis.devices import Role, number_of
from flowprint_zeek.analysis.network import DAY
from flowprint_zeek.analysis.traffic import Label
from flowprint_zeek.analysis.wire import Kind
from flowprint_zeek.core.arrays import Bools, Floats, Ints, Texts, ints
from flowprint_zeek.zeek.columns import objects

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.analysis.catalogue import Catalogue
    from flowprint_zeek.analysis.devices import Device
    from flowprint_zeek.analysis.network import Network
    from flowprint_zeek.analysis.wire import Flows

SYSTEM_SHARE = 1 / 3
"""Share of an app's destinations that it reaches through its system's stack."""
LIBRARY_SHARE = 1 / 3
"""Share of the infrastructure that an app uses through a library with a client of its own."""
EMBEDDED_SHARE = 0.1
"""Share of apps that on laptops are a browser inside, of the most common brand."""
BRANDS = (0.62, 0.82, 0.94, 1.0)
"""Shares of the brands of browsers, added up."""
RELEASE_DAYS = 28
"""Days between releases of a browser. Each has another client here; real ones keep theirs longer.
"""
UPDATE_DAYS = 7
"""Days after a release in which devices install it."""
OWNERS = ints(
    [
        sorted({n.partition(".")[2] for n in INFRASTRUCTURE}).index(n.partition(".")[2])
        for n in INFRASTRUCTURE
    ]
)
"""Who each name of the infrastructure belongs to: an owner has one library."""


class Family(IntEnum):
    """Sorts of clients."""

    APP = 0
    SYSTEM = 1
    LIBRARY = 2
    BROWSER = 3
    THING = 4


@dataclass(frozen=True, slots=True)
class Clients:
    """Columns of what decides which clients devices use, a row for each device.

    ``first_thing`` is the first destination of things in the catalogue.
    """

    platform: Ints
    role: Ints
    browses: Bools
    first_thing: int

    @classmethod
    def of(cls, devices: Sequence[Device], world: Catalogue) -> Clients:
        """Return the columns of devices."""
        return cls(
            ints([device.platform for device in devices]),
            ints([device.role for device in devices]),
            np.array([device.browses for device in devices], dtype=np.bool_),
            int(world.things[0, 0]),
        )

    def ja4(self, network: Network, flows: Flows) -> Texts:
        """Return the client fingerprints of flows with a handshake."""
        key = self._keys(network, flows) * 2 + (flows.kind == Kind.QUIC)
        distinct, place = np.unique(key, return_inverse=True)
        return objects([_text(network, one) for one in distinct.tolist()])[place]

    def _keys(self, network: Network, flows: Flows) -> Ints:
        inside = flows.orig >> 24 == 10
        device = number_of(network, flows.orig)
        system = _key(Family.SYSTEM, self.role[device], self.platform[device])
        browser = _browser(network, np.where(inside, device, flows.orig), flows.start)
        by_app = self._of_apps(network, flows, device, system)
        browses = (flows.label == Label.SERVER) & (self.browses[device] | ~inside)
        thing = _key(Family.THING, (flows.destination - self.first_thing) // len(THING_NAMES))
        # the label of what is no app is below 0
        kinds = (flows.label >= 0, browses | (flows.label == Label.BROWSER))
        return np.select(
            [*kinds, flows.label == Label.THING], [by_app, browser, thing], default=system
        )

    def _of_apps(self, network: Network, flows: Flows, device: Ints, system: Ints) -> Ints:
        app, to = flows.label, flows.destination
        own = _key(Family.APP, app, self.platform[device])
        embedded = (self.role[device] == Role.LAPTOP) & (_chance(network, app) < EMBEDDED_SHARE)
        own = np.where(embedded, _browser(network, device, flows.start, brand=0), own)
        shared = (to >= 0) & (to < OWNERS.size)
        library = _key(Family.LIBRARY, OWNERS[np.where(shared, to, 0)], self.platform[device])
        # which code of the app talks to a destination does not change
        chance = _chance(network, app, to)
        lent = np.where(chance < SYSTEM_SHARE, system, own)
        return np.where(shared & (chance >= 1 - LIBRARY_SHARE), library, lent)


def _browser(network: Network, who: Ints, when: Ints, brand: int | None = None) -> Ints:
    """Return the browsers that devices have: of one brand, or of the brand each prefers."""
    chosen = np.searchsorted(BRANDS, _chance(network, who)).astype(np.int64)
    if brand is not None:
        chosen = np.full_like(chosen, brand)
    delay = _chance(network, who, chosen) * UPDATE_DAYS
    phase = _chance(network, -1 - chosen) * RELEASE_DAYS
    release = (when - ((delay - phase) * DAY).astype(np.int64)) // (RELEASE_DAYS * DAY)
    return _key(Family.BROWSER, chosen, release)


def _key(family: Family, first: Ints, second: Ints | int = 0) -> Ints:
    return (int(family) << 40) + (first << 20) + second


def _chance(network: Network, *numbers: Ints) -> Floats:
    """Return a number from 0 to below 1 that numbers decide."""
    chance: Floats = (mixed(network.seed + 3, *numbers) >> np.uint64(11)).astype(np.float64) / 2**53
    return chance


def _text(network: Network, key: int) -> str:
    """Return the JA4 of a client; the last bit of its key says QUIC."""
    digest = hashlib.sha256(f"{network.seed}/client/{key}".encode()).hexdigest()
    ciphers, extensions = 10 + int(digest[24], 16) % 8, 9 + int(digest[25], 16) % 9
    transport, protocol = ("q", "h3") if key % 2 else ("t", "h2")
    return f"{transport}13d{ciphers:02d}{extensions:02d}{protocol}_{digest[:12]}_{digest[12:24]}"
