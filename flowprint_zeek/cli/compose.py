"""``simulate --compose``: recordings laid over each other."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.compose import Composed, Recipe, compose
from flowprint_zeek.analysis.manifest import read_manifest
from flowprint_zeek.analysis.recordings import read_recording
from flowprint_zeek.cli.arguments.compose import DURATIONS, GIVEN
from flowprint_zeek.core.flows import SECOND, microseconds
from flowprint_zeek.errors import UsageError
from flowprint_zeek.zeek.reader import ReadStats

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Collection

    from flowprint_zeek.cli.terminal import Terminal


def check(args: Namespace, of_network: Collection[str]) -> None:
    """Check that options of a composed site and of a network are not mixed.

    Raises
    ------
    UsageError
        They are.
    """
    mine = (*DURATIONS, *GIVEN)
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
    given = {name: getattr(args, name) for name in (*GIVEN, "seed", "start")}
    given |= {
        name: None if getattr(args, name) is None else microseconds(getattr(args, name))
        for name in DURATIONS
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
