"""``run``: the daemon that follows the logs of a running Zeek."""

from __future__ import annotations

import signal
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from flowprint_zeek.cli import embedded, options
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.notify import Notifier
from flowprint_zeek.errors import ConfigError, FlowPrintError, OutputError
from flowprint_zeek.stream.daemon import Daemon
from flowprint_zeek.stream.snapshot import Snapshot
from flowprint_zeek.stream.status import summary
from flowprint_zeek.zeek.join import CONNECTIONS
from flowprint_zeek.zeek.watch import Hints

if TYPE_CHECKING:
    from argparse import Namespace
    from types import FrameType

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config
    from flowprint_zeek.stream.metrics import MetricsServer
    from flowprint_zeek.zeek.watch import Events


class _Signals:
    """What the process was asked to do."""

    def __init__(self) -> None:
        self.hints: Hints | None = None
        self.end: int | None = None
        self.again = False
        for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            signal.signal(number, self._ask)

    def _ask(self, number: int, _frame: FrameType | None) -> None:
        if number == signal.SIGHUP:
            self.again = True
        elif self.end == number == signal.SIGINT:
            # A second Ctrl-C does not wait for the first one's orderly end.
            raise KeyboardInterrupt
        elif self.end is None:
            self.end = number
        if self.hints is not None:
            self.hints.wake()

    def stop(self) -> bool:
        """Tell whether something was asked."""
        return self.again or self.end is not None


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    config = options.settings(args)
    if args.check:
        return _check(config, args, terminal)
    signals = _Signals()
    service = _started(config)
    with closing(Notifier()) as notifier:
        while True:
            _follow(service, signals, notifier, terminal)
            if signals.end == signal.SIGINT:
                raise KeyboardInterrupt
            if signals.end is not None:
                return Exit.OK
            signals.again = False
            notifier.reloading()
            service = _again(service.daemon.config, args, terminal)


@dataclass(frozen=True, slots=True)
class _Service:
    """A daemon, and what serves its metrics."""

    daemon: Daemon
    metrics: MetricsServer | None

    def close(self) -> None:
        """Close both."""
        if self.metrics is not None:
            self.metrics.close()
        self.daemon.close()


def _started(config: Config) -> _Service:
    daemon = Daemon(config)
    try:
        detector = daemon.pipeline.detector
        detector.near = embedded.in_notices(config, daemon.pipeline.site)
        return _Service(daemon, _metrics(daemon))
    except BaseException:
        daemon.close()
        raise


def _metrics(daemon: Daemon) -> MetricsServer | None:
    address = daemon.config.run.metrics
    if not address:
        return None
    try:
        from flowprint_zeek.stream.metrics import (  # noqa: PLC0415  prometheus-client is an extra
            MetricsServer,
            StatusCollector,
        )
    except ImportError as error:
        said = "run.metrics needs prometheus-client: pip install 'flowprint-zeek[metrics]'"
        raise ConfigError(f"{said} ({error})") from error
    return MetricsServer(address, StatusCollector(daemon.status(), lambda: daemon.latest))


def _follow(service: _Service, signals: _Signals, notifier: Notifier, terminal: Terminal) -> None:
    """Let a daemon follow its logs until something is asked, and close it."""
    daemon, run = service.daemon, service.daemon.config.run
    hints = Hints(run.logs, events=cast("Events", run.events))
    signals.hints = hints

    def stopped() -> bool:
        # Catching up with a long standstill is one look at the logs.
        notifier.alive()
        return signals.stop()

    try:
        terminal.note(f"following {', '.join(run.logs)}; notices in {_notices(daemon.config)}")
        notifier.ready()
        while not stopped():
            more = daemon.poll(stopped)
            if daemon.latest is not None:
                notifier.status(summary(daemon.latest))
            if not more:
                for problem in hints.take_problems():
                    terminal.warn(problem)
                hints.wait(run.scan)
    finally:
        signals.hints = None
        if signals.end is not None:
            notifier.stopping()
        hints.close()
        service.close()


def _notices(config: Config) -> str:
    """Return where notices go."""
    run = config.run
    places = {"log": run.output, "zeek": run.outbox, "both": f"{run.output} and {run.outbox}"}
    return places[run.notices]


def _again(config: Config, args: Namespace, terminal: Terminal) -> _Service:
    """Return a daemon with the settings read again; with those at hand where that cannot be."""
    try:
        changed = _started(options.settings(args))
    except FlowPrintError as error:
        terminal.error(error)
        terminal.warn("the settings stay as they were")
        return _started(config)
    terminal.note("settings read again")
    return changed


def _check(config: Config, args: Namespace, terminal: Terminal) -> int:
    """Open all that the settings name, as a start would, and tell what was found."""
    state = Path(config.run.state)
    if state.exists() and Snapshot(state).in_use:
        terminal.warn(f"{state}: a daemon runs with it, so only the settings were checked")
        if args.json:
            terminal.json({"parameters": config.to_dict(), "logs": None, "problems": []})
        return Exit.OK
    service = _started(config)
    daemon = service.daemon
    try:
        if daemon.handback.failing:
            raise OutputError(daemon.handback.failing)
        daemon.follower.scan()
        problems = daemon.follower.take_problems()
        kinds = (*CONNECTIONS, "ssl", "flowprint_ssl")
        logs = {log.identity: log for kind in kinds for log in daemon.follower.logs(kind)}
    finally:
        service.close()
    for problem in problems:
        terminal.warn(problem)
    found = sorted({str(log.log.path) for log in logs.values()})
    if args.json:
        checked = {"logs": found, "problems": problems}
        terminal.json({"parameters": config.to_dict()} | checked)
    else:
        terminal.line(f"conn and ssl logs found: {', '.join(found) or 'none yet'}")
        terminal.line(f"state: {Path(config.run.state)}; notices: {_notices(config)}")
    return Exit.OK
