"""Options of ``pcap``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.cli import options
from flowprint_zeek.cli.arguments import fingerprinted
from flowprint_zeek.zeek.sensor import PROGRAM

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME = "pcap"
HELP = (
    "Run Zeek with the scripts of this project over packet captures, then make fingerprints of its "
    "logs as the command fingerprint does. The logs are kept with --logs only."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "captures", nargs="+", type=Path, metavar="FILE", help="packet captures: pcap, pcapng"
    )
    options.add_times(parser)
    parser.add_argument(
        "--by-file",
        action="store_true",
        help="each FILE is one device, called by its name without the ending, whatever its "
        "addresses are",
    )
    group = parser.add_argument_group("Zeek")
    group.add_argument(
        "--logs", type=Path, metavar="DIR", help="keep the logs of each NAME.pcap in DIR/NAME"
    )
    group.add_argument(
        "--zeek",
        default=PROGRAM,
        metavar="PROGRAM",
        help=f"Zeek, by name or path; default {PROGRAM} on PATH",
    )
    fingerprinted.add_output(parser)
    fingerprinted.add_split(parser)
    fingerprinted.add_prepared(parser)
    options.add_parameters(parser)
    options.add_config(parser)
    options.add_json(parser)
