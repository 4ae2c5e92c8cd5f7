"""Grouping by sorting."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.core.arrays import ints, unique_pairs

WIDE = st.integers(-(1 << 62), 1 << 61) | st.integers(-3, 3)


@given(st.lists(st.tuples(WIDE, WIDE), max_size=8))
def test_unique_pairs_of_any_size(pairs: list[tuple[int, int]]) -> None:
    """Pairs are distinct and sorted, also where no one number of 64 bits holds both."""
    left, right = unique_pairs(ints([a for a, _ in pairs]), ints([b for _, b in pairs]))
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == sorted(set(pairs))
