"""Devices that others speak through: what they do is nobody's app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import Ints, distinct, ints
from flowprint_zeek.core.elements import split_endpoint
from flowprint_zeek.core.flows import factorized

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd

_DNS = 53
_PORTS = 16
"""Bits of a port."""

_ASKERS = 3
"""Devices that ask a resolver for names; one answer would let any device hide itself."""

_TOLD = "ja4:"
"""Clients that tell hosts apart: browsers shuffle what JA3 is of, and anyone writes User-Agents."""


class Sharing:
    """Recognises proxies, resolvers, NAT addresses and scanners among devices.

    Parameters
    ----------
    clients : int, default=30
        TLS clients over which a device that shows them in one batch is several hosts.
    endpoints : int, default=200
        Destinations without a name over which a device that reaches them in one batch scans.
    """

    def __init__(self, clients: int = 30, endpoints: int = 200) -> None:
        self.clients = clients
        self.endpoints = endpoints
        self._askers: dict[str, dict[str, int]] = {}

    def shared(self, slices: pd.DataFrame, proxies: Iterable[str], now: int) -> frozenset[str]:
        """Return the shared devices of a batch, and note who asks which device for names.

        Parameters
        ----------
        slices : DataFrame
            Flow table of one batch with ``client`` and ``server``.
        proxies : iterable of str
            Endpoints of explicit proxies, as elements.
        now : int
            Start of the batch, µs.
        """
        host, addresses = factorized(slices["orig_h"])
        self._note(slices, set(addresses), now)
        hosts = {host for host, askers in self._askers.items() if len(askers) >= _ASKERS}
        hosts |= {split_endpoint(proxy)[0] for proxy in proxies}
        device, devices = factorized(slices["device"])
        client, clients = factorized(slices["client"])
        told = np.array([one.startswith(_TOLD) for one in clients], dtype=np.bool_)[client]
        of_host = np.array([one in hosts for one in addresses], dtype=np.bool_)
        shared = set(device[of_host[host]].tolist())
        shared |= _over(device[told], client[told], self.clients)
        nameless = np.flatnonzero(slices["name"].to_numpy(dtype=object) == "")
        # Few devices have so many flows without a name that it may be a scan.
        counts = np.bincount(device[nameless], minlength=len(devices))
        nameless = nameless[counts[device[nameless]] > self.endpoints]
        server = factorized(slices["resp_h"].iloc[nameless])[0] << _PORTS
        server |= ints(slices["resp_p"])[nameless]
        shared |= _over(device[nameless], server, self.endpoints)
        return frozenset(devices[at] for at in shared)

    def _note(self, slices: pd.DataFrame, hosts: set[str], now: int) -> None:
        """Note who asks which of some hosts for names."""
        asking = np.flatnonzero(slices["resp_p"].to_numpy() == _DNS)
        servers, devices = (
            slices[name].to_numpy(dtype=object)[asking] for name in ("server", "device")
        )
        pairs = dict.fromkeys(zip(servers.tolist(), devices.tolist(), strict=True))
        for host, asker in pairs:
            if host not in hosts:
                continue
            askers = self._askers.setdefault(host, {})
            if asker in askers or len(askers) < _ASKERS:
                askers[asker] = now

    def state(self) -> dict[str, dict[str, int]]:
        """Return the hosts that were asked for names, by whom and when last, to go on from."""
        return self._askers

    def restore(self, state: dict[str, dict[str, int]]) -> None:
        """Hold what `state` returned."""
        self._askers = state

    def forget_device(self, device: str, addresses: Iterable[str]) -> None:
        """Forget whom a device asked for names, and who asked its addresses."""
        for host in addresses:
            self._askers.pop(host, None)
        for host, askers in list(self._askers.items()):
            if askers.pop(device, None) is not None and not askers:
                del self._askers[host]

    def expire(self, before: int) -> None:
        """Forget who asked for names before a time, µs."""
        for host, askers in list(self._askers.items()):
            self._askers[host] = {asker: at for asker, at in askers.items() if at >= before}
            if not self._askers[host]:
                del self._askers[host]


def _over(device: Ints, what: Ints, limit: int) -> set[int]:
    """Return the devices of whose slices there are more than so many distinct values."""
    if device.size <= limit:
        return set()
    most = int(what.max()) + 1
    found, counts = np.unique(distinct(device * most + what) // most, return_counts=True)
    return set(found[counts > limit].tolist())
