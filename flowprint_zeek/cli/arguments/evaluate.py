"""Options of ``evaluate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.choices import CONFIDENCE, FOLDS, MINIMA
from flowprint_zeek.cli import options
from flowprint_zeek.cli.arguments import captures

if TYPE_CHECKING:
    from argparse import ArgumentParser, _ArgumentGroup

NAME = "evaluate"
HELP = (
    "Measure on labelled captures how well apps are recognised and unseen ones found. MANIFEST is "
    "TSV with the columns path, label and, where wanted, split (train or test), device and packets "
    "(its pcap, for --table-iv). What the figures count stands in docs/evaluation.md."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    parser.add_argument("manifest", nargs="?", type=Path, metavar="MANIFEST", help="captures")
    group = parser.add_argument_group("fingerprint files instead of captures")
    group.add_argument(
        "--fingerprints", action="store_true", help="evaluate labelled fingerprint files"
    )
    group.add_argument("-t", "--train", type=Path, nargs="+", metavar="FILE", help="known apps")
    group.add_argument(
        "-e",
        "--test",
        type=Path,
        nargs="+",
        metavar="FILE",
        help="what is tested; apps that no training file has are unseen",
    )
    _add_site(parser)
    _add_protocol(parser)
    _add_results(parser)
    options.add_times(parser)
    options.add_parameters(parser, default="default {default}, or that of the training files")
    options.add_config(parser)
    options.add_json(parser)


def _add_results(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("fingerprints")
    captures.add_stripping(group)
    group.add_argument(
        "--min-flows",
        type=int,
        default=1,
        metavar="N",
        help="leave out fingerprints of fewer flows, counted; default 1",
    )
    group = parser.add_argument_group("methods")
    captures.add_method(group)
    group.add_argument(
        "--baselines",
        action="store_true",
        help="beside it plain Jaccard, upstream on the same flows, and any new registered domain",
    )
    group.add_argument(
        "--calibrate",
        action="store_true",
        help="figures at a threshold calibrated on what each training has, never on what is "
        "tested: that of the best F1 there, or for --false-rate; else the method's threshold",
    )
    group.add_argument(
        "--false-rate",
        type=options.share,
        metavar="R",
        help="calibrate for this share of known apps' fingerprints that may be flagged",
    )
    group = parser.add_argument_group("more results")
    group.add_argument(
        "--curve", action="store_true", help="recall of unseen apps against the number known"
    )
    _add_table_iv(group)
    group.add_argument("--plots", type=Path, metavar="DIR", help="write plots (PNG), and --curve")


def _add_protocol(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("training and testing")
    group.add_argument(
        "--folds",
        type=int,
        metavar="K",
        help=f"folds of cross-validation, without a column split; default {FOLDS}",
    )
    group.add_argument(
        "--both-ways", action="store_true", help="also train on the test captures and test the rest"
    )
    group.add_argument(
        "--leave-one-out",
        action="store_true",
        help="every app unseen in turn; default unless test captures have apps of their own, or "
        "there are over 20 apps or 20,000 fingerprints",
    )
    group.add_argument(
        "--unseen-apps",
        type=int,
        metavar="N",
        help="draw so many unseen apps a repetition; default with many: a quarter, at most 10",
    )
    group.add_argument(
        "--repetitions",
        type=int,
        metavar="R",
        help="repeat with seeds SEED, SEED + 1 … for means and confidence intervals; "
        "default 1, or 10 where apps are drawn, fewer with over 20,000 fingerprints",
    )
    captures.add_seed(group)


def _add_site(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("a whole site instead of captures")
    group.add_argument(
        "--site",
        type=Path,
        metavar="DIR",
        help="replay what simulate wrote there, and tell how many notices are false, and which "
        "planted apps are found and after how long",
    )
    group.add_argument(
        "--vary",
        action="append",
        nargs="+",
        metavar="KEY=VALUE",
        help="evaluate these settings too, such as detect.min_score=0.6; once for each variant",
    )


def _add_table_iv(group: _ArgumentGroup) -> None:
    least = ", ".join(map(str, MINIMA))
    group.add_argument(
        "--table-iv",
        action="store_true",
        help=f"apps recognised by flow, for apps with at least {least} flows, with AppScanner "
        f"beside: a random forest over single flows that names what it is {CONFIDENCE:g} sure of",
    )
