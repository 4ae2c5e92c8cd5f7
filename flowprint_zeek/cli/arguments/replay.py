"""Options of ``replay``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.cli import options

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME = "replay"
HELP = (
    "Run archived logs through the pipeline that also serves live logs: learn what is known, then "
    "write notices of unseen apps. DIR gets notice.log, flowprint.log and model.json."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    options.add_logs(parser)
    parser.add_argument(
        "-o", "--output", type=Path, required=True, metavar="DIR", help="where the results go"
    )
    group = parser.add_argument_group("what is known")
    group.add_argument("--model", type=Path, metavar="FILE", help="start from what this file knows")
    options.add_learning(group)
    options.add_parameters(parser, default="default that of --model, else {default}")
    group = parser.add_argument_group("detection and output")
    for key in (
        "detect.min_score",
        "detect.min_novel",
        "detect.min_flows",
        "notice.max_per_day",
        "notice.repeat_after",
        "notice.format",
        "log.rows",
        "stream.disorder",
        "stream.chunk_rows",
    ):
        options.add_setting(group, key)
    parser.add_argument(
        "--workers",
        type=int,
        choices=(1, 2),
        default=1,
        help="processes; with 2 one reads and joins and one judges, sooner on two cores and with "
        "the same results; default 1",
    )
    options.add_config(parser)
    options.add_json(parser)
