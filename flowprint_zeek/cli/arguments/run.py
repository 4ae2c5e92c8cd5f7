"""Options of ``run``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowprint_zeek.cli import options

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME = "run"
HELP = (
    "Follow the logs of a running Zeek, learn what is known, and write notices of unseen apps, "
    "until SIGTERM or Ctrl-C. SIGHUP reads the settings again. Everything is set in the file of "
    "--config; see its section run."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    options.add_config(parser)
    parser.add_argument(
        "--check", action="store_true", help="check the settings and what they name, and exit"
    )
    group = parser.add_argument_group("what is followed and written")
    for key in ("logs", "archives", "state", "output", "mode", "model", "metrics"):
        options.add_setting(group, f"run.{key}")
    options.add_json(parser)
