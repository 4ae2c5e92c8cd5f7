"""A picture of an embedding: tokens as points, near where they are near."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.decomposition import PCA  # type: ignore[import-untyped] # it has no type hints

from flowprint_zeek.analysis.flow2vec.choices import MOST_DRAWN
from flowprint_zeek.analysis.flow2vec.clusters import clustered
from flowprint_zeek.aside import replacing
from flowprint_zeek.core.arrays import Floats, Ints, ints
from flowprint_zeek.core.elements import printable
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from flowprint_zeek.analysis.flow2vec.embedding import Embedding

COLOURS = (
    *("#4477aa", "#ee6677", "#228833", "#aa3377", "#66ccee", "#ccbb44", "#882255", "#999933"),
    *("#332288", "#ddaa77", "#117733", "#cc3311"),
)
"""Of the largest groups, for the colour-blind too; all others are grey."""

OTHER, NONE = "(other labels)", "(no label)"
_OTHER, _NONE = "#888888", "#c9ced6"

_CLUSTERS = 10
_DIMENSIONS = 50
"""What vectors are reduced to before t-SNE, which is slow in more; scikit-learn's own advice."""
_PERPLEXITY = 30
_LEAST = 4
_EVERY = 50
STEPS = 750
"""Steps of t-SNE: 250 that draw groups apart, 500 that settle them."""

_DPI = 150
_WIDE, _LEGEND = 7.0, 2.0
"""Inches of the points and of the legend."""

_SHORT = 40


@dataclass(frozen=True, slots=True)
class Group:
    """Tokens of one colour."""

    name: str
    colour: str
    size: int


@dataclass(frozen=True, slots=True)
class Picture:
    """Points in the plane.

    Attributes
    ----------
    tokens, labels : list of str
        What a point is; label of most of its flows, "" without.
    counts : ndarray of int, shape (n_points,)
        Flows.
    places : ndarray of float, shape (n_points, 2)
        Where it lies, in -1 to 1.
    group : ndarray of int, shape (n_points,)
        Its group.
    groups : list of Group
        By size, what is told apart first.
    """

    tokens: list[str]
    labels: list[str]
    counts: Ints
    places: Floats
    group: Ints
    groups: list[Group]


def available() -> None:
    """Check that pictures can be drawn.

    Raises
    ------
    UsageError
        openTSNE or matplotlib is not installed.
    """
    for name in ("openTSNE", "matplotlib"):
        _module(name)


def _module(name: str) -> Any:  # noqa: ANN401  openTSNE has no type hints
    try:
        return import_module(name)
    except ImportError as error:
        raise UsageError(
            f"pictures need {name}: pip install 'flowprint-zeek[flow2vec]' ({error})"
        ) from error


def drawn(
    model: Embedding,
    most: int = MOST_DRAWN,
    *,
    by_cluster: bool = False,
    advance: Callable[[int], None] = lambda _steps: None,
) -> Picture:
    """Return the picture of the most frequent tokens, by t-SNE.

    Equal embeddings give equal pictures on one machine. Time grows in proportion to the tokens.

    Parameters
    ----------
    model : Embedding
        What is drawn.
    most : int
        Tokens.
    by_cluster : bool
        Colours by ten clusters instead of labels; where there are no labels they always are.
    advance : callable
        Called with numbers of steps that are done, of `STEPS`.

    Raises
    ------
    UsageError
        There are under four tokens, or openTSNE is not installed.
    """
    if min(len(model.tokens), most) < _LEAST:
        raise UsageError(f"a picture needs {_LEAST} tokens; there are {len(model.tokens)}")
    chosen = np.sort(np.argsort(-model.counts, kind="stable")[:most])
    part = _part(model, ints(chosen))
    labels = [model.label(token) for token in part.tokens]
    if by_cluster or not any(labels):
        number = clustered(part, min(_CLUSTERS, len(part.tokens))).number
        names = [f"cluster {at}" for at in number.tolist()]
    else:
        names = [label or NONE for label in labels]
    group, groups = _grouped(names)
    return Picture(list(part.tokens), labels, part.counts, _layout(part, advance), group, groups)


