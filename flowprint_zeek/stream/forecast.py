"""A forecast for a site that is watched without notices: how many it would get, and of what.

What could be an unseen app is recorded at the lowest threshold that is asked for. The rules of
pending apps are then replayed over it at each threshold.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import attrgetter
from sys import maxsize
from typing import TYPE_CHECKING

from flowprint_zeek.core.domains import registered_domain
from flowprint_zeek.core.elements import NAME
from flowprint_zeek.stream.detection import enough
from flowprint_zeek.stream.pending import DAY, NoticeRule, PendingApp, PendingApps

if TYPE_CHECKING:
    from collections.abc import Iterable

    from flowprint_zeek.core.novelty import Rule
    from flowprint_zeek.stream.evidence import Evidence

THRESHOLDS = (0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85, 0.9, 0.95)
"""Scores (`detect.min_score`) that are forecast."""

MOST = 1_000_000
"""Elements of candidates' novel cores that are kept in memory; what comes after is counted only."""

CAUSES = ("domains", "devices", "clients")

BROWSER = "browser"
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Candidate:
    """A fingerprint with a novel core.

    Attributes
    ----------
    start, closed : int
        Its batch, and the log time at which that closed, µs.
    device : str
        Device.
    browser : bool
        Whether it counts as a browser's.
    client : str
        TLS client of most of its flows, "" where none is told.
    core, fresh : tuple of str
        Novel elements, and those of registered domains new to the site.
    n_flows : int
        Own flows.
    score : float
        Score.
    """

    start: int
    closed: int
    device: str
    browser: bool
    client: str
    core: tuple[str, ...]
    fresh: tuple[str, ...]
    n_flows: int
    score: float


@dataclass(slots=True)
class Expected:
    """What would be raised at a threshold.

    Attributes
    ----------
    threshold : float
        Score from which a fingerprint is unseen.
    days : float
        Log time that was watched.
    notices, apps : int
        Notices, none withheld, and the unseen apps that they are of.
    by_day : Counter
        Notices of each UTC day.
    causes : dict of str to Counter
        Notices by registered domain in the novel core (what has no name stands for itself), by
        device, and by client.
    """

    threshold: float
    days: float
    notices: int = 0
    apps: int = 0
    by_day: Counter[int] = field(default_factory=Counter)
    causes: dict[str, Counter[str]] = field(
        default_factory=lambda: {name: Counter() for name in CAUSES}
    )

    @property
    def per_day(self) -> float:
        """Mean notices a day."""
        return self.notices / self.days if self.days else 0.0

    @property
    def worst(self) -> float:
        """Notices on the worst day, at least the mean."""
        return max([self.per_day, *self.by_day.values()])

    def top(self, n: int) -> dict[str, dict[str, int]]:
        """Return the n most frequent causes of each kind, ties in the order of their names."""
        return {
            name: dict(sorted(counts.items(), key=lambda one: (-one[1], one[0]))[:n])
            for name, counts in self.causes.items()
        }

    def add(self, candidate: Candidate) -> None:
        """Count a notice."""
        self.notices += 1
        self.by_day[candidate.closed // DAY] += 1
        self.causes["domains"].update(dict.fromkeys(map(_domain, candidate.core), 1))
        self.causes["devices"][candidate.device] += 1
        client = candidate.client or UNKNOWN
        self.causes["clients"][f"{client} ({BROWSER})" if candidate.browser else client] += 1


class Forecast:
    """Records what could be an unseen app, and tells what would be raised.

    Memory grows with what is new on the site, up to `most` elements.

    Parameters
    ----------
    least : float, default=0.5
        Score under which nothing is recorded: the lowest threshold that can be asked for.
    most : int, default=1000000
        Elements of novel cores to keep.
    """

    def __init__(self, least: float = THRESHOLDS[0], most: int = MOST) -> None:
        self.least = least
        self.dropped = 0
        self._left = most
        self._candidates: list[Candidate] = []
        self._first: int | None = None
        self._last = 0
        self._first_closed: dict[int, int] = {}
        self._texts: dict[str, str] = {}

    def __len__(self) -> int:
        return len(self._candidates)

    @property
    def days(self) -> float:
        """Log time from the first batch that was watched to the end of the last, in days."""
        return 0.0 if self._first is None else (self._last - self._first) / DAY

    def add(self, evidence: Evidence) -> None:
        """Record the candidates of a batch."""
        view = evidence.view
        if self._first is None:
            self._first = view.start
        self._last = view.end
        self._first_closed.setdefault(view.closed // DAY, view.closed)
        for at in view.order:
            score = float(evidence.judged.score[at])
            if score < self.least or view.device(at) in view.shared:
                continue
            core = evidence.core(at)
            if len(core) > self._left:
                self.dropped += 1
            elif core:
                self._left -= len(core)
                clients = Counter(one for one in view.rows(at)["client"].tolist() if one)
                candidate = Candidate(
                    view.start,
                    view.closed,
                    self._kept(view.device(at)),
                    evidence.browser(at),
                    self._kept(min(clients, key=lambda one: (-clients[one], one), default="")),
                    tuple(self._kept(one) for one in core),
                    tuple(self._kept(one) for one in evidence.fresh(at)),
                    int(view.found.own_flows[at]),
                    score,
                )
                self._candidates.append(candidate)

    def _kept(self, text: str) -> str:
        """Return the one copy of a text that is kept."""
        return self._texts.setdefault(text, text)

    def at(self, threshold: float, rule: Rule, notices: NoticeRule, max_age: int) -> Expected:
        """Tell what would be raised at a threshold.

        Parameters
        ----------
        threshold : float
            Score from which a fingerprint is unseen, at least `least`.
        rule : Rule
            Evidence that a notice needs.
        notices : NoticeRule
            When one is raised; how many in a day is not limited here.
        max_age : int
            Log time after which a pending app with enough evidence is forgotten, µs.
        """
        expected = Expected(threshold, self.days)
        pending = PendingApps(replace(notices, max_per_day=maxsize))
        chosen = (one for one in self._candidates if one.score >= threshold)
        raised: set[int] = set()
        day: int | None = None
        for _, batch in groupby(chosen, key=attrgetter("start")):
            candidates = list(batch)
            closed = candidates[0].closed
            if day is not None and closed // DAY != day:
                # as the pipeline does, by the first batch of the day, whatever was in it
                now = self._first_closed[closed // DAY]
                pending.expire(now - DAY, now - max_age)
            day = closed // DAY
            for number, one in _due(pending, candidates, rule):
                raised.add(number)
                expected.add(one)
        expected.apps = len(raised)
        return expected


def _due(
    pending: PendingApps, candidates: Iterable[Candidate], rule: Rule
) -> list[tuple[int, Candidate]]:
    """Return the pending apps that a batch raises notices of, each with its best candidate."""
    best: dict[int, tuple[PendingApp, Candidate]] = {}
    for one in candidates:
        app = pending.meet(one.device, one.core, one.n_flows, one.start, one.fresh)
        app.evident |= enough(app, rule, browser=one.browser)
        if not app.evident:
            continue
        if app.number not in best or one.score > best[app.number][1].score:
            best[app.number] = app, one
    return [(number, one) for number, (app, one) in best.items() if pending.due(app, one.closed)]


def lowest(expected: Iterable[Expected], max_per_day: int) -> Expected | None:
    """Return the lowest threshold that stays under so many notices on every day, None if none."""
    return next((one for one in expected if one.worst <= max_per_day), None)


def _domain(element: str) -> str:
    if not element.startswith(NAME):
        return element
    return registered_domain(element.removeprefix(NAME)) or element.removeprefix(NAME)
