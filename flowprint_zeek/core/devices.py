"""Which device a connection belongs to, and which connections count."""

from __future__ import annotations

import ipaddress
from collections import Counter
from dataclasses import dataclass, field

import numpy as np
import pandas as pd

from flowprint_zeek.core.arrays import Bools, Texts, ints
from flowprint_zeek.core.flows import EXPORTED, text_column

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_LIMITED_BROADCAST = ipaddress.ip_address("255.255.255.255")
_PREFIX = {4: 24, 6: 64}
_CACHED = 1 << 20
_KEPT = ("uid", "start", "end", "orig_h", "orig_p", "resp_h", "resp_p", "proto", "n_bytes")
_INVALID, _LOCAL, _GROUP, _IGNORED, _EXCLUDED = 1, 2, 4, 8, 16


@dataclass(frozen=True, slots=True)
class Selection:
    """Which connections become flows of devices.

    Parameters
    ----------
    local_networks : tuple of network
        Networks whose hosts are devices, beside hosts that the log calls local.
    protocols : tuple of str
        Transport protocols; Zeek logs ICMP codes as ports, so ICMP has no endpoints.
    by_mac : bool
        Devices by link-layer address where the log has one.
    inbound, unanswered, flipped : bool
        Keep connections that others open to a device, that nobody answered, or whose direction
        Zeek guessed (``^`` in history).
    ignored_destinations, ignored_devices : tuple of network
        Connections to or of these are dropped.
    ignored_macs : frozenset of str
        The same for link-layer addresses, lower-case.
    """

    local_networks: tuple[Network, ...]
    protocols: tuple[str, ...] = ("tcp", "udp")
    by_mac: bool = False
    inbound: bool = False
    unanswered: bool = False
    flipped: bool = False
    ignored_destinations: tuple[Network, ...] = ()
    ignored_devices: tuple[Network, ...] = ()
    ignored_macs: frozenset[str] = frozenset()


@dataclass(slots=True)
class Dropped:
    """Connections that became no flow, by reason, and where foreign originators live."""

    reasons: Counter[str] = field(default_factory=Counter)
    foreign: Counter[str] = field(default_factory=Counter)