def _part(model: Embedding, chosen: Ints) -> Embedding:
    tokens = tuple(model.tokens[at] for at in chosen.tolist())
    return replace(
        model,
        tokens=tokens,
        counts=model.counts[chosen],
        vectors=model.vectors[chosen],
        context=model.context[chosen],
    )


def _layout(model: Embedding, advance: Callable[[int], None]) -> Floats:
    vectors, seed = model.unit, model.settings.seed
    most = min(_DIMENSIONS, len(model.tokens))
    if vectors.shape[1] > most:
        vectors = PCA(most, random_state=seed).fit_transform(vectors)
    perplexity = min(_PERPLEXITY, (len(model.tokens) - 1) / 3)
    tsne = _module("openTSNE").TSNE(
        perplexity=perplexity,
        initialization="pca",
        random_state=seed,
        callbacks=lambda *_: advance(_EVERY),
        callbacks_every_iters=_EVERY,
    )
    places: Floats = np.asarray(tsne.fit(vectors), dtype=np.float64)
    places = places - places.mean(axis=0)
    return places / max(float(np.abs(places).max()), 1e-12)


def _grouped(names: Sequence[str]) -> tuple[Ints, list[Group]]:
    """Return the group of each point, and the groups: the largest, the others, those without."""
    sizes = Counter(name for name in names if name != NONE)
    largest = sorted(sizes, key=lambda name: (-sizes[name], name))[: len(COLOURS)]
    place = {name: at for at, name in enumerate([*largest, OTHER, NONE])}
    group = ints([place.get(name, place[OTHER]) for name in names])
    colours = [*COLOURS[: len(largest)], _OTHER, _NONE]
    held = np.bincount(group, minlength=len(place)).tolist()
    kept = [at for at, size in enumerate(held) if size]
    groups = [Group(list(place)[at], colours[at], held[at]) for at in kept]
    return np.searchsorted(kept, group), groups


def write_png(path: Path, picture: Picture) -> None:
    """Write a picture as PNG, whole or not at all.

    Raises
    ------
    UsageError
        matplotlib is not installed.
    OutputError
        The file cannot be written; an old one is as it was.
    """
    _module("matplotlib")
    from matplotlib.figure import Figure  # noqa: PLC0415  an optional dependency; see `available`

    high = float(np.ptp(picture.places[:, 1]) / max(np.ptp(picture.places[:, 0]), 1e-12))
    figure = Figure(
        figsize=(_WIDE + _LEGEND, _WIDE * min(max(high, 0.6), 1.4)), dpi=_DPI, layout="constrained"
    )
    _scatter(figure.subplots(), picture)
    with replacing(path) as file:
        figure.savefig(file, format="png", metadata={"Software": None})


def _scatter(axes: Axes, picture: Picture) -> None:
    size = 6 + 5 * np.log10(np.maximum(picture.counts, 1))
    # What has no colour of its own lies behind.
    shown, names = [], []
    for at in reversed(range(len(picture.groups))):
        held, group = picture.group == at, picture.groups[at]
        x, y = picture.places[held].T
        shown.append(axes.scatter(x, y, s=size[held], c=group.colour, alpha=0.8, linewidths=0))
        names.append(f"{_shown(group.name)} ({group.size})")
    # As they are: a label may begin with the underscore that hides it from a legend.
    axes.legend(shown[::-1], names[::-1], loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    axes.set(title=f"{len(picture.tokens)} tokens by t-SNE", xticks=[], yticks=[], aspect="equal")


def _shown(name: str) -> str:
    """Return a label as a legend shows it: printable, not long, nothing to be typeset."""
    text = printable(name)
    text = text if len(text) <= _SHORT else f"{text[: _SHORT - 1]}…"
    return text.replace("$", r"\$")
