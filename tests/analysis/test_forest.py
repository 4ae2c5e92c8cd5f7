"""Forests as data: equal to those that grew, and safe to read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from sklearn.ensemble import (  # type: ignore[import-untyped] # it has no type hints
    RandomForestClassifier,
)

from flowprint_zeek.analysis.forest import Forest

if TYPE_CHECKING:
    from flowprint_zeek.core.arrays import Floats


@pytest.fixture(scope="module")
def grown() -> Any:
    """Grow a forest on what is hard to tell apart."""
    random = np.random.default_rng(4)
    rows = np.concatenate([random.normal(0, 1, (150, 4)), random.normal(0.7, 1e4, (150, 4))])
    # Equal rows of both classes make leaves of both.
    rows[::5] = np.round(rows[::5] / 1e5)
    forest = RandomForestClassifier(10, random_state=1)
    return forest.fit(rows, np.arange(300) >= 150)


def rows(seed: int) -> Floats:
    """Return rows near and far from those that trained."""
    random = np.random.default_rng(seed)
    scale = np.array([1, 1e4, 1e12])[random.integers(3, size=(500, 1))]
    scaled: Floats = random.normal(0, 1, (500, 4)) * scale
    return scaled


def test_it_says_what_the_grown_one_says(grown: Any) -> None:
    """Of any rows, also of those on a threshold."""
    thresholds = np.array([one.tree_.threshold[:3] for one in grown.estimators_]).ravel()
    edge = np.repeat(thresholds[:, None], 4, axis=1)
    forest = Forest.of(grown)
    for given in (rows(1), rows(2), edge):
        assert grown.predict(given).tolist() == forest.says(given).tolist()


def test_json_keeps_it(grown: Any) -> None:
    """What is written and read again is the same to the last bit."""
    forest = Forest.of(grown)
    again = Forest.from_list(json.loads(json.dumps(forest.to_list())), 4)
    assert forest.to_list() == again.to_list()


def tree(**changed: object) -> dict[str, object]:
    """Return a tree of a question and two leaves."""
    held: dict[str, object] = {"feature": [0, -1, -1], "threshold": [0.5, 0, 0]}
    held |= {"left": [1, 0, 0], "right": [2, 0, 0], "share": [0.5, 0, 1]}
    return held | changed


def test_a_tree_of_hand() -> None:
    """At most the threshold goes left."""
    forest = Forest.from_list([tree()], 1)
    assert forest.says(np.array([[0.4], [0.5], [0.6]])).tolist() == [False, False, True]


DAMAGED = {
    "no list": ({}, "trees is {}"),
    "no trees": ([], "trees is"),
    "no tree": ([7], "tree 0 is 7"),
    "a key more": ([tree(more=[])], "tree 0 is"),
    "no nodes": ([tree(feature=[])], "has no nodes"),
    "no column": ([tree(left=3)], "left of tree 0 is 3"),
    "a short column": ([tree(share=[0.5])], "share of tree 0 is"),
    "words": ([tree(threshold=["a", 0, 0])], "threshold of tree 0 is"),
    "true": ([tree(threshold=[True, 0, 0])], "threshold of tree 0 is"),
    "not finite": ([tree(threshold=[float("nan"), 0, 0])], "threshold of tree 0 is"),
    "a loop": ([tree(left=[0, 0, 0])], "leads nowhere"),
    "beyond the end": ([tree(right=[3, 0, 0])], "leads nowhere"),
    "half a node": ([tree(right=[1.5, 0, 0])], "leads nowhere"),
    "a feature too many": ([tree(feature=[1, -1, -1])], "leads nowhere"),
    "a negative feature": ([tree(feature=[-2, -1, -1])], "leads nowhere"),
    "a share over 1": ([tree(share=[0, 0, 2])], "leads nowhere"),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_what_is_no_forest_is_refused(name: str) -> None:
    """The message says where; nothing can make it run for ever."""
    given, message = DAMAGED[name]
    with pytest.raises(ValueError, match=message):
        Forest.from_list(given, 1)
