"""What simulated devices do by themselves: their systems, the local network, servers, scanners."""

from __future__ import annotations

from ipaddress import IPv4Address, IPv6Address
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.catalogue import mixed
from flowprint_zeek.analysis.devices import GATEWAY, Device, Role, host
from flowprint_zeek.analysis.network import DAY, HOUR, Stream, moments
from flowprint_zeek.analysis.things import thing_day
from flowprint_zeek.analysis.traffic import (
    FLAT_RHYTHM,
    RHYTHMS,
    Label,
    addressed,
    browsing,
    drafted,
    lasting,
    looked_up,
    used,
    waits,
)
from flowprint_zeek.analysis.wire import NONE, Flows, Kind, stacked
from flowprint_zeek.core.arrays import Bools, Ints, Texts, expand, ints
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.zeek.columns import objects

if TYPE_CHECKING:
    from numpy.random import Generator

    from flowprint_zeek.analysis.catalogue import Catalogue
    from flowprint_zeek.analysis.network import Network

LINK_LOCAL = 1 << 40
"""Address code of the first device's IPv6 link-local address; the gateway's is one below it."""
GROUP6_TEXTS = ("ff02::fb", "ff02::16", "ff02::2")
"""Multicast groups of mDNS, of multicast reports and of routers."""
GROUPS6 = (1 << 41) + np.arange(len(GROUP6_TEXTS), dtype=np.int64)
"""Their address codes."""
MDNS_GROUP = 0xE00000FB
SSDP_GROUP = 0xEFFFFFFA
BROADCAST = 0x0A14FFFF

TELEMETRY_A_DAY = 20
CLOCK_A_DAY = 12
CHECKS_A_DAY = 6
INTRANET_A_DAY = 10
PUSH_SECONDS = (12_000.0, 0.8)
"""How long a push connection lives: hours, so its row comes hours late."""
PUSHES_A_DAY = 4
SSDP_A_DAY = {Role.PHONE: 30, Role.LAPTOP: 240, Role.SERVER: 0, Role.THING: 0}
"""A laptop of the real log searched every two minutes while it was awake."""
MDNS_A_DAY = 50
REPORTS_A_DAY = 10
NEIGHBOURS_A_DAY = 40
ECHOES_A_DAY = 15
UNREACHABLE_A_DAY = 6
RENEWALS_A_DAY = 4
NETBIOS_A_DAY = {Role.PHONE: 0, Role.LAPTOP: 20, Role.SERVER: 4, Role.THING: 0}
INBOUND_A_DAY = 500
SCANNERS_A_DAY = 8
SCAN_SIZE = 60
"""Mean connections of one external scanner."""
SCANNED_PORTS = ints([22, 23, 80, 443, 445, 1433, 3389, 5900, 8080, 8443])
INTERNAL_SCAN_SHARE = 0.25
"""Share of days on which a device inside scans its neighbours."""
REFUSED_SHARE = 0.15
OUTSIDE = (0x50000000, 0x60000000)
"""Addresses of outside clients and scanners."""


def device_day(network: Network, world: Catalogue, device: Device, day: int) -> Flows:
    """Return all flows of a device that begin on a day, except those of planted apps."""
    rng = network.stream(Stream.DAY, device.number, day)
    low = network.start + day * DAY
    if device.role is Role.THING:
        parts = [thing_day(rng, network, world, device, low)]
    else:
        parts = [system(rng, network, world, device, low)]
    parts.append(chatter(rng, device, low))
    if device.role is Role.SERVER:
        parts.append(inbound(rng, network, world, device, low))
    elif device.role is not Role.THING:
        parts.append(used(rng, world, device, low))
    if device.browses:
        parts.append(browsing(rng, world, device, low))
    flows = stacked(parts)
    return addressed(device, stacked([flows, looked_up(rng, network, world, own(flows))]))


def own(flows: Flows) -> Flows:
    """Return the flows whose destination the device itself looked up."""
    return flows.take(flows.orig == NONE)


def system(rng: Generator, network: Network, world: Catalogue, device: Device, low: int) -> Flows:
    """Return the flows of the operating system: telemetry, clock, checks, push, intranet."""
    rhythm = np.sqrt(RHYTHMS[device.role])

    def at(mean: float) -> Ints:
        size = int(rng.poisson(mean * device.activity))
        return moments(rng, size, low, low + DAY, rhythm)

    visit, _ = expand(1 + rng.poisson(1.0, (base := at(TELEMETRY_A_DAY)).size))
    start = base[visit] + waits(rng, 1.0, visit.size)
    telemetry = rng.choice(world.platforms[device.platform], start.size)
    parts = [drafted(rng, start, Kind.TLS, Label.BACKGROUND, destination=telemetry)]
    for mean, kind, rows in (
        (CLOCK_A_DAY, Kind.NTP, world.clocks),
        (CHECKS_A_DAY, Kind.TLS, world.plain),
    ):
        server = rows[device.platform]
        parts.append(drafted(rng, at(mean), kind, Label.BACKGROUND, destination=server))
    if device.role is not Role.SERVER:
        push = moments(rng, int(rng.poisson(PUSHES_A_DAY)), low, low + DAY, rhythm)
        length = lasting(rng, PUSH_SECONDS, push.size, 600, 60_000)
        server = world.push[device.platform]
        label = Label.BACKGROUND
        parts.append(drafted(rng, push, Kind.TLS, label, destination=server, length=length))
        if network.servers:
            parts.append(_intranet(rng, network, world, at(INTRANET_A_DAY)))
    return stacked(parts)


def _intranet(rng: Generator, network: Network, world: Catalogue, start: Ints) -> Flows:
    server = rng.integers(0, network.servers, start.size)
    resp = host(network.clients + server)
    return drafted(rng, start, Kind.TLS, Label.SERVER, resp=resp, destination=world.served[server])


