"""What `tune` tells: a Table III of one's own captures, and every value that was tried."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.tuning.search import PAPER, PUBLISHED

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from flowprint_zeek.analysis.captures import Captures
    from flowprint_zeek.analysis.tuning.cells import Cell, Task
    from flowprint_zeek.analysis.tuning.search import Score, Values
    from flowprint_zeek.analysis.tuning.tuned import Nested, Tuned
    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.core.fingerprint import Parameters

_BEST = 20
"""Rows of a grid that are shown."""


def as_json(
    args: Namespace,
    task: Task,
    left_out: int,
    start: Parameters,
    values: Values,
    score: Score,
    found: Tuned,
) -> dict[str, object]:
    """Return what was tried and chosen as one object."""
    plan = task.plans[0]
    parameters = asdict(start) | {
        "score": score.name,
        "assigned_only": args.assigned_only,
        "method": args.method,
        "grid": values,
        "one_at_a_time": args.one_at_a_time or not args.grid,
        "folds": len(plan.repetitions[0].folds),
        "unseen_apps": args.unseen_apps,
        "repetitions": len(plan.repetitions),
        "seed": args.seed,
        "nested": args.nested,
        "strip_certificates": args.strip_certificates,
    }
    steps = [
        {"parameter": step.parameter, "parameters": asdict(step.best.parameters)}
        | {"score": score.of(step.best.figures)}
        for step in found.steps
    ]
    return {
        "parameters": parameters,
        "captures": len(task.captures.rows),
        "captures_left_out": left_out,
        "apps": task.captures.labels,
        "steps": steps,
        "cells": [_cell(one, score) for one in found.cells],
        "chosen": _cell(found.chosen, score),
        "nested": None if found.nested is None else _nested(found.nested, score),
        "output": args.output,
    }


def _cell(cell: Cell, score: Score) -> dict[str, object]:
    return {
        "parameters": asdict(cell.parameters),
        "score": score.of(cell.figures),
        "figures": cell.figures,
        "fingerprints": cell.fingerprints,
        "flows": cell.flows,
        "unassigned": cell.unassigned,
    }


def _nested(nested: Nested, score: Score) -> dict[str, object]:
    return {
        "score": score.of(nested.figures),
        "figures": nested.figures,
        "chosen": [asdict(one) for one in nested.chosen],
    }


def show(
    args: Namespace,
    task: Task,
    left_out: int,
    values: Values,
    score: Score,
    found: Tuned,
    terminal: Terminal,
) -> None:
    """Write tables: every value, Table III, what was chosen."""
    _show_captures(task.captures, left_out, terminal)
    if found.steps[0].parameter == "grid":
        _show_grid(found, values, score, terminal)
    else:
        _show_steps(task, found, values, score, terminal)
    chosen = ", ".join(
        f"{name} {_value(getattr(found.chosen.parameters, name))}" for name in _names(values)
    )
    same = all(
        getattr(found.chosen.parameters, name) == getattr(PUBLISHED, name)
        for name in _names(values)
    )
    terminal.line(f"chosen: {chosen}{' (the published defaults)' if same else ''}")
    if found.nested is not None:
        _show_nested(found.nested, values, score, terminal)
    if args.output is not None:
        terminal.line(f"configuration: {args.output}")


def _show_captures(captures: Captures, left_out: int, terminal: Terminal) -> None:
    said = f"; {left_out} to test are left out" if left_out else ""
    flows, apps = len(captures.flows), len(captures.labels)
    terminal.line(f"{len(captures.rows)} captures of {apps} apps, {flows} flows{said}")


def _show_steps(task: Task, found: Tuned, values: Values, score: Score, terminal: Terminal) -> None:
    """Write every value that was tried, and Table III."""
    told = (score.name.replace("_", " "), "unassigned", "fingerprints")
    rows: list[list[object]] = [
        [
            *(step.parameter, _value(getattr(cell.parameters, step.parameter))),
            *_told(cell, score),
            "best" if cell is step.best else "",
        ]
        for step in found.steps[1:]
        for cell in step.tried
    ]
    title = "Values, the other parameters as chosen so far"
    terminal.table(title, ("parameter", "value", *told, ""), rows)
    names = _names(values)
    rows = [
        [step.parameter or "start", *_values(step.best, names), *_told(step.best, score)]
        for step in found.steps
    ]
    title = f"Table III of these captures, {len(task.plans[0].repetitions[0].folds)} folds"
    terminal.table(title, ("best", *names, *told), rows)


def _show_grid(found: Tuned, values: Values, score: Score, terminal: Terminal) -> None:
    names = _names(values)
    best = found.chosen

    def place(cell: Cell) -> tuple[bool, float]:
        value = score.of(cell.figures)
        return cell is not best, 1.0 if value is None else -value

    ordered = sorted(found.cells, key=place)
    rows = [[*_values(cell, names), *_told(cell, score)] for cell in ordered[:_BEST]]
    title = f"Best of {len(ordered)} settings, the chosen one first"
    columns = (*names, score.name.replace("_", " "), "unassigned", "fingerprints")
    terminal.table(title, columns, rows)


def _show_nested(nested: Nested, values: Values, score: Score, terminal: Terminal) -> None:
    told = _number(score.of(nested.figures)) or "-"
    terminal.line(
        f"chosen without each fold and scored on it: {score.name.replace('_', ' ')} {told}"
    )
    names = _names(values)
    counts: dict[tuple[str, ...], int] = {}
    for one in nested.chosen:
        key = tuple(_value(getattr(one, name)) for name in names)
        counts[key] = counts.get(key, 0) + 1
    rows = [[*key, n] for key, n in sorted(counts.items(), key=lambda one: (-one[1], one[0]))]
    terminal.table("What was chosen without a fold", (*names, "folds"), rows)


def _names(values: Values) -> list[str]:
    """Return the paper's four parameters, then what else was varied."""
    return [*PAPER, *(name for name in values if name not in PAPER)]


def _values(cell: Cell, names: Sequence[str]) -> list[str]:
    return [_value(getattr(cell.parameters, name)) for name in names]


def _told(cell: Cell, score: Score) -> list[object]:
    return [_number(score.of(cell.figures)), cell.unassigned, cell.fingerprints]


def _value(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.10g}"


def _number(value: float | None) -> str | None:
    return None if value is None else f"{value:.4f}"
