"""Training: skip-gram with negative sampling, by gensim.

What gensim is given and asked for are texts, numbers and arrays, nothing of its own is kept: see
`flowprint_zeek.analysis.flow2vec.modelfile`. With one worker equal sentences and settings give
equal vectors; with more they depend on which thread is first.
"""

from __future__ import annotations

import logging
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.analysis.flow2vec.embedding import Embedding
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.errors import LogError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flowprint_zeek.analysis.flow2vec.corpus import Corpus
    from flowprint_zeek.analysis.flow2vec.embedding import Settings

_TOLD = 1_000
"""Sentences between two steps of progress."""


def available() -> None:
    """Check that gensim can be imported.

    Raises
    ------
    UsageError
        It is not installed.
    """
    _gensim()


def _gensim() -> Any:  # noqa: ANN401  a module without type hints
    try:
        module = import_module("gensim.models.word2vec")
    except ImportError as error:
        raise UsageError(
            f"flow2vec needs gensim: pip install 'flowprint-zeek[flow2vec]' ({error})"
        ) from error
    # It warns of what is no trouble; without a handler that would go to stderr.
    logging.getLogger("gensim").addHandler(logging.NullHandler())
    return module


def train(
    corpus: Corpus,
    settings: Settings,
    before: Embedding | None = None,
    *,
    end: int | None = None,
    workers: int = 1,
    advance: Callable[[int], None] = lambda _sentences: None,
) -> Embedding:
    """Train vectors.

    Parameters
    ----------
    corpus : Corpus
        Sentences.
    settings : Settings
        What to train with.
    before : Embedding, optional
        What training goes on from: its tokens stay, those of the corpus come to them.
    end : int, optional
        Sentences to train with; by default all.
    workers : int
        Threads.
    advance : callable
        Called with numbers of sentences that were handed to gensim; there are as many as the
        corpus has, times epochs.

    Raises
    ------
    LogError
        The corpus has no two tokens that are neighbours.
    UsageError
        gensim is not installed.
    """
    module = _gensim()
    sentences = _Sentences(corpus, corpus.n_sentences if end is None else end, advance)
    counts = _counts(corpus, before)
    if not sentences.n_words or len(counts) < 2:
        raise LogError(_nothing(corpus, settings))
    model = _untrained(module, settings, counts, workers)
    if before is not None:
        model.wv.vectors[: len(before.tokens)] = before.vectors
        model.syn1neg[: len(before.tokens)] = before.context
    # A model that was loaded goes on as one that was not: by how often it was trained.
    trainings = 0 if before is None else before.trainings
    model.random = np.random.RandomState([settings.seed, trainings])
    try:
        model.train(sentences, total_words=sentences.n_words, epochs=settings.epochs)
    finally:
        sentences.stopped = True
    return Embedding(
        settings,
        tuple(counts),
        ints(list(counts.values())),
        np.array(model.wv.vectors, dtype=np.float32),
        np.array(model.syn1neg, dtype=np.float32),
        _labels(corpus, before),
        trainings + 1,
    )


def _untrained(module: Any, settings: Settings, counts: dict[str, int], workers: int) -> Any:  # noqa: ANN401  of gensim
    model = module.Word2Vec(
        sg=1,
        hs=0,
        vector_size=settings.size,
        window=settings.window,
        negative=settings.negative,
        sample=settings.sample,
        min_count=1,
        seed=settings.seed,
        workers=workers,
        # The order of tokens is ours: it does not depend on a version of gensim.
        sorted_vocab=0,
    )
    model.build_vocab_from_freq(dict(counts))
    return model


class _Sentences:
    """What gensim goes through again and again, in a thread of its own."""

    def __init__(self, corpus: Corpus, end: int, advance: Callable[[int], None]) -> None:
        self._corpus = corpus
        self._end = end
        self._advance = advance
        self.stopped = False
        self.n_words = sum(int(lengths.sum()) for _, lengths in corpus.blocks(0, end))

    def __iter__(self) -> Iterator[list[str]]:
        number = 0
        for sentence in self._corpus.sentences(0, self._end):
            if self.stopped:
                return
            yield sentence
            number += 1
            if number % _TOLD == 0:
                self._advance(_TOLD)
        self._advance(number % _TOLD)


def _counts(corpus: Corpus, before: Embedding | None) -> dict[str, int]:
    """Return how often each token came, those of an earlier training first."""
    counts = {} if before is None else dict(zip(before.tokens, before.counts.tolist(), strict=True))
    for token, count in zip(corpus.tokens, corpus.counts.tolist(), strict=True):
        counts[token] = counts.get(token, 0) + count
    return counts


def _labels(corpus: Corpus, before: Embedding | None) -> dict[str, dict[str, int]]:
    labels: dict[str, dict[str, int]] = {}
    for held in (corpus.labels, {} if before is None else before.labels):
        for token, said in held.items():
            counts = labels.setdefault(token, {})
            for name, count in said.items():
                counts[name] = counts.get(name, 0) + count
    return labels


def _nothing(corpus: Corpus, settings: Settings) -> str:
    if not corpus.n_flows:
        return "no connection is a flow"
    return (
        f"nothing to learn from {corpus.n_flows} flows: no sentence has two tokens of "
        f"{settings.min_count} or more flows (longer sentences, or --min-count)"
    )
