"""Batches over time: rows come in the order of their files, batches close by the watermark.

conn.log is ordered by connection *end*, so a long connection's row comes long after most of its
batches closed. What counts is decided by the row itself, never by when it happened to be read:

- a slice is *late* if its batch ends more than ``lateness`` before its row's end; late slices
  change nothing and are only matched against the fingerprints of their batch,
- a batch closes when the watermark, the largest row end, passes its end + ``lateness`` +
  ``disorder``; a row for a batch already closed is *overdue*, the only case that depends on order.

Rows that tell of one batch only (`flowprint_zeek.core.flows.EXPORTED`) are never late.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.core.arrays import Bools, Ints, Texts, ints
from flowprint_zeek.core.batch import cut_intervals
from flowprint_zeek.core.flows import EXPORTED
from flowprint_zeek.stream.exported import inexact
from flowprint_zeek.zeek.columns import UNSET

if TYPE_CHECKING:
    from collections.abc import Iterator

_ORDER = [
    *("start", "uid", "batch", "row_start", "row_end"),
    *("device", "orig_h", "orig_p", "resp_h", "resp_p", "proto", "n_bytes"),
]
"""What slices of a closed batch are sorted by; only ``row_end`` falls."""


@dataclass(frozen=True, slots=True)
class Timing:
    """Widths and delays, all in µs.

    Parameters
    ----------
    batch : int
        Width of a batch; batches are aligned to the epoch.
    lateness, disorder, late_keep : int
        See the module; late slices whose batch ended more than `late_keep` before their row's end
        are counted as unmatched without being looked at.
    """

    batch: int
    lateness: int
    disorder: int
    late_keep: int

    @property
    def delay(self) -> int:
        """Time from a batch's end to its closing."""
        return self.lateness + self.disorder

    def boundary(self, time: int) -> int:
        """Return the first time at which a batch closes, at a log time or after it."""
        return -(-(time - self.delay) // self.batch) * self.batch + self.delay

    def closes(self, number: int) -> int:
        """Return the log time at which a batch closes."""
        return (number + 1) * self.batch + self.delay

    def told_by(self, number: int) -> int:
        """Return the log time up to which what other logs tell of hosts counts in a batch.

        Later rows may or may not have come, by the delay of one log behind the other.
        """
        return (number + 1) * self.batch + self.lateness


@dataclass(frozen=True, slots=True)
class ClosedBatch:
    """One batch of all devices.

    Attributes
    ----------
    number : int
        Batch number since the epoch.
    slices : DataFrame
        Flow table of the slices, sorted by ``start`` and ``uid``, each row once. Where any row
        tells of this batch exactly, with `flowprint_zeek.core.flows.EXPORTED`.
    late : DataFrame
        Late slices of the rows that end in this batch, with their own ``batch``.
    n_forgotten : int
        Slices of those rows older than ``late_keep``.
    n_duplicates : int
        Rows ending in this batch that were written more than once.
    ended : ndarray of str
        Uids of the rows that end in this batch.
    """

    number: int
    slices: pd.DataFrame
    late: pd.DataFrame
    n_forgotten: int
    n_duplicates: int
    ended: Texts


class Batcher:
    """Sorts rows into batches and closes them.

    Parameters
    ----------
    timing : Timing
        Widths and delays.
    """

    def __init__(self, timing: Timing) -> None:
        self.timing = timing
        self.overdue = 0
        self._open: dict[int, list[pd.DataFrame]] = {}
        self._first_open: int | None = None

    @property
    def first_open(self) -> int | None:
        """Number of the first batch that is not closed; None before the first row."""
        return self._first_open

    @property
    def next_closing(self) -> int | None:
        """Log time after which the first batch that is open closes, µs; None where none is."""
        return None if not self._open else self.timing.closes(min(self._open))

    def resume(self, first_open: int | None, overdue: int) -> None:
        """Go on where batches before one had closed and so many rows were overdue."""
        self._first_open, self.overdue = first_open, overdue

    def add(self, rows: pd.DataFrame) -> None:
        """Take rows: a flow table with ``uid``, maybe with `flowprint_zeek.core.flows.EXPORTED`."""
        if rows.empty:
            return
        timing = self.timing
        start, end = ints(rows["start"]), ints(rows["end"])
        home = end // timing.batch
        first = np.minimum(start // timing.batch, home)
        # Batch k ends in time if (k + 1) * batch >= end - lateness.
        on_time = np.maximum(_least(end - timing.lateness, timing.batch), first)
        kept = np.clip(_least(end - timing.late_keep, timing.batch), first, on_time)
        closed = np.int64(self._first_open) if self._first_open is not None else first.min()
        self.overdue += int((on_time < closed).sum())
        in_time = home >= closed
        row, part_start, part_end = cut_intervals(
            np.maximum(start, kept * timing.batch)[in_time], end[in_time], timing.batch, 0
        )
        row = np.flatnonzero(in_time)[row]
        number = part_start // timing.batch
        late = number < on_time[row]
        usable = late | (number >= closed)
        row, number, late = row[usable], number[usable], late[usable]
        parts = rows.iloc[row].assign(
            start=part_start[usable],
            end=part_end[usable],
            row_start=start[row],
            row_end=end[row],
            batch=number,
            home=home[row],
            late=late,
            n_forgotten=(kept - first)[row],
        )
        self._file(parts, np.where(late, home[row], number))

    def _file(self, parts: pd.DataFrame, batch: Ints) -> None:
        if not batch.size:
            return
        if (batch == batch[0]).all():
            self._open.setdefault(int(batch[0]), []).append(parts)
            return
        order = np.argsort(batch, kind="stable")
        edges = np.flatnonzero(np.diff(batch[order], prepend=batch.min() - 1))
        for low, high in zip(edges, [*edges[1:], batch.size], strict=True):
            chosen = order[low:high]
            self._open.setdefault(int(batch[chosen[0]]), []).append(parts.iloc[chosen])

    def close(self, watermark: int) -> Iterator[ClosedBatch]:
        """Yield the batches that a watermark (µs) closes, in order."""
        first_open = -(-(watermark - self.timing.delay) // self.timing.batch) - 1
        if self._first_open is None or first_open > self._first_open:
            self._first_open = first_open
        yield from self._closed([number for number in self._open if number < self._first_open])

    def close_all(self) -> Iterator[ClosedBatch]:
        """Yield all open batches, in order."""
        yield from self._closed(list(self._open))

    def _closed(self, numbers: list[int]) -> Iterator[ClosedBatch]:
        for number in sorted(numbers):
            if self._first_open is None or number >= self._first_open:
                self._first_open = number + 1
            yield _closed_batch(number, _together(self._open.pop(number)))


def _together(parts: list[pd.DataFrame]) -> pd.DataFrame:
    """Return parts of a batch as one; rows that tell of no batch exactly say so beside others."""
    if any("windows" in part for part in parts):
        parts = [part if "windows" in part else inexact(part, "row_start") for part in parts]
    return pd.concat(parts, ignore_index=True)


class Departed:
    """Connections that became no flow, until the batch that they end in has closed.

    What other logs said of them is of use until then: another row of one of them may be a flow.

    Parameters
    ----------
    batch : int
        Width of a batch, µs.
    """

    def __init__(self, batch: int) -> None:
        self._batch = batch
        self._uids: dict[int, set[str]] = {}

    def add(self, rows: pd.DataFrame, flows: pd.DataFrame) -> None:
        """Take connections, and the flows that some of them became."""
        ended = rows[rows["final"]] if "final" in rows else rows
        left = ended[~ended["uid"].isin(flows["uid"])]
        home = ints(left["end"]) // self._batch
        for number in np.unique(home).tolist():
            uids = left["uid"][home == number].tolist()
            self._uids.setdefault(number, set()).update(uids)

    def until(self, number: int) -> set[str]:
        """Return those that ended up to a batch, and let go of them."""
        over = [each for each in self._uids if each <= number]
        return set().union(*map(self._uids.pop, over))


def _least(time: Ints, batch: int) -> Ints:
    """Return the least batch that ends at a time or after it."""
    return -(-time // batch) - 1


def _order(parts: pd.DataFrame) -> Ints:
    """Return slices by start, then by all that tells them apart, whatever order they came in."""
    start = ints(parts["start"])
    order = np.argsort(start, kind="stable")
    again = np.diff(start[order]) == 0
    tied = np.append(again, [False]) | np.append([False], again)
    # Few slices start at the same time, and sorting text is dear.
    names = [*_ORDER, *EXPORTED] if "windows" in parts else _ORDER
    chosen = order[tied]
    columns = [parts[name].to_numpy()[chosen] for name in names]
    columns[names.index("row_end")] *= -1
    keys = list(zip(*(column.tolist() for column in columns), strict=True))
    order[tied] = chosen[sorted(range(chosen.size), key=keys.__getitem__)]
    return order


def _twice(parts: pd.DataFrame, order: Ints) -> Bools:
    """Tell which rows, in an order, were written before; the first of them stands first."""
    rows = parts[["uid", "row_start", "batch"]]
    if "windows" in parts:
        # Of a connection and batch there is one exact row, whenever it says that it started.
        rows = rows.assign(row_start=parts["row_start"].where(parts["windows"] == "", UNSET))
    twice = np.zeros(order.size, dtype=np.bool_)
    # Few connections start at the same time.
    maybe = np.flatnonzero(rows["row_start"].duplicated(keep=False).to_numpy()[order])
    alike = rows.iloc[order[maybe]]
    twice[maybe] = alike.duplicated().to_numpy() & (alike["uid"] != "").to_numpy(np.bool_)
    return twice


def _closed_batch(number: int, parts: pd.DataFrame) -> ClosedBatch:
    order = _order(parts)
    # Of a row written twice the longer stays; it stands first.
    twice = _twice(parts, order)
    home = ints(parts["home"]) == number
    here = home & (ints(parts["batch"]) == number)
    order, again = order[~twice], order[twice]
    late = parts["late"].to_numpy(dtype=np.bool_)[order]
    ending = order[~late & home[order]]
    return ClosedBatch(
        number=number,
        slices=parts.iloc[order[~late]].reset_index(drop=True),
        late=parts.iloc[order[late]].reset_index(drop=True),
        n_forgotten=int(ints(parts["n_forgotten"])[ending].sum()),
        n_duplicates=int(here[again].sum()),
        ended=parts["uid"].to_numpy(dtype=object)[ending],
    )
