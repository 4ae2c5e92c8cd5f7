"""The evidence behind the verdicts on one batch, one fingerprint at a time."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowprint_zeek.core.domains import registered_domain, wider
from flowprint_zeek.core.elements import is_endpoint, shown
from flowprint_zeek.core.novelty import UNSEEN_SITE
from flowprint_zeek.stream.notices import Finding, Row

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import pandas as pd

    from flowprint_zeek.core.arrays import Floats
    from flowprint_zeek.core.novelty import Judgement
    from flowprint_zeek.stream.hosts import Host
    from flowprint_zeek.stream.view import BatchView

_LISTED = 20
"""Most entries of a list in flowprint.log."""

_FEW = 5
"""Most certificates in a notice."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """Verdicts on a batch's fingerprints and what they rest on.

    Attributes
    ----------
    view : BatchView
        The batch.
    judged : Judgement
        Verdicts, scores and novel cores.
    nearest : sequence of str
        Id of the most similar known app of each fingerprint, "" for none.
    labels : sequence of str or None
        Its label.
    similarity : ndarray
        Similarity to it.
    is_fresh : callable
        Tells whether an element is a name of a registered domain new to the site.
    burst : int
        New registered domains and networks over which a fingerprint is a browser's.
    host : callable
        Returns name and groups of a device.
    """

    view: BatchView
    judged: Judgement
    nearest: Sequence[str]
    labels: Sequence[str | None]
    similarity: Floats
    is_fresh: Callable[[str], bool]
    burst: int
    host: Callable[[str], Host]

    def verdict(self, at: int) -> str:
        """Return the verdict on a fingerprint."""
        return str(self.judged.verdict[at])

    def core(self, at: int) -> list[str]:
        """Return the novel core of a fingerprint, in canonical order."""
        return self._elements(at)[0]

    def fresh(self, at: int) -> list[str]:
        """Return the names in a novel core whose registered domain is new to the site."""
        return [element for element in self.core(at) if self.is_fresh(element)]

    def cause(self, at: int) -> str:
        """Return what a notice of a fingerprint is mostly of: a registered domain or an element."""
        core = self.core(at)
        named = next((element for element in core if not is_endpoint(element)), core[0])
        return registered_domain(shown(named)) or shown(named)

    def browser(self, at: int) -> bool:
        """Tell whether a fingerprint is a browser's: by its client, or by how much is new."""
        if self.view.browser[at]:
            return True
        return len({wider(element) for element in self.core(at)} - {""}) > self.burst

    def own(self, at: int) -> list[str]:
        """Return the own elements of a fingerprint, in canonical order."""
        low, high = self._span(at)
        codes = self.view.found.sets.element[low:high][self.view.found.own[low:high]]
        return [self.view.found.words.vocabulary[code] for code in codes.tolist()]

    def finding(self, at: int) -> Finding:
        """Return a fingerprint as a notice shows it."""
        novel, shared = self._elements(at)
        view, rows, core = self.view, self.view.rows(at), set(novel)
        met = [core.intersection(elements) for elements in view.row_elements(at)]
        reached = rows[[bool(elements) for elements in met]]
        return Finding(
            closed=view.closed,
            batch_start=view.start,
            batch=view.end - view.start,
            device=view.device(at),
            host=self.host(view.device(at)),
            elements=view.elements[at],
            novel=novel,
            shared=shared,
            score=float(self.judged.score[at]),
            nearest=self.labels[at] or self.nearest[at],
            similarity=float(self.similarity[at]),
            n_bytes=sum(rows["n_bytes"].tolist()),
            uids=_distinct(reached["uid"].tolist()),
            certificates=self._certificates(reached),
            pivot=_pivot(reached, [elements for elements in met if elements]),
        )

    def row(self, at: int, n_devices: int) -> Row:
        """Return a fingerprint as a row of flowprint.log."""
        novel, shared = self._elements(at)
        view = self.view
        return {
            "ts": view.closed,
            "batch_start": view.start,
            "device": view.device(at),
            "fingerprint": view.ids[at],
            "label": self.labels[at],
            "verdict": self.verdict(at),
            "score": float(self.judged.score[at]),
            "nearest": self.nearest[at] or None,
            "similarity": float(self.similarity[at]),
            "n_flows": int(view.found.n_flows[at]),
            "devices": n_devices,
            "novel": tuple(novel[:_LISTED]),
            "shared": tuple(shared[:_LISTED]),
            "uids": tuple(self._uids(at)[:_LISTED]),
        }

    def _uids(self, at: int) -> list[str]:
        """Return the flows of a fingerprint; of an unseen one those to what is new."""
        if self.verdict(at) == UNSEEN_SITE:
            return list(self.finding(at).uids)
        return _distinct(self.view.uids(at))

    def _span(self, at: int) -> tuple[int, int]:
        return self.view.offsets[at], self.view.offsets[at + 1]

    def _elements(self, at: int) -> tuple[list[str], list[str]]:
        """Return the elements in the novel core and those outside."""
        low, high = self._span(at)
        elements, core = self.view.elements[at], self.judged.core[low:high].tolist()
        novel = [element for element, new in zip(elements, core, strict=True) if new]
        return novel, [element for element, new in zip(elements, core, strict=True) if not new]

    def _certificates(self, rows: pd.DataFrame) -> list[str]:
        return [self.view.described(one) for one in _distinct(rows["certificate"].tolist())[:_FEW]]


def _pivot(reached: pd.DataFrame, met: list[set[str]]) -> Row:
    """Return the first flow to the novel element with most flows; all are equally rare.

    Parameters
    ----------
    reached : DataFrame
        Flows to novel elements.
    met : list of set of str
        The novel elements of each.
    """
    flows = Counter(element for elements in met for element in elements)
    most = min(flows, key=lambda element: (-flows[element], element))
    flow = reached.iloc[[most in elements for elements in met].index(True)]
    return {
        "uid": flow["uid"] or None,
        "orig_h": flow["orig_h"],
        "orig_p": int(flow["orig_p"]),
        "resp_h": flow["server"],
        "resp_p": int(flow["resp_p"]),
        "proto": flow["proto"],
    }


def _distinct(texts: Sequence[str]) -> list[str]:
    """Return the texts, each once and "" not at all."""
    return [text for text in dict.fromkeys(texts) if text]
