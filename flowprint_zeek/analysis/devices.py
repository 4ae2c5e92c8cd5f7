"""The devices of a simulated network: what they are, run, and are addressed by."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.catalogue import PLATFORMS
from flowprint_zeek.analysis.network import DAY, HOUR, Stream

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowprint_zeek.analysis.network import Network
    from flowprint_zeek.core.arrays import Ints

GATEWAY = 0x0A140001
"""10.20.0.1: resolver, DHCP server and way out."""
FIRST_ADDRESS = 0x0A140002
HOSTS_A_BLOCK = 250
HOSTS = 15_000_000
"""Device addresses from 10.20.0.2 on; past them they are used again."""
INSTALLED_APPS = (5, 12)
"""Apps that a phone or laptop runs besides those that only it has."""
LEASE_HOURS = (6, 10)
"""Addresses change when a device comes back in the morning."""


class Role(IntEnum):
    """What a device is."""

    PHONE = 0
    LAPTOP = 1
    SERVER = 2
    THING = 3


@dataclass(frozen=True, slots=True)
class Device:
    """One device.

    Parameters
    ----------
    number : int
        Place in the network, clients first.
    role : Role
        Phone, laptop, server or thing.
    browses : bool
        Whether somebody browses the web on it.
    platform : int
        Operating system.
    apps : ndarray
        Numbers of the known apps on it, most used first.
    leases : ndarray
        Sorted moments at which its address changes, µs.
    population : int
        Devices of the network: the step from one of its addresses to the next.
    activity : float
        How often people, apps and its system do something, 1 for the usual.
    """

    number: int
    role: Role
    browses: bool
    platform: int
    apps: Ints
    leases: Ints
    population: int
    activity: float

    def address(self, when: Ints) -> Ints:
        """Return its IPv4 address, as a number, at each time."""
        generation = np.searchsorted(self.leases, when, side="right")
        return host(generation * self.population + self.number)


def host(index: Ints) -> Ints:
    """Return the address of the ``index``-th lease of the network."""
    index = index % HOSTS
    return FIRST_ADDRESS + index // HOSTS_A_BLOCK * 256 + index % HOSTS_A_BLOCK


def number_of(network: Network, code: Ints) -> Ints:
    """Return the numbers of the devices that have, or had, addresses; some number for others."""
    place = code - FIRST_ADDRESS
    return (place // 256 * HOSTS_A_BLOCK + place % 256) % network.devices


def roster(network: Network) -> list[Device]:
    """Return the devices of a network."""
    return [_device(network, number) for number in range(network.devices)]


def _device(network: Network, number: int) -> Device:
    rng = network.stream(Stream.INSTALLED, number)
    platform = int(rng.integers(len(PLATFORMS)))
    role = _role(network, number)
    fixed = role in {Role.SERVER, Role.THING}
    empty = np.empty(0, dtype=np.int64)
    return Device(
        number=number,
        role=role,
        browses=_browses(network, role, number),
        platform=platform,
        apps=empty if fixed else _installed(network, number, rng),
        leases=empty if fixed else _leases(network, number),
        population=network.devices,
        activity=network.activity,
    )


def _role(network: Network, number: int) -> Role:
    if number >= network.clients:
        return Role.SERVER if number < network.clients + network.servers else Role.THING
    laptop = number < network.browsers or number % 5 in (0, 2)
    return Role.LAPTOP if laptop else Role.PHONE


def _browses(network: Network, role: Role, number: int) -> bool:
    chance = network.stream(Stream.INSTALLED, number, 1).random()
    phone = role is Role.PHONE and chance < network.phone_browsing_share
    return number < network.browsers or phone


def _installed(network: Network, number: int, rng: Generator) -> Ints:
    # popular apps are on many devices; each app is on at least one
    size = min(network.apps, int(rng.integers(INSTALLED_APPS[0], INSTALLED_APPS[1] + 1)))
    popularity = 1 / np.arange(1, network.apps + 1) ** 0.7
    chosen = rng.choice(network.apps, size, replace=False, p=popularity / popularity.sum())
    only_here = np.arange(number, network.apps, network.clients, dtype=np.int64)
    return np.concatenate((chosen, np.setdiff1d(only_here, chosen)))


def _leases(network: Network, number: int) -> Ints:
    rng = network.stream(Stream.LEASE, number)
    chance = rng.random((network.n_days, 2))
    low, high = LEASE_HOURS
    moments = low * HOUR + (chance[:, 1] * (high - low) * HOUR).astype(np.int64)
    moments += network.start + np.arange(network.n_days, dtype=np.int64) * DAY
    # the first day has no lease before it
    changes = (chance[:, 0] < network.address_change_share) & (np.arange(network.n_days) > 0)
    return moments[changes]
