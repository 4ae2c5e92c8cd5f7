"""``explain``: what a notice of a daemon rests on."""

from __future__ import annotations

import glob
import re
import shlex
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowprint_zeek.cli import embedded, options
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.shown import few, time_text
from flowprint_zeek.core.elements import fingerprint_id, shown
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.dismissals import Dismissals, DismissalsState
from flowprint_zeek.errors import UsageError
from flowprint_zeek.stream.configured import hosts_of
from flowprint_zeek.stream.requests import PENDING
from flowprint_zeek.stream.snapshot import Snapshot

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config
    from flowprint_zeek.dismissals import Dismissal
    from flowprint_zeek.stream.explained import Explained

_LISTED = 20
_MOST_UIDS = 20
_FEW = 5
_TELLING = ("*conn*", "*ssl*")
"""Names of logs that tell of connections: conn, ssl, flowprint_conn, flowprint_ssl and the like."""
_ID = re.compile(r"[0-9a-f]{4,16}")


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    config = options.settings(args)
    snapshot = Snapshot(Path(config.run.state))
    if args.notice is None:
        _list(snapshot, terminal, as_json=args.json)
        return Exit.OK
    row, why = _found(snapshot, args.notice.lower())
    now, pivots = _standing(snapshot, why, config), _pivots(config, why)
    near = embedded.of_notice(args, config, why, snapshot)
    if args.json:
        terminal.json(
            {"notice": row, "explained": asdict(why), "now": asdict(now), "pivots": pivots}
            | embedded.as_json(near)
        )
    else:
        _tell(row, why, terminal)
        embedded.show(near, terminal)
        for pivot in pivots:
            terminal.line(f"  {pivot}")
        terminal.line(_advice(why, now))
    return Exit.OK


def _found(snapshot: Snapshot, key: str) -> tuple[dict[str, Any], Explained]:
    """Return the notice of an id that may be cut."""
    if not _ID.fullmatch(key):
        raise UsageError(f"{key!r} is no notice id: it has 4 to 16 hexadecimal digits")
    found = snapshot.found(key)
    if not found:
        raise UsageError(f"no notice {key} in {snapshot.path}: see explain without an id")
    if len(found) > 1:
        some = ", ".join(list(found)[-_FEW:])
        raise UsageError(f"{len(found)} notices begin with {key}, the last are {some}: give more")
    return next(iter(found.values()))


@dataclass(frozen=True, slots=True)
class _Standing:
    """What became of a noticed app.

    Attributes
    ----------
    pending : bool
        Whether it still waits for a decision.
    known : str or None
        Id of the known app that holds all that was new.
    label : str or None
        Its label.
    dismissal : int or None
        Number of a dismissal of what was new, of the device, or of a group that it is of now.
    """

    pending: bool
    known: str | None
    label: str | None
    dismissal: int | None


def _standing(snapshot: Snapshot, why: Explained, config: Config) -> _Standing:
    names = ("pending", "known", "dismissals", "leases")
    pending, known, dismissals, leases = snapshot.parts(*names)
    if any(app.number == why.pending for app in pending.apps):
        return _Standing(pending=True, known=None, label=None, dismissal=None)
    novel = {one.element for one in why.elements if one.novel}
    holding = [app for app in known.apps if novel.issubset(app.elements)]
    app = max(holding, key=lambda app: (bool(app.labels), app.n_flows), default=None)

    @cache  # A long file is read once, and only where a group is dismissed.
    def groups_of(device: str) -> tuple[str, ...]:
        hosts = hosts_of(config)
        hosts.leases.restore(leases)
        return hosts.groups_of(device)

    covering = (one for one in dismissals.dismissals if _covers(one, why.device, novel, groups_of))
    number = next((one.number for one in covering), None)
    return _Standing(
        pending=False,
        known=None if app is None else fingerprint_id(app.elements),
        label=None if app is None else app.label,
        dismissal=number,
    )


