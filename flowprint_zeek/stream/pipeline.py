"""From rows to notices: one engine for replay and the daemon.

Rows go in as they arrive, a watermark moves the log time on, and every batch that closes is
joined, fingerprinted, and either learned or judged. The pipeline has no clock of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.devices import Dropped, Selector, without_names
from flowprint_zeek.core.elements import certificate_kinds
from flowprint_zeek.core.fingerprint import fingerprint
from flowprint_zeek.core.flows import DNS_NAME, HTTP_HOST, SERVER_NAME, microseconds
from flowprint_zeek.errors import ModelError
from flowprint_zeek.stream.batcher import Batcher, ClosedBatch, Timing
from flowprint_zeek.stream.browsing import browsing
from flowprint_zeek.stream.configured import (
    beside_of,
    notice_rule_of,
    parameters_of,
    rule_of,
    selection_of,
    timing_of,
)
from flowprint_zeek.stream.detection import Detector, Sink
from flowprint_zeek.stream.late import LateSlices
from flowprint_zeek.stream.learning import learn
from flowprint_zeek.stream.notices import status_notice
from flowprint_zeek.stream.pending import DAY, PendingApps
from flowprint_zeek.stream.sharing import Sharing
from flowprint_zeek.stream.view import BatchView

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    import pandas as pd

    from flowprint_zeek.config import Config
    from flowprint_zeek.known import Site


@dataclass(frozen=True, slots=True)
class Learning:
    """Until when batches are learned instead of judged.

    Parameters
    ----------
    until : int or None
        Log time, µs: a batch that starts before it is learned.
    duration : int or None
        The same, counted from the start of the first batch.
    """

    until: int | None = None
    duration: int | None = None

    def covers(self, batch_start: int, first_start: int) -> bool:
        """Tell whether a batch is learned."""
        if self.until is not None and batch_start < self.until:
            return True
        return self.duration is not None and batch_start < first_start + self.duration


@dataclass(slots=True)
class Counts:
    """What the pipeline has done.

    Attributes
    ----------
    flows, batches, learned, fingerprints, unassigned, bounded_batches, rows_duplicate : int
        Flows of devices, device-wide batches, those among them that were learned, fingerprints,
        slices without one, device batches whose clique search was cut short, and rows that were
        written twice.
    with_certificate, with_server_name, with_http_host, with_dns_name, with_neither : int
        Flows by what is told of them; one flow may count in several, but for the last.
    devices : set of str
        Devices.
    """

    flows: int = 0
    batches: int = 0
    learned: int = 0
    fingerprints: int = 0
    unassigned: int = 0
    bounded_batches: int = 0
    rows_duplicate: int = 0
    with_certificate: int = 0
    with_server_name: int = 0
    with_http_host: int = 0
    with_dns_name: int = 0
    with_neither: int = 0
    devices: set[str] = field(default_factory=set)


@dataclass(slots=True)
class _Day:
    start: int
    counts: dict[str, int]
    devices: set[str] = field(default_factory=set)


class Pipeline:
    """Turns rows of Zeek logs into learned apps, verdicts and notices.

    Parameters
    ----------
    config : Config
        Settings.
    site : Site
        What is known; it is changed.
    learning : Learning
        Which batches are learned.
    sink : Sink
        Where verdicts and notices go.
    certificate : str or None, default None
        What the certificates that are known are told apart by; None while none is.
    """

    def __init__(
        self,
        config: Config,
        site: Site,
        learning: Learning,
        sink: Sink,
        *,
        certificate: str | None = None,
    ) -> None:
        self.counts = Counts()
        self.site = site
        site.browsers.domains = config.browser.domains
        self.certificate = certificate
        self.learning = learning
        self._parameters = parameters_of(config)
        self._selector = Selector(selection_of(config))
        self._ignored = config.ignore.names
        self._browsers_apart = config.browser.apart
        self._max_age = microseconds(config.model.max_age)
        self._sharing = Sharing(config.device.shared_clients, config.device.shared_endpoints)
        self._beside = beside_of(config)
        self._batcher = Batcher(timing_of(config))
        self._late = LateSlices(self._parameters.scheme, self._batcher.timing)
        self._sink = sink
        self.pending = PendingApps(notice_rule_of(config))
        self.detector = Detector(
            site,
            self.pending,
            rule_of(config),
            sink,
            all_rows=config.log.rows == "all",
            described=self._beside.tls.certificates.described,
        )
        self._first_start: int | None = None
        self._day: _Day | None = None
        self._closed = 0

    @property
    def timing(self) -> Timing:
        """Widths and delays of batches."""
        return self._batcher.timing

    @property
    def dropped(self) -> Dropped:
        """Rows that became no flow, by reason."""
        return self._selector.dropped

    @property
    def overdue(self) -> int:
        """Rows that came after a batch of theirs had closed."""
        return self._batcher.overdue

    @property
    def late(self) -> LateSlices:
        """Late slices and how many of them matched."""
        return self._late

    @property
    def tls_dropped(self) -> int:
        """Rows of ssl.log and beside it that went because too many waited."""
        return self._beside.tls.dropped

    @property
    def names_dropped(self) -> int:
        """Rows of http.log and addresses in dns.log that went because they were too many."""
        return self._beside.names_dropped

    @property
    def proxies(self) -> frozenset[str]:
        """Endpoints of explicit proxies, as elements: shared by whoever goes through them."""
        return self._beside.proxies

    @property
    def by_file(self) -> bool:
        """Whether ssl.log named a certificate by a file that another log tells of."""
        return self._beside.tls.by_file

    @property
    def last_closed(self) -> int:
        """Log time at which the last batch closed, µs; 0 before the first."""
        return self._closed

    def conn(self, chunk: pd.DataFrame) -> None:
        """Take rows of conn.log as `conn_rows` returns them."""
        self._batcher.add(self._selector.select(chunk))

    def beside(self, kind: str, chunk: pd.DataFrame) -> None:
        """Take rows of a log that tells of connections, such as ssl.log."""
        self._beside.take(kind, chunk)

    def advance(self, watermark: int) -> None:
        """Move log time on to the largest row end (µs) and close what it closes.

        Raises
        ------
        ModelError
            Certificates are told apart by something else than those that are known.
        """
        self._close(self._batcher.close(watermark))

    def finish(self) -> None:
        """Close all batches and write the digest of the last day."""
        self._close(self._batcher.close_all())
        if self._day is not None:
            self.detector.new_day(self._day.start, self._closed)

    def _close(self, batches: Iterable[ClosedBatch]) -> None:
        for batch in batches:
            self._closed = self.timing.closes(batch.number)
            day = self._today(self._closed)
            # By the time of closing: the row that the watermark comes from depends on the files.
            self._beside.expire(self._closed)
            view = self._view(batch)
            self._count(batch, view, day)
            self._beside.forget(batch.ended)
            if self._first_start is None:
                self._first_start = view.start
            learned = self.learning.covers(view.start, self._first_start)
            before = self.detector.unseen, self.detector.notices
            if learned:
                self.counts.learned += 1
                learn(self.site, view)
            else:
                self.detector.detect(view)
            day.counts["unseen"] += self.detector.unseen - before[0]
            day.counts["notices"] += self.detector.notices - before[1]

    def _today(self, now: int) -> _Day:
        """Return the day of a closing; if it is another than the last one's, end that."""
        start = now // DAY * DAY
        if self._day is not None and self._day.start == start:
            return self._day
        if self._day is not None:
            self.detector.new_day(self._day.start, now)
            self._expire(now)
            counts = {"devices": len(self._day.devices)} | self._day.counts
            self._sink.notice(status_notice(self._day.start, now, counts))
        self._day = _Day(start, dict.fromkeys(("batches", "flows", "unseen", "notices"), 0))
        return self._day

    def _expire(self, now: int) -> None:
        """Forget what was not seen for long; what never gathered evidence counts as seen."""
        old = now - self._max_age
        self.detector.expire(now - DAY, old)
        self.site.seen.expire(old)
        self.site.known.expire(old)
        self.site.browsers.expire(old)
        self._sharing.expire(old)

    def _view(self, batch: ClosedBatch) -> BatchView:
        start = batch.number * self.timing.batch
        slices = self._joined(batch.slices)
        if self._browsers_apart:
            part = browsing(slices, self.site.browsers, start).astype(np.int64)
            slices = slices.assign(part=part)
        found = fingerprint(slices, self._parameters)
        self.certificate = _one_kind(self.certificate, found.words.vocabulary)
        self._late.match(self._joined(batch.late))
        self._late.remember(batch.number, found)
        self._late.forgotten(batch.n_forgotten)
        proxies = self._beside.proxies
        shared = self._sharing.shared(slices, proxies, start)
        end = start + self.timing.batch
        return BatchView(start, end, self._closed, slices, found, proxies, shared)

    def _joined(self, slices: pd.DataFrame) -> pd.DataFrame:
        """Add what other logs tell to slices, and leave out those to ignored names."""
        return without_names(self._beside.join(slices), self._ignored)

    def _count(self, batch: ClosedBatch, view: BatchView, day: _Day) -> None:
        counts, slices = self.counts, view.slices
        home = slices[slices["home"] == batch.number]
        certificate, name = home["certificate"] != "", home["name"] != ""
        named_by = ints(home["named_by"])
        counts.flows += len(home)
        counts.with_certificate += int(certificate.sum())
        counts.with_server_name += int((named_by & SERVER_NAME != 0).sum())
        counts.with_http_host += int((named_by & HTTP_HOST != 0).sum())
        counts.with_dns_name += int((named_by & DNS_NAME != 0).sum())
        counts.with_neither += int((~certificate & ~name).sum())
        counts.batches += 1
        counts.fingerprints += view.found.size
        counts.unassigned += int((view.found.of_slice < 0).sum())
        counts.bounded_batches += view.found.bounded
        counts.rows_duplicate += batch.n_duplicates
        counts.devices.update(view.found.devices)
        day.counts["batches"] += 1
        day.counts["flows"] += len(home)
        day.devices.update(view.found.devices)


def _one_kind(known: str | None, elements: Sequence[str]) -> str | None:
    """Return what certificates are told apart by, once there is one among elements."""
    kinds = certificate_kinds(elements)
    foreign = [kind for kind in kinds if kind != (known or kinds[0])]
    if foreign:
        raise ModelError(
            f"known fingerprints tell certificates apart by {known or kinds[0]}, "
            f"Zeek's logs by {foreign[0]}"
        )
    return known or (kinds[0] if kinds else None)
