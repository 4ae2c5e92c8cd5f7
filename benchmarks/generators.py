"""Seeded traffic that upstream and the engine should fingerprint alike.

Every flow has ten packets, all inside one batch of 300 s; a device's first packet opens its first
batch, every batch opens with a packet, and its last flow ends its last batch. So upstream's
histogram of start times has the batches of the engine, and its windows those of the engine.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.core.arrays import Ints, ints
from flowprint_zeek.core.flows import SECOND, Flow

if TYPE_CHECKING:
    from flowprint_zeek.core.arrays import Floats

ORIGIN = 1_767_225_600 * SECOND
"""First packet, µs since the epoch: 2026-01-01."""

PACKETS = 10
DESTINATIONS = 200
APPS = 20
WINDOWS = 10
_PER_APP = DESTINATIONS // APPS
_WINDOW = 30 * SECOND
_BATCH = WINDOWS * _WINDOW
_SESSION_WINDOWS = 4
_MOMENT = SECOND
"""Packets keep away from batch edges, but for those that open and end a batch."""


@dataclass(frozen=True, slots=True)
class Traffic:
    """Flows in the order in which they end.

    Attributes
    ----------
    device, destination : ndarray of shape (n_flows,)
        Numbers of them.
    times : ndarray of shape (n_flows, PACKETS)
        Sorted packet times, µs since the epoch.
    """

    device: Ints
    destination: Ints
    times: Ints

    @property
    def size(self) -> int:
        """Number of flows."""
        return self.device.size

    def of_devices(self, count: int) -> list[Traffic]:
        """Return the flows of each of the first devices."""
        found = []
        for number in range(count):
            own = self.device == number
            found.append(Traffic(self.device[own], self.destination[own], self.times[own]))
        return found

    def table(self) -> pd.DataFrame:
        """Return the flow table, with packet times; `flow_table` makes the same of `flows`."""
        exact = np.empty(self.size, dtype=object)
        exact[:] = list(self.times)
        columns = {
            "start": self.times[:, 0],
            "end": self.times[:, -1],
            "resp_h": _column([_host(n) for n in range(DESTINATIONS)], self.destination),
            "resp_p": np.full(self.size, 443, dtype=np.int64),
            "certificate": _column(
                [_certificate(n) or "" for n in range(DESTINATIONS)], self.destination
            ),
            "name": _column([""], np.zeros_like(self.destination)),
            "times": exact,
        }
        last = int(self.device.max(initial=0))
        if last:
            columns["device"] = _column([_device(n) for n in range(last + 1)], self.device)
        return pd.DataFrame(columns)

    def flows(self) -> list[Flow]:
        """Return the flows as values."""
        rows = zip(self.destination.tolist(), (self.times / SECOND).tolist(), strict=True)
        return [Flow(_host(n), 443, tuple(times), _certificate(n)) for n, times in rows]


def at_random(size: int, seed: int, *, per_batch: int = 0, lasts: int = 150) -> Traffic:
    """Return flows of one device to random destinations at random times.

    Parameters
    ----------
    size, seed : int
        Flows, and the seed.
    per_batch : int, default=0
        Flows of a batch; 0 for all in one.
    lasts : int, default=150
        Seconds that a flow lasts at most.

    Notes
    -----
    A destination with many or long flows in a batch is active in nearly every window, so that all
    make one fingerprint; with five short ones its signature is anything.
    """
    random = np.random.default_rng(seed)
    batch, _ = _batches(size, 1, per_batch or size)
    start = random.random(size) * (_BATCH - 2 * _MOMENT) + _MOMENT
    later = np.sort(random.random((size, PACKETS)), axis=1) * lasts * SECOND
    times = np.minimum(start[:, None] + later, _BATCH - _MOMENT)
    zeros = np.zeros(size, dtype=np.int64)
    return _traffic(zeros, batch, random.integers(0, DESTINATIONS, size), times)


def in_sessions(
    size: int, seed: int, *, devices: int = 1, per_batch: int = 250, sessions: int = 4
) -> Traffic:
    """Return flows of apps that are used in sessions, a few in every batch.

    Parameters
    ----------
    size, seed : int
        Flows of all devices, and the seed.
    devices : int, default=1
        Devices; each has as many flows as the others.
    per_batch : int, default=250
        Flows of a device and batch.
    sessions : int, default=4
        Sessions of a device and batch, each of another app. A session is an unbroken run of one to
        four windows, and its flows go to the ten destinations of its app.
    """
    random = np.random.default_rng(seed)
    batch, device = _batches(size, devices, per_batch)
    opened = _opens(device, batch)
    group = np.cumsum(opened) - 1
    shape = (int(opened.sum()), sessions)
    app = np.argsort(random.random((shape[0], APPS)), axis=1)[:, :sessions]
    length = random.integers(1, _SESSION_WINDOWS + 1, shape)
    first = random.integers(0, WINDOWS - length + 1)
    of_flow = random.integers(0, sessions, size)
    room = length[group, of_flow] * _WINDOW - 2 * _MOMENT
    start = random.random(size) * room
    later = np.sort(random.exponential(_WINDOW / 4, (size, PACKETS)), axis=1)
    times = np.minimum(start[:, None] + later, room[:, None])
    times += (first[group, of_flow] * _WINDOW + _MOMENT)[:, None]
    destination = app[group, of_flow] * _PER_APP + random.integers(0, _PER_APP, size)
    return _traffic(device, batch, destination, times)


def _batches(size: int, devices: int, per_batch: int) -> tuple[Ints, Ints]:
    """Return batch and device of each flow: flows in equal numbers, no batch more than asked."""
    device = np.arange(size) * devices // size
    own = size // devices
    count = max(1, own // per_batch)
    place = np.arange(size) - np.searchsorted(device, device)
    return np.minimum(place * count // max(own, 1), count - 1), device


def _opens(device: Ints, batch: Ints) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    """Tell of each flow whether it is the first of its device and batch."""
    return np.concatenate(([True], (device[1:] != device[:-1]) | (batch[1:] != batch[:-1])))


def _traffic(device: Ints, batch: Ints, destination: Ints, inside: Floats) -> Traffic:
    """Open and end batches, and order flows by their end."""
    times = np.rint(inside).astype(np.int64)
    times[_opens(device, batch), 0] = 0
    last = np.append(device[1:] != device[:-1], [True])
    times[last] = _BATCH - 1
    times += ORIGIN + batch[:, None] * _BATCH
    order = np.argsort(times[:, -1], kind="stable")
    return Traffic(ints(device[order]), ints(destination[order]), times[order])


def _column(values: list[str], number: Ints) -> pd.Series[str]:
    """Return a column of Python texts, as `flow_table` makes them."""
    return pd.Series(np.array(values, dtype=object)[number], dtype=object)


def _host(destination: int) -> str:
    return f"198.51.100.{destination + 1}"


def _certificate(destination: int) -> str | None:
    """Three of five destinations have a certificate; some share it with another of their app."""
    return f"{destination // 2:064x}" if destination % 5 < 3 else None


def _device(number: int) -> str:
    return f"10.0.{number // 256}.{number % 256}"
