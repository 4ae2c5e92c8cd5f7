"""Grid search: which settings give vectors that foretell who is seen with whom.

The score needs no labels. The first sentences are trained on; of the last ones, which are later, a
token and another of the same sentence are drawn, and a third from all flows. The score is how often
the pair is nearer to each other than the first and the third are: 0.5 is chance.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import product
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.analysis.flow2vec.training import train
from flowprint_zeek.core.arrays import Ints, ints
from flowprint_zeek.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from flowprint_zeek.analysis.flow2vec.corpus import Corpus
    from flowprint_zeek.analysis.flow2vec.embedding import Embedding, Settings

TESTED = 0.2
"""Share of the sentences that is tested."""

PAIRS = 50_000
"""Pairs that a score is of, at most."""


@dataclass(frozen=True, slots=True)
class Tried:
    """Settings and how well they did.

    Attributes
    ----------
    settings : Settings
        What was trained with.
    score : float
        Share of pairs that are nearer than chance would have it; see the module.
    error : float
        Its standard error.
    """

    settings: Settings
    score: float
    error: float


def grid(settings: Settings, values: Mapping[str, Sequence[Any]]) -> list[Settings]:
    """Return settings with every combination of values of fields, in the order they are given."""
    return [
        replace(settings, **dict(zip(values, chosen, strict=True)))
        for chosen in product(*values.values())
    ]


def search(
    corpus: Corpus, tries: Sequence[Settings], advance: Callable[[], None] = lambda: None
) -> list[Tried]:
    """Train with each of some settings and score what comes of it, the best first.

    Parameters
    ----------
    corpus : Corpus
        Sentences.
    tries : sequence of Settings
        They differ in what training goes by.
    advance : callable
        Called after each.

    Raises
    ------
    LogError
        There are too few sentences.
    """
    end = corpus.n_sentences - int(corpus.n_sentences * TESTED)
    pairs = _Pairs.drawn(corpus, end, tries[0].seed)
    if not end or not pairs.first.size:
        raise LogError(f"too few sentences to test on: {corpus.n_sentences}")
    found = []
    for settings in tries:
        found.append(Tried(settings, *pairs.score(train(corpus, settings, end=end))))
        advance()
    return sorted(found, key=lambda one: -one.score)


@dataclass(frozen=True, slots=True)
class _Pairs:
    """Tokens by place: two of one sentence, and one that was drawn from all flows."""

    first: Ints
    second: Ints
    drawn_: Ints

    @classmethod
    def drawn(cls, corpus: Corpus, begin: int, seed: int) -> _Pairs:
        chance = np.random.default_rng(seed)
        parts = list(_of_blocks(corpus, begin, chance))
        first, second = (np.concatenate([ints([]), *(part[at] for part in parts)]) for at in (0, 1))
        if first.size > PAIRS:
            chosen = chance.choice(first.size, PAIRS, replace=False)
            first, second = first[chosen], second[chosen]
        share = corpus.counts / corpus.counts.sum()
        third = ints(chance.choice(share.size, first.size, p=share)) if first.size else first
        kept = (third != first) & (third != second)
        return cls(first[kept], second[kept], third[kept])

    def score(self, model: Embedding) -> tuple[float, float]:
        """Return the share of pairs that are nearer, equal ones by half, and its error."""
        near = np.einsum("ij,ij->i", model.unit[self.first], model.unit[self.second])
        far = np.einsum("ij,ij->i", model.unit[self.first], model.unit[self.drawn_])
        won = (near > far) + 0.5 * (near == far)
        return float(won.mean()), float(won.std() / np.sqrt(won.size))


def _of_blocks(
    corpus: Corpus, begin: int, chance: np.random.Generator
) -> Iterator[tuple[Ints, Ints]]:
    """Yield for each word another of its sentence, where it is of another token."""
    for word, lengths in corpus.blocks(begin):
        starts = np.repeat(np.cumsum(lengths) - lengths, lengths)
        other = word[starts + chance.integers(0, np.repeat(lengths, lengths))]
        kept = word != other
        yield word[kept], other[kept]
