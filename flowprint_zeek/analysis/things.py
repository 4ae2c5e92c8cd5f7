"""What simulated things do: meters, cameras, controllers and the like, each always the same."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.network import DAY, Stream
from flowprint_zeek.analysis.traffic import Label, drafted
from flowprint_zeek.analysis.wire import Kind, stacked
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.flows import SECOND

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowprint_zeek.analysis.catalogue import Catalogue
    from flowprint_zeek.analysis.devices import Device
    from flowprint_zeek.analysis.network import Network
    from flowprint_zeek.analysis.wire import Flows
    from flowprint_zeek.core.arrays import Ints

EVERY_SECONDS = (900, 21_600, 864_000)
"""How often a thing talks to each of its maker's names; the last, firmware, every ten days."""
POLLED_SECONDS = 1200
"""How often a thing that a controller steers asks it."""
POLLED_SHARE = 0.3
"""Share of things with a controller."""
CONTROLLERS = (0x0A130002, 4)
"""First address of the controllers (10.19.0.2), and their number."""
MODBUS_PORT = 502


def thing_day(
    rng: Generator, network: Network, world: Catalogue, device: Device, low: int
) -> Flows:
    """Return the flows of a thing on a day: to its maker and, if it has one, its controller."""
    own = network.stream(Stream.INSTALLED, device.number, 2)
    names = world.things[int(own.integers(len(world.things)))]
    parts = []
    for every, name in zip(EVERY_SECONDS, names.tolist(), strict=True):
        start = _turns(rng, every, low)
        parts.append(drafted(rng, start, Kind.TLS, Label.THING, destination=name))
    if own.random() < POLLED_SHARE:
        controller = CONTROLLERS[0] + int(own.integers(CONTROLLERS[1]))
        start = _turns(rng, POLLED_SECONDS, low)
        columns = {"resp": controller, "resp_p": MODBUS_PORT}
        parts.append(drafted(rng, start, Kind.MODBUS, Label.THING, **columns))
    return stacked(parts)


def _turns(rng: Generator, every: int, low: int) -> Ints:
    """Return about evenly spaced moments of a day; what is rarer comes on some days."""
    step = min(every * SECOND, DAY)
    turns = np.arange(low, low + DAY, step, dtype=np.int64)
    turns = turns[rng.random(turns.size) < DAY / (every * SECOND)] if step == DAY else turns
    return ints(turns + (rng.random(turns.size) * step).astype(np.int64))
