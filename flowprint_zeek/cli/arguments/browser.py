"""Options of ``browser``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.choices import FOREST_SEED
from flowprint_zeek.cli import options

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME = "browser"
HELP = (
    "The paper's browser detector: a random forest on how destinations and bytes of a device "
    "change over five seconds. Train it on labelled flows, apply it to logs. The pipeline does "
    "not use it: it tells browsers by their clients. docs/paper.md has figures of both."
)

BROWSING = ("browsing", "browser")
"""Labels of browsers' flows, as composed sites and simulated networks have them."""

ACTIONS = {
    "train": "train a detector on labelled flows",
    "apply": "tell which flows of logs are a browser's",
}
"""What each action does."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    made = options.add_actions(parser, ACTIONS, "train or apply")
    _add_train(made["train"])
    apply = made["apply"]
    options.add_logs(apply)
    apply.add_argument("--model", type=Path, required=True, metavar="FILE", help="detector")
    apply.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="TSV of uid and whether it is a browser's"
    )
    for each in made.values():
        each.add_argument("--labels", type=Path, metavar="FILE", help="TSV of uid and label")
        each.add_argument(
            "--browsing",
            nargs="+",
            default=list(BROWSING),
            metavar="LABEL",
            help=f"labels of browsers' flows; default {' '.join(BROWSING)}",
        )
        options.add_config(each)
        options.add_json(each)
        options.add_presentation(each)


def _add_train(train: ArgumentParser) -> None:
    options.add_logs(train, required=False)
    train.add_argument("-o", "--output", type=Path, required=True, metavar="FILE", help="detector")
    train.add_argument(
        "--captures",
        type=Path,
        metavar="MANIFEST",
        help="instead of LOGS: captures as evaluate takes them, each of one label",
    )
    train.add_argument(
        "--seed",
        type=int,
        default=FOREST_SEED,
        metavar="SEED",
        help=f"seed of the forest; default {FOREST_SEED}",
    )
    options.add_setting(train, "fingerprint.scheme")
