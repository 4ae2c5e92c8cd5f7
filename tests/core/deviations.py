"""Where upstream's answer for one batch may differ from ours, told from the slow way's steps.

Of the deviations in docs/parity.md these can apply to one device's flows within one batch.
"""

from __future__ import annotations

from itertools import combinations
from typing import TYPE_CHECKING, TypeAlias

import networkx as nx

from tests.core.oracle import Elements, similar

if TYPE_CHECKING:
    from flowprint_zeek.core.fingerprint import Parameters
    from tests.core.oracle import Batch

Bounds: TypeAlias = tuple[Elements, Elements]

CLIQUE_TIE, TIME_TIE, MERGING = "clique tie", "time tie", "merging"
REASONS = (CLIQUE_TIE, TIME_TIE, MERGING)


def reasons(batch: Batch, parameters: Parameters) -> list[str]:
    """Return the deviations that apply to a batch, in the order of `REASONS`."""
    applies = (clique_tie(batch), time_tie(batch), merging(batch, parameters.similarity))
    return [reason for reason, does in zip(REASONS, applies, strict=True) if does]


def clique_tie(batch: Batch) -> bool:
    """Tell whether two largest cliques of a destination have as many elements and flows.

    Upstream takes the one that NetworkX happens to enumerate last.
    """
    return any(
        len(cliques) > 1 and cliques[0].size == cliques[1].size
        for cliques in batch.cliques.values()
    )


def time_tie(batch: Batch) -> bool:
    """Tell whether a flow without a fingerprint is equally near to flows of different ones.

    Upstream takes the later one; of flows that start together, whichever its sort puts beside.
    """
    flows = list(zip(batch.starts, batch.direct, strict=True))
    known = [(start, fp) for start, fp in flows if fp]
    for at in (start for start, fp in flows if known and not fp):
        least = min(abs(start - at) for start, _ in known)
        if len({fp for start, fp in known if abs(start - at) == least}) > 1:
            return True
    return False


def merging(batch: Batch, similarity: float) -> bool:
    """Tell whether uniting pairs one by one, twice, may give something else than uniting once.

    Upstream unites similar fingerprints pair by pair, in the order of a set. Each meets all that
    are similar to it, so it becomes at least the union of these, and at most that of its component.
    Then upstream does the same with what they became. That is as good as uniting components once,
    if those of one component are certainly similar the second time, and no others possibly are.
    """
    graph = similar(batch.assigned, similarity)
    bounds: set[Bounds] = set()
    for part in nx.connected_components(graph):
        whole = frozenset[str]().union(*part)
        bounds |= {(fp.union(*graph[fp]), whole) for fp in part}
    return any(_unsure(one, other, similarity) for one, other in combinations(bounds, 2))


def _unsure(one: Bounds, other: Bounds, similarity: float) -> bool:
    (least, most), (other_least, other_most) = one, other
    if most == other_most:
        return len(least & other_least) / len(most) <= similarity
    return len(most & other_most) / len(least | other_least) >= similarity
