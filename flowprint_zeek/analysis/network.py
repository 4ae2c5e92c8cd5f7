"""What to simulate: the network's parameters, its random streams and its clock."""

from __future__ import annotations

import math
from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.parameters import NetworkParameters
from flowprint_zeek.core.flows import SECOND, microseconds
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowprint_zeek.core.arrays import Floats, Ints

HOUR = 3600 * SECOND
DAY = 24 * HOUR

MONDAY = NetworkParameters().start
"""2026-03-02T00:00:00Z, the default start."""

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
class Network(NetworkParameters):
    """A network to simulate. Whatever is measured on it is a *simulated* figure.

    Its parameters are those of `NetworkParameters`.

    Raises
    ------
    UsageError
        A value out of range, or servers, things and browsers that do not fit the devices.

    Examples
    --------
    >>> Network(days=3).unseen_start == MONDAY + 2 * DAY
    True
    """

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
