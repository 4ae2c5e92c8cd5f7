"""Options of ``tune``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.choices import FOLDS, SCORE, SCORES
from flowprint_zeek.cli import options
from flowprint_zeek.cli.arguments import captures

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME = "tune"
HELP = (
    "Search for the parameters that tell labelled captures (MANIFEST, as evaluate takes it; with a "
    "column split only what trains) apart best: as the paper does, one parameter at a time over "
    "its values, by cross-validation, or over any grid. What was chosen on these captures looks "
    "better on them than on others: see docs/evaluation.md."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("manifest", type=Path, metavar="MANIFEST", help="labelled captures")
    _add_search(parser)
    _add_score(parser)
    group = parser.add_argument_group("results")
    group.add_argument(
        "--results",
        type=Path,
        metavar="FILE",
        help="keep every finished setting there; a later run goes on where this one stopped",
    )
    group.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write the chosen parameters for --config"
    )
    group.add_argument(
        "--workers",
        type=int,
        default=1,
        metavar="N",
        help="processes that compute; results are the same for any number; default 1",
    )
    options.add_times(parser)
    options.add_parameters(parser, default="where the search begins; default {default}")
    options.add_config(parser)
    options.add_json(parser)


def _add_search(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("search")
    group.add_argument(
        "--grid",
        action="append",
        metavar="KEY=V1,V2,…",
        help="values of a setting of the section fingerprint, such as window=10s,30s; once for "
        "each; all combinations are tried; default the paper's values, one parameter at a time",
    )
    group.add_argument(
        "--one-at-a-time",
        action="store_true",
        help="with --grid: one parameter at a time, as the paper does, not all combinations",
    )
    captures.add_stripping(group)


def _add_score(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("score")
    group.add_argument(
        "--score",
        choices=tuple(SCORES),
        default=SCORE,
        help=f"what is looked for, by flow; default {SCORE}",
    )
    group.add_argument(
        "--assigned-only",
        action="store_true",
        help="leave flows in no fingerprint out, as evaluate does; otherwise they count as not "
        "named and as not found",
    )
    captures.add_method(group)
    group.add_argument("--folds", type=int, default=FOLDS, metavar="K", help=f"default {FOLDS}")
    group.add_argument(
        "--nested",
        action="store_true",
        help="also score the choice on captures that had no part in it: choose anew without each "
        "fold, which takes K + 1 times as long",
    )
    group.add_argument(
        "--unseen-apps",
        type=int,
        metavar="N",
        help="unseen apps drawn a repetition; default as evaluate",
    )
    group.add_argument(
        "--repetitions",
        type=int,
        metavar="R",
        help="repeat with seeds SEED, SEED + 1 …, and take the mean; default as evaluate",
    )
    captures.add_seed(group)
