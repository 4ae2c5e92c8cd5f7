"""Table IV of the paper: apps recognised by flow, for apps with many and few, beside AppScanner."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.appscanner import AppScanner, length_features, total_features
from flowprint_zeek.analysis.choices import MINIMA
from flowprint_zeek.analysis.evaluation import judged_rows, parts_of
from flowprint_zeek.analysis.lengths import packet_lengths
from flowprint_zeek.analysis.rounds import Fold
from flowprint_zeek.analysis.scores import RECOGNITION, Named, interval, mean
from flowprint_zeek.analysis.totals import capture_totals
from flowprint_zeek.core.arrays import distinct, ints, sums
from flowprint_zeek.core.matching import NO_MATCH

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from flowprint_zeek.analysis.captures import Captures
    from flowprint_zeek.analysis.evaluation import Contender
    from flowprint_zeek.analysis.rounds import Plan
    from flowprint_zeek.analysis.scores import Figures
    from flowprint_zeek.core.arrays import Bools, Floats, Ints

FROM_LENGTHS = "appscanner, packet lengths"
FROM_TOTALS = "appscanner, totals"

LABELLED = "labelled"
"""Share of the flows that were given a label, right or wrong."""

FIGURES = (*RECOGNITION, LABELLED)


@dataclass(frozen=True, slots=True)
class Line:
    """One line of the table.

    Attributes
    ----------
    min_flows : int
        Fewest flows of the apps it is about.
    apps, flows : int
        How many these are, and their flows.
    method : str
        Who names them.
    values : dict
        Each of `FIGURES`: its value in each repetition.
    """

    min_flows: int
    apps: int
    flows: int
    method: str
    values: dict[str, list[float | None]]

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON holds it."""
        return {
            "min_flows": self.min_flows,
            "apps": self.apps,
            "flows": self.flows,
            "method": self.method,
            **{name: mean(one) for name, one in self.values.items()},
            "intervals": {name: interval(one) for name, one in self.values.items()},
        }


def flow_features(captures: Captures, advance: Callable[[], None]) -> dict[str, Floats]:
    """Return what AppScanner is given of each flow of captures, by its name in the table.

    Packet lengths where the manifest names packets of the captures, and totals in any case.

    Raises
    ------
    LogError
        A packet capture cannot be read.
    """
    found = {}
    if captures.rows[0].packets:
        group = captures.group
        lengths = [
            packet_lengths(Path(row.packets), captures.flows[group == number])
            for number, row in enumerate(captures.rows)
        ]
        found[FROM_LENGTHS] = np.concatenate([length_features(one) for one in lengths])
    return found | {FROM_TOTALS: total_features(capture_totals(captures, advance))}


def table_iv(
    contenders: Sequence[Contender],
    features: Mapping[str, Floats],
    captures: Captures,
    plan: Plan,
    advance: Callable[[], None],
) -> list[Line]:
    """Return the table.

    All flows of captures count, also those in no fingerprint; what is given no label is wrong.
    Nothing is held back, and captures of apps that no training has are left out.

    Parameters
    ----------
    contenders : sequence of Contender
        Methods that name fingerprints.
    features : mapping of str to ndarray of shape (n_flows, n_features)
        What AppScanner is given of the flows, see `flow_features`.
    captures : Captures
        The captures.
    plan : Plan
        What trains and what is tested.
    advance : callable
        Called after each training, `n_trainings` times.
    """
    per_app = _flows_of_apps(captures)
    lines = []
    for apps, minima in _parts(per_app).items():
        chosen = np.isin(captures.label, ints(apps))
        for method, named in _methods(contenders, features, captures).items():
            values = _values(named, plan, chosen, advance)
            lines += [
                Line(at, len(apps), int(per_app[list(apps)].sum()), method, values) for at in minima
            ]
    return sorted(lines, key=lambda line: line.min_flows)


def n_trainings(captures: Captures, plan: Plan, n_methods: int) -> int:
    """Return how often a method is trained for the table."""
    folds = sum(len(one.folds) for one in plan.repetitions)
    return folds * n_methods * len(_parts(_flows_of_apps(captures)))


def _flows_of_apps(captures: Captures) -> Ints:
    return np.bincount(captures.label[captures.group], minlength=len(captures.labels))


def _parts(per_app: Ints) -> dict[tuple[int, ...], list[int]]:
    """Return the minima by the apps that have so many flows: equal apps are trained on once."""
    parts: dict[tuple[int, ...], list[int]] = {}
    for least in MINIMA:
        parts.setdefault(tuple(np.flatnonzero(per_app >= least).tolist()), []).append(least)
    return parts


def _values(
    named: Callable[[Fold, int], Named], plan: Plan, chosen: Bools, advance: Callable[[], None]
) -> dict[str, list[float | None]]:
    found = []
    for repetition in plan.repetitions:
        parts = []
        for fold in repetition.folds:
            parts.append(named(Fold(fold.train & chosen, fold.test & chosen), repetition.seed))
            advance()
        found.append(_figures(Named.together(parts)))
    return {name: [one[name] for one in found] for name in FIGURES}


def _figures(named: Named) -> Figures:
    whole = float(named.weight.sum())
    given = float(named.weight[named.found != NO_MATCH].sum())
    return named.figures() | {LABELLED: given / whole if whole else None}


def _methods(
    contenders: Sequence[Contender], features: Mapping[str, Floats], captures: Captures
) -> dict[str, Callable[[Fold, int], Named]]:
    """Return by the names of methods what names the flows of a fold, with a seed."""
    return {
        **{one.method.name: _Fingerprints(one, captures).named for one in contenders if one.names},
        **{name: _Flows(held, captures).named for name, held in features.items()},
    }


@dataclass(frozen=True, slots=True)
class _Fingerprints:
    """A method that names fingerprints."""

    contender: Contender
    captures: Captures

    def named(self, fold: Fold, _seed: int) -> Named:
        """Name the flows of a fold; those in no fingerprint get no label."""
        train, test = parts_of(self.contender.items, fold)
        rows = dict(judged_rows(self.contender.method, train, test)).get("flow")
        tested = self.captures.label[self.captures.group[fold.test[self.captures.group]]]
        size = len(self.captures.labels)
        left = np.bincount(tested, minlength=size).astype(np.float64)
        given = Named.together([])
        if rows is not None:
            given = Named.of(rows.truth, rows.found, rows.weight)
            left -= sums(given.truth, given.weight, size)
        apps = np.flatnonzero(left > 0)
        nothing = Named(apps, np.full(apps.size, NO_MATCH), left[apps])
        return _of_known(Named.together([given, nothing]), fold, self.captures)


@dataclass(frozen=True, slots=True)
class _Flows:
    """AppScanner on features of flows."""

    features: Floats
    captures: Captures

    def named(self, fold: Fold, seed: int) -> Named:
        """Name the flows of a fold."""
        group = self.captures.group
        label = self.captures.label[group]
        train, test = fold.train[group], fold.test[group]
        if not train.any():
            return Named.together([])
        scanner = AppScanner(seed=seed)
        scanner.fit(self.features[train], label[train])
        found = scanner.name(self.features[test])
        named = Named.of(label[test], found, np.ones(found.size))
        return _of_known(named, fold, self.captures)


def _of_known(named: Named, fold: Fold, captures: Captures) -> Named:
    """Leave out apps that the training has not."""
    known = np.isin(named.truth, distinct(captures.label[fold.train]))
    return Named(named.truth[known], named.found[known], named.weight[known])
