"""Rows as tables and as JSON, with the versions of what was measured."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from importlib.metadata import PackageNotFoundError, version
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from benchmarks.harness import Case, Row

PACKAGES = ("flowprint-zeek", "numpy", "scipy", "pandas", "networkx", "flowprint")
"""Packages whose versions a report names; `flowprint` is upstream."""


def environment(*others: str) -> dict[str, str | int]:
    """Return versions, those of other packages too, and the number of CPUs."""
    found: dict[str, str | int] = {"python": platform.python_version()}
    for name in (*PACKAGES, *others):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            found[name] = "none"
    return found | {"cpus": os.cpu_count() or 0}


def versions(*others: str) -> str:
    """Return what `environment` returns as a line of text."""
    return ", ".join(f"{name} {value}" for name, value in environment(*others).items())


def as_json(rows: Iterable[Row], parameters: dict[str, Any]) -> dict[str, Any]:
    """Return what was asked for, where, and every row, ready for JSON.

    Returns
    -------
    dict
        ``parameters``, ``environment`` and ``rows``: the fields of `benchmarks.harness.Row` and
        ``agrees``.
    """
    return {
        "parameters": parameters,
        "environment": environment(),
        "rows": [asdict(row) | {"agrees": row.agrees} for row in rows],
    }


def tables(rows: Sequence[Row], cases: Iterable[Case]) -> str:
    """Return a Markdown table for each case, ratios first, below a line of versions."""
    about = {case.name: case.about for case in cases}
    lines = [versions(), ""]
    for name, group in groupby(rows, key=lambda row: row.case):
        own = list(group)
        lines += [f"**{name}**: {about[name]}. Ours: {own[0].ours}; other: {own[0].other}.", ""]
        lines += markdown(_header(own), [_cells(row) for row in own])
        lines += ["", *_remarks(own)]
        if any(row.stages for row in own):
            lines += ["Share of each stage in the time of ours:", ""]
            lines += [*_stages(own), ""]
    return "\n".join(lines)


def _header(rows: Sequence[Row]) -> list[str]:
    unit = rows[0].unit
    header = ["size", "times as fast", "lowest to highest", "answers agree"]
    header += [
        f"µs a {unit}: ours",
        "other",
        f"{unit}s a second: ours",
        "other",
        "kernel",
        "rounds",
    ]
    return header + ["MB: input", "peak"] * any(row.memory for row in rows)


def _cells(row: Row) -> list[str]:
    cells = [
        short(row.size),
        figures(row.ratio),
        f"{figures(row.lowest)} to {figures(row.highest)}",
        "" if row.agreement is None else _percent(row.agreement),
        figures(row.cost_ours),
        figures(row.cost_other),
        short(1e6 / row.cost_ours),
        short(1e6 / row.cost_other),
        f"{row.kernel_ours:.0%}",
        str(row.rounds),
    ]
    return cells + [f"{value:.0f}" for value in row.memory.values()]


def _stages(rows: Sequence[Row]) -> list[str]:
    names = list(dict.fromkeys(name for row in rows for name in row.stages))
    cells = [[short(row.size), *(f"{row.stages.get(n, 0):.0%}" for n in names)] for row in rows]
    return markdown(["size", *names], cells)


def _remarks(rows: Sequence[Row]) -> Iterator[str]:
    """Say how far answers may differ, and where they differ more."""
    if rows[0].why:
        yield f"Answers must agree in {rows[0].least:.0%}: {rows[0].why}."
        yield ""
    for row in rows:
        if not row.agrees:
            yield f"ANSWERS DIFFER at size {short(row.size)}: {row.agreement} of them agree."
            yield ""


def markdown(header: Sequence[str], rows: Iterable[Sequence[str]]) -> list[str]:
    """Return the lines of a Markdown table, all columns to the right."""
    lines = [header, *rows]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, ["-" * (width - 1) + ":" for width in widths])
    return ["| " + " | ".join(map(str.rjust, cells, widths)) + " |" for cells in lines]


def _percent(share: float) -> str:
    """Return a share in percent, cut to two decimals: only what is whole reads 100."""
    return f"{int(share * 10_000) / 100:.2f} %"


def figures(value: float) -> str:
    """Return a number with two significant digits, or all that stand before the point."""
    if value >= 10:
        return f"{value:.0f}"
    return f"{value:.1f}" if value >= 1 else f"{value:.2g}"


def short(value: float) -> str:
    """Return a count with k or M: 300, 1 k, 12 k, 1.2 M."""
    for unit, name in ((1_000_000, " M"), (1000, " k")):
        if value >= unit:
            return figures(value / unit).removesuffix(".0") + name
    return f"{value:.0f}"
