"""Settings from four sources, and the errors of wrong ones."""

from __future__ import annotations

import json
from dataclasses import FrozenInstanceError
from itertools import pairwise
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.config import SETTINGS, Config, Setting, load
from flowprint_zeek.errors import ConfigError

SHIPPED = Path(__file__).resolve().parents[1] / "config.yaml"


def write(folder: Path, text: str) -> Path:
    path = folder / "settings.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def from_file(folder: Path, text: str) -> Config:
    return load(write(folder, text), environ={}, overrides={})


def test_no_source_gives_the_defaults() -> None:
    """Without a file, variables and options the settings are the defaults."""
    assert load(None, environ={}, overrides={}) == Config()


def test_settings_cannot_be_changed() -> None:
    """The object and its sections are frozen."""
    config = Config()
    with pytest.raises(FrozenInstanceError):
        config.detect.threshold = 0.5  # type: ignore[misc]


def test_later_sources_win(tmp_path: Path) -> None:
    """The file overrides defaults, the environment the file, options the environment."""
    path = write(tmp_path, "fingerprint: {batch: 100, window: 10, correlation: 0.2}")
    config = load(
        path,
        environ={"FLOWPRINT_FINGERPRINT_BATCH": "200", "FLOWPRINT_FINGERPRINT_WINDOW": "20"},
        overrides={"fingerprint.batch": "5m"},
    )
    assert config.fingerprint.batch == 300
    assert config.fingerprint.window == 20
    assert config.fingerprint.correlation == 0.2
    assert config.fingerprint.similarity == 0.9


def test_a_source_is_checked_though_a_later_one_wins(tmp_path: Path) -> None:
    """A wrong value in the file is an error even if an option sets the same key."""
    path = write(tmp_path, "detect: {threshold: 2}")
    with pytest.raises(ConfigError):
        load(path, environ={}, overrides={"detect.threshold": 0.1})


def test_the_shipped_file_names_every_key_with_its_default() -> None:
    """config.yaml has exactly the keys there are, in their order, each with its default."""
    document = yaml.safe_load(SHIPPED.read_text(encoding="utf-8"))
    keys = [f"{section}.{key}" for section, content in document.items() for key in content]
    assert keys == list(SETTINGS)
    assert load(SHIPPED, environ={}, overrides={}) == Config()


def test_the_shipped_file_comments_every_section_and_key() -> None:
    """In config.yaml a comment stands above each key; join_rows and shadow_for share one."""
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    bare = [
        line.strip()
        for before, line in pairwise(lines)
        if not line.lstrip().startswith(("#", "-")) and line and not before.lstrip().startswith("#")
    ]
    assert bare == ["join_rows: 2000000", "shadow_for: 1d"]


@pytest.mark.parametrize("setting", SETTINGS.values(), ids=SETTINGS)
def test_every_default_is_allowed(setting: Setting) -> None:
    """A default read as a value of its own setting stays what it is."""
    assert setting.kind.read(setting.default) == setting.default


def test_variables_are_distinct() -> None:
    """No two settings share a variable of the environment."""
    assert len({setting.variable for setting in SETTINGS.values()}) == len(SETTINGS)


@pytest.mark.parametrize("text", ["", "# nothing\n", "notice:\n", "notice:\n  # format: json\n"])
def test_empty_files_and_sections_set_nothing(tmp_path: Path, text: str) -> None:
    """A file or a section with all of it commented out is as good as none."""
    assert from_file(tmp_path, text) == Config()


DURATIONS = [
    ("0", 0),
    ("90", 90),
    ("90s", 90),
    ("5m", 300),
    ("24h", 86_400),
    ("30d", 2_592_000),
    (".5", 0.5),
    ("1.5h", 5_400),
    (" 2 m ", 120),
    ("0.0000004", 0),
]


@pytest.mark.parametrize(("given", "seconds"), DURATIONS)
def test_durations_have_units(given: str, seconds: float) -> None:
    """Durations are seconds or have a unit, and are kept in whole microseconds."""
    config = load(None, environ={"FLOWPRINT_STREAM_LATENESS": given}, overrides={})
    assert config.stream.lateness == seconds
    assert isinstance(config.stream.lateness, float)


