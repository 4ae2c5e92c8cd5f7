"""Seeded, realistic Zeek logs of a small network, with the truth about every flow.

What is measured on such logs is a *simulated* figure and has to be called so. How flows look
follows real logs where they tell (``wire``); how people use apps, how many names an app has and
how often addresses change are plausible values, each a constant in ``catalogue``, ``traffic``
or ``background``.

The network has phones and laptops with apps, browsing users, servers, things that always do the
same, and what goes on without anybody: clocks, telemetry, push connections of hours, multicast,
ICMP, leases, scanners. Planted apps are installed late: nothing of their own destinations is met
before ``unseen_from``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from ipaddress import IPv4Address
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from flowprint_zeek.analysis import handshakes, requests
from flowprint_zeek.analysis.background import address_text, device_day, is_ipv6, is_local, scans
from flowprint_zeek.analysis.catalogue import BROWSED, TLS_NONE, addresses, browsed, catalogue
from flowprint_zeek.analysis.catalogue import combined as combined_destinations
from flowprint_zeek.analysis.clients import Clients
from flowprint_zeek.analysis.devices import roster
from flowprint_zeek.analysis.network import DAY, Network
from flowprint_zeek.analysis.traffic import Label, first_uses, labels, planted
from flowprint_zeek.analysis.wire import (
    ICMP6,
    IP_PROTO,
    LOOKUPS,
    NONE,
    Chance,
    Flows,
    Kind,
    log_times,
    seen,
    stacked,
)
from flowprint_zeek.core.arrays import distinct, ints
from flowprint_zeek.zeek.columns import SSL_LOG, UNSET, X509_LOG, as_frame, objects

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from flowprint_zeek.analysis.catalogue import Catalogue, Destinations
    from flowprint_zeek.analysis.traffic import Planted
    from flowprint_zeek.core.arrays import Ints

__all__ = ["Logs", "Network", "Simulated", "Simulation", "simulate"]

LABEL, LOGGED, CERTIFICATE = "label", "logged", "certificate"
"""Columns of rows in the making: label code, when it is logged (µs), key of the certificate."""
FOREVER = 1 << 62

REFUSED_SHARE = 0.3
"""Of the app flows without an answer, the share that is refused instead of ignored."""
HELLO_DELAY = (20_000, 60_000)
"""Least time from the first packet to the client's hello, and what is added at random, µs."""
IPV6_HEADER = 20
"""Bytes that an IPv6 header is longer than an IPv4 header."""


@dataclass(frozen=True, slots=True)
class Logs:
    """Logs and labels of their connections.

    Parameters
    ----------
    conn, ssl, x509, dns, http : DataFrame
        Rows in the order in which Zeek logs them, columns as the log reader gives them; ssl has
        ``ja4`` where the network has client fingerprints. A row of conn follows the connection's
        last packet by Zeek's timeouts: at most 60 s, or 300 s for connections never closed.
    labels : DataFrame
        ``uid`` and ``label`` of each row of conn: an app, or background, browser, dns, scan,
        server, thing.
    """

    conn: pd.DataFrame
    ssl: pd.DataFrame
    x509: pd.DataFrame
    dns: pd.DataFrame
    http: pd.DataFrame
    labels: pd.DataFrame


@dataclass(frozen=True, slots=True)
class Simulated(Logs):
    """Logs of a simulated network and the truth about them.

    Parameters
    ----------
    network : Network
        What was simulated.
    planted : DataFrame
        One row for each planted app and device: ``app``, ``device`` (its address at that time),
        ``first`` (µs, start of its first flow), ``sessions``, ``flows``, ``names`` (tuple of its
        own server names), ``addresses`` (tuple of all addresses that the device had meanwhile),
        ``starts`` (tuple of the starts of its sessions, µs).
    known : DataFrame
        ``app`` and ``names`` (tuple of own server names) of the known apps.
    """

    network: Network
    planted: pd.DataFrame
    known: pd.DataFrame


def simulate(network: Network) -> Simulated:
    """Simulate a network.

    1 M rows of conn take about 6 s and 1.2 GB; of `Simulation` no more than a day is in memory.

    Parameters
    ----------
    network : Network
        What to simulate; equal networks give equal results.

    Examples
    --------
    >>> simulated = simulate(Network(devices=2, days=0.1, unseen_apps=0, browsers=0))
    >>> simulated.conn["uid"].is_unique
    True
    """
    simulation = Simulation(network)
    days = list(simulation.days())
    logs = {
        one.name: pd.concat([getattr(day, one.name) for day in days], ignore_index=True)
        for one in fields(Logs)
    }
    truth = {"planted": simulation.planted, "known": simulation.known}
    return Simulated(**logs, network=network, **truth)


