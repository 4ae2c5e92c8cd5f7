"""The paper's other experiments, on labelled captures as ``evaluate`` takes them.

    training       apps recognised against the captures of each app that train
    apps           the same against the number of apps
    homogeneous    the same against the share of destinations that all apps have in common
    updates        the same against the share of destinations that changed after training
    fingerprints   fingerprints of an app in what trains
    stages         seconds of each stage

Half of each app's captures train and the others are tested, drawn by each seed; means over seeds.
Unseen apps are left out one by one, or, of over 20, a quarter is drawn by each seed. Figures are by
flow; flows in no fingerprint are counted apart.

Usage: python -m benchmarks.paper TABLE MANIFEST [--scheme names|paper] [--seeds 0-4] [--json]
"""

from __future__ import annotations

import json
from argparse import ArgumentParser
from dataclasses import dataclass, replace
from functools import partial
from ipaddress import IPv6Address
from pathlib import Path
from statistics import fmean
from time import process_time
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.report import markdown, versions
from benchmarks.stages import shares
from flowprint_zeek.analysis.captures import labelled_items, read_captures
from flowprint_zeek.analysis.comparison import Result
from flowprint_zeek.analysis.evaluation import Contender, evaluate
from flowprint_zeek.analysis.manifest import read_manifest
from flowprint_zeek.analysis.methods import PlainJaccard, Resemblance, distinct_fingerprints
from flowprint_zeek.analysis.rounds import MANY_APPS, Fold, Plan, Repetition, Round, draw
from flowprint_zeek.config import load
from flowprint_zeek.core.arrays import distinct, ints
from flowprint_zeek.core.elements import endpoint
from flowprint_zeek.core.fingerprint import Parameters, fingerprint
from flowprint_zeek.stream.replay import Span

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    import pandas as pd

    from flowprint_zeek.analysis.captures import Captures
    from flowprint_zeek.analysis.evaluation import Outcome
    from flowprint_zeek.analysis.items import Items
    from flowprint_zeek.core.arrays import Bools, Ints

METHODS = (PlainJaccard, Resemblance)
SIZES = (1, 2, 3, 5, 10)
APPS = (2, 5, 10, 20, 50, 100)
SHARES = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9, 1.0)
FIGURES = ("F1", "F1 macro", "unseen F1", "unseen found", "known flagged")
RUNS = 3
CHANGED = ("resp_h", "name", "certificate")
"""What tells a destination."""

Row = dict[str, Any]


@dataclass(frozen=True)
class Data:
    """Captures and what is done with them."""

    captures: Captures
    parameters: Parameters
    seeds: list[int]


def read(manifest: Path, scheme: str) -> Captures:
    """Read the captures of a manifest."""
    config = load(None, environ={}, overrides={"fingerprint.scheme": scheme})
    return read_captures(
        manifest,
        read_manifest(manifest),
        config,
        Span(None, None),
        certificates=True,
        advance=lambda: None,
    )


