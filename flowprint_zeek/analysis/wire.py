"""What a sensor sees of simulated flows: states, histories, bytes, packets and times.

Medians and shares come from a log of a real network of 2024 (one browsing user) and from real
captures of four Android apps; each *kind* of flow is a row of ``KINDS``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import IntEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import ndtri

from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.zeek.columns import UNSET

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd
    from numpy.typing import NDArray

    from flowprint_zeek.core.arrays import Bools, Floats, Ints, Texts

NONE = -1
"""In a column of numbers: nothing given."""


class Kind(IntEnum):
    """What a flow is on the wire."""

    TLS = 0
    QUIC = 1
    HTTP = 2
    DNS = 3
    NTP = 4
    UNANSWERED = 5
    REFUSED = 6
    PROBE = 7
    SSDP = 8
    MDNS = 9
    DHCP = 10
    ECHO = 11
    UNREACHABLE = 12
    NEIGHBOUR = 13
    REPORT = 14
    NETBIOS = 15
    MODBUS = 16
    DNS6 = 17
    """A look-up of an IPv6 address."""


@dataclass(frozen=True, slots=True)
class Shape:
    """How flows of one kind look.

    Parameters
    ----------
    proto, service : str
        As in conn.log; "" is unset.
    up, down : tuple of float
        Median bytes and spread (sigma of the logarithm) of each side.
    short, long : tuple of float
        Median duration in seconds and its spread, of the two sorts of flows: those that end with
        their answer and those that are kept for more.
    kept : float
        Share of the second sort.
    endings : tuple of (float, str, str)
        Share, conn_state and history.
    header : int
        Bytes of IP and transport headers of a packet.
    packets : tuple of int
        Packets of each side besides those that carry the bytes.
    """

    proto: str
    service: str
    up: tuple[float, float]
    down: tuple[float, float]
    short: tuple[float, float]
    endings: tuple[tuple[float, str, str], ...]
    header: int
    packets: tuple[int, int] = (0, 0)
    long: tuple[float, float] = (1.0, 0.0)
    kept: float = 0.0


CLOSED = (
    (0.44, "SF", "ShADadFf"),
    (0.14, "SF", "ShADadtFf"),
    (0.12, "SF", "ShADadfF"),
    (0.07, "SF", "ShADadFRf"),
    (0.06, "SF", "ShADadFTf"),
    (0.10, "RSTO", "ShADadFR"),
    (0.03, "RSTO", "ShADadR"),
    (0.04, "RSTR", "ShADadFRr"),
)
ANSWERED = ((1.0, "SF", "Dd"),)
ONE_SIDED = ((1.0, "S0", "D"),)
NO_STATE = ((1.0, "OTH", ""),)

KINDS: dict[Kind, Shape] = {
    Kind.TLS: Shape(
        *("tcp", "ssl", (1500, 0.7), (5200, 1.3), (0.35, 0.8), CLOSED, 52, (7, 5)),
        long=(28.0, 0.9),
        kept=0.55,
    ),
    Kind.QUIC: Shape(
        *("udp", "quic,ssl", (4200, 0.7), (9500, 1.4), (0.5, 0.8), ANSWERED, 28, (3, 3)),
        long=(30.0, 0.8),
        kept=0.5,
    ),
    Kind.HTTP: Shape(
        *("tcp", "http", (490, 0.6), (960, 1.2), (0.2, 0.9), CLOSED, 52, (5, 4)),
        long=(60.0, 0.4),
        kept=0.3,
    ),
    Kind.DNS: Shape("udp", "dns", (46, 0.2), (127, 0.45), (0.0315, 0.4), ANSWERED, 28),
    Kind.NTP: Shape("udp", "ntp", (48, 0.0), (48, 0.0), (0.05, 0.5), ANSWERED, 28),
    Kind.UNANSWERED: Shape(
        *("tcp", "", (0, 0.0), (0, 0.0), (3.1, 0.3), ((1.0, "S0", "S"),), 60, (3, 0))
    ),
    Kind.REFUSED: Shape(
        *("tcp", "", (0, 0.0), (0, 0.0), (0.03, 0.6), ((1.0, "REJ", "Sr"),), 50, (1, 1))
    ),
    Kind.PROBE: Shape("tcp", "", (0, 0.0), (0, 0.0), (0, 0.0), ((1.0, "S0", "S"),), 44, (1, 0)),
    Kind.SSDP: Shape("udp", "", (700, 0.1), (0, 0.0), (3.013, 0.003), ONE_SIDED, 28, (3, 0)),
    Kind.MDNS: Shape(
        *("udp", "dns", (340, 0.3), (0, 0.0), (0, 0.0), ONE_SIDED, 28),
        long=(11.0, 0.4),
        kept=0.3,
    ),
    Kind.DHCP: Shape("udp", "dhcp", (300, 0.05), (548, 0.0), (0.008, 0.2), ANSWERED, 28),
    Kind.ECHO: Shape("icmp", "", (56, 0.0), (56, 0.0), (0.02, 0.5), NO_STATE, 28),
    Kind.UNREACHABLE: Shape("icmp", "", (36, 0.1), (0, 0.0), (0, 0.0), NO_STATE, 28),
    Kind.NEIGHBOUR: Shape("icmp", "", (24, 0.0), (0, 0.0), (0, 0.0), NO_STATE, 48),
    Kind.REPORT: Shape("icmp", "", (40, 0.2), (0, 0.0), (0.55, 0.5), NO_STATE, 56, (1, 0)),
    Kind.MODBUS: Shape("tcp", "modbus", (60, 0.1), (75, 0.2), (0.3, 0.5), CLOSED, 52, (5, 4)),
    Kind.NETBIOS: Shape("udp", "dns", (150, 0.1), (0, 0.0), (1.5, 0.1), ONE_SIDED, 28, (2, 0)),
}

KINDS[Kind.DNS6] = KINDS[Kind.DNS]
LOOKUPS = (Kind.DNS, Kind.DNS6)
"""Kinds whose ``destination`` is what is asked for, and not where they go."""
TRANSPORTS = (Kind.TLS, Kind.HTTP)
"""Kinds that may never be closed."""
IP_PROTO = {"tcp": 6, "udp": 17, "icmp": 1}
ICMP6 = 58
SEGMENT = 1380
"""Payload bytes of a full packet."""

UID_DIGITS = 17
"""Digits to the base 62 after the "C" of a uid: as long as Zeek's of 96 bits."""


