"""Connections that both conn.log and the Zeek package tell of: they count once.

flowprint_conn.log tells each batch of a connection exactly, conn.log tells all of it at its end.
What counts is decided by the batches of the rows, not by which log was read first.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.flows import TOLD
from flowprint_zeek.core.windows import Windows, windows_text
from flowprint_zeek.zeek.columns import UNSET, objects
from flowprint_zeek.zeek.waiting import Waiting

if TYPE_CHECKING:
    from collections import Counter

    import pandas as pd

    from flowprint_zeek.core.arrays import Bools, Ints
    from flowprint_zeek.stream.batcher import ClosedBatch, Timing
    from flowprint_zeek.zeek.waiting import WaitingState


class Exported:
    """Knows the connections that flowprint_conn.log told of lately.

    A row of conn.log ends in the batch of the last exact row of its connection: both have the time
    of its last packet. So connections are known until they end, and at most as long as late parts
    of one count.

    Parameters
    ----------
    timing : Timing
        Widths and delays of batches.
    limit : int
        Connections that are known, at most.
    """

    def __init__(self, timing: Timing, limit: int) -> None:
        self._timing = timing
        self._told: Waiting[tuple[int]] = Waiting(limit, latest=True)

    @property
    def dropped(self) -> int:
        """Connections that went because of the limit."""
        return self._told.dropped

    def state(self) -> WaitingState:
        """Return what it knows, to go on from."""
        return self._told.state()

    def restore(self, state: WaitingState) -> None:
        """Know what `state` returned."""
        self._told.restore(state)

    def settle(self, batch: ClosedBatch, reasons: Counter[str]) -> ClosedBatch:
        """Return a batch without what conn.log says of connections that are told of exactly.

        Parameters
        ----------
        batch : ClosedBatch
            The next batch.
        reasons : Counter of str
            Where rows of conn.log that end in the batch and count for nothing are counted, as
            ``exported``.

        Returns
        -------
        ClosedBatch
            ``home`` of an exact slice whose connection was told of before is another batch: as a
            flow it counted there.
        """
        slices, number = batch.slices, batch.number
        if "windows" not in slices and not self._told:
            return batch
        exact = _exact(slices)
        before = self._known(slices)
        own = slices[exact]
        self._told.add(own["uid"].tolist(), [(at,) for at in own["row_end"].tolist()])
        home = ints(slices["home"])
        ends = (home == number) & (~exact | _final(slices))
        twice = ~exact & self._known(slices)
        done = slices["uid"].to_numpy(dtype=object)[ends]
        kept = slices.assign(home=np.where(exact & before, number - 1, home))[~twice]
        left = replace(
            batch,
            slices=kept.reset_index(drop=True),
            late=batch.late[~self._known(batch.late)].reset_index(drop=True),
            n_forgotten=int(kept["n_forgotten"][ends[~twice]].sum()),
            ended=done,
        )
        self._told.forget(done.tolist())
        timing = self._timing
        keep = timing.late_keep + timing.delay + 2 * timing.batch
        self._told.expire(timing.closes(number) - keep)
        if (twice & ends).any():
            reasons["exported"] += int((twice & ends).sum())
        return left

    def _known(self, slices: pd.DataFrame) -> Bools:
        """Tell which slices are of connections that were told of."""
        rows = self._told.look_up(slices["uid"].tolist(), (UNSET,))
        return np.fromiter((at != UNSET for (at,) in rows), np.bool_, len(rows))


def inexact(flows: pd.DataFrame, began: str) -> pd.DataFrame:
    """Return flows of conn.log with the columns of exact ones; one column tells when they began."""
    told = dict.fromkeys(("windows", *TOLD), "")
    return flows.assign(began=flows[began], final=True, **told)


def united(rows: pd.DataFrame, batch: int) -> pd.DataFrame:
    """Return exact rows as whole connections: those of one uid are one flow.

    It has what its last row says, and the windows of all. Of several rows of one batch the first
    counts, and of those the longest.

    Parameters
    ----------
    rows : DataFrame
        Flow table with ``uid`` and `flowprint_zeek.core.flows.EXPORTED`.
    batch : int
        Width of a batch, µs.
    """
    rows = rows.sort_values(["uid", "start", "end", "windows"], ascending=[True, True, False, True])
    number = ints(rows["start"]) // batch
    named = (rows["uid"] != "").to_numpy(np.bool_)
    again = rows[["uid"]].assign(batch=number).duplicated().to_numpy(np.bool_)
    rows, named = rows[~(again & named)], named[~(again & named)]
    uid = rows["uid"].to_numpy(dtype=object)
    new = np.ones(uid.size, dtype=np.bool_)
    new[1:] = (uid[1:] != uid[:-1]) | ~named[1:]
    first = np.flatnonzero(new)
    start, end = ints(rows["start"])[first], np.maximum.reduceat(ints(rows["end"]), first)
    last = np.append(first[1:], uid.size) - 1
    return rows.iloc[last].assign(
        start=start,
        end=end,
        n_bytes=np.add.reduceat(ints(rows["n_bytes"]), first),
        windows=objects(_texts(rows, first, start)),
    )


def _texts(rows: pd.DataFrame, first: Ints, start: Ints) -> list[str]:
    """Return the windows of runs of rows, each counted from its start."""
    windows = Windows(ints(rows["start"]), rows["windows"])
    run = np.repeat(np.arange(first.size), np.diff(np.append(first, len(rows))))
    of_window = np.repeat(run, windows.size)
    step = windows.step
    numbers = windows.times(np.arange(len(rows))) // step - start[of_window] // step
    edges = np.searchsorted(of_window, np.arange(1, first.size))
    return [windows_text(step, part.tolist()) for part in np.split(numbers, edges)]


def _exact(slices: pd.DataFrame) -> Bools:
    """Tell which slices are of exact rows."""
    if "windows" not in slices:
        return np.zeros(len(slices), dtype=np.bool_)
    return (slices["windows"] != "").to_numpy(np.bool_)


def _final(slices: pd.DataFrame) -> Bools:
    """Tell which slices are of rows with which their connection ended."""
    if "final" not in slices:
        return np.ones(len(slices), dtype=np.bool_)
    return slices["final"].to_numpy(np.bool_)
