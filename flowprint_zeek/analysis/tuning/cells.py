"""One cell of a parameter search: how well captures are told apart with one setting.

The flows of captures stay the same; a setting changes which fingerprints are made of them. Flows
that a setting leaves in no fingerprint count as not named and as not flagged: a setting must not
look better because it leaves out what is hard.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek import __version__
from flowprint_zeek.analysis.captures import labelled_items
from flowprint_zeek.analysis.choices import RECOGNITION, UNSEEN
from flowprint_zeek.analysis.comparison import Result
from flowprint_zeek.analysis.contenders import contenders
from flowprint_zeek.analysis.evaluation import Outcome, evaluate
from flowprint_zeek.analysis.rounds import Fold, Plan, Wanted, planned
from flowprint_zeek.analysis.scores import Named, Sweep
from flowprint_zeek.core.matching import NO_MATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from flowprint_zeek.analysis.captures import Captures, Counts
    from flowprint_zeek.analysis.evaluation import Contender
    from flowprint_zeek.analysis.items import Items
    from flowprint_zeek.analysis.rounds import Repetition
    from flowprint_zeek.analysis.scores import Figures
    from flowprint_zeek.core.arrays import Bools, Ints
    from flowprint_zeek.core.fingerprint import Parameters

ALL, ASSIGNED = "all", "assigned"
"""Figures of all flows, and of those that are in a fingerprint, as ``evaluate`` gives them."""

_DIGITS = 32


@dataclass(frozen=True, slots=True)
class Cell:
    """What one setting does.

    Attributes
    ----------
    parameters : Parameters
        The setting.
    figures : dict
        Figures by flow, means over repetitions: of `ALL` flows, and of those `ASSIGNED`.
    fingerprints, flows, unassigned : int
        How many there are in all captures.
    """

    parameters: Parameters
    figures: dict[str, Figures]
    fingerprints: int
    flows: int
    unassigned: int


@dataclass(frozen=True, slots=True)
class Task:
    """What every setting is scored on.

    Parameters
    ----------
    captures : Captures
        The captures.
    plans : list of Plan
        Which of them train and which are tested.
    kind : {"recognition", "unseen"}
        What is measured.
    method : str
        One of `choices.METHODS`.
    similarity : float
        Similarity below which a fingerprint is unseen to plain Jaccard.
    """

    captures: Captures
    plans: list[Plan]
    kind: str
    method: str
    similarity: float

    def __call__(self, asked: tuple[Parameters, int]) -> Cell:
        """Return what a setting does by one of the plans, given by its number."""
        parameters, plan = asked
        return cell(self, parameters, self.plans[plan])


def keys_of(task: Task) -> Callable[[Parameters, int], str]:
    """Return what gives the key of a cell: of captures, plan, method, parameters and version."""
    captures, plans = digest(task.captures), [plan_digest(plan) for plan in task.plans]

    def key(parameters: Parameters, plan: int) -> str:
        told = [__version__, captures, plans[plan], task.kind, task.method, task.similarity]
        return _hex(json.dumps([*told, asdict(parameters)], sort_keys=True).encode())

    return key


def plan_of(label: Ints, chosen: Bools, n_fingerprints: int, kind: str, wanted: Wanted) -> Plan:
    """Return the rounds that tell of one kind of figures, on some of the captures.

    Recognition is measured with nothing held back; unseen apps are those of ``evaluate``.

    Parameters
    ----------
    label : ndarray of shape (n_captures,)
        Label of each capture.
    chosen : ndarray of bool, shape (n_captures,)
        Captures that take part.
    n_fingerprints : int
        How many there are about.
    kind : {"recognition", "unseen"}
        What is measured.
    wanted : Wanted
        What is asked.

    Raises
    ------
    UsageError
        It cannot be done with these captures.
    """
    if kind == RECOGNITION:
        wanted = replace(wanted, unseen_apps=None, leave_one_out=True)
    plan = planned(label[chosen], [""] * int(chosen.sum()), n_fingerprints, wanted)
    return replace(plan, repetitions=[_narrowed(one, chosen, kind) for one in plan.repetitions])


def _narrowed(repetition: Repetition, chosen: Bools, kind: str) -> Repetition:
    """Return a repetition with masks over all captures and only the rounds of a kind."""
    folds = [
        Fold(_spread(one.train, chosen), _spread(one.test, chosen)) for one in repetition.folds
    ]
    rounds = [
        replace(one, names=kind == RECOGNITION, detects=kind == UNSEEN)
        for one in repetition.rounds
        if (one.names if kind == RECOGNITION else one.detects)
    ]
    return replace(repetition, folds=folds, rounds=rounds)


def _spread(mask: Bools, chosen: Bools) -> Bools:
    wide = np.zeros(chosen.size, dtype=np.bool_)
    wide[chosen] = mask
    return wide


def cell(task: Task, parameters: Parameters, plan: Plan) -> Cell:
    """Fingerprint the captures with a setting, and score it.

    Costs one fingerprinting of all flows and one training for each fold and round.
    """
    items, counts = labelled_items(task.captures, parameters, min_flows=1)
    contender = _contender(task, items, parameters)
    outcomes = evaluate(contender, plan, _nothing)
    counted = [
        _counting_all(outcome, one, items, task.captures.label, counts)
        for outcome, one in zip(outcomes, plan.repetitions, strict=True)
    ]
    return Cell(
        parameters,
        {
            ALL: _figures(task, contender, counted),
            ASSIGNED: _figures(task, contender, outcomes),
        },
        items.size,
        int(counts.flows.sum()),
        int(counts.unassigned.sum()),
    )


def folds_apart(task: Task, parameters: Sequence[Parameters], plan: Plan) -> dict[str, Figures]:
    """Return the figures of the first repetition with a setting for each fold, folds pooled."""
    first = plan.repetitions[0]
    found: dict[str, list[Outcome]] = {ALL: [], ASSIGNED: []}
    for one, fold in zip(parameters, first.folds, strict=True):
        items, counts = labelled_items(task.captures, one, min_flows=1)
        contender = _contender(task, items, one)
        alone = replace(first, folds=[fold])
        (outcome,) = evaluate(contender, replace(plan, repetitions=[alone]), _nothing)
        found[ASSIGNED].append(outcome)
        label = task.captures.label
        found[ALL].append(_counting_all(outcome, alone, items, label, counts))
    return {
        name: _figures(task, contender, [_together(outcomes)]) for name, outcomes in found.items()
    }


def _contender(task: Task, items: Items, parameters: Parameters) -> Contender:
    return contenders(
        task.method,
        items,
        similarity=task.similarity,
        baselines=False,
        names=parameters.scheme == "names",
        upstream=None,
    )[0]


def _figures(task: Task, contender: Contender, outcomes: list[Outcome]) -> Figures:
    return Result.of(contender, outcomes).means(task.kind)["flow"]


def _counting_all(
    outcome: Outcome, repetition: Repetition, items: Items, label: Ints, counts: Counts
) -> Outcome:
    """Return an outcome in which every flow counts: without a fingerprint no name, and no finding.

    An app whose training captures gave no fingerprint should be known: none of its flows is named.
    """
    named, unseen = [outcome.named["flow"]], [outcome.unseen["flow"]]
    for fold in repetition.folds:
        shown, learned = label[fold.train], items.label[fold.train[items.group]]
        truth = label[fold.test]
        flows, unassigned = counts.flows[fold.test], counts.unassigned[fold.test]
        for one in repetition.rounds:
            known = np.isin(truth, np.setdiff1d(shown, one.without))
            able = np.setdiff1d(learned, one.without)
            if one.names:
                lost = np.where(np.isin(truth, able), unassigned, flows)
                named.append(_unnamed(truth[known], lost[known]))
            if one.detects:
                lost = unassigned if able.size else flows
                unseen.append(Sweep.of(~known, np.zeros(truth.size), lost.astype(np.float64)))
    return replace(
        outcome,
        named=outcome.named | {"flow": Named.together(named)},
        unseen=outcome.unseen | {"flow": Sweep.together(unseen)},
    )


def _unnamed(truth: Ints, flows: Ints) -> Named:
    """Return flows that were given no name, where there are any."""
    held = flows > 0
    none = np.full(int(held.sum()), NO_MATCH)
    return Named.of(truth[held], none, flows[held].astype(np.float64))


def _together(outcomes: Sequence[Outcome]) -> Outcome:
    levels = outcomes[0].named
    return Outcome(
        {level: Named.together([one.named[level] for one in outcomes]) for level in levels},
        {level: Sweep.together([one.unseen[level] for one in outcomes]) for level in levels},
    )


def digest(captures: Captures) -> str:
    """Return what tells captures apart: their flows that count, in order, and their labels."""
    rows = pd.util.hash_pandas_object(captures.flows, index=False).to_numpy()
    columns = ",".join(captures.flows.columns)
    labels = json.dumps([row.label for row in captures.rows])
    return _hex(b"\n".join((rows.tobytes(), columns.encode(), labels.encode())))


def plan_digest(plan: Plan) -> str:
    """Return what tells plans apart: folds and rounds, not how they came about."""
    told = [
        [
            [
                [np.flatnonzero(one.train).tolist(), np.flatnonzero(one.test).tolist()]
                for one in folds
            ],
            [[one.without.tolist(), one.names, one.detects] for one in rounds],
        ]
        for folds, rounds in ((one.folds, one.rounds) for one in plan.repetitions)
    ]
    return _hex(json.dumps(told).encode())


def _hex(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:_DIGITS]


def _nothing() -> None:
    """Tell nobody that a training is done."""
