"""Cases of matching: beside upstream, as the index grows, updates, and weights."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import TYPE_CHECKING

import numpy as np

from benchmarks.harness import Case, Contender, Pair
from flowprint_zeek.core.arrays import Floats, Ints, expand
from flowprint_zeek.core.matching import KnownIndex
from flowprint_zeek.core.sets import Sets
from tests.core import upstream

if TYPE_CHECKING:
    from benchmarks.harness import Run

SHARED = 2000
"""Elements that strangers share: resolvers, advertisers, crash reporters."""

OWN = 30
"""Elements of its own that an app has at most."""

PER_APP = 10
"""Fingerprints of each known app."""

SAMPLES = 10_000
REFERENCE = 100_000
"""Known fingerprints with which costs at other sizes are compared."""

UPSTREAM = 100
"""Samples that upstream looks up."""


@dataclass(frozen=True, slots=True)
class Site:
    """Known fingerprints and samples to look up."""

    words: list[str]
    known: Sets
    samples: Sets

    def elements(self, sets: Sets) -> list[list[str]]:
        """Return the elements of each set."""
        return [[self.words[code] for code in one] for one in sets.lists()]

    def index(self, weights: dict[str, float] | None = None) -> KnownIndex:
        """Return an index of what is known, settled."""
        index = KnownIndex(weights)
        for at, elements in enumerate(self.elements(self.known)):
            index.put(f"{at:016x}", elements, at % 100)
        index.best([], Sets.from_iterables([]))
        return index


@cache
def site(n_known: int, n_samples: int, seed: int) -> Site:
    """Return a site of apps, ten fingerprints each, and what its devices show.

    A fingerprint holds four in five of its app's 5 to 30 own elements and 1 to 7 of those that
    strangers share, the n-th of these with a chance of 1/n. Of the samples 70 % are known
    fingerprints, 20 % known ones that lost a fifth of their elements and gained two shared ones,
    and 10 % are of apps that nobody knows.
    """
    random = np.random.default_rng(seed)
    apps = max(1, n_known // PER_APP)
    known = _fingerprints(random, np.arange(n_known) // PER_APP)
    strange = _fingerprints(random, apps + np.arange(n_samples // 10) // PER_APP)
    again = _rows(known, random.integers(0, n_known, n_samples * 7 // 10))
    changed = _rows(known, random.integers(0, n_known, n_samples * 2 // 10))
    kept = random.random(changed.owner.size) < 0.8
    more = random.integers(0, SHARED, 2 * changed.size)
    changed = Sets.from_pairs(
        changed.size,
        np.concatenate((changed.owner[kept], np.repeat(np.arange(changed.size), 2))),
        np.concatenate((changed.element[kept], more)),
    )
    parts = (again, changed, strange)
    first = np.cumsum([0, *(part.size for part in parts)])
    samples = Sets(
        int(first[-1]),
        np.concatenate([part.owner + at for part, at in zip(parts, first, strict=False)]),
        np.concatenate([part.element for part in parts]),
    )
    n_words = 1 + int(max(known.element.max(), samples.element.max()))
    return Site([f"name:host{code}.example" for code in range(n_words)], known, samples)


def _fingerprints(random: np.random.Generator, app: Ints) -> Sets:
    """Return a fingerprint of each app given."""
    own = 5 + app * 7919 % (OWN - 5)
    row, place = expand(own)
    kept = random.random(row.size) < 0.8
    chance = 1 / np.arange(1, SHARED + 1)
    several, _ = expand(random.integers(1, 8, app.size))
    shared = random.choice(SHARED, several.size, p=chance / chance.sum())
    return Sets.from_pairs(
        app.size,
        np.concatenate((row[kept], several)),
        np.concatenate((SHARED + app[row[kept]] * OWN + place[kept], shared)),
    )


def _rows(sets: Sets, chosen: Ints) -> Sets:
    """Return some of the sets, in the order given."""
    edge = sets.offsets
    row, place = expand(edge[chosen + 1] - edge[chosen])
    return Sets(chosen.size, row, sets.element[edge[chosen[row]] + place])


def looked_up(n_known: int, n_samples: int, seed: int, *, weighted: bool = False) -> Contender:
    """Return looking samples up in an index."""

    def prepare() -> Run:
        made = site(n_known, n_samples, seed)
        weights = {word: 1 + at % 7 for at, word in enumerate(made.words)} if weighted else None
        index = made.index(None if weights is None else {w: float(v) for w, v in weights.items()})
        return lambda: index.best(made.words, made.samples)[1]

    kind = "by weight " if weighted else ""
    return Contender(f"{n_samples:,} samples {kind}in {n_known:,} known", prepare, n_samples)


def beside_upstream(size: int, seed: int) -> Pair:
    """Return the index beside upstream's predict on some of the same samples."""
    made = site(size, SAMPLES, seed)
    chosen = np.sort(np.random.default_rng(seed).choice(SAMPLES, UPSTREAM, replace=False))

    def prepare() -> Run:
        model, make = upstream.FlowPrint(), upstream.Fingerprint().from_dict
        known = [make({"certificates": one}) for one in made.elements(made.known)]
        model.fingerprints = dict.fromkeys(known, 1)
        rows = _rows(made.samples, chosen)
        samples = [make({"certificates": one}) for one in made.elements(rows)]
        return lambda: [
            sample.compare(match)
            for sample, match in zip(samples, model.predict(samples), strict=True)
        ]

    def agreement(ours: Floats, theirs: list[float]) -> float:
        return float(np.mean(ours[chosen] == np.array(theirs)))

    return Pair(
        looked_up(size, SAMPLES, seed),
        Contender(f"upstream's predict on {UPSTREAM} of them", prepare, UPSTREAM),
        agreement,
    )


