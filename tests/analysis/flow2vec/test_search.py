"""Grid search and its score."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.flow2vec.search import grid, search
from flowprint_zeek.errors import LogError
from tests.analysis.flow2vec.small import SMALL, conn, made, two_apps

if TYPE_CHECKING:
    from pathlib import Path


def test_a_grid_is_every_combination() -> None:
    """In the order that values are given, the last field first."""
    found = grid(SMALL, {"size": (4, 8), "window": (1, 2)})
    assert [(one.size, one.window) for one in found] == [(4, 1), (4, 2), (8, 1), (8, 2)]
    assert {one.seed for one in found} == {SMALL.seed}


def test_the_best_comes_first(tmp_path: Path) -> None:
    """Settings that learn beat settings that do not: pairs of an app are nearer than drawn ones."""
    corpus = made(tmp_path, two_apps())
    tries = [replace(SMALL, sample=1e-9), replace(SMALL, epochs=40)]
    steps: list[int] = []
    best, worst = search(corpus, tries, lambda: steps.append(1))
    assert best.settings == tries[1]
    assert best.score > worst.score + 0.1
    assert 0 < best.error < 0.05
    assert len(steps) == 2


def test_a_search_is_the_same_twice(tmp_path: Path) -> None:
    """The seed draws the pairs too."""
    corpus = made(tmp_path, two_apps(minutes=20))
    assert search(corpus, [SMALL]) == search(corpus, [SMALL])


def test_too_few_sentences_are_an_error(tmp_path: Path) -> None:
    """What cannot be tested is not trained."""
    with pytest.raises(LogError, match="too few sentences to test on: 1"):
        search(made(tmp_path, [conn(1, 1, 1), conn(2, 1, 2)]), [SMALL])
