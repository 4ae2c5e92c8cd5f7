"""The simulated world outside: server names, their addresses and certificates, and apps.

Names end in ``.example``, reserved for such use. Addresses look public, because Zeek counts the
blocks reserved for documentation as local; they stand for no real host.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.network import DAY, Stream
from flowprint_zeek.core.arrays import Floats, Ints, Texts, ints
from flowprint_zeek.core.flows import SECOND

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.random import Generator
    from numpy.typing import NDArray

    from flowprint_zeek.analysis.network import Network

SUBDOMAINS = (
    *("api", "img", "cdn", "auth", "static", "media", "events", "config", "ws", "upload", "feed"),
    *("assets", "search", "live", "gw", "m", "sync", "data"),
)
FIRST_WORDS = (
    *("amber", "brisk", "cobalt", "coral", "crisp", "delta", "ember", "fable", "fern", "flint"),
    *("gentle", "golden", "harbor", "hazel", "indigo", "ivory", "jolly", "juniper", "kindle"),
    *("lunar", "lucid", "maple", "mellow", "meadow", "nimble", "nova", "olive", "onyx", "pebble"),
    *("pine", "quiet", "quill", "rapid", "river", "sable", "solar", "tidal", "umber", "velvet"),
)
LAST_WORDS = (
    *("bank", "beam", "board", "box", "cast", "chat", "clip", "dash", "deck", "desk", "fit"),
    *("flow", "food", "game", "grid", "kart", "leaf", "lens", "link", "loop", "mail", "map"),
    *("mate", "news", "note", "pay", "photo", "play", "post", "ride", "shop", "song", "spark"),
    *("talk", "task", "trip", "tube", "vault", "wave"),
)
INFRASTRUCTURE = (
    *("ads.adlattice.example", "bid.adlattice.example", "crash.mendwell.example"),
    *("report.mendwell.example", "push.pushmill.example", "track.metricly.example"),
    *("app.metricly.example", "fonts.commonedge.example", "sdk.loginhub.example"),
    *("maps.geotiles.example", "remote.flagstand.example"),
)
"""Names that many apps use: advertising, crash reports, push, metrics, log-in, maps."""
PLATFORMS = ("marlinos", "kestrelos", "tundraos")
"""Makers of operating systems; a device runs one."""
PLATFORM_NAMES = ("telemetry", "settings", "update", "dl")
"""Names of each platform that are served over TLS."""
VENDORS = ("camvista", "voltmeter", "inkwright", "doorward", "airhandle", "linecraft", "screenly")
"""Makers of things: a maker makes one sort of thing."""
THING_NAMES = ("ingest", "config", "firmware")
"""Names of each maker that its things talk to: all the time, a few times a day, and rarely."""
SYLLABLES = tuple(c + v for c in "bcdfghklmnprstvz" for v in "aeiou")

TLS_NONE, TLS_12, TLS_13 = 0, 1, 2

OWN_HOSTING = -1
PROVIDERS = ("edgeweb.example", "swiftcache.example", "cloudrack.example", "netquarry.example")
"""Content networks: their addresses serve many names."""
PROVIDER_BLOCKS = ints([0x97650000, 0x68100000, 0x17430000, 0x0D200000])
"""Addresses of each provider: its first /16."""
EDGES = 256
"""Addresses of one provider that a site sees."""
OWN_BLOCK = 0x34000000
BROWSED_BLOCK = 0x12000000
BLOCK_BITS = 22
"""Blocks of names with servers of their own: a /10 each, one for apps and one for browsing."""
PLACES_A_NAME = 32
"""Addresses that one name with its own servers can have over time."""
CDN_SHARE = 0.5
PROVIDER_NAME_SHARE = 0.1
"""Share of app names that lie in the registered domain of a provider."""
LIFETIME_DAYS = (0.5, 1.0, 2.0, 4.0, 30.0)
"""How long a name keeps its addresses. Of the endpoints of four real apps 43 % were met again a
day later, and 84 % of the server names; with these and ``share`` below, about 45 and 87 %."""
BROWSED = 1 << 24
"""Number of the most popular web site; lower ones are rows of the catalogue."""
TTL_SECONDS = (30, 60, 300, 300, 900, 3600)
"""Times for which a device remembers a DNS answer."""
CERTIFICATE_DAYS = 60
"""A certificate is renewed after this long, as 90-day certificates are."""
WILDCARD_SHARE = 0.5
"""Share of apps whose names share one wildcard certificate."""
PLAIN_SHARE = 0.1
"""Share of apps that also fetch something over plain HTTP from a bare address."""
HTTP3_SHARE = 0.4
"""Share of TLS 1.3 names that offer HTTP/3."""
KNOWN_NAMES = (1, 8)
PLANTED_NAMES = (3, 8)
"""Least and most own names of an app; one name alone is no app that this method could find."""
SHARED_NAMES = (1, 5)
"""Least and most names of the infrastructure that an app uses."""
PERIOD_SECONDS = (15.0, 120.0)
"""How often a running app comes back to a destination."""


@dataclass(frozen=True, slots=True)
class Destinations:
    """Columns of the servers that devices talk to; a row is a server name or a bare address.

    ``hosting`` is a provider's number or ``OWN_HOSTING``, ``slots`` the addresses in use at once,
    ``lifetime`` and ``phase`` say when they change (µs), ``certificate`` is the number of the
    certificate, ``number`` that of the destination, ``block`` holds its own servers' addresses.
    """

    name: Texts
    port: Ints
    tls: Ints
    http3: Floats
    hosting: Ints
    slots: Ints
    lifetime: Ints
    phase: Ints
    certificate: Ints
    number: Ints
    block: Ints

    @property
    def size(self) -> int:
        """Rows."""
        return self.name.size


@dataclass(frozen=True, slots=True)
class Catalogue:
    """Everything outside: destinations, apps and the contacts of each app.

    The contacts of app ``a`` are rows ``first[a]`` to ``first[a + 1]`` of ``destination``,
    ``share`` (of sessions that use it), ``burst`` (mean of further connections at once) and
    ``period`` (µs). Known apps come first, planted ones after them.
    """

    destinations: Destinations
    apps: tuple[str, ...]
    first: Ints
    destination: Ints
    share: Floats
    burst: Floats
    period: Ints
    own: Ints
    platforms: Ints
    clocks: Ints
    plain: Ints
    push: Ints
    served: Ints
    things: Ints

    @property
    def n_shared(self) -> int:
        """Names of the infrastructure; they are the first rows."""
        return len(INFRASTRUCTURE)

    def names(self, app: int) -> tuple[str, ...]:
        """Return the own server names of an app, sorted."""
        rows = slice(int(self.first[app]), int(self.first[app]) + int(self.own[app]))
        return tuple(sorted(n for n in self.destinations.name[self.destination[rows]] if n))


def lifetime_of_answers(network: Network, number: Ints) -> Ints:
    """Return how long devices remember the DNS answers for destinations, µs."""
    chosen = mixed(network.seed + 1, number) % np.uint64(len(TTL_SECONDS))
    return ints(TTL_SECONDS)[chosen.astype(np.int64)] * SECOND


def mixed(seed: int, *numbers: Ints) -> NDArray[np.uint64]:
    """Return a well mixed 64-bit number of numbers: chance that needs no order of draws."""
    value = np.full(numbers[0].shape, seed % 2**64, dtype=np.uint64)
    for number in numbers:
        value = value + number.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
        value = (value ^ (value >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        value = (value ^ (value >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        value ^= value >> np.uint64(31)
    return value


def combined(parts: list[Destinations]) -> Destinations:
    """Return destinations one after another."""
    columns = [f.name for f in fields(Destinations)]
    return Destinations(**{c: np.concatenate([getattr(p, c) for p in parts]) for c in columns})


def servers(
    network: Network, names: Texts, number: Ints, *, certificate: Ints | None = None
) -> Destinations:
    """Return TLS servers of names; all their properties follow from their numbers."""
    chance = (mixed(network.seed, number[:, None], np.arange(7)[None, :]) >> np.uint64(11)).astype(
        np.float64
    ) / 2**53
    tls13 = chance[:, 0] < network.tls13_share
    days = np.asarray(LIFETIME_DAYS)[(chance[:, 1] * len(LIFETIME_DAYS)).astype(np.int64)]
    lifetime = (days * DAY).astype(np.int64)
    cdn = chance[:, 2] < CDN_SHARE
    return Destinations(
        name=names,
        port=np.full(number.size, 443, dtype=np.int64),
        tls=np.where(tls13, TLS_13, TLS_12).astype(np.int64),
        http3=np.where(tls13 & (chance[:, 3] < HTTP3_SHARE), network.quic_share, 0.0),
        hosting=np.where(cdn, (chance[:, 4] * len(PROVIDERS)).astype(np.int64), OWN_HOSTING),
        slots=1 + (chance[:, 5] ** 2 * 4).astype(np.int64),
        lifetime=lifetime,
        phase=(chance[:, 6] * lifetime).astype(np.int64),
        certificate=number if certificate is None else certificate,
        number=number,
        block=np.full(number.size, OWN_BLOCK, dtype=np.int64),
    )


def changed(rows: Destinations, **columns: Ints) -> Destinations:
    """Return destinations with other columns; a number stands for the whole column."""
    old = {f.name: getattr(rows, f.name) for f in fields(Destinations)}
    new = {k: np.broadcast_to(v, (rows.size,)).astype(old[k].dtype) for k, v in columns.items()}
    return Destinations(**(old | new))


def addresses(network: Network, table: Destinations, row: Ints, when: Ints, chance: Floats) -> Ints:
    """Return the address (IPv4 as a number) that destinations answer from at a time."""
    generation = (when + table.phase[row]) // table.lifetime[row]
    slot = (chance * table.slots[row]).astype(np.int64)
    hosting = table.hosting[row]
    edge = mixed(network.seed, table.number[row], generation, slot) % np.uint64(EDGES)
    # the octets of an edge are spread over its provider's /16
    content = PROVIDER_BLOCKS[hosting] + (edge.astype(np.int64) * 251 + 1) % (1 << 16)
    place = table.number[row] % (1 << 17) * PLACES_A_NAME + (generation * 4 + slot) % PLACES_A_NAME
    own = table.block[row] + (place * 2_654_435_761) % (1 << BLOCK_BITS)
    return np.where(hosting == OWN_HOSTING, own, content)


def app_names(rng: Generator, size: int) -> tuple[str, ...]:
    """Return distinct names of apps; past all pairs of words they get numbers."""
    pairs = len(FIRST_WORDS) * len(LAST_WORDS)
    order = rng.permutation(pairs)
    names = []
    for i in range(size):
        pair = int(order[i % pairs])
        suffix = "" if i < pairs else str(i // pairs + 1)
        names.append(FIRST_WORDS[pair % len(FIRST_WORDS)] + LAST_WORDS[pair // len(FIRST_WORDS)])
        names[-1] += suffix
    return tuple(names)


def own_names(rng: Generator, app: str, size: int) -> list[str]:
    """Return own server names of an app: in its domain, its second one, or a provider's."""
    subdomains = rng.choice(len(SUBDOMAINS), size, replace=False)
    places = rng.random(size)
    second = rng.random() < 0.3
    names = []
    for k, subdomain in enumerate(subdomains):
        domain = f"{app}-{SUBDOMAINS[subdomain]}" if second and k % 2 else app
        name = f"{SUBDOMAINS[subdomain]}.{domain}.example"
        if k and places[k] < PROVIDER_NAME_SHARE:
            name = f"{app}-{SUBDOMAINS[subdomain]}.{PROVIDERS[k % len(PROVIDERS)]}"
        names.append(name)
    return names


