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
BROWSER = "browser"
SHARED_ADDRESS = "shared_address"
DEGRADED = "degraded"
DISMISSED = "dismissed"

_WHOLE = 1 << 16


@dataclass(frozen=True, slots=True)
class Rule:
    """When a fingerprint counts as unseen, and when there is enough evidence to raise it.

    Evidence adds up over the batches and devices of a site in which the same new elements show.

    Parameters
    ----------
    by : {"novelty", "similarity"}, default="novelty"
        Whether the score decides, or as in the paper the similarity to the nearest known app.
    threshold : float, default=0.1
        Similarity below which a fingerprint is unseen where that decides.
    weighted : bool, default=True
        Whether rare elements weigh more than those that the site sees all the time.
    min_score : float, default=0.7
        Least score.
    min_novel : int, default=2
        Fewest new elements.
    min_flows : int, default=5
        Fewest own flows.
    min_batches, lone_batches : int, default=1, 2
        Batches in which `min_novel` new elements show themselves, or one new registered domain.
    browser_batches : int, default=6
        Batches in which they do among the flows of browsers; a single one is never enough there.
    burst : int, default=8
        New registered domains and networks in one fingerprint over which it is a browser's, also
        where no log tells its client.
    """

    by: str = "novelty"
    threshold: float = 0.1
    weighted: bool = True
    min_score: float = 0.7
    min_novel: int = 2
    min_flows: int = 5
    min_batches: int = 1
    lone_batches: int = 2
    browser_batches: int = 6
    burst: int = 8


@dataclass(frozen=True, slots=True)
class Judgement:
    """Verdicts on fingerprints.

    Attributes
    ----------
    verdict : ndarray of str, shape (n,)
        `KNOWN`, `UNSEEN_SITE` or `UNSEEN_DEVICE`; of the second, detection makes another where
        there is too little evidence yet or the device or the client is shared.
    score : ndarray of shape (n,)
        Share of the weight that is of elements new to the site, 0 to 1, those of other fingerprints
        too: an app's parts are as new as the app. Where the similarity decides, 1 less that.
    core : ndarray of bool, one for each pair in the sets
        Own elements new to the site; of what is unseen by its similarity, all own elements.
    """

    verdict: Texts
    score: Floats
    core: Bools


def rarity(sightings: Ints) -> Ints:
    """Return the weight of elements by the number of device batches that they were seen in.

    One over that number and one more, in 65536ths so that sums are exact: what a site sees all the
    time, such as its resolver or an advertiser, says nothing for or against an app.
    """
    weight: Ints = np.rint(_WHOLE / (sightings + 1)).astype(np.int64)
    return np.maximum(weight, 1)


def judge(
    sets: Sets,
    own: Bools,
    own_flows: Ints,
    similarity: Floats,
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
    own_flows, similarity : ndarray of shape (n,)
        Own flows, and the similarity to the nearest known app.
    rule : Rule
        Limits.
    """
    core = own & new_site
    n_device = np.bincount(sets.owner[own & new_device], minlength=sets.size)
    if rule.by == "similarity":
        unseen = similarity < rule.threshold
        core, score = np.where(unseen[sets.owner], own, core), 1 - similarity
    else:
        total = np.bincount(sets.owner, weights=weight, minlength=sets.size)
        new = np.bincount(sets.owner[new_site], weights=weight[new_site], minlength=sets.size)
        score = new / np.maximum(total, 1)
        n_core = np.bincount(sets.owner[core], minlength=sets.size)
        unseen = (n_core > 0) & (score >= rule.min_score)
    # np.full would make a text for each.
    verdict = np.array([KNOWN], dtype=object).repeat(sets.size)
    verdict[(n_device >= rule.min_novel) & (own_flows >= rule.min_flows)] = UNSEEN_DEVICE
    verdict[unseen] = UNSEEN_SITE
    return Judgement(verdict, score, core)
