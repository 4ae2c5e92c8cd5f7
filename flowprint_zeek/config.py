"""Settings: one frozen object from defaults, a file, the environment and the command line.

A leaf module. Every setting is declared once, with its default, what is allowed and what it does;
reading, error messages and the options of the command line follow from that.

>>> load(None, environ={"FLOWPRINT_FINGERPRINT_BATCH": "10m"}, overrides={}).fingerprint.batch
600.0
"""

from __future__ import annotations

import difflib
from dataclasses import asdict, dataclass, field, fields, replace
from typing import TYPE_CHECKING, Any, TypeVar

import yaml

from flowprint_zeek.errors import ConfigError
from flowprint_zeek.kinds import (
    Kind,
    RefusedError,
    choice,
    duration,
    flag,
    integer,
    many,
    network,
    number,
    server_name,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

PREFIX = "FLOWPRINT_"
"""What the name of every variable of the environment starts with."""

T = TypeVar("T")


def setting(kind: Kind[T], default: T, doc: str) -> T:
    """Declare a setting of a section; `doc` says in a few words what it does."""
    return field(default=default, metadata={"kind": kind, "doc": doc})


SHARE = number("a number from 0 to 1", lambda value: 0 <= value <= 1)
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
    idle: float = setting(SPAN, 300.0, "silence after which a log's batches close")
    chunk_rows: int = setting(COUNT, 65_536, "rows read at a time")


@dataclass(frozen=True, slots=True)
class DetectSettings:
    """When a fingerprint is an unseen app."""

    threshold: float = setting(
        SHARE, 0.1, "similarity to every known app below which the command detect says unseen"
    )
    min_score: float = setting(
        SHARE, 0.7, "least share of a fingerprint's rarity weight that is new to the site"
    )
    min_novel: int = setting(COUNT, 2, "least own elements that the site never saw")
    min_flows: int = setting(COUNT, 5, "least own flows")


@dataclass(frozen=True, slots=True)
class NoticeSettings:
    """When a notice is raised, and how it is written."""

    repeat_after: float = setting(DELAY, 86_400.0, "log time after which an app is raised again")
    max_per_day: int = setting(integer(0), 20, "notices a day before one digest replaces the rest")
    per_device: bool = setting(flag(), default=False, doc="raise an app once for every device")
    format: str = setting(choice("tsv", "json"), "tsv", "format of notice.log and flowprint.log")
    milestones: tuple[int, ...] = setting(
        many(integer(2)), (10, 100), "numbers of devices at which an app is raised again"
    )


@dataclass(frozen=True, slots=True)
class LogSettings:
    """What flowprint.log holds."""

    rows: str = setting(choice("changes", "all"), "changes", "rows that flowprint.log gets")


@dataclass(frozen=True, slots=True)
class ModelSettings:
    """Bounds of what is learned."""

    max_fingerprints: int = setting(COUNT, 100_000, "fingerprints a model keeps")


@dataclass(frozen=True, slots=True)
class Config:
    """All settings; `load` makes a checked one."""

    fingerprint: FingerprintSettings = field(default_factory=FingerprintSettings)
    device: DeviceSettings = field(default_factory=DeviceSettings)
    ignore: IgnoreSettings = field(default_factory=IgnoreSettings)
    stream: StreamSettings = field(default_factory=StreamSettings)
    detect: DetectSettings = field(default_factory=DetectSettings)
    notice: NoticeSettings = field(default_factory=NoticeSettings)
    log: LogSettings = field(default_factory=LogSettings)
    model: ModelSettings = field(default_factory=ModelSettings)

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


def load(
    path: Path | None, *, environ: Mapping[str, str], overrides: Mapping[str, object]
) -> Config:
    """Return the settings: defaults, then a file, then the environment, then the command line.

    Every source is checked, also where a later one sets the same key.

    Parameters
    ----------
    path : Path or None
        YAML file of sections and their keys; None for none.
    environ : mapping
        Environment; ``FLOWPRINT_NOTICE_MAX_PER_DAY`` sets ``notice.max_per_day``.
    overrides : mapping
        Values of the options that were given, by key; a text is read as in the environment.

    Raises
    ------
    ConfigError
        If the file cannot be read, a key is unknown, or a value is not allowed.
    """
    values = {} if path is None else _from_file(path)
    values |= _from_environment(environ)
    values |= _from_options(overrides)
    sections = {section.name: getattr(Config(), section.name) for section in fields(Config)}
    for key, value in values.items():
        section, _, name = key.partition(".")
        sections[section] = replace(sections[section], **{name: value})
    return Config(**sections)


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a value stands: a file and its line, or what else `source` names."""

    source: str = ""
    path: Path | None = None
    line: int | None = None

    def error(self, message: str) -> ConfigError:
        if self.source:
            message = f"{self.source}: {message}"
        return ConfigError(message, path=self.path, line=self.line)

    def unknown(
        self, name: str, value: object, known: Iterable[str], allowed: Iterable[str]
    ) -> ConfigError:
        """Return the error of a name that is not known, with the nearest of those that are."""
        same = [key for key in SETTINGS if key.endswith("." + name.rpartition(".")[2])]
        near = same or difflib.get_close_matches(name, known, n=1, cutoff=0.75)
        # In a file a dotted key would be the same mistake again.
        hint = near[0].replace(".", ": ") if near and self.path is not None else "".join(near[:1])
        question = f"did you mean {hint}? " if hint else ""
        listed = f"allowed: {', '.join(allowed)}"
        return self.error(f"unknown key {name} with value {_shown(value)}; {question}{listed}")

    def checked(self, setting: Setting, value: object, *, text: bool) -> object:
        """Return the setting that a value or a text stands for."""
        read: Callable[[Any], object] = setting.kind.parse if text else setting.kind.read
        try:
            return read(value)
        except RefusedError as error:
            given = _shown(error.args[0])
            message = f"{setting.key} must be {setting.kind.allowed}; not {given}"
            raise self.error(message) from None


def _shown(value: object) -> str:
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:79]}…"


def _from_environment(environ: Mapping[str, str]) -> dict[str, object]:
    known = {each.variable: each for each in SETTINGS.values()}
    allowed = [f"{PREFIX}SECTION_KEY with a section and key of config.yaml"]
    values: dict[str, object] = {}
    for name in sorted(name for name in environ if name.startswith(PREFIX)):
        if name not in known:
            raise _Place("environment").unknown(name, environ[name], known, allowed)
        setting = known[name]
        values[setting.key] = _Place(name).checked(setting, environ[name], text=True)
    return values


def _from_options(overrides: Mapping[str, object]) -> dict[str, object]:
    values: dict[str, object] = {}
    for key, value in overrides.items():
        if key not in SETTINGS:
            raise _Place("command line").unknown(key, value, SETTINGS, SETTINGS)
        place = _Place(SETTINGS[key].option)
        values[key] = place.checked(SETTINGS[key], value, text=isinstance(value, str))
    return values


def _from_file(path: Path) -> dict[str, object]:
    sections = [section.name for section in fields(Config)]
    values: dict[str, object] = {}
    for section, content, place in _pairs(_document(path), _Place(path=path), "the file"):
        if section not in sections:
            raise place.unknown(section, _plain(content, place), sections, sections)
        for name, node, at in _pairs(content, place, section):
            key, value = f"{section}.{name}", _plain(node, at)
            if key not in SETTINGS:
                keys = [known for known in SETTINGS if known.startswith(f"{section}.")]
                raise at.unknown(key, value, SETTINGS, keys)
            values[key] = at.checked(SETTINGS[key], value, text=False)
    return values


def _document(path: Path) -> yaml.Node | None:
    """Return the tree of a YAML file, which knows its lines; None for an empty file."""
    try:
        return yaml.compose(path.read_text(encoding="utf-8-sig"), Loader=yaml.SafeLoader)
    except OSError as error:
        raise ConfigError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise ConfigError("is not UTF-8", path=path) from error
    except yaml.MarkedYAMLError as error:
        line = None if error.problem_mark is None else error.problem_mark.line + 1
        raise ConfigError(f"is not YAML: {error.problem}", path=path, line=line) from error
    except yaml.YAMLError as error:
        raise ConfigError("is not YAML: it holds control characters", path=path) from error


def _pairs(
    node: yaml.Node | None, place: _Place, name: str
) -> Iterator[tuple[str, yaml.Node, _Place]]:
    """Yield keys, values and where they stand; a mapping with all of it commented out has none."""
    if node is None or node.tag == "tag:yaml.org,2002:null":
        return
    if not isinstance(node, yaml.MappingNode):
        value = _shown(_plain(node, place))
        raise place.error(f"{name} must be keys and their values; not {value}")
    seen: set[str] = set()
    for key, value in node.value:
        at = _Place(path=place.path, line=key.start_mark.line + 1)
        text = str(_plain(key, at))
        if text in seen:
            raise at.error(f"{text} of {name} stands there twice; each key is allowed once")
        seen.add(text)
        yield text, value, at


def _plain(node: yaml.Node, place: _Place) -> object:
    """Return what a node holds."""
    try:
        return yaml.SafeLoader("").construct_object(node, deep=True)
    except (yaml.YAMLError, ValueError) as error:
        reason = getattr(error, "problem", None) or error
        raise place.error(f"a value cannot be read: {reason}") from error
