"""Options of ``recognize`` and ``detect``: training files, and what is tested."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.cli import options

if TYPE_CHECKING:
    from argparse import ArgumentParser


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options of training and testing."""
    parser.add_argument(
        "-t", "--train", type=Path, nargs="+", required=True, metavar="FILE", help="known apps"
    )
    parser.add_argument(
        "-e",
        "--test",
        nargs="+",
        required=True,
        metavar="FILE|LOGS",
        help="fingerprints as JSON, or Zeek logs (each argument a capture of its own)",
    )
    options.add_times(parser)
    options.add_parameters(parser, default="default that of the training files")
    options.add_config(parser)
    options.add_json(parser)
