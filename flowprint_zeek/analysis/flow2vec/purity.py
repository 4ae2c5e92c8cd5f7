"""Whether the tokens of an app are each other's neighbours."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import Floats, Ints, ints

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    Likeness = Callable[[Ints], Floats]
    """Returns how like tokens are to every token, shape (n_rows, n_tokens)."""

OWN = 0.8
"""Share of a token's flows with one label from which on it is that label's own."""

_BLOCK = 1024


@dataclass(frozen=True, slots=True)
class Judgement:
    """How near tokens of one label are to each other.

    Attributes
    ----------
    tokens, labels : int
        Tokens that were judged, and labels that they are of.
    purity : float
        Mean share of a token's k nearest that have its label, of fewer where it has fewer others.
    precision : float
        Mean average precision: of retrieving the label's other tokens, the nearest first.
    chance : float
        The purity of neighbours that are drawn.
    """

    tokens: int
    labels: int
    purity: float
    precision: float
    chance: float


def own_labels(
    tokens: Sequence[str],
    labels: Mapping[str, Mapping[str, int]],
    counts: Ints,
    others: Collection[str] = (),
) -> list[str]:
    """Return the label of each token that is one's own, "" for the rest.

    Parameters
    ----------
    tokens : sequence of str
        Vocabulary.
    labels : mapping of str to mapping
        By token, how many flows have which label.
    counts : ndarray of int, shape (n_tokens,)
        Flows of each token.
    others : collection of str
        Labels that name no app.
    """
    found = []
    for token, count in zip(tokens, counts.tolist(), strict=True):
        said = labels.get(token, {})
        name = max(sorted(said), key=said.__getitem__, default="")
        own = name not in others and said.get(name, 0) >= OWN * count
        found.append(name if own else "")
    return found


def judged(likeness: Likeness, label: Sequence[str], k: int = 5) -> Judgement | None:
    """Judge neighbours by labels.

    Every token may be a neighbour; those without a label, and those whose label no other token has,
    are not judged.

    Parameters
    ----------
    likeness : callable
        Tells how like tokens are to all tokens.
    label : sequence of str, shape (n_tokens,)
        Labels, "" without.
    k : int
        Neighbours for the purity.

    Returns
    -------
    Judgement or None
        None where no label has two tokens.
    """
    sizes = Counter(name for name in label if name)
    names = np.array(label, dtype=object)
    rows = ints([at for at, name in enumerate(label) if sizes[name] > 1])
    if not rows.size:
        return None
    purity, precision, chance = [], [], []
    for begin in range(0, rows.size, _BLOCK):
        block = rows[begin : begin + _BLOCK]
        scores = likeness(block)
        scores[np.arange(block.size), block] = -np.inf
        # The token itself comes last.
        order = np.argsort(-scores, axis=1, kind="stable")[:, :-1]
        hits = names[order] == names[block][:, None]
        for row, one in zip(hits, block.tolist(), strict=True):
            n = sizes[label[one]] - 1
            purity.append(float(row[: min(k, n)].mean()))
            at = np.flatnonzero(row)
            precision.append(float(((np.arange(at.size) + 1) / (at + 1)).mean()))
            chance.append(n / (len(label) - 1))
    return Judgement(
        rows.size,
        len({label[one] for one in rows.tolist()}),
        *(float(np.mean(values)) for values in (purity, precision, chance)),
    )
