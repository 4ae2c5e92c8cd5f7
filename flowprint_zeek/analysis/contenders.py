"""Which methods an evaluation compares."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowprint_zeek.analysis.baselines import NewDomain
from flowprint_zeek.analysis.evaluation import Contender
from flowprint_zeek.analysis.methods import PlainJaccard, Resemblance
from flowprint_zeek.analysis.upstream import Upstream

if TYPE_CHECKING:
    from flowprint_zeek.analysis.items import Items


def contenders(
    chosen: str,
    items: Items,
    *,
    similarity: float,
    baselines: bool,
    names: bool,
    upstream: Items | None,
) -> list[Contender]:
    """Return the methods to compare, the chosen one first.

    Parameters
    ----------
    chosen : str
        One of `choices.METHODS`.
    items : Items
        Fingerprints.
    similarity : float
        Similarity below which a fingerprint is unseen to plain Jaccard.
    baselines : bool
        Whether to compare with plain Jaccard and, if fingerprints hold `names`, new domains.
    upstream : Items or None
        What upstream made of the same flows; None leaves it out.
    """
    plain = Contender(PlainJaccard(similarity), items)
    found = [plain if chosen == PlainJaccard.name else Contender(Resemblance(), items)]
    if not baselines:
        return found
    if chosen != PlainJaccard.name:
        found.append(plain)
    if upstream is not None:
        found += [Contender(Upstream(saved=saved), upstream) for saved in (False, True)]
    if names:
        found.append(Contender(NewDomain(), items, names=False))
    return found
