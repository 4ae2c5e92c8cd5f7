"""Packet lengths of flows, from packet captures."""

from __future__ import annotations

import socket
import struct
import sys
from typing import TYPE_CHECKING

import numpy as np
import pytest

from flowprint_zeek.analysis.lengths import packet_lengths
from flowprint_zeek.analysis.totals import flow_totals
from flowprint_zeek.config import load
from flowprint_zeek.errors import LogError, UsageError
from flowprint_zeek.stream.capture import KINDS, read_capture
from flowprint_zeek.stream.replay import Span
from flowprint_zeek.zeek.columns import as_frame, objects
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

ETHERNET, RAW = 1, 101
OURS, THEIRS = ("10.0.0.1", 40_000), ("203.0.113.1", 443)
OURS6, THEIRS6 = ("fd00::1", 40_000), ("2001:db8::1", 443)
Side = tuple[str, int]


def packet(source: Side, target: Side, payload: int, proto: str = "tcp") -> bytes:
    """Return an IP packet with so many bytes of payload."""
    ports = struct.pack("!HH", source[1], target[1])
    if proto == "tcp":
        inner = ports + struct.pack("!IIBBHHH", 0, 0, 0x50, 0x18, 0, 0, 0) + bytes(payload)
    else:
        inner = ports + struct.pack("!HH", 8 + payload, 0) + bytes(payload)
    number = {"tcp": 6, "udp": 17}[proto]
    if ":" in source[0]:
        ends = b"".join(socket.inet_pton(socket.AF_INET6, one) for one, _ in (source, target))
        return struct.pack("!IHBB", 6 << 28, len(inner), number, 64) + ends + inner
    ends = socket.inet_aton(source[0]) + socket.inet_aton(target[0])
    return struct.pack("!BBHHHBBH", 0x45, 0, 20 + len(inner), 0, 0, 64, number, 0) + ends + inner


def capture(path: Path, packets: Sequence[tuple[float, bytes]], link: int = ETHERNET) -> Path:
    """Write a packet capture; times in seconds."""
    parts = [struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, link)]
    for time, held in packets:
        six = held[0] >> 4 == 6
        data = (
            bytes(12) + (b"\x86\xdd" if six else b"\x08\x00") + held if link == ETHERNET else held
        )
        second, part = divmod(round(time * 1e6), 1_000_000)
        parts += [struct.pack("<IIII", second, part, len(data), len(data)), data]
    path.write_bytes(b"".join(parts))
    return path


def flows(*ends: tuple[Side, Side, float], proto: str = "tcp") -> pd.DataFrame:
    """Return flows between ends that begin at some seconds."""
    sides = {
        "orig_h": objects([one[0] for one, _, _ in ends]),
        "orig_p": np.array([one[1] for one, _, _ in ends]),
        "resp_h": objects([one[0] for _, one, _ in ends]),
        "resp_p": np.array([one[1] for _, one, _ in ends]),
    }
    start = np.array([round(time * 1e6) for _, _, time in ends])
    held = {"proto": objects([proto] * len(ends)), "start": start, **sides}
    return as_frame(held, len(ends))


@pytest.mark.parametrize(("ours", "theirs"), [(OURS, THEIRS), (OURS6, THEIRS6)])
@pytest.mark.parametrize("link", [ETHERNET, RAW])
def test_lengths_have_headers_and_directions(
    tmp_path: Path, ours: Side, theirs: Side, link: int
) -> None:
    """What goes to the originator is negative; the IP header counts, the frame's does not."""
    packets = [(1, packet(ours, theirs, 100)), (2, packet(theirs, ours, 1000))]
    path = capture(tmp_path / "a.pcap", packets, link)
    header = 60 if ":" in ours[0] else 40
    (found,) = packet_lengths(path, flows((ours, theirs, 1.0)))
    assert found.tolist() == [100 + header, -1000 - header]


def test_a_packet_is_of_the_flow_that_began_last(tmp_path: Path) -> None:
    """Ends that are used again are flows of their own; what is before all is of the first."""
    times = (0.5, 1.0, 4.999999, 5.0, 9.0)
    packets = [(time, packet(OURS, THEIRS, at)) for at, time in enumerate(times)]
    path = capture(tmp_path / "a.pcap", packets)
    found = packet_lengths(path, flows((OURS, THEIRS, 5.0), (OURS, THEIRS, 1.0)))
    assert [one.tolist() for one in found] == [[43, 44], [40, 41, 42]]


def test_packets_of_others_are_left_out(tmp_path: Path) -> None:
    """Another protocol between the same ends is another flow, and what is no IP is nothing."""
    packets = [(1, packet(OURS, THEIRS, 1, "udp")), (2, b"\x00" * 20)]
    path = capture(tmp_path / "a.pcap", packets)
    (tcp,) = packet_lengths(path, flows((OURS, THEIRS, 1.0)))
    (udp,) = packet_lengths(path, flows((OURS, THEIRS, 1.0), proto="udp"))
    assert (tcp.tolist(), udp.tolist()) == ([], [29])


@pytest.mark.parametrize(
    ("held", "message"),
    [
        (b"hello, I am no capture of packets", "a.pcap: is no packet capture"),
        (b"", "a.pcap: is no packet capture"),
        (struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, 105), "is of the link type 105"),
        (None, "a.pcap: cannot be read"),
    ],
)
def test_what_is_no_capture_is_told(tmp_path: Path, held: bytes | None, message: str) -> None:
    """One error names the file."""
    path = tmp_path / "a.pcap"
    if held is not None:
        path.write_bytes(held)
    with pytest.raises(LogError, match=message):
        packet_lengths(path, flows((OURS, THEIRS, 1.0)))


def test_without_dpkt_the_extra_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One error says what to install."""
    monkeypatch.setitem(sys.modules, "dpkt", None)
    with pytest.raises(UsageError, match="flowprint-zeek\\[evaluate\\]"):
        packet_lengths(tmp_path / "a.pcap", flows((OURS, THEIRS, 1.0)))


def test_real_lengths_add_up_to_what_zeek_counted(shared_data: Path) -> None:
    """Packets and bytes of every flow of real captures are those of their conn.log."""
    config = load(None, environ={}, overrides={})
    n_flows = 0
    for run in sorted((shared_data / "apps" / "android71").iterdir()):
        logs = find_logs([run], KINDS)
        table, _ = read_capture(logs, config, span=Span(), stats=ReadStats())
        pcap = shared_data / "pcaps" / "android71" / f"android71_{run.name}.pcap"
        lengths = packet_lengths(pcap, table)
        counted = flow_totals(logs, table)
        for side, sign in (("orig", 1), ("resp", -1)):
            own = [one[one * sign > 0] * sign for one in lengths]
            assert counted[f"{side}_pkts"].tolist() == [one.size for one in own]
            assert counted[f"{side}_ip_bytes"].tolist() == [one.sum() for one in own]
        n_flows += len(table)
    assert n_flows == 557
