"""Gathering: rows of all logs in, closed batches with what every log told of their flows out.

This half of the engine knows what rows say and nothing of apps; `flowprint_zeek.stream.pipeline`
has the other half. It may run in a process of its own (`flowprint_zeek.stream.apart`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowprint_zeek.core.devices import Dropped, Selector, without_names
from flowprint_zeek.stream.batcher import Batcher, ClosedBatch, Departed
from flowprint_zeek.stream.configured import beside_of, selection_of, timing_of
from flowprint_zeek.stream.exported import Exported

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pandas as pd

    from flowprint_zeek.config import Config
    from flowprint_zeek.zeek.beside import BesideState
    from flowprint_zeek.zeek.waiting import WaitingState


_DONE_WITH = ["row_end", "late", "n_forgotten"]
"""Columns of slices that only closing a batch needs."""


@dataclass(frozen=True, slots=True)
class JoinedBatch:
    """A closed batch of all devices, joined.

    Attributes
    ----------
    number : int
        Batch number since the epoch.
    slices : DataFrame
        Flow table of its slices with what other logs tell, in canonical order.
    late : DataFrame
        The same of the late slices of rows that end in this batch, with their own ``batch``.
    n_forgotten : int
        Late slices of those rows that are too old to be looked at.
    n_duplicates : int
        Rows ending in this batch that were written more than once.
    proxies : frozenset of str
        Endpoints of explicit proxies, as elements.
    described : callable
        Returns how people read a certificate.
    """

    number: int
    slices: pd.DataFrame
    late: pd.DataFrame
    n_forgotten: int
    n_duplicates: int
    proxies: frozenset[str]
    described: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class Gathered:
    """What gathering met so far.

    Attributes
    ----------
    dropped : Dropped
        Rows that became no flow, by reason.
    overdue : int
        Rows that came after a batch of theirs had closed.
    tls_dropped : int
        Rows of ssl.log, flowprint_conn.log and beside them that were too many and went.
    names_dropped : int
        Rows of http.log and addresses in dns.log that were too many and went.
    by_file : bool
        Whether ssl.log named a certificate by a file that another log tells of.
    """

    dropped: Dropped
    overdue: int
    tls_dropped: int
    names_dropped: int
    by_file: bool


class Gathering:
    """Takes rows as they arrive, and closes and joins batches as log time moves on.

    Parameters
    ----------
    config : Config
        Settings.
    """

    def __init__(self, config: Config) -> None:
        self.timing = timing_of(config)
        self._selector = Selector(selection_of(config))
        self._ignored = config.ignore.names
        self._beside = beside_of(config)
        self._batcher = Batcher(self.timing)
        self._departed = Departed(self.timing.batch)
        self._exported = Exported(self.timing, config.stream.join_rows)

    @property
    def met(self) -> Gathered:
        """What it met so far."""
        tls = self._beside.tls
        return Gathered(
            self._selector.dropped,
            self._batcher.overdue,
            tls.dropped + self._exported.dropped,
            self._beside.names_dropped,
            tls.by_file,
        )

    @property
    def proxies(self) -> frozenset[str]:
        """Endpoints of explicit proxies, as elements: shared by whoever goes through them."""
        return self._beside.proxies

    @property
    def next_closing(self) -> int | None:
        """Log time after which the first batch that is open closes, µs; None where none is."""
        return self._batcher.next_closing

    @property
    def first_open(self) -> int | None:
        """Number of the first batch that is not closed; None before the first row."""
        return self._batcher.first_open

    def conn(self, chunk: pd.DataFrame) -> None:
        """Take connections as `conn_rows` or `exported_rows` returns them."""
        self._beside.take_proxies(chunk)
        flows = self._selector.select(chunk)
        if len(flows) < len(chunk):
            self._departed.add(chunk, flows)
        self._batcher.add(flows)

    def again(self, chunk: pd.DataFrame) -> None:
        """Take connections that were taken before a restart, and count none of them twice."""
        dropped, overdue = self._selector.dropped, self._batcher.overdue
        self._selector.dropped = Dropped()
        self.conn(chunk)
        self._selector.dropped, self._batcher.overdue = dropped, overdue

    def beside(self, kind: str, chunk: pd.DataFrame) -> None:
        """Take rows of a log that tells of connections, such as ssl.log."""
        self._beside.take(kind, chunk)

    def advance(self, watermark: int) -> Iterator[JoinedBatch]:
        """Move log time on to the largest row end (µs) and yield the batches that it closes."""
        return self._joined(self._batcher.close(watermark))

    def finish(self) -> Iterator[JoinedBatch]:
        """Yield all open batches."""
        return self._joined(self._batcher.close_all())

    def _joined(self, batches: Iterable[ClosedBatch]) -> Iterator[JoinedBatch]:
        for closed in batches:
            batch = self._exported.settle(closed, self._selector.dropped.reasons)
            # By the time of closing: the row that the watermark comes from depends on the files.
            self._beside.expire(self.timing.closes(batch.number))
            proxies = self._beside.proxies_by(self.timing.told_by(batch.number))
            joined = JoinedBatch(
                batch.number,
                self._told(batch.slices, proxies),
                self._told(batch.late, proxies),
                batch.n_forgotten,
                batch.n_duplicates,
                proxies,
                self._beside.tls.certificates.described,
            )
            self._beside.forget(self._departed.until(batch.number).union(batch.ended))
            yield joined

    def _told(self, slices: pd.DataFrame, proxies: frozenset[str]) -> pd.DataFrame:
        """Add what other logs tell to slices, and leave out those to ignored names."""
        slices = slices.drop(columns=_DONE_WITH)
        return without_names(self._beside.join(slices, proxies), self._ignored)

    def state(self) -> tuple[BesideState, WaitingState]:
        """Return what other logs told and what was told of exactly, to go on from."""
        return self._beside.state(), self._exported.state()

    def restore(
        self,
        state: tuple[BesideState, WaitingState],
        dropped: Dropped,
        first_open: int | None,
        overdue: int,
    ) -> None:
        """Go on from what `state` returned, where batches before one had closed."""
        beside, exported = state
        self._beside.restore(beside)
        self._exported.restore(exported)
        self._selector.dropped = dropped
        self._batcher.resume(first_open, overdue)

    def forget_host(self, address: str) -> None:
        """Forget what is known of a host; see `Beside.forget_host`."""
        self._beside.forget_host(address)
