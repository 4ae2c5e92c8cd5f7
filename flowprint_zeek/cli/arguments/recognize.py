"""Options of ``recognize``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowprint_zeek.cli.arguments import matching

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME = "recognize"
HELP = (
    "Name the known app most similar to each fingerprint of --test. Parameters come from the "
    "training files; options that contradict them are errors."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    matching.add_arguments(parser)
