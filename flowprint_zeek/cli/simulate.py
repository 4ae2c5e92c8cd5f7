"""``simulate``: write logs of a simulated network or of a composed site, with the truth."""

from __future__ import annotations

from dataclasses import asdict, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowprint_zeek.analysis.archive import LEAST_ROTATION, write, write_logs
from flowprint_zeek.analysis.simulate import Network, Simulated, simulate
from flowprint_zeek.cli import compose, options
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from flowprint_zeek.cli.terminal import Terminal

NAME = "simulate"
HELP = (
    "Write conn, ssl, x509, dns and http logs of simulated devices and apps, with --exported also "
    "those of the Zeek package. labels.tsv tells the "
    "app of every connection, planted.tsv the apps that appear late. Equal seeds give equal bytes. "
    "Whatever is measured on these logs is a simulated figure. With --compose, captures of apps "
    "and logs of a browsing user are laid over each other instead."
)

_COUNTS = {
    "seed": "seed of everything",
    "devices": "phones, laptops and servers",
    "apps": "known apps",
    "unseen_apps": "apps that appear late",
    "browsers": "devices with a browsing user",
    "servers": "devices that are servers",
    "things": "devices that do one thing, such as meters and cameras",
}
_SHARES = {
    "days": "length in days",
    "unseen_from": "days before which no late app is used; "
    "default: the last day, or the second half of a shorter network",
    "phone_browsing_share": "share of phones on which somebody browses",
    "activity": "how often people and systems do something, 1 for the usual",
    "tls13_share": "share of names that speak TLS 1.3 and hide their certificate",
    "resumed_share": "share of TLS 1.2 connections that resume and show no certificate",
}


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("output", type=Path, metavar="OUT", help="folder; it must hold no logs yet")
    add_network(parser)
    compose.add_arguments(parser)
    group = parser.add_argument_group("files")
    group.add_argument("--format", choices=("tsv", "json"), default="tsv", help="default tsv")
    group.add_argument(
        "--rotate",
        type=options.duration,
        default=3600.0,
        metavar="DURATION",
        help="start new files so often, at least 60s; 0 for one file a log; default 1h",
    )
    group.add_argument("--gzip", action="store_true", help="compress the logs")
    options.add_json(parser)


def add_network(parser: ArgumentParser) -> None:
    """Add the options of a network; `network` returns it."""
    group = parser.add_argument_group("network")
    defaults = {field.name: field.default for field in fields(Network)}
    for kind, named in ((int, _COUNTS), (float, _SHARES)):
        for name, text in named.items():
            said = "" if defaults[name] is None else f"; default {defaults[name]}"
            group.add_argument(
                f"--{name.replace('_', '-')}", type=kind, metavar="N", help=f"{text}{said}"
            )
    group.add_argument(
        "--no-client-fingerprints",
        action="store_const",
        const=True,
        help="leave the column ja4 out of ssl.log, as a stock Zeek does",
    )
    group.add_argument(
        "--exported",
        action="store_const",
        const=True,
        help="write flowprint_conn and flowprint_ssl logs too, as the Zeek package does; in which "
        "windows between its first and last a connection had packets is made up",
    )
    group.add_argument(
        "--start",
        type=options.instant,
        metavar="TIME",
        help="first moment, 1970 to 2099; default 2026-03-02",
    )


def network(args: Namespace) -> Network:
    """Return the network of the options that were given."""
    names = (*_COUNTS, *_SHARES, "start")
    given = {name: value for name in names if (value := getattr(args, name)) is not None}
    return made(**given, client_fingerprints=not args.no_client_fingerprints)


def made(**given: Any) -> Network:  # noqa: ANN401  parameters of Network
    """Return the network of some parameters.

    Raises
    ------
    UsageError
        A value is out of range; its option is named.
    """
    try:
        return Network(**given)
    except UsageError as error:
        raise UsageError(_as_options(error.message)) from error


def _as_options(message: str) -> str:
    """Return a message about a network in which its parameters are the options' names."""
    name, space, rest = message.partition(" ")
    if name == "start":
        return "--start must be from 1970-01-01 to 2100-01-01"
    return f"--{name.replace('_', '-')}{space}{rest}"


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    if args.rotate and args.rotate < LEAST_ROTATION:
        raise UsageError(f"--rotate must be 0 or at least {LEAST_ROTATION}s, not {args.rotate:g}s")
    compose.check(args, {*_COUNTS, *_SHARES, "no_client_fingerprints", "exported"} - {"seed"})
    form = {
        "format": args.format,
        "rotate": args.rotate if args.rotate > 0 else None,
        "compress": args.gzip,
    }
    with terminal.progress("simulate", total=2) as advance:
        if args.compose is None:
            simulated = simulate(network(args))
            advance()
            files = write(simulated, args.output, exported=bool(args.exported), **form)
            title, parameters, result = (
                "Simulated network",
                _parameters(simulated),
                sizes(simulated),
            )
        else:
            site = compose.composed(args, terminal)
            advance()
            files = write_logs(site.logs, site.truth, args.output, **form)
            title, parameters, result = (
                "Composed site",
                compose.parameters(site),
                compose.sizes(site),
            )
        advance()
    result = {"output": str(args.output), "files": len(files)} | result
    if args.json:
        terminal.json({"parameters": parameters} | result)
    else:
        rows = [(key.replace("_", " "), value) for key, value in result.items()]
        terminal.table(title, ("", ""), rows)
    return Exit.OK


def _parameters(simulated: Simulated) -> dict[str, object]:
    return asdict(simulated.network) | {"start": simulated.network.start / SECOND}


def sizes(simulated: Simulated) -> dict[str, object]:
    """Return how much was simulated."""
    return {
        "simulated": True,
        "conn_rows": len(simulated.conn),
        "ssl_rows": len(simulated.ssl),
        "x509_rows": len(simulated.x509),
        "dns_rows": len(simulated.dns),
        "http_rows": len(simulated.http),
        "devices": simulated.network.devices,
        "planted_apps": int(simulated.planted["app"].nunique()),
    }
