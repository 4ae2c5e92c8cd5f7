"""Rows as tables and JSON."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from benchmarks.harness import Case, Contender, Pair, Row
from benchmarks.report import as_json, environment, short, tables

ROW = Row(
    case="toy",
    size=1000,
    unit="toy",
    ours="wood",
    other="tin",
    ratio=12.34,
    lowest=9.876,
    highest=20.0,
    agreement=0.999999,
    least=0.9,
    why="tin bends",
    rounds=3,
    work_ours=1000,
    work_other=1000,
    seconds_ours=0.002,
    seconds_other=0.02468,
    cost_ours=2.0,
    cost_other=24.68,
    kernel_ours=0.1,
    kernel_other=0.0,
)
TIN = Contender("tin", lambda: int, 1)
CASE = Case("toy", "toys in a row", "toy", (1000,), lambda _size, _seed: Pair(TIN, TIN))


def test_json_has_the_promised_keys() -> None:
    """Parameters, environment, and every field of every row."""
    found = json.loads(json.dumps(as_json([ROW], {"seed": 1})))

    assert {"parameters", "environment", "rows"} == set(found)
    assert {"seed": 1} == found["parameters"]
    assert {field.name for field in fields(Row)} | {"agrees"} == set(found["rows"][0])


def test_the_environment_names_versions_and_cpus_only() -> None:
    """Versions of what was measured and the number of CPUs, no host names."""
    packages = {"flowprint-zeek", "numpy", "scipy", "pandas", "networkx", "flowprint"}

    assert packages | {"python", "cpus"} == set(environment())


def test_a_table_has_ratios_first() -> None:
    """Size, ratio and its spread, agreement, then absolute figures."""
    lines = tables([ROW], [CASE]).splitlines()
    header, _, row = (
        [cell.strip() for cell in line.strip("|").split("|")] for line in lines if "|" in line
    )

    assert ["size", "times as fast", "lowest to highest", "answers agree"] == header[:4]
    assert ["1 k", "12", "9.9 to 20", "99.99 %", "2.0", "25", "500 k", "41 k"] == row[:8]
    assert "**toy**: toys in a row. Ours: wood; other: tin." in lines
    assert "Answers must agree in 90%: tin bends." in lines


def test_memory_and_stages_where_measured() -> None:
    """Columns of memory and a table of stages stand only where there are figures."""
    plain = tables([ROW], [CASE])
    full = tables([replace(ROW, memory={"input": 1, "peak": 2}, stages={"cut": 0.25})], [CASE])

    assert ["MB" in plain, "cut" in plain] == [False, False]
    assert ["MB" in full, "cut" in full, "25%" in full] == [True] * 3


def test_a_table_says_where_answers_differ() -> None:
    """Answers that differ more than they may are not overlooked."""
    assert "ANSWERS DIFFER" not in tables([ROW], [CASE])
    assert "ANSWERS DIFFER at size 1 k" in tables([replace(ROW, agreement=0.5)], [CASE])


@pytest.mark.parametrize(
    ("value", "text"),
    [(300, "300"), (1000, "1 k"), (12_345, "12 k"), (100_000, "100 k"), (1_234_567, "1.2 M")],
)
def test_short_counts(value: float, text: str) -> None:
    """Counts with k and M."""
    assert text == short(value)
