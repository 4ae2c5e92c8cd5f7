"""Options of ``detect``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowprint_zeek.cli.arguments import matching

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME = "detect"
HELP = (
    "Tell which fingerprints of --test are of unseen apps, as the paper does: those whose "
    "similarity to every known one is below the threshold. replay asks more before it says so."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    matching.add_arguments(parser)
    parser.add_argument(
        "--threshold",
        type=float,
        metavar="SIMILARITY",
        help="least similarity of a known app, 0 to 1; default: the training file's",
    )
