"""``evaluate --table-iv``: the paper's comparison with AppScanner."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowprint_zeek.analysis.lengths import package
from flowprint_zeek.analysis.scores import interval, mean
from flowprint_zeek.analysis.table_iv import FROM_LENGTHS, flow_features, n_trainings, table_iv
from flowprint_zeek.cli.evaluated import cell

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.analysis.captures import Captures
    from flowprint_zeek.analysis.evaluation import Contender
    from flowprint_zeek.analysis.rounds import Plan
    from flowprint_zeek.analysis.table_iv import Line
    from flowprint_zeek.cli.terminal import Terminal

_FIGURES = ("precision", "recall", "f1", "accuracy", "labelled")


def compared(
    captures: Captures, contenders: Sequence[Contender], plan: Plan, terminal: Terminal
) -> list[Line]:
    """Return the lines of the table.

    Raises
    ------
    UsageError
        The manifest names packet captures, and what reads them is not installed.
    LogError
        A packet capture cannot be read.
    """
    if captures.rows[0].packets:
        package()
    with terminal.progress("flows", total=len(captures.rows)) as advance:
        features = flow_features(captures, advance)
    n_methods = len(features) + sum(one.names for one in contenders)
    total = n_trainings(captures, plan, n_methods)
    with terminal.progress("table IV", total=total) as advance:
        return table_iv(contenders, features, captures, plan, advance)


def show(lines: Sequence[Line], terminal: Terminal) -> None:
    """Write the table; minima that the same apps have share a line."""
    known = any(line.method == FROM_LENGTHS for line in lines)
    said = "packet lengths, and totals of conn.log" if known else "totals of conn.log, no lengths"
    least: dict[int, list[int]] = {}
    for line in lines:
        minima = least.setdefault(line.apps, [])
        minima += [line.min_flows] if line.min_flows not in minima else []
    columns = ("apps with flows", "apps", "flows", "method", *_FIGURES)
    rows = [
        [
            " and ".join(f"≥ {at}" for at in least[line.apps]),
            *(line.apps, line.flows, line.method if line.apps else None),
            *(cell(mean(line.values[name]), interval(line.values[name])) for name in _FIGURES),
        ]
        for line in lines
        if line.min_flows == least[line.apps][0] and (line.apps or line.method == lines[0].method)
    ]
    terminal.table(f"Table IV: known apps recognised by flow (AppScanner of {said})", columns, rows)
