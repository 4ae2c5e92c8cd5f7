"""What a site has seen: elements, when, and on which devices."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowprint_zeek.core.arrays import Ints, ints
from flowprint_zeek.core.domains import wider
from flowprint_zeek.core.elements import NAME, is_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


@dataclass(frozen=True, slots=True)
class SeenState:
    """What `SeenElements` hold: first and last time and sightings; last times by device."""

    sightings: dict[str, tuple[int, int, int]]
    devices: dict[str, dict[str, int]]


class SeenElements:
    """Elements that a site has seen, when, how often, and on which devices."""

    def __init__(self) -> None:
        self._sightings: dict[str, tuple[int, int, int]] = {}
        self._devices: dict[str, dict[str, int]] = {}
        self._holders: Counter[str] = Counter()
        self._wider: Counter[str] = Counter()

    def state(self) -> SeenState:
        """Return what they are, to go on from."""
        return SeenState(self._sightings, self._devices)

    def restore(self, state: SeenState) -> None:
        """Hold what `state` returned, instead of anything else."""
        self._sightings, self._devices = state.sightings, state.devices
        self._holders = Counter(one for elements in self._devices.values() for one in elements)
        self._wider = Counter()
        for element, (_, _, count) in self._sightings.items():
            self._wider[wider(element)] += count

    def __len__(self) -> int:
        return len(self._sightings)

    def __iter__(self) -> Iterator[tuple[str, int, int, int]]:
        """Yield each element with its first and last time, µs, and its sightings, by element."""
        return ((element, *row) for element, row in sorted(self._sightings.items()))

    def devices(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each device with its sorted elements."""
        return ((device, sorted(self._devices[device])) for device in sorted(self._devices))

    @property
    def since(self) -> int | None:
        """Time of the first element ever seen, µs; None where no time is known.

        Elements of a known app whose times are unknown have 0; see `KnownApp`.
        """
        return min((first for first, *_ in self._sightings.values() if first != 0), default=None)

    def put(self, element: str, first: int, last: int, count: int = 1) -> None:
        """Note that the site saw an element.

        Parameters
        ----------
        element : str
            The element.
        first, last : int
            Start of the first and the last batch with it, µs; 0 where unknown.
        count : int, default=1
            In how many batches of devices.
        """
        self._wider[wider(element)] += count
        if element in self._sightings:
            known_first, known_last, known = self._sightings[element]
            first, last, count = min(first, known_first), max(last, known_last), known + count
        self._sightings[element] = (first, last, count)

    def put_device(self, device: str, elements: Iterable[str], last: int = 0) -> None:
        """Note that a device saw elements.

        Parameters
        ----------
        device : str
            The device.
        elements : iterable of str
            Elements.
        last : int, default=0
            Start of the last batch in which it saw them, µs; 0 where unknown.
        """
        known = self._devices.setdefault(device, {})
        for element in elements:
            if element not in known:
                self._holders[element] += 1
            known[element] = max(last, known.get(element, last))
        if not known:
            del self._devices[device]

    def update(self, other: SeenElements) -> None:
        """Note all that another site, or the same one at another time, saw."""
        for row in other:
            self.put(*row)
        for device, elements in other.devices():
            for element in elements:
                self.put_device(device, [element], other.last_on(device, element))

    def expire(self, before: int) -> int:
        """Forget elements last seen before a time, µs, and return how many the site forgot.

        A device forgets what it did not see for so long itself, too: its address may be another's
        by then. Those whose times are unknown stay: nobody can say how old they are.
        """
        old = {e for e, (_, last, _) in self._sightings.items() if 0 != last < before}
        for element in old:
            _, _, count = self._sightings.pop(element)
            self._wider[wider(element)] -= count
        self._wider = +self._wider
        for device, elements in list(self._devices.items()):
            gone = {e for e, last in elements.items() if e in old or 0 != last < before}
            for element in gone:
                del elements[element]
            self._holders.subtract(gone)
            if not elements:
                del self._devices[device]
        self._holders = +self._holders
        return len(old)

    def forget(self, elements: Iterable[str]) -> None:
        """Forget elements, everywhere: seen again they are new."""
        for element in elements:
            row = self._sightings.pop(element, None)
            if row is not None:
                self._wider[wider(element)] -= row[2]
            for held in self._devices.values():
                held.pop(element, None)
            self._holders.pop(element, None)
        self._devices = {device: held for device, held in self._devices.items() if held}

    def forget_device(self, device: str) -> bool:
        """Forget what a device saw; tell whether it saw anything. The site's elements stay."""
        held = self._devices.pop(device, None)
        self._holders.subtract(held or ())
        self._holders = +self._holders
        return held is not None

    def has_device(self, device: str) -> bool:
        """Tell whether a device saw anything."""
        return device in self._devices

    def sighting(self, element: str) -> tuple[int, int, int] | None:
        """Return the first and the last time of an element, µs, and its sightings; None if new."""
        return self._sightings.get(element)

    def on_site(self, element: str) -> bool:
        """Tell whether the site has seen an element."""
        return element in self._sightings

    def is_fresh(self, element: str) -> bool:
        """Tell whether an element is a name of which the site never saw the registered domain."""
        return element.startswith(NAME) and self._wider[wider(element)] == 0

    def sightings(self, elements: Sequence[str]) -> Ints:
        """Return in how many batches of devices each element was seen.

        Of endpoints, those of one network (a /24 or /48) and port count together: addresses behind
        one service change by the day.
        """
        return ints([self._count(element) for element in elements])

    def _count(self, element: str) -> int:
        if is_endpoint(element):
            return self._wider[wider(element)]
        return self._sightings.get(element, (0, 0, 0))[2]

    def on_device(self, device: str, element: str) -> bool:
        """Tell whether a device has seen an element."""
        return element in self._devices.get(device, ())

    def last_on(self, device: str, element: str) -> int:
        """Return the start of the last batch in which a device saw an element, µs; 0 if unknown."""
        return self._devices.get(device, {}).get(element, 0)

    def n_devices(self, element: str) -> int:
        """Return on how many devices an element was seen."""
        return self._holders[element]
