"""Exact activity as text."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.windows import Windows, numbers_of, windows_text


def test_a_text_gives_back_what_it_was_made_of() -> None:
    """Width and numbers."""
    assert numbers_of(windows_text(30, [0, 2, 7])) == (30, [0, 2, 7])


@pytest.mark.parametrize(
    "text", ["30", "30:", ":0", "0:0", "30:1", "30:0,0", "30:0,5,2", "30:0,-1", "30:0, 1", "x:0"]
)
def test_what_is_no_text_of_windows(text: str) -> None:
    """A width and numbers that rise from 0, and nothing else."""
    with pytest.raises(ValueError, match="holds no windows"):
        numbers_of(text)


def test_windows_begin_at_their_edges_and_the_first_at_the_start() -> None:
    """Windows are counted from the one of the start, which begins with the flow."""
    texts = pd.Series(["10:0,3", "10:0", "4:0,1"], dtype=object)
    windows = Windows(ints([12, 20, -3]), texts)
    assert windows.times(ints([0, 1, 2])).tolist() == [12, 40, 20, -3, 0]
    assert windows.times(ints([2])).tolist() == [-3, 0]


@pytest.mark.parametrize("missing", ["", None, np.nan])
def test_a_flow_whose_windows_are_not_known_has_none(missing: object) -> None:
    """Whatever stands for it."""
    windows = Windows(ints([5, 5]), pd.Series(["10:0,1", missing], dtype=object))
    assert windows.size.tolist() == [2, 0]
