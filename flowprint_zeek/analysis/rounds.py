"""Which captures train, which are tested, and which apps are held back as unseen."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.arrays import Ints, distinct, ints
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.core.arrays import Bools

GIVEN = "given"
LEAVE_ONE_OUT = "leave one out"
DRAWN = "drawn"

MANY_APPS = 20
"""Apps above which a few are drawn instead of leaving each out."""

MANY_FINGERPRINTS = 20_000
"""The same for fingerprints."""

MOST_DRAWN = 10
"""Apps that are drawn by default, at most."""

MOST_REPETITIONS = 10
"""Repetitions by default, at most."""


@dataclass(frozen=True, slots=True)
class Fold:
    """Captures for training and for testing: masks of shape (n_captures,)."""

    train: Bools
    test: Bools


@dataclass(frozen=True, slots=True)
class Round:
    """One training.

    Attributes
    ----------
    without : ndarray
        Labels that are held back: their captures do not train.
    names, detects : bool
        Whether it counts for recognition, and for unseen apps.
    """

    without: Ints
    names: bool
    detects: bool


@dataclass(frozen=True, slots=True)
class Repetition:
    """What is done once for one set of figures."""

    folds: list[Fold]
    rounds: list[Round]
    seed: int


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of an evaluation.

    Parameters
    ----------
    unseen_apps : int or None
        Apps to draw as unseen in each repetition; None: as the data suggest.
    leave_one_out : bool
        Leave out every app in turn, whatever the data suggest.
    repetitions : int or None
        Repetitions; None: as the data suggest.
    seed : int
        Seed of the first repetition; that of each further one is one more.
    folds : int
        Folds of cross-validation, where there is no split.
    both_ways : bool
        Train on the test captures and test on the others too.
    """

    unseen_apps: int | None = None
    leave_one_out: bool = False
    repetitions: int | None = None
    seed: int = 0
    folds: int = 10
    both_ways: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """What is done.

    Attributes
    ----------
    protocol : {"given", "leave one out", "drawn"}
        What makes an app unseen.
    repetitions : list of Repetition
        Each gives figures of its own.
    apps : ndarray
        Labels that training has.
    unseen_apps : int
        Apps drawn in each repetition; 1 where each is left out in turn, 0 where they are given.
    """

    protocol: str
    repetitions: list[Repetition]
    apps: Ints
    unseen_apps: int


def planned(label: Ints, split: Sequence[str], n_fingerprints: int, wanted: Wanted) -> Plan:
    """Return what is done.

    Parameters
    ----------
    label : ndarray of shape (n_captures,)
        Label of each capture.
    split : sequence of str, one for each capture
        ``train`` or ``test``; all "" for cross-validation.
    n_fingerprints : int
        How many there are: with many, fewer rounds are the default.
    wanted : Wanted
        What is asked.

    Raises
    ------
    UsageError
        It cannot be done with these captures.
    """
    given = ints([{"train": 0, "test": 1, "": -1}[one] for one in split])
    divided = bool((given >= 0).all())
    trained = (
        given == 0 if divided and not wanted.both_ways else np.ones(label.size, dtype=np.bool_)
    )
    apps = distinct(label[trained])
    strange = bool(np.setdiff1d(label, apps).size)
    protocol, n_drawn = _protocol(apps.size, n_fingerprints, wanted, strange=strange)
    chance = protocol == DRAWN or not divided
    repetitions = []
    for seed in range(wanted.seed, wanted.seed + _n_repetitions(n_fingerprints, wanted, protocol)):
        folds = _split(given, wanted) if divided else _folds(label, wanted.folds, seed)
        repetitions.append(Repetition(folds, _rounds(protocol, apps, n_drawn, seed), seed))
    if len(repetitions) > 1 and not chance:
        raise UsageError("--repetitions would repeat the same: draw with --unseen-apps")
    return Plan(protocol, repetitions, apps, n_drawn)


def _protocol(
    n_apps: int, n_fingerprints: int, wanted: Wanted, *, strange: bool
) -> tuple[str, int]:
    """Return what makes an app unseen, and how many are at a time."""
    if wanted.unseen_apps is not None:
        if not 0 < wanted.unseen_apps < n_apps:
            raise UsageError(
                f"--unseen-apps {wanted.unseen_apps} is not possible: training has {n_apps} apps, "
                "and at least one must stay known"
            )
        return DRAWN, wanted.unseen_apps
    if wanted.leave_one_out:
        return LEAVE_ONE_OUT, 1
    if strange:
        return GIVEN, 0
    if n_apps > MANY_APPS or n_fingerprints > MANY_FINGERPRINTS:
        return DRAWN, min(MOST_DRAWN, max(1, n_apps // 4))
    return LEAVE_ONE_OUT, 1


def _n_repetitions(n_fingerprints: int, wanted: Wanted, protocol: str) -> int:
    if wanted.repetitions is not None:
        return wanted.repetitions
    if protocol != DRAWN:
        return 1
    fitting = MOST_REPETITIONS * MANY_FINGERPRINTS // max(n_fingerprints, 1)
    return max(1, min(MOST_REPETITIONS, fitting))


def _split(given: Ints, wanted: Wanted) -> list[Fold]:
    there = Fold(given == 0, given == 1)
    return [there, Fold(there.test, there.train)] if wanted.both_ways else [there]


def _folds(label: Ints, n_folds: int, seed: int) -> list[Fold]:
    """Deal the captures of each app to folds in turn, so that all have about as many of each."""
    if label.size < 2:
        raise UsageError("one capture: nothing is left to test on")
    shuffled = np.random.default_rng(seed).permutation(label.size)
    order = shuffled[np.argsort(label[shuffled], kind="stable")]
    fold = np.empty(label.size, dtype=np.int64)
    fold[order] = np.arange(label.size) % min(n_folds, label.size)
    return [Fold(fold != at, fold == at) for at in distinct(fold).tolist()]


def _rounds(protocol: str, apps: Ints, n_drawn: int, seed: int) -> list[Round]:
    nothing = ints([])
    if protocol == GIVEN:
        return [Round(nothing, names=True, detects=True)]
    if protocol == DRAWN:
        return [Round(draw(apps, n_drawn, seed), names=True, detects=True)]
    each = [Round(ints([app]), names=False, detects=True) for app in apps.tolist()]
    return [Round(nothing, names=True, detects=False), *each]


def draw(apps: Ints, n_drawn: int, seed: int) -> Ints:
    """Draw some of the apps; the same as ``choice`` draws of their sorted names."""
    return np.sort(np.random.default_rng(seed).choice(apps, n_drawn, replace=False))
