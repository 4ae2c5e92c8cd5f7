"""Cutting flows at batch edges."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.batch import Slices, cut, cut_intervals

INTERVALS = st.lists(
    st.tuples(st.integers(-500, 500), st.integers(0, 400)).map(lambda f: (f[0], f[0] + f[1])),
    max_size=8,
)
WIDTHS = st.sampled_from([(10, 3), (10, 10), (7, 20), (100, 9)])
ORIGINS = st.integers(-50, 50)


def windows_of(slices: Slices) -> list[tuple[int, int, set[int]]]:
    """Return flow, batch and active windows of each slice."""
    found: list[set[int]] = [set() for _ in slices.flow]
    for at, window in zip(slices.active.tolist(), slices.window.tolist(), strict=True):
        found[at].add(window)
    return list(zip(slices.flow.tolist(), slices.batch.tolist(), found, strict=True))


def slow(
    flow: int, times: list[int], widths: tuple[int, int], origin: int
) -> list[tuple[int, int, set[int]]]:
    """Return the slices of one flow, one moment of activity after another."""
    batches: dict[int, set[int]] = {}
    for time in sorted(times):
        inside = batches.setdefault((time - origin) // widths[0], set())
        inside.add((time - origin) // widths[1])
    return [(flow, batch, windows) for batch, windows in batches.items()]


@given(INTERVALS, WIDTHS, ORIGINS)
def test_intervals(flows: list[tuple[int, int]], widths: tuple[int, int], origin: int) -> None:
    """A flow from start to end may be active in every window that it touches, batch by batch."""
    table = pd.DataFrame(flows, columns=["start", "end"], dtype=np.int64)
    slices = cut(table, batch=widths[0], window=widths[1], origin=origin, activity="interval")
    expected = [
        one
        for flow, (start, end) in enumerate(flows)
        for one in slow(flow, list(range(start, end + 1)), widths, origin)
    ]
    assert windows_of(slices) == expected


@given(
    st.lists(st.lists(st.integers(-500, 500), min_size=1, max_size=6), max_size=8), WIDTHS, ORIGINS
)
def test_packet_times(flows: list[list[int]], widths: tuple[int, int], origin: int) -> None:
    """With packet times a flow is active in exactly the windows of its packets."""
    times = np.empty(len(flows), dtype=object)
    times[:] = [ints(one) for one in flows]
    slices = cut(pd.DataFrame({"times": times}), batch=widths[0], window=widths[1], origin=origin)
    expected = [one for flow, each in enumerate(flows) for one in slow(flow, each, widths, origin)]
    assert windows_of(slices) == expected
    first = [min(t for t in flows[f] if (t - origin) // widths[0] == b) for f, b, _ in expected]
    assert slices.start.tolist() == first


@given(INTERVALS, st.integers(1, 50), ORIGINS)
def test_cut_intervals(flows: list[tuple[int, int]], batch: int, origin: int) -> None:
    """Slices of a flow follow each other without a gap, each inside one batch."""
    start, end = ints([f[0] for f in flows]), ints([f[1] for f in flows])
    row, low, high = cut_intervals(start, end, batch, origin)
    assert ((low - origin) // batch == (high - origin) // batch).all()
    for flow in range(len(flows)):
        lows, highs = low[row == flow], high[row == flow]
        assert (lows[0], highs[-1]) == flows[flow]
        assert (lows[1:] == highs[:-1] + 1).all()


@pytest.mark.parametrize(("activity", "expected"), [("interval", {0, 1, 2, 3}), ("ends", {0, 3})])
def test_activity(activity: str, expected: set[int]) -> None:
    """Without packet times a flow is active all the time, or in its first and last window."""
    table = pd.DataFrame({"start": [5], "end": [35]})
    slices = cut(table, batch=100, window=10, activity=activity)
    assert windows_of(slices) == [(0, 0, expected)]


def test_an_edge_belongs_to_the_later_batch() -> None:
    """Batches are half open."""
    table = pd.DataFrame({"start": [99, 100], "end": [99, 100]})
    assert cut(table, batch=100, window=10).batch.tolist() == [0, 1]


@pytest.mark.parametrize("exact", [False, True])
def test_no_flows(exact: bool) -> None:
    """No flows have no slices."""
    columns = ["start", "end", "times"] if exact else ["start", "end"]
    slices = cut(pd.DataFrame(columns=columns), batch=10, window=3)
    assert slices.flow.size == slices.active.size == 0