def _covers(
    one: Dismissal, device: str, novel: set[str], groups_of: Callable[[str], tuple[str, ...]]
) -> bool:
    dismissals = Dismissals()
    dismissals.restore(DismissalsState([one], one.number + 1))
    return dismissals.cover_device(device, groups_of) or all(map(dismissals.cover, novel))


def _advice(why: Explained, now: _Standing) -> str:
    """Return what to do about a notice, or what was done."""
    name = f"{PENDING}{why.pending}"
    if now.pending:
        return (
            f"Decide: flowprint-zeek apps label {name} --as NAME, or apps dismiss {name} --reason "
            "TEXT"
        )
    if now.dismissal is not None:
        return f"Decided: dismissal {now.dismissal} (take it back: apps allow {now.dismissal})"
    if now.known is not None:
        called = "without a label" if now.label is None else f"labelled {now.label}"
        return f"Decided: known as {now.known}, {called}"
    return f"{name} is pending no more: it was forgotten, or what was new has become known"


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


def _tell(row: dict[str, Any], why: Explained, terminal: Terminal) -> None:
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
        [(near.id, near.label, f"{near.similarity:.2f}", few(near.common)) for near in why.nearest],
    )
    terminal.line(f"Connections to what is new: {' '.join(why.uids) or '-'}")


def _kind(novel: bool, fresh: bool) -> str:
    if not novel:
        return "seen before"
    return "new, of a new domain" if fresh else "new"


def _pivots(config: Config, why: Explained) -> list[str]:
    """Return commands that find the connections, in the logs that are written and in archives."""
    if not why.uids:
        return []
    # As they are, and whole: what is in a uid is no pattern, and C1 is not C12. Each line with the
    # name of its log: several tell of a connection.
    wanted = " ".join(f"-e {shlex.quote(uid)}" for uid in why.uids[:_MOST_UIDS])
    places = [each for place in config.run.logs for each in _files_of(place)]
    archives = [each for folder in config.run.archives for each in _archived(folder, why)]
    return [
        f"{command} -sHFw {wanted} {' '.join(map(_in_shell, patterns))}"
        for command, patterns in (("grep", places), ("zgrep", archives))
        if patterns
    ]


def _files_of(place: str) -> list[str]:
    """Return a place of logs as patterns of files."""
    place = glob.escape(place) if Path(place).exists() else place
    folders = any(Path(one).is_dir() for one in glob.glob(place))  # noqa: PTH207  of text
    return _telling(place.rstrip("/"), ".log") if folders else [place]


def _archived(folder: str, why: Explained) -> list[str]:
    """Return the patterns of files in an archive that may hold what a notice is of.

    Those of the days, as UTC and as this host names them, in folders as zeekctl makes them; all of
    an archive without such folders.
    """
    spans = (why.batch_start / SECOND, why.closed / SECOND)
    moments = [datetime.fromtimestamp(at, UTC) for at in spans]
    days = {f"{at:%Y-%m-%d}" for one in moments for at in (one, one.astimezone())}
    whole = glob.escape(folder.rstrip("/")) if Path(folder).is_dir() else folder.rstrip("/")
    by_day = [each for day in sorted(days) for each in _telling(f"{whole}/{day}", "")]
    # Of those that are there: zgrep complains of a pattern of no file.
    for patterns in (by_day, _telling(whole, ".log*")):
        if there := [each for each in patterns if glob.glob(each)]:  # noqa: PTH207  of text
            return there
    return by_day[-len(_TELLING) :]


def _telling(folder: str, ending: str) -> list[str]:
    return [f"{folder}/{name}{ending}" for name in _TELLING]


def _in_shell(pattern: str) -> str:
    """Return a pattern of files as a shell takes it: all but its signs quoted."""
    parts = re.split(r"(\[[^]]*\]|[*?])", pattern)
    return "".join(part if at % 2 else shlex.quote(part) for at, part in enumerate(parts) if part)
