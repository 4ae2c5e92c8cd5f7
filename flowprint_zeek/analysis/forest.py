"""Random forests as data: what scikit-learn grew, applied and kept without it.

A pickle runs whatever its writer wants. Here a tree is arrays of numbers, kept as JSON and checked
when read: a file can make a forest wrong, and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass
from reprlib import repr as short
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.core.arrays import ints

if TYPE_CHECKING:
    from flowprint_zeek.core.arrays import Bools, Floats, Ints

LEAF = -1
"""Feature of a node that asks nothing."""

_MOST_TREES = 1000
_MOST_NODES = 1_000_000
_KEYS = ("feature", "threshold", "left", "right", "share")


@dataclass(frozen=True, slots=True)
class Tree:
    """A decision tree of two classes; node 0 is the root.

    Attributes
    ----------
    feature, threshold : ndarray of shape (n_nodes,)
        What a node asks: whether this feature is at most this; `LEAF` asks nothing.
    left, right : ndarray of shape (n_nodes,)
        Node to go to where it is, and where it is not: a later one.
    share : ndarray of shape (n_nodes,)
        Share of the positive class among what trained a leaf.
    """

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    share: Floats

    def shares(self, rows: Floats) -> Floats:
        """Return the share of the leaf of each row."""
        node = np.zeros(len(rows), dtype=np.int64)
        inner = np.flatnonzero(self.feature[node] != LEAF)
        while inner.size:
            at = node[inner]
            low = rows[inner, self.feature[at]] <= self.threshold[at]
            node[inner] = np.where(low, self.left[at], self.right[at])
            inner = inner[self.feature[node[inner]] != LEAF]
        return self.share[node]


@dataclass(frozen=True, slots=True)
class Forest:
    """A random forest of two classes.

    Parameters
    ----------
    trees : tuple of Tree
        Its trees.
    """

    trees: tuple[Tree, ...]

    @classmethod
    def of(cls, classifier: Any) -> Forest:  # noqa: ANN401  # scikit-learn has no types
        """Return the forest of a fitted ``RandomForestClassifier`` of False and True."""
        return cls(tuple(_tree(one.tree_) for one in classifier.estimators_))

    def says(self, rows: Floats) -> Bools:
        """Tell which rows are of the positive class: more than half of the votes say so.

        Parameters
        ----------
        rows : ndarray of shape (n, n_features)
            Features; compared in single precision, as they were when the forest grew.
        """
        # What scikit-learn compares with its thresholds.
        single = rows.astype(np.float32).astype(np.float64)
        no, yes = np.zeros((2, len(rows)))
        for tree in self.trees:
            share = tree.shares(single)
            yes += share
            no += 1 - share
        result: Bools = yes > no
        return result

    def to_list(self) -> list[dict[str, list[float]]]:
        """Return the trees as JSON holds them."""
        return [{key: getattr(tree, key).tolist() for key in _KEYS} for tree in self.trees]

    @classmethod
    def from_list(cls, given: object, n_features: int) -> Forest:
        """Return the forest that JSON holds.

        Raises
        ------
        ValueError
            It is none, or asks for features that there are not.
        """
        if not isinstance(given, list) or not 0 < len(given) <= _MOST_TREES:
            raise ValueError(f"trees is {short(given)}")
        return cls(tuple(_checked(one, n_features, at) for at, one in enumerate(given)))


def _tree(grown: Any) -> Tree:  # noqa: ANN401  # scikit-learn has no types
    leaf = grown.children_left < 0
    votes = grown.value[:, 0, :]
    return Tree(
        ints(np.where(leaf, LEAF, grown.feature)),
        np.where(leaf, 0.0, grown.threshold),
        ints(np.where(leaf, 0, grown.children_left)),
        ints(np.where(leaf, 0, grown.children_right)),
        votes[:, 1] / votes.sum(axis=1),
    )


def _checked(given: object, n_features: int, number: int) -> Tree:
    """Return a tree that surely ends at a leaf, whatever a file says."""
    if not isinstance(given, dict) or set(given) != set(_KEYS):
        raise ValueError(f"tree {number} is {short(given)}")
    size = len(given["feature"]) if isinstance(given["feature"], list) else 0
    if not 0 < size <= _MOST_NODES:
        raise ValueError(f"tree {number} has no nodes, or too many")
    columns = {key: _numbers(given[key], size, f"{key} of tree {number}") for key in _KEYS}
    whole = {key: columns[key].astype(np.int64) for key in ("feature", "left", "right")}
    tree = Tree(threshold=columns["threshold"], share=columns["share"], **whole)
    node, inner = np.arange(size), tree.feature != LEAF
    right = all((whole[key] == columns[key]).all() for key in whole)
    right &= bool(((tree.feature >= LEAF) & (tree.feature < n_features)).all())
    right &= bool(((tree.share >= 0) & (tree.share <= 1)).all())
    for child in (tree.left, tree.right):
        right &= bool(((child > node) & (child < size))[inner].all())
    if not right:
        raise ValueError(f"tree {number} has a node that leads nowhere")
    return tree


def _numbers(given: object, size: int, what: str) -> Floats:
    numbers = isinstance(given, list) and all(type(one) in (int, float) for one in given)
    if not numbers or not isinstance(given, list) or len(given) != size:
        raise ValueError(f"{what} is {short(given)}")
    if not all(abs(one) < 1e300 for one in given):
        raise ValueError(f"{what} is {short(given)}")
    return np.array(given, dtype=np.float64)
