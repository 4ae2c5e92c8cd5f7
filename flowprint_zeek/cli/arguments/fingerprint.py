"""Options of ``fingerprint``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.cli import options
from flowprint_zeek.cli.arguments import fingerprinted

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME = "fingerprint"
HELP = (
    "Make fingerprints of whole captures, labelled or not. Every part of a connection counts, "
    "also what a live sensor learns too late. FILE gets them as JSON, which upstream reads too."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    options.add_logs(parser, required=False)
    labels = fingerprinted.add_output(parser)
    labels.add_argument("--labels", type=Path, metavar="FILE", help="TSV of uid and label")
    fingerprinted.add_split(parser)
    prepared = fingerprinted.add_prepared(parser)
    prepared.add_argument(
        "-r", "--read", type=Path, nargs="+", metavar="FILE", help="instead of LOGS"
    )
    options.add_parameters(parser)
    options.add_config(parser)
    options.add_json(parser)
