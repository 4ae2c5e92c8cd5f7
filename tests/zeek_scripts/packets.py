"""Packets that hosts exchange, written as pcap files: what the Zeek scripts are tested with.

Everything is made here, byte by byte, and the same on every run.
"""

from __future__ import annotations

import ipaddress
import struct
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

TCP, UDP = 6, 17
FIN, SYN, RST, PSH, ACK = 1, 2, 4, 8, 16

PHONE, SERVER = "10.0.0.7", "9.9.9.20"
"""Zeek takes the addresses that are kept for documentation for local ones."""
_MAC = {True: bytes.fromhex("02005e005301"), False: bytes.fromhex("02005e005302")}
_IPV4, _IPV6, _VLAN = 0x0800, 0x86DD, 0x8100


@dataclass
class Capture:
    """Frames with their times, in seconds."""

    frames: list[tuple[float, bytes]] = field(default_factory=list)

    def write(self, path: Path) -> None:
        """Write them in the order of time."""
        parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 1 << 16, 1)]
        for time, frame in sorted(self.frames, key=lambda each: each[0]):
            micros = round(time * 1_000_000)
            head = struct.pack("<IIII", *divmod(micros, 1_000_000), len(frame), len(frame))
            parts += (head, frame)
        path.write_bytes(b"".join(parts))


@dataclass
class Hosts:
    """Two hosts and their ports, one of which sends to the other.

    Parameters
    ----------
    capture : Capture
        Where their frames go.
    orig, resp : str
        Addresses.
    orig_p, resp_p : int
        Ports.
    vlan : int or None
        VLAN that they are in.
    """

    capture: Capture
    orig: str = PHONE
    orig_p: int = 40_000
    resp: str = SERVER
    resp_p: int = 443
    vlan: int | None = None

    def _send(self, time: float, protocol: int, segment: bytes, *, from_orig: bool) -> None:
        source, target = (self.orig, self.resp) if from_orig else (self.resp, self.orig)
        ends = ipaddress.ip_address(source).packed, ipaddress.ip_address(target).packed
        at = 16 if protocol == TCP else 6
        total = _checksum(b"".join(ends) + struct.pack("!II", len(segment), protocol) + segment)
        segment = segment[:at] + struct.pack("!H", total or 0xFFFF) + segment[at + 2 :]
        if len(ends[0]) == len(ends[1]) == 4:
            kind = _IPV4
            head = struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(segment), 0, 0, 64, protocol, 0)
            head += b"".join(ends)
            head = head[:10] + struct.pack("!H", _checksum(head)) + head[12:]
        else:
            kind = _IPV6
            head = struct.pack("!IHBB", 6 << 28, len(segment), protocol, 64) + b"".join(ends)
        tag = b"" if self.vlan is None else struct.pack("!HH", _VLAN, self.vlan)
        link = _MAC[not from_orig] + _MAC[from_orig] + tag + struct.pack("!H", kind)
        self.capture.frames.append((time, link + head + segment))


class Udp(Hosts):
    """Datagrams between two hosts."""

    def send(self, time: float, payload: bytes = b"x", *, from_orig: bool = True) -> None:
        """Send one datagram."""
        ports = (self.orig_p, self.resp_p) if from_orig else (self.resp_p, self.orig_p)
        head = struct.pack("!HHHH", *ports, 8 + len(payload), 0)
        self._send(time, UDP, head + payload, from_orig=from_orig)


@dataclass
class Tcp(Hosts):
    """A TCP connection."""

    orig_seq: int = 1000
    resp_seq: int = 5000

    def segment(
        self, time: float, flags: int, payload: bytes = b"", *, from_orig: bool = True
    ) -> None:
        """Send one segment."""
        ours, theirs = self.orig_seq, self.resp_seq
        ports = (self.orig_p, self.resp_p)
        if not from_orig:
            ours, theirs, ports = theirs, ours, ports[::-1]
        acknowledged = theirs if flags & ACK else 0
        head = struct.pack("!HHIIBBHHH", *ports, ours, acknowledged, 5 << 4, flags, 65_535, 0, 0)
        self._send(time, TCP, head + payload, from_orig=from_orig)
        moved = len(payload) + bool(flags & (SYN | FIN))
        if from_orig:
            self.orig_seq += moved
        else:
            self.resp_seq += moved

    def open(self, time: float) -> None:
        """Shake hands."""
        self.segment(time, SYN)
        self.segment(time + 0.01, SYN | ACK, from_orig=False)
        self.segment(time + 0.02, ACK)

    def data(self, time: float, payload: bytes = b"x", *, from_orig: bool = True) -> None:
        """Send data and acknowledge it."""
        self.segment(time, PSH | ACK, payload, from_orig=from_orig)
        self.segment(time + 0.001, ACK, from_orig=not from_orig)

    def close(self, time: float) -> None:
        """End the connection."""
        self.segment(time, FIN | ACK)
        self.segment(time + 0.001, FIN | ACK, from_orig=False)
        self.segment(time + 0.002, ACK)


def _checksum(data: bytes) -> int:
    """Return the Internet checksum, RFC 1071."""
    words = struct.unpack(f"!{(len(data) + 1) // 2}H", data + bytes(len(data) % 2))
    total: int = sum(words)
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF
