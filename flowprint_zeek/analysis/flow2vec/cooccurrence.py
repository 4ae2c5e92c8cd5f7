"""Co-occurrence counted: what vectors have to beat.

Two tokens co-occur in every sentence that has both. That is all that skip-gram sees too, but for
order and distance; what it adds is that tokens with like neighbours become alike.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.sparse import csr_array

from flowprint_zeek.core.arrays import Floats, Ints, ints

if TYPE_CHECKING:
    from flowprint_zeek.analysis.flow2vec.corpus import Corpus


class Cooccurrence:
    """How often tokens are in one sentence.

    Parameters
    ----------
    corpus : Corpus
        Sentences. Memory grows with the pairs of tokens that co-occur.
    """

    def __init__(self, corpus: Corpus) -> None:
        shape = (len(corpus.tokens), len(corpus.tokens))
        self._pairs = csr_array(shape, dtype=np.int64)
        for word, lengths in corpus.blocks():
            sentence = np.repeat(np.arange(lengths.size), lengths)
            ones = np.ones(word.size, dtype=np.int64)
            held = csr_array((ones, (sentence, word)), shape=(lengths.size, shape[0]))
            held.data[:] = 1
            self._pairs = csr_array(self._pairs + held.T @ held)
        # How many sentences a token is in.
        self._in = ints(self._pairs.diagonal())
        self._n = corpus.n_sentences
        self._pairs.setdiag(0)
        self._likeness = self._informative()

    def counts(self, rows: Ints) -> Floats:
        """Return how often tokens co-occur with every token, shape (n_rows, n_tokens)."""
        return np.asarray(self._pairs[rows].toarray(), dtype=np.float64)

    def jaccard(self, rows: Ints) -> Floats:
        """Return the share of the sentences with either token that have both."""
        both = self.counts(rows)
        either: Floats = self._in[rows][:, None] + self._in[None, :] - both
        return both / np.maximum(either, 1)

    def information(self, rows: Ints) -> Floats:
        """Return the cosines of rows of positive pointwise mutual information."""
        return np.asarray((self._likeness[rows] @ self._likeness.T).toarray(), dtype=np.float64)

    def _informative(self) -> csr_array:
        pairs = self._pairs.tocoo()
        row, column = pairs.coords
        expected = self._in[row] * self._in[column] / max(self._n, 1)
        gained = np.maximum(np.log(np.maximum(pairs.data, 1e-9) / np.maximum(expected, 1e-9)), 0)
        matrix = csr_array((gained, (row, column)), shape=pairs.shape)
        length = np.sqrt(np.asarray((matrix * matrix).sum(axis=1)).ravel())
        scale = 1 / np.maximum(length, 1e-12)
        return csr_array(matrix * scale[:, None])
