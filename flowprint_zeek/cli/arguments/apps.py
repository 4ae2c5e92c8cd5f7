"""Options of ``apps``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.cli import options

if TYPE_CHECKING:
    from argparse import ArgumentParser

NAME = "apps"
HELP = (
    "Show what a daemon knows and what waits for a decision, and decide. Pending apps are called "
    "p1, p2 …, known ones by the id of their fingerprint. It works on the state that run.state "
    "names, whether the daemon runs or not."
)

MOST = 50
"""Rows of each kind that are listed without --all."""

ACTIONS = {
    "list": "pending and known apps, and dismissals",
    "show": "the elements of apps, and the known apps they resemble",
    "label": "give apps a label; a pending one is known from then on",
    "dismiss": "pending apps, names, devices or groups of devices are nothing new",
    "allow": "take dismissals back",
    "forget": "apps, or a device, as if they had never been seen",
    "import": "take in what a model knows",
    "export": "write what is known as a model",
}
"""What each action does."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    made = options.add_actions(parser, ACTIONS, "what to show or to decide")
    made["list"].add_argument("--all", action="store_true", help=f"not only {MOST} of each kind")
    made["list"].add_argument(
        "--rare", action="store_true", help="known apps with the rarest names first, for review"
    )
    for name in ("show", "label", "dismiss", "forget"):
        many_apps = "*" if name in {"dismiss", "forget"} else "+"
        made[name].add_argument("apps", nargs=many_apps, metavar="APP", help="p12, or a known app")
    made["label"].add_argument(
        "--as", dest="label", required=True, metavar="NAME", help="the label"
    )
    _add_dismissal(made["dismiss"])
    made["allow"].add_argument("dismissals", nargs="+", type=int, metavar="NUMBER")
    made["forget"].add_argument("--device", metavar="DEVICE", help="all that is known of a device")
    made["import"].add_argument(
        "model", type=Path, metavar="FILE", help="a model, ours or upstream's"
    )
    made["export"].add_argument(
        "--pseudonyms", action="store_true", help="give devices other names, which tell nothing"
    )
    made["export"].add_argument("model", type=Path, metavar="FILE", help="where the model goes")
    for each in made.values():
        options.add_config(each)
        options.add_setting(each, "run.state")
        options.add_json(each)
        options.add_presentation(each)


def _add_dismissal(parser: ArgumentParser) -> None:
    add = parser.add_argument
    add("--names", metavar="NAME,...", help="names that are nothing new; *.example.com too")
    add("--devices", metavar="CIDR,...", help="devices of which nothing is raised")
    add("--groups", metavar="NAME,...", help="groups of device.names of which nothing is raised")
    add("--reason", default="", metavar="TEXT", help="why, for people")
    add(
        "--for", dest="span", metavar="DURATION", help="for how long, such as 30d; default for good"
    )
