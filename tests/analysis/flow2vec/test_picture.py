"""Pictures: points that are near, and a page that hostile names cannot break."""

from __future__ import annotations

import json
import re
import sys
from html.parser import HTMLParser
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from flowprint_zeek.analysis.flow2vec.page import html, write_html
from flowprint_zeek.analysis.flow2vec.picture import (
    COLOURS,
    NONE,
    OTHER,
    STEPS,
    Picture,
    drawn,
    write_png,
)
from flowprint_zeek.errors import OutputError, UsageError
from tests.analysis.flow2vec.small import embedding

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.analysis.flow2vec.embedding import Embedding

HOSTILE = [
    "</script><script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "<!--",
    "&lt;b&gt;",
    "\u2028\u202e\x1b[31m",
    "$x_{y}$ \\frac",
    "_hidden",
    "]]>${title}",
]


def groups(n: int = 12) -> Embedding:
    """Return tokens in two groups, labelled."""
    chance = np.random.default_rng(1)
    vectors = np.eye(6)[np.arange(n) % 2] + chance.normal(0, 0.05, (n, 6))
    tokens = [f"t{at}" for at in range(n)]
    labels = {token: {("chess", "mail")[at % 2]: 1} for at, token in enumerate(tokens)}
    return embedding(vectors.tolist(), tokens, labels)


@pytest.fixture(scope="module")
def picture() -> Picture:
    """Draw two groups."""
    return drawn(groups())


class Structure(HTMLParser):
    """Elements of a page as they open and close, and the text of scripts."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.seen: list[str] = []
        self.attributes: list[str] = []
        self.scripts: list[str] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append(tag)
        self.attributes += [name for name, _ in attrs]
        if tag not in {"meta", "input"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] == "script":
            self.scripts.append(data)


def hostile() -> Picture:
    """Return a picture whose tokens and labels are hostile."""
    n = len(HOSTILE)
    labels = {token: {HOSTILE[-1 - at]: 1} for at, token in enumerate(HOSTILE)}
    return drawn(embedding(np.random.default_rng(1).normal(size=(n, 4)).tolist(), HOSTILE, labels))


def test_near_tokens_are_near_points(picture: Picture) -> None:
    """The two groups of vectors are two groups of points, inside the square."""
    points, group = picture.places, np.arange(12) % 2
    middles = np.array([points[group == at].mean(axis=0) for at in (0, 1)])
    away = np.linalg.norm(points[:, None] - middles[None], axis=2)
    assert away.argmin(axis=1).tolist() == group.tolist()
    assert np.abs(points).max() == pytest.approx(1, abs=0.5)


def test_colours_tell_labels(picture: Picture) -> None:
    """A group a label, with its size; the label stands beside the token."""
    assert [(one.name, one.size) for one in picture.groups] == [("chess", 6), ("mail", 6)]
    assert picture.labels[:2] == ["chess", "mail"]


def test_a_picture_is_the_same_twice(picture: Picture) -> None:
    """The seed of the model draws what is drawn."""
    assert np.array_equal(drawn(groups()).places, picture.places)


def test_only_the_most_frequent_are_drawn() -> None:
    """So many tokens, by count; the counts of a small model fall."""
    assert drawn(groups(), 5).tokens == ["t0", "t1", "t2", "t3", "t4"]


def test_many_labels_share_a_colour() -> None:
    """The largest have colours; others and those without a label are grey, and last."""
    n = len(COLOURS) + 6
    labels = {f"t{at}": {f"label {at}": 1} for at in range(n - 2)}
    vectors = np.random.default_rng(1).normal(size=(n, 4)).tolist()
    picture = drawn(embedding(vectors, [f"t{at}" for at in range(n)], labels))
    assert [one.size for one in picture.groups] == [*([1] * len(COLOURS)), 4, 2]
    assert [one.name for one in picture.groups[-2:]] == [OTHER, NONE]


def test_without_labels_colours_tell_clusters() -> None:
    """Ten clusters, or as many as are asked for by a flag where there are labels."""
    bare = embedding(groups().vectors.tolist(), [f"t{at}" for at in range(12)])
    for picture in (drawn(bare), drawn(groups(), by_cluster=True)):
        assert all(one.name.startswith("cluster ") for one in picture.groups)


def test_progress_comes_to_its_end() -> None:
    """Steps add up to what is announced."""
    steps: list[int] = []
    drawn(groups(), advance=steps.append)
    assert sum(steps) == STEPS


def test_too_few_tokens_are_an_error() -> None:
    """Three points are no picture."""
    with pytest.raises(UsageError, match="needs 4 tokens; there are 3"):
        drawn(embedding([[1, 0], [0, 1], [1, 1]]))


@pytest.mark.parametrize("name", ["openTSNE", "matplotlib"])
def test_what_is_missing_is_said(
    picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    """Without a package the message tells what to install."""
    monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(UsageError, match=rf"need {name}: pip install 'flowprint-zeek\[flow2vec\]'"):
        drawn(groups()) if name == "openTSNE" else write_png(tmp_path / "x.png", picture)


# The page


def data_of(text: str) -> dict[str, Any]:
    (found,) = re.findall(r'<script id="data" type="application/json">(.*?)</script>', text)
    data: dict[str, Any] = json.loads(found)
    return data


def test_the_page_holds_the_points(picture: Picture) -> None:
    """Tokens, labels, flows, places and groups stand in it as JSON."""
    data = data_of(html(picture, "title"))
    assert data["tokens"] == picture.tokens
    assert data["labels"] == picture.labels
    assert data["counts"] == picture.counts.tolist()
    assert data["x"] == pytest.approx(picture.places[:, 0].tolist(), abs=1e-4)
    assert [one["name"] for one in data["groups"]] == ["chess", "mail"]


def test_hostile_names_do_not_change_the_page(picture: Picture) -> None:
    """The elements are those of a harmless page, all closed; the names come back as text."""
    plain = Structure(html(picture, "title"))
    for title in HOSTILE:
        text = html(hostile(), title)
        found = Structure(text)
        assert found.seen == plain.seen
        assert found.attributes == plain.attributes
        assert found.open == []
        assert found.scripts[1:] == plain.scripts[1:]
        assert data_of(text)["tokens"] == HOSTILE
    # No sign of markup is left in the data.
    assert not set("<>&") & set(found.scripts[0])


def test_the_page_needs_nothing_else(picture: Picture) -> None:
    """It names no other resource, forbids itself to load any, and makes text by textContent."""
    text = html(picture, "title")
    assert "default-src 'none'" in text
    assert re.findall(r"https?:|//[a-z]|\bsrc=|href=|@import|url\(", text) == []
    assert re.findall(r"innerHTML|outerHTML|document\.write|insertAdjacent|eval\(", text) == []


def test_the_png_is_drawn_with_hostile_labels(tmp_path: Path) -> None:
    """Labels that matplotlib would typeset or hide are shown as they are."""
    write_png(tmp_path / "x.png", hostile())
    assert (tmp_path / "x.png").read_bytes().startswith(b"\x89PNG")


def test_files_are_written_or_an_error(picture: Picture, tmp_path: Path) -> None:
    """A page in a folder that is there; else one error with the file."""
    write_html(tmp_path / "x.html", picture, "title")
    assert (tmp_path / "x.html").read_text(encoding="utf-8") == html(picture, "title")
    with pytest.raises(OutputError, match="cannot be written"):
        write_html(tmp_path / "none" / "x.html", picture, "title")
