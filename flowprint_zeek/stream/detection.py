"""Detection: verdicts on the fingerprints of a closed batch, and the notices they are due."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Protocol

import numpy as np

from flowprint_zeek.core.elements import is_endpoint
from flowprint_zeek.core.matching import NO_MATCH
from flowprint_zeek.core.novelty import (
    BROWSER,
    DEGRADED,
    DISMISSED,
    KNOWN,
    SHARED_ADDRESS,
    TOO_LITTLE,
    UNSEEN_DEVICE,
    UNSEEN_SITE,
    Rule,
    judge,
    rarity,
)
from flowprint_zeek.stream.evidence import Evidence
from flowprint_zeek.stream.explained import Why, explained
from flowprint_zeek.stream.learning import reached_in
from flowprint_zeek.stream.notices import Near, Row, digest_notice, unseen_notice

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import Callable, Iterable, Sequence

    from flowprint_zeek.core.arrays import Bools
    from flowprint_zeek.known import Site
    from flowprint_zeek.stream.forecast import Forecast
    from flowprint_zeek.stream.hosts import Host
    from flowprint_zeek.stream.pending import PendingApp, PendingApps
    from flowprint_zeek.stream.view import BatchView

_SAME = 0.5
"""Similarity from which a fingerprint is the known app again."""


class Sink(Protocol):
    """Where findings go."""

    def notice(self, row: Row, why: Why | None = None, /) -> None:
        """Take a row of notice.log, and what tells what it rests on where it is of an unseen app.

        It is asked at once or not at all.
        """

    def verdict(self, row: Row) -> None:
        """Take a row of flowprint.log."""


@dataclass(frozen=True, slots=True)
class DetectorState:
    """What a `Detector` holds beside the site and its pending apps."""

    doubtful: dict[str, int]
    written: list[tuple[str, str, str]]
    unseen: int
    notices: int


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
    host : callable
        Returns name and groups of a device.

    Attributes
    ----------
    near : callable or None
        Returns what notices are to say lies near some elements.
    """

    def __init__(
        self,
        site: Site,
        pending: PendingApps,
        rule: Rule,
        sink: Sink,
        *,
        all_rows: bool,
        host: Callable[[str], Host],
    ) -> None:
        self.site = site
        self.pending = pending
        self.rule = rule
        self.sink = sink
        self.all_rows = all_rows
        self.host = host
        self.unseen = 0
        self.notices = 0
        self.forecast: Forecast | None = None
        self.near: Callable[[Sequence[str]], Near] | None = None
        self._doubtful: dict[str, int] = {}
        self._written: dict[tuple[str, str], str] = {}

    def state(self) -> DetectorState:
        """Return what it holds, to go on from."""
        written = [(*key, verdict) for key, verdict in self._written.items()]
        return DetectorState(self._doubtful, written, self.unseen, self.notices)

    def restore(self, state: DetectorState) -> None:
        """Hold what `state` returned."""
        self._doubtful = dict(state.doubtful)
        self._written = {(device, app): verdict for device, app, verdict in state.written}
        self.unseen, self.notices = state.unseen, state.notices

    def forget_device(self, device: str) -> None:
        """Forget what was written of a device."""
        self._written = {key: said for key, said in self._written.items() if key[0] != device}

    def forget(self, elements: Iterable[str]) -> None:
        """Forget that elements were seen beside known apps."""
        for element in elements:
            self._doubtful.pop(element, None)

    def new_day(self, day: int, now: int) -> None:
        """End a day (µs at its start): write the digest of the notices withheld on it."""
        self._written.clear()
        apps = self.pending.take_withheld()
        if apps:
            self.sink.notice(digest_notice(apps, day, now, self.pending.rule.max_per_day))

    def detect(self, view: BatchView, held: Counter[str] | None = None) -> None:
        """Judge the fingerprints of a closed batch and write what they are due.

        Parameters
        ----------
        view : BatchView
            The batch.
        held : Counter of str or None, default None
            Where notices are counted, by what is new, instead of being written; None: they are.
        """
        evidence = self._judged(view)
        if self.forecast is not None:
            self.forecast.add(evidence)
        apps = self._met(evidence)
        self.unseen += len(apps)
        self._raise(evidence, apps, held)
        for at in view.order:
            self._write(evidence, at, apps.get(at))
        self._refresh(view, evidence)

    def _met(self, evidence: Evidence) -> dict[int, PendingApp]:
        """Return the pending app of each unseen fingerprint, where there is enough evidence."""
        view = evidence.view
        apps: dict[int, PendingApp] = {}
        for at in view.order:
            if evidence.verdict(at) != UNSEEN_SITE:
                continue
            device = view.device(at)
            if view.degraded:
                evidence.judged.verdict[at] = DEGRADED
                continue
            if self.site.dismissals.cover_device(device, self._groups_of):
                evidence.judged.verdict[at] = DISMISSED
                continue
            if device in view.shared:
                evidence.judged.verdict[at] = SHARED_ADDRESS
                continue
            if all(map(self.site.dismissals.cover, evidence.core(at))):
                # Only where the similarity decides; otherwise what is dismissed is not new.
                evidence.judged.verdict[at] = DISMISSED
                continue
            own_flows = int(view.found.own_flows[at])
            app = self.pending.meet(
                device, evidence.core(at), own_flows, view.start, evidence.fresh(at)
            )
            app.compare(view.elements[at], evidence.core(at))
            browser = evidence.browser(at)
            app.evident |= enough(app, self.rule, browser=browser)
            if app.evident:
                apps[at] = app
            else:
                evidence.judged.verdict[at] = BROWSER if browser else TOO_LITTLE
        return apps

    def _groups_of(self, device: str) -> tuple[str, ...]:
        return self.host(device).groups

    def _judged(self, view: BatchView) -> Evidence:
        found = view.found
        index = self.site.known.index
        vocabulary = found.words.vocabulary
        number, similarity = index.best(vocabulary, found.sets)
        nearest = ["" if at == NO_MATCH else index.keys[at] for at in number.tolist()]
        shared = np.array([element in view.proxies for element in vocabulary], dtype=np.bool_)
        sightings = self.site.seen.sightings(vocabulary)
        weight = np.where(shared, 0, rarity(sightings) if self.rule.weighted else 1)
        evident = ~shared[found.sets.element]
        new_site, new_device = self._new(view)
        judged = judge(
            found.sets,
            found.own,
            found.own_flows,
            similarity,
            new_site & evident,
            new_device & evident,
            weight[found.sets.element],
            self.rule,
        )
        labels = [self.site.known[key].label if key else None for key in nearest]
        return Evidence(
            view,
            judged,
            nearest,
            labels,
            similarity,
            self.site.seen.is_fresh,
            self.rule.burst,
            self.host,
        )

    def _new(self, view: BatchView) -> tuple[Bools, Bools]:
        """Tell of each element of each fingerprint whether the site or the device never saw it."""
        found, seen = view.found, self.site.seen
        words = found.words.vocabulary
        dismissed = self.site.dismissals
        on_site = np.array(
            [seen.on_site(one) or dismissed.cover(one) for one in words], dtype=np.bool_
        )
        pairs = zip(
            found.device[found.sets.owner].tolist(), found.sets.element.tolist(), strict=True
        )
        on_device = [seen.on_device(found.devices[device], words[code]) for device, code in pairs]
        return ~on_site[found.sets.element], ~np.array(on_device, dtype=np.bool_)

    def _raise(
        self, evidence: Evidence, apps: dict[int, PendingApp], held: Counter[str] | None
    ) -> None:
        """Raise the notices that are due, each with its app's best evidence in the batch."""
        score = evidence.judged.score
        best: dict[int, int] = {}
        for at, app in apps.items():
            if app.number not in best or score[at] > score[best[app.number]]:
                best[app.number] = at
        for at in best.values():
            if held is not None:
                if self.pending.would(apps[at], evidence.view.closed):
                    held[evidence.cause(at)] += 1
            elif self.pending.due(apps[at], evidence.view.closed):
                finding = evidence.finding(at)
                near = self.near(finding.novel) if self.near is not None else None
                notice = unseen_notice(finding, apps[at], self.site.seen.since, near)
                why = partial(explained, evidence, at, apps[at], self.site, self.rule)
                notice["identifier"] = self.pending.identifier(apps[at])
                self.sink.notice(notice, why)
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

    def _refresh(self, view: BatchView, evidence: Evidence) -> None:
        """Note what is still in use, and learn slowly what is new beside known apps.

        What the site or a device knows was seen again, whatever it was seen with. A new element of
        a fingerprint that is known counts as seen after a day in which no unseen app had it.
        """
        seen = self.site.seen
        reached = reached_in(view)
        for element, count in reached.counts():
            if seen.on_site(element):
                seen.put(element, view.start, view.start, count)
        for device, elements in reached.by_device():
            again = [element for element in elements if seen.on_device(device, element)]
            seen.put_device(device, again, view.start)
        for at in view.order:
            if evidence.nearest[at] and evidence.similarity[at] >= _SAME:
                self.site.known.seen(evidence.nearest[at], view.start)
            if evidence.verdict(at) not in {KNOWN, UNSEEN_DEVICE}:
                continue
            device, own = view.device(at), evidence.own(at)
            seen.put_device(device, filter(seen.on_site, own), view.start)
            for element in evidence.core(at) if not view.degraded else ():
                self._doubtful.setdefault(element, view.start)

    def expire(self, before: int, before_evident: int) -> None:
        """Forget old pending apps; what is new and was nothing until a time counts as seen, µs.

        Takes what `PendingApps.expire` takes.
        """
        for app in self.pending.expire(before, before_evident):
            for element in app.core:
                self._doubtful.setdefault(element, app.first)
        held = self.pending.elements()
        for element, first in sorted(self._doubtful.items()):
            if element in held or self.site.seen.on_site(element):
                del self._doubtful[element]
            elif first < before:
                del self._doubtful[element]
                self.site.seen.put(element, first, first)


def enough(app: PendingApp, rule: Rule, *, browser: bool) -> bool:
    """Tell whether there is enough evidence of a pending app, from all devices and batches.

    A single element is enough if it is of a registered domain that is new to the site: known apps
    get new hosts. Bare addresses alone have to come back: those of one service change by the hour.
    """
    if app.n_flows < rule.min_flows:
        return False
    if browser:
        return app.lasting(rule.browser_batches) >= rule.min_novel
    again = max(rule.min_batches, rule.lone_batches)
    if app.lasting(again, app.fresh) > 0 or app.lasting(again) >= rule.min_novel:
        return True
    named = any(not is_endpoint(element) for element in app.core)
    return named and app.lasting(rule.min_batches) >= rule.min_novel
