"""What the users and apps of simulated devices do: sessions, browsing, and the DNS before them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.catalogue import BROWSED, lifetime_of_answers, mixed
from flowprint_zeek.analysis.devices import GATEWAY, Device, Role
from flowprint_zeek.analysis.network import DAY, HOUR, Stream, moments
from flowprint_zeek.analysis.wire import NONE, UID_DIGITS, Chance, Flows, Kind, stacked
from flowprint_zeek.core.arrays import Floats, Ints, expand
from flowprint_zeek.core.flows import SECOND

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowprint_zeek.analysis.catalogue import Catalogue
    from flowprint_zeek.analysis.network import Network

BASE62 = np.frombuffer(
    b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz", dtype=np.uint8
)
EPHEMERAL = (32768, 61000)
"""Ports of clients."""

PHONE_RHYTHM = np.array(
    [2, 1, 1, 1, 1, 2, 6, 10, 9, 8, 8, 9, 12, 9, 8, 8, 9, 11, 12, 13, 14, 14, 10, 5], float
)
LAPTOP_RHYTHM = np.array(
    [1, 1, 1, 1, 1, 1, 2, 6, 14, 16, 16, 14, 8, 14, 16, 15, 12, 8, 5, 5, 6, 6, 4, 2], float
)
FLAT_RHYTHM = np.ones(24)
RHYTHMS = {
    Role.PHONE: PHONE_RHYTHM,
    Role.LAPTOP: LAPTOP_RHYTHM,
    Role.SERVER: FLAT_RHYTHM,
    Role.THING: FLAT_RHYTHM,
}
"""Relative activity of the hours of a day."""

SESSIONS_A_DAY = {Role.PHONE: 26, Role.LAPTOP: 14}
SESSION_SECONDS = (180.0, 0.7)
"""Median and spread of the time that an app is used for; at least 1 and at most 10 minutes."""
SYNCS_A_DAY = 4
"""How often a day each app looks for news by itself, for some seconds."""
SYNC_SHARE = 0.35
"""How many of its destinations an app needs for that, as a share of a session's."""
BROWSING_A_DAY = {Role.PHONE: 3, Role.LAPTOP: 6}
BROWSING_SECONDS = (900.0, 0.7)
PAGE_SECONDS = 45.0
PAGE_NAMES = 16
"""Other connections that a page makes."""
RANK_EXPONENT = 1.25
"""Of n draws from this Zipf law about n^0.8 differ: 456 of 1,441, where a browsing user's
1,441 TLS flows of an hour went to 418 domains."""
RANKS = 1 << 40
BROWSED_INFRASTRUCTURE = 0.12
"""Share of a page's connections that go to what apps use, too."""
PLANTED_SESSIONS = 3.0
"""Mean sessions of a planted app on a device, besides two."""
PLANTED_DEVICES = 3
"""Planted apps are on 1, 2 … this many devices in turn: a lone user and a small roll-out."""
PLANTED_DAYS = 3
"""Days in which the sessions of a planted app on a device lie, where there is time for more: apps
are tried out when they are new. The devices install it within as many days of each other."""
BOTH_FAMILIES = 0.6
"""Share of look-ups that ask for an IPv6 address, too."""


class Label(IntEnum):
    """Labels of flows of no app, counted from the end of the list of labels."""

    SERVER = -1
    SCAN = -2
    DNS = -3
    BROWSER = -4
    BACKGROUND = -5
    THING = -6


def labels(world: Catalogue) -> tuple[str, ...]:
    """Return the names of label codes: apps, then what is no app."""
    return (*world.apps, *(label.name.lower() for label in sorted(Label)))


def drafted(
    rng: Generator,
    start: Ints,
    kind: Ints | int,
    label: Ints | int,
    *,
    orig: Ints | int = NONE,
    resp: Ints | int = NONE,
    orig_p: Ints | int | None = None,
    resp_p: Ints | int = NONE,
    destination: Ints | int = NONE,
    length: Ints | int = NONE,
) -> Flows:
    """Return flows; one number stands for all of them, and ports of clients are drawn."""
    size = start.size
    if orig_p is None:
        orig_p = rng.integers(*EPHEMERAL, size, dtype=np.int64)
    digits = rng.integers(0, BASE62.size, (size, UID_DIGITS), dtype=np.uint8)
    uid = np.ascontiguousarray(BASE62[digits]).view(f"S{UID_DIGITS}").reshape(size)
    chance = rng.random((size, len(Chance)), dtype=np.float32)

    def full(column: Ints | int) -> Ints:
        return np.broadcast_to(np.asarray(column, dtype=np.int64), (size,))

    return Flows(
        start=start,
        kind=full(kind),
        orig=full(orig),
        orig_p=full(orig_p),
        resp=full(resp),
        resp_p=full(resp_p),
        destination=full(destination),
        label=full(label),
        length=full(length),
        uid=uid,
        chance=chance,
    )