@given(st.floats(min_value=0, max_value=36_500 * 86_400))
def test_durations_are_whole_microseconds(seconds: float) -> None:
    """A duration is within half a microsecond of what was given."""
    config = load(None, environ={}, overrides={"stream.lateness": seconds})
    assert abs(config.stream.lateness - seconds) <= 1e-6
    assert config.stream.lateness == round(config.stream.lateness, 6)


def test_zero_is_a_value(tmp_path: Path) -> None:
    """0 overrides a default as every other value does."""
    config = from_file(tmp_path, "notice: {max_per_day: 0}\ndetect: {threshold: 0}")
    assert config.notice.max_per_day == 0
    assert config.detect.threshold == 0


def test_a_correlation_below_zero_is_allowed(tmp_path: Path) -> None:
    """Any correlation of 0 or less stands for the complete graph."""
    assert from_file(tmp_path, "fingerprint: {correlation: -1}").fingerprint.correlation == -1


def test_networks_are_canonical(tmp_path: Path) -> None:
    """Addresses become networks, IPv6 its shortest form, MAC addresses lower case."""
    config = from_file(
        tmp_path, "ignore: {devices: [10.0.0.1, '2001:DB8:0::/32', 'AA:BB:CC:00:11:22']}"
    )
    assert config.ignore.devices == ("10.0.0.1/32", "2001:db8::/32", "aa:bb:cc:00:11:22")


def test_names_are_as_elements_hold_them(tmp_path: Path) -> None:
    """Names are lower case without the root's dot; a leading star is a leading dot."""
    config = from_file(tmp_path, "ignore: {names: [WWW.Example.com., '*.example.net', .test]}")
    assert config.ignore.names == ("www.example.com", ".example.net", ".test")


def test_lists_in_the_environment_have_commas() -> None:
    """A variable holds a list with commas; an empty one is the empty list."""
    environ = {"FLOWPRINT_NOTICE_MILESTONES": "3, 5,3", "FLOWPRINT_DEVICE_LOCAL_NETWORKS": ""}
    config = load(None, environ=environ, overrides={})
    assert config.notice.milestones == (3, 5)
    assert config.device.local_networks == ()


def test_periods_are_texts(tmp_path: Path) -> None:
    """Maintenance windows need no quotes in a file, and have commas in a variable."""
    windows = ("sun 02:00-04:00", "2026-12-24 00:00-2026-12-26 24:00", "02:00-03:00")
    listed = "\n".join(f"    - {one}" for one in windows)
    assert from_file(tmp_path, f"detect:\n  maintenance:\n{listed}").detect.maintenance == windows
    environ = {"FLOWPRINT_DETECT_MAINTENANCE": ", ".join(windows)}
    assert load(None, environ=environ, overrides={}).detect.maintenance == windows


@pytest.mark.parametrize(("word", "value"), [("true", True), ("NO", False), ("1", True)])
def test_flags_in_the_environment_are_words(word: str, value: object) -> None:
    """A variable says true or false in the usual words."""
    config = load(None, environ={"FLOWPRINT_DEVICE_INBOUND": word}, overrides={})
    assert config.device.inbound is value


def test_foreign_variables_do_not_count() -> None:
    """Variables without the prefix are somebody else's."""
    assert load(None, environ={"PATH": "x", "ZEEK_LOG": "y"}, overrides={}) == Config()


