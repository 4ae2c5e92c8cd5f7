"""The naive rival of every method: whatever has a new registered domain is an unseen app."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.methods import Judged
from flowprint_zeek.core.domains import registered_domain
from flowprint_zeek.core.elements import NAME
from flowprint_zeek.core.matching import NO_MATCH

if TYPE_CHECKING:
    from flowprint_zeek.analysis.items import Items


class NewDomain:
    """Unseen is what has a registered domain that training never had; no app is named."""

    name = "new domain"
    threshold = 1.0

    def fit(self, train: Items) -> None:
        """Learn domains."""
        held = np.unique(train.sets.element).tolist()
        self._known = {_domain(train.vocabulary[code]) for code in held} | {""}

    def judge(self, test: Items) -> Judged:
        """Score 1 for fingerprints with a new domain, 0 for the others."""
        held, place = np.unique(test.sets.element, return_inverse=True)
        new = [_domain(test.vocabulary[code]) not in self._known for code in held.tolist()]
        score = np.zeros(test.size)
        np.maximum.at(score, test.sets.owner, np.array(new, dtype=np.float64)[place])
        return Judged(np.full(test.size, NO_MATCH), score)


def _domain(element: str) -> str:
    return registered_domain(element.removeprefix(NAME)) if element.startswith(NAME) else ""
