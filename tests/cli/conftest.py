"""A command that does what a test wants."""

from __future__ import annotations

import argparse
import io
import sys
from collections.abc import Callable
from types import ModuleType

import pytest

from flowprint_zeek.cli import options
from flowprint_zeek.cli.main import COMMANDS
from flowprint_zeek.cli.terminal import Terminal

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
        module = ModuleType("flowprint_zeek.cli.fake")
        vars(module).update(
            NAME="fake", HELP="do as told", add_arguments=add_arguments, execute=execute
        )
        monkeypatch.setitem(sys.modules, module.__name__, module)
        monkeypatch.setitem(COMMANDS, "fake", "do as told")

    return register
