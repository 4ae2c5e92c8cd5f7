"""What is new in a fingerprint, and what follows from it.

The best similarity to hundreds of known apps goes deaf, and fragments of known apps cry wolf. An
unseen app therefore has a *novel core*: own elements that the site never saw. Its score is the
share of the fingerprint's rarity weight that the core explains.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from flowprint_zeek.core.arrays import Bools, Floats, Ints, Texts
    from flowprint_zeek.core.sets import Sets

KNOWN = "known"
UNSEEN_SITE = "unseen_site"
UNSEEN_DEVICE = "unseen_device"
TOO_LITTLE = "too_little"


@dataclass(frozen=True, slots=True)
class Rule:
    """When a fingerprint counts as unseen.

    Parameters
    ----------
    min_score : float, default=0.7
        Least score.
    min_novel : int, default=2
        Fewest own elements that are new.
    min_flows : int, default=5
        Fewest own flows.
    """

    min_score: float = 0.7
    min_novel: int = 2
    min_flows: int = 5


@dataclass(frozen=True, slots=True)
class Judgement:
    """Verdicts on fingerprints.

    Attributes
    ----------
    verdict : ndarray of str, shape (n,)
        `KNOWN`, `UNSEEN_SITE`, `UNSEEN_DEVICE` or `TOO_LITTLE`.
    score : ndarray of shape (n,)
        Share of the rarity weight that own elements new to the site explain, 0 to 1.
    core : ndarray of bool, one for each pair in the sets
        Own elements new to the site.
    """

    verdict: Texts
    score: Floats
    core: Bools


def rarity(n_holding: Ints, n_known: int) -> Ints:
    """Return the weight of elements by the number of known fingerprints that hold them.

    The logarithm of inverse frequency in whole thousandths, so that sums are exact, and at least 1.
    """
    weight: Ints = np.rint(1000 * np.log((n_known + 1) / (n_holding + 1))).astype(np.int64)
    return weight + 1


def judge(
    sets: Sets,
    own: Bools,
    own_flows: Ints,
    new_site: Bools,
    new_device: Bools,
    weight: Ints,
    rule: Rule,
) -> Judgement:
    """Judge fingerprints.

    Parameters
    ----------
    sets : Sets
        Fingerprints.
    own, new_site, new_device, weight : ndarray, one entry for each pair in `sets`
        Whether the element is the fingerprint's own, whether the site or the device never saw it,
        and its rarity weight.
    own_flows : ndarray of shape (n,)
        Own flows.
    rule : Rule
        Limits.
    """
    core = own & new_site
    n_core = np.bincount(sets.owner[core], minlength=sets.size)
    n_device = np.bincount(sets.owner[own & new_device], minlength=sets.size)
    total = np.bincount(sets.owner, weights=weight, minlength=sets.size)
    score = np.bincount(sets.owner[core], weights=weight[core], minlength=sets.size) / np.maximum(
        total, 1
    )
    enough = own_flows >= rule.min_flows
    stands_out = score >= rule.min_score
    verdict = np.full(sets.size, KNOWN, dtype=object)
    verdict[(n_device >= rule.min_novel) & enough] = UNSEEN_DEVICE
    verdict[(n_core > 0) & stands_out] = TOO_LITTLE
    verdict[(n_core >= rule.min_novel) & enough & stands_out] = UNSEEN_SITE
    return Judgement(verdict, score, core)
