"""``explain --embedding``: what lies near an unseen app."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from flowprint_zeek.analysis.flow2vec import modelfile
from flowprint_zeek.analysis.flow2vec.tokens import Scheme
from flowprint_zeek.cli.exits import Exit
from tests.analysis.flow2vec.small import SMALL, embedding
from tests.cli.sensors import GAME, MAIL, Asked, asked

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.analysis.flow2vec.embedding import Settings
    from tests.cli.conftest import Cli

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


def test_the_setting_names_it_too(site: Asked, tmp_path: Path) -> None:
    """For who asks often."""
    content = json.loads(site.settings.read_text())
    content["notice"]["embedding"] = str(model(tmp_path / "m", [*GAME[:3], *MAILS]))
    site.settings.write_text(json.dumps(content))
    assert [one["id"] for one in explained(site)["near"]["apps"]] == [MAIL]


def test_notices_of_a_replay_name_what_lies_near(cli: Cli, tmp_path: Path) -> None:
    """The nearest known apps and destinations, where a model is set; nothing else changes."""
    site = asked(tmp_path / "site", cli)
    site.site.write()
    learn = ("replay", site.site.current, "--learn-for", "15m", "--quiet", "--format", "json")
    site.ok(*learn, "-o", tmp_path / "plain")
    content = json.loads(site.settings.read_text())
    content["notice"]["embedding"] = str(model(tmp_path / "m", [*GAME[:3], *MAILS]))
    site.settings.write_text(json.dumps(content))
    site.ok(*learn, "-o", tmp_path / "near")
    plain, near = (
        [json.loads(line) for line in (tmp_path / name / "notice.log").read_text().splitlines()]
        for name in ("plain", "near")
    )
    told = r" near=[0-9a-f]{16}:0\.\d\d around=n0\.mail\.example:0\.\d\d\|\S+"
    assert re.search(told, near[0]["sub"])
    # Lists share the bytes that there are.
    less = re.compile(r" (near|around|uids)=\S+")
    assert [less.sub("", one["sub"]) for one in near] == [less.sub("", one["sub"]) for one in plain]


def test_a_wrong_embedding_stops_the_start(cli: Cli, tmp_path: Path) -> None:
    """Of the daemon and of a replay, before anything is written."""
    site = asked(tmp_path / "site", cli, notice__embedding=str(tmp_path / "none"))
    site.site.write()
    replay = ("replay", site.site.current, "--learn-for", "15m", "-o", tmp_path / "out")
    for command in (("run", "--check"), replay):
        done = site(*command)
        assert done.code == Exit.MODEL
        assert f"{tmp_path}/none: cannot be read" in done.err
    assert not (tmp_path / "out").exists()


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
