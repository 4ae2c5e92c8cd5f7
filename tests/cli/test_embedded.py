"""``explain --embedding``: what lies near an unseen app."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from flowprint_zeek.analysis.flow2vec import modelfile
from flowprint_zeek.analysis.flow2vec.tokens import Scheme
from flowprint_zeek.cli.exits import Exit
from tests.analysis.flow2vec.small import SMALL, embedding
from tests.cli.sensors import GAME, MAIL, Asked

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.analysis.flow2vec.embedding import Settings

MAILS = [f"name:n{at}.mail.example" for at in range(4)]
ELEMENTS = SMALL.__class__(Scheme.parse("element"))


def model(path: Path, tokens: list[str], settings: Settings = ELEMENTS) -> Path:
    """Write a model in which tokens lie in a fan, each near to the next."""
    turns = np.arange(len(tokens)) / 10
    vectors = np.column_stack((np.cos(turns), np.sin(turns))).tolist()
    modelfile.write(path, embedding(vectors, tokens, settings=settings))
    return path


def explained(site: Asked, *arguments: object) -> Any:
    (notice,) = json.loads(site.ok("explain", "--json"))["notices"]
    return json.loads(site.ok("explain", notice["id"], "--json", *arguments))


def test_known_apps_and_destinations_are_named(site: Asked, tmp_path: Path) -> None:
    """Of the elements that are new those with a vector ask; what has none is told."""
    path = model(tmp_path / "m", [*GAME[:3], *MAILS])
    near = explained(site, "--embedding", path)["near"]
    assert [one["id"] for one in near["apps"]] == [MAIL]
    assert near["destinations"][0]["element"] == MAILS[0]
    assert near["without_vector"] == [GAME[3]]


def test_it_is_told_to_people(site: Asked, tmp_path: Path) -> None:
    """Two tables, and what the embedding has not met."""
    (notice,) = json.loads(site.ok("explain", "--json"))["notices"]
    out = site.ok("explain", notice["id"], "--embedding", model(tmp_path / "m", [GAME[0], *MAILS]))
    assert "Known apps nearest by embedding" in out
    assert "Destinations nearest by embedding" in out
    assert "The embedding has not met n1.game.example n2.game.example n3.game.example" in out


def test_an_embedding_that_met_nothing_says_so(site: Asked, tmp_path: Path) -> None:
    """Nothing is guessed where no new element has a vector."""
    (notice,) = json.loads(site.ok("explain", "--json"))["notices"]
    out = site.ok("explain", notice["id"], "--embedding", model(tmp_path / "m", MAILS))
    assert "nearest by embedding" not in out
    assert "The embedding has not met n0.game.example" in out


def test_without_an_embedding_nothing_is_said_of_it(site: Asked) -> None:
    """The answer is as it was."""
    assert "near" not in explained(site)


@pytest.mark.parametrize(
    ("settings", "said"), [(None, "cannot be read"), (SMALL, "has tokens of dst,dport,proto")]
)
def test_a_wrong_embedding_is_an_error(
    site: Asked, tmp_path: Path, settings: Settings | None, said: str
) -> None:
    """With the name of the file."""
    path = tmp_path / "m"
    if settings is not None:
        model(path, MAILS, settings)
    (notice,) = json.loads(site.ok("explain", "--json"))["notices"]
    done = site("explain", notice["id"], "--embedding", path)
    assert done.code == Exit.MODEL
    assert f"{path}: {said}" in done.err
