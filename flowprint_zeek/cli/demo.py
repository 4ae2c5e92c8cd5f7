"""``demo``: the whole way on a simulated network."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.analysis.truth import Comparison, compare
from flowprint_zeek.cli import options
from flowprint_zeek.cli import replay as replaying
from flowprint_zeek.cli.arguments.demo import FOLDER
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.simulate import made
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.errors import OutputError
from flowprint_zeek.stream.outputs import NOTICES
from flowprint_zeek.stream.phases import Learning
from flowprint_zeek.stream.replay import KINDS, Source
from flowprint_zeek.stream.report import warnings
from flowprint_zeek.zeek.files import find_logs

if TYPE_CHECKING:
    from argparse import Namespace

    from flowprint_zeek.cli.terminal import Terminal


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    config = options.settings(args)
    network = made(seed=args.seed)
    folder = _folder(args.output)
    length = f"{network.devices} devices for {network.days:g} days"
    terminal.note(f"Simulating {length} into {folder / 'logs'} ...")
    simulated = simulate(network)
    write(simulated, folder / "logs")
    terminal.note(f"Learning until {_clock(network.unseen_start)}, then looking for new apps ...")
    source = Source(find_logs([folder / "logs"], KINDS), config.stream.chunk_rows)
    learning = Learning(until=simulated.network.unseen_start)
    done = replaying.run(source, config, None, learning, folder / "found", terminal)
    for warning in warnings(source, done.pipeline):
        terminal.warn(warning)
    truth = compare(done.notices, simulated)
    notices = folder / "found" / NOTICES
    if args.json:
        files = {"logs": folder / "logs", "notices": notices}
        result = {"replay": done.result, "truth": truth.to_dict()}
        terminal.json({"parameters": config.to_dict()} | files | result)
    else:
        _show(truth, notices, terminal)
    return Exit.OK


def _folder(given: Path | None) -> Path:
    if given is not None:
        if given.exists():
            raise OutputError("exists already: name a folder to make", path=given)
        return given
    folder, number = Path(FOLDER), 1
    while folder.exists():
        number += 1
        folder = Path(f"{FOLDER}-{number}")
    return folder


def _show(truth: Comparison, notices: Path, terminal: Terminal) -> None:
    rows = [
        (
            app.app,
            ", ".join(app.devices),
            app.sessions,
            _clock(app.first),
            "missed" if app.found is None else _clock(app.found),
        )
        for app in truth.planted
    ]
    columns = ("planted app", "devices", "sessions", "first used", "noticed")
    terminal.table("Simulated truth beside what was found", columns, rows)
    if truth.false:
        other = [(_clock(int(str(row["ts"]))), row["src"], label) for row, label in truth.false]
        terminal.table("Notices of something else", ("time", "device", "what it was"), other)
    found = sum(app.found is not None for app in truth.planted)
    terminal.line(
        f"Simulated: {found} of {len(truth.planted)} planted apps found, "
        f"{len(truth.false)} other {'notice' if len(truth.false) == 1 else 'notices'} in "
        f"{truth.device_days:g} device days."
    )
    terminal.line(f"Notices: {notices}")


def _clock(time: int) -> str:
    return datetime.fromtimestamp(time / SECOND, UTC).strftime("%m-%d %H:%MZ")
