"""Cutting flows at batch edges."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.batch import Slices, cut, cut_intervals
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.core.windows import windows_text

if TYPE_CHECKING:
    from random import Random

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


ACTIVE = st.lists(st.lists(st.integers(-500, 500), min_size=1, max_size=6).map(sorted), max_size=6)


def exact_table(flows: list[list[int]], unit: int) -> pd.DataFrame:
    """Return a flow table with the windows of some width in which flows had packets."""
    texts = [
        windows_text(unit, sorted({time // unit - each[0] // unit for time in each}))
        for each in flows
    ]
    starts, ends = [each[0] for each in flows], [each[-1] for each in flows]
    columns = {"start": ints(starts), "end": ints(ends), "windows": np.array(texts, dtype=object)}
    return pd.DataFrame(columns)


@given(ACTIVE, st.sampled_from([(5, 20, 10), (5, 10, 20), (10, 10, 10), (1, 7, 20), (3, 9, 6)]))
def test_windows(flows: list[list[int]], widths: tuple[int, int, int]) -> None:
    """Windows say what packet times do where their width divides both others."""
    unit, batch, window = widths
    times = np.empty(len(flows), dtype=object)
    times[:] = [ints(one) for one in flows]
    expected = cut(pd.DataFrame({"times": times}), batch=batch, window=window)
    slices = cut(exact_table(flows, unit), batch=batch, window=window)
    assert windows_of(slices) == windows_of(expected)
    assert (slices.active == expected.active).all()
    edges = expected.start // unit * unit
    assert ((slices.start <= expected.start) & (slices.start >= edges)).all()


@given(ACTIVE, INTERVALS, st.randoms(), st.sampled_from(["ends", "interval"]))
def test_windows_of_some_flows(
    flows: list[list[int]], intervals: list[tuple[int, int]], chance: Random, activity: str
) -> None:
    """Flows without windows are cut as ever beside those that have them, in any order."""
    as_wanted = partial(cut, batch=20, window=10, activity=activity)
    others = pd.DataFrame(intervals, columns=["start", "end"], dtype=np.int64).assign(windows="")
    parts = [exact_table(flows, 5), others]
    table = pd.concat(parts, ignore_index=True)
    order = list(range(len(table)))
    chance.shuffle(order)
    found: dict[int, list[object]] = {}
    for flow, *rest in windows_of(as_wanted(table.iloc[order])):
        found.setdefault(order[flow], []).append(rest)
    expected: dict[int, list[object]] = {}
    for first, part in zip((0, len(flows)), parts, strict=True):
        for flow, *rest in windows_of(as_wanted(part)):
            expected.setdefault(first + flow, []).append(rest)
    assert found == expected


def test_slices_are_in_the_order_of_flows_whatever_is_known_of_them() -> None:
    """By flow, then batch, and their windows in the same order."""
    table = pd.DataFrame({"start": [5, 5, 5], "end": [25, 25, 25], "windows": ["", "5:0,4", ""]})
    slices = cut(table, batch=10, window=5)
    assert slices.flow.tolist() == [0, 0, 0, 1, 1, 2, 2, 2]
    assert slices.batch.tolist() == [0, 1, 2, 0, 2, 0, 1, 2]
    assert slices.active.tolist() == sorted(slices.active.tolist())
    assert slices.window[slices.active == 4].tolist() == [5]


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


@pytest.mark.parametrize(("batch", "window", "origin"), [(300, 20, 0), (290, 30, 0), (300, 30, 10)])
def test_told_windows_are_not_made_into_others(batch: int, window: int, origin: int) -> None:
    """What lies inside a window that was told is not known."""
    flows = pd.DataFrame(
        {"start": [310 * SECOND], "end": [355 * SECOND], "windows": ["30000000:0,1"]}
    )
    with pytest.raises(ValueError, match="told in steps of 30000000 µs"):
        cut(flows, batch=batch * SECOND, window=window * SECOND, origin=origin * SECOND)
