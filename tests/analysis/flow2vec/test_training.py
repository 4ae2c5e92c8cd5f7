"""Training: vectors of a corpus."""

from __future__ import annotations

import sys
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest

from flowprint_zeek.analysis.flow2vec import modelfile
from flowprint_zeek.analysis.flow2vec.corpus import Limits
from flowprint_zeek.analysis.flow2vec.training import train
from flowprint_zeek.errors import LogError, UsageError
from tests.analysis.flow2vec.small import APPS, SMALL, conn, made, token, two_apps

if TYPE_CHECKING:
    from pathlib import Path


def test_tokens_of_an_app_are_neighbours(tmp_path: Path) -> None:
    """What a device does together lies together: the other three of an app are the nearest."""
    model = train(made(tmp_path, two_apps()), replace(SMALL, epochs=40))
    for servers in APPS.values():
        near = {name for name, _ in model.similar([token(servers[0])], 3)}
        assert near == {token(one) for one in servers[1:]}


def test_equal_seeds_give_equal_vectors(tmp_path: Path) -> None:
    """With one worker, twice is the same to the last bit, and another seed is not."""
    corpus = made(tmp_path, two_apps(minutes=10))
    first, again, other = (train(corpus, replace(SMALL, seed=seed)) for seed in (1, 1, 2))
    assert np.array_equal(first.vectors, again.vectors)
    assert np.array_equal(first.context, again.context)
    assert not np.array_equal(first.vectors, other.vectors)


def test_labels_do_not_shape_vectors(tmp_path: Path) -> None:
    """The same flows with other labels have the same vectors, and their own labels."""
    rows = two_apps(minutes=10)
    one, other = (
        train(made(tmp_path, [row | {"label": name} for row in rows]), SMALL) for name in "ab"
    )
    assert np.array_equal(one.vectors, other.vectors)
    assert (one.label(token(1)), other.label(token(1))) == ("a", "b")


def test_training_goes_on(tmp_path: Path) -> None:
    """Counts and labels add up, tokens stay where they are in the list, new ones come last."""
    first = train(made(tmp_path, two_apps(minutes=10)), SMALL)
    rows = [conn(at, 1, server, label="new") for at, server in enumerate((1, 200, 1, 200))]
    model = train(made(tmp_path, rows), SMALL, first)
    assert model.tokens == (*first.tokens, token(200))
    assert model.counts[model.places[token(1)]] == first.counts[first.places[token(1)]] + 2
    assert model.labels[token(1)] == {"chess": 15, "new": 2}
    assert model.trainings == 2
    moved = np.any(model.vectors[:-1] != first.vectors, axis=1)
    # The resolver of both apps was not met again: only what was met, or drawn against it, moves.
    assert moved[model.places[token(1)]]
    assert not moved.all()


def test_a_loaded_model_goes_on_as_the_one_that_was_saved(tmp_path: Path) -> None:
    """Saving and loading lose nothing that training needs."""
    corpus = made(tmp_path, two_apps(minutes=10))
    model = train(corpus, SMALL)
    modelfile.write(tmp_path / "model", model)
    gone_on, loaded = (
        train(corpus, SMALL, one) for one in (model, modelfile.read(tmp_path / "model"))
    )
    assert np.array_equal(gone_on.vectors, loaded.vectors)
    assert np.array_equal(gone_on.context, loaded.context)
    assert not np.array_equal(gone_on.vectors, model.vectors)


def test_a_token_that_was_known_stays_however_rare_it_is(tmp_path: Path) -> None:
    """The least count is asked of new tokens only."""
    settings = replace(SMALL, min_count=3)
    first = train(made(tmp_path, two_apps(minutes=10), limits=Limits(3)), settings)
    rows = [conn(1, 1, 1), conn(2, 1, 2), conn(3, 1, 200)]
    corpus = made(tmp_path, rows, limits=Limits(3, first.places))
    assert train(corpus, settings, first).tokens == first.tokens


def test_progress_counts_sentences_of_all_epochs(tmp_path: Path) -> None:
    """Steps add up to the sentences times the epochs."""
    corpus = made(tmp_path, two_apps(minutes=40))
    steps: list[int] = []
    train(corpus, SMALL, advance=steps.append)
    assert sum(steps) == corpus.n_sentences * SMALL.epochs


def test_a_part_can_be_trained_on(tmp_path: Path) -> None:
    """The first sentences alone are what a shorter log with the same vocabulary would be."""
    corpus = made(tmp_path, two_apps(minutes=10))
    part, whole = (train(corpus, SMALL, end=end) for end in (10, None))
    assert not np.array_equal(part.vectors, whole.vectors)


@pytest.mark.parametrize("servers", [[], [1], [1, 1]])
def test_nothing_to_learn_from_is_an_error(tmp_path: Path, servers: list[int]) -> None:
    """Without two tokens in a sentence there are no neighbours."""
    rows = [conn(at, 1, server) for at, server in enumerate(servers)]
    corpus = made(tmp_path, [*rows, conn(999, 1, 1, conn_state="S0", resp_pkts=0)])
    with pytest.raises(LogError, match=r"no connection is a flow|nothing to learn from"):
        train(corpus, SMALL)


def test_what_is_missing_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without gensim the message tells what to install."""
    corpus = made(tmp_path, two_apps(minutes=3))
    monkeypatch.setitem(sys.modules, "gensim.models.word2vec", None)
    with pytest.raises(UsageError, match=r"pip install 'flowprint-zeek\[flow2vec\]'"):
        train(corpus, SMALL)
