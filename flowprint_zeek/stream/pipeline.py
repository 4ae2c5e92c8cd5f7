"""From rows to notices: one engine for replay and the daemon.

Rows go in as they arrive, a watermark moves the log time on, and every batch that closes is
joined, fingerprinted, and either learned or judged. The pipeline has no clock of its own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.browsers import Browsers
from flowprint_zeek.core.elements import one_kind
from flowprint_zeek.core.fingerprint import fingerprint
from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.stream.browsing import browsing
from flowprint_zeek.stream.configured import (
    hosts_of,
    maintenance_of,
    notice_rule_of,
    parameters_of,
    rule_of,
)
from flowprint_zeek.stream.counts import Counts, Day
from flowprint_zeek.stream.detection import Detector, Sink
from flowprint_zeek.stream.gathering import Gathered, Gathering, JoinedBatch
from flowprint_zeek.stream.health import Health
from flowprint_zeek.stream.kept import Clock, PipelineState
from flowprint_zeek.stream.late import LateSlices
from flowprint_zeek.stream.learning import learn
from flowprint_zeek.stream.notices import status_notice
from flowprint_zeek.stream.pending import DAY, PendingApps
from flowprint_zeek.stream.phases import LEARN, SHADOW, Learning
from flowprint_zeek.stream.sharing import Sharing
from flowprint_zeek.stream.view import BatchView

if TYPE_CHECKING:
    import pandas as pd

    from flowprint_zeek.config import Config
    from flowprint_zeek.known import Site
    from flowprint_zeek.stream.batcher import Timing


OF_HOSTS = ("capture_loss", "dhcp")
"""Kinds of logs that are not of connections: what judges batches takes them."""


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

    Attributes
    ----------
    parameters : Parameters
        Parameters of fingerprinting.
    hosts : Hosts
        Names and groups of devices.
    late : LateSlices
        Late slices and how many of them matched.

    Raises
    ------
    ConfigError
        The file of names of devices cannot be read, or a line of it is wrong.
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
        self._browser_domains = site.browsers.domains = config.browser.domains
        self.certificate = certificate
        self.learning = learning
        self.parameters = parameters_of(config)
        self._browsers_apart = config.browser.apart
        self._max_age = microseconds(config.model.max_age)
        self._sharing = Sharing(config.device.shared_clients, config.device.shared_endpoints)
        self._gathering = Gathering(config)
        self._gathered: Gathered | None = None
        self.late = LateSlices(self.parameters.scheme, self.timing)
        self._health = Health(config.detect.max_capture_loss, config.detect.min_coverage)
        self._maintenance = maintenance_of(config)
        self.hosts = hosts_of(config)
        self._sink = sink
        self.pending = PendingApps(notice_rule_of(config))
        self.detector = Detector(
            site,
            self.pending,
            rule_of(config),
            sink,
            all_rows=config.log.rows == "all",
            host=self.hosts.host,
        )
        self._first_start: int | None = None
        self._day: Day | None = None
        self._closed = 0
        self._phase: str | None = None
        self._degraded = ""

    @property
    def timing(self) -> Timing:
        """Widths and delays of batches."""
        return self._gathering.timing

    @property
    def gathered(self) -> Gathered:
        """What reading and joining rows met."""
        return self._gathering.met if self._gathered is None else self._gathered

    @gathered.setter
    def gathered(self, elsewhere: Gathered) -> None:
        self._gathered = elsewhere

    @property
    def names_dropped(self) -> int:
        """Rows of http.log and dhcp.log and addresses in dns.log that were too many and went."""
        return self.gathered.names_dropped + self.hosts.leases.dropped

    @property
    def proxies(self) -> frozenset[str]:
        """Endpoints of explicit proxies, as elements: shared by whoever goes through them."""
        return self._gathering.proxies

    @property
    def last_closed(self) -> int:
        """Log time at which the last batch closed, µs; 0 before the first."""
        return self._closed

    @property
    def next_closing(self) -> int | None:
        """Log time after which the first batch that is open closes, µs; None where none is."""
        return self._gathering.next_closing

    @property
    def first_open(self) -> int | None:
        """Number of the first batch that is not closed; None before the first row."""
        return self._gathering.first_open

    @property
    def phase(self) -> str | None:
        """What was done with the last batch: one of `phases.MODES`; None before the first."""
        return self._phase

    @property
    def phase_span(self) -> tuple[int, int] | None:
        """From when to when that lasts, µs of log time; None without an end."""
        if self._first_start is None:
            return None
        return self.learning.span(self._phase, self._first_start)

    @property
    def day(self) -> Day | None:
        """What was done on the day at hand; None before the first batch."""
        return self._day

    @property
    def degraded(self) -> str:
        """Why the last batch was not trusted, "" where it was."""
        return self._degraded

    def conn(self, chunk: pd.DataFrame) -> None:
        """Take connections as `conn_rows` or `exported_rows` returns them."""
        self._gathering.conn(chunk)

    def again(self, chunk: pd.DataFrame) -> None:
        """Take connections that were taken before a restart, and count none of them twice."""
        self._gathering.again(chunk)

    def beside(self, kind: str, chunk: pd.DataFrame) -> None:
        """Take rows of a log that tells of connections, such as ssl.log, of losses, or of hosts."""
        if kind in OF_HOSTS:
            {"capture_loss": self._health.take, "dhcp": self.hosts.leases.add}[kind](chunk)
        else:
            self._gathering.beside(kind, chunk)

    def state(self) -> PipelineState:
        """Return all that was learned and counted, but for the rows of open batches."""
        beside, exported = self._gathering.state()
        gathered = self.gathered
        return PipelineState(
            known=self.site.known.state(),
            seen=self.site.seen.state(),
            browsers=self.site.browsers.to_dict(),
            dismissals=self.site.dismissals.state(),
            pending=self.pending.state(),
            detector=self.detector.state(),
            sharing=self._sharing.state(),
            health=self._health.state(),
            beside=beside,
            leases=self.hosts.leases.state(),
            late=self.late.state(),
            counts=self.counts,
            dropped=gathered.dropped,
            day=self._day,
            clock=Clock(
                self._first_start,
                self._closed,
                self.first_open,
                gathered.overdue,
                self._phase,
            ),
            certificate=self.certificate,
            exported=exported,
        )

    def restore(self, state: PipelineState) -> None:
        """Go on from what `state` returned, given the rows of open batches `again`."""
        self.site.known.restore(state.known)
        # The bound may be lower now.
        self.site.known.prune()
        self.site.seen.restore(state.seen)
        self.site.browsers = Browsers.from_dict(state.browsers)
        self.site.browsers.domains = self._browser_domains
        self.site.dismissals.restore(state.dismissals)
        self.pending.restore(state.pending)
        self.detector.restore(state.detector)
        self._sharing.restore(state.sharing)
        self._health.restore(state.health)
        self.hosts.leases.restore(state.leases)
        self.late.restore(state.late)
        self.counts = state.counts
        self._day = state.day
        clock = state.clock
        self._first_start, self._closed, self._phase = clock.first_start, clock.closed, clock.phase
        told = (state.beside, state.exported)
        self._gathering.restore(told, state.dropped, clock.first_open, clock.overdue)
        self.certificate = state.certificate

    def forget_device(self, device: str) -> None:
        """Forget what a device did; elements that it brought to the site stay, without a device."""
        addresses = self.hosts.addresses(device)
        self.site.seen.forget_device(device)
        self.site.browsers.forget_device(device)
        self.pending.forget_device(device)
        self.detector.forget_device(device)
        self._sharing.forget_device(device, addresses)
        for address in addresses:
            self._gathering.forget_host(address)
        self.late.forget_device(device)
        self.hosts.forget(device)
        self.counts.devices.discard(device)
        if self._day is not None:
            self._day.devices.discard(device)

    def advance(self, watermark: int) -> None:
        """Move log time on to the largest row end (µs) and close what it closes.

        Raises
        ------
        ModelError
            Certificates are told apart by something else than those that are known.
        """
        for batch in self._gathering.advance(watermark):
            self.judge(batch)

    def finish(self) -> None:
        """Close all batches and write the digest of the last day."""
        for batch in self._gathering.finish():
            self.judge(batch)
        self.end()

    def end(self) -> None:
        """Write the digest of the last day."""
        if self._day is not None:
            self.detector.new_day(self._day.start, self._closed)

    def judge(self, batch: JoinedBatch) -> None:
        """Fingerprint a closed batch, the next one, and learn or judge what is found.

        Raises
        ------
        ModelError
            Certificates are told apart by something else than those that are known.
        """
        before, self._closed = self._closed, self.timing.closes(batch.number)
        self.site.dismissals.expire(self._closed)
        day = self._today(self._closed)
        view = self._view(batch)
        day.flows += self.counts.add(batch, view)
        day.batches += 1
        day.degraded += view.degraded != ""
        self._degraded = view.degraded
        day.devices.update(view.found.devices)
        self._learn_or_detect(view, day, self._closed - self.timing.batch - before)

    def _learn_or_detect(self, view: BatchView, day: Day, silence: int) -> None:
        """Do with a batch what is due; so long before it there was no other, µs."""
        if self._first_start is None:
            self._first_start = view.start
        elif self._phase == LEARN:
            self._first_start = self.learning.begun(self._first_start, silence)
        before = self._phase
        self._phase = self.learning.phase(view.start, self._first_start)
        if self._phase == LEARN:
            if not view.degraded:
                self.counts.learned += 1
                learn(self.site, view)
            return
        if before == SHADOW != self._phase:
            # What nobody was told of yet is raised when it shows itself again.
            self.pending.untold()
        unseen, notices = self.detector.unseen, self.detector.notices
        self.detector.detect(view, day.held if self._phase == SHADOW else None)
        day.unseen += self.detector.unseen - unseen
        day.notices += self.detector.notices - notices

    def _today(self, now: int) -> Day:
        """Return the day of a closing; if it is another than the last one's, end that."""
        start = now // DAY * DAY
        if self._day is not None and self._day.start == start:
            return self._day
        if self._day is not None:
            self.detector.new_day(self._day.start, now)
            self._expire(now)
            self._sink.notice(status_notice(self._day, now, self._phase))
        self._day = Day(start)
        return self._day

    def _expire(self, now: int) -> None:
        """Forget what was not seen for long; what never gathered evidence counts as seen."""
        old = now - self._max_age
        self.detector.expire(now - DAY, old)
        self.site.seen.expire(old)
        self.site.known.expire(old)
        self.site.browsers.expire(old)
        self._sharing.expire(old)
        self.hosts.leases.expire(old)

    def _view(self, batch: JoinedBatch) -> BatchView:
        start, slices = batch.number * self.timing.batch, batch.slices
        end, told = start + self.timing.batch, self.timing.told_by(batch.number)
        self.hosts.leases.settle(told)
        degraded = self._maintained(start, end) or self._health.judge(slices, start, end, told)
        if self._browsers_apart:
            part = browsing(slices, self.site.browsers, start).astype(np.int64)
            slices = slices.assign(part=part)
        found = fingerprint(slices, self.parameters)
        self.certificate = one_kind(self.certificate, found.words.vocabulary)
        self.late.match(batch.late)
        self.late.remember(batch.number, found)
        self.late.forgotten(batch.n_forgotten)
        return BatchView(
            start,
            end,
            self._closed,
            slices,
            found,
            batch.described,
            batch.proxies,
            self._sharing.shared(slices, batch.proxies, start),
            degraded,
        )

    def _maintained(self, start: int, end: int) -> str:
        """Return the maintenance window that a batch touches, "" for none."""
        windows = (text for text, one in self._maintenance.items() if one.touches(start, end))
        return next((f"maintenance ({text})" for text in windows), "")
