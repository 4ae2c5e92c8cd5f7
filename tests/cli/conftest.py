"""A command that does what a test wants, and a small simulated network for the others."""

from __future__ import annotations

import argparse
import io
import json
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.simulate import Network, Simulated, simulate
from flowprint_zeek.cli import options
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.main import COMMANDS, main
from flowprint_zeek.cli.terminal import Terminal
from tests.cli.sensors import NOTICED, asked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.sensors import Asked

Execute = Callable[[argparse.Namespace, Terminal], int]
Fake = Callable[[Execute], None]


class FakeStream(io.StringIO):
    """A text stream that fails on writing, or says it is a terminal."""

    encoding = "utf-8"

    def __init__(self, error: OSError | None = None, *, tty: bool = False) -> None:
        super().__init__()
        self.error = error
        self.tty = tty

    def isatty(self) -> bool:
        return self.tty

    def write(self, text: str) -> int:
        if self.error is not None:
            raise self.error
        return super().write(text)


@pytest.fixture
def fake(monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Register a command `fake` that executes a function."""

    def add_arguments(parser: argparse.ArgumentParser) -> None:
        options.add_logs(parser, required=False)
        options.add_parameters(parser)
        options.add_setting(parser, "device.inbound")
        options.add_config(parser)
        options.add_json(parser)

    def register(execute: Execute) -> None:
        taken = ModuleType("flowprint_zeek.cli.arguments.fake")
        vars(taken).update(NAME="fake", HELP="do as told", add_arguments=add_arguments)
        done = ModuleType("flowprint_zeek.cli.fake")
        vars(done).update(execute=execute)
        for module in (taken, done):
            monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(COMMANDS, "fake", "do as told")

    return register


NETWORK = Network(seed=3, devices=4, apps=8, days=0.5, unseen_apps=2)
"""Six hours of known apps, then six hours in which planted apps are used too."""


@dataclass(frozen=True)
class Outcome:
    """How a run of the command line ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What it wrote as JSON; a run that did so said nothing wrong."""
        assert self.code == Exit.OK, self.err
        return json.loads(self.out)


class Cli:
    """Runs the command line as a test would type it."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: object) -> Outcome:
        """Run with arguments, each turned to text."""
        self.capsys.readouterr()
        code = main([str(each) for each in arguments])
        return Outcome(code, *self.capsys.readouterr())

    def ok(self, *arguments: object) -> Outcome:
        """Run what must end well."""
        done = self(*arguments)
        assert done.code == Exit.OK, done.err
        return done


@pytest.fixture
def cli(capsys: pytest.CaptureFixture[str]) -> Cli:
    """Return what runs the command line."""
    return Cli(capsys)


@pytest.fixture(scope="session")
def simulated() -> Simulated:
    """Simulate a small network."""
    return simulate(NETWORK)


@pytest.fixture(scope="session")
def logs(simulated: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write its logs and the truth to a folder."""
    folder = tmp_path_factory.mktemp("simulated") / "logs"
    write(simulated, folder)
    return folder


@pytest.fixture(scope="session")
def labelled(logs: Path) -> Path:
    """Make a file of its labelled fingerprints."""
    path = logs.parent / "labelled.json"
    truth = logs / "labels.tsv"
    argv = ["fingerprint", logs, "--labels", truth, "-o", path]
    assert main([str(each) for each in argv]) == 0
    return path


@pytest.fixture(scope="session")
def learned(logs: Path) -> Path:
    """Replay it with all of it learned; return the folder of the results."""
    folder = logs.parent / "learned"
    argv = ["replay", logs, "--learn-for", "1d", "-o", folder]
    assert main([str(each) for each in argv]) == 0
    return folder


@pytest.fixture(scope="session")
def noticed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a site on which an unseen app was noticed; it is copied for a test."""
    folder = tmp_path_factory.mktemp("noticed")
    asked(folder, None).follow(NOTICED)
    return folder


@pytest.fixture
def site(tmp_path: Path, noticed: Path, cli: Cli) -> Iterator[Asked]:
    """Return a site on which an unseen app was noticed, its daemon down."""
    folder = tmp_path / "site"
    shutil.copytree(noticed, folder)
    made = asked(folder, cli)
    made.site.time = NOTICED
    yield made
    made.site.stop()
