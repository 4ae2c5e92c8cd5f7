"""Cases of the engine, at sizes that take no time."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

import pytest

from benchmarks.engine import CASES, PER_DEVICE, agreement, beside_upstream, many
from benchmarks.generators import in_sessions

if TYPE_CHECKING:
    from benchmarks.harness import Case

COMPARED = {case.name: case for case in CASES if case.make(2 * PER_DEVICE, 1).agree is not None}


def test_what_is_compared() -> None:
    """The cases beside upstream compare answers."""
    assert ["batch", "crowded", "devices", "sessions"] == sorted(COMPARED)


@pytest.mark.parametrize("name", COMPARED)
def test_answers_agree(name: str) -> None:
    """The engine and upstream agree as far as the case says."""
    case: Case = COMPARED[name]
    pair = case.make(2 * PER_DEVICE, 1)
    assert pair.agree is not None

    found = pair.agree(pair.ours.prepare()(), pair.other.prepare()())

    assert case.least <= found <= 1


def test_agreement_sees_what_differs() -> None:
    """Fingerprints of other flows are no agreement."""
    traffic = many(2 * PER_DEVICE, 1)
    pair = beside_upstream(partial(in_sessions, devices=2), traffic.size, 1)
    ours, (theirs,) = pair.ours.prepare()(), pair.other.prepare()()

    assert 0.5 > agreement(traffic, ours, [theirs[:PER_DEVICE][::-1], theirs[PER_DEVICE:][::-1]])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_work_is_the_size(case: Case) -> None:
    """A case of a size does as much work."""
    assert 2 * PER_DEVICE == case.make(2 * PER_DEVICE, 1).ours.work
