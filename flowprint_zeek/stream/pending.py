"""Pending apps: unseen apps that were noticed and wait for a person.

An unseen fingerprint whose novel core meets a pending app's novel core is that app, so an app that
spreads over a site or shows itself in pieces is one app. A notice is raised when an app is new,
again after a while, and when it has reached certain numbers of devices; at most so many a day.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowprint_zeek.core.elements import digest

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence

DAY = 86_400_000_000
"""Microseconds in a day."""


@dataclass(frozen=True, slots=True)
class NoticeRule:
    """When a notice is raised.

    Parameters
    ----------
    repeat_after : int
        Log time after which a pending app that is still seen is raised again, µs.
    max_per_day : int
        Most notices in a UTC day; the rest are named in one digest.
    per_device : bool
        One notice for each device instead of one for the site.
    milestones : tuple of int
        Numbers of devices at which an app is raised again.
    """

    repeat_after: int
    max_per_day: int
    per_device: bool
    milestones: tuple[int, ...]


@dataclass(slots=True)
class PendingApp:
    """An unseen app that waits for a person.

    Attributes
    ----------
    number : int
        Order of appearance.
    core : dict of str to int
        Its novel elements so far, and in how many batches each was seen.
    first : int
        Start of the first batch it was seen in, µs.
    devices : set of str
        Devices it was seen on.
    n_flows, n_batches : int
        Own flows, and batches with any.
    last : int
        Start of the last batch it was seen in, µs.
    in_last : set of str
        Its novel elements in that batch.
    noticed : int or None
        Log time of its last notice, µs; None before the first.
    noticed_devices : int
        Devices at its last notice.
    fresh : set of str
        Those among its novel elements that are of registered domains new to the site.
    evident : bool
        Whether there was enough evidence for a notice.
    beside : frozenset of str
        What else the fingerprint held that showed most of it, and the least besides.
    most : int
        How many novel elements that showed.
    """

    number: int
    core: dict[str, int]
    first: int
    devices: set[str] = field(default_factory=set)
    n_flows: int = 0
    n_batches: int = 0
    last: int = -1
    in_last: set[str] = field(default_factory=set)
    noticed: int | None = None
    noticed_devices: int = 0
    fresh: set[str] = field(default_factory=set)
    evident: bool = False
    beside: frozenset[str] = frozenset()
    most: int = 0

    def see(self, device: str, core: Iterable[str], n_flows: int, batch_start: int) -> None:
        """Note that the app was seen in a batch on a device."""
        if batch_start != self.last:
            self.last = batch_start
            self.n_batches += 1
            self.in_last.clear()
        for element in core:
            if element not in self.in_last:
                self.in_last.add(element)
                self.core[element] = self.core.get(element, 0) + 1
        self.devices.add(device)
        self.n_flows += n_flows

    def compare(self, elements: Collection[str], core: Collection[str]) -> None:
        """Note what a fingerprint with a novel core holds, if it shows the app better."""
        beside = frozenset(elements).difference(core)
        if (-len(core), len(beside)) < (-self.most, len(self.beside)):
            self.most, self.beside = len(core), beside

    def notice(self, now: int) -> None:
        """Note that it is noticed at a log time, µs, on the devices that it was seen on."""
        self.noticed, self.noticed_devices = now, len(self.devices)

    def lasting(self, n_batches: int, among: Collection[str] | None = None) -> int:
        """Return how many novel elements, or those among some, were seen in so many batches."""
        return sum(
            count >= n_batches and (among is None or element in among)
            for element, count in self.core.items()
        )


@dataclass(frozen=True, slots=True)
class PendingState:
    """What `PendingApps` hold."""

    apps: list[PendingApp]
    next: int
    owners: list[tuple[str, str, int]]
    withheld: list[int]
    day: int
    raised: int


class PendingApps:
    """The pending apps of a site and the notices they are due.

    Parameters
    ----------
    rule : NoticeRule
        When a notice is raised.
    """

    def __init__(self, rule: NoticeRule) -> None:
        self.rule = rule
        self.withheld: dict[int, PendingApp] = {}
        self._apps: dict[int, PendingApp] = {}
        self._next = 1
        self._by_element: dict[tuple[str, str], int] = {}
        self._day = -1
        self._raised = 0

    def __len__(self) -> int:
        return len(self._apps)

    def state(self) -> PendingState:
        """Return what they hold, to go on from."""
        owners = [(*key, number) for key, number in self._by_element.items()]
        withheld = list(self.withheld)
        apps = list(self._apps.values())
        return PendingState(apps, self._next, owners, withheld, self._day, self._raised)

    def restore(self, state: PendingState) -> None:
        """Hold what `state` returned."""
        self._apps = {app.number: app for app in state.apps}
        self._next = state.next
        self._by_element = {(scope, element): n for scope, element, n in state.owners}
        self.withheld = {number: self._apps[number] for number in state.withheld}
        self._day, self._raised = state.day, state.raised

    def meet(
        self,
        device: str,
        core: Sequence[str],
        n_flows: int,
        batch_start: int,
        fresh: Iterable[str] = (),
    ) -> PendingApp:
        """Return the pending app of a novel core, a new one if it meets none.

        A core that meets several apps belongs to the one it shares most elements with, then to
        the oldest.
        """
        scope = device if self.rule.per_device else ""
        shared = Counter(
            self._by_element[scope, element]
            for element in core
            if (scope, element) in self._by_element
        )
        if shared:
            app = self._apps[min(shared, key=lambda number: (-shared[number], number))]
        else:
            app = self._apps[self._next] = PendingApp(self._next, {}, batch_start)
            self._next += 1
        for element in core:
            self._by_element.setdefault((scope, element), app.number)
        app.see(device, core, n_flows, batch_start)
        app.fresh.update(fresh)
        return app

    def __iter__(self) -> Iterator[PendingApp]:
        return iter(self._apps.values())

    def get(self, number: int) -> PendingApp | None:
        """Return the pending app of a number, None if there is none."""
        return self._apps.get(number)

    def remove(self, number: int) -> None:
        """Forget a pending app: a person decided what it is."""
        del self._apps[number]
        self.withheld.pop(number, None)
        self._by_element = {key: n for key, n in self._by_element.items() if n != number}

    def forget_device(self, device: str) -> None:
        """Forget that a device had any app, and those that no other has."""
        for app in list(self):
            app.devices.discard(device)
            if not app.devices:
                self.remove(app.number)

    def expire(self, before: int, before_evident: int) -> list[PendingApp]:
        """Forget apps last seen before a time, µs, and return those without enough evidence.

        Parameters
        ----------
        before : int
            Time for apps of which there is not enough evidence.
        before_evident : int
            Time for the others.
        """
        old = [
            app
            for app in self._apps.values()
            if app.last < (before_evident if app.evident else before)
        ]
        gone = {app.number for app in old}
        for app in old:
            del self._apps[app.number]
        if gone:
            self._by_element = {k: n for k, n in self._by_element.items() if n not in gone}
        return [app for app in old if not app.evident]

    def elements(self) -> set[str]:
        """Return the novel elements of all pending apps."""
        return {element for app in self._apps.values() for element in app.core}

    def due(self, app: PendingApp, now: int) -> bool:
        """Tell whether a notice of an app is to be raised now, and count it if so.

        Parameters
        ----------
        app : PendingApp
            An app seen in the batch that closed now.
        now : int
            Log time at which the batch closed, µs.
        """
        if not self._wanted(app, now):
            return False
        if now // DAY != self._day:
            self._day, self._raised = now // DAY, 0
        if self._raised >= self.rule.max_per_day:
            self.withheld[app.number] = app
            return False
        self._raised += 1
        self.withheld.pop(app.number, None)
        app.notice(now)
        return True

    def identifier(self, app: PendingApp) -> str:
        """Return what the notices of an app have in common, until it is on as many more devices."""
        reached = max((n for n in self.rule.milestones if n <= len(app.devices)), default=1)
        return f"{digest((app.first, app.number))}/{reached}"

    def would(self, app: PendingApp, now: int) -> bool:
        """Tell whether a notice of an app would be raised now, and count it if so."""
        wanted = self._wanted(app, now)
        if wanted:
            app.notice(now)
        return wanted

    def _wanted(self, app: PendingApp, now: int) -> bool:
        if app.noticed is None or now - app.noticed >= self.rule.repeat_after:
            return True
        return any(app.noticed_devices < n <= len(app.devices) for n in self.rule.milestones)

    def untold(self) -> None:
        """Take no app for noticed: the notices of all were held back."""
        self.withheld.clear()
        for app in self._apps.values():
            app.noticed, app.noticed_devices = None, 0

    def take_withheld(self) -> list[PendingApp]:
        """Return the apps whose notices were withheld, oldest first, and forget the list."""
        apps = [self.withheld[number] for number in sorted(self.withheld)]
        self.withheld.clear()
        return apps
