"""Plots of an evaluation, as PNG files."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.curve import FALSE_RATE
from flowprint_zeek.analysis.scores import Named, Sweep
from flowprint_zeek.aside import replacing
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.matching import NO_MATCH
from flowprint_zeek.errors import OutputError, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from flowprint_zeek.analysis.comparison import Result
    from flowprint_zeek.analysis.curve import Point
    from flowprint_zeek.core.arrays import Floats

LEVEL = "flow"
"""What the plots are about."""

_DPI = 150
_FEW_APPS = 15
"""Apps whose cells in the confusion matrix have numbers."""

_INCHES = 0.17
"""Width of an app in the confusion matrix."""

_MOST_INCHES = 40

_STYLES = ("-", "--", "-.", ":")


def available() -> None:
    """Check that plots can be made.

    Raises
    ------
    UsageError
        matplotlib is not installed.
    """
    try:
        import_module("matplotlib")
    except ImportError as error:
        raise UsageError(
            f"--plots needs matplotlib: pip install 'flowprint-zeek[evaluate]' ({error})"
        ) from error


def plot(
    folder: Path,
    results: Sequence[Result],
    curves: Mapping[str, Sequence[Point]],
    labels: Sequence[str],
) -> list[Path]:
    """Write the plots into a folder; older ones are replaced.

    Parameters
    ----------
    folder : Path
        Where they go; it is made.
    results : sequence of Result
        Methods, the one that the evaluation is about first.
    curves : mapping of str to sequence of Point
        Recall against known apps, by method.
    labels : sequence of str
        Names of apps.

    Returns
    -------
    list of Path
        The files.

    Raises
    ------
    OutputError
        They cannot be written.
    """
    from matplotlib.figure import Figure as Canvas  # noqa: PLC0415  an optional dependency; see `available`

    makers: dict[str, Callable[[Figure], None]] = {
        "precision_recall": lambda figure: _precision_recall(figure.subplots(), results),
        "threshold": lambda figure: _threshold(figure.subplots(), results[0]),
        "known_apps": lambda figure: _known_apps(figure.subplots(), curves),
        "confusion": lambda figure: _confusion(figure, results[0], labels),
    }
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"cannot be made: {error.strerror}", path=folder) from error
    paths = [folder / f"{name}.png" for name in makers]
    for path, make in zip(paths, makers.values(), strict=True):
        figure = Canvas(figsize=(7, 5.5), dpi=_DPI, layout="constrained")
        make(figure)
        with replacing(path) as file:
            figure.savefig(file, format="png", metadata={"Software": None})
    return paths


def _pooled(result: Result) -> Sweep:
    return Sweep.together([one.unseen[LEVEL] for one in result.outcomes])


def _precision_recall(axes: Axes, results: Sequence[Result]) -> None:
    for number, result in enumerate(results):
        sweep = _pooled(result)
        if not sweep.unseen.any():
            continue
        precision, recall, _ = _against_threshold(sweep)
        shown = result.means("unseen")[LEVEL]["average_precision"]
        name = f"{result.contender.method.name} (AP {shown:.3f})"
        style = _STYLES[number % len(_STYLES)]
        (line,) = axes.step(
            [*recall, 0], [*precision, precision[-1]], style, where="pre", label=name, linewidth=1.8
        )
        at = sweep.at(result.threshold)
        if at["precision"] is not None and at["recall"] is not None:
            axes.plot(at["recall"], at["precision"], "o", color=line.get_color(), markersize=7)
    axes.set(
        title="Unseen apps: precision and recall, by flow\n(dots: at the method's threshold)",
        xlabel="recall: share of unseen apps' flows that is found",
        ylabel="precision: share of flagged flows\nthat is of unseen apps",
        xlim=(-0.02, 1.02),
        ylim=(-0.02, 1.02),
    )
    _finish(axes)


def _against_threshold(sweep: Sweep) -> tuple[Floats, Floats, Floats]:
    """Return precision, recall and F1 at each score as the threshold, ascending."""
    true = np.cumsum(sweep.unseen[::-1])[::-1]
    false = np.cumsum(sweep.known[::-1])[::-1]
    precision = true / np.maximum(true + false, np.finfo(float).tiny)
    recall = true / sweep.unseen.sum()
    return precision, recall, 2 * true / (true + false + sweep.unseen.sum())


def _threshold(axes: Axes, result: Result) -> None:
    sweep = _pooled(result)
    if sweep.unseen.any():
        curves = _against_threshold(sweep)
        for name, style, values in zip(
            ("precision", "recall", "F1"), _STYLES, curves, strict=False
        ):
            axes.step(sweep.score, values, style, where="pre", label=name, linewidth=1.8)
    axes.axvline(result.threshold, color="0.4", linewidth=1)
    axes.annotate(
        f" threshold {result.threshold:.3g} ",
        (result.threshold, 0.02),
        ha="right" if result.threshold > 0.5 else "left",
        color="0.3",
    )
    axes.set(
        title=f"Unseen apps by threshold, {result.contender.method.name}, by flow",
        xlabel="score from which a flow counts as of an unseen app",
        ylabel="share",
        ylim=(-0.02, 1.02),
    )
    _finish(axes)


def _known_apps(axes: Axes, curves: Mapping[str, Sequence[Point]]) -> None:
    title = "Unseen apps found as more apps are known, by flow\n"
    title += f"({FALSE_RATE:.0%} of the flows of known apps flagged"
    banded = False
    for number, (name, points) in enumerate(curves.items()):
        shown = [point for point in points if point.recall[LEVEL] is not None]
        sizes = [point.known for point in shown]
        recall = np.array([point.recall[LEVEL] for point in shown])
        (line,) = axes.plot(
            sizes, recall, f"o{_STYLES[number % len(_STYLES)]}", label=name, linewidth=1.8
        )
        bounds = [point.intervals[LEVEL] for point in shown]
        if bounds and all(one is not None for one in bounds):
            banded = True
            low, high = np.clip(np.array(bounds).T, 0, 1)
            axes.fill_between(sizes, low, high, color=line.get_color(), alpha=0.15, linewidth=0)
    every = sorted({point.known for points in curves.values() for point in points})
    axes.set_xscale("log")
    axes.set_xticks(every, [str(size) for size in every])
    axes.minorticks_off()
    axes.set(
        title=f"{title}{'; bands: 95% intervals)' if banded else ')'}",
        xlabel="known apps",
        ylabel=f"recall at {FALSE_RATE:.0%} false",
        ylim=(-0.02, 1.02),
    )
    _finish(axes)


def _confusion(figure: Figure, result: Result, labels: Sequence[str]) -> None:
    named = Named.together([one.named[LEVEL] for one in result.outcomes])
    truth, found = np.unique(named.truth), np.unique(np.append(named.truth, named.found))
    found = np.concatenate((found[found != NO_MATCH], found[found == NO_MATCH]))
    row = np.searchsorted(truth, named.truth)
    place = {label: at for at, label in enumerate(found.tolist())}
    cells = np.zeros((truth.size, found.size))
    np.add.at(cells, (row, ints([place[label] for label in named.found.tolist()])), named.weight)
    share = cells / np.maximum(cells.sum(axis=1, keepdims=True), 1)
    side = min(max(7, _INCHES * truth.size), _MOST_INCHES)
    figure.set_size_inches(side + 1, side)
    axes = figure.subplots()
    image = axes.imshow(share, cmap="Blues", vmin=0, vmax=1, aspect="auto")
    figure.colorbar(image, ax=axes, label="share of the app's flows")
    names = [*labels, "(none)"]
    size = 9 if truth.size <= _FEW_APPS else 6
    axes.set_xticks(
        range(found.size), [_short(names[at]) for at in found], rotation=90, fontsize=size
    )
    axes.set_yticks(range(truth.size), [_short(names[at]) for at in truth], fontsize=size)
    if found.size <= _FEW_APPS:
        for y, x in zip(*np.nonzero(cells), strict=True):
            colour = "white" if share[y, x] > 0.5 else "black"
            axes.text(x, y, f"{cells[y, x]:g}", ha="center", va="center", color=colour, fontsize=9)
    name = result.contender.method.name
    axes.set(title=f"Recognition, {name}: flows by app", xlabel="named", ylabel="true app")


def _short(label: str) -> str:
    """Return a label as a tick shows it: not long, and nothing that matplotlib would typeset."""
    text = label if len(label) <= 24 else f"{label[:23]}…"
    return text.replace("$", r"\$")


def _finish(axes: Axes) -> None:
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc="best", framealpha=0.9)
