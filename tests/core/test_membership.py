"""Fingerprints of busy and hostile devices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import pytest

from flowprint_zeek.core import correlation, membership
from flowprint_zeek.core import fingerprint as module
from flowprint_zeek.core.cliques import Heaviest, heaviest_cliques
from flowprint_zeek.core.correlation import MAX_SIGNATURES, Edges, Signatures, edges
from flowprint_zeek.core.fingerprint import Parameters, fingerprint
from tests.core.graphs import signatures
from tests.core.test_fingerprint import quiet

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.core.arrays import Bools

Row = dict[str, object]

CALM = [quiet(f"10.9.0.{n}", at, at, device="calm") for n in range(4) for at in (1, 61)]


def active(rows: Bools, width: float, *, device: str, net: int = 0, first: int = 0) -> list[Row]:
    """Return flows of destinations with the activity of signatures, one a window."""
    destination, window = np.nonzero(rows)
    return [
        quiet(f"10.{net}.{n // 250}.{n % 250}", at, at, device=device)
        for n, at in zip(destination.tolist(), ((window + first) * width).tolist(), strict=True)
    ]


def calm_elements(rows: list[Row], parameters: Parameters) -> tuple[list[tuple[str, ...]], int]:
    """Return the fingerprints of the calm device beside others, and how many are bounded."""
    found = fingerprint(pd.DataFrame(rows), parameters)
    own = [found.devices[at] == "calm" for at in found.device.tolist()]
    return [one for one, calm in zip(found.elements(), own, strict=True) if calm], found.bounded


@pytest.fixture
def budgets(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return the budgets that searches are given, in order."""
    given: list[int] = []

    def spied(adjacency: Bools, weights: Sequence[int], budget: int) -> Heaviest:
        given.append(budget)
        return heaviest_cliques(adjacency, weights, budget)

    monkeypatch.setattr(membership, "heaviest_cliques", spied)
    return given


def test_hard_parts_of_a_batch_share_one_budget(budgets: list[int]) -> None:
    """Every search of a device batch gets what those before it left; other batches lose none."""
    hard = signatures("random", 60, 1, chance=0.4)
    rows = [
        *active(hard, 15, device="busy", net=1),
        *active(hard, 15, device="busy", net=2, first=10),
        *active(hard, 15, device="other", net=1),
    ]
    exact = fingerprint(pd.DataFrame(rows), Parameters(window=15, clique_budget=10**8))
    need = budgets[0] - budgets[1]
    budgets.clear()
    short = fingerprint(pd.DataFrame(rows), Parameters(window=15, clique_budget=need * 3 // 2))
    assert (exact.bounded, short.bounded) == (0, 1)
    assert budgets == [need * 3 // 2, need // 2, need * 3 // 2]


def test_a_hostile_device_takes_nothing_from_others() -> None:
    """A device beyond its budget is reported; the fingerprints of others are what they are alone.

    The hostile one has a thousand distinct signatures.
    """
    hostile = active(signatures("random", 1_000, 1, chance=0.45), 30, device="hostile")
    parameters = Parameters(clique_budget=20_000)
    alone, _ = calm_elements(CALM, parameters)
    beside, bounded = calm_elements([*hostile, *CALM], parameters)
    assert bounded == 1
    assert alone
    assert beside == alone


def test_more_signatures_than_are_compared() -> None:
    """The busiest signatures of a batch are compared, and a batch of more is bounded."""
    rows = signatures("random", MAX_SIGNATURES + 200, 1, windows=100, chance=0.02)
    many = active(rows, 3, device="many")
    parameters = Parameters(window=3)
    alone, _ = calm_elements(CALM, parameters)
    beside, bounded = calm_elements([*many, *CALM], parameters)
    found = fingerprint(pd.DataFrame(many), parameters)
    assert bounded == 1
    assert beside == alone
    assert found.size > 0
    assert (found.of_slice >= 0).all()


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Return how many edges were made at a time."""
    sizes: list[int] = []

    def spied(signatures: Signatures, correlation: float) -> Edges:
        found = edges(signatures, correlation)
        sizes.append(found.left.size)
        return found

    monkeypatch.setattr(module, "edges", spied)
    return sizes


def test_edges_of_a_few_groups_are_held_at_a_time(
    made: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many devices there are, their edges are not all held, and the answer is the same."""
    hard = active(signatures("random", 59, 1, chance=0.4), 15, device="")
    hard.append(quiet("10.9.9.9", 299, 299))
    flows = pd.DataFrame([row | {"device": f"d{n}"} for n in range(6) for row in hard])
    parameters = Parameters(window=15, clique_budget=300)
    whole = fingerprint(flows, parameters)
    monkeypatch.setattr(correlation, "_MAX_PAIRS", 2 * 60**2)
    parts = fingerprint(flows, parameters)
    assert made == [6 * made[-1] // 2, *[made[-1]] * 3]
    assert whole.bounded == parts.bounded == 6
    assert whole.elements() == parts.elements()
    assert whole.of_slice.tolist() == parts.of_slice.tolist()


def test_where_all_are_joined_nothing_is_compared(made: list[int]) -> None:
    """With a correlation of 0 all destinations of a batch are one fingerprint, however many."""
    rows = signatures("random", MAX_SIGNATURES + 200, 1, windows=100, chance=0.02)
    flows = pd.DataFrame([*active(rows, 3, device="many"), *CALM])
    found = fingerprint(flows, Parameters(window=3, correlation=0.0))
    assert [4, MAX_SIGNATURES + 200] == [len(one) for one in found.elements()]
    assert (found.bounded, made) == (0, [0])


def test_a_batch_is_bounded_once() -> None:
    """A batch with too many signatures whose search is cut short too counts as one."""
    rows = signatures("random", MAX_SIGNATURES + 1, 1, windows=20, chance=0.4)
    flows = pd.DataFrame(active(rows, 15, device="many"))
    assert fingerprint(flows, Parameters(window=15, clique_budget=1)).bounded == 1


def test_as_many_signatures_as_are_compared() -> None:
    """A batch of just that many is not cut."""
    rows = signatures("random", MAX_SIGNATURES, 1, windows=100, chance=0.02)
    flows = pd.DataFrame(active(rows, 3, device="many"))
    assert fingerprint(flows, Parameters(window=3, clique_budget=10**8)).bounded == 0
