"""Verdicts on fingerprints."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.novelty import (
    KNOWN,
    TOO_LITTLE,
    UNSEEN_DEVICE,
    UNSEEN_SITE,
    Judgement,
    Rule,
    judge,
    rarity,
)
from flowprint_zeek.core.sets import Sets

RULE = Rule(threshold=0.1, min_score=0.5, min_novel=2, min_flows=5)


def judged(
    kinds: str, *, flows: int = 5, similarity: float = 0.0, weight: list[int] | None = None
) -> Judgement:
    """Judge one fingerprint whose elements are given by a letter each.

    s: own and new to the site, d: own and new to the device only, o: own and old,
    S: new to the site but another fingerprint's, O: old and another's.
    """
    return judge(
        Sets.from_iterables([range(len(kinds))]),
        own=np.array([kind.islower() for kind in kinds], dtype=np.bool_),
        own_flows=ints([flows]),
        new_site=np.array([kind in "sS" for kind in kinds], dtype=np.bool_),
        new_device=np.array([kind in "sSd" for kind in kinds], dtype=np.bool_),
        weight=ints([1] * len(kinds) if weight is None else weight),
        similarity=np.array([similarity]),
        rule=RULE,
    )


VERDICTS = [
    # elements, own flows, similarity, verdict, score
    ("ooo", {}, KNOWN, 0.0),
    ("sso", {}, UNSEEN_SITE, 2 / 3),
    ("ssoooo", {}, UNSEEN_SITE, 1 / 3),
    ("ssoooo", {"similarity": 0.09}, UNSEEN_SITE, 1 / 3),
    ("ssoooo", {"similarity": 0.1}, UNSEEN_DEVICE, 1 / 3),
    ("ssoo", {"similarity": 0.9}, UNSEEN_SITE, 0.5),
    ("ssooo", {"similarity": 0.9}, UNSEEN_DEVICE, 0.4),
    ("so", {}, TOO_LITTLE, 0.5),
    ("soo", {"similarity": 0.9}, KNOWN, 1 / 3),
    ("sss", {"flows": 4}, TOO_LITTLE, 1.0),
    ("ssoooo", {"flows": 4, "similarity": 0.9}, KNOWN, 1 / 3),
    ("ddo", {}, UNSEEN_DEVICE, 0.0),
    ("ddo", {"flows": 4}, KNOWN, 0.0),
    ("doo", {}, KNOWN, 0.0),
    ("sdo", {"similarity": 0.9}, UNSEEN_DEVICE, 1 / 3),
    ("sdo", {}, TOO_LITTLE, 1 / 3),
    ("SSo", {}, KNOWN, 0.0),
    ("sSo", {}, TOO_LITTLE, 1 / 3),
    ("ssO", {"similarity": 0.9}, UNSEEN_SITE, 2 / 3),
]


@pytest.mark.parametrize(("kinds", "given", "verdict", "score"), VERDICTS)
def test_verdicts(kinds: str, given: dict[str, Any], verdict: str, score: float) -> None:
    """A fingerprint is what its own new elements, its flows and its similarity make it."""
    found = judged(kinds, **given)
    assert found.verdict.tolist() == [verdict]
    assert found.score.tolist() == [score]


def test_core() -> None:
    """The novel core is the own elements that the site never saw."""
    assert judged("sSdo").core.tolist() == [True, False, False, False]


def test_rare_elements_weigh_more() -> None:
    """The score is the share of weight, not of elements."""
    found = judged("ssooo", similarity=0.9, weight=[30, 30, 10, 10, 10])
    assert found.score.tolist() == [60 / 90]
    assert found.verdict.tolist() == [UNSEEN_SITE]


def test_many_at_once() -> None:
    """Fingerprints are judged each by their own elements."""
    found = judge(
        Sets.from_iterables([[0, 1], [], [2, 3]]),
        own=np.array([True] * 4),
        own_flows=ints([9, 9, 9]),
        new_site=np.array([True, True, False, False]),
        new_device=np.array([True] * 4),
        weight=ints([1] * 4),
        similarity=np.zeros(3),
        rule=RULE,
    )
    assert found.verdict.tolist() == [UNSEEN_SITE, KNOWN, UNSEEN_DEVICE]
    assert found.score.tolist() == [1.0, 0.0, 0.0]


def test_rarity() -> None:
    """What fewer known fingerprints hold weighs more, and everything weighs something."""
    weight = rarity(ints([0, 1, 9, 99]), 99)
    assert weight.tolist() == [4606, 3913, 2304, 1]
    assert rarity(ints([0]), 0).tolist() == [1]
