"""``apps``: what a daemon knows, has noticed and was told, and what to make of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowprint_zeek import store
from flowprint_zeek.cli import options
from flowprint_zeek.cli.asking import asked, span_of
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.matching import fits_logs
from flowprint_zeek.cli.shown import app_rows, element_rows, time_text
from flowprint_zeek.core.elements import shown
from flowprint_zeek.errors import UsageError
from flowprint_zeek.kinds import RefusedError, many, network, server_name
from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.seen import SeenElements
from flowprint_zeek.stream.configured import parameters_of
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
    from argparse import ArgumentParser, Namespace
    from collections.abc import Callable

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config

NAME = "apps"
HELP = (
    "Show what a daemon knows and what waits for a decision, and decide. Pending apps are called "
    "p1, p2 …, known ones by the id of their fingerprint. It works on the state that run.state "
    "names, whether the daemon runs or not."
)

_MOST = 50


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    made = {name: actions.add_parser(name, help=text, description=text) for name, text in _ACTIONS}
    made["list"].add_argument("--all", action="store_true", help=f"not only {_MOST} of each kind")
    made["list"].add_argument(
        "--rare", action="store_true", help="known apps with the rarest names first, for review"
    )
    for name in ("show", "label", "dismiss", "forget"):
        many_apps = "*" if name in {"dismiss", "forget"} else "+"
        made[name].add_argument("apps", nargs=many_apps, metavar="APP", help="p12, or a known app")
    made["label"].add_argument(
        "--as", dest="label", required=True, metavar="NAME", help="the label"
    )
    made["allow"].add_argument("dismissals", nargs="+", type=int, metavar="NUMBER")
    add = made["dismiss"].add_argument
    add("--names", metavar="NAME,...", help="names that are nothing new; *.example.com too")
    add("--devices", metavar="CIDR,...", help="devices of which nothing is raised")
    add("--reason", default="", metavar="TEXT", help="why, for people")
    add(
        "--for", dest="span", metavar="DURATION", help="for how long, such as 30d; default for good"
    )
    made["forget"].add_argument("--device", metavar="DEVICE", help="all that is known of a device")
    made["import"].add_argument(
        "model", type=Path, metavar="FILE", help="a model, ours or upstream's"
    )
    made["export"].add_argument("model", type=Path, metavar="FILE", help="where the model goes")
    for each in made.values():
        options.add_config(each)
        options.add_setting(each, "run.state")
        options.add_json(each)
        options.add_presentation(each)


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    config = options.settings(args)
    _DOES[args.action](args, config, terminal)
    return Exit.OK


def _list(args: Namespace, config: Config, terminal: Terminal) -> None:
    known, seen, pending, dismissals = _opened(config)
    apps = app_rows(known, seen, rare=args.rare)
    waiting = [
        {
            "id": f"{PENDING}{app.number}",
            "noticed": app.noticed,
            "first": app.first,
            "last": app.last,
            "devices": len(app.devices),
            "flows": app.n_flows,
            "batches": app.n_batches,
            "elements": sorted(app.core),
        }
        for app in sorted(pending.apps, key=lambda app: (app.noticed is None, -app.last))
    ]
    told = [
        {
            "number": one.number,
            "elements": list(one.elements),
            "names": list(one.names),
            "devices": list(one.devices),
            "reason": one.reason,
            "made": one.made,
            "until": one.until,
        }
        for one in dismissals.dismissals
    ]
    if args.json:
        terminal.json({"pending": waiting, "known": apps, "dismissals": told})
        return
    most = None if args.all else _MOST
    terminal.table(
        f"{len(waiting)} pending apps",
        ("id", "noticed", "first", "last", "devices", "flows", "what is new"),
        [
            (
                app["id"],
                *(time_text(app[when]) for when in ("noticed", "first", "last")),
                *(app["devices"], app["flows"], _few(app["elements"])),
            )
            for app in waiting[:most]
        ],
    )
    terminal.table(
        f"{len(apps)} known apps",
        ("id", "label", "first", "last", "devices", "flows", "sightings", "elements"),
        [
            (
                *(app["id"], app["label"], time_text(app["first"]), time_text(app["last"])),
                *(app["devices"], app["flows"], app["sightings"], _few(app["elements"])),
            )
            for app in apps[:most]
        ],
    )
    terminal.table(
        f"{len(told)} dismissals",
        ("number", "until", "what", "reason"),
        [
            (
                *(one["number"], time_text(one["until"]) or "for good"),
                *(_few([*one["names"], *one["devices"], *one["elements"]]), one["reason"]),
            )
            for one in told[:most]
        ],
    )


def _few(elements: list[str], most: int = 3) -> str:
    more = f" +{len(elements) - most}" if len(elements) > most else ""
    return ", ".join(map(shown, elements[:most])) + more


def _show(args: Namespace, config: Config, terminal: Terminal) -> None:
    known, seen, pending, _ = _opened(config)
    waiting = {f"{PENDING}{app.number}": sorted(app.core) for app in pending.apps}
    results = []
    for name in args.apps:
        if name not in waiting and name not in known:
            raise UsageError(f"no app {name}: see apps list")
        elements = waiting.get(name) or list(known[name].elements)
        nearest = [
            {"id": key, "label": known[key].label, "similarity": similarity}
            for key, similarity in known.similar(elements, 6)
            if key != name
        ]
        results.append({"id": name, "elements": element_rows(elements, seen), "nearest": nearest})
    if args.json:
        terminal.json({"apps": results})
        return
    for one in results:
        rows = one["elements"]
        terminal.table(
            f"App {one['id']}",
            ("element", "first", "last", "sightings", "devices"),
            [
                (
                    *(shown(row["element"]), time_text(row["first"]), time_text(row["last"])),
                    *(row["sightings"], row["devices"]),
                )
                for row in rows
            ],
        )
        terminal.table(
            "Nearest known apps",
            ("id", "label", "similarity"),
            [(near["id"], near["label"], f"{near['similarity']:.2f}") for near in one["nearest"]],
        )


def _opened(config: Config) -> tuple[KnownApps, SeenElements, Any, Any]:
    held = Snapshot(Path(config.run.state)).parts("known", "seen", "pending", "dismissals")
    known, seen = KnownApps(config.model.max_fingerprints), SeenElements()
    known.restore(held[0])
    seen.restore(held[1])
    return known, seen, held[2], held[3]


def _ask(args: Namespace, config: Config, terminal: Terminal) -> None:
    answer = asked(config, _request(args), terminal)
    if args.json:
        terminal.json({"done": answer})
    else:
        terminal.line(answer)


def _request(args: Namespace) -> Request:
    """Return what the options ask for."""
    if args.action == "label":
        return Label(args.apps, args.label)
    if args.action == "allow":
        return Allow(args.dismissals)
    if args.action == "forget":
        if (args.device is None) == (not args.apps):
            raise UsageError("forget: give apps, or --device DEVICE")
        return Forget(args.apps) if args.device is None else ForgetDevice(args.device)
    names = _texts("--names", args.names, many(server_name()))
    devices = _texts("--devices", args.devices, many(network(mac=True)))
    if not (args.apps or names or devices):
        raise UsageError("dismiss: give apps, --names or --devices")
    return Dismiss(args.apps, names, devices, args.reason, span_of(args.span))


def _texts(option: str, text: str | None, kind: Any) -> list[str]:  # noqa: ANN401  a kind of lists
    if text is None:
        return []
    try:
        return list(kind.parse(text))
    except RefusedError as error:
        raise UsageError(f"{option} must be {kind.allowed}; not {error.args[0]!r}") from None


def _import(args: Namespace, config: Config, terminal: Terminal) -> None:
    model = store.read(args.model)
    fits_logs(model, args.model)
    rows = [] if model.seen is None else list(model.seen)
    answer = asked(config, Import(model.apps, rows, store.certificate_of(model) or ""), terminal)
    if args.json:
        terminal.json({"done": answer})
    else:
        terminal.line(answer)


def _export(args: Namespace, config: Config, terminal: Terminal) -> None:
    names = ("known", "seen", "browsers", "certificate")
    known, seen, browsers, certificate = Snapshot(Path(config.run.state)).parts(*names)
    site = Site(KnownApps(config.model.max_fingerprints))
    site.known.restore(known)
    site.seen.restore(seen)
    site.browsers = type(site.browsers).from_dict(browsers)
    apps = [app for _, app in site.known]
    model = store.Model(
        parameters_of(config),
        config.detect.threshold,
        certificate or "sha256",
        apps,
        site.seen,
        site.browsers,
    )
    store.write(args.model, model)
    result = {"output": str(args.model), "known": len(apps), "elements": len(site.seen)}
    if args.json:
        terminal.json(result)
    else:
        terminal.line(f"{len(apps)} known apps written to {args.model}")


_ACTIONS = (
    ("list", "pending and known apps, and dismissals"),
    ("show", "the elements of apps, and the known apps they resemble"),
    ("label", "give apps a label; a pending one is known from then on"),
    ("dismiss", "pending apps, names or devices are nothing new"),
    ("allow", "take dismissals back"),
    ("forget", "apps, or a device, as if they had never been seen"),
    ("import", "take in what a model knows"),
    ("export", "write what is known as a model"),
)
_DOES: dict[str, Callable[[Namespace, Config, Terminal], None]] = {
    "list": _list,
    "show": _show,
    "label": _ask,
    "dismiss": _ask,
    "allow": _ask,
    "forget": _ask,
    "import": _import,
    "export": _export,
}