WRONG_FILES = [
    # text, line, what the error names
    ("detect:\n  threshold: 1.5", 2, ["detect.threshold", "1.5", "from 0 to 1"]),
    ("detect:\n  threshold: '0.5'", 2, ["detect.threshold", "'0.5'", "a number"]),
    ("detect:\n  threshold: .nan", 2, ["detect.threshold", "nan", "from 0 to 1"]),
    ("detect:\n  threshold: true", 2, ["detect.threshold", "true", "a number"]),
    ("detect:\n  min_novel: 0", 2, ["detect.min_novel", "not 0", "a whole number from 1"]),
    ("detect:\n  min_novel: 2.0", 2, ["detect.min_novel", "2.0", "a whole number"]),
    ("detect:\n  min_novel: yes", 2, ["detect.min_novel", "true", "a whole number"]),
    ("notice:\n  max_per_day: -1", 2, ["notice.max_per_day", "-1", "from 0"]),
    ("notice:\n  max_per_day:", 2, ["notice.max_per_day", "null", "a whole number"]),
    ("notice:\n  max_per_day: 2024-13-45", 2, ["month"]),
    ("notice:\n  per_device: 1", 2, ["notice.per_device", "not 1", "true or false"]),
    ("notice:\n  format: xml", 2, ["notice.format", "'xml'", "tsv, json"]),
    ("notice:\n  milestones: 10", 2, ["notice.milestones", "not 10", "a list"]),
    ("notice:\n  milestones: [10, x]", 2, ["notice.milestones", "'x'", "a whole number"]),
    ("fingerprint:\n  batch: 0", 2, ["fingerprint.batch", "not 0", "over 0", "5m"]),
    ("fingerprint:\n  batch: 5 weeks", 2, ["fingerprint.batch", "'5 weeks'", "30d"]),
    ("fingerprint:\n  batch: true", 2, ["fingerprint.batch", "true", "a duration"]),
    ("fingerprint:\n  batch: 36501d", 2, ["fingerprint.batch", "'36501d'", "36500d"]),
    ("fingerprint:\n  batch: 0.0000001", 2, ["fingerprint.batch", "1e-07", "over 0"]),
    ("fingerprint:\n  similarity: 0", 2, ["fingerprint.similarity", "not 0", "over 0"]),
    ("fingerprint:\n  correlation: 1.1", 2, ["fingerprint.correlation", "1.1", "up to 1"]),
    ("fingerprint:\n  correlation: -.inf", 2, ["fingerprint.correlation", "-inf"]),
    ("device:\n  protocols: []", 2, ["device.protocols", "[]", "at least 1", "tcp, udp"]),
    ("device:\n  protocols: [icmp]", 2, ["device.protocols", "'icmp'", "tcp, udp"]),
    ("device:\n  local_networks: [10.0.0.1/8]", 2, ["local_networks", "10.0.0.1/8", "host bits"]),
    ("device:\n  names: 7", 2, ["device.names", "not 7", "a path"]),
    ("detect:\n  maintenance: sun 02:00-04:00", 2, ["detect.maintenance", "a list", "02:00-03:00"]),
    ("detect:\n  maintenance: [sun 2-4]", 2, ["maintenance", "'sun 2-4'", "sun 02:00-04:00 (mon"]),
    ("run:\n  metrics: 9790", 2, ["run.metrics", "not 9790", "host:port such as 127.0.0.1:9790"]),
    ("run:\n  metrics: ':9790'", 2, ["run.metrics", "':9790'", "host:port"]),
    ("run:\n  metrics: localhost:65536", 2, ["run.metrics", "'localhost:65536'"]),
    ("ignore:\n  devices: [phone]", 2, ["ignore.devices", "'phone'", "MAC address"]),
    ("ignore:\n  names: ['a b']", 2, ["ignore.names", "'a b'", "*.example.com"]),
    ("ignore:\n  names: ['*example.com']", 2, ["ignore.names", "'*example.com'"]),
    (
        "notice:\n\n  max_perday: 3",
        3,
        ["notice.max_perday", "3", "did you mean notice: max_per_day?"],
    ),
    ("fingerprint:\n  format: json", 2, ["fingerprint.format", "'json'", "notice: format?"]),
    ("batch: 60", 1, ["unknown key batch", "60", "did you mean fingerprint: batch?"]),
    ("notices: {format: json}", 1, ["unknown key notices", "allowed: fingerprint, device"]),
    ("log:\n  colour: red", 2, ["log.colour", "'red'", "allowed: log.rows"]),
    ("notice: 3", 1, ["notice", "keys and their values", "not 3"]),
    ("- notice", None, ["the file", "keys and their values", "['notice']"]),
    ("log: {}\nlog: {}", 2, ["log", "twice"]),
    ("log:\n  rows: all\n  rows: all", 3, ["rows of log", "twice"]),
    ("log: [", 1, ["not YAML"]),
    ("log: \x01", None, ["not YAML"]),
    ("log: {rows: !!python/name:os.system x}", 1, ["cannot be read", "python/name"]),
]


