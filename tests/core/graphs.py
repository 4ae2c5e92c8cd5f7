"""Seeded graphs for the clique search: signatures of several shapes, and hard graphs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.core.arrays import Bools

SHAPES = ("random", "star", "interval")


def signatures(
    shape: str, size: int, seed: int, *, windows: int = 10, chance: float = 0.3
) -> Bools:
    """Return distinct signatures, none of them empty, as rows over windows.

    Parameters
    ----------
    shape : {"random", "star", "interval"}
        Every window by chance; one or two windows each, but for a tenth that is active in nearly
        all; or an unbroken run of windows.
    size : int
        Signatures wanted; fewer where the shape has no more.
    seed : int
        Seed.
    windows : int, default=10
        Windows in a batch.
    chance : float, default=0.3
        Chance of a window to be active in the random shape.
    """
    random = np.random.default_rng([seed, SHAPES.index(shape), size])
    found: dict[bytes, Bools] = {}
    for _ in range(100 * size):
        row = _row(shape, random, windows, chance)
        if row.any():
            found.setdefault(row.tobytes(), row)
        if len(found) == size:
            break
    return np.array(list(found.values()))


def _row(shape: str, random: np.random.Generator, windows: int, chance: float) -> Bools:
    if shape == "random":
        return random.random(windows) < chance
    row = np.zeros(windows, dtype=np.bool_)
    if shape == "interval":
        low, high = np.sort(random.integers(0, windows, 2))
        row[low : high + 1] = True
    elif random.random() < 0.1:
        row[random.random(windows) < 0.9] = True
    else:
        row[random.integers(0, windows, 2)] = True
    return row


def correlated(rows: Bools, correlation: float = 0.1) -> Bools:
    """Return the adjacency of the correlation graph of signatures."""
    counts = rows.astype(np.int64)
    common = counts @ counts.T
    size = counts.sum(axis=1)
    joined: Bools = common / (size[:, None] + size - common) >= correlation
    np.fill_diagonal(joined, val=False)
    return joined


def five_cycles(size: int) -> Bools:
    """Return cycles of five, joined to one another but for one edge between each and the next.

    The bounds of colouring are half too high, and the graph does not fall apart.
    """
    node = np.arange(size)
    step = (node[:, None] - node) % 5
    apart = node[:, None] // 5 != node // 5
    gone = (node[:, None] - node == 1) & (node % 5 == 4)
    graph: Bools = (apart | (step == 1) | (step == 4)) & ~gone & ~gone.T
    return graph


def joined(parts: Sequence[Bools]) -> Bools:
    """Return graphs as one in which every node of each is joined to all of the others."""
    number = np.repeat(np.arange(len(parts)), [len(part) for part in parts])
    graph: Bools = number[:, None] != number
    for at, part in enumerate(parts):
        graph[np.ix_(number == at, number == at)] = part
    return graph


def by_chance(size: int, density: float, seed: int) -> Bools:
    """Return a graph in which every edge is there by chance."""
    upper = np.triu(np.random.default_rng(seed).random((size, size)) < density, k=1)
    joined: Bools = upper | upper.T
    return joined


def weights(size: int, seed: int, *, elements: int = 4, flows: int = 20) -> list[int]:
    """Return weights of nodes with up to so many elements and flows, as the engine packs them."""
    random = np.random.default_rng(seed)
    held = random.integers(1, elements, size, endpoint=True).tolist()
    seen = random.integers(1, flows, size, endpoint=True).tolist()
    rank = random.permutation(size).tolist()
    bits = sum(seen).bit_length()
    each = zip(held, seen, rank, strict=True)
    return [((n << bits | flow) << size) | 1 << at for n, flow, at in each]
