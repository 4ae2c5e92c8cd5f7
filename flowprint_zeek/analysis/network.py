"""What to simulate: the network's parameters, its random streams and its clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.flows import SECOND, microseconds
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowprint_zeek.core.arrays import Floats, Ints

HOUR = 3600 * SECOND
DAY = 24 * HOUR

MONDAY = 1_772_409_600 * SECOND
"""2026-03-02T00:00:00Z, the default start: certificates of that spring live at most 200 days."""

LIMITS: dict[str, tuple[float, float]] = {
    "seed": (0, 2**63 - 1),
    "devices": (1, 100_000),
    "apps": (1, 5_000),
    "days": (0.05, 366),
    "start": (0, 4_102_444_800 * SECOND),
    "unseen_apps": (0, 500),
    "browsers": (0, 100_000),
    "servers": (0, 100_000),
    "things": (0, 100_000),
    "phone_browsing_share": (0, 1),
    "activity": (0, 10),
    "tls13_share": (0, 1),
    "resumed_share": (0, 1),
    "quic_share": (0, 1),
    "unanswered_share": (0, 1),
    "address_change_share": (0, 1),
    "idle_share": (0, 1),
}
"""What each parameter may be, ends included."""


LEAST_UNSEEN_DAYS = 0.01
"""Days that planted apps need to be used in, a quarter of an hour."""


class Stream(IntEnum):
    """Kinds of independent random streams; a stream is a kind and numbers such as device, day."""

    CATALOGUE = 0
    INSTALLED = 1
    LEASE = 2
    DAY = 3
    FIRST_USE = 4
    PLANTED = 5
    SCAN = 6
    INSTALL = 7
    EXPORTED = 8


@dataclass(frozen=True, slots=True)
class Network:
    """A network to simulate. Whatever is measured on it is a *simulated* figure.

    Parameters
    ----------
    seed : int
        Equal networks with equal seeds give equal bytes.
    devices : int
        Phones, laptops, servers and things together.
    apps : int
        Known apps; each is used on some device before ``unseen_from``.
    days : float
        Length, at least 0.05.
    start : int
        First moment, µs since the epoch; the day rhythm follows UTC.
    unseen_apps : int
        Planted apps, installed on some devices after ``unseen_from``.
    unseen_from : float, optional
        Days after ``start`` before which no planted app is used. Default: the last day, or the
        second half of a network of less than two days.
    browsers : int
        Devices with a browsing user.
    servers : int
        Devices that are servers: inbound traffic, little outbound, no apps.
    things : int
        Devices that do one thing, such as meters and cameras: a few destinations, always the same.
    phone_browsing_share : float
        Share of phones on which somebody browses the web now and then.
    activity : float
        How often people, apps and systems do something: 0.1 is a tenth of the sessions, each as
        long as ever. Things, push connections and scanners are as they are.
    client_fingerprints : bool
        Whether ssl.log has the column ``ja4``, which a stock Zeek has not.
    tls13_share : float
        Share of server names that speak TLS 1.3: 79 % of the TLS flows of a log of 2024.
    resumed_share : float
        Share of TLS 1.2 connections that resume a session and show no certificate; 12 % of the
        TLS flows of Android captures.
    quic_share : float
        Share of the flows to names with HTTP/3 that use it.
    unanswered_share : float
        Share of app flows that nobody answers or that are refused.
    address_change_share : float
        Chance a day that a device gets another address from DHCP.
    idle_share : float
        Share of TCP flows never closed. Zeek logs them five minutes after their last packet, later
        than the 90 s of disorder that batching allows for; so none by default.

    Raises
    ------
    UsageError
        A value out of range, or servers, things and browsers that do not fit the devices.

    Examples
    --------
    >>> Network(days=3).unseen_start == MONDAY + 2 * DAY
    True
    """

    seed: int = 1
    devices: int = 12
    apps: int = 24
    days: float = 2.0
    start: int = MONDAY
    unseen_apps: int = 4
    unseen_from: float | None = None
    browsers: int = 1
    servers: int = 1
    things: int = 0
    phone_browsing_share: float = 0.0
    activity: float = 1.0
    client_fingerprints: bool = True
    tls13_share: float = 0.75
    resumed_share: float = 0.12
    quic_share: float = 0.5
    unanswered_share: float = 0.01
    address_change_share: float = 0.15
    idle_share: float = 0.0

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise UsageError(f"{name} must be from {low} to {high}, not {value}")
        others = "servers and things" if self.things else "servers"
        if self.clients < 1:
            raise UsageError(f"{others} must be fewer than devices ({self.devices})")
        if self.browsers > self.clients:
            raise UsageError(f"browsers must be at most {self.clients}, the devices less {others}")
        latest = self.days - LEAST_UNSEEN_DAYS
        if self.unseen_from is not None and not 0 <= self.unseen_from <= latest:
            raise UsageError(
                f"unseen_from must be from 0 to {latest:g}, not {self.unseen_from}: planted apps"
                " need some time before the end"
            )

    @property
    def clients(self) -> int:
        """Phones and laptops; they come first, then servers, then things."""
        return self.devices - self.servers - self.things

    def day_start(self, day: int) -> int:
        """Return when a day, counted from 0, begins, µs."""
        return self.start + day * DAY

    @property
    def end(self) -> int:
        """Moment at which the sensor stops, µs; every connection still open is cut there."""
        return self.start + microseconds(self.days * 86400)

    @property
    def n_days(self) -> int:
        """Days begun."""
        return math.ceil(self.days)

    @property
    def unseen_start(self) -> int:
        """Moment before which no planted app is used, µs."""
        if self.unseen_from is None:
            return self.end - min(DAY, (self.end - self.start) // 2)
        return self.start + microseconds(self.unseen_from * 86400)

    def stream(self, kind: Stream, *numbers: int) -> Generator:
        """Return the random stream of a kind and numbers; none depends on another."""
        key = (int(kind), *numbers)
        return np.random.default_rng(np.random.SeedSequence(self.seed, spawn_key=key))


def moments(rng: Generator, size: int, low: int, high: int, rhythm: Floats) -> Ints:
    """Return sorted random moments from ``low`` to below ``high``, µs.

    Parameters
    ----------
    rng : Generator
        Source of chance.
    size : int
        How many.
    low, high : int
        Ends, µs since the epoch.
    rhythm : ndarray of shape (24,)
        Relative activity of each hour of the day, above 0.
    """
    hours = np.arange(low // HOUR, max(high - 1, low) // HOUR + 2, dtype=np.int64)
    edges = np.clip(hours * HOUR, low, high)
    weight = np.diff(edges) * rhythm[hours[:-1] % 24]
    total = np.concatenate(([0.0], np.cumsum(weight)))
    drawn = np.sort(rng.random(size)) * total[-1]
    offset: Floats = np.interp(drawn, total, (edges - low).astype(np.float64))
    return np.minimum(low + offset.astype(np.int64), max(high - 1, low))
