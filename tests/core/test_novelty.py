"""Verdicts on fingerprints."""

from __future__ import annotations

import numpy as np
import pytest

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.novelty import (
    KNOWN,
    UNSEEN_DEVICE,
    UNSEEN_SITE,
    Judgement,
    Rule,
    judge,
    rarity,
)
from flowprint_zeek.core.sets import Sets

RULE = Rule(min_score=0.5, min_novel=2, min_flows=5)


def judged(kinds: str, *, flows: int = 5, weight: list[int] | None = None) -> Judgement:
    """Judge one fingerprint whose elements are given by a letter each.

    s: own and new to the site, d: own and new to the device only, o: own and old,
    S: new to the site but another fingerprint's, O: old and another's.
    """
    return judge(
        Sets.from_iterables([range(len(kinds))]),
        own=np.array([kind.islower() for kind in kinds], dtype=np.bool_),
        own_flows=ints([flows]),
        similarity=np.array([0.0]),
        new_site=np.array([kind in "sS" for kind in kinds], dtype=np.bool_),
        new_device=np.array([kind in "sSd" for kind in kinds], dtype=np.bool_),
        weight=ints([1] * len(kinds) if weight is None else weight),
        rule=RULE,
    )


VERDICTS = [
    # elements, own flows, verdict, score
    ("ooo", 5, KNOWN, 0.0),
    ("sso", 5, UNSEEN_SITE, 2 / 3),
    ("ssoo", 5, UNSEEN_SITE, 0.5),
    ("ssooo", 5, UNSEEN_DEVICE, 0.4),
    ("so", 5, UNSEEN_SITE, 0.5),
    ("soo", 5, KNOWN, 1 / 3),
    ("sss", 1, UNSEEN_SITE, 1.0),
    ("ssoooo", 4, KNOWN, 1 / 3),
    ("ddo", 5, UNSEEN_DEVICE, 0.0),
    ("ddo", 4, KNOWN, 0.0),
    ("doo", 5, KNOWN, 0.0),
    ("sdo", 5, UNSEEN_DEVICE, 1 / 3),
    ("sd", 5, UNSEEN_SITE, 0.5),
    ("SSo", 5, KNOWN, 2 / 3),
    ("sSo", 5, UNSEEN_SITE, 2 / 3),
    ("ssO", 5, UNSEEN_SITE, 2 / 3),
]


@pytest.mark.parametrize(("kinds", "flows", "verdict", "score"), VERDICTS)
def test_verdicts(kinds: str, flows: int, verdict: str, score: float) -> None:
    """A fingerprint is what its own new elements and its flows make it."""
    found = judged(kinds, flows=flows)
    assert found.verdict.tolist() == [verdict]
    assert found.score.tolist() == [score]


def test_core() -> None:
    """The novel core is the own elements that the site never saw."""
    assert judged("sSdo").core.tolist() == [True, False, False, False]


def test_rare_elements_weigh_more() -> None:
    """The score is the share of weight, not of elements."""
    found = judged("ssooo", weight=[30, 30, 10, 10, 10])
    assert found.score.tolist() == [60 / 90]
    assert found.verdict.tolist() == [UNSEEN_SITE]


def test_many_at_once() -> None:
    """Fingerprints are judged each by their own elements."""
    found = judge(
        Sets.from_iterables([[0, 1], [], [2, 3]]),
        own=np.array([True] * 4),
        own_flows=ints([9, 9, 9]),
        similarity=np.zeros(3),
        new_site=np.array([True, True, False, False]),
        new_device=np.array([True] * 4),
        weight=ints([1] * 4),
        rule=RULE,
    )
    assert found.verdict.tolist() == [UNSEEN_SITE, KNOWN, UNSEEN_DEVICE]
    assert found.score.tolist() == [1.0, 0.0, 0.0]


def test_rarity() -> None:
    """What was seen less often weighs more, and everything weighs something."""
    assert rarity(ints([0, 1, 3, 1 << 40])).tolist() == [65536, 32768, 16384, 1]


def test_by_similarity() -> None:
    """By setting the similarity to the nearest known app decides, as in the paper."""
    found = judge(
        Sets.from_iterables([[0, 1], [0, 1]]),
        own=np.array([True, False, True, True]),
        own_flows=ints([9, 9]),
        similarity=np.array([0.05, 0.1]),
        new_site=np.array([False] * 4),
        new_device=np.array([False] * 4),
        weight=ints([1] * 4),
        rule=Rule(by="similarity", threshold=0.1),
    )
    assert found.verdict.tolist() == [UNSEEN_SITE, KNOWN]
    assert found.score.tolist() == [0.95, 0.9]
    assert found.core.tolist() == [True, False, False, False]