def browsed(network: Network, number: Ints) -> Destinations:
    """Return the web servers of numbers from ``BROWSED`` on, the same for everybody."""
    word = mixed(network.seed, number)
    texts = np.empty(number.size, dtype=object)
    texts[:] = [_site(int(w), int(n) - BROWSED) for w, n in zip(word, number, strict=True)]
    return changed(servers(network, texts, number), block=ints(BROWSED_BLOCK))


def _site(word: int, rank: int) -> str:
    # the rank makes it unique, the mixed number makes it look like no series
    text, rest = "", rank + 1
    while rest:
        rest, digit = divmod(rest, len(SYLLABLES))
        text += SYLLABLES[digit]
    prefix = ("www.", "cdn.", "static.", "")[word % 4]
    ending = SYLLABLES[word // 4 % len(SYLLABLES)] + SYLLABLES[word // 320 % len(SYLLABLES)]
    return f"{prefix}{text}{ending}.example"


@dataclass(slots=True)
class _Builder:
    """Collects destinations; their numbers are their rows."""

    network: Network
    rng: Generator
    parts: list[Destinations]
    size: int = 0

    def add(
        self, names: list[str], columns: Mapping[str, Ints] | None = None, *, wildcard: bool = False
    ) -> Ints:
        number = np.arange(self.size, self.size + len(names), dtype=np.int64)
        texts = np.empty(len(names), dtype=object)
        texts[:] = names
        certificate = np.full_like(number, self.size) if wildcard else None
        rows = servers(self.network, texts, number, certificate=certificate)
        self.parts.append(changed(rows, **(columns or {})))
        self.size += len(names)
        return number


def catalogue(network: Network) -> Catalogue:
    """Return the world of a network."""
    rng = network.stream(Stream.CATALOGUE)
    builder = _Builder(network, rng, [])
    shared = builder.add(list(INFRASTRUCTURE))
    platforms = [builder.add([f"{n}.{p}.example" for n in PLATFORM_NAMES]) for p in PLATFORMS]
    system = _system(builder)
    apps = app_names(rng, network.apps + network.unseen_apps)
    contacts = [
        _contacts(builder, app, shared, planted=i >= network.apps) for i, app in enumerate(apps)
    ]
    things = [builder.add([f"{n}.{v}.example" for n in THING_NAMES]) for v in VENDORS]
    size = ints([len(c.destination) for c in contacts])
    return Catalogue(
        destinations=combined(builder.parts),
        apps=apps,
        first=np.concatenate(([0], np.cumsum(size))).astype(np.int64),
        destination=np.concatenate([c.destination for c in contacts]),
        share=np.concatenate([c.share for c in contacts]),
        burst=np.concatenate([c.burst for c in contacts]),
        period=np.concatenate([c.period for c in contacts]),
        own=ints([c.own for c in contacts]),
        platforms=np.stack(platforms),
        things=np.stack(things),
        **system,
    )


def _system(builder: _Builder) -> dict[str, Ints]:
    """Return what operating systems use: clocks, plain HTTP checks, push, and served names."""
    names = {n: [f"{n}.{p}.example" for p in PLATFORMS] for n in ("time", "check", "push")}
    plain = {"tls": ints(TLS_NONE), "http3": ints(0)}
    inside = {"tls": ints(TLS_12), "http3": ints(0), "hosting": ints(OWN_HOSTING)}
    served = [f"srv{i + 1}.corp.example" for i in range(builder.network.servers)]
    return {
        "clocks": builder.add(names["time"], {"port": ints(123), **plain}),
        "plain": builder.add(names["check"], {"port": ints(80), **plain}),
        "push": builder.add(names["push"], {"port": ints(5228), "http3": ints(0)}),
        "served": builder.add(served, inside),
    }


@dataclass(frozen=True, slots=True)
class _Contacts:
    destination: Ints
    share: Floats
    burst: Floats
    period: Ints
    own: int


def _contacts(builder: _Builder, app: str, shared: Ints, *, planted: bool) -> _Contacts:
    rng = builder.rng
    low, high = PLANTED_NAMES if planted else KNOWN_NAMES
    names = own_names(rng, app, int(rng.integers(low, high + 1)))
    # what a content network serves was seen before for other names
    fixed = {"hosting": ints(OWN_HOSTING)} if planted else {}
    own = builder.add(names, fixed, wildcard=bool(rng.random() < WILDCARD_SHARE))
    if rng.random() < PLAIN_SHARE:
        bare = {"port": ints(80), "tls": ints(TLS_NONE), "http3": ints(0)}
        own = np.append(own, builder.add([""], {"hosting": ints(OWN_HOSTING), **bare}))
    used = rng.choice(shared, int(rng.integers(SHARED_NAMES[0], SHARED_NAMES[1] + 1)), False)
    share = np.concatenate((rng.beta(2.0, 1.0, own.size), rng.uniform(0.2, 0.9, used.size)))
    share[0] = 1.0
    least, most = PERIOD_SECONDS
    period = np.exp(rng.uniform(math.log(least), math.log(most), share.size)) * 1e6
    burst = np.concatenate((rng.uniform(0.2, 2.5, own.size), rng.uniform(0.0, 0.6, used.size)))
    destination = np.concatenate((own, used))
    return _Contacts(destination, share, burst, period.astype(np.int64), own.size)
