"""Options of ``demo``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.cli import options

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME = "demo"
HELP = (
    "Simulate a small network for two days, learn the first, replay the second, in which new apps "
    "were planted, and show the notices beside the simulated truth. The logs, notice.log, "
    "flowprint.log and the model stay in a folder."
)

FOLDER = "flowprint-demo"
"""Where the demo goes by default."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="DIR",
        help=f"folder to make; default {FOLDER}, with a number where it exists",
    )
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="seed; default 1")
    options.add_config(parser)
    options.add_json(parser)
