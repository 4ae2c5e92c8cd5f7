"""Why a notice was raised: kept with it, for the person who asks later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.novelty import rarity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.core.novelty import Rule
    from flowprint_zeek.known import Site
    from flowprint_zeek.stream.evidence import Evidence
    from flowprint_zeek.stream.pending import PendingApp

_NEAREST = 3
_MOST = 200
"""Elements, and uids, that are kept of one notice."""


@dataclass(frozen=True, slots=True)
class ExplainedElement:
    """An element of a noticed fingerprint.

    Attributes
    ----------
    element : str
        The element.
    novel, fresh : bool
        Whether it was new to the site, and of a registered domain new to the site.
    weight : float
        What it weighed in the score, as a share of the whole fingerprint.
    first, last, sightings, devices : int
        When the site saw it before, µs (0 where never or unknown), in how many batches of devices,
        and on how many devices.
    """

    element: str
    novel: bool
    fresh: bool
    weight: float
    first: int
    last: int
    sightings: int
    devices: int


@dataclass(frozen=True, slots=True)
class Similar:
    """A known app that resembles a noticed fingerprint: its id, label and common elements."""

    id: str
    label: str | None
    similarity: float
    common: list[str]


@dataclass(frozen=True, slots=True)
class Explained:
    """What a notice rests on.

    Attributes
    ----------
    id : str
        Id of the notice.
    pending : int
        Number of the pending app.
    device : str
        Device.
    batch_start, closed : int
        Start of the batch and log time of its closing, µs.
    score, min_score : float
        Score of novelty, and from which on it counts.
    browser : bool
        Whether the higher bar of browsers was asked for.
    n_flows : int
        Flows of the fingerprint in the batch.
    app_flows, app_batches, app_devices : int
        Own flows, batches and devices of the pending app so far.
    elements : list of ExplainedElement
        What is new first, then by weight.
    nearest : list of Similar
        Most similar known apps.
    uids : list of str
        Connections to what is new.
    """

    id: str
    pending: int
    device: str
    batch_start: int
    closed: int
    score: float
    min_score: float
    browser: bool
    n_flows: int
    app_flows: int
    app_batches: int
    app_devices: int
    elements: list[ExplainedElement]
    nearest: list[Similar]
    uids: list[str]


Why = Callable[[], Explained]
"""Tells what a notice rests on; that costs, and not everyone keeps it."""


def explained(evidence: Evidence, at: int, app: PendingApp, site: Site, rule: Rule) -> Explained:
    """Return what the notice of a fingerprint rests on."""
    finding = evidence.finding(at)
    return Explained(
        id=finding.notice_id,
        pending=app.number,
        device=finding.device,
        batch_start=finding.batch_start,
        closed=finding.closed,
        score=finding.score,
        min_score=rule.min_score,
        browser=evidence.browser(at),
        n_flows=int(evidence.view.found.n_flows[at]),
        app_flows=app.n_flows,
        app_batches=app.n_batches,
        app_devices=len(app.devices),
        elements=_elements(evidence, at, site, rule),
        nearest=_nearest(site, finding.elements),
        uids=list(finding.uids[:_MOST]),
    )


def _elements(evidence: Evidence, at: int, site: Site, rule: Rule) -> list[ExplainedElement]:
    elements = evidence.view.elements[at]
    novel, fresh = set(evidence.core(at)), set(evidence.fresh(at))
    weights = rarity(site.seen.sightings(elements)) if rule.weighted else ints([1] * len(elements))
    counted = [
        0 if element in evidence.view.proxies else weight
        for element, weight in zip(elements, weights.tolist(), strict=True)
    ]
    whole = sum(counted) or 1
    found = []
    for element, weight in zip(elements, counted, strict=True):
        first, last, sightings = site.seen.sighting(element) or (0, 0, 0)
        devices = site.seen.n_devices(element)
        found.append(
            ExplainedElement(
                element,
                element in novel,
                element in fresh,
                weight / whole,
                first,
                last,
                sightings,
                devices,
            )
        )
    return sorted(found, key=lambda one: (not one.novel, -one.weight, one.element))[:_MOST]


def _nearest(site: Site, elements: Sequence[str]) -> list[Similar]:
    wanted = set(elements)
    return [
        Similar(
            key,
            site.known[key].label,
            similarity,
            [element for element in site.known[key].elements if element in wanted][:_MOST],
        )
        for key, similarity in site.known.similar(elements, _NEAREST)
    ]