def beside_reference(size: int, seed: int) -> Pair:
    """Return an index beside one of the reference size."""
    return Pair(looked_up(size, SAMPLES, seed), looked_up(REFERENCE, SAMPLES, seed))


def more_samples(size: int, seed: int) -> Pair:
    """Return looking up many samples at once beside fewer."""
    return Pair(looked_up(REFERENCE, size, seed), looked_up(REFERENCE, SAMPLES, seed))


def by_weight(size: int, seed: int) -> Pair:
    """Return the weighted similarity beside the plain one."""
    return Pair(looked_up(size, SAMPLES, seed, weighted=True), looked_up(size, SAMPLES, seed))


def updated(size: int, seed: int) -> Pair:
    """Return adding a fingerprint and looking one up beside building the index anew."""
    made = site(size, SAMPLES, seed)
    one = Sets(1, np.zeros(1, dtype=np.int64), np.zeros(1, dtype=np.int64))

    def grown() -> Run:
        index = made.index()
        extra = iter(range(size, 2 * size))

        def run() -> None:
            index.put(f"{next(extra):016x}", made.words[-OWN:], 1)
            index.best(made.words[:1], one)

        return run

    return Pair(
        Contender("one more, one looked up", grown, 1),
        Contender("all anew, one looked up", lambda: made.index, 1),
    )


_case = partial(Case, unit="sample")

CASES = (
    _case(
        name="matching-upstream",
        about="the most similar of so many known fingerprints",
        sizes=(1000, 3000, 10_000),
        make=beside_upstream,
    ),
    _case(
        name="matching-known",
        about="the same as more are known; 1 is as cheap a sample as with 100 k",
        sizes=(1000, 10_000, 100_000),
        make=beside_reference,
    ),
    _case(
        name="matching-samples",
        about="so many samples against 100 k known; 1 is as cheap a sample as of 10 k",
        sizes=(100_000, 1_000_000),
        make=more_samples,
    ),
    _case(
        name="matching-weights",
        about="elements by weight, beside all alike",
        sizes=(100_000,),
        make=by_weight,
    ),
    _case(
        name="matching-update",
        about="one fingerprint more, beside building the index of so many anew",
        sizes=(10_000, 100_000),
        make=updated,
        unit="update",
    ),
)
