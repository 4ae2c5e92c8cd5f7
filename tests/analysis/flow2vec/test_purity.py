"""Purity of neighbours, and co-occurrence counted."""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING

import numpy as np
import pytest

from flowprint_zeek.analysis.flow2vec.cooccurrence import Cooccurrence
from flowprint_zeek.analysis.flow2vec.purity import judged, own_labels
from flowprint_zeek.core.arrays import ints
from tests.analysis.flow2vec.small import made, sentences, two_apps

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.core.arrays import Floats, Ints


def test_perfect_neighbours_have_purity_one() -> None:
    """Where every label is apart from the others, all is right; chance is what a draw gives."""
    label = ["a", "a", "a", "b", "b", ""]

    def alike(rows: Ints) -> Floats:
        return np.array([[float(label[r] == one) for one in label] for r in rows.tolist()])

    found = judged(alike, label)
    assert found is not None
    assert (found.tokens, found.labels, found.purity, found.precision) == (5, 2, 1.0, 1.0)
    assert found.chance == pytest.approx((2 / 5 * 3 + 1 / 5 * 2) / 5)


def test_purity_and_precision_by_hand() -> None:
    """Two tokens have one right of the two nearest and the other third, one has both."""
    scores = np.array([[9, 3, 2, 1], [0, 9, 0, 0], [0, 0, 9, 0], [0, 0, 0, 9]], dtype=float)
    found = judged(lambda rows: scores[rows], ["a", "a", "b", "a"], k=2)
    assert found is not None
    # Of the first and the second token a b a, ties in the order of tokens; of the last a a b.
    assert found.purity == pytest.approx((0.5 + 0.5 + 1) / 3)
    assert found.precision == pytest.approx((5 / 6 + 5 / 6 + 1) / 3)


def test_the_token_itself_is_no_neighbour() -> None:
    """However like it is to itself, it is left out."""
    found = judged(lambda rows: np.eye(2)[rows], ["a", "a"])
    assert found is not None
    assert found.purity == 1.0


def test_labels_without_a_pair_are_not_judged() -> None:
    """Where no label has two tokens there is nothing to tell."""
    assert judged(lambda rows: np.eye(2)[rows], ["a", "b"]) is None


def test_a_label_is_ones_own_where_most_flows_have_it() -> None:
    """Four flows of five; labels that name no app are none."""
    labels = {"a": {"x": 4, "y": 1}, "b": {"x": 3, "y": 2}, "c": {"dns": 5}, "d": {"x": 3}}
    found = own_labels(["a", "b", "c", "d", "e"], labels, ints([5, 5, 5, 5, 5]), ("dns",))
    assert found == ["x", "", "", "", ""]


def test_counts_are_of_sentences_with_both(tmp_path: Path) -> None:
    """As counted one by one; a token does not co-occur with itself."""
    corpus = made(tmp_path, two_apps(minutes=9))
    expected = np.zeros((len(corpus.tokens), len(corpus.tokens)))
    held = np.zeros(len(corpus.tokens))
    for sentence in sentences(corpus):
        places = sorted({corpus.tokens.index(word) for word in sentence})
        held[places] += 1
        for one, other in combinations(places, 2):
            expected[one, other] += 1
            expected[other, one] += 1
    found, rows = Cooccurrence(corpus), np.arange(len(corpus.tokens))
    assert np.array_equal(found.counts(rows), expected)
    either = held[:, None] + held[None] - expected
    assert np.allclose(found.jaccard(rows), expected / either)


def test_information_is_high_where_neighbours_are_alike(tmp_path: Path) -> None:
    """Tokens of one app have the same neighbours, those of two have not."""
    corpus = made(tmp_path, two_apps(minutes=9))
    alike = Cooccurrence(corpus).information(np.arange(len(corpus.tokens)))
    chess = [corpus.tokens.index(f"192.0.2.{server},443,tcp") for server in (1, 2, 3, 4)]
    mail = [corpus.tokens.index(f"192.0.2.{server},443,tcp") for server in (11, 12)]
    assert alike[np.ix_(chess[:2], chess[2:])].min() > alike[np.ix_(chess, mail)].max()
    assert alike.max() <= 1 + 1e-9
