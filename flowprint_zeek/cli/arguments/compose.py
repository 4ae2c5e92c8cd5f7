"""Options of ``simulate --compose``: recordings laid over each other."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, get_args

from flowprint_zeek.analysis import choices
from flowprint_zeek.cli import options

if TYPE_CHECKING:
    from argparse import ArgumentParser

DURATIONS = {
    "learn": "time in which the unseen app does not run; default 30m",
    "detect": "time after that; default 30m",
    "gap": "mean time between two starts of known apps on a phone; default 2m",
    "shift": "most that the background is shifted on a phone; default 5m",
}
"""Durations of a composed site."""

GIVEN = ("phones", "unseen", "background", "browser", "strip_certificates")
"""Its other options, which a network has none of."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("composed site, instead of a network")
    group.add_argument(
        "--compose",
        type=Path,
        metavar="MANIFEST",
        help="TSV with the columns path (Zeek logs of a capture), label (its app) and, where "
        "wanted, device (default: the local address with most flows); a split is not used. Only "
        "--seed and --start of a network's options count",
    )
    group.add_argument("--phones", type=int, metavar="N", help=f"phones; default {choices.PHONES}")
    for name, text in DURATIONS.items():
        group.add_argument(f"--{name}", type=options.duration, metavar="DURATION", help=text)
    group.add_argument(
        "--unseen", metavar="APP", help="app that runs after --learn only; default drawn by seed"
    )
    group.add_argument(
        "--background",
        metavar="LABEL",
        help="label of logs that run once over the whole time, where their device is busiest; "
        f"default {choices.BACKGROUND}",
    )
    group.add_argument(
        "--browser",
        choices=get_args(choices.Browser),
        help="the device of the background: on every phone, beside them as it is, or left out "
        f"with all of the background; default {choices.BROWSER}",
    )
    group.add_argument(
        "--strip-certificates",
        action="store_const",
        const=True,
        help="leave certificates out, as TLS 1.3 hides them",
    )
