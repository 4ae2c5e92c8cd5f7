"""Options of ``flow2vec fit`` and ``flow2vec search``."""

from __future__ import annotations

from argparse import ArgumentTypeError
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from flowprint_zeek.analysis.flow2vec.choices import (
    FIELDS,
    LONGEST,
    MOST_COUNTED,
    PRESETS,
    TRAINING,
)
from flowprint_zeek.cli import options
from flowprint_zeek.kinds import RefusedError, duration, integer, number

if TYPE_CHECKING:
    from argparse import ArgumentParser, _ArgumentGroup
    from collections.abc import Callable

    from flowprint_zeek.kinds import Kind

T = TypeVar("T")

_MOST_SIZE = 4_096


def whole(least: int, most: int | None = None) -> Callable[[str], int]:
    """Return what reads a whole number of an option."""
    if most is None:
        return _reads(integer(least))
    kind = number(f"a whole number from {least} to {most}", lambda value: least <= value <= most)

    def read(text: str) -> int:
        value = _reads(kind)(text)
        if value != int(value):
            raise ArgumentTypeError(f"{text!r} is not {kind.allowed}")
        return int(value)

    return read


def _reads(kind: Kind[T]) -> Callable[[str], T]:
    def read(text: str) -> T:
        try:
            return kind.parse(text)
        except RefusedError as error:
            raise ArgumentTypeError(f"{text!r} is not {kind.allowed}") from error

    return read


TRAINED: dict[str, tuple[Callable[[str], Any], str]] = {
    "size": (whole(1, _MOST_SIZE), "length of a vector"),
    "window": (whole(1, LONGEST), "flows on either side that are a flow's neighbours"),
    "negative": (whole(1, 100), "tokens drawn against each neighbour"),
    "sample": (
        _reads(number("a number from 0 to below 1", lambda value: 0 <= value < 1)),
        "share of all flows over which flows of a token are skipped at random, 0 for never",
    ),
}
"""What training goes by and search tries, how it is read and what it is."""

COUNTS: dict[str, tuple[Callable[[str], Any], str]] = {
    "epochs": (whole(1, 10_000), "times that the sentences are gone through"),
    "min_count": (whole(1), "flows that a token has at least"),
    "seed": (whole(0), "seed of all chance"),
}
"""What else training goes by."""

GRID: dict[str, tuple[float, ...]] = {
    "size": (32, 64),
    "window": (5, 10, 20),
    "negative": (5,),
    "sample": (0.001, 0.0001),
}
"""What search tries by default."""


def add_fit(parser: ArgumentParser) -> None:
    """Add the options of ``fit``."""
    options.add_logs(parser)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="MODEL", help="where the model goes"
    )
    parser.add_argument(
        "--model",
        type=Path,
        metavar="MODEL",
        help="go on from this model: its tokens stay, new ones come to them",
    )
    _add_corpus(parser)
    group = parser.add_argument_group("training")
    for name, (read, text) in (TRAINED | COUNTS).items():
        _add_number(group, name, read, text)
    group.add_argument(
        "--workers",
        type=whole(1, 64),
        default=1,
        metavar="N",
        help="threads; default 1, and with more, vectors differ from run to run",
    )
    options.add_config(parser)
    options.add_json(parser)


def add_search(parser: ArgumentParser) -> None:
    """Add the options of ``search``."""
    options.add_logs(parser)
    _add_corpus(parser)
    group = parser.add_argument_group("what is tried, every combination")
    for name, (read, text) in TRAINED.items():
        default = " ".join(f"{value:g}" for value in GRID[name])
        group.add_argument(
            option(name), type=read, nargs="+", metavar="N", help=f"{text}; default {default}"
        )
    group = parser.add_argument_group("training")
    for name, (read, text) in COUNTS.items():
        _add_number(group, name, read, text)
    options.add_config(parser)
    options.add_json(parser)


def _add_number(group: _ArgumentGroup, name: str, read: Callable[[str], Any], text: str) -> None:
    default = f"{getattr(TRAINING, name):g}"
    group.add_argument(option(name), type=read, metavar="N", help=f"{text}; default {default}")


def option(name: str) -> str:
    """Return the option of a number of training."""
    return f"--{name.replace('_', '-')}"


def _add_corpus(parser: ArgumentParser) -> None:
    group = parser.add_argument_group("tokens and sentences")
    presets = ", ".join(f"{name} ({','.join(held)})" for name, held in PRESETS.items())
    group.add_argument(
        "--tokens",
        metavar="FIELDS",
        help=f"what a flow's token is: {presets}, or some of {', '.join(FIELDS)}, joined by "
        "commas; default destination",
    )
    group.add_argument(
        "--sentence",
        type=_reads(duration(zero=False)),
        metavar="DURATION",
        help="a sentence is what a device does in so long; default 60s",
    )
    group.add_argument(
        "--sentence-flows",
        type=whole(2, LONGEST),
        metavar="N",
        help="a sentence is so many flows of a device instead",
    )
    _add_flows(group)


def _add_flows(group: _ArgumentGroup) -> None:
    group.add_argument(
        "--together", action="store_true", help="sentences of all devices, not of each"
    )
    group.add_argument(
        "--everyone",
        action="store_true",
        help="every connection counts, of whatever host and protocol, answered or not",
    )
    group.add_argument(
        "--labels",
        type=Path,
        metavar="FILE",
        help="TSV of uid and label; default: the column label of the logs, where they have it",
    )
    group.add_argument(
        "--max-tokens",
        type=whole(2),
        default=MOST_COUNTED,
        metavar="N",
        help=f"tokens held in memory; the rarest are let go beyond; default {MOST_COUNTED}",
    )
