"""Options of ``status``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowprint_zeek.cli import options

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME = "status"
HELP = (
    "Tell what a daemon does now and what needs a person, whether it runs or not: what it last "
    "told is in its state. It ends with code 0 also where something needs a person."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    options.add_config(parser)
    options.add_setting(parser, "run.state")
    parser.add_argument(
        "--max-age",
        type=options.duration,
        metavar="DURATION",
        help="fail unless a daemon runs that told something within so long, for health checks",
    )
    options.add_json(parser)