def halved(label: Ints, seed: int) -> Fold:
    """Return half of the captures of each app for training, the odd one too, and the others."""
    order = np.random.default_rng(seed).permutation(label.size)
    train = np.zeros(label.size, dtype=np.bool_)
    for app in distinct(label).tolist():
        own = order[label[order] == app]
        train[own[: (own.size + 1) // 2]] = True
    return Fold(train, ~train)


def plan_of(label: Ints, folds: list[Fold], seeds: list[int]) -> Plan:
    """Return a plan: recognition with nothing held back, and unseen apps."""
    apps = distinct(label[folds[0].train | folds[0].test])
    repetitions = []
    for fold, seed in zip(folds, seeds, strict=True):
        without = [ints([app]) for app in apps.tolist()]
        if apps.size > MANY_APPS:
            without = [draw(apps, apps.size // 4, seed)]
        held_back = [Round(one, names=False, detects=True) for one in without if apps.size > 1]
        first = Round(ints([]), names=True, detects=False)
        repetitions.append(Repetition([fold], [first, *held_back], seed))
    return Plan("", repetitions, apps, 1)


def measured(data: Data, folds: list[Fold], flows: Callable[[Fold, int], pd.DataFrame]) -> Row:
    """Return the figures of both methods, and the share of flows in no fingerprint."""
    label = data.captures.label
    plan = plan_of(label, folds, data.seeds)
    outcomes: dict[str, list[Outcome]] = {method.name: [] for method in METHODS}
    contender: dict[str, Contender] = {}
    unassigned = []
    for fold, repetition in zip(folds, plan.repetitions, strict=True):
        captures = replace(data.captures, flows=flows(fold, repetition.seed))
        items, counts = labelled_items(captures, data.parameters, min_flows=1)
        unassigned.append(counts.unassigned[fold.test].sum() / counts.flows[fold.test].sum())
        one = replace(plan, repetitions=[repetition])
        for method in METHODS:
            contender[method.name] = Contender(method(), items)
            outcomes[method.name] += evaluate(contender[method.name], one, lambda: None)
    row: Row = {"unassigned": float(np.mean(unassigned))}
    for name, found in outcomes.items():
        row[name] = _figures(contender[name], found)
    return row


def _figures(contender: Contender, outcomes: list[Outcome]) -> Row:
    result = Result.of(contender, outcomes)
    named, unseen = (result.means(kind)["flow"] for kind in ("recognition", "unseen"))
    flagged = []
    for one in outcomes:
        sweep = one.unseen["flow"]
        over = sweep.score >= contender.method.threshold
        flagged.append(float(sweep.known[over].sum() / max(sweep.known.sum(), 1)))
    values = (named["f1"], named["f1_macro"], unseen["f1"], unseen["recall"], fmean(flagged))
    return dict(zip(FIGURES, values, strict=True))


def training(data: Data) -> Iterator[Row]:
    """Yield what so many captures of each app are good for."""
    label = data.captures.label
    folds = [halved(label, seed) for seed in data.seeds]
    most = max(int(np.bincount(label[fold.train]).max()) for fold in folds)
    for size in [*(one for one in SIZES if one < most), most]:
        fewer = [
            Fold(_some(label, fold.train, size, seed), fold.test)
            for fold, seed in zip(folds, data.seeds, strict=True)
        ]
        yield {"captures": size} | measured(data, fewer, lambda *_: data.captures.flows)


def _some(label: Ints, chosen: Bools, size: int, seed: int) -> Bools:
    """Choose so many captures of each app at most, more and more of the same."""
    order = np.random.default_rng([seed, 1]).permutation(np.flatnonzero(chosen))
    kept = np.zeros(label.size, dtype=np.bool_)
    for app in distinct(label[order]).tolist():
        kept[order[label[order] == app][:size]] = True
    return kept


def apps(data: Data) -> Iterator[Row]:
    """Yield what it is like with so many apps, more and more of the same."""
    label = data.captures.label
    present = distinct(label)
    order = np.random.default_rng(data.seeds[0]).permutation(present)
    for size in [*(one for one in APPS if one < present.size), present.size]:
        taken = np.isin(label, order[:size])
        folds = [halved(label, seed) for seed in data.seeds]
        fewer = [Fold(fold.train & taken, fold.test & taken) for fold in folds]
        yield {"apps": size} | measured(data, fewer, lambda *_: data.captures.flows)


def homogeneous(data: Data) -> Iterator[Row]:
    """Yield what it is like when all apps have a share of their destinations in common."""
    folds = [halved(data.captures.label, seed) for seed in data.seeds]
    for share in SHARES[:-1]:

        def flows(_: Fold, seed: int, share: float = share) -> pd.DataFrame:
            all_of_them = np.ones(len(data.captures.flows), dtype=np.bool_)
            return changed(data.captures, share, seed, all_of_them, shared=True)

        yield {"share": share} | measured(data, folds, flows)


def updates(data: Data) -> Iterator[Row]:
    """Yield what it is like when a share of each app's destinations changed after training."""
    folds = [halved(data.captures.label, seed) for seed in data.seeds]
    for share in SHARES:

        def flows(fold: Fold, seed: int, share: float = share) -> pd.DataFrame:
            tested = fold.test[data.captures.group]
            return changed(data.captures, share, seed, tested, shared=False)

        yield {"share": share} | measured(data, folds, flows)


def changed(
    captures: Captures, share: float, seed: int, chosen: Bools, *, shared: bool
) -> pd.DataFrame:
    """Return flows in which a share of each app's destinations is another one.

    A destination is a name, or the endpoint of a flow without one; name, address and certificate
    change together. With `shared` the first that changes is the same one for all apps, and so on.
    """
    flows = captures.flows
    label = captures.label[captures.group]
    ends = [endpoint(*one) for one in zip(flows["resp_h"], flows["resp_p"], strict=True)]
    names = flows["name"].tolist()
    unit = np.array([name or end for name, end in zip(names, ends, strict=True)], dtype=object)
    chance = np.random.default_rng([seed, 2])
    new = np.full(len(flows), -1)
    for app in distinct(label).tolist():
        own = np.flatnonzero(label == app)
        units, number = np.unique(unit[own], return_inverse=True)
        place = chance.permutation(units.size)[number]
        offset = 0 if shared else 10_000 * (app + 1)
        new[own] = np.where(place < round(share * units.size), place + offset, -1)
    other = np.flatnonzero((new >= 0) & chosen)
    held = {column: flows[column].to_numpy(dtype=object).copy() for column in CHANGED}
    for at, place in zip(other.tolist(), new[other].tolist(), strict=True):
        # Each in a network of its own, and with a registered domain of its own.
        held["resp_h"][at] = str(IPv6Address((0xFD00 << 112) + (place << 80) + 7))
        if held["name"][at]:
            held["name"][at] = f"www.changed{place}.example"
        if held["certificate"][at]:
            held["certificate"][at] = f"{place:064x}"
    return flows.assign(**held)


def fingerprints(data: Data) -> Iterator[Row]:
    """Yield how many distinct fingerprints apps have in what trains."""
    items, _ = labelled_items(data.captures, data.parameters, min_flows=1)
    label = data.captures.label
    for what, folds in (
        ("half of the captures", [halved(label, seed) for seed in data.seeds]),
        ("all captures", [Fold(*np.ones((2, label.size), dtype=np.bool_))]),
    ):
        counts = np.concatenate([_of_apps(items, fold.train) for fold in folds])
        yield {
            "of": what,
            "apps": len(data.captures.labels),
            "mean": float(counts.mean()),
            "median": float(np.median(counts)),
            "most": int(counts.max()),
            "of several apps": fmean(_shared(items, fold.train) for fold in folds),
        }


def _of_apps(items: Items, train: Bools) -> Ints:
    """Return the number of distinct fingerprints of each app."""
    own = items.where(train[items.group])
    return ints(np.bincount(distinct_fingerprints(own).label, minlength=len(items.labels)))


def _shared(items: Items, train: Bools) -> float:
    """Return the share of elements that fingerprints of more than one app have."""
    own = items.where(train[items.group])
    pairs = set(zip(own.sets.element.tolist(), own.label[own.sets.owner].tolist(), strict=True))
    counts = np.unique([element for element, _ in pairs], return_counts=True)[1]
    return float((counts > 1).mean())


def stages(data: Data, again: Callable[[], object]) -> Iterator[Row]:
    """Yield the seconds of each stage, the best of `RUNS`, and what that is for a flow."""
    flows = data.captures.flows
    fold = halved(data.captures.label, data.seeds[0])
    items, _ = labelled_items(data.captures, data.parameters, min_flows=1)
    train, test = items.where(fold.train[items.group]), items.where(fold.test[items.group])
    tested = int(fold.test[data.captures.group].sum())
    yield _timed("read logs", again, len(flows))

    def run() -> object:
        return fingerprint(flows, data.parameters)

    yield _timed("fingerprint", run, len(flows))
    whole = min(_seconds(run) for _ in range(RUNS))
    for name, share in shares(fingerprint, run).items():
        yield _row(f"fingerprint: {name}", share * whole, len(flows))
    for method in (one() for one in METHODS):
        learned = len(flows) - tested
        yield _timed(f"{method.name}: learn", partial(method.fit, train), learned)
        yield _timed(f"{method.name}: name, detect", partial(method.judge, test), tested)


def _timed(stage: str, run: Callable[[], object], n_flows: int) -> Row:
    return _row(stage, min(_seconds(run) for _ in range(RUNS)), n_flows)


def _row(stage: str, seconds: float, n_flows: int) -> Row:
    return {
        "stage": stage,
        "flows": n_flows,
        "ms": 1e3 * seconds,
        "µs a flow": 1e6 * seconds / n_flows,
    }


def _seconds(run: Callable[[], object]) -> float:
    begin = process_time()
    run()
    return process_time() - begin


TABLES = {one.__name__: one for one in (training, apps, homogeneous, updates, fingerprints)}


def main() -> None:
    """Measure and print."""
    parser = ArgumentParser(description=__doc__, prog="python -m benchmarks.paper")
    parser.add_argument("table", choices=(*TABLES, "stages"))
    parser.add_argument("manifest", type=Path, metavar="MANIFEST")
    parser.add_argument("--scheme", choices=("names", "paper"), default="paper")
    parser.add_argument("--seeds", default="0-4", metavar="FIRST-LAST")
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    first, _, last = args.seeds.partition("-")
    captures = read(args.manifest, args.scheme)
    data = Data(
        captures, Parameters(scheme=args.scheme), list(range(int(first), int(last or first) + 1))
    )
    if args.table == "stages":
        rows = list(stages(data, lambda: read(args.manifest, args.scheme)))
    else:
        rows = list(TABLES[args.table](data))
    if args.json:
        print(json.dumps({"table": args.table, "scheme": args.scheme, "rows": rows}, indent=2))
    else:
        show(args, captures, rows)


def show(args: Any, captures: Captures, rows: list[Row]) -> None:  # noqa: ANN401  # parsed arguments
    """Print a Markdown table."""
    said = f"{len(captures.rows)} captures of {len(captures.labels)} apps, {len(captures.flows)}"
    print(f"{args.table}: {said} flows, scheme {args.scheme}, seeds {args.seeds}")
    if args.table == "stages":
        print(versions())
    print()
    flat = [dict(_flat(row)) for row in rows]
    print(
        "\n".join(markdown(list(flat[0]), [[_cell(one) for one in row.values()] for row in flat]))
    )


def _flat(row: Row) -> Iterable[tuple[str, object]]:
    for name, value in row.items():
        if isinstance(value, dict):
            yield from ((f"{name}: {figure}", one) for figure, one in value.items())
        else:
            yield name, value


def _cell(value: object) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
