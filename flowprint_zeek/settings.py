"""Settings: what there is to set, each declared once with its default, range and purpose.

A leaf module; `flowprint_zeek.config` reads values.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any, TypeVar

from flowprint_zeek.kinds import (
    Kind,
    choice,
    duration,
    endpoint,
    flag,
    integer,
    many,
    network,
    number,
    path,
    period,
    server_name,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

PREFIX = "FLOWPRINT_"
"""What the name of every variable of the environment starts with."""

T = TypeVar("T")


def setting(kind: Kind[T], default: T, doc: str) -> T:
    """Declare a setting of a section; `doc` says in a few words what it does."""
    return field(default=default, metadata={"kind": kind, "doc": doc})


SHARE = number("a number from 0 to 1", lambda value: 0 <= value <= 1)
PERCENT = number("a number from 0 to 100", lambda value: 0 <= value <= 100)
CORRELATION = number("a number up to 1, 0 or less for a complete graph", lambda value: value <= 1)
SIMILARITY = number("a number over 0, up to 1", lambda value: 0 < value <= 1)
SPAN = duration(zero=False)
DELAY = duration()
COUNT = integer(1)

PRIVATE = (
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "fc00::/7",
    "fe80::/10",
)


@dataclass(frozen=True, slots=True)
class FingerprintSettings:
    """How flows become fingerprints: the parameters of the method."""

    batch: float = setting(SPAN, 300.0, "width of a batch")
    window: float = setting(SPAN, 30.0, "width of a window of activity")
    correlation: float = setting(CORRELATION, 0.1, "least correlation that joins destinations")
    similarity: float = setting(SIMILARITY, 0.9, "least similarity that merges fingerprints")
    scheme: str = setting(choice("names", "paper"), "names", "what elements are made of")
    activity: str = setting(
        choice("ends", "interval"), "ends", "activity of a flow that only has start and end"
    )
    clique_budget: int = setting(COUNT, 500_000, "clique search nodes for one device and batch")


@dataclass(frozen=True, slots=True)
class DeviceSettings:
    """Which host a flow belongs to, and which flows count."""

    key: str = setting(choice("ip", "mac"), "ip", "what identifies a device")
    local_networks: tuple[str, ...] = setting(
        many(network()),
        PRIVATE,
        "networks of devices, beside hosts that a log calls local",
    )
    names: str = setting(path(needed=False), "", "file of names and groups of devices")
    shared_clients: int = setting(COUNT, 30, "clients in a batch over which a device is several")
    shared_endpoints: int = setting(COUNT, 200, "nameless endpoints over which a device scans")
    inbound: bool = setting(flag(), default=False, doc="keep flows that outsiders originate")
    unanswered: bool = setting(flag(), default=False, doc="keep flows that nobody answered")
    flipped: bool = setting(flag(), default=False, doc="keep flows whose direction Zeek flipped")
    protocols: tuple[str, ...] = setting(
        many(choice("tcp", "udp"), least=1), ("tcp", "udp"), "transport protocols that count"
    )


@dataclass(frozen=True, slots=True)
class IgnoreSettings:
    """What is left out."""

    destinations: tuple[str, ...] = setting(many(network()), (), "destinations to leave out")
    names: tuple[str, ...] = setting(many(server_name()), (), "server names to leave out")
    devices: tuple[str, ...] = setting(many(network(mac=True)), (), "devices to leave out")
    shared_names: tuple[str, ...] = setting(
        many(server_name()), ("cloudflare-ech.com",), "names that strangers share: no elements"
    )


@dataclass(frozen=True, slots=True)
class StreamSettings:
    """Time, order and memory of replay and the daemon."""

    lateness: float = setting(DELAY, 60.0, "how long before its row's end a slice is late")
    disorder: float = setting(DELAY, 90.0, "how far rows may stand out of order")
    late_keep: float = setting(DELAY, 3_600.0, "how long a closed batch's fingerprints are kept")
    join_keep: float = setting(DELAY, 86_400.0, "how long rows wait for their connection")
    join_rows: int = setting(COUNT, 2_000_000, "how many rows of each log wait")
    dns_keep: float = setting(DELAY, 86_400.0, "how long an answer of the DNS names an address")
    idle: float = setting(SPAN, 300.0, "silence after which a log's batches close")
    chunk_rows: int = setting(COUNT, 65_536, "rows read at a time")


@dataclass(frozen=True, slots=True)
class DetectSettings:
    """When a fingerprint is an unseen app."""

    by: str = setting(choice("novelty", "similarity"), "novelty", "what makes an app unseen")
    threshold: float = setting(
        SHARE, 0.1, "similarity to every known app below which a fingerprint is unseen by it"
    )
    weights: str = setting(choice("rarity", "equal"), "rarity", "what elements weigh in the score")
    min_score: float = setting(
        SHARE, 0.7, "least share of a fingerprint's rarity weight that is new to the site"
    )
    min_novel: int = setting(COUNT, 2, "least own elements that the site never saw")
    min_flows: int = setting(COUNT, 5, "least own flows")
    min_batches: int = setting(COUNT, 1, "batches in which new elements show themselves")
    lone_batches: int = setting(COUNT, 2, "batches in which one new domain is enough")
    max_capture_loss: float = setting(
        PERCENT, 5.0, "per cent of packets lost over which nothing is raised"
    )
    min_coverage: float = setting(
        SHARE, 0.25, "share of its usual coverage below which a log counts as missing"
    )
    maintenance: tuple[str, ...] = setting(
        many(period()), (), "times in UTC in which nothing is raised or learned"
    )


@dataclass(frozen=True, slots=True)
class BrowserSettings:
    """What is a browser, and the bar that its flows are held to."""

    apart: bool = setting(flag(), default=True, doc="fingerprint browsers apart from other apps")
    domains: int = setting(COUNT, 25, "registered domains over which a TLS client is a browser")
    burst: int = setting(COUNT, 8, "new domains in one fingerprint over which it is a browser's")
    min_batches: int = setting(COUNT, 6, "batches in which an unseen app of a browser shows itself")


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """When a notice is raised, and how it is written."""

    repeat_after: float = setting(DELAY, 86_400.0, "log time after which an app is raised again")
    max_per_day: int = setting(integer(0), 20, "notices a day before one digest replaces the rest")
    per_device: bool = setting(flag(), default=False, doc="raise an app once for every device")
    format: str = setting(
        choice("auto", "tsv", "json"), "auto", "format of notice.log and flowprint.log"
    )
    milestones: tuple[int, ...] = setting(
        many(integer(2)), (10, 100), "numbers of devices at which an app is raised again"
    )
    embedding: str = setting(
        path(needed=False), "", "file of flow2vec by which notices name what is near"
    )


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What flowprint.log holds."""

    rows: str = setting(choice("changes", "all"), "changes", "rows that flowprint.log gets")


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Bounds of what is learned."""

    max_fingerprints: int = setting(COUNT, 100_000, "fingerprints a model keeps")
    max_age: float = setting(SPAN, 5_184_000.0, "log time after which what was not seen is new")


@dataclass(frozen=True, slots=True)
class RunSettings:
    """What the daemon follows, where it writes, and what it does with a batch."""

    logs: tuple[str, ...] = setting(
        many(path(), least=1), ("/opt/zeek/logs/current",), "logs that Zeek writes"
    )
    archives: tuple[str, ...] = setting(many(path()), ("/opt/zeek/logs",), "where rotated logs go")
    catch_up: float = setting(DELAY, 604_800.0, "how old archived logs may be that are caught up")
    state: str = setting(
        path(), "/var/lib/flowprint-zeek/state.sqlite", "file of what the daemon remembers"
    )
    output: str = setting(path(), "/var/log/flowprint-zeek", "folder of notice.log, flowprint.log")
    notices: str = setting(choice("log", "zeek", "both"), "log", "where notices go")
    outbox: str = setting(
        path(), "/var/spool/flowprint-zeek/outbox.tsv", "file from which Zeek takes notices"
    )
    model: str = setting(path(needed=False), "", "file of what is known at the first start")
    mode: str = setting(choice("auto", "learn", "shadow", "detect"), "auto", "what is done")
    learn_for: float = setting(DELAY, 604_800.0, "log time that is learned in mode auto")
    shadow_for: float = setting(DELAY, 86_400.0, "log time without notices after learning")
    scan: float = setting(SPAN, 2.0, "time between two looks at the logs")
    events: str = setting(
        choice("native", "polling", "none"), "native", "what tells of changes between two looks"
    )
    skew: float = setting(DELAY, 3_600.0, "how far ahead of the clock rows may end")
    behind: float = setting(SPAN, 600.0, "how late rows may be read before that is told")
    keep: float = setting(SPAN, 7_776_000.0, "how long the state keeps notices")
    metrics: str = setting(endpoint(), "", "where metrics for Prometheus are served")


@dataclass(frozen=True, slots=True)
class Config:
    """All settings; `load` makes a checked one."""

    fingerprint: FingerprintSettings = field(default_factory=FingerprintSettings)
    device: DeviceSettings = field(default_factory=DeviceSettings)
    ignore: IgnoreSettings = field(default_factory=IgnoreSettings)
    stream: StreamSettings = field(default_factory=StreamSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    browser: BrowserSettings = field(default_factory=BrowserSettings)
    notice: NoticeSettings = field(default_factory=NoticeSettings)
    log: LogSettings = field(default_factory=LogSettings)
    model: ModelSettings = field(default_factory=ModelSettings)
    run: RunSettings = field(default_factory=RunSettings)

    def to_dict(self) -> dict[str, dict[str, object]]:
        """Return sections of keys and values as JSON holds them; durations in seconds."""
        return {
            section: {
                key: list(value) if isinstance(value, tuple) else value
                for key, value in values.items()
            }
            for section, values in asdict(self).items()
        }


@dataclass(frozen=True, slots=True)
class Setting:
    """One row of the table of settings: its key as ``section.name`` and what is declared of it."""

    key: str
    kind: Kind[Any]
    default: object
    doc: str

    @property
    def variable(self) -> str:
        """Name of its variable of the environment."""
        return PREFIX + self.key.replace(".", "_").upper()

    @property
    def option(self) -> str:
        """Name of its option, on commands that have it."""
        return "--" + self.key.partition(".")[2].replace("_", "-")


def _settings() -> Iterator[Setting]:
    """Yield every setting, in the order of the sections and of their keys."""
    config = Config()
    for section in fields(config):
        values = getattr(config, section.name)
        for each in fields(values):
            key = f"{section.name}.{each.name}"
            yield Setting(key, each.metadata["kind"], each.default, each.metadata["doc"])


SETTINGS = {each.key: each for each in _settings()}
"""Every setting by its key."""
