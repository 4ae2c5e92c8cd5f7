"""Options of ``flow2vec``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.flow2vec.choices import MOST_DRAWN
from flowprint_zeek.cli import options
from flowprint_zeek.cli.arguments import fitting

if TYPE_CHECKING:
    from argparse import ArgumentParser
    from collections.abc import Callable

NAME = "flow2vec"
HELP = (
    "Flows as words: fit gives each token of a flow, such as its destination, a vector, so that "
    "what devices do together lies together; similar, cluster and plot show what does. It needs "
    "the extra flow2vec."
)

LISTED = 50
"""Clusters that are told without --all."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    texts = {name: text for name, (text, _) in ACTIONS.items()}
    for name, made in options.add_actions(parser, texts, "what to do").items():
        _, add = ACTIONS[name]
        add(made)
        options.add_presentation(made)


def _add_model(parser: ArgumentParser) -> None:
    parser.add_argument("model", type=Path, metavar="MODEL", help="what fit has written")


def _add_similar(parser: ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument("tokens", nargs="+", metavar="TOKEN", help="one, or several: their mean")
    parser.add_argument(
        "-n", type=fitting.whole(1), default=10, metavar="N", help="how many; default 10"
    )
    parser.add_argument(
        "--known",
        type=Path,
        metavar="FILE",
        help="also the nearest known apps of this fingerprint file, such as model.json of a "
        "replay; TOKENs are then elements, of which some may have no vector",
    )
    options.add_json(parser)


def _add_cluster(parser: ArgumentParser) -> None:
    _add_model(parser)
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        "-k", type=fitting.whole(1), metavar="K", help="clusters; default a fifth of the tokens"
    )
    group.add_argument(
        "--silhouette", action="store_true", help="as many clusters as part the tokens best"
    )
    parser.add_argument(
        "-o", "--output", type=Path, metavar="FILE", help="write every token's cluster as TSV"
    )
    parser.add_argument("--all", action="store_true", help=f"not only {LISTED} clusters")
    options.add_json(parser)


def _add_plot(parser: ArgumentParser) -> None:
    _add_model(parser)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="FILE", help="the HTML page"
    )
    parser.add_argument("--png", type=Path, metavar="FILE", help="also a picture")
    parser.add_argument(
        "--most",
        type=fitting.whole(4),
        default=MOST_DRAWN,
        metavar="N",
        help=f"tokens, the most frequent; default {MOST_DRAWN}",
    )
    parser.add_argument(
        "--colours",
        choices=("label", "cluster"),
        default="label",
        help="what colours tell; default label, where there are labels",
    )
    options.add_json(parser)


ACTIONS: dict[str, tuple[str, Callable[[ArgumentParser], None]]] = {
    "fit": ("learn vectors of tokens from logs, or go on learning", fitting.add_fit),
    "similar": ("the tokens nearest to some, and known apps", _add_similar),
    "cluster": ("k-means clusters of the tokens", _add_cluster),
    "plot": ("a picture of the tokens as an HTML page and PNG", _add_plot),
    "search": ("try settings of training on logs", fitting.add_search),
}
"""What each action does: in words, and its options."""
