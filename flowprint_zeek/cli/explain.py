"""``explain``: what a notice of a daemon rests on."""

from __future__ import annotations

import re
import shlex
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowprint_zeek.cli import options
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.shown import time_text
from flowprint_zeek.core.elements import shown
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.errors import UsageError
from flowprint_zeek.stream.requests import PENDING
from flowprint_zeek.stream.snapshot import Snapshot

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config
    from flowprint_zeek.stream.explained import Explained

NAME = "explain"
HELP = (
    "Tell what a notice rests on: the elements and why each counts, the known apps it resembles, "
    "its connections, and what finds them in Zeek's logs. NOTICE-ID is id in the sub of the "
    "notice, or its first digits. Without one, the last notices are listed."
)

_LISTED = 20
_MOST_UIDS = 20
_ID = re.compile(r"[0-9a-f]{4,16}")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("notice", nargs="?", metavar="NOTICE-ID", help="id in sub of the notice")
    options.add_config(parser)
    options.add_setting(parser, "run.state")
    options.add_json(parser)


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    config = options.settings(args)
    snapshot = Snapshot(Path(config.run.state))
    if args.notice is None:
        _list(snapshot, terminal, as_json=args.json)
        return Exit.OK
    if not _ID.fullmatch(args.notice):
        raise UsageError(f"{args.notice!r} is no notice id: it has 4 to 16 hexadecimal digits")
    found = snapshot.notice(args.notice)
    if found is None:
        raise UsageError(f"no notice {args.notice} in {snapshot.path}: see explain without an id")
    row, why = found
    pivots = _pivots(config, why)
    if args.json:
        terminal.json({"notice": row, "explained": asdict(why), "pivots": pivots})
    else:
        _tell(row, why, pivots, terminal)
    return Exit.OK


def _list(snapshot: Snapshot, terminal: Terminal, *, as_json: bool) -> None:
    rows = snapshot.notices(_LISTED)
    if as_json:
        terminal.json({"notices": [{"id": key} | row for key, row in rows]})
        return
    terminal.table(
        "Last notices",
        ("id", "time", "note", "message"),
        [
            (key or None, time_text(row["ts"]), row["note"].partition("::")[2], row["msg"])
            for key, row in rows
        ],
    )


def _tell(row: dict[str, Any], why: Explained, pivots: list[str], terminal: Terminal) -> None:
    terminal.line(row["msg"])
    bar = ", held to the bar of browsers" if why.browser else ""
    terminal.line(
        f"Score {why.score:.2f} (from {why.min_score:g} on it counts){bar}; pending app "
        f"{PENDING}{why.pending} with {why.app_flows} flows in {why.app_batches} batches on "
        f"{why.app_devices} devices so far"
    )
    terminal.table(
        "Elements, and what each weighs in the score",
        ("element", "counts as", "weight", "seen first", "last", "sightings", "devices"),
        [
            (
                *(shown(one.element), _kind(one.novel, one.fresh), f"{one.weight:.3f}"),
                *(time_text(one.first), time_text(one.last), one.sightings, one.devices),
            )
            for one in why.elements
        ],
    )
    terminal.table(
        "Nearest known apps",
        ("id", "label", "similarity", "in common"),
        [
            (near.id, near.label, f"{near.similarity:.2f}", ", ".join(map(shown, near.common)))
            for near in why.nearest
        ],
    )
    terminal.line(f"Connections to what is new: {' '.join(why.uids) or '-'}")
    for pivot in pivots:
        terminal.line(f"  {pivot}")
    terminal.line(
        f"Decide: flowprint-zeek apps label {PENDING}{why.pending} --as NAME, or apps dismiss "
        f"{PENDING}{why.pending} --reason TEXT"
    )


def _kind(novel: bool, fresh: bool) -> str:
    if not novel:
        return "seen before"
    return "new, of a new domain" if fresh else "new"


def _pivots(config: Config, why: Explained) -> list[str]:
    """Return commands that find the connections, in the logs that are written and in archives."""
    if not why.uids:
        return []
    wanted = shlex.quote("|".join(map(re.escape, why.uids[:_MOST_UIDS])))
    day = datetime.fromtimestamp(why.batch_start / SECOND, UTC)
    places = [f"{shlex.quote(str(Path(place)))}/*.log" for place in config.run.logs]
    kept = [f"{shlex.quote(str(Path(each)))}/{day:%Y-%m-%d}/*" for each in config.run.archives]
    pivots = [f"grep -hE {wanted} {' '.join(places)}"]
    if kept:
        pivots.append(f"zgrep -hE {wanted} {' '.join(kept)}")
    return pivots