class Simulation:
    """A network whose days are simulated one after another.

    Parameters
    ----------
    network : Network
        What to simulate.

    Attributes
    ----------
    planted, known : DataFrame
        As `Simulated` has them.
    """

    def __init__(self, network: Network) -> None:
        self.network = network
        self._world = world = catalogue(network)
        self._devices = roster(network)
        self._clients = Clients.of(self._devices, world)
        self._labels = np.array(labels(world), dtype=object)
        uses = planted(network, world, self._devices)
        self.planted = _planted(world, uses)
        self.known = _known(network, world)
        once = [first_uses(network, world, one) for one in self._devices if one.apps.size]
        self._once = stacked([*once, *(use.flows for use in uses)])

    def days(self) -> Iterator[Logs]:
        """Yield what Zeek logs on each day; together they are what `simulate` returns."""
        held: dict[str, pd.DataFrame] = {}
        for day in range(self.network.n_days):
            last = day + 1 == self.network.n_days
            until = FOREVER if last else self.network.day_start(day + 1)
            due = {}
            for kind, made in self._made(self._begun(day)).items():
                waiting = [held[kind], made] if kind in held else [made]
                due[kind], held[kind] = _parted(pd.concat(waiting, ignore_index=True), until)
            yield self._logs(due)

    def _begun(self, day: int) -> Flows:
        """Return the flows that are drafted for a day; some begin soon after it."""
        network, low = self.network, self.network.day_start(day)
        parts = [device_day(network, self._world, device, day) for device in self._devices]
        once = (self._once.start >= low) & (self._once.start < low + DAY)
        flows = stacked([*parts, scans(network, self._devices, day), self._once.take(once)])
        return flows.take((flows.start >= network.start) & (flows.start < network.end))

    def _made(self, flows: Flows) -> dict[str, pd.DataFrame]:
        """Return the rows of each log, with the time when each is logged."""
        network = self.network
        table, row = _located(network, self._world, flows.destination)
        flows = _resolved(network, table, row, flows)
        conn = _conn(network, flows)
        ssl = _ssl(network, table, row, flows, conn)
        if network.client_fingerprints:
            at = np.flatnonzero(handshakes.handshaken(flows))
            ssl["ja4"] = pd.Series(self._clients.ja4(network, flows.take(at)), dtype=object)
        dns = requests.dns_log(network, table, row, flows, conn)
        http = requests.http_log(table, row, flows, conn)
        conn = conn.assign(**{LABEL: flows.label, LOGGED: log_times(conn, network.end)})
        others = {"ssl": ssl, "dns": dns, "http": http}
        return {"conn": conn} | {
            k: rows.assign(**{LOGGED: rows["ts"]}) for k, rows in others.items()
        }

    def _logs(self, due: dict[str, pd.DataFrame]) -> Logs:
        """Return the logs of a day from their rows."""
        uid, label = due["conn"]["uid"].to_numpy(), due["conn"].pop(LABEL).to_numpy()
        ssl, certificate = due["ssl"], due["ssl"].pop(CERTIFICATE).to_numpy()
        x509 = _x509(self.network, self._world, ssl, certificate)
        truth = as_frame({"uid": uid, "label": self._labels[label]}, uid.size)
        return Logs(due["conn"], ssl, x509, due["dns"], due["http"], truth)


