"""Generated batches through upstream and the engine; run as a module it prints what it counts.

A batch is one device's, starts at 0 and lies within 300 s. Its apps have destinations of their own,
active together in bursts; other destinations are shared: they join some bursts, and are active by
themselves. Times are whole or quarter seconds, which floats hold exactly and which meet the edges
of windows.
"""

from __future__ import annotations

import random
import sys
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

import pandas as pd

from flowprint_zeek.core.fingerprint import Parameters, fingerprint
from flowprint_zeek.core.flows import Flow, flow_table
from tests.core import deviations, oracle, upstream

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tests.core.oracle import Elements

SEED = 1
SPAN = 300
BATCHES = 50
"""Batches for each set of parameters."""


@dataclass(frozen=True, slots=True)
class Density:
    """How much happens in a batch.

    Attributes
    ----------
    apps, own, bursts, shared : int
        Most apps, destinations and bursts of each, and shared destinations.
    packets : int
        Most packets of a flow.
    joined : float
        Chance that a shared destination joins a burst.
    """

    apps: int
    own: int
    bursts: int
    shared: int
    packets: int
    joined: float = 0.3


DENSITIES = (
    Density(apps=3, own=3, bursts=2, shared=1, packets=2),
    Density(apps=4, own=4, bursts=2, shared=2, packets=4),
    Density(apps=6, own=6, bursts=2, shared=3, packets=3),
    Density(apps=8, own=8, bursts=3, shared=4, packets=6),
    Density(apps=4, own=2, bursts=2, shared=5, packets=3, joined=0.8),
)
OFTEN = (2, 2, 2, 1, 2)
"""How often each density comes."""

CERTIFICATES = ((0.0, 99), (0.3, 99), (0.8, 99), (0.8, 9))
"""Share of destinations with a certificate, and how many certificates they have between them."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one batch.

    Attributes
    ----------
    flows, parameters
        The batch.
    reasons : list of str
        Deviations that apply to it.
    ours, theirs, slow : list of Elements
        Fingerprint of each flow from the engine, from upstream, and written the slow way.
    """

    flows: list[Flow]
    parameters: Parameters
    reasons: list[str]
    ours: list[Elements]
    theirs: list[Elements]
    slow: list[Elements]

    @property
    def equal(self) -> bool:
        """Whether every flow has the same fingerprint."""
        return self.ours == self.theirs

    @property
    def several(self) -> bool:
        """Whether there is more than one fingerprint."""
        return len(set(self.ours) - {frozenset()}) > 1


def parameters() -> list[Parameters]:
    """Return the sets of parameters; those that weld all into one fingerprint are few."""
    grid = [
        *product((5, 10, 30, 60), (0.05, 0.1, 0.3, 0.5, 1.0), (0.3, 0.5, 0.7, 0.9, 1.0)),
        *product((600,), (0.1, 1.0), (0.3, 0.9)),
        *product((30, 600), (0.0,), (0.3, 0.9)),
    ]
    return [Parameters(window=w, correlation=c, similarity=s) for w, c, s in grid]


def batch(chance: random.Random) -> list[Flow]:
    """Return the flows of a batch, in no order."""
    density = chance.choices(DENSITIES, OFTEN)[0]
    step = chance.choice((0.25, 1.0))
    shared = [f"10.0.255.{n}" for n in range(chance.randint(0, density.shared))]
    met = [(host, chance.uniform(0, SPAN)) for host in shared]
    for app in range(chance.randint(2, density.apps)):
        own = [f"10.0.{app}.{n}" for n in range(chance.randint(2, density.own))]
        for _ in range(chance.randint(1, density.bursts)):
            start = chance.uniform(0, SPAN - 20)
            met += [(host, start) for host in own if chance.random() < 0.9]
            met += [(host, start) for host in shared if chance.random() < density.joined]
    certificate = _certificates(chance, {host for host, _ in met})
    times = [_times(chance, start, step, density.packets) for _, start in met]
    first = min(range(len(met)), key=lambda at: times[at])
    times[first] = (0.0, *times[first])
    flows = [
        Flow(host, 443, one, certificate[host]) for (host, _), one in zip(met, times, strict=True)
    ]
    chance.shuffle(flows)
    return flows


def _certificates(chance: random.Random, hosts: set[str]) -> dict[str, str | None]:
    share, n_different = chance.choice(CERTIFICATES)
    return {
        host: f"c{chance.randrange(n_different)}" if chance.random() < share else None
        for host in sorted(hosts)
    }


def _times(chance: random.Random, at: float, step: float, most: int) -> tuple[float, ...]:
    times = []
    for _ in range(chance.randint(1, most)):
        at += chance.expovariate(1 / 60 if chance.random() < 0.1 else 1 / 4)
        times.append(min(at // step * step, SPAN - step))
    return tuple(times)


def outcomes() -> Iterator[Outcome]:
    """Yield what becomes of each batch."""
    chance = random.Random(SEED)  # noqa: S311 - a test
    for chosen in parameters():
        batches = [batch(chance) for _ in range(BATCHES)]
        for flows, ours in zip(batches, engine(batches, chosen), strict=True):
            steps = oracle.steps(flows, chosen)
            found = deviations.reasons(steps, chosen)
            theirs = upstream.fingerprints(flows, chosen)
            yield Outcome(flows, chosen, found, ours, theirs, steps.merged)


def engine(batches: Sequence[list[Flow]], parameters: Parameters) -> list[list[Elements]]:
    """Return the engine's fingerprint of each flow, a device for each batch."""
    tables = [flow_table(flows).assign(device=f"{at:04}") for at, flows in enumerate(batches)]
    found = fingerprint(pd.concat(tables, ignore_index=True), parameters, origin=0)
    elements = [*map(frozenset, found.elements()), frozenset[str]()]
    of_flow = iter(found.of_flow().tolist())
    return [[elements[next(of_flow)] for _ in flows] for flows in batches]


def report(run: list[Outcome]) -> str:
    """Return the figures of a run as a table."""
    deviating = [one for one in run if one.reasons]
    rows = [
        ("batches", len(run)),
        ("flows", sum(len(one.flows) for one in run)),
        ("batches with several fingerprints", sum(one.several for one in run)),
        ("batches without a deviation", len(run) - len(deviating)),
        ("- of these, not equal", sum(not one.equal for one in run if not one.reasons)),
        ("batches with a deviation", len(deviating)),
    ]
    for reason in deviations.REASONS:
        alone = [one for one in deviating if one.reasons == [reason]]
        rows += [
            (f"- {reason}", sum(reason in one.reasons for one in deviating)),
            ("  - alone", len(alone)),
            ("  - alone, and not equal", sum(not one.equal for one in alone)),
        ]
    return "".join(f"{name:<36}{value:>8,}\n" for name, value in rows)


if __name__ == "__main__":
    sys.stdout.write(report(list(outcomes())))
