"""An embedding: a vector for each token, and what is near to what."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.flow2vec.choices import PRESETS, TRAINING
from flowprint_zeek.analysis.flow2vec.sentences import Cut
from flowprint_zeek.analysis.flow2vec.tokens import Scheme
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from numpy.typing import NDArray

    from flowprint_zeek.core.arrays import Ints

    Vectors = NDArray[np.float32]

_FEW = 5


@dataclass(frozen=True, slots=True)
class Settings:
    """What an embedding was trained with.

    Parameters
    ----------
    scheme : Scheme
        What tokens are made of.
    cut : Cut
        What sentences are.
    everyone : bool
        Whether every connection was a flow; see `flowprint_zeek.analysis.flow2vec.reading`.
    size : int
        Length of a vector.
    window : int
        Flows on either side that are a flow's neighbours.
    negative : int
        Tokens drawn against each neighbour.
    sample : float
        Share of all flows over which a token's flows are skipped at random, 0 for never.
    epochs : int
        Times that the sentences are gone through.
    min_count : int
        Flows that a token has at least.
    seed : int
        Seed of all chance.
    """

    scheme: Scheme = field(default_factory=lambda: Scheme(PRESETS["destination"]))
    cut: Cut = field(default_factory=Cut)
    everyone: bool = False
    size: int = TRAINING.size
    window: int = TRAINING.window
    negative: int = TRAINING.negative
    sample: float = TRAINING.sample
    epochs: int = TRAINING.epochs
    min_count: int = TRAINING.min_count
    seed: int = TRAINING.seed


@dataclass(frozen=True)
class Embedding:
    """Vectors of tokens.

    Attributes
    ----------
    settings : Settings
        What it was trained with.
    tokens : tuple of str
        Vocabulary, most frequent first as of the last training; its new tokens last.
    counts : ndarray of int, shape (n_tokens,)
        Flows of each token in all trainings.
    vectors, context : ndarray of float32, shape (n_tokens, size)
        Vectors of tokens, and of tokens as neighbours, which training goes on from.
    labels : mapping of str to mapping
        By token, how many flows have which label. They are told, never trained on.
    trainings : int
        How often it was trained: with a corpus, and then with more.
    """

    settings: Settings
    tokens: tuple[str, ...]
    counts: Ints
    vectors: Vectors
    context: Vectors
    labels: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    trainings: int = 1

    @cached_property
    def places(self) -> dict[str, int]:
        """The place of each token."""
        return {token: at for at, token in enumerate(self.tokens)}

    @cached_property
    def unit(self) -> Vectors:
        """The vectors with length 1, so that their products are cosines."""
        length = np.linalg.norm(self.vectors, axis=1, keepdims=True)
        unit: Vectors = self.vectors / np.maximum(length, np.finfo(np.float32).tiny)
        return unit

    def label(self, token: str) -> str:
        """Return the label that most flows of a token have, "" without; ties: the first by name."""
        said = self.labels.get(token, {})
        return min(said, key=lambda name: (-said[name], name), default="")

    def similar(self, tokens: Sequence[str], n: int = 10) -> list[tuple[str, float]]:
        """Return the tokens nearest to some: by cosine, to the mean of their unit vectors.

        Parameters
        ----------
        tokens : sequence of str
            One or more; they are no answers.
        n : int
            Most answers.

        Returns
        -------
        list of (str, float)
            Tokens and cosines, nearest first, ties in the order of the vocabulary.

        Raises
        ------
        UsageError
            A token is not in the vocabulary.
        """
        at = ints([self.place(token) for token in tokens])
        found = self.nearest(self.unit[at].mean(axis=0), n, without=at)
        return [(self.tokens[place], cosine) for place, cosine in found]

    def nearest(
        self, vector: Vectors, n: int, without: Ints | None = None
    ) -> list[tuple[int, float]]:
        """Return the places nearest to a vector and their cosines, nearest first."""
        length = max(float(np.linalg.norm(vector)), float(np.finfo(np.float32).tiny))
        cosine = (self.unit @ vector) / np.float32(length)
        if without is not None:
            cosine[without] = -np.inf
        n = min(n, int(np.isfinite(cosine).sum()))
        order = np.argsort(-cosine, kind="stable")[:n]
        return [(at, float(cosine[at])) for at in order.tolist()]

    def place(self, token: str) -> int:
        """Return the place of a token.

        Raises
        ------
        UsageError
            It is not in the vocabulary; some that hold the text are named.
        """
        at = self.places.get(token)
        if at is not None:
            return at
        fields = ",".join(self.settings.scheme.fields)
        alike = [one for one in self.tokens if token and token in one]
        if alike:
            more = f" and {len(alike) - _FEW} more" if len(alike) > _FEW else ""
            said = f"these hold it: {' '.join(alike[:_FEW])}{more}"
        else:
            said = f"its {len(self.tokens)} tokens are {fields}, such as {self.tokens[0]}"
        raise UsageError(f"no token {token!r} in the model; {said}")

    def known(self, tokens: Iterable[str]) -> list[str]:
        """Return those tokens that are in the vocabulary."""
        return [token for token in tokens if token in self.places]
