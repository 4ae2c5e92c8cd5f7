"""Options of ``doctor``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowprint_zeek.cli import options

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME = "doctor"
HELP = (
    "Look at Zeek, its logs and their columns, rights, disks and the daemon's state, and tell what "
    "is not as it is needed and what to do about it. Nothing is changed, and no script of Zeek is "
    "run. It ends with code 0 also where there are problems."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    options.add_config(parser)
    group = parser.add_argument_group("what is looked at")
    for key in ("logs", "archives", "state", "output"):
        options.add_setting(group, f"run.{key}")
    group.add_argument(
        "--zeek",
        metavar="PROGRAM",
        help="Zeek, a name on PATH or a path; default zeek, there or where it is mostly installed",
    )
    parser.add_argument(
        "--strict", action="store_true", help="end with code 9 where there is a problem"
    )
    options.add_json(parser)
