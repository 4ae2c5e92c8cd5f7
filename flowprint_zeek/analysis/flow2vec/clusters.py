"""Clusters of tokens: k-means over their vectors, a few at a time.

The flow2vec document ran k-means on a part of its vectors, because the distances of all of them to
a fifth as many centres were over 16 GB. Here a batch of tokens is held against the centres at a
time: memory grows with the vocabulary, not with its square.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from sklearn.cluster import MiniBatchKMeans  # type: ignore[import-untyped] # it has no type hints
from sklearn.metrics import silhouette_score  # type: ignore[import-untyped] # the same

from flowprint_zeek.core.arrays import Floats, Ints, ints
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from flowprint_zeek.analysis.flow2vec.embedding import Embedding, Vectors

SHARE = 5
"""Tokens of a cluster on average, as in the flow2vec document: k is a fifth of the vocabulary."""

SAMPLED = 5_000
"""Tokens that a silhouette is computed of, drawn from more: its cost grows with their square."""

_BATCH = 1024
_PLAIN = 1_000
"""Clusters over which centres begin as drawn tokens: choosing them with care takes hours then."""


@dataclass(frozen=True, slots=True)
class Clusters:
    """Tokens in clusters.

    Attributes
    ----------
    number : ndarray of int, shape (n_tokens,)
        Cluster of each token, the largest first.
    nearness : ndarray of float, shape (n_tokens,)
        Cosine of each token and the mean of its cluster.
    silhouettes : dict of int to float
        By k that was tried: the mean silhouette, -1 to 1.
    """

    number: Ints
    nearness: Floats
    silhouettes: dict[int, float]

    @property
    def k(self) -> int:
        """How many clusters have tokens."""
        return int(self.number.max()) + 1


def clustered(model: Embedding, k: int | None = None) -> Clusters:
    """Return tokens in k clusters.

    Parameters
    ----------
    model : Embedding
        Vectors; lengths do not count, only directions.
    k : int, optional
        Clusters, at most as many as tokens; by default a fifth of that.

    Raises
    ------
    UsageError
        There are fewer tokens than clusters.
    """
    most = len(model.tokens)
    k = max(most // SHARE, 1) if k is None else k
    if k > most:
        raise UsageError(f"-k must be at most {most}, the tokens of the model; not {k}")
    return _clusters(model.unit, _fitted(model, k), {})


def by_silhouette(model: Embedding, advance: Callable[[], None] = lambda: None) -> Clusters:
    """Return tokens in as many clusters as have the best mean silhouette.

    Of k = 2, 4, 8 … up to half of the tokens, at most half of `SAMPLED`, and a fifth of them.

    Raises
    ------
    UsageError
        There are under four tokens.
    """
    if len(model.tokens) < 4:
        raise UsageError(f"--silhouette needs four tokens; the model has {len(model.tokens)}")
    found: dict[int, float] = {}
    best: tuple[float, Ints] | None = None
    for k in candidates(len(model.tokens)):
        number = _fitted(model, k)
        found[k] = silhouette(model.unit, number, model.settings.seed)
        if best is None or found[k] > best[0]:
            best = found[k], number
        advance()
    assert best is not None, "there is at least one candidate"  # noqa: S101  what the check above says
    return _clusters(model.unit, best[1], found)


def candidates(n_tokens: int) -> list[int]:
    """Return the numbers of clusters that `by_silhouette` tries.

    No more than a sample can tell apart: clusters of one token have no silhouette.
    """
    most = min(n_tokens, SAMPLED) // 2
    powers = [1 << at for at in range(1, most.bit_length()) if (1 << at) <= most]
    return sorted({*powers, min(max(n_tokens // SHARE, 2), most)})


def silhouette(unit: Vectors, number: Ints, seed: int = 1) -> float:
    """Return the mean silhouette of clusters by cosine distance; -1 where all are in one.

    Parameters
    ----------
    unit : ndarray, shape (n_tokens, size)
        Vectors of length 1.
    number : ndarray of int, shape (n_tokens,)
        Clusters.
    seed : int
        Seed of the draw where there are more than `SAMPLED` tokens.
    """
    chosen = np.arange(number.size)
    if number.size > SAMPLED:
        chosen = np.sort(np.random.default_rng(seed).choice(number.size, SAMPLED, replace=False))
    number = number[chosen]
    if not 1 < np.unique(number).size < number.size:
        return -1.0
    return float(silhouette_score(unit[chosen], number, metric="cosine"))


def _fitted(model: Embedding, k: int) -> Ints:
    seed = model.settings.seed
    start = "k-means++" if k <= _PLAIN else "random"
    means = MiniBatchKMeans(
        k, init=start, n_init=1, batch_size=max(_BATCH, k), random_state=seed, max_iter=20
    )
    return ints(means.fit_predict(model.unit))


def _clusters(unit: Vectors, number: Ints, silhouettes: dict[int, float]) -> Clusters:
    """Return clusters numbered by size, ties by their first token."""
    _, first, code, sizes = np.unique(
        number, return_index=True, return_inverse=True, return_counts=True
    )
    rank = np.empty(sizes.size, dtype=np.int64)
    rank[np.lexsort((first, -sizes))] = np.arange(sizes.size)
    number = rank[code]
    mean = np.zeros((sizes.size, unit.shape[1]))
    np.add.at(mean, number, unit)
    mean /= np.maximum(np.linalg.norm(mean, axis=1, keepdims=True), 1e-12)
    return Clusters(number, np.einsum("ij,ij->i", unit, mean[number]), silhouettes)
