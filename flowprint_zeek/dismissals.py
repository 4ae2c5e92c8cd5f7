"""What a person said is nothing new: elements, names, devices, groups; for a while or for good."""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from flowprint_zeek.core.elements import NAME

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


@dataclass(frozen=True, slots=True)
class Dismissal:
    """One decision.

    Attributes
    ----------
    number : int
        Order of making.
    elements : tuple of str
        Elements that are not new any more: those of a pending app.
    names : tuple of str
        Names that are not; one with a leading dot stands for every subdomain.
    devices : tuple of str
        Addresses, networks and MAC addresses of devices of which nothing is raised.
    reason : str
        Why, for people.
    made, until : int, int or None
        Log time of making, µs, and from which on it does not hold any more; None: never.
    groups : tuple of str
        Groups of devices of which nothing is raised. Who belongs to one is asked at judging.
    """

    number: int
    elements: tuple[str, ...]
    names: tuple[str, ...]
    devices: tuple[str, ...]
    reason: str
    made: int
    until: int | None
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DismissalsState:
    """What `Dismissals` hold."""

    dismissals: list[Dismissal]
    next: int


class Dismissals:
    """The decisions that hold."""

    def __init__(self) -> None:
        self._held: dict[int, Dismissal] = {}
        self._next = 1
        self._index()

    def __iter__(self) -> Iterator[Dismissal]:
        return iter(self._held.values())

    def __len__(self) -> int:
        return len(self._held)

    def state(self) -> DismissalsState:
        """Return what they are, to go on from."""
        return DismissalsState(list(self), self._next)

    def restore(self, state: DismissalsState) -> None:
        """Hold what `state` returned, instead of anything else."""
        self._held = {one.number: one for one in state.dismissals}
        self._next = state.next
        self._index()

    def add(
        self,
        *,
        elements: Iterable[str] = (),
        names: Iterable[str] = (),
        devices: Iterable[str] = (),
        groups: Iterable[str] = (),
        reason: str = "",
        made: int,
        until: int | None = None,
    ) -> Dismissal:
        """Add a decision, see `Dismissal`, and return it."""
        one = Dismissal(
            self._next,
            tuple(elements),
            tuple(names),
            tuple(devices),
            reason,
            made,
            until,
            tuple(groups),
        )
        self._held[one.number] = one
        self._next += 1
        self._index()
        return one

    def remove(self, number: int) -> bool:
        """Take a decision back; tell whether there was one of that number."""
        found = self._held.pop(number, None) is not None
        self._index()
        return found

    def expire(self, now: int) -> None:
        """Drop decisions that do not hold any more at a log time, µs."""
        over = [one.number for one in self if one.until is not None and one.until <= now]
        for number in over:
            del self._held[number]
        if over:
            self._index()

    def _index(self) -> None:
        self._elements = {element for one in self for element in one.elements}
        self._elements |= {NAME + name for one in self for name in one.names}
        self._below = tuple(name for one in self for name in one.names if name.startswith("."))
        self._devices = {device for one in self for device in one.devices}
        networks = map(_network, sorted(self._devices))
        self._networks = tuple(one for one in networks if one is not None)
        self._groups = {group for one in self for group in one.groups}

    def cover(self, element: str) -> bool:
        """Tell whether an element does not count as new."""
        return element in self._elements or (
            element.startswith(NAME) and element.endswith(self._below)
        )

    def cover_device(self, device: str, groups_of: Callable[[str], Iterable[str]]) -> bool:
        """Tell whether nothing is raised of a device.

        Parameters
        ----------
        device : str
            What stands before a slash is its VLAN.
        groups_of : callable
            Returns the groups of a device; asked only where groups are dismissed.
        """
        address = device.rpartition("/")[2]
        if address in self._devices or any(_inside(address, one) for one in self._networks):
            return True
        return bool(self._groups) and not self._groups.isdisjoint(groups_of(device))


@lru_cache(maxsize=1 << 12)
def _network(text: str) -> ipaddress.IPv4Network | ipaddress.IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _inside(address: str, network: ipaddress.IPv4Network | ipaddress.IPv6Network) -> bool:
    try:
        return ipaddress.ip_address(address) in network
    except ValueError:
        return False
