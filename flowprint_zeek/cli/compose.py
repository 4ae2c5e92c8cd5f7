"""Options of ``simulate --compose`` and what they do: recordings laid over each other."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, get_args

from flowprint_zeek.analysis.compose import Browser, Composed, Recipe, compose
from flowprint_zeek.analysis.manifest import read_manifest
from flowprint_zeek.analysis.recordings import read_recording
from flowprint_zeek.cli import options
from flowprint_zeek.core.flows import SECOND, microseconds
from flowprint_zeek.errors import UsageError
from flowprint_zeek.zeek.reader import ReadStats

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace
    from collections.abc import Collection

    from flowprint_zeek.cli.terminal import Terminal

_DURATIONS = {
    "learn": "time in which the unseen app does not run; default 30m",
    "detect": "time after that; default 30m",
    "gap": "mean time between two starts of known apps on a phone; default 2m",
    "shift": "most that the background is shifted on a phone; default 5m",
}
_GIVEN = ("phones", "unseen", "background", "browser", "strip_certificates")


def add_arguments(parser: ArgumentParser) -> None:
    """Add the options."""
    defaults = Recipe()
    group = parser.add_argument_group("composed site, instead of a network")
    group.add_argument(
        "--compose",
        type=Path,
        metavar="MANIFEST",
        help="TSV with the columns path (Zeek logs of a capture), label (its app) and, where "
        "wanted, device (default: the local address with most flows); a split is not used. Only "
        "--seed and --start of a network's options count",
    )
    group.add_argument("--phones", type=int, metavar="N", help=f"phones; default {defaults.phones}")
    for name, text in _DURATIONS.items():
        group.add_argument(f"--{name}", type=options.duration, metavar="DURATION", help=text)
    group.add_argument(
        "--unseen", metavar="APP", help="app that runs after --learn only; default drawn by seed"
    )
    group.add_argument(
        "--background",
        metavar="LABEL",
        help="label of logs that run once over the whole time, where their device is busiest; "
        f"default {defaults.background}",
    )
    group.add_argument(
        "--browser",
        choices=get_args(Browser),
        help="the device of the background: on every phone, beside them as it is, or left out "
        f"with all of the background; default {defaults.browser}",
    )
    group.add_argument(
        "--strip-certificates",
        action="store_const",
        const=True,
        help="leave certificates out, as TLS 1.3 hides them",
    )


def check(args: Namespace, of_network: Collection[str]) -> None:
    """Check that options of a composed site and of a network are not mixed.

    Raises
    ------
    UsageError
        They are.
    """
    mine = (*_DURATIONS, *_GIVEN)
    wrong = mine if args.compose is None else of_network
    for name in wrong:
        if getattr(args, name) is not None:
            needs = "needs" if args.compose is None else "does not go with"
            raise UsageError(f"--{name.replace('_', '-')} {needs} --compose")


def composed(args: Namespace, terminal: Terminal) -> Composed:
    """Return the site that the options ask for, and warn of what is wrong with the logs.

    Raises
    ------
    UsageError
        An option is out of range, or the manifest lacks something.
    LogError
        The manifest or a log cannot be read.
    """
    recipe = _recipe(args)
    stats = ReadStats()
    recordings = [
        read_recording([row.path], row.label, row.device, stats=stats)
        for row in read_manifest(args.compose)
    ]
    for problem in stats.problems:
        terminal.warn(problem)
    return compose(recordings, recipe)


def _recipe(args: Namespace) -> Recipe:
    given = {name: getattr(args, name) for name in (*_GIVEN, "seed", "start")}
    given |= {
        name: None if getattr(args, name) is None else microseconds(getattr(args, name))
        for name in _DURATIONS
    }
    try:
        return Recipe(**{name: value for name, value in given.items() if value is not None})
    except UsageError as error:
        raise UsageError(f"--{error.message}") from error


def parameters(site: Composed) -> dict[str, object]:
    """Return how a site was made as JSON holds it; times in seconds."""
    times = ("learn", "detect", "gap", "shift", "start")
    recipe = site.recipe
    seconds = {name: getattr(recipe, name) / SECOND for name in times}
    return asdict(recipe) | seconds | {"unseen": site.unseen}


def sizes(site: Composed) -> dict[str, object]:
    """Return how much was composed."""
    return {
        "simulated": False,
        **{f"{log.kind}_rows": len(log.rows) for log in site.logs},
        "phones": len(site.phones),
        "sessions": len(site.sessions),
        "unseen_app": site.unseen,
    }