def inbound(rng: Generator, network: Network, world: Catalogue, device: Device, low: int) -> Flows:
    """Return what outside clients ask a server."""
    size = int(rng.poisson(INBOUND_A_DAY * device.activity))
    start = moments(rng, size, low, low + DAY, RHYTHMS[Role.LAPTOP])
    clients = rng.integers(*OUTSIDE, 1 + size // 8, dtype=np.int64)
    return drafted(
        rng,
        start,
        Kind.TLS,
        Label.SERVER,
        orig=rng.choice(clients, size),
        resp=device.address(start),
        destination=int(world.served[device.number - network.clients]),
    )


def chatter(rng: Generator, device: Device, low: int) -> Flows:
    """Return a device's talk on the local network: multicast, ICMP, leases, name broadcasts."""
    rhythm = np.sqrt(RHYTHMS[device.role])
    link = LINK_LOCAL + device.number
    gateway = LINK_LOCAL - 1
    parts = []

    def say(mean: float, kind: Kind, **columns: int) -> Ints:
        size = int(rng.poisson(mean * device.activity))
        start = moments(rng, size, low, low + DAY, rhythm)
        parts.append(drafted(rng, start, kind, Label.BACKGROUND, **columns))
        return start

    say(SSDP_A_DAY[device.role], Kind.SSDP, resp=SSDP_GROUP, resp_p=1900)
    mdns = say(MDNS_A_DAY, Kind.MDNS, resp=MDNS_GROUP, orig_p=5353, resp_p=5353)
    columns = {"orig": link, "resp": int(GROUPS6[0]), "orig_p": 5353, "resp_p": 5353}
    parts.append(drafted(rng, mdns + 16, Kind.MDNS, Label.BACKGROUND, **columns))
    say(REPORTS_A_DAY, Kind.REPORT, orig=link, resp=int(GROUPS6[1]), orig_p=143, resp_p=0)
    say(REPORTS_A_DAY, Kind.NEIGHBOUR, orig=link, resp=int(GROUPS6[2]), orig_p=133, resp_p=134)
    say(NEIGHBOURS_A_DAY, Kind.NEIGHBOUR, orig=link, resp=gateway, orig_p=135, resp_p=136)
    say(ECHOES_A_DAY, Kind.ECHO, resp=GATEWAY, orig_p=8, resp_p=0)
    say(UNREACHABLE_A_DAY, Kind.UNREACHABLE, resp=GATEWAY, orig_p=3, resp_p=3)
    say(RENEWALS_A_DAY, Kind.DHCP, resp=GATEWAY, orig_p=68, resp_p=67)
    say(NETBIOS_A_DAY[device.role], Kind.NETBIOS, resp=BROADCAST, orig_p=137, resp_p=137)
    return stacked(parts)


def scans(network: Network, devices: list[Device], day: int) -> Flows:
    """Return what scanners try on a day: some from outside, sometimes a device inside."""
    rng = network.stream(Stream.SCAN, day)
    low = network.start + day * DAY
    begin = moments(rng, int(rng.poisson(SCANNERS_A_DAY)), low, low + DAY, FLAT_RHYTHM)
    source, _ = expand(1 + rng.poisson(rng.exponential(SCAN_SIZE, begin.size)))
    outside = rng.integers(*OUTSIDE, begin.size, dtype=np.int64)
    start = begin[source] + (rng.random(source.size) * HOUR).astype(np.int64)
    parts = [_tried(rng, network, start, outside[source])]
    inside = devices[int(rng.integers(network.devices))]
    if rng.random() < INTERNAL_SCAN_SHARE:
        first = moments(rng, 1, low, low + DAY - HOUR, RHYTHMS[Role.LAPTOP])
        start = first + np.arange(3 * 254, dtype=np.int64) * SECOND // 3
        parts.append(_tried(rng, network, start, inside.address(start)))
    return stacked(parts)


def _tried(rng: Generator, network: Network, start: Ints, orig: Ints) -> Flows:
    # half of what is tried is no device
    resp = host(rng.integers(0, 2 * network.devices, start.size))
    kind = np.where(rng.random(start.size) < REFUSED_SHARE, Kind.REFUSED, Kind.PROBE)
    port = rng.choice(SCANNED_PORTS, start.size)
    return drafted(rng, start, kind, Label.SCAN, orig=orig, resp=resp, resp_p=port)


def is_ipv6(code: Ints) -> Bools:
    """Tell which address codes stand for IPv6 addresses."""
    return code >= LINK_LOCAL - 1


def is_local(code: Ints) -> Bools:
    """Tell which addresses Zeek takes for local: private, link-local, 224.0.0.0/24."""
    link = is_ipv6(code) & (code < GROUPS6[0])
    local: Bools = link | (code >> 24 == 10) | (code >> 8 == MDNS_GROUP >> 8)
    return local


def address_text(network: Network, code: Ints) -> Texts:
    """Return the addresses that codes stand for."""
    distinct, place = np.unique(code, return_inverse=True)
    return objects([_text(network, c) for c in distinct.tolist()])[place]


def _text(network: Network, code: int) -> str:
    if code < LINK_LOCAL - 1:
        return str(IPv4Address(code))
    if code >= GROUPS6[0]:
        return GROUP6_TEXTS[code - int(GROUPS6[0])]
    low = int(mixed(network.seed, ints([code]))[0])
    # an interface identifier made of a MAC has ff:fe in the middle
    low = (low & ~(0xFFFF << 24)) | (0xFFFE << 24)
    return str(IPv6Address((0xFE80 << 112) | low))
