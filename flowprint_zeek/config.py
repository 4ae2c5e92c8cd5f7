"""Settings: one frozen object from defaults, a file, the environment and the command line.

Every setting is declared once, in `flowprint_zeek.settings`; reading, error messages and the
options of the command line follow from that.

>>> load(None, environ={"FLOWPRINT_FINGERPRINT_BATCH": "10m"}, overrides={}).fingerprint.batch
600.0
"""

from __future__ import annotations

import difflib
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import yaml

from flowprint_zeek.errors import ConfigError
from flowprint_zeek.kinds import RefusedError
from flowprint_zeek.settings import PREFIX, SETTINGS, Config, Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping
    from pathlib import Path

__all__ = ["SETTINGS", "Config", "Setting", "load"]


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
