"""Cases of fingerprinting: the engine beside upstream, beside itself at 100 k, and many devices."""

from __future__ import annotations

from collections import Counter
from functools import partial
from typing import TYPE_CHECKING, Any

from benchmarks.generators import ORIGIN, Traffic, at_random, in_sessions
from benchmarks.harness import Case, Contender, Pair
from flowprint_zeek.core.fingerprint import Fingerprints, Parameters, fingerprint
from flowprint_zeek.core.flows import flow_table
from tests.core import upstream

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    import numpy as np
    from numpy.typing import NDArray

    from benchmarks.harness import Run

    Generator = Callable[[int, int], Traffic]

REFERENCE = 100_000
"""Flows with which costs at other sizes are compared."""

PER_DEVICE = 1000
SAMPLED = 10
"""Devices whose flows upstream fingerprints too."""

_DEFAULTS = Parameters()
_UNMERGED = Parameters(similarity=1.0)
_ENGINE = "the engine on a flow table"


def engine(
    traffic: Callable[[], Traffic],
    size: int,
    name: str = _ENGINE,
    *,
    parameters: Parameters = _DEFAULTS,
    exact: bool = True,
) -> Contender:
    """Return the engine on a flow table made beforehand.

    Parameters
    ----------
    traffic : callable
        Makes the flows.
    size : int
        How many it makes.
    name : str
        Name of the contender.
    parameters : Parameters
        Parameters.
    exact : bool, default=True
        Whether packet times are known; without, start and end as conn.log has them.
    """

    def prepare() -> Run:
        table = traffic().table()
        if not exact:
            table = table.drop(columns="times")
        return lambda: fingerprint(table, parameters, origin=ORIGIN)

    return Contender(name, prepare, size)


def published(
    parts: Sequence[Traffic],
    name: str = "upstream on its Flow objects",
    *,
    parameters: Parameters = _DEFAULTS,
) -> Contender:
    """Return upstream, which skips the certificate None, on the flows of each device apart."""

    def prepare() -> Run:
        samples = [upstream.samples(part.flows()) for part in parts]
        return lambda: [_fitted(one, parameters) for one in samples]

    return Contender(name, prepare, sum(part.size for part in parts))


def _fitted(samples: NDArray[np.object_], parameters: Parameters) -> list[Any]:
    made = upstream.FlowPrint(
        parameters.batch, parameters.window, parameters.correlation, parameters.similarity
    )
    with upstream.without_none():
        return list(made.fingerprint(samples))


def agreement(
    traffic: Traffic, found: Fingerprints, theirs: Sequence[list[Any]], *, alike: float = 1.0
) -> float:
    """Return the share of flows whose fingerprints agree.

    Parameters
    ----------
    traffic : Traffic
        Flows of the engine's table.
    found : Fingerprints
        The engine's answer.
    theirs : sequence of list
        Upstream's fingerprint of each flow of the first devices, one list a device.
    alike : float, default=1.0
        Jaccard similarity of elements from which two fingerprints agree.
    """
    ours = [*map(frozenset, found.elements()), frozenset()]
    of_flow = found.of_flow()
    same = 0
    for number, answers in enumerate(theirs):
        words = {one: upstream.elements(one) for one in set(answers)}
        numbers = of_flow[traffic.device == number].tolist()
        pairs = Counter(zip(numbers, answers, strict=True))
        same += sum(n for (at, one), n in pairs.items() if _alike(ours[at], words[one], alike))
    return same / sum(map(len, theirs))


def _alike(one: frozenset[str], other: frozenset[str], least: float) -> bool:
    return one == other or len(one & other) >= least * len(one | other)


def beside_upstream(
    generator: Generator,
    size: int,
    seed: int,
    *,
    parameters: Parameters = _DEFAULTS,
    alike: float = 1.0,
) -> Pair:
    """Return the engine beside upstream on the same flows of one device."""
    traffic = generator(size, seed)
    return Pair(
        engine(lambda: traffic, size, parameters=parameters),
        published([traffic], parameters=parameters),
        partial(agreement, traffic, alike=alike),
    )


def beside_reference(generator: Generator, size: int, seed: int) -> Pair:
    """Return the engine beside itself at the reference size."""
    name = f"the engine on {REFERENCE // 1000} k flows"
    return Pair(
        engine(partial(generator, size, seed), size),
        engine(partial(generator, REFERENCE, seed), REFERENCE, name),
    )


