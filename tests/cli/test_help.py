"""The help of each command."""

from __future__ import annotations

import argparse
import importlib
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.main import COMMANDS
from flowprint_zeek.cli.options import default_of
from flowprint_zeek.config import SETTINGS

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

ROOT = Path(__file__).resolve().parents[2]

HEAVY = ("gensim", "matplotlib", "numpy", "pandas", "scipy", "sklearn", "watchdog", "zat")
"""Packages that take longer to import than a help to read."""

IMPORTED = """
import contextlib, io, sys
from flowprint_zeek.cli.main import main
with contextlib.redirect_stdout(io.StringIO()):
    code = main(sys.argv[2:])
print(code, *(set(sys.argv[1].split()) & set(sys.modules)))
"""
"""Runs a command, and writes its code and what of some packages it imported."""


def imported(*arguments: str) -> list[str]:
    """Return the code of a command in a process of its own, and what is heavy of its imports."""
    given = [sys.executable, "-c", IMPORTED, " ".join(HEAVY), *arguments]
    done = subprocess.run(given, capture_output=True, cwd=ROOT, text=True, check=True)
    return done.stdout.split()


def options(name: str) -> list[argparse.Action]:
    """Return the options of a command."""
    parser = argparse.ArgumentParser()
    importlib.import_module(f"flowprint_zeek.cli.arguments.{name}").add_arguments(parser)
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


@pytest.mark.parametrize("name", COMMANDS)
def test_help_and_wrong_options_import_nothing_heavy(name: str) -> None:
    """What a command works with is imported only when its arguments are right."""
    assert imported(name, "--help") == [str(Exit.OK)]
    assert imported(name, "--nonsense") == [str(Exit.USAGE)]


def test_what_is_heavy_is_seen() -> None:
    """A command that runs does import what its help did not."""
    assert {"numpy", "pandas"} <= set(imported("tune", "none.tsv"))


@pytest.mark.parametrize("name", ["apps", "browser", "flow2vec"])
def test_every_action_is_done(name: str) -> None:
    """A command with actions has a function for each that it takes, and for no other."""
    taken = importlib.import_module(f"flowprint_zeek.cli.arguments.{name}").ACTIONS
    assert importlib.import_module(f"flowprint_zeek.cli.{name}")._DOES.keys() == taken.keys()


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