def _parted(rows: pd.DataFrame, until: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the rows logged before a time, in that order and without it, and the others."""
    times = rows[LOGGED].to_numpy()
    order = np.argsort(times, kind="stable")
    n_due = int(np.searchsorted(times[order], until))
    due = rows.take(order[:n_due]).drop(columns=LOGGED).reset_index(drop=True)
    return due, rows.take(order[n_due:])


def _located(network: Network, world: Catalogue, destination: Ints) -> tuple[Destinations, Ints]:
    """Return the catalogue with every web site met, and the row of each destination."""
    sites = distinct(destination[destination >= BROWSED])
    table = combined_destinations([world.destinations, browsed(network, sites)])
    row = destination.copy()
    web = row >= BROWSED
    row[web] = world.destinations.size + np.searchsorted(sites, row[web])
    return table, row


def _resolved(network: Network, table: Destinations, row: Ints, flows: Flows) -> Flows:
    """Return flows with the kind, address and port that their destination gives them."""
    kind, length = flows.kind.copy(), flows.length.copy()
    chance = flows.chance
    web = kind == Kind.TLS
    kind[web & (table.tls[row] == TLS_NONE)] = Kind.HTTP
    kind[web & (chance[:, Chance.HTTP3] < table.http3[row])] = Kind.QUIC
    failed = web & (flows.label != Label.SERVER)
    failed &= chance[:, Chance.FAILED] < network.unanswered_share
    refused = chance[:, Chance.FAILED] < network.unanswered_share * REFUSED_SHARE
    kind[failed] = np.where(refused[failed], Kind.REFUSED, Kind.UNANSWERED)
    length[failed] = NONE
    given = addresses(network, table, row, flows.start, chance[:, Chance.SLOT].astype(np.float64))
    there = (row >= 0) & ~np.isin(kind, LOOKUPS)
    resp = np.where(there & (flows.resp == NONE), given, flows.resp)
    resp_p = np.where(there, table.port[row], flows.resp_p)
    return replace(flows, kind=kind, length=length, resp=resp, resp_p=resp_p)


def _conn(network: Network, flows: Flows) -> pd.DataFrame:
    look = seen(flows, network.idle_share)
    duration = np.minimum(look.duration, network.end - flows.start)
    cut = (duration < look.duration) & (look.proto == "tcp") & (look.service != "")
    state, history = look.state.copy(), look.history.copy()
    state[cut], history[cut] = "S1", "ShADad"
    ipv6 = is_ipv6(flows.resp)
    transport = np.select([look.proto == p for p in IP_PROTO], list(IP_PROTO.values()))
    longer = np.where(ipv6, IPV6_HEADER, 0)
    columns = {
        "ts": flows.start,
        "uid": np.char.add(b"C", flows.uid).astype(str).astype(object),
        "id.orig_h": address_text(network, flows.orig),
        "id.orig_p": flows.orig_p,
        "id.resp_h": address_text(network, flows.resp),
        "id.resp_p": flows.resp_p,
        "proto": look.proto,
        "service": look.service,
        **{
            name: np.where(look.silent, UNSET, column)
            for name, column in (
                ("duration", duration),
                ("orig_bytes", look.orig_bytes),
                ("resp_bytes", look.resp_bytes),
            )
        },
        "conn_state": state,
        "local_orig": is_local(flows.orig).astype(np.int8),
        "local_resp": is_local(flows.resp).astype(np.int8),
        "missed_bytes": np.zeros(flows.size, dtype=np.int64),
        "history": history,
        "orig_pkts": look.orig_pkts,
        "orig_ip_bytes": look.orig_ip_bytes + longer * look.orig_pkts,
        "resp_pkts": look.resp_pkts,
        "resp_ip_bytes": look.resp_ip_bytes + longer * look.resp_pkts,
        "tunnel_parents": objects([()] * flows.size),
        "ip_proto": np.where(ipv6 & (transport == IP_PROTO["icmp"]), ICMP6, transport),
    }
    return as_frame(columns, flows.size)


def _ssl(
    network: Network, table: Destinations, row: Ints, flows: Flows, conn: pd.DataFrame
) -> pd.DataFrame:
    """Return ssl.log, with the key of the certificate of each row."""
    rows = np.flatnonzero(handshakes.handshaken(flows))
    low, more = HELLO_DELAY
    delay = low + (flows.chance[rows, Chance.HANDSHAKE] * more).astype(np.int64)
    part = flows.take(rows)
    certificate = handshakes.certificates(network, table, part, row[rows])
    columns = {name: conn[name].to_numpy()[rows] for name, _ in SSL_LOG[1:6]}
    columns["ts"] = part.start + np.minimum(delay, conn["duration"].to_numpy()[rows])
    columns |= handshakes.ssl_columns(network, table, part, row[rows])
    columns["cert_chain_fps"] = handshakes.chains(network, certificate)
    columns["client_cert_chain_fps"] = objects([()] * rows.size)
    made = {name: columns[name] for name, _ in SSL_LOG} | {CERTIFICATE: certificate}
    return as_frame(made, rows.size)


def _x509(network: Network, world: Catalogue, ssl: pd.DataFrame, certificate: Ints) -> pd.DataFrame:
    shown = certificate[certificate != UNSET] // handshakes.GENERATIONS
    table, _ = _located(network, world, shown)
    columns = handshakes.x509_columns(network, table, ssl["ts"].to_numpy(), certificate)
    return as_frame({name: columns[name] for name, _ in X509_LOG}, columns["ts"].size)


def _known(network: Network, world: Catalogue) -> pd.DataFrame:
    apps = range(network.apps)
    columns = {
        "app": objects([world.apps[a] for a in apps]),
        "names": objects([world.names(a) for a in apps]),
    }
    return as_frame(columns, network.apps)


def _planted(world: Catalogue, uses: list[Planted]) -> pd.DataFrame:
    starts = [np.sort(use.flows.start[use.flows.label == use.app]) for use in uses]
    codes = [use.device.address(start) for use, start in zip(uses, starts, strict=True)]
    had = [tuple(dict.fromkeys(str(IPv4Address(c)) for c in code.tolist())) for code in codes]
    columns: dict[str, NDArray[Any]] = {
        "app": objects([world.apps[use.app] for use in uses]),
        "device": objects([a[0] for a in had]),
        "first": ints([start[0] for start in starts]),
        "sessions": ints([use.starts.size for use in uses]),
        "flows": ints([start.size for start in starts]),
        "names": objects([world.names(use.app) for use in uses]),
        "addresses": objects(had),
        "starts": objects([tuple(use.starts.tolist()) for use in uses]),
    }
    return as_frame(columns, len(uses))