def conversion(size: int, seed: int) -> Pair:
    """Return making a flow table of Flow objects beside fingerprinting it."""
    traffic = at_random(size, seed)

    def prepare() -> Run:
        flows = traffic.flows()
        return lambda: flow_table(flows)

    return Pair(
        Contender("flow_table on Flow objects", prepare, size),
        engine(lambda: traffic, size, "the engine on that table"),
    )


def devices(size: int, seed: int) -> Pair:
    """Return the engine on many devices beside upstream on the first of them."""
    traffic = many(size, seed)
    sample = traffic.of_devices(min(SAMPLED, _devices(size)))
    return Pair(
        engine(lambda: traffic, size, "the engine on all flows"),
        published(sample, f"upstream on the flows of {SAMPLED} devices, one by one"),
        partial(agreement, traffic),
    )


def devices_beside_one(size: int, seed: int) -> Pair:
    """Return the engine on many devices beside as many flows of one device."""
    name = "the engine on as many flows of one device"
    return Pair(
        engine(partial(many, size, seed), size, "the engine on many devices"),
        engine(partial(in_sessions, size, seed), size, name),
    )


def without_times(size: int, seed: int) -> Pair:
    """Return the engine on start and end of flows beside the engine on their packet times."""
    flows = partial(many, size, seed)
    return Pair(
        engine(flows, size, "the engine on start and end", exact=False),
        engine(flows, size, "the engine on packet times"),
    )


def many(size: int, seed: int) -> Traffic:
    """Return flows of many devices, a thousand each."""
    return in_sessions(size, seed, devices=_devices(size))


def _devices(size: int) -> int:
    return max(1, size // PER_DEVICE)


_BESIDE = (1000, 3000, 10_000, 30_000, 100_000)
_ALONE = (1000, 10_000, 30_000, 300_000, 1_000_000)
_CROWDED = partial(at_random, per_batch=1000, lasts=60)
_MOST = 0.9
_ORDER = (
    "upstream merges alike fingerprints pair by pair, in an order that changes with the hash seed"
)
_NEARLY = 0.95
_TIES = (
    f"from a similarity of {_NEARLY} on, since upstream takes any of the cliques of as many"
    " elements and flows"
)
_case = partial(Case, unit="flow", stages=fingerprint)

CASES = (
    _case(
        name="batch",
        about="one device, 200 destinations at random, all flows in one batch of 300 s",
        sizes=_BESIDE,
        make=partial(beside_upstream, at_random),
    ),
    _case(
        name="sessions",
        about="one device, 250 flows a batch, four apps of ten destinations used in each",
        sizes=_BESIDE,
        make=partial(beside_upstream, in_sessions),
        least=_MOST,
        why=_ORDER,
    ),
    _case(
        name="crowded",
        about="one device, 1,000 flows a batch to 200 destinations at random, similarity 1",
        sizes=(1000, 10_000, 30_000),
        make=partial(beside_upstream, _CROWDED, parameters=_UNMERGED, alike=_NEARLY),
        why=_TIES,
    ),
    _case(
        name="conversion",
        about="making the flow table of `batch`",
        sizes=(10_000, 100_000),
        make=conversion,
        stages=None,
    ),
    _case(
        name="linear-batch",
        about="more and more flows of `batch`; 1 is as cheap a flow as at 100 k",
        sizes=_ALONE,
        make=partial(beside_reference, at_random),
        memory=True,
    ),
    _case(
        name="linear-sessions",
        about="more and more flows of `sessions`; 1 is as cheap a flow as at 100 k",
        sizes=_ALONE,
        make=partial(beside_reference, in_sessions),
        memory=True,
    ),
    _case(
        name="devices",
        about="flows as in `sessions`, 1,000 of each device",
        sizes=(10_000, 100_000, 1_000_000),
        make=devices,
        least=_MOST,
        why=_ORDER,
        memory=True,
    ),
    _case(
        name="devices-one",
        about="the flows of `devices`; 1 is as cheap a flow as one device's",
        sizes=(100_000, 1_000_000),
        make=devices_beside_one,
    ),
    _case(
        name="no-times",
        about="the flows of `devices` as conn.log has them, without packet times",
        sizes=(100_000, 1_000_000),
        make=without_times,
    ),
)
