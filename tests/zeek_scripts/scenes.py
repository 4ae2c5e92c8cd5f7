"""What happens in each test of the Zeek scripts; all begin at the start of a batch.

``python -m tests.zeek_scripts.scenes`` writes one capture of each into ``Traces``.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from tests.zeek_scripts import tls
from tests.zeek_scripts.packets import ACK, RST, SYN, Capture, Tcp, Udp

if TYPE_CHECKING:
    from collections.abc import Callable

START = 1_767_225_600.0
"""2026-01-01 00:00:00 UTC: the start of a batch of 300 s and of a window of 30 s."""

TRACES = Path(__file__).parent / "Traces"
NAME = "www.example.com"


def windows(capture: Capture) -> None:
    """Show a connection that is active in the windows 0, 2 and 9 of a batch, and ends there."""
    tcp = Tcp(capture)
    tcp.open(START + 1)
    tcp.data(START + 60, b"ask" * 10)
    tcp.data(START + 89.9, b"answer" * 10, from_orig=False)
    tcp.data(START + 295)
    tcp.close(START + 296)
    clock(capture, 400)


def lives(capture: Capture) -> None:
    """Show a connection that is active in the batches 0 and 2, and does not end."""
    tcp = Tcp(capture)
    tcp.open(START + 1)
    tcp.data(START + 2, b"four")
    for at in range(30, 900, 60):
        # It would be dropped otherwise.
        if not 300 <= at < 600:
            tcp.data(START + at)
    clock(capture, 900)


def edges(capture: Capture) -> None:
    """Show datagrams on both sides of the ends of windows, and just there."""
    udp = Udp(capture, resp_p=4500)
    for at in (0.0, 29.99999, 60.0, 119.99999, 120.0, 299.99999):
        udp.send(START + at)
        udp.send(START + at + 0.000005, from_orig=False)
    other = Udp(capture, orig_p=40_001, resp_p=4500)
    for at in (299.9, 300.0):
        other.send(START + at, from_orig=at < 300)
    clock(capture, 420)


def early(capture: Capture) -> None:
    """Show packets that come while a look at the end of a batch is under way."""
    udp = Udp(capture, resp_p=4500)
    udp.send(START + 290)
    other = Udp(capture, orig="9.9.9.3", orig_p=4500, resp="9.9.9.4", resp_p=4500)
    for at in (299.999998, 299.999999):
        other.send(START + at)
    udp.send(START + 299.999999)
    udp.send(START + 299.999999, from_orig=False)
    clock(capture, 420)


def refused(capture: Capture) -> None:
    """Show connections that are refused, not answered, and answered."""
    tcp = Tcp(capture)
    tcp.segment(START + 1, SYN)
    tcp.segment(START + 1.01, RST | ACK, from_orig=False)
    Tcp(capture, orig_p=40_001).segment(START + 2, SYN)
    answered = Tcp(capture, orig_p=40_002)
    answered.open(START + 3)
    answered.close(START + 4)
    Udp(capture, orig_p=40_003).send(START + 5)
    clock(capture, 100)


def hosts(capture: Capture) -> None:
    """Show local hosts and others that send to each other and to groups."""
    pairs = (
        ("10.0.0.7", "9.9.9.20"),
        ("9.9.9.21", "10.0.0.7"),
        ("9.9.9.21", "9.9.9.20"),
        ("10.0.0.7", "224.0.0.251"),
        ("10.0.0.7", "255.255.255.255"),
        ("fd00::7", "2620:fe::20"),
        ("fd00::7", "ff02::fb"),
    )
    for number, (orig, resp) in enumerate(pairs):
        Udp(capture, orig=orig, resp=resp, resp_p=4500).send(START + number)
    clock(capture, 100)


def reused(capture: Capture) -> None:
    """Show a connection that ends, and one of the same endpoints soon after."""
    for begin in (0.0, 40.0):
        tcp = Tcp(capture)
        tcp.open(START + begin + 1)
        tcp.data(START + begin + 2)
        tcp.close(START + begin + 3)
    clock(capture, 100)


def flipped(capture: Capture) -> None:
    """Show a connection of which the first packet seen is the answer."""
    tcp = Tcp(capture)
    tcp.orig_seq += 1
    tcp.segment(START + 1.01, SYN | ACK, from_orig=False)
    tcp.segment(START + 1.02, ACK)
    tcp.data(START + 70)
    tcp.close(START + 71)
    clock(capture, 100)


def handshake(capture: Capture) -> None:
    """Show TLS 1.2, with a certificate, over two batches."""
    tcp = Tcp(capture)
    tcp.open(START + 1)
    tcp.data(START + 1.1, tls.client_hello(NAME))
    tcp.data(START + 1.2, tls.server_hello(NAME), from_orig=False)
    tcp.data(START + 1.3, tls.client_finish())
    tcp.data(START + 1.4, tls.finish(), from_orig=False)
    for at in (1.5, 200, 310):
        tcp.data(START + at, tls.data(100))
    tcp.close(START + 311)
    clock(capture, 400)


def unfinished(capture: Capture) -> None:
    """Show TLS handshakes that are given up: after the certificate, and after the first word."""
    for number in range(2):
        tcp = Tcp(capture, orig_p=40_000 + number)
        tcp.open(START + 1)
        tcp.data(START + 1.1, tls.client_hello(NAME))
        if not number:
            tcp.data(START + 1.2, tls.server_hello(NAME), from_orig=False)
        tcp.close(START + 2)
    clock(capture, 100)


def quic(capture: Capture) -> None:
    """Show QUIC, of which only the client's first datagram is understood."""
    udp = Udp(capture)
    udp.send(START + 1, tls.quic_initial(NAME))
    udp.send(START + 1.1, bytes([0x40]) + bytes(100), from_orig=False)
    udp.send(START + 61, bytes([0x40]) + bytes(100))
    clock(capture, 200)


