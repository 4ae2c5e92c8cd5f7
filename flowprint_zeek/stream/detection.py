"""Detection: verdicts on the fingerprints of a closed batch, and the notices they are due."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

from flowprint_zeek.core.matching import NO_MATCH
from flowprint_zeek.core.novelty import KNOWN, UNSEEN_DEVICE, UNSEEN_SITE, Rule, judge, rarity
from flowprint_zeek.stream.evidence import Evidence
from flowprint_zeek.stream.notices import Row, digest_notice, unseen_notice

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowprint_zeek.core.arrays import Bools
    from flowprint_zeek.known import Site
    from flowprint_zeek.stream.pending import PendingApp, PendingApps
    from flowprint_zeek.stream.view import BatchView


class Sink(Protocol):
    """Where findings go."""

    def notice(self, row: Row) -> None:
        """Take a row of notice.log."""

    def verdict(self, row: Row) -> None:
        """Take a row of flowprint.log."""


class Detector:
    """Judges fingerprints against what a site has learned.

    Parameters
    ----------
    site : Site
        What was learned; what is judged known refreshes it, what is flagged never does.
    pending : PendingApps
        Unseen apps that wait for a person.
    rule : Rule
        When a fingerprint is unseen.
    sink : Sink
        Where verdicts and notices go.
    all_rows : bool
        Write every verdict, not only the first of a device, app and day and its changes.
    described : callable
        Returns how people read a certificate.
    """

    def __init__(
        self,
        site: Site,
        pending: PendingApps,
        rule: Rule,
        sink: Sink,
        *,
        all_rows: bool,
        described: Callable[[str], str],
    ) -> None:
        self.site = site
        self.pending = pending
        self.rule = rule
        self.sink = sink
        self.all_rows = all_rows
        self.described = described
        self.unseen = 0
        self.notices = 0
        self._written: dict[tuple[str, str], str] = {}

    def new_day(self, day: int, now: int) -> None:
        """End a day (µs at its start): write the digest of the notices withheld on it."""
        self._written.clear()
        apps = self.pending.take_withheld()
        if apps:
            self.sink.notice(digest_notice(apps, day, now, self.pending.rule.max_per_day))

    def detect(self, view: BatchView) -> None:
        """Judge the fingerprints of a closed batch and write what they are due."""
        evidence = self._judged(view)
        apps: dict[int, PendingApp] = {}
        for at in view.order:
            if evidence.verdict(at) == UNSEEN_SITE:
                own_flows = int(view.found.own_flows[at])
                device, core = view.device(at), evidence.core(at)
                apps[at] = self.pending.meet(device, core, own_flows, view.start)
        self.unseen += len(apps)
        self._raise(evidence, apps)
        for at in view.order:
            self._write(evidence, at, apps.get(at))
        self._refresh(evidence)

    def _judged(self, view: BatchView) -> Evidence:
        found = view.found
        index = self.site.known.index
        vocabulary = found.words.vocabulary
        number, similarity = index.best(vocabulary, found.sets)
        nearest = ["" if at == NO_MATCH else index.keys[at] for at in number.tolist()]
        new_site, new_device = self._new(view)
        judged = judge(
            found.sets,
            found.own,
            found.own_flows,
            new_site,
            new_device,
            rarity(index.holding(vocabulary), len(index))[found.sets.element],
            self.rule,
        )
        labels = [self.site.known[key].label if key else None for key in nearest]
        return Evidence(view, judged, nearest, labels, similarity, self.described)

    def _new(self, view: BatchView) -> tuple[Bools, Bools]:
        """Tell of each element of each fingerprint whether the site or the device never saw it."""
        found, seen = view.found, self.site.seen
        words = found.words.vocabulary
        on_site = np.array([seen.on_site(element) for element in words], dtype=np.bool_)
        pairs = zip(
            found.device[found.sets.owner].tolist(), found.sets.element.tolist(), strict=True
        )
        on_device = [seen.on_device(found.devices[device], words[code]) for device, code in pairs]
        return ~on_site[found.sets.element], ~np.array(on_device, dtype=np.bool_)

    def _raise(self, evidence: Evidence, apps: dict[int, PendingApp]) -> None:
        """Raise the notices that are due, each with its app's best evidence in the batch."""
        score = evidence.judged.score
        best: dict[int, int] = {}
        for at, app in apps.items():
            if app.number not in best or score[at] > score[best[app.number]]:
                best[app.number] = at
        for at in best.values():
            if self.pending.due(apps[at], evidence.view.closed):
                notice = unseen_notice(evidence.finding(at), apps[at], self.site.seen.since)
                self.sink.notice(notice)
                self.notices += 1

    def _write(self, evidence: Evidence, at: int, app: PendingApp | None) -> None:
        """Write a verdict unless it repeats what the day's log says of this device and app."""
        known = evidence.labels[at] or evidence.nearest[at]
        key = (evidence.view.device(at), known if app is None else f"pending {app.number}")
        verdict = evidence.verdict(at)
        if not self.all_rows and self._written.get(key) == verdict:
            return
        self._written[key] = verdict
        n_devices = self._spread(evidence.own(at)) if app is None else len(app.devices)
        self.sink.verdict(evidence.row(at, n_devices))

    def _spread(self, elements: list[str]) -> int:
        """Return on how many devices the rarest of elements was seen, at least this one."""
        return max(1, min((self.site.seen.n_devices(one) for one in elements), default=1))

    def _refresh(self, evidence: Evidence) -> None:
        """Learn slowly from what is known; never from what was flagged or is too little.

        What waits for a person stays unlearned also where a known app's flows met it, and so does
        what is new enough to be the core of an unseen app that shows itself better later.
        """
        view = evidence.view
        for at in view.order:
            if evidence.verdict(at) not in {KNOWN, UNSEEN_DEVICE}:
                continue
            device = view.device(at)
            core = set(evidence.core(at))
            own = [
                one
                for one in evidence.own(at)
                if not self.pending.holds(device, one)
                and (len(core) < self.rule.min_novel or one not in core)
            ]
            self.site.seen.put_device(device, own)
            for element in own:
                self.site.seen.put(element, view.start, view.start)
            if evidence.nearest[at]:
                self.site.known.seen(evidence.nearest[at], view.start)