class Selector:
    """Selects the connections of devices.

    Parameters
    ----------
    selection : Selection
        What to keep.
    """

    def __init__(self, selection: Selection) -> None:
        self.selection = selection
        self.dropped = Dropped()
        self._flags: dict[str, int] = {}

    def select(self, rows: pd.DataFrame) -> pd.DataFrame:
        """Return the rows that are flows of devices: a flow table still without names.

        Parameters
        ----------
        rows : DataFrame
            Columns ``orig_h``, ``resp_h``, ``proto``, ``local_orig`` (1, 0, -1 unset),
            ``answered``, ``flipped``, ``orig_l2_addr`` and ``ctx`` beside those of a flow table,
            maybe `EXPORTED`.

        Returns
        -------
        DataFrame
            With columns ``device`` and ``server``, the responder; ``resp_h`` is the device's peer,
            which differs from the responder for inbound connections. `EXPORTED` are as they were.
        """
        chosen = self.selection
        orig, resp = self._of(rows["orig_h"]), self._of(rows["resp_h"])
        kept = np.ones(len(rows), dtype=np.bool_)
        kept = self._keep(kept, "protocol", rows["proto"].isin(chosen.protocols).to_numpy())
        kept = self._keep(kept, "address", ((orig | resp) & _INVALID) == 0)
        kept = self._keep(kept, "multicast", (resp & _GROUP) == 0)
        if not chosen.unanswered:
            kept = self._keep(kept, "unanswered", rows["answered"].to_numpy(dtype=np.bool_))
        if not chosen.flipped:
            kept = self._keep(kept, "flipped", ~rows["flipped"].to_numpy(dtype=np.bool_))
        outbound = (ints(rows["local_orig"]) == 1) | ((orig & _LOCAL) != 0)
        inbound = ~outbound & ((resp & _LOCAL) != 0) if chosen.inbound else ~outbound & False
        foreign = kept & ~outbound & ~inbound
        self._count_foreign(rows["orig_h"].to_numpy(dtype=object)[foreign])
        kept = self._keep(kept, "not_local", outbound | inbound)
        device, peer = np.where(inbound, resp, orig), np.where(inbound, orig, resp)
        ignored = ((device & _EXCLUDED) != 0) | ((peer & _IGNORED) != 0)
        ignored |= rows["orig_l2_addr"].isin(chosen.ignored_macs).to_numpy()
        kept = self._keep(kept, "ignored", ~ignored)
        return self._with_device(rows[kept], inbound[kept])

    def _keep(self, kept: Bools, reason: str, condition: Bools) -> Bools:
        lost = int((kept & ~condition).sum())
        if lost:
            self.dropped.reasons[reason] += lost
        return kept & condition

    def _with_device(self, rows: pd.DataFrame, inbound: Bools) -> pd.DataFrame:
        orig, resp = rows["orig_h"].to_numpy(dtype=object), rows["resp_h"].to_numpy(dtype=object)
        device: Texts = np.where(inbound, resp, orig)
        if self.selection.by_mac:
            mac = rows["orig_l2_addr"].to_numpy(dtype=object)
            device = np.where((mac != "") & ~inbound, mac, device)
        context = rows["ctx"].to_numpy(dtype=object)
        known = np.flatnonzero(context != "")
        device[known] = context[known] + "/" + device[known]
        peer = np.where(inbound, orig, resp)
        kept = [*_KEPT, *EXPORTED] if "windows" in rows else list(_KEPT)
        texts = {"device": device, "server": resp, "resp_h": peer}
        held = {name: text_column(text, rows.index) for name, text in texts.items()}
        return rows[kept].assign(**held)

    def _count_foreign(self, addresses: Texts) -> None:
        if not addresses.size:
            return
        for address, count in pd.Series(addresses).value_counts(sort=False).items():
            parsed = ipaddress.ip_address(str(address))
            network = ipaddress.ip_network((parsed, _PREFIX[parsed.version]), strict=False)
            self.dropped.foreign[str(network)] += int(count)
        if len(self.dropped.foreign) > _CACHED:
            self.dropped.foreign = Counter(dict(self.dropped.foreign.most_common(_CACHED // 2)))

    def _of(self, addresses: pd.Series[str]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
        codes, distinct = pd.factorize(addresses.to_numpy(dtype=object))
        if len(self._flags) > _CACHED:
            self._flags.clear()
        flags = [self._flags.get(address) for address in distinct]
        for at, address in enumerate(distinct):
            if flags[at] is None:
                flags[at] = self._flags[address] = self._classify(address)
        return ints(flags)[codes]

    def _classify(self, text: str) -> int:
        try:
            address = ipaddress.ip_address(text)
        except ValueError:
            return _INVALID
        chosen = self.selection
        return (
            _LOCAL * _inside(address, chosen.local_networks)
            | _GROUP * is_group(address)
            | _IGNORED * _inside(address, chosen.ignored_destinations)
            | _EXCLUDED * _inside(address, chosen.ignored_devices)
        )


def is_group(address: Address) -> bool:
    """Tell whether an address is of many hosts: multicast or broadcast."""
    return address.is_multicast or address == _LIMITED_BROADCAST


def is_mac(text: str) -> bool:
    """Tell whether text is a link-layer address."""
    return text.count(":") == 5 and all(len(part) == 2 for part in text.split(":"))


def without_names(flows: pd.DataFrame, ignored: tuple[str, ...]) -> pd.DataFrame:
    """Return a flow table without flows to some names; a leading dot means every subdomain."""
    if not ignored:
        return flows
    exact, below = set(ignored), tuple(name for name in ignored if name.startswith("."))
    kept = [not (name in exact or name.endswith(below)) for name in flows["name"]]
    return flows[kept].reset_index(drop=True)


def _inside(address: Address, networks: tuple[Network, ...]) -> bool:
    return any(address in network for network in networks)
