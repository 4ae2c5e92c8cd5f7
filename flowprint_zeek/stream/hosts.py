"""Names and groups of devices: a file that people keep, and what dhcp.log tells.

A line of the file holds an address, network or MAC address, a name or ``-``, and the groups if
there are any::

    # who               name      groups
    192.0.2.7           lt-4711   sales,floor-3
    02:00:5e:00:53:01   printer
    192.0.2.0/24        -         office

A file that is called ``hosts``, or ends in ``.hosts``, is one of hosts(5) instead: the first word
after an address is the name, those behind it are aliases and left out.
"""

from __future__ import annotations

import ipaddress
import re
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from flowprint_zeek.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from flowprint_zeek.core.devices import Network
    from flowprint_zeek.zeek.leases import Leases

_NONE = "-"
_ALIASED = "hosts"
_MOST_WORDS = 3
_SHAPE = "an address, network or MAC address, a name or -, and groups with commas between them"
_MAC = re.compile("[0-9a-f]{2}(:[0-9a-f]{2}){5}")
_LONGEST = 80

Key = TypeVar("Key")


class Host(NamedTuple):
    """What people call a device: "" without a name, the groups of the closest line first."""

    name: str = ""
    groups: tuple[str, ...] = ()


class Names:
    """What a file tells of addresses, networks and MAC addresses.

    Parameters
    ----------
    networks : mapping of network to Host
        By network; an address is one of its own.
    macs : mapping of str to Host
        By MAC address, lower-case with colons.
    """

    def __init__(self, networks: Mapping[Network, Host], macs: Mapping[str, Host]) -> None:
        self._networks = networks
        self._macs = macs
        lengths = {(network.version, network.prefixlen) for network in networks}
        self._lengths = sorted(lengths, reverse=True)

    def matching(self, address: str, mac: str) -> Iterator[Host]:
        """Yield what is told of a host: by its address, its MAC, then its networks, narrow first.

        Parameters
        ----------
        address, mac : str
            Either may be something else.
        """
        networks = list(self._around(address))
        of_address = [one for one in networks if one.prefixlen == one.max_prefixlen]
        yield from map(self._networks.__getitem__, of_address)
        if mac in self._macs:
            yield self._macs[mac]
        yield from map(self._networks.__getitem__, networks[len(of_address) :])

    def groups(self) -> set[str]:
        """Return the groups that there are."""
        hosts = (*self._networks.values(), *self._macs.values())
        return {group for host in hosts for group in host.groups}

    def _around(self, address: str) -> Iterator[Network]:
        """Yield the networks of the file that an address is in, narrow first."""
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return
        for version, length in self._lengths:
            if version == parsed.version:
                network = ipaddress.ip_network((address, length), strict=False)
                if network in self._networks:
                    yield network


class Hosts:
    """What devices are called, and to which groups they belong.

    Parameters
    ----------
    names : Names
        What people wrote; it goes before what dhcp.log tells.
    leases : Leases
        What dhcp.log tells.
    """

    def __init__(self, names: Names, leases: Leases) -> None:
        self.names = names
        self.leases = leases

    def host(self, device: str) -> Host:
        """Return name and groups of a device: an address or MAC, perhaps after VLAN and slash.

        The name is that of the closest line that has one, the groups are those of all.
        """
        address = _address(device)
        found = list(self.names.matching(address, self.leases.host(address)))
        named = (host.name for host in found if host.name)
        groups = dict.fromkeys(group for host in found for group in host.groups)
        return Host(next(named, "") or self.leases.name(address), tuple(groups))

    def addresses(self, device: str) -> list[str]:
        """Return the addresses of a device: its own, or with a MAC those that dhcp.log told."""
        address = _address(device)
        return [address, *self.leases.addresses(address)]

    def forget(self, device: str) -> None:
        """Forget what dhcp.log told of a device."""
        self.leases.forget(_address(device))

    def groups_of(self, device: str) -> tuple[str, ...]:
        """Return the groups of a device, see `host`."""
        return self.host(device).groups


def _address(device: str) -> str:
    return device.rpartition("/")[2]


def read_names(path: str) -> Names:
    """Return what a file of names holds; nothing where the path is "".

    Raises
    ------
    ConfigError
        The file cannot be read, or a line is not what it should be; it is named.
    """
    networks: dict[Network, Host] = {}
    macs: dict[str, Host] = {}
    aliased = Path(path).name == _ALIASED or Path(path).suffix == f".{_ALIASED}"
    for number, line in enumerate(_text(path).split("\n") if path else (), 1):
        words = line.partition("#")[0].split()
        try:
            if words and _MAC.fullmatch(mac := words[0].lower().replace("-", ":")):
                _put(macs, mac, words, aliased=aliased)
            elif words:
                _put(networks, _network(words[0]), words, aliased=aliased)
        except ValueError as error:
            raise ConfigError(str(error), path=path, line=number) from None
    return Names(networks, macs)


def _text(path: str) -> str:
    try:
        return Path(path).read_text(encoding="utf-8-sig")
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8", path=path) from error


def _put(hosts: dict[Key, Host], key: Key, words: list[str], *, aliased: bool) -> None:
    """Put what the words of a line tell of a key, or raise ValueError with what is wrong."""
    if len(words) == 1 or (len(words) > _MOST_WORDS and not aliased):
        hint = f" (aliases: in a file called {_ALIASED} or *.{_ALIASED})" if words[1:] else ""
        raise ValueError(f"a line must hold {_SHAPE}; not {_shown(' '.join(words))}{hint}")
    who, name, *rest = words
    groups = tuple(dict.fromkeys(rest[0].split(","))) if rest and not aliased else ()
    if "" in groups:
        raise ValueError(f"groups must have names, with commas between them; not {_shown(rest[0])}")
    # hosts(5) has a line for every name of an address, of which the first counts.
    if key in hosts and not aliased:
        raise ValueError(f"{who} stands there twice, first as {_shown(hosts[key].name or _NONE)}")
    hosts.setdefault(key, Host("" if name == _NONE else name, groups))


def _network(text: str) -> Network:
    try:
        return ipaddress.ip_network(text.partition("%")[0])
    except ValueError:
        said = "an address, MAC address or network such as 192.0.2.7 or 2001:db8::/32, without host"
        raise ValueError(f"a line must begin with {said} bits; not {_shown(text)}") from None


def _shown(text: str) -> str:
    shown = repr(text)
    return shown if len(shown) <= _LONGEST else f"{shown[: _LONGEST - 1]}…"
