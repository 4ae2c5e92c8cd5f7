"""Options that commands share."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.cli import options
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.main import main
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config
    from tests.cli.conftest import Fake


def configured(fake: Fake, argv: list[str]) -> Config:
    seen: list[Config] = []

    def execute(args: argparse.Namespace, _terminal: Terminal) -> int:
        seen.append(options.settings(args))
        return Exit.OK

    fake(execute)
    assert main(["fake", *argv]) == Exit.OK
    return seen[0]


def test_only_given_options_override(
    fake: Fake, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """An option that was not given leaves the file and the environment alone."""
    path = tmp_path / "c.yaml"
    path.write_text("fingerprint: {batch: 1, window: 2, correlation: 0.3}\ndevice: {inbound: on}")
    monkeypatch.setenv("FLOWPRINT_FINGERPRINT_WINDOW", "3")
    config = configured(fake, ["--config", str(path), "-c", "-1"])
    assert config.fingerprint.batch == 1
    assert config.fingerprint.window == 3
    assert config.fingerprint.correlation == -1
    assert config.device.inbound is True
    assert configured(fake, ["--config", str(path), "--no-inbound"]).device.inbound is False


def test_short_and_long_options_are_the_published_ones(fake: Fake) -> None:
    """-b, -w, -c, -s and --scheme set the parameters; 0 is a value."""
    short = configured(fake, ["-b", "10m", "-w", "60", "-c", "0", "-s", "0.5"]).fingerprint
    long = configured(
        fake,
        ["--batch=600", "--window=1m", "--correlation=0", "--similarity=.5", "--scheme=names"],
    ).fingerprint
    assert short == long
    assert (short.batch, short.window, short.correlation, short.similarity) == (600, 60, 0, 0.5)


def test_a_wrong_setting_names_its_option(fake: Fake, capsys: pytest.CaptureFixture[str]) -> None:
    """A value that a setting does not allow exits with the code of settings."""
    fake(lambda args, _terminal: bool(options.settings(args)))
    assert main(["fake", "-b", "0"]) == Exit.CONFIG
    assert "--batch: fingerprint.batch must be a duration over 0" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("0", 0),
        ("1795185600.000001", 1_795_185_600_000_001),
        ("-1", -1_000_000),
        ("1970-01-02", 86_400_000_000),
        ("20260302", 1_772_409_600_000_000),
        ("1970-01-01T00:01", 60_000_000),
        ("1970-01-01T00:01Z", 60_000_000),
        ("1970-01-01 00:00:00.25", 250_000),
        ("1970-01-01T01:00+01:00", 0),
    ],
)
def test_times_are_microseconds(text: str, micros: int) -> None:
    """ISO times without a zone are UTC; numbers are seconds since the epoch, exact."""
    assert options.instant(text) == micros


@pytest.mark.parametrize("text", ["", "now", "nan", "1e9", "2026-13-01", "20261301", "9" * 13])
def test_what_is_no_time_is_refused(text: str) -> None:
    """A text that is neither names itself."""
    with pytest.raises(argparse.ArgumentTypeError, match=r"is no time"):
        options.instant(text)


def test_since_must_be_before_until() -> None:
    """A range that holds nothing is an error; one open end is none."""
    assert options.times(argparse.Namespace(since=0, until=None)) == (0, None)
    assert options.times(argparse.Namespace(since=0, until=1)) == (0, 1)
    with pytest.raises(UsageError, match=r"--since must be before --until"):
        options.times(argparse.Namespace(since=0, until=0))


def test_durations_of_options_have_units() -> None:
    """A duration is seconds or has a unit; anything else names itself."""
    assert options.duration("2h") == 7_200
    with pytest.raises(argparse.ArgumentTypeError, match=r"'2y' is not a duration"):
        options.duration("2y")
