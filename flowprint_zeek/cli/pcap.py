"""``pcap``: run Zeek over packet captures, and make fingerprints of its logs."""

from __future__ import annotations

import tempfile
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from flowprint_zeek.cli import fingerprinted, options
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.core.devices import Dropped
from flowprint_zeek.errors import LogError, OutputError, UsageError
from flowprint_zeek.stream.capture import KINDS, read_capture
from flowprint_zeek.stream.configured import selection_of
from flowprint_zeek.stream.replay import Span
from flowprint_zeek.stream.report import foreign, no_flows
from flowprint_zeek.zeek import sensor
from flowprint_zeek.zeek.filenames import kind_of_name
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.join import CONNECTIONS
from flowprint_zeek.zeek.reader import ReadStats

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config

EVERYWHERE = ("0.0.0.0/0", "::/0")
"""Local networks of a capture that is one device, whatever its addresses."""

_FEW = 3


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    _check(args)
    config = _by_file(options.settings(args), args)
    zeek = _sensor(args, config)
    reading = Reading(config, Span(*options.times(args)))
    kept = []
    with _workplace(args.logs) as work, terminal.progress("Zeek", len(args.captures)) as advance:
        for number, capture in enumerate(args.captures):
            folder = _folder(work / str(number))
            _warn(capture, zeek.read(capture, folder), terminal)
            if args.logs is not None:
                folder = _renamed(folder, args.logs / capture.stem)
                kept.append({"capture": capture, "logs": folder})
            if _fingerprints(args):
                reading.take(capture, folder, by_file=args.by_file)
            advance()
    _finish(reading, kept, args, terminal)
    return Exit.OK


def _finish(
    reading: Reading, kept: list[dict[str, Path]], args: Namespace, terminal: Terminal
) -> None:
    """Write and tell what was asked for."""
    told: dict[str, object] = {"parameters": reading.config.to_dict()}
    if kept:
        told["captures"] = kept
        if not args.json:
            rows = [list(each.values()) for each in kept]
            terminal.table("Logs", ("capture", "logs"), rows)
    if _fingerprints(args):
        flows = reading.flows(args.captures, terminal)
        if args.label is not None:
            flows = flows.assign(label=args.label)
        written = fingerprinted.write(flows, args, reading.config)
        told |= written.to_dict()
        if not args.json:
            fingerprinted.show(written, terminal)
    if args.json:
        terminal.json(told)


@dataclass(slots=True)
class Reading:
    """Reads the logs of captures, and gathers their flows.

    Parameters
    ----------
    config : Config
        Settings of devices and logs.
    span : Span
        Part of the log time to take.
    """

    config: Config
    span: Span
    _parts: list[pd.DataFrame] = field(default_factory=list, init=False)
    _dropped: Dropped = field(default_factory=Dropped, init=False)
    _problems: dict[str, list[Path]] = field(default_factory=dict, init=False)

    def take(self, capture: Path, folder: Path, *, by_file: bool) -> None:
        """Read the logs that Zeek wrote of a capture to a folder."""
        if not set(CONNECTIONS) & {kind_of_name(path.name) for path in folder.iterdir()}:
            self._tell(capture, "has no connection")
            return
        stats = ReadStats()
        logs = find_logs([folder], KINDS)
        flows, dropped = read_capture(logs, self.config, span=self.span, stats=stats)
        for problem in stats.problems:
            self._tell(capture, problem)
        self._dropped.reasons.update(dropped.reasons)
        self._dropped.foreign.update(dropped.foreign)
        if not flows.empty:
            self._parts.append(flows.assign(device=capture.stem) if by_file else flows)

    def flows(self, captures: list[Path], terminal: Terminal) -> pd.DataFrame:
        """Return the flow table of all, and warn of what they lack.

        Raises
        ------
        LogError
            There is no flow.
        """
        for problem, where in self._problems.items():
            terminal.warn(f"{_listed(where)}: {problem}")
        if not self._parts:
            raise LogError(no_flows(self._dropped), path=_listed(captures))
        flows = pd.concat(self._parts, ignore_index=True)
        for warning in foreign(self._dropped, len(flows)):
            terminal.warn(warning)
        return flows

    def _tell(self, capture: Path, problem: str) -> None:
        self._problems.setdefault(problem, []).append(capture)


def _listed(captures: list[Path]) -> str:
    more = f" and {len(captures) - _FEW} more" if len(captures) > _FEW else ""
    return ", ".join(map(str, captures[:_FEW])) + more


def _fingerprints(args: Namespace) -> bool:
    """Tell whether more is asked for than logs."""
    return args.output is not None or args.write is not None


def _by_file(config: Config, args: Namespace) -> Config:
    if not args.by_file:
        return config
    return replace(config, device=replace(config.device, local_networks=EVERYWHERE))


def _sensor(args: Namespace, config: Config) -> sensor.Sensor:
    """Return what runs Zeek, told what the settings say."""
    selection = selection_of(config)
    settings = sensor.Settings(
        config.fingerprint.window,
        config.fingerprint.batch,
        selection.local_networks,
        selection.inbound,
        selection.by_mac or bool(selection.ignored_macs),
    )
    return sensor.Sensor(sensor.find_program(args.zeek), sensor.find_scripts(), settings)


@contextmanager
def _workplace(logs: Path | None) -> Iterator[Path]:
    """Make a folder to work in while the context lasts: logs are kept whole, or not at all."""
    try:
        if logs is not None:
            logs.mkdir(parents=True, exist_ok=True)
        work = tempfile.TemporaryDirectory(prefix=".flowprint-zeek-", dir=logs)
    except OSError as error:
        place = tempfile.gettempdir() if logs is None else logs
        raise OutputError(f"cannot be written: {error.strerror}", path=place) from error
    with work as name:
        yield Path(name)


def _folder(path: Path) -> Path:
    path.mkdir()
    return path


def _renamed(folder: Path, target: Path) -> Path:
    try:
        return folder.rename(target)
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror}", path=target) from error


def _warn(capture: Path, said: list[str], terminal: Terminal) -> None:
    for line in said[:_FEW]:
        terminal.warn(f"{capture}: Zeek says: {line}")
    if len(said) > _FEW:
        terminal.warn(f"{capture}: Zeek says {len(said) - _FEW} lines more")


def _check(args: Namespace) -> None:
    if not _fingerprints(args):
        if args.logs is None:
            raise UsageError(
                "give --output FILE, --write FILE to keep the flows, or --logs DIR to keep the logs"
            )
        if args.label is not None or options.times(args) != (None, None):
            raise UsageError("--label, --since and --until need --output FILE or --write FILE")
    fingerprinted.check(args)
    _check_captures(args)


def _check_captures(args: Namespace) -> None:
    """Check that captures are some, are distinct, and have distinct names where these are used."""
    files: dict[Path, Path] = {}
    names: dict[str, Path] = {}
    for capture in args.captures:
        sensor.check_capture(capture)
        if files.setdefault(capture.resolve(), capture) is not capture:
            raise UsageError(f"{capture} is given twice")
        other = names.setdefault(capture.stem, capture)
        if other is not capture and (args.by_file or args.logs is not None):
            option = "--by-file" if args.by_file else "--logs"
            raise UsageError(f"{option}: {other} and {capture} have the same name")
        if args.logs is not None and (args.logs / capture.stem).exists():
            place = args.logs / capture.stem
            raise OutputError("is there already, and is not overwritten", path=place)
