"""Whether a batch can be trusted: packets that Zeek lost, and logs that fell silent.

Without the log that tells names, what a site knows well shows itself as bare addresses, and every
device seems to run something new. What a batch shows then is marked and neither raised nor learned.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.flows import DNS_NAME, HTTP_HOST, SECOND, SERVER_NAME

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from flowprint_zeek.core.arrays import Bools

_FEW = 20
"""Flows of a batch from which on their coverage tells something."""

_USUALLY = 0.3
"""Coverage that a log must usually have for its absence to be told."""

_ENOUGH = 100
"""Flows that what is usual rests on."""

_FADING = 0.98
"""What an earlier batch counts beside the next one: half after about three hours."""

_STALE = 1_800 * SECOND
"""How long the last row of capture_loss.log counts where none is of the batch: twice Zeek's
interval."""


class Loss(NamedTuple):
    """A row of capture_loss.log: the interval that it is of, µs, and the per cent lost."""

    begin: int
    end: int
    percent: float


@dataclass(slots=True)
class Usual:
    """How many flows a log usually tells of: flows that it told, and all."""

    told: float = 0.0
    flows: float = 0.0

    @property
    def share(self) -> float:
        """Share of the flows."""
        return self.told / self.flows if self.flows else 0.0

    def add(self, told: int, flows: int) -> None:
        """Count a batch in."""
        self.told = self.told * _FADING + told
        self.flows = self.flows * _FADING + flows


@dataclass(frozen=True, slots=True)
class HealthState:
    """What `Health` holds: usual coverage by log, and the last losses by Zeek process."""

    usual: dict[str, Usual]
    losses: dict[str, list[Loss]]


class Health:
    """Judges batches by capture_loss.log and by what the logs beside conn.log usually tell.

    Parameters
    ----------
    max_capture_loss : float
        Per cent of packets lost over which a batch is not trusted.
    min_coverage : float
        Share of its usual coverage below which a log counts as missing.
    """

    def __init__(self, max_capture_loss: float, min_coverage: float) -> None:
        self.max_capture_loss = max_capture_loss
        self.min_coverage = min_coverage
        self._usual: dict[str, Usual] = {}
        self._losses: dict[str, list[Loss]] = {}

    def state(self) -> HealthState:
        """Return what it holds, to go on from."""
        return HealthState(self._usual, self._losses)

    def restore(self, state: HealthState) -> None:
        """Hold what `state` returned."""
        self._usual, self._losses = state.usual, state.losses

    def take(self, chunk: pd.DataFrame) -> None:
        """Take rows of capture_loss.log, as read."""
        columns = (chunk[name].tolist() for name in ("peer", "ts", "ts_delta", "percent_lost"))
        for peer, ts, delta, percent in zip(*columns, strict=True):
            if not math.isnan(percent):
                self._losses.setdefault(peer, []).append(Loss(ts - max(delta, 0), ts, percent))

    def judge(self, slices: pd.DataFrame, start: int, end: int, told_by: int) -> str:
        """Return why a batch is not trusted, "" where it is; it then counts towards what is usual.

        Parameters
        ----------
        slices : DataFrame
            Flow table of its slices, joined.
        start, end : int
            The batch, µs.
        told_by : int
            Time up to which rows of capture_loss.log count, µs: later ones may or may not have
            come.
        """
        lost = self._lost(start, end, told_by)
        if lost > self.max_capture_loss:
            return f"{lost:.0f} % of packets lost"
        counted = [(log, int(of.sum()), int((told & of).sum())) for log, of, told in _told(slices)]
        for log, flows, told in counted:
            usual = self._usual.get(log, Usual())
            if flows < _FEW or usual.flows < _ENOUGH or usual.share < _USUALLY:
                continue
            if told < flows * usual.share * self.min_coverage:
                return f"{log} log tells of {told} of {flows} flows, usually {usual.share:.0%}"
        for log, flows, told in counted:
            self._usual.setdefault(log, Usual()).add(told, flows)
        return ""

    def _lost(self, start: int, end: int, told_by: int) -> float:
        """Return the per cent of packets that some Zeek process lost in a batch."""
        worst = 0.0
        for peer, losses in list(self._losses.items()):
            losses.sort()
            recent = [loss for loss in losses if loss.end > start - _STALE]
            told = [loss for loss in recent if loss.end <= told_by]
            inside = [loss for loss in told if loss.end > start and loss.begin < end]
            worst = max([worst, *(loss.percent for loss in inside or told[-1:])])
            self._losses[peer] = recent
            if not recent:
                del self._losses[peer]
        return worst


def _told(slices: pd.DataFrame) -> Iterator[tuple[str, Bools, Bools]]:
    """Yield each log, the slices that it may tell of, and those that it told of."""
    tcp = (slices["proto"] == "tcp").to_numpy(np.bool_)
    port, named_by = ints(slices["resp_p"]), ints(slices["named_by"])
    certified = (slices["certificate"] != "").to_numpy(np.bool_)
    every = np.ones(len(slices), dtype=np.bool_)
    yield "ssl", tcp & (port == 443), certified | (named_by & SERVER_NAME != 0)
    yield "http", tcp & (port == 80), named_by & HTTP_HOST != 0
    yield "dns", every, named_by & DNS_NAME != 0