def http(capture: Capture) -> None:
    """Show requests to a server, to a proxy, and for tunnels that it allows and does not."""
    lines = (
        (f"GET /a HTTP/1.1\r\nHost: {NAME}\r\n\r\n", "200 OK"),
        (f"GET http://{NAME}/a HTTP/1.1\r\nHost: {NAME}\r\n\r\n", "200 OK"),
        (f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\n\r\n", "200 Connection established"),
        (f"CONNECT {NAME}:443 HTTP/1.1\r\nHost: {NAME}:443\r\n\r\n", "407 Authenticate"),
    )
    for number, (request, status) in enumerate(lines):
        tcp = Tcp(capture, orig_p=40_000 + number, resp_p=8080 if number else 80)
        tcp.open(START + number)
        tcp.data(START + number + 0.1, request.encode())
        reply = f"HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n"
        tcp.data(START + number + 0.2, reply.encode(), from_orig=False)
        tcp.close(START + number + 0.5)
    clock(capture, 100)


def tagged(capture: Capture) -> None:
    """Show a host in a VLAN."""
    Udp(capture, resp_p=4500, vlan=7).send(START + 1)
    clock(capture, 100)


def crowd(capture: Capture) -> None:
    """Show forty connections that are active in the windows 0, 2 and 4, early in each."""
    for number in range(40):
        udp = Udp(capture, orig_p=41_000 + number, resp_p=4500)
        for at in (1, 61, 121):
            udp.send(START + at + number / 100)
            udp.send(START + at + number / 100 + 0.005, from_orig=False)
    clock(capture, 300)


def clock(capture: Capture, until: int) -> None:
    """Let time go on: without packets there is none."""
    other = Udp(capture, orig="9.9.9.1", orig_p=123, resp="9.9.9.2", resp_p=123)
    for second in range(0, until, 5):
        other.send(START + second + 0.5)


SCENES: dict[str, Callable[[Capture], None]] = {
    each.__name__: each
    for each in (
        *(windows, lives, edges, early, refused, hosts, reused, flipped),
        *(handshake, unfinished, quic, http, tagged, crowd),
    )
}


def write(folder: Path) -> None:
    """Write one capture of each scene."""
    for name, scene in SCENES.items():
        capture = Capture()
        scene(capture)
        capture.write(folder / f"{name}.pcap")


if __name__ == "__main__":
    write(TRACES)