class Chance(IntEnum):
    """What each random number of a flow decides."""

    ENDING = 0
    KEPT = 1
    DURATION = 2
    UP = 3
    DOWN = 4
    PACKETS = 5
    SLOT = 6
    HANDSHAKE = 7
    RESUMED = 8
    FAILED = 9
    HTTP3 = 10


@dataclass(frozen=True, slots=True)
class Flows:
    """Simulated flows as columns, before a sensor saw them.

    ``start`` µs, ``kind``, ``orig`` and ``resp`` address codes, ports, ``destination`` (row of the
    catalogue or, from ``BROWSED`` on, a site's rank; ``NONE`` without; of look-ups what they ask
    for), ``label`` code,
    ``length`` (µs, ``NONE``: by kind), ``uid`` and ``chance`` (one row of random numbers a flow).
    """

    start: Ints
    kind: Ints
    orig: Ints
    orig_p: Ints
    resp: Ints
    resp_p: Ints
    destination: Ints
    label: Ints
    length: Ints
    uid: NDArray[np.bytes_]
    chance: NDArray[np.float32]

    @property
    def size(self) -> int:
        """Rows."""
        return self.start.size

    def take(self, rows: Ints | Bools) -> Flows:
        """Return chosen flows."""
        return Flows(*(getattr(self, f.name)[rows] for f in fields(self)))


def stacked(parts: Sequence[Flows]) -> Flows:
    """Return flows one after another."""
    columns = [f.name for f in fields(Flows)]
    return Flows(*(np.concatenate([getattr(p, c) for p in parts]) for c in columns))


_NUMBERS = (
    *("duration", "orig_bytes", "resp_bytes"),
    *("orig_pkts", "resp_pkts", "orig_ip_bytes", "resp_ip_bytes"),
)
_TEXTS = ("state", "history", "proto", "service")


@dataclass(frozen=True, slots=True)
class Seen:
    """Columns of conn.log that follow from the kinds and chances of flows."""

    duration: Ints
    silent: Bools
    state: Texts
    history: Texts
    proto: Texts
    service: Texts
    orig_bytes: Ints
    resp_bytes: Ints
    orig_pkts: Ints
    resp_pkts: Ints
    orig_ip_bytes: Ints
    resp_ip_bytes: Ints


