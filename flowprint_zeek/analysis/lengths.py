"""Packet lengths of flows, from packet captures: no log of Zeek tells them.

Needs dpkt (extra ``evaluate``).
"""

from __future__ import annotations

import ipaddress
from functools import partial
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.errors import LogError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from types import ModuleType

    import pandas as pd

    from flowprint_zeek.core.arrays import Ints

Ends = tuple[str, str, int, str, int]
"""Protocol, and address and port of the sender and of the receiver."""

_IP6_HEADER = 40


def package() -> ModuleType:
    """Return dpkt.

    Raises
    ------
    UsageError
        It is not installed.
    """
    try:
        return import_module("dpkt")
    except ImportError as error:
        raise UsageError(
            f"packet lengths need dpkt: pip install 'flowprint-zeek[evaluate]' ({error})"
        ) from error


def packet_lengths(path: Path, flows: pd.DataFrame) -> list[Ints]:
    """Return the lengths of the packets of each flow, in the order of the capture.

    Parameters
    ----------
    path : Path
        Packet capture, pcap or pcapng, of Ethernet, Linux cooked or raw IP.
    flows : DataFrame
        Flow table with ``proto`` and the ends.

    Returns
    -------
    list of ndarray
        Bytes of each packet with its IP header, negative for packets to the originator. A packet
        is of the flow between its ends that began last before it, else of the first one.

    Raises
    ------
    UsageError
        dpkt is not installed.
    LogError
        The file is no packet capture, or of another kind.
    """
    between = _Flows(flows)
    found: list[list[int]] = [[] for _ in range(len(flows))]
    for time, ends, size in _packets(path):
        flow, sign = between.of(ends, time)
        if flow is not None:
            found[flow].append(sign * size)
    return [ints(one) for one in found]


class _Flows:
    """Flows by their ends."""

    def __init__(self, flows: pd.DataFrame) -> None:
        start = ints(flows["start"])
        names = ("proto", "orig_h", "orig_p", "resp_h", "resp_p")
        columns = [flows[name].tolist() for name in names]
        held: dict[Ends, list[int]] = {}
        for at, ends in enumerate(zip(*columns, strict=True)):
            held.setdefault(ends, []).append(at)
        self._at = {ends: ints(sorted(at, key=start.__getitem__)) for ends, at in held.items()}
        self._start = {ends: start[at] for ends, at in self._at.items()}

    def of(self, ends: Ends, time: int) -> tuple[int | None, int]:
        """Return the flow of a packet, None for none, and 1, or -1 for one to the originator."""
        proto, *sides = ends
        back: Ends = (proto, *sides[2:], *sides[:2])  # type: ignore[assignment] # four are turned
        for one, sign in ((ends, 1), (back, -1)):
            if one in self._at:
                place = int(np.searchsorted(self._start[one], time, side="right")) - 1
                return int(self._at[one][max(place, 0)]), sign
        return None, 1


def _packets(path: Path) -> Iterator[tuple[int, Ends, int]]:
    """Yield the time, µs, the ends and the length of each TCP or UDP packet."""
    dpkt = package()
    try:
        with path.open("rb") as file:
            reader = dpkt.pcap.UniversalReader(file)
            link = _links(dpkt).get(reader.datalink())
            if link is None:
                raise LogError(f"is of the link type {reader.datalink()}", path=path)
            for time, frame in reader:
                told = _told(dpkt, link, frame)
                if told is not None:
                    yield round(time * SECOND), *told
    except OSError as error:
        raise LogError(f"cannot be read: {error.strerror}", path=path) from error
    except (ValueError, dpkt.UnpackError) as error:
        raise LogError(f"is no packet capture: {error}", path=path) from error


def _links(dpkt: ModuleType) -> dict[int, Callable[[bytes], Any]]:
    """Return what takes the IP packet out of a frame, by the number of the link type."""
    framed = {1: dpkt.ethernet.Ethernet, 113: dpkt.sll.SLL, 276: dpkt.sll2.SLL2}

    def raw(frame: bytes) -> Any:  # noqa: ANN401  # what dpkt makes has no types
        return (dpkt.ip6.IP6 if frame[:1] >= b"\x60" else dpkt.ip.IP)(frame)

    kinds = {link: partial(_content, kind) for link, kind in framed.items()}
    return kinds | dict.fromkeys((12, 14, 101), raw)


def _content(kind: Callable[[bytes], Any], frame: bytes) -> Any:  # noqa: ANN401  # dpkt has no types
    return kind(frame).data


def _told(dpkt: ModuleType, link: Callable[[bytes], Any], frame: bytes) -> tuple[Ends, int] | None:
    """Return the ends and the length of a packet, None where it is neither TCP nor UDP."""
    try:
        packet = link(frame)
    except dpkt.UnpackError:
        return None
    six = isinstance(packet, dpkt.ip6.IP6)
    if not six and not isinstance(packet, dpkt.ip.IP):
        return None
    inner = packet.data
    proto = {dpkt.tcp.TCP: "tcp", dpkt.udp.UDP: "udp"}.get(type(inner))
    if proto is None:
        return None
    source, target = (str(ipaddress.ip_address(each)) for each in (packet.src, packet.dst))
    size = packet.plen + _IP6_HEADER if six else packet.len
    return (proto, source, inner.sport, target, inner.dport), int(size)
