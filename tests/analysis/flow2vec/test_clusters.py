"""Clusters of tokens."""

from __future__ import annotations

import numpy as np
import pytest

from flowprint_zeek.analysis.flow2vec import clusters
from flowprint_zeek.analysis.flow2vec.clusters import (
    by_silhouette,
    candidates,
    clustered,
    silhouette,
)
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.errors import UsageError
from tests.analysis.flow2vec.small import embedding

CHANCE = np.random.default_rng(1)
CENTRES = np.eye(4)
NUMBER = np.repeat(np.arange(4), [9, 7, 5, 3])
MODEL = embedding(
    (CENTRES[NUMBER] * 3 + CHANCE.normal(0, 0.1, (24, 4))).tolist(), [f"t{at}" for at in range(24)]
)


def test_what_lies_together_is_a_cluster() -> None:
    """Four groups of directions are four clusters, the largest first."""
    assert clustered(MODEL, 4).number.tolist() == NUMBER.tolist()


def test_k_is_a_fifth_of_the_vocabulary() -> None:
    """As in the document; a tiny vocabulary is one cluster."""
    assert clustered(MODEL).k == 4
    assert clustered(embedding([[1, 0], [0, 1]])).k == 1


def test_clusters_are_the_same_twice() -> None:
    """The seed of the model draws what is drawn."""
    first, again = clustered(MODEL, 7), clustered(MODEL, 7)
    assert first.number.tolist() == again.number.tolist()
    assert sorted(set(first.number.tolist())) == list(range(first.k))


def test_the_silhouette_chooses_k() -> None:
    """Of the numbers that are tried, the one that parts the groups is taken."""
    found = by_silhouette(MODEL)
    assert list(found.silhouettes) == candidates(24) == [2, 4, 8]
    assert max(found.silhouettes, key=found.silhouettes.__getitem__) == 4
    assert found.number.tolist() == NUMBER.tolist()


def test_no_more_clusters_are_tried_than_a_sample_can_tell() -> None:
    """Of a million tokens no half a million clusters are made."""
    assert max(candidates(1_000_000)) == clusters.SAMPLED // 2
    assert candidates(4) == [2]


def test_a_silhouette_is_high_where_clusters_are_apart() -> None:
    """Right numbers are near 1, drawn ones near 0 or below, one cluster is the worst."""
    assert silhouette(MODEL.unit, ints(NUMBER)) > 0.9
    assert silhouette(MODEL.unit, ints(CHANCE.permutation(NUMBER))) < 0.1
    assert silhouette(MODEL.unit, ints(np.zeros(24))) == -1


def test_a_silhouette_of_many_tokens_is_of_a_sample(monkeypatch: pytest.MonkeyPatch) -> None:
    """Drawn by the seed, so it is the same twice."""
    monkeypatch.setattr(clusters, "SAMPLED", 12)
    values = {silhouette(MODEL.unit, ints(NUMBER), seed) for seed in (1, 1, 1)}
    assert len(values) == 1
    assert values.pop() > 0.9


def test_nearness_is_to_the_middle() -> None:
    """The cosine with the mean of the cluster, at most 1."""
    near = clustered(MODEL, 4).nearness
    assert near.max() <= 1 + 1e-6
    assert near.min() > 0.9


def test_many_clusters_begin_as_drawn_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where choosing centres with care would take hours they are drawn; tokens are parted still."""
    monkeypatch.setattr(clusters, "_PLAIN", 3)
    found = clustered(MODEL, 12)
    assert found.number.size == 24
    assert 4 <= found.k <= 12


def test_wrong_numbers_of_clusters_are_errors() -> None:
    """More clusters than tokens, and too few tokens to choose."""
    with pytest.raises(UsageError, match="-k must be at most 24"):
        clustered(MODEL, 25)
    with pytest.raises(UsageError, match="--silhouette needs four tokens; the model has 2"):
        by_silhouette(embedding([[1, 0], [0, 1]]))
