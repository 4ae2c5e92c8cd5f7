"""Options of ``calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.choices import FALSE_RATE, LEVELS
from flowprint_zeek.cli import options
from flowprint_zeek.cli.arguments import captures

if TYPE_CHECKING:
    from argparse import ArgumentParser, _ArgumentGroup

NAME = "calibrate"
HELP = (
    "Find the threshold for a wanted false rate: on labelled captures (MANIFEST, as evaluate takes "
    "it; with a column split only what trains) or labelled fingerprint files. Or, with "
    "--learn-until or --learn-for, on the LOGS of a site without labels: learn their first part, "
    "watch the rest, and forecast the notices a day at each threshold."
)

_SETTINGS = (
    *("notice.max_per_day", "notice.repeat_after", "detect.min_novel", "detect.min_flows"),
    *("stream.disorder", "stream.chunk_rows"),
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument(
        "inputs", nargs="*", metavar="MANIFEST|LOGS", help="labelled captures, or a site's logs"
    )
    _add_labelled(parser.add_argument_group("labelled captures or fingerprints"))
    _add_site(parser)
    options.add_times(parser)
    options.add_parameters(parser, default="default {default}, or that of the fingerprint files")
    options.add_config(parser)
    options.add_json(parser)


def _add_labelled(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--fingerprints",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="labelled fingerprint files instead of captures",
    )
    goal = group.add_mutually_exclusive_group()
    goal.add_argument(
        "--false-rate",
        type=options.share,
        metavar="R",
        help=f"share of what is known that may be flagged; default {FALSE_RATE:g}",
    )
    goal.add_argument("--best-f1", action="store_true", help="the threshold of the best F1 instead")
    group.add_argument(
        "--per",
        choices=("fingerprint", *(one for one in LEVELS if one != "fingerprint")),
        default="fingerprint",
        help="what rates count; default fingerprint",
    )
    captures.add_stripping(group)
    group.add_argument(
        "-o",
        "--output",
        type=Path,
        metavar="FILE",
        help="write a fingerprint file with the calibrated thresholds",
    )


def _add_site(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("a site without labels")
    options.add_learning(group, others=", watch the others")
    for key in _SETTINGS:
        options.add_setting(group, key)
