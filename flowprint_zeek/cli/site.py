"""``evaluate --site``: what an operator of a simulated or composed site feels."""

from __future__ import annotations

import os
from dataclasses import asdict
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.choices import METHODS
from flowprint_zeek.analysis.site import (
    SETTINGS,
    THOUSAND_DAYS,
    SiteResult,
    causes,
    evaluate_site,
    found,
)
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.config import SETTINGS as KEYS
from flowprint_zeek.config import load
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config

GIVEN = "as given"
"""Name of the settings without any of --vary."""

_FOREIGN: dict[str, object] = {
    **dict.fromkeys(("manifest", "train", "test", "folds", "unseen_apps", "repetitions")),
    **dict.fromkeys(("plots", "since", "until")),
    **dict.fromkeys(("fingerprints", "both_ways", "leave_one_out"), False),
    **dict.fromkeys(("strip_certificates", "baselines", "curve", "table_iv"), False),
    "seed": 0,
    "min_flows": 1,
    "method": METHODS[0],
}
"""Options of the other evaluations, with their defaults."""

_FEW = 10


def execute(args: Namespace, terminal: Terminal) -> int:
    """Evaluate a site with each variant.

    Raises
    ------
    UsageError
        An option does not go with a site, or a variant is none.
    ConfigError
        A setting is unknown or out of range.
    LogError
        The folder is no site.
    """
    _check(args)
    configs = _configs(args)
    results = {}
    with terminal.progress("settings", total=len(configs)) as advance:
        for name, config in configs.items():
            results[name] = evaluate_site(args.site, config)
            advance()
    if args.json:
        told = {name: result.to_dict() | _planted(result) for name, result in results.items()}
        terminal.json({"parameters": configs[GIVEN].to_dict(), "site": args.site, "settings": told})
    else:
        _show(results, terminal)
    return Exit.OK


def _check(args: Namespace) -> None:
    for name, default in _FOREIGN.items():
        if getattr(args, name) != default:
            option = "MANIFEST" if name == "manifest" else f"--{name.replace('_', '-')}"
            raise UsageError(f"{option} does not go with --site")


def _configs(args: Namespace) -> dict[str, Config]:
    """Return the settings of each variant; the environment and options hold for all."""
    given = {key: value for key, value in vars(args).items() if key in KEYS and value is not None}
    variants: dict[str, dict[str, object]] = {GIVEN: {}}
    for pairs in args.vary or []:
        parts = [pair.partition("=") for pair in pairs]
        if not all(equals for _, equals, _ in parts):
            raise UsageError(f"--vary needs KEY=VALUE, not {' '.join(pairs)}")
        variants[" ".join(pairs)] = {key: value for key, _, value in parts}
    return {
        name: load(args.config, environ=os.environ, overrides=SETTINGS | given | varied)
        for name, varied in variants.items()
    }


def _planted(result: SiteResult) -> dict[str, object]:
    return {
        "planted": [asdict(one) | {"minutes": one.minutes} for one in result.apps],
        "planted_by_device": [asdict(one) | {"minutes": one.minutes} for one in result.pairs],
    }


def _show(results: dict[str, SiteResult], terminal: Terminal) -> None:
    first = results[GIVEN]
    columns = (
        *("setting", "false notices", "a device-hour", "per 1,000 device-days"),
        *("false fingerprints", "apps found", "by device", "minutes", "sessions"),
    )
    terminal.table(
        f"{first.devices} devices, {first.hours:g} hours of detection",
        columns,
        [_line(name, result) for name, result in results.items()],
    )
    cells = [(alarm.label, ", ".join(alarm.novel[:3])) for alarm in first.notices[:_FEW]]
    if cells:
        terminal.table(f"False notices, {GIVEN}", ("of", "new"), cells)
        terminal.table("New in most of them", ("name", "notices"), causes(first.notices, _FEW))


def _line(name: str, result: SiteResult) -> list[object]:
    hours = result.device_hours
    rate = len(result.notices) / hours if hours else None
    apps, pairs = found(result.apps), found(result.pairs)
    minutes = apps["median_minutes"]
    return [
        name,
        len(result.notices),
        None if rate is None else f"{rate:.2f}",
        None if rate is None else f"{rate * THOUSAND_DAYS:.0f}",
        len(result.flagged),
        f"{apps['found']}/{apps['planted']}",
        f"{pairs['found']}/{pairs['planted']}",
        None if minutes is None else f"{minutes:.0f}",
        apps["median_sessions"],
    ]