@pytest.mark.parametrize(("text", "line", "named"), WRONG_FILES)
def test_wrong_files_name_their_fault(
    tmp_path: Path, text: str, line: int | None, named: list[str]
) -> None:
    """An error of a file names the file, the line, the key, the value and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        from_file(tmp_path, text)
    assert caught.value.path == tmp_path / "settings.yaml"
    assert caught.value.line == line
    assert [part for part in named if part not in str(caught.value)] == []


WRONG_VARIABLES = [
    ("FLOWPRINT_NOTICE_MAX_PER_DAY", "many", ["notice.max_per_day", "'many'", "from 0"]),
    ("FLOWPRINT_NOTICE_MAX_PER_DAY", "", ["notice.max_per_day", "''", "from 0"]),
    ("FLOWPRINT_NOTICE_MAX_PER_DAY", "2.5", ["notice.max_per_day", "'2.5'", "a whole number"]),
    ("FLOWPRINT_DETECT_THRESHOLD", "inf", ["detect.threshold", "inf", "from 0 to 1"]),
    ("FLOWPRINT_DEVICE_INBOUND", "maybe", ["device.inbound", "'maybe'", "true or false"]),
    ("FLOWPRINT_DEVICE_PROTOCOLS", "tcp,sctp", ["device.protocols", "'sctp'", "tcp, udp"]),
    ("FLOWPRINT_FINGERPRINT_BATCH", "1w", ["fingerprint.batch", "'1w'", "5m"]),
    ("FLOWPRINT_NOTICE_MAXPERDAY", "3", ["'3'", "did you mean FLOWPRINT_NOTICE_MAX_PER_DAY?"]),
    ("FLOWPRINT_HOME", "x", ["'x'", "allowed: FLOWPRINT_SECTION_KEY"]),
]


@pytest.mark.parametrize(("name", "text", "named"), WRONG_VARIABLES)
def test_wrong_variables_name_their_fault(name: str, text: str, named: list[str]) -> None:
    """An error of the environment names the variable, the key, the value and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        load(None, environ={name: text}, overrides={})
    assert [part for part in [name, *named] if part not in str(caught.value)] == []


WRONG_OPTIONS = [
    ("fingerprint.batch", "-5", ["--batch", "fingerprint.batch", "'-5'", "over 0"]),
    ("notice.max_per_day", True, ["--max-per-day", "notice.max_per_day", "true", "from 0"]),
    ("batch", 5, ["command line", "unknown key batch", "5", "did you mean fingerprint.batch?"]),
]


@pytest.mark.parametrize(("key", "value", "named"), WRONG_OPTIONS)
def test_wrong_options_name_their_fault(key: str, value: object, named: list[str]) -> None:
    """An error of the command line names the option, the key, the value and what is allowed."""
    with pytest.raises(ConfigError) as caught:
        load(None, environ={}, overrides={key: value})
    assert [part for part in named if part not in str(caught.value)] == []


def test_a_missing_file_is_an_error(tmp_path: Path) -> None:
    """A file that was named must be there."""
    with pytest.raises(ConfigError, match=r"none\.yaml: cannot be read: No such file"):
        load(tmp_path / "none.yaml", environ={}, overrides={})


def test_a_file_that_is_no_text_is_an_error(tmp_path: Path) -> None:
    """Bytes that are no UTF-8 are reported with the file's name."""
    path = tmp_path / "binary.yaml"
    path.write_bytes(b"log: \xff\xfe")
    with pytest.raises(ConfigError, match=r"binary\.yaml: is not UTF-8"):
        load(path, environ={}, overrides={})


def test_long_values_are_cut_in_errors() -> None:
    """A value of any length leaves the error one readable line."""
    with pytest.raises(ConfigError) as caught:
        load(None, environ={"FLOWPRINT_LOG_ROWS": "x\n" * 10_000}, overrides={})
    assert len(str(caught.value)) < 200
    assert "\n" not in str(caught.value)


def test_reports_hold_all_settings() -> None:
    """to_dict has every key, survives JSON unchanged, and loads as the same settings."""
    config = load(None, environ={"FLOWPRINT_IGNORE_NAMES": "a.test"}, overrides={})
    document = config.to_dict()
    assert json.loads(json.dumps(document)) == document
    values = {
        f"{section}.{key}": value
        for section, content in document.items()
        for key, value in content.items()
    }
    assert list(values) == list(SETTINGS)
    assert load(None, environ={}, overrides=values) == config
