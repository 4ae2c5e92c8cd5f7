"""The help of each command."""

from __future__ import annotations

import argparse
import importlib
import re
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.main import COMMANDS
from flowprint_zeek.cli.options import default_of
from flowprint_zeek.config import SETTINGS

if TYPE_CHECKING:
    from tests.cli.conftest import Cli


def options(name: str) -> list[argparse.Action]:
    """Return the options of a command."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"flowprint_zeek.cli.{name}").add_arguments(parser)
    return list(parser._actions)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_tells_of_every_option(cli: Cli, name: str) -> None:
    """--help exits with 0, has every option with what it does, and leaves stderr empty."""
    done = cli.ok(name, "--help")
    assert done.err == ""
    text = re.sub(r"\s+", " ", done.out)
    for action in options(name):
        assert action.help, action.dest
        assert re.sub(r"\s+", " ", action.help) in text
        assert all(option in text for option in action.option_strings)


@pytest.mark.parametrize("name", COMMANDS)
def test_help_names_every_default(name: str) -> None:
    """An option with a default says it; a setting's is that of the table of settings."""
    for action in options(name):
        told = action.help or ""
        if action.default not in (None, False, argparse.SUPPRESS):
            assert "default" in told, action.dest
        if action.dest in SETTINGS:
            assert f"setting {action.dest}" in told
            default = default_of(SETTINGS[action.dest])
            assert f"default {default}" in told or "default that of" in told


@pytest.mark.parametrize(
    ("arguments", "named"),
    [
        (["replay"], "LOGS, -o/--output"),
        (["simulate"], "OUT"),
        (["recognize", "-t", "a.json"], "-e/--test"),
        (["detect", "-t"], "-t/--train"),
        (["demo", "--seed", "x"], "--seed: invalid int value: 'x'"),
        (["simulate", "out", "--nonsense"], "--nonsense"),
        (["fingerprint", "--split-by", "day"], "--split-by: invalid choice: 'day'"),
        (["replay", "a.log", "-o", "out", "--learn-for", "soon"], "--learn-for: 'soon' is not"),
        (["replay", "a.log", "-o", "out", "--until", "noon"], "--until: 'noon' is no time"),
    ],
)
def test_wrong_input_shows_where_help_is(cli: Cli, arguments: list[str], named: str) -> None:
    """What cannot be parsed is one line that names it and the command's --help."""
    done = cli(*arguments)
    assert done.code == Exit.USAGE
    assert named in done.err
    assert done.err.endswith(f" (see flowprint-zeek {arguments[0]} --help)\n")
    assert done.err.count("\n") == 1
