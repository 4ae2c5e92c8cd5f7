"""``run``: the daemon that follows the logs of a running Zeek."""

from __future__ import annotations

import signal
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flowprint_zeek.cli import options
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.errors import FlowPrintError
from flowprint_zeek.stream.daemon import Daemon
from flowprint_zeek.zeek.watch import Hints

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from types import FrameType

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config
    from flowprint_zeek.zeek.watch import Events

NAME = "run"
HELP = (
    "Follow the logs of a running Zeek, learn what is known, and write notices of unseen apps, "
    "until SIGTERM or Ctrl-C. SIGHUP reads the settings again. Everything is set in the file of "
    "--config; see its section run."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    options.add_config(parser)
    parser.add_argument(
        "--check", action="store_true", help="check the settings and what they name, and exit"
    )
    group = parser.add_argument_group("what is followed and written")
    for key in ("run.logs", "run.archives", "run.state", "run.output", "run.mode", "run.model"):
        options.add_setting(group, key)
    options.add_json(parser)


class _Signals:
    """What the process was asked to do."""

    def __init__(self) -> None:
        self.hints: Hints | None = None
        self.asked: int | None = None
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        # A second Ctrl-C does not wait for the first one's orderly end.
        if self.asked == number == signal.SIGINT:
            raise KeyboardInterrupt
        if self.asked not in {signal.SIGTERM, signal.SIGINT}:
            self.asked = number
        if self.hints is not None:
            self.hints.wake()

    def stop(self) -> bool:
        """Tell whether something was asked."""
        return self.asked is not None


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    config = options.settings(args)
    if args.check:
        return _check(config, args, terminal)
    signals = _Signals()
    while True:
        signals.asked = None
        _follow(config, signals, terminal)
        if signals.asked == signal.SIGINT:
            raise KeyboardInterrupt
        if signals.asked != signal.SIGHUP:
            return Exit.OK
        config = _again(config, args, terminal)


def _follow(config: Config, signals: _Signals, terminal: Terminal) -> None:
    daemon = Daemon(config)
    hints = Hints(config.run.logs, events=cast("Events", config.run.events))
    signals.hints = hints
    try:
        terminal.note(f"following {', '.join(config.run.logs)}; notices in {config.run.output}")
        while not signals.stop():
            if not daemon.poll(signals.stop):
                for problem in hints.take_problems():
                    terminal.warn(problem)
                hints.wait(config.run.scan)
    finally:
        signals.hints = None
        hints.close()
        daemon.close()


def _again(config: Config, args: Namespace, terminal: Terminal) -> Config:
    """Return the settings read again; those at hand where there is something wrong with them."""
    try:
        changed = options.settings(args)
    except FlowPrintError as error:
        terminal.error(error)
        terminal.warn("the settings stay as they were")
        return config
    terminal.note("settings read again")
    return changed


def _check(config: Config, args: Namespace, terminal: Terminal) -> int:
    """Open all that the settings name, as a start would, and tell what was found."""
    daemon = Daemon(config)
    try:
        daemon.follower.scan()
        problems = daemon.follower.take_problems()
        logs = {log.identity: log for kind in ("conn", "ssl") for log in daemon.follower.logs(kind)}
    finally:
        daemon.close()
    for problem in problems:
        terminal.warn(problem)
    found = sorted({str(log.log.path) for log in logs.values()})
    if args.json:
        checked = {"logs": found, "problems": problems}
        terminal.json({"parameters": config.to_dict()} | checked)
    else:
        terminal.line(f"conn and ssl logs found: {', '.join(found) or 'none yet'}")
        terminal.line(f"state: {Path(config.run.state)}; notices: {Path(config.run.output)}")
    return Exit.OK
