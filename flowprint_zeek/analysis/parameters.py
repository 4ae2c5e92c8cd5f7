"""Parameters of simulated networks, plain numbers: their defaults are told without NumPy."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class NetworkParameters:
    """What makes a network; `network.Network` checks them and goes by them.

    Parameters
    ----------
    seed : int
        Equal networks with equal seeds give equal bytes.
    devices : int
        Phones, laptops, servers and things together.
    apps : int
        Known apps; each is used on some device before ``unseen_from``.
    days : float
        Length, at least 0.05.
    start : int
        First moment, µs since the epoch; the day rhythm follows UTC. Default: Monday,
        2026-03-02; certificates of that spring live at most 200 days.
    unseen_apps : int
        Planted apps, installed on some devices after ``unseen_from``.
    unseen_from : float, optional
        Days after ``start`` before which no planted app is used. Default: the last day, or the
        second half of a network of less than two days.
    browsers : int
        Devices with a browsing user.
    servers : int
        Devices that are servers: inbound traffic, little outbound, no apps.
    things : int
        Devices that do one thing, such as meters and cameras: a few destinations, always the same.
    phone_browsing_share : float
        Share of phones on which somebody browses the web now and then.
    activity : float
        How often people, apps and systems do something: 0.1 is a tenth of the sessions, each as
        long as ever. Things, push connections and scanners are as they are.
    client_fingerprints : bool
        Whether ssl.log has the column ``ja4``, which a stock Zeek has not.
    tls13_share : float
        Share of server names that speak TLS 1.3: 79 % of the TLS flows of a log of 2024.
    resumed_share : float
        Share of TLS 1.2 connections that resume a session and show no certificate; 12 % of the
        TLS flows of Android captures.
    quic_share : float
        Share of the flows to names with HTTP/3 that use it.
    unanswered_share : float
        Share of app flows that nobody answers or that are refused.
    address_change_share : float
        Chance a day that a device gets another address from DHCP.
    idle_share : float
        Share of TCP flows never closed. Zeek logs them five minutes after their last packet, later
        than the 90 s of disorder that batching allows for; so none by default.
    """

    seed: int = 1
    devices: int = 12
    apps: int = 24
    days: float = 2.0
    start: int = 1_772_409_600_000_000
    unseen_apps: int = 4
    unseen_from: float | None = None
    browsers: int = 1
    servers: int = 1
    things: int = 0
    phone_browsing_share: float = 0.0
    activity: float = 1.0
    client_fingerprints: bool = True
    tls13_share: float = 0.75
    resumed_share: float = 0.12
    quic_share: float = 0.5
    unanswered_share: float = 0.01
    address_change_share: float = 0.15
    idle_share: float = 0.0
