"""``apps``: what a daemon knows, has noticed and was told, and what to make of it."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowprint_zeek import store
from flowprint_zeek.browsers import Browsers
from flowprint_zeek.cli import options
from flowprint_zeek.cli.arguments.apps import MOST
from flowprint_zeek.cli.asking import asked, one_line, span_of
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.matching import fits_logs
from flowprint_zeek.cli.shown import app_rows, element_rows, few, time_text
from flowprint_zeek.core.elements import shown
from flowprint_zeek.errors import ModelError, UsageError
from flowprint_zeek.kinds import RefusedError, many, network, server_name, words
from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.seen import SeenElements
from flowprint_zeek.stream.pseudonyms import Pseudonyms
from flowprint_zeek.stream.requests import (
    PENDING,
    Allow,
    Dismiss,
    Forget,
    ForgetDevice,
    Import,
    Label,
    Request,
)
from flowprint_zeek.stream.snapshot import Snapshot

if TYPE_CHECKING:
    from argparse import Namespace

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config
    from flowprint_zeek.kinds import Kind
    from flowprint_zeek.stream.pending import PendingApp

_NEAREST = 5
_LABEL = 200
_REASON = 1_000
"""Most characters of a label and of a reason."""
_GROUP = "a group as device.names has it, a word without #"


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    _DOES[args.action](args, options.settings(args), terminal)
    return Exit.OK


def _list(args: Namespace, config: Config, terminal: Terminal) -> None:
    known, seen, pending, dismissals = _opened(config)
    waiting = sorted(pending.apps, key=lambda app: (app.noticed is None, -app.last, app.number))
    lists = {
        "pending": [_pending_row(app) for app in waiting],
        "known": app_rows(known, seen, rare=args.rare),
        "dismissals": [asdict(one) for one in dismissals.dismissals],
    }
    if args.json:
        terminal.json(lists)
        return
    for name, title, columns, cells in _TABLES:
        rows = lists[name]
        most = len(rows) if args.all else MOST
        more = f", {len(rows) - most} more with --all" if len(rows) > most else ""
        terminal.table(f"{title}: {len(rows)}{more}", columns, map(cells, rows[:most]))


def _pending_row(app: PendingApp) -> dict[str, Any]:
    return {
        "id": f"{PENDING}{app.number}",
        "noticed": app.noticed,
        "first": app.first,
        "last": app.last,
        "devices": len(app.devices),
        "flows": app.n_flows,
        "batches": app.n_batches,
        "elements": sorted(app.core),
    }


def _pending_cells(row: dict[str, Any]) -> tuple[object, ...]:
    times = (time_text(row[when]) for when in ("noticed", "first", "last"))
    return row["id"], *times, row["devices"], row["flows"], few(row["elements"])


def _known_cells(row: dict[str, Any]) -> tuple[object, ...]:
    times = (time_text(row[when]) for when in ("first", "last"))
    counts = (row[count] for count in ("devices", "flows", "sightings"))
    return row["id"], row["label"], *times, *counts, few(row["elements"])


def _dismissal_cells(row: dict[str, Any]) -> tuple[object, ...]:
    groups = [f"group {group}" for group in row["groups"]]
    what = few([*row["names"], *row["devices"], *groups, *row["elements"]])
    return row["number"], time_text(row["until"]) or "for good", what, row["reason"]


_TABLES = (
    (
        *("pending", "Pending apps"),
        ("id", "noticed", "first", "last", "devices", "flows", "what is new"),
        _pending_cells,
    ),
    (
        *("known", "Known apps"),
        ("id", "label", "first", "last", "devices", "flows", "sightings", "elements"),
        _known_cells,
    ),
    ("dismissals", "Dismissals", ("number", "until", "what", "reason"), _dismissal_cells),
)


def _show(args: Namespace, config: Config, terminal: Terminal) -> None:
    known, seen, pending, _ = _opened(config)
    waiting = {f"{PENDING}{app.number}": app for app in pending.apps}
    for name in args.apps:
        if name not in waiting and name not in known:
            raise UsageError(f"no app {name}: see apps list")
    found = [_described(name, waiting.get(name), known, seen) for name in args.apps]
    if args.json:
        terminal.json({"apps": found})
        return
    for one in found:
        _tell(one, terminal)


def _described(
    name: str, app: PendingApp | None, known: KnownApps, seen: SeenElements
) -> dict[str, Any]:
    """Return what is known of a pending app, or of the known one of an id."""
    elements = sorted(known[name].elements if app is None else app.core)
    # An app is its own nearest.
    nearest = [one for one in known.similar(elements, _NEAREST + 1) if one[0] != name][:_NEAREST]
    return {
        "id": name,
        "label": known[name].label if app is None else None,
        "devices": None if app is None else sorted(app.devices),
        "elements": element_rows(elements, seen),
        "nearest": [
            {"id": key, "label": known[key].label, "similarity": similarity}
            for key, similarity in nearest
        ],
    }


def _tell(app: dict[str, Any], terminal: Terminal) -> None:
    label = f": {app['label']}" if app["label"] else ""
    where = f" on {', '.join(app['devices'])}" if app["devices"] else ""
    terminal.table(
        f"App {app['id']}{label}{where}",
        ("element", "first", "last", "sightings", "devices"),
        [
            (
                *(shown(row["element"]), time_text(row["first"]), time_text(row["last"])),
                *(row["sightings"], row["devices"]),
            )
            for row in app["elements"]
        ],
    )
    terminal.table(
        "Nearest known apps",
        ("id", "label", "similarity"),
        [(near["id"], near["label"], f"{near['similarity']:.2f}") for near in app["nearest"]],
    )


def _opened(config: Config) -> tuple[KnownApps, SeenElements, Any, Any]:
    held = Snapshot(Path(config.run.state)).parts("known", "seen", "pending", "dismissals")
    known, seen = KnownApps(config.model.max_fingerprints), SeenElements()
    known.restore(held[0])
    seen.restore(held[1])
    return known, seen, held[2], held[3]


def _ask(args: Namespace, config: Config, terminal: Terminal) -> None:
    _answer(args, asked(config, _request(args), terminal), terminal)


def _answer(args: Namespace, answer: str, terminal: Terminal) -> None:
    if args.json:
        terminal.json({"done": answer})
    else:
        terminal.line(answer)


def _request(args: Namespace) -> Request:
    """Return what the options ask for."""
    if args.action == "label":
        label = one_line("--as", args.label, _LABEL)
        if not label:
            raise UsageError("--as must not be empty")
        return Label(args.apps, label)
    if args.action == "allow":
        return Allow(args.dismissals)
    if args.action == "forget":
        if (args.device is None) == (not args.apps):
            raise UsageError("forget: give apps, or --device DEVICE")
        return Forget(args.apps) if args.device is None else ForgetDevice(args.device)
    return _dismissal(args)


def _dismissal(args: Namespace) -> Dismiss:
    names = _texts("--names", args.names, many(server_name()))
    devices = _texts("--devices", args.devices, many(network(mac=True)))
    groups = _texts("--groups", args.groups, many(words("NAME", _GROUP, _group)))
    if not (args.apps or names or devices or groups):
        raise UsageError("dismiss: give apps, --names, --devices or --groups")
    reason = one_line("--reason", args.reason, _REASON)
    return Dismiss(args.apps, names, devices, reason, span_of(args.span), groups)


def _group(text: str) -> str:
    if not text or not text.isprintable() or " " in text or "#" in text:
        raise ValueError(text)
    return text


def _texts(option: str, text: str | None, kind: Kind[tuple[str, ...]]) -> list[str]:
    if text is None:
        return []
    try:
        return list(kind.parse(text))
    except RefusedError as error:
        raise UsageError(f"{option} must be {kind.allowed}; not {error.args[0]!r}") from None


def _import(args: Namespace, config: Config, terminal: Terminal) -> None:
    model = store.read(args.model)
    fits_logs(model, args.model)
    sightings = list(model.site(max(len(model.apps), 1)).seen)
    try:
        request = Import(model.apps, sightings, store.said(model, parameters=True))
        answer = asked(config, request, terminal)
    except UsageError as error:
        raise ModelError(error.message, path=args.model) from error
    _answer(args, answer, terminal)


def _export(args: Namespace, config: Config, terminal: Terminal) -> None:
    snapshot = Snapshot(Path(config.run.state))
    known, seen, browsers, certificate = snapshot.parts("known", "seen", "browsers", "certificate")
    if args.pseudonyms:
        others = Pseudonyms()
        seen, browsers = others.of_seen(seen), others.of_browsers(browsers)
    site = Site(KnownApps(config.model.max_fingerprints))
    site.known.restore(known)
    site.seen.restore(seen)
    apps = [app for _, app in site.known]
    model = store.Model(
        snapshot.parameters(),
        config.detect.threshold,
        certificate or "sha256",
        apps,
        site.seen,
        Browsers.from_dict(browsers),
    )
    store.write(args.model, model)
    if args.json:
        result = {"output": str(args.model), "known": len(apps), "elements": len(site.seen)}
        terminal.json(result)
    else:
        terminal.line(f"{len(apps)} known apps written to {args.model}")


_DOES = {
    "list": _list,
    "show": _show,
    "label": _ask,
    "dismiss": _ask,
    "allow": _ask,
    "forget": _ask,
    "import": _import,
    "export": _export,
}
"""The function of each action."""
