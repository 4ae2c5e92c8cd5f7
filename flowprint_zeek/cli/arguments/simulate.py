"""Options of ``simulate``."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.parameters import NetworkParameters
from flowprint_zeek.cli import options
from flowprint_zeek.cli.arguments import compose

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME = "simulate"
HELP = (
    "Write conn, ssl, x509, dns and http logs of simulated devices and apps, with --exported also "
    "those of the Zeek package. labels.tsv tells the "
    "app of every connection, planted.tsv the apps that appear late. Equal seeds give equal bytes. "
    "Whatever is measured on these logs is a simulated figure. With --compose, captures of apps "
    "and logs of a browsing user are laid over each other instead."
)

COUNTS = {
    "seed": "seed of everything",
    "devices": "phones, laptops and servers",
    "apps": "known apps",
    "unseen_apps": "apps that appear late",
    "browsers": "devices with a browsing user",
    "servers": "devices that are servers",
    "things": "devices that do one thing, such as meters and cameras",
}

SHARES = {
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
    """Add the options of a network; `cli.simulate.network` returns it."""
    group = parser.add_argument_group("network")
    defaults = {field.name: field.default for field in fields(NetworkParameters)}
    for kind, named in ((int, COUNTS), (float, SHARES)):
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
