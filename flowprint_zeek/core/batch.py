"""Batches: cut flows at batch edges and note the windows in which each slice was active.

Batch ``k`` covers ``[origin + k * batch, origin + (k + 1) * batch)`` and windows are counted from
the same origin (paper section IV-B; the defaults 300 s and 30 s are those of its Table III).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import Ints, expand, ints, slabs, unique_pairs
from flowprint_zeek.core.windows import Windows

if TYPE_CHECKING:
    from collections.abc import Callable

    import pandas as pd

_MAX_TIMES = 1_000_000
"""Packets looked at together: about 50 MB."""

ACTIVITIES = ("ends", "interval")
"""How activity is taken from a start and an end: the first and last window, or all between."""


@dataclass(frozen=True, slots=True)
class Slices:
    """Parts of flows, each inside one batch.

    Attributes
    ----------
    flow : ndarray of shape (n_slices,)
        Row of the flow table.
    batch : ndarray of shape (n_slices,)
        Batch number since the origin.
    start : ndarray of shape (n_slices,)
        First activity in the batch, µs.
    active, window : ndarray of shape (n_pairs,)
        Slice and window number since the origin, one pair for each window with activity.
    """

    flow: Ints
    batch: Ints
    start: Ints
    active: Ints
    window: Ints


def cut(
    flows: pd.DataFrame, *, batch: int, window: int, origin: int = 0, activity: str = "ends"
) -> Slices:
    """Cut flows into slices.

    Parameters
    ----------
    flows : DataFrame
        Flow table. With a column ``times`` activity is exact to the packet, and where a column
        ``windows`` holds text, to the windows that it tells; otherwise it is taken from ``start``
        and ``end`` as `activity` says.
    batch, window : int
        Widths in µs. A window longer than the batch is legal.
    origin : int, default=0
        Time from which batches and windows are counted, µs since the epoch.
    activity : {"ends", "interval"}, default="ends"
        See `ACTIVITIES`; it is ignored where more is known.

    Returns
    -------
    Slices
        By flow, then batch.

    Raises
    ------
    ValueError
        Windows that are told cannot be made into those of such a batch, window and origin.
    """
    if "times" in flows.columns:
        each = flows["times"].to_list()
        size = ints([len(one) for one in each])
        return _cut_exact(
            size, lambda low, high: np.concatenate(each[low:high]), batch, window, origin
        )
    start, end = ints(flows["start"]), ints(flows["end"])
    known = Windows(start, flows["windows"]) if "windows" in flows.columns else None
    if known is None or not known.step:
        return _cut_ends(start, end, batch, window, origin, activity)
    if batch % known.step or window % known.step or origin % known.step:
        raise ValueError(
            f"windows are told in steps of {known.step} µs: batch, window and origin must be "
            f"multiples, not {batch}, {window} and {origin}"
        )
    exact, others = np.flatnonzero(known.size), np.flatnonzero(known.size == 0)
    told = _cut_exact(
        known.size[exact], lambda low, high: known.times(exact[low:high]), batch, window, origin
    )
    guessed = _cut_ends(start[others], end[others], batch, window, origin, activity)
    return _merged(_of(exact, told), _of(others, guessed))


def _of(flows: Ints, slices: Slices) -> Slices:
    """Return the slices of some flows as those of all."""
    return replace(slices, flow=flows[slices.flow])


def _merged(one: Slices, other: Slices) -> Slices:
    """Return the slices of different flows together."""
    flow = np.concatenate((one.flow, other.flow))
    order = np.argsort(flow, kind="stable")
    rank = np.empty_like(order)
    rank[order] = np.arange(order.size)
    active = rank[np.concatenate((one.active, other.active + one.flow.size))]
    by_slice = np.argsort(active, kind="stable")
    return Slices(
        flow[order],
        np.concatenate((one.batch, other.batch))[order],
        np.concatenate((one.start, other.start))[order],
        active[by_slice],
        np.concatenate((one.window, other.window))[by_slice],
    )


def _cut_ends(
    start: Ints, end: Ints, batch: int, window: int, origin: int, activity: str
) -> Slices:
    """Cut flows of which only first and last packet are known."""
    flow, part_start, part_end = cut_intervals(start, end, batch, origin)
    active, number = windows_between(part_start, part_end, window, origin, activity)
    return Slices(flow, (part_start - origin) // batch, part_start, active, number)


def cut_intervals(start: Ints, end: Ints, batch: int, origin: int) -> tuple[Ints, Ints, Ints]:
    """Cut intervals at batch edges.

    Returns
    -------
    row, start, end : ndarray of shape (n_slices,)
        Row of each slice, and its first and last microsecond inside its batch.
    """
    first = (start - origin) // batch
    row, place = expand((end - origin) // batch - first + 1)
    edge = origin + (first[row] + place) * batch
    return row, np.maximum(start[row], edge), np.minimum(end[row], edge + batch - 1)


def windows_between(
    start: Ints, end: Ints, window: int, origin: int, activity: str
) -> tuple[Ints, Ints]:
    """Return pairs of interval and window number for the windows with activity."""
    first, last = (start - origin) // window, (end - origin) // window
    if activity == "ends":
        rows = np.arange(start.size)
        return unique_pairs(np.concatenate((rows, rows)), np.concatenate((first, last)))
    row, place = expand(last - first + 1)
    return row, first[row] + place


def _cut_exact(
    size: Ints, times: Callable[[int, int], Ints], batch: int, window: int, origin: int
) -> Slices:
    """Cut flows by so many times each; `times` returns those of some flows, one after another."""
    parts = [Slices(*(ints([]) for _ in Slices.__slots__))]
    done = 0
    for low, high in slabs(size, _MAX_TIMES):
        row = low + np.repeat(np.arange(high - low), size[low:high])
        part = _cut_times(row, times(low, high) - origin, batch, window)
        part.start[:] += origin
        part.active[:] += done
        done += part.flow.size
        parts.append(part)
    columns = zip(
        *([getattr(part, name) for name in Slices.__slots__] for part in parts), strict=True
    )
    return Slices(*map(np.concatenate, columns))


def _cut_times(row: Ints, time: Ints, batch: int, window: int) -> Slices:
    """Cut flows by the times of their packets, counted from the origin."""
    fresh = row[1:] != row[:-1]
    if (time[1:] < time[:-1])[~fresh].any():
        time = time[np.lexsort((time, row))]
    number, at = time // batch, time // window
    first = np.ones(row.size, dtype=np.bool_)
    first[1:] = fresh | (number[1:] != number[:-1])
    active = first.copy()
    active[1:] |= at[1:] != at[:-1]
    of_time = np.cumsum(first) - 1
    return Slices(row[first], number[first], time[first], of_time[active], at[active])
