"""Naming apps and finding unseen ones among 49 mobile apps (MAppGraph).

An app's first half of windows by graph_id trains, its second half tests. Each seed draws ten
unseen apps. Prints what each method gains over plain Jaccard similarity, paired by seed, and the
recall of unseen apps at a fixed false rate as more apps are known.

Usage: python -m benchmarks.mappgraph NODES [--seeds 0-29] [--json]

NODES is the table of nodes: tab-separated, with the columns app, graph_id, ip and port.
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from sklearn.metrics import (  # type: ignore[import-untyped] # it has no type hints
    average_precision_score,
    f1_score,
    precision_recall_curve,
)

from flowprint_zeek.analysis.calibration import Goal, calibrated
from flowprint_zeek.analysis.items import Items
from flowprint_zeek.analysis.methods import Method, PlainJaccard, Resemblance
from flowprint_zeek.core.elements import endpoint

if TYPE_CHECKING:
    from flowprint_zeek.core.arrays import Bools, Floats

UNSEEN = 10
KNOWN = (5, 10, 20, 39)
FALSE_RATE = 0.05
FIGURES = (
    *("average precision", "best F1", "F1 at threshold", "F1 calibrated", "F1 calibrated to 5 %"),
    *("accuracy", "recall at 5 % false"),
)


@dataclass(frozen=True)
class Windows:
    """All windows, and which of them train."""

    items: Items
    trains: Bools


def read(path: Path) -> Windows:
    """Read the table of nodes."""
    nodes = pd.read_csv(path, sep="\t")
    windows = list(nodes.groupby(["app", "graph_id"], sort=True))
    items = Items.of(
        (
            sorted({endpoint(ip, port) for ip, port in zip(rows["ip"], rows["port"], strict=True)}),
            str(key[0]),
            1,
            at,
        )
        for at, (key, rows) in enumerate(windows)
    )
    apps = pd.Series(items.label)
    place = apps.groupby(apps).cumcount()
    size = apps.groupby(apps).transform("size")
    return Windows(items, (place < size // 2).to_numpy())


def figures(windows: Windows, method: Method, unseen: list[int], known: list[int]) -> Floats:
    """Return the `FIGURES` of a method that knows some apps and meets others."""
    label = windows.items.label
    train = windows.items.where(windows.trains & np.isin(label, known))
    test = windows.items.where(~windows.trains & np.isin(label, known + unseen))
    goals = (Goal(None), Goal(FALSE_RATE))
    thresholds = [method.threshold, *(_calibrated(method, train, goal) for goal in goals)]
    method.fit(train)
    judged = method.judge(test)
    new = np.isin(test.label, unseen)
    precision, recall, _ = precision_recall_curve(new, judged.score)
    f1 = 2 * precision * recall / np.maximum(precision + recall, 1e-12)
    limit = np.quantile(judged.score[~new], 1 - FALSE_RATE)
    return np.array(
        [
            average_precision_score(new, judged.score),
            f1.max(),
            *(f1_score(new, judged.score >= threshold) for threshold in thresholds),
            (judged.label == test.label)[~new].mean(),
            (judged.score > limit)[new].mean(),
        ]
    )


def _calibrated(method: Method, train: Items, goal: Goal) -> float:
    found = calibrated(method, train, goal)
    return method.threshold if found is None else found.chosen.threshold


def draw(windows: Windows, seed: int, n_known: int) -> tuple[list[int], list[int]]:
    """Draw unseen apps, and of the others those that are known."""
    labels = list(windows.items.labels)
    chance = np.random.default_rng(seed)
    names = set(chance.choice(sorted(labels), UNSEEN, replace=False).tolist())
    unseen = [at for at, name in enumerate(labels) if name in names]
    known = [at for at, name in enumerate(labels) if name not in names]
    if n_known < len(known):
        known = sorted(chance.choice(known, n_known, replace=False).tolist())
    return unseen, known


def measure(windows: Windows, seeds: list[int], n_known: int) -> dict[str, Floats]:
    """Return the figures of each method, of shape (n_seeds, n_figures)."""
    found: dict[str, list[Floats]] = {}
    for seed in seeds:
        unseen, known = draw(windows, seed, n_known)
        for method in (PlainJaccard(), Resemblance()):
            found.setdefault(method.name, []).append(figures(windows, method, unseen, known))
    return {name: np.array(rows) for name, rows in found.items()}


def paired(gain: Floats) -> tuple[Floats, Floats]:
    """Return means and half widths of their 95 % intervals."""
    error = gain.std(axis=0, ddof=1) / np.sqrt(len(gain)) if len(gain) > 1 else gain[0] * np.nan
    return gain.mean(axis=0), 1.96 * error


def main() -> None:
    """Measure and print."""
    parser = ArgumentParser(description=__doc__, prog="python -m benchmarks.mappgraph")
    parser.add_argument("nodes", type=Path, metavar="NODES")
    parser.add_argument("--seeds", default="0-29", metavar="FIRST-LAST")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    first, _, last = args.seeds.partition("-")
    seeds = list(range(int(first), int(last or first) + 1))
    windows = read(args.nodes)
    results = {n_known: measure(windows, seeds, n_known) for n_known in KNOWN}
    if args.json:
        print(json.dumps({n: {k: v.tolist() for k, v in r.items()} for n, r in results.items()}))
        return
    show(results, seeds)


def show(results: dict[int, dict[str, Floats]], seeds: list[int]) -> None:
    """Print the tables."""
    print(f"{UNSEEN} unseen apps, {KNOWN[-1]} known, seeds {seeds[0]} to {seeds[-1]}")
    plain = results[KNOWN[-1]][PlainJaccard.name]
    print(f"{'method':<14}" + "".join(f"{name:>28}" for name in FIGURES))
    for name, rows in results[KNOWN[-1]].items():
        gain, width = paired(rows - plain)
        cells = zip(rows.mean(axis=0), gain, width, strict=True)
        told = "".join(f"{f'{v:.3f} ({g:+.3f} ± {w:.3f})':>28}" for v, g, w in cells)
        print(f"{name:<14}{told}")
    print(f"\nrecall of unseen apps at {FALSE_RATE:.0%} false, by known apps")
    for name in results[KNOWN[-1]]:
        cells_ = [f"{n}: {results[n][name][:, -1].mean():.3f}" for n in KNOWN]
        print(f"{name:<14}" + "  ".join(cells_))


if __name__ == "__main__":
    main()
