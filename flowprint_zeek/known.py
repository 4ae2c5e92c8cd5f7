"""What a site has learned: known apps, and the elements the site and its devices have seen."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowprint_zeek.core.elements import fingerprint_id
from flowprint_zeek.core.matching import KnownIndex

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator


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
    labels: Counter[str] = field(default_factory=Counter)
    first: int = 0
    last: int = 0

    @property
    def label(self) -> str | None:
        """The majority label, ties to the lowest; None without labels."""
        if not self.labels:
            return None
        return min(self.labels, key=lambda label: (-self.labels[label], label))


class KnownApps:
    """The known apps of a site, by fingerprint id.

    Parameters
    ----------
    max_fingerprints : int
        Most fingerprints to keep; the least recently seen go first.
    """

    def __init__(self, max_fingerprints: int) -> None:
        self.max_fingerprints = max_fingerprints
        self.forgotten = 0
        self._apps: dict[str, KnownApp] = {}
        self._order: list[str] | None = None
        self._index = KnownIndex([])

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
            self._apps[key] = app
        else:
            known.n_flows += app.n_flows
            known.n_batches += app.n_batches
            known.labels.update(app.labels)
            known.first, known.last = min(known.first, app.first), max(known.last, app.last)
        self._order = None

    def seen(self, key: str, batch_start: int) -> None:
        """Note that a known app was seen again."""
        app = self._apps[key]
        app.last = max(app.last, batch_start)

    def prune(self) -> None:
        """Forget the least recently seen fingerprints beyond the bound."""
        surplus = len(self._apps) - self.max_fingerprints
        if surplus <= 0:
            return
        oldest = sorted(self._apps, key=lambda key: (self._apps[key].last, key))[:surplus]
        for key in oldest:
            del self._apps[key]
        self.forgotten += surplus
        self._order = None

    def index(self) -> tuple[KnownIndex, list[str]]:
        """Return the index of the apps and their ids in its order: most flows, then lowest id."""
        if self._order is None:
            self._order = sorted(self._apps, key=lambda key: (-self._apps[key].n_flows, key))
            self._index = KnownIndex([self._apps[key].elements for key in self._order])
        return self._index, self._order

    def __getitem__(self, key: str) -> KnownApp:
        return self._apps[key]


class SeenElements:
    """Elements that a site has seen, when, and on which devices."""

    def __init__(self) -> None:
        self._times: dict[str, tuple[int, int]] = {}
        self._devices: dict[str, set[str]] = {}
        self._holders: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._times)

    def __iter__(self) -> Iterator[tuple[str, int, int]]:
        """Yield each element with its first and last time, µs, by element."""
        return ((element, *times) for element, times in sorted(self._times.items()))

    def devices(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each device with its sorted elements."""
        return ((device, sorted(self._devices[device])) for device in sorted(self._devices))

    @property
    def since(self) -> int | None:
        """Time of the first element ever seen, µs; None before."""
        return min((first for first, _ in self._times.values()), default=None)

    def put(self, element: str, first: int, last: int) -> None:
        """Note that the site saw an element."""
        if element in self._times:
            known_first, known_last = self._times[element]
            first, last = min(first, known_first), max(last, known_last)
        self._times[element] = (first, last)

    def put_device(self, device: str, elements: Iterable[str]) -> None:
        """Note that a device saw elements."""
        known = self._devices.setdefault(device, set())
        new = set(elements) - known
        known |= new
        self._holders.update(new)

    def on_site(self, element: str) -> bool:
        """Tell whether the site has seen an element."""
        return element in self._times

    def on_device(self, device: str, element: str) -> bool:
        """Tell whether a device has seen an element."""
        return element in self._devices.get(device, ())

    def n_devices(self, element: str) -> int:
        """Return on how many devices an element was seen."""
        return self._holders[element]


@dataclass(slots=True)
class Site:
    """All that is learned about one site."""

    known: KnownApps
    seen: SeenElements = field(default_factory=SeenElements)
