"""Seeded traffic."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from benchmarks.generators import (
    DESTINATIONS,
    ORIGIN,
    PACKETS,
    Traffic,
    at_random,
    in_sessions,
)
from flowprint_zeek.core.flows import SECOND, check_flow_table, flow_table

if TYPE_CHECKING:
    from collections.abc import Callable

BATCH = 300 * SECOND

GENERATORS = pytest.mark.parametrize(
    "make",
    [
        at_random,
        lambda size, seed: at_random(size, seed, per_batch=40, lasts=60),
        lambda size, seed: in_sessions(size, seed, per_batch=40),
        lambda size, seed: in_sessions(size, seed, devices=3, per_batch=40),
    ],
    ids=["batch", "crowded", "sessions", "devices"],
)


@GENERATORS
def test_same_seed_same_flows(make: Callable[[int, int], Traffic]) -> None:
    """A seed gives the same flows again, and another seed others."""
    one, again, other = make(300, 1).table(), make(300, 1).table(), make(300, 2).table()

    pd.testing.assert_frame_equal(one, again)
    assert one["resp_h"].tolist() != other["resp_h"].tolist()


@GENERATORS
def test_flows_lie_inside_batches_that_open_with_a_packet(
    make: Callable[[int, int], Traffic],
) -> None:
    """No flow crosses a batch edge; a device's batches all open with a packet, the last ends it."""
    traffic = make(300, 1)

    for device in np.unique(traffic.device):
        inside = traffic.times[traffic.device == device] - ORIGIN
        batch = inside // BATCH
        assert (batch == batch[:, :1]).all()
        opened = [int(inside[batch[:, 0] == number].min()) for number in range(batch.max() + 1)]
        assert [number * BATCH for number in range(batch.max() + 1)] == opened
        assert (batch.max() + 1) * BATCH - 1 == inside[:, 0].max()


@GENERATORS
def test_flows_are_what_is_promised(make: Callable[[int, int], Traffic]) -> None:
    """Flows come by end, with ten packets in order, to at most 200 destinations."""
    traffic = make(300, 1)

    assert (300, PACKETS) == traffic.times.shape
    assert (np.diff(traffic.times, axis=1) >= 0).all()
    assert (np.diff(traffic.times[:, -1]) >= 0).all()
    assert 0 <= traffic.destination.min() <= traffic.destination.max() < DESTINATIONS
    check_flow_table(traffic.table())


def test_the_table_is_that_of_the_flows() -> None:
    """Flow objects and the table hold the same flows."""
    traffic = in_sessions(200, 1)

    pd.testing.assert_frame_equal(flow_table(traffic.flows()), traffic.table())


def test_devices_have_flows_in_equal_numbers() -> None:
    """Flows are spread over the devices, and those of one can be had apart."""
    traffic = in_sessions(300, 1, devices=3, per_batch=50)

    assert [100, 100, 100] == traffic.table()["device"].value_counts().tolist()
    assert [100, 100] == [part.size for part in traffic.of_devices(2)]
    assert [{0}, {1}] == [set(part.device.tolist()) for part in traffic.of_devices(2)]
