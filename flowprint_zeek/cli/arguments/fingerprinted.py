"""Options of ``fingerprint`` and ``pcap``: what is made of a flow table."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from argparse import ArgumentParser, _ArgumentGroup

SEED = 42
"""Seed of the choice of flows for testing, that of the published package."""


def add_output(parser: ArgumentParser) -> _ArgumentGroup:
    """Add -o and --label; return the group of labels."""
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where they go")
    group = parser.add_argument_group("labels")
    group.add_argument("--label", metavar="NAME", help="label of all flows")
    return group


def add_split(parser: ArgumentParser) -> None:
    """Add --split, --random and --split-by."""
    group = parser.add_argument_group(
        "training and testing", "FILE NAME.json becomes NAME.train.json and NAME.test.json"
    )
    group.add_argument("-l", "--split", type=float, metavar="SHARE", help="share for testing")
    group.add_argument(
        "-a",
        "--random",
        type=int,
        metavar="SEED",
        help=f"seed of the choice; default {SEED}",
    )
    group.add_argument(
        "--split-by",
        choices=("batch", "flow"),
        help="what is chosen: whole batches, or single flows as upstream does; default batch",
    )


def add_prepared(parser: ArgumentParser) -> _ArgumentGroup:
    """Add --write; return the group of prepared flows."""
    group = parser.add_argument_group("prepared flows (Parquet)")
    group.add_argument(
        "--write", type=Path, metavar="FILE", help="keep the flows for fingerprint --read"
    )
    return group