@dataclass(frozen=True, slots=True)
class Sessions:
    """Uses of apps: which, from when and how long (µs), and how much of it (a share)."""

    app: Ints
    start: Ints
    length: Ints
    scale: Floats

    @classmethod
    def of(cls, rng: Generator, app: Ints, start: Ints) -> Sessions:
        """Return sessions of people, each with a random length."""
        length = lasting(rng, SESSION_SECONDS, app.size, 60, 600)
        return cls(app, start, length, np.ones(app.size))

    def before(self, end: int) -> Sessions:
        """Return the sessions with their ends cut to a moment."""
        return Sessions(self.app, self.start, np.minimum(self.length, end - self.start), self.scale)


def lasting(
    rng: Generator, spread: tuple[float, float], size: int, low: float, high: float
) -> Ints:
    """Return random lengths of time, µs, around a median in seconds."""
    seconds = spread[0] * np.exp(spread[1] * rng.standard_normal(size))
    return (np.clip(seconds, low, high) * SECOND).astype(np.int64)


def waits(rng: Generator, mean: float, size: int) -> Ints:
    """Return random waits of a mean in seconds, µs."""
    return (rng.exponential(mean, size) * SECOND).astype(np.int64)


def visits(rng: Generator, world: Catalogue, sessions: Sessions) -> Flows:
    """Return what apps contact in sessions: bursts at first, then again and again."""
    use, place = expand(world.first[sessions.app + 1] - world.first[sessions.app])
    contact = world.first[sessions.app[use]] + place
    kept = rng.random(contact.size) < world.share[contact] * sessions.scale[use]
    use, contact = use[kept], contact[kept]
    begin = sessions.start[use] + waits(rng, 1.5, use.size)
    burst, nth = expand(1 + rng.poisson(world.burst[contact] * sessions.scale[use]))
    first = begin[burst] + waits(rng, 0.6, burst.size) * (nth > 0)
    left = np.maximum(sessions.start[use] + sessions.length[use] - begin, 0)
    again, turn = expand(left // world.period[contact])
    jitter = 1 + 0.1 * rng.standard_normal(again.size)
    later = begin[again] + ((turn + 1) * world.period[contact[again]] * jitter).astype(np.int64)
    row = np.concatenate((burst, again))
    return drafted(
        rng,
        np.concatenate((first, later)),
        Kind.TLS,
        sessions.app[use[row]],
        destination=world.destination[contact[row]],
    )


def used(rng: Generator, world: Catalogue, device: Device, low: int) -> Flows:
    """Return the flows of a day's app sessions and of apps that look for news by themselves."""
    high = low + DAY
    rhythm = RHYTHMS[device.role]
    popular = 1 / np.arange(1, device.apps.size + 1)
    size = int(rng.poisson(SESSIONS_A_DAY[device.role] * device.activity))
    app = rng.choice(device.apps, size, p=popular / popular.sum())
    people = Sessions.of(rng, app, moments(rng, size, low, high, rhythm))
    size = int(rng.poisson(SYNCS_A_DAY * device.apps.size * device.activity))
    syncs = Sessions(
        rng.choice(device.apps, size),
        moments(rng, size, low, high, np.sqrt(rhythm)),
        lasting(rng, (10.0, 0.4), size, 3, 30),
        np.full(size, SYNC_SHARE),
    )
    return stacked([visits(rng, world, people), visits(rng, world, syncs)])


def browsing(rng: Generator, world: Catalogue, device: Device, low: int) -> Flows:
    """Return the flows of a day's web browsing: fresh names never run out."""
    rhythm = RHYTHMS[device.role]
    size = int(rng.poisson(BROWSING_A_DAY[device.role] * device.activity))
    starts = moments(rng, size, low, low + DAY, rhythm)
    length = lasting(rng, BROWSING_SECONDS, starts.size, 120, 3600)
    use, _ = expand(1 + (length / (PAGE_SECONDS * SECOND)).astype(np.int64))
    page = starts[use] + (rng.random(use.size) * length[use]).astype(np.int64)
    row, _ = expand(1 + rng.poisson(PAGE_NAMES, page.size))
    site = BROWSED + rng.zipf(RANK_EXPONENT, row.size) % RANKS
    shared = rng.integers(0, world.n_shared, row.size)
    destination = np.where(rng.random(row.size) < BROWSED_INFRASTRUCTURE, shared, site)
    start = page[row] + waits(rng, 1.2, row.size)
    return drafted(rng, start, Kind.TLS, Label.BROWSER, destination=destination)


def looked_up(rng: Generator, network: Network, world: Catalogue, flows: Flows) -> Flows:
    """Return the DNS flows of a device before its flows: one when the last answer is too old."""
    named = flows.destination >= 0
    known = named & (flows.destination < BROWSED)
    named[known] = world.destinations.name[flows.destination[known]] != ""
    rows = np.flatnonzero(named)
    rows = rows[np.argsort(flows.start[rows], kind="stable")]
    ttl = lifetime_of_answers(network, flows.destination[rows])
    key = mixed(0, flows.destination[rows], (flows.start[rows] + ttl // 3) // ttl)
    _, first = np.unique(key, return_index=True)
    asked, second = expand(1 + (rng.random(first.size) < BOTH_FAMILIES))
    ahead = 15_000 + (rng.random(first.size) * 45_000).astype(np.int64)
    day = (flows.start[rows[first]] - network.start) // DAY
    # a day's rows can be made without those of the day after it
    start = np.maximum(flows.start[rows[first]] - ahead, network.start + day * DAY)
    start = start[asked] + second * 400
    wanted = flows.destination[rows[first]][asked]
    kind = np.where(second > 0, Kind.DNS6, Kind.DNS)
    return drafted(rng, start, kind, Label.DNS, resp=GATEWAY, resp_p=53, destination=wanted)


def addressed(device: Device, flows: Flows) -> Flows:
    """Return flows with the device's address as originator where none is given."""
    flows.orig[:] = np.where(flows.orig == NONE, device.address(flows.start), flows.orig)
    return flows


def first_uses(network: Network, world: Catalogue, device: Device) -> Flows:
    """Return one session of each installed app before any planted app: then it is known."""
    rng = network.stream(Stream.FIRST_USE, device.number)
    start = moments(
        *(rng, device.apps.size, network.start, network.unseen_start, RHYTHMS[device.role])
    )
    app = rng.permutation(device.apps) if network.unseen_start > network.start else device.apps[:0]
    sessions = Sessions.of(rng, app, start[: app.size]).before(network.unseen_start)
    flows = visits(rng, world, sessions)
    return addressed(device, stacked([flows, looked_up(rng, network, world, flows)]))


@dataclass(frozen=True, slots=True)
class Planted:
    """A planted app on a device: its number, the device, its sessions' starts and their flows."""

    app: int
    device: Device
    starts: Ints
    flows: Flows


def planted(network: Network, world: Catalogue, devices: list[Device]) -> list[Planted]:
    """Return the use of every planted app on each of the devices that install it."""
    uses = []
    for nth in range(network.unseen_apps):
        app = network.apps + nth
        rng = network.stream(Stream.PLANTED, app)
        size = min(network.clients, 1 + nth % PLANTED_DEVICES)
        chosen = np.sort(rng.choice(network.clients, size, replace=False))
        uses += [_planted(network, world, app, devices[int(number)]) for number in chosen]
    return uses


def _planted(network: Network, world: Catalogue, app: int, device: Device) -> Planted:
    rng = network.stream(Stream.PLANTED, app, device.number)
    size = 2 + int(rng.poisson(PLANTED_SESSIONS))
    start = moments(rng, size, *_tried_out(network, app, device), RHYTHMS[device.role])
    sessions = Sessions.of(rng, np.full(size, app, dtype=np.int64), start).before(network.end)
    flows = visits(rng, world, sessions)
    flows = flows.take(flows.start < network.end)
    dns = looked_up(rng, network, world, flows)
    return Planted(app, device, start, addressed(device, stacked([flows, dns])))


def _tried_out(network: Network, app: int, device: Device) -> tuple[int, int]:
    """Return the ends of the time in which the sessions of a planted app lie, µs."""
    # time for a session before the end, and for its look-ups after the start
    low, high = network.unseen_start + SECOND, network.end - HOUR // 30
    spare = high - low - 2 * PLANTED_DAYS * DAY
    if spare > 0:
        appears = network.stream(Stream.INSTALL, app).random() * spare
        follows = network.stream(Stream.INSTALL, app, device.number).random() * PLANTED_DAYS * DAY
        low += int(appears + follows)
        high = low + PLANTED_DAYS * DAY
    return low, max(high, low + 1)