def seen(flows: Flows, idle_share: float) -> Seen:
    """Return what a sensor sees of flows.

    ``silent`` marks single packets without an answer: Zeek leaves their duration and bytes unset.
    """
    numbers = {n: np.zeros(flows.size, dtype=np.int64) for n in _NUMBERS}
    texts = {n: np.full(flows.size, "", dtype=object) for n in _TEXTS}
    for kind, shape in KINDS.items():
        rows = np.flatnonzero(flows.kind == kind)
        chance = flows.chance[rows].astype(np.float64)
        for name, column in _shaped(shape, chance, flows.length[rows]).items():
            numbers[name][rows] = column
        state, history = _ended(shape, chance[:, Chance.ENDING])
        texts["state"][rows], texts["history"][rows] = state, history
        texts["proto"][rows], texts["service"][rows] = shape.proto, shape.service
    stale = np.isin(flows.kind, TRANSPORTS)
    stale &= flows.chance[:, Chance.ENDING] >= 1 - idle_share
    texts["state"][stale], texts["history"][stale] = "S1", "ShADad"
    silent = (numbers["orig_pkts"] + numbers["resp_pkts"]) == 1
    columns: dict[str, Any] = numbers | texts
    return Seen(silent=silent, **columns)


def _ended(shape: Shape, chance: Floats) -> tuple[Texts, Texts]:
    shares = np.cumsum([e[0] for e in shape.endings])
    chosen = np.minimum(np.searchsorted(shares, chance), len(shape.endings) - 1)
    states = np.array([e[1] for e in shape.endings], dtype=object)
    histories = np.array([e[2] for e in shape.endings], dtype=object)
    return states[chosen], histories[chosen]


def _shaped(shape: Shape, chance: Floats, length: Ints) -> dict[str, Ints]:
    kept = chance[:, Chance.KEPT] < shape.kept
    short = _spread(shape.short, chance[:, Chance.DURATION])
    seconds = np.where(kept, _spread(shape.long, chance[:, Chance.DURATION]), short)
    duration = np.where(length == NONE, (seconds * SECOND).astype(np.int64), length)
    grown = np.where(kept, 2.0, 1.0)
    up = (_spread(shape.up, chance[:, Chance.UP]) * grown).astype(np.int64)
    down = (_spread(shape.down, chance[:, Chance.DOWN]) * grown).astype(np.int64)
    if shape.proto == "tcp" and shape.service:
        alive = duration // (45 * SECOND)
        more = 1 + (chance[:, Chance.PACKETS] * 4).astype(np.int64) + alive
    else:
        alive = more = np.zeros_like(up)
    orig_pkts = shape.packets[0] + -(-up // SEGMENT) + down // (2 * SEGMENT) + more
    resp_pkts = shape.packets[1] + -(-down // SEGMENT) + alive
    return {
        "duration": duration,
        "orig_bytes": up,
        "resp_bytes": down,
        "orig_pkts": orig_pkts,
        "resp_pkts": resp_pkts,
        "orig_ip_bytes": up + shape.header * orig_pkts,
        "resp_ip_bytes": down + shape.header * resp_pkts,
    }


def _spread(shape: tuple[float, float], chance: Floats) -> Floats:
    median, sigma = shape
    # tails past 1 in 10,000 would outlive the network
    normal: Floats = ndtri(np.clip(chance, 1e-4, 1 - 1e-4))
    return median * np.exp(sigma * normal)


CLOSE_DELAY = 5 * SECOND
RESET_DELAY = SECOND // 10
ATTEMPT_DELAY = 5 * SECOND
DNS_DELAY = 10 * SECOND
SILENT_DELAY = 60 * SECOND
IDLE_DELAY = 300 * SECOND
"""Zeek's timeouts: how long after its last packet a connection is removed and logged."""


def log_times(conn: pd.DataFrame, stop: int) -> Ints:
    """Return when Zeek logs each row of a conn.log, µs: when the connection is removed.

    Parameters
    ----------
    conn : DataFrame
        Rows with ``ts``, ``duration``, ``proto``, ``service`` and ``conn_state``.
    stop : int
        When the sensor stops, µs; it logs every connection that it still knows then.
    """
    duration = conn["duration"].to_numpy()
    end = conn["ts"].to_numpy() + np.where(duration == UNSET, 0, duration)
    proto, service, state = (conn[c].to_numpy() for c in ("proto", "service", "conn_state"))
    tcp = proto == "tcp"
    delay = np.where(service == "dns", DNS_DELAY, SILENT_DELAY)
    delay[tcp] = CLOSE_DELAY
    delay[tcp & np.isin(state, ["RSTO", "RSTR", "REJ"])] = RESET_DELAY
    delay[tcp & (state == "S0")] = ATTEMPT_DELAY
    delay[tcp & (state == "S1")] = IDLE_DELAY
    logged: Ints = np.minimum(end + delay, stop)
    return logged
