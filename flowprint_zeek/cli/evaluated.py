"""What ``evaluate`` writes: tables for people, and JSON."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.choices import LEVELS
from flowprint_zeek.analysis.curve import FALSE_RATE
from flowprint_zeek.analysis.methods import PlainJaccard
from flowprint_zeek.analysis.rounds import DRAWN, GIVEN
from flowprint_zeek.analysis.scores import RECOGNITION, interval, mean

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from flowprint_zeek.analysis.comparison import Result
    from flowprint_zeek.analysis.curve import Point
    from flowprint_zeek.analysis.rounds import Plan
    from flowprint_zeek.analysis.table_iv import Line
    from flowprint_zeek.cli.labelled import Labelled
    from flowprint_zeek.cli.terminal import Terminal

_MANY = 100
"""Captures above which the table has apps instead."""

_SHOWN = 0.0005
"""Half width of an interval that is shown."""

_UNSEEN = (
    *("precision", "recall", "f1", "threshold"),
    *("average_precision", "roc_auc", "best_f1", "best_threshold"),
)


def as_json(
    args: Namespace,
    given: Labelled,
    plan: Plan,
    results: Sequence[Result],
    curves: Mapping[str, Sequence[Point]],
    plots: Sequence[Path],
    lines: Sequence[Line],
) -> dict[str, object]:
    """Return all that was measured as one object."""
    plain = next((one for one in results if one.contender.method.name == PlainJaccard.name), None)
    methods = {one.contender.method.name: one.to_dict(plain) for one in results}
    first = results[0].contender.method.name
    parameters = asdict(given.parameters) | {
        "strip_certificates": args.strip_certificates,
        "min_flows": args.min_flows,
        "method": first,
        "calibrate": args.calibrate,
        "false_rate": args.false_rate,
        "unseen": plan.protocol,
        "unseen_apps": plan.unseen_apps,
        "repetitions": len(plan.repetitions),
        "seed": args.seed,
        "folds": len(plan.repetitions[0].folds),
        "both_ways": args.both_ways,
    }
    named = ("recognition", "unseen", "intervals", "tested")
    return {
        "parameters": parameters,
        **{name: methods[first][name] for name in named},
        "methods": methods,
        "curve": {name: [asdict(one) for one in points] for name, points in curves.items()},
        "table_iv": [line.to_dict() for line in lines],
        "apps": list(given.items.labels),
        "totals": given.totals,
        "captures": given.captures,
        "plots": list(plots),
    }


def show(
    given: Labelled,
    plan: Plan,
    results: Sequence[Result],
    curves: Mapping[str, Sequence[Point]],
    terminal: Terminal,
) -> None:
    """Write tables."""
    _show_captures(given, terminal)
    recognition = [name.replace("_", " ") for name in RECOGNITION]
    rows = _rows(results, "recognition", RECOGNITION)
    terminal.table("Known apps recognised", ("method", "by", *recognition), rows)
    unseen = [name.replace("_", " ") for name in _UNSEEN]
    rows = _rows(results, "unseen", _UNSEEN)
    terminal.table(f"Unseen apps found ({_protocol(plan)})", ("method", "by", *unseen), rows)
    if curves:
        title = f"Recall of unseen apps with {FALSE_RATE:.0%} of the known flagged"
        cells = [
            [
                name,
                point.known,
                *(cell(point.recall[level], point.intervals[level]) for level in LEVELS),
            ]
            for name, points in curves.items()
            for point in points
        ]
        terminal.table(title, ("method", "known apps", *LEVELS), cells)


def _show_captures(given: Labelled, terminal: Terminal) -> None:
    columns = [name for name in given.captures[0] if name not in ("path", "split", "device")]
    counts = columns[1:]
    if len(given.captures) <= _MANY:
        columns = list(given.captures[0])
        cells = [list(one.values()) for one in given.captures]
        title = "Captures"
    else:
        title = "Captures by app"
        cells = [
            [app, *(sum(int(str(one[name])) for one in own) for name in counts)]
            for app in given.items.labels
            if (own := [one for one in given.captures if one["label"] == app])
        ]
    terminal.table(title, [name.replace("_", " ") for name in columns], cells)
    totals = (f"{value} {name.replace('_', ' ')}" for name, value in given.totals.items())
    terminal.line(f"in all: {len(given.captures)} captures, {', '.join(totals)}")


def _protocol(plan: Plan) -> str:
    if plan.protocol == GIVEN:
        return "test apps that training does not have"
    if plan.protocol == DRAWN:
        times = len(plan.repetitions)
        return f"{plan.unseen_apps} of {plan.apps.size} apps drawn, {times} repetitions"
    return f"each of {plan.apps.size} apps left out in turn"


def _rows(results: Sequence[Result], kind: str, figures: Sequence[str]) -> list[list[object]]:
    return [
        [
            result.contender.method.name,
            level,
            *(cell(mean(values[name]), interval(values[name])) for name in figures),
        ]
        for result in results
        for level, values in result.values[kind].items()
    ]


def cell(value: float | None, between: list[float] | None) -> str | None:
    """Return a figure with half its interval as a person reads it."""
    if value is None:
        return None
    half = 0.0 if between is None else (between[1] - between[0]) / 2
    return f"{value:.3f} ± {half:.3f}" if half >= _SHOWN else f"{value:.3f}"
