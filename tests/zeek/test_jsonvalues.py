"""Columns of JSON values."""

from __future__ import annotations

from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.zeek import jsonvalues
from flowprint_zeek.zeek.columns import UNSET
from flowprint_zeek.zeek.jsonvalues import column_of

if TYPE_CHECKING:
    from collections.abc import Sequence

NUMBERS = st.one_of(
    st.integers(-(2**70), 2**70),
    st.integers(-5, 70_000),
    st.floats(),
    st.floats(-2e9, 2e9),
    st.sampled_from([10**11, 10**11 - 1, 1e11, 1e12, 1e15, UNSET, 2**63, -0.0, 0.1234565]),
)
CELLS = {
    **dict.fromkeys(["time", "interval", "count", "port", "double"], NUMBERS),
    "string": st.text(max_size=4),
    "addr": st.sampled_from(["192.0.2.1", "2001:db8::1", "", "nobody"]),
    "bool": st.booleans(),
    "vector[string]": st.lists(st.text(max_size=2), max_size=2),
}
OTHERS = st.sampled_from([None, True, 7, 1.5, "x", "2026-01-01T00:00:00Z", ["x"], {"a": 1}])


@given(data=st.data(), zeek_type=st.sampled_from(sorted(CELLS)), odd=st.booleans())
def test_a_column_at_once_is_as_cell_by_cell(
    data: st.DataObject, zeek_type: str, *, odd: bool
) -> None:
    """Values, dtypes and what is refused do not depend on what else the column holds."""
    cell = st.one_of(CELLS[zeek_type], OTHERS) if odd else st.one_of(CELLS[zeek_type], st.none())
    cells: Sequence[object] = data.draw(st.lists(cell, max_size=5))
    values, wrong = column_of(cells, zeek_type)
    with patch.object(jsonvalues, "_whole", return_value=None):
        one_by_one, refused = column_of(cells, zeek_type)
    assert values.dtype == one_by_one.dtype
    assert np.array_equal(values, one_by_one, equal_nan=zeek_type == "double")
    assert wrong == refused


@pytest.mark.parametrize(
    ("zeek_type", "cells"),
    [
        ("time", [1.5, None, 2]),
        ("interval", [0.25, None]),
        ("count", [7, None, 2**63 - 1]),
        ("port", [443, None, 0]),
        ("bool", [True, None, False]),
        ("string", ["a", None, "é"]),
        ("addr", ["192.0.2.1", None, "2001:db8::1"]),
    ],
)
def test_columns_without_oddities_are_taken_at_once(zeek_type: str, cells: list[object]) -> None:
    """No value is looked at alone."""
    with patch.object(jsonvalues, "_cell_reader", side_effect=AssertionError):
        values, wrong = column_of(cells, zeek_type)
    assert len(values) == len(cells)
    assert wrong == {}
