"""What a site has learned: known apps, and the elements the site and its devices have seen."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
import pandas as pd

from flowprint_zeek.browsers import Browsers
from flowprint_zeek.core.arrays import Ints, distinct, ints, row_groups, unique_pairs
from flowprint_zeek.core.elements import fingerprint_id, in_order
from flowprint_zeek.core.fingerprint import Fingerprint
from flowprint_zeek.core.matching import NO_MATCH, KnownIndex
from flowprint_zeek.dismissals import Dismissals
from flowprint_zeek.seen import SeenElements

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from flowprint_zeek.core.arrays import Floats
    from flowprint_zeek.core.fingerprint import Fingerprints
    from flowprint_zeek.core.sets import Sets

Label: TypeAlias = str | int
"""Name of an app; a number where an estimator was fitted with numbers."""


@dataclass(slots=True)
class KnownApp:
    """A fingerprint in the model.

    Attributes
    ----------
    elements : tuple of str
        Its elements in canonical order.
    n_flows, n_batches : int
        Flows and batches it was made of.
    labels : Counter
        Flows by label; empty for an app without a label.
    first, last : int
        Start of the first and last batch it was seen in, µs; 0 where unknown.
    """

    elements: tuple[str, ...]
    n_flows: int = 0
    n_batches: int = 0
    labels: Counter[Label] = field(default_factory=Counter)
    first: int = 0
    last: int = 0

    @property
    def majority(self) -> Label | None:
        """The label of most flows, ties to the lowest; None without labels."""
        return min(self.labels, key=self._rank, default=None)

    @property
    def fingerprint(self) -> Fingerprint:
        """Its fingerprint."""
        return Fingerprint(self.elements, self.n_flows)

    @property
    def label(self) -> str | None:
        """The majority label as text."""
        return None if self.majority is None else str(self.majority)

    def _rank(self, label: Label) -> tuple[int, bool, Label]:
        return -self.labels[label], isinstance(label, str), label


@dataclass(frozen=True, slots=True)
class KnownState:
    """What `KnownApps` hold."""

    apps: list[KnownApp]
    forgotten: int


class KnownApps:
    """The known apps of a site, by fingerprint id.

    Parameters
    ----------
    max_fingerprints : int
        Most fingerprints to keep; the least recently seen go first.

    Attributes
    ----------
    index : KnownIndex
        Their elements, by fingerprint id; it follows every change.
    forgotten : int
        How many had to go.
    """

    def __init__(self, max_fingerprints: int) -> None:
        self.max_fingerprints = max_fingerprints
        self.forgotten = 0
        self.index = KnownIndex()
        self._apps: dict[str, KnownApp] = {}

    def state(self) -> KnownState:
        """Return what they are, to go on from."""
        return KnownState(list(self._apps.values()), self.forgotten)

    def restore(self, state: KnownState) -> None:
        """Hold what `state` returned, instead of anything else."""
        self.index, self._apps, self.forgotten = KnownIndex(), {}, state.forgotten
        for app in state.apps:
            self.put(app)

    def __len__(self) -> int:
        return len(self._apps)

    def __iter__(self) -> Iterator[tuple[str, KnownApp]]:
        return iter(sorted(self._apps.items()))

    def add(
        self, elements: tuple[str, ...], n_flows: int, batch_start: int, label: str | None = None
    ) -> None:
        """Count a fingerprint of one device batch."""
        self.put(
            KnownApp(
                elements,
                n_flows,
                1,
                Counter() if label is None else Counter({label: n_flows}),
                batch_start,
                batch_start,
            )
        )

    def put(self, app: KnownApp) -> None:
        """Add a known app, or its counts to those of the same elements."""
        key = fingerprint_id(app.elements)
        known = self._apps.get(key)
        if known is None:
            known = self._apps[key] = replace(app, labels=Counter(app.labels))
        else:
            known.n_flows += app.n_flows
            known.n_batches += app.n_batches
            known.labels.update(app.labels)
            known.first, known.last = min(known.first, app.first), max(known.last, app.last)
        self.index.put(key, known.elements, known.n_flows)

    def __contains__(self, key: str) -> bool:
        return key in self._apps

    def label(self, key: str, label: str) -> None:
        """Give a known app a label in the place of those that it has."""
        app = self._apps[key]
        app.labels = Counter({label: max(app.n_flows, 1)})

    def forget(self, key: str) -> KnownApp:
        """Forget a known app, and return it."""
        app = self._apps[key]
        self._forget([key])
        return app

    def similar(self, elements: Iterable[str], most: int) -> list[tuple[str, float]]:
        """Return the ids of the most similar known apps, with the similarity.

        It looks at all of them: this is for people, one fingerprint at a time.
        """
        wanted = set(elements)
        found = []
        for key, app in self._apps.items():
            common = len(wanted.intersection(app.elements))
            if common:
                found.append((key, common / (len(wanted) + len(app.elements) - common)))
        return sorted(found, key=lambda one: (-one[1], one[0]))[:most]

    def seen(self, key: str, batch_start: int) -> None:
        """Note that a known app was seen again."""
        app = self._apps[key]
        app.last = max(app.last, batch_start)

    def prune(self) -> None:
        """Forget the least recently seen fingerprints beyond the bound."""
        surplus = len(self._apps) - self.max_fingerprints
        if surplus <= 0:
            return
        self._forget(sorted(self._apps, key=lambda key: (self._apps[key].last, key))[:surplus])
        self.forgotten += surplus

    def expire(self, before: int) -> None:
        """Forget fingerprints last seen before a time, µs; those of unknown times stay."""
        self._forget([key for key, app in self._apps.items() if 0 != app.last < before])

    def _forget(self, keys: list[str]) -> None:
        for key in keys:
            del self._apps[key]
            self.index.discard(key)

    def in_order(self) -> list[KnownApp]:
        """Return the apps, most flows first, then lowest id."""
        return [app for _, app in sorted(self, key=lambda item: -item[1].n_flows)]

    def nearest(self, vocabulary: Sequence[str], sets: Sets) -> tuple[list[KnownApp], Ints, Floats]:
        """Return the known apps most similar to fingerprints.

        Takes what `KnownIndex.best` takes.

        Returns
        -------
        apps : list of KnownApp
            Those that are the most similar to any.
        number : ndarray of shape (sets.size,)
            Place of each fingerprint's in `apps`, `NO_MATCH` for none.
        similarity : ndarray of shape (sets.size,)
            Similarity to it, 0 for none.
        """
        slot, similarity = self.index.best(vocabulary, sets)
        met = distinct(slot[slot != NO_MATCH])
        apps = [self._apps[self.index.keys[at]] for at in met.tolist()]
        return apps, np.where(slot == NO_MATCH, NO_MATCH, np.searchsorted(met, slot)), similarity

    def __getitem__(self, key: str) -> KnownApp:
        return self._apps[key]


@dataclass(slots=True)
class Site:
    """All that is learned about one site, and what people decided there."""

    known: KnownApps
    seen: SeenElements = field(default_factory=SeenElements)
    browsers: Browsers = field(default_factory=Browsers)
    dismissals: Dismissals = field(default_factory=Dismissals)


class Learned:
    """What an estimator has learned.

    Attributes
    ----------
    apps : KnownApps
        Known apps.
    certificate : {"sha256", "serial"} or None
        What their certificates are told apart by; None before any.
    seen : SeenElements or None
        What the site has seen, where a file said it.
    """

    def __init__(self) -> None:
        self.apps = KnownApps(sys.maxsize)
        self.certificate: str | None = None
        self.seen: SeenElements | None = None

    def in_order(self) -> list[KnownApp]:
        """Return the known apps, most flows first, then lowest id."""
        return self.apps.in_order()

    def add(self, apps: Iterable[KnownApp], certificate: str | None) -> None:
        """Add known apps, and what their certificates are told apart by."""
        for app in apps:
            self.apps.put(app)
        self.certificate = self.certificate or certificate

    def see(self, news: Iterable[SeenElements]) -> None:
        """Add what the site has seen; elements of every known app count as seen."""
        self.seen = SeenElements() if self.seen is None else self.seen
        for new in news:
            self.seen.update(new)
        for _, app in self.apps:
            for element in app.elements:
                if not self.seen.on_site(element):
                    self.seen.put(element, app.first, app.last, max(app.n_batches, 1))

    def chosen(self, fingerprints: Iterable[Fingerprint]) -> list[KnownApp]:
        """Return fingerprints as known apps: with the counts of those known, without empty ones.

        A mapping says their labels.
        """
        known = {app.elements: app for _, app in self.apps}
        chosen = {}
        for one in fingerprints:
            if not isinstance(one, Fingerprint):
                raise TypeError(f"fingerprints must hold Fingerprint, not {type(one).__name__}")
            elements = in_order(set(one.elements))
            app = known.get(elements, KnownApp(elements, one.n_flows))
            if isinstance(fingerprints, Mapping):
                label = fingerprints[one]
                labels = {} if label is None else {label: max(app.n_flows, 1)}
                app = replace(app, labels=Counter(labels))
            chosen[elements] = app
        chosen.pop((), None)
        return list(chosen.values())


def labelled(y: Iterable[object] | None, n_flows: int) -> tuple[Ints, list[Label]]:
    """Return the number of each flow's label, -1 for none, and the labels.

    Parameters
    ----------
    y : array-like of str or int, or None
        Labels; None and NaN are none.
    n_flows : int
        How many there must be.

    Raises
    ------
    ValueError
        They are not one for each flow.
    TypeError
        A label is neither text nor a whole number.
    """
    if y is None:
        return np.full(n_flows, -1), []
    given = np.asarray(y, dtype=object)
    if given.shape != (n_flows,):
        shape = f"{given.size}" if given.ndim == 1 else f"of shape {given.shape}"
        raise ValueError(f"one label for each flow is needed: X has {n_flows} flows, y is {shape}")
    codes, values = pd.factorize(given)
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    for value in plain:
        if isinstance(value, bool) or not isinstance(value, str | int):
            raise TypeError(f"a label must be text or a whole number, not {value!r}")
    return ints(codes), plain


def learned(
    found: Fingerprints, label: Ints, labels: list[Label], *, origin: int, batch: int
) -> list[KnownApp]:
    """Return each fingerprint found as a known app, with its flows counted by label.

    Parameters
    ----------
    found : Fingerprints
        Fingerprints.
    label, labels
        Labels of flows, see `labelled`.
    origin, batch : int
        Time that batches are counted from, and their width, µs.
    """
    used = found.of_slice >= 0
    of_slice = found.of_slice[used]
    owner, number = unique_pairs(of_slice, found.slices.batch[used])
    start = origin + number * batch
    edge = np.searchsorted(owner, np.arange(found.size + 1))
    apps = [
        KnownApp(elements, n_flows, high - low, Counter(), int(start[low]), int(start[high - 1]))
        for elements, n_flows, low, high in zip(
            found.elements(),
            found.n_flows.tolist(),
            edge[:-1].tolist(),
            edge[1:].tolist(),
            strict=True,
        )
    ]
    owner, flow = unique_pairs(of_slice, found.slices.flow[used])
    named = label[flow] >= 0
    owner, code = owner[named], label[flow[named]]
    group, first = row_groups((owner, code))
    counts = np.bincount(group, minlength=first.size)
    for at, count in zip(first.tolist(), counts.tolist(), strict=True):
        apps[int(owner[at])].labels[labels[int(code[at])]] = count
    return apps


def seen_in(apps: list[KnownApp], found: Fingerprints, *, devices: bool) -> SeenElements:
    """Return the elements of known apps, which were learned from `found`, and their devices."""
    seen = SeenElements()
    for app, device in zip(apps, found.device.tolist(), strict=True):
        for element in app.elements:
            seen.put(element, app.first, app.last, max(app.n_batches, 1))
        if devices:
            seen.put_device(found.devices[device], app.elements, app.last)
    return seen
