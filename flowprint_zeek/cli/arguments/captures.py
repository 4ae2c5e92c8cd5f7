"""Options that several commands on labelled captures have alike."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowprint_zeek.analysis.choices import METHODS

if TYPE_CHECKING:
    from argparse import _ArgumentGroup


def add_stripping(group: _ArgumentGroup) -> None:
    """Add ``--strip-certificates``."""
    group.add_argument(
        "--strip-certificates",
        action="store_true",
        help="as if every certificate were hidden: no certificates, nor names that only these told",
    )


def add_method(group: _ArgumentGroup) -> None:
    """Add ``--method``."""
    group.add_argument(
        "--method", choices=METHODS, default=METHODS[0], help=f"default {METHODS[0]}"
    )


def add_seed(group: _ArgumentGroup) -> None:
    """Add ``--seed``."""
    group.add_argument(
        "--seed", type=int, default=0, metavar="SEED", help="seed of what is drawn; default 0"
    )
