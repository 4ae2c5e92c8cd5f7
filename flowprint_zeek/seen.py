"""What a site has seen: elements, when, and on which devices."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from flowprint_zeek.core.arrays import Ints, ints
from flowprint_zeek.core.domains import wider
from flowprint_zeek.core.elements import NAME, is_endpoint

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence


class SeenElements:
    """Elements that a site has seen, when, how often, and on which devices."""

    def __init__(self) -> None:
        self._sightings: dict[str, tuple[int, int, int]] = {}
        self._devices: dict[str, set[str]] = {}
        self._holders: Counter[str] = Counter()
        self._wider: Counter[str] = Counter()

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

    def put_device(self, device: str, elements: Iterable[str]) -> None:
        """Note that a device saw elements."""
        known = self._devices.setdefault(device, set())
        new = set(elements) - known
        known |= new
        self._holders.update(new)

    def update(self, other: SeenElements) -> None:
        """Note all that another site, or the same one at another time, saw."""
        for row in other:
            self.put(*row)
        for device, elements in other.devices():
            self.put_device(device, elements)

    def expire(self, before: int) -> int:
        """Forget elements last seen before a time, µs, and return how many.

        Those whose times are unknown stay: nobody can say how old they are.
        """
        old = {e for e, (_, last, _) in self._sightings.items() if 0 != last < before}
        for element in old:
            _, _, count = self._sightings.pop(element)
            self._wider[wider(element)] -= count
        self._wider = +self._wider
        for device, elements in list(self._devices.items()):
            gone = elements & old
            elements.difference_update(gone)
            self._holders.subtract(gone)
            if not elements:
                del self._devices[device]
        for element in old:
            self._holders.pop(element, None)
        return len(old)

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

    def n_devices(self, element: str) -> int:
        """Return on how many devices an element was seen."""
        return self._holders[element]
