"""Options of ``explain``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.cli import options

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME = "explain"
HELP = (
    "Tell what a notice rests on: the elements and why each counts, the known apps it resembles, "
    "its connections, and what finds them in Zeek's logs. NOTICE-ID is id in the sub of the "
    "notice, or its first digits. Without one, the last notices are listed."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("notice", nargs="?", metavar="NOTICE-ID", help="id in sub of the notice")
    _add_embedding(parser)
    options.add_config(parser)
    options.add_setting(parser, "run.state")
    options.add_json(parser)


def _add_embedding(parser: ArgumentParser) -> None:
    parser.add_argument(
        "--embedding",
        type=Path,
        metavar="MODEL",
        help="a model of flow2vec fit --tokens element, which names what lies near; default: "
        "setting notice.embedding",
    )
