"""``evaluate``: how well apps are recognised and unseen ones found, on labelled captures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.calibration import Goal, calibrated
from flowprint_zeek.analysis.choices import FOLDS
from flowprint_zeek.analysis.comparison import Result
from flowprint_zeek.analysis.contenders import contenders
from flowprint_zeek.analysis.curve import Point, curve
from flowprint_zeek.analysis.curve import n_trainings as n_curve_trainings
from flowprint_zeek.analysis.evaluation import evaluate, n_trainings
from flowprint_zeek.analysis.plots import available, plot
from flowprint_zeek.analysis.rounds import LEAVE_ONE_OUT, Plan, Wanted, planned
from flowprint_zeek.analysis.upstream import package
from flowprint_zeek.cli import evaluated, site, table_iv
from flowprint_zeek.cli.arguments.evaluate import NAME
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.labelled import Labelled, of_files, of_manifest
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from flowprint_zeek.analysis.evaluation import Calibrate
    from flowprint_zeek.analysis.items import Items
    from flowprint_zeek.analysis.methods import Method
    from flowprint_zeek.analysis.table_iv import Line
    from flowprint_zeek.cli.terminal import Terminal

_ONLY_CAPTURES = ("folds", "strip_certificates", "table_iv", "since", "until")
"""Options that need captures, not fingerprints."""


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    if args.site is not None:
        return site.execute(args, terminal)
    _check(args)
    given = (of_files if args.fingerprints else of_manifest)(args, terminal)
    for warning in given.warnings:
        terminal.warn(warning)
    plan = planned(given.label, given.split, given.items.size, _wanted(args))
    _warn(given, plan, terminal)
    run = _run(args, given, plan, terminal)
    lines: list[Line] = []
    if args.table_iv and given.read is not None:
        compared = [one.contender for one in run.results]
        lines = table_iv.compared(given.read, compared, plan, terminal)
    plots = []
    if args.plots is not None:
        plots = plot(args.plots, run.results, run.curves, given.items.labels)
    if args.json:
        terminal.json(evaluated.as_json(args, given, plan, run.results, run.curves, plots, lines))
    else:
        evaluated.show(given, plan, run.results, run.curves, terminal)
        if lines:
            table_iv.show(lines, terminal)
        for path in plots:
            terminal.line(f"plot: {path}")
    return Exit.OK


@dataclass(frozen=True, slots=True)
class _Run:
    """What came of it: each method's figures, the one that was asked for first, and curves."""

    results: list[Result]
    curves: dict[str, list[Point]]


def _run(args: Namespace, given: Labelled, plan: Plan, terminal: Terminal) -> _Run:
    compared = contenders(
        args.method,
        given.items,
        similarity=given.threshold,
        baselines=args.baselines,
        names=given.parameters.scheme == "names",
        upstream=given.upstream,
    )
    with_curve = args.curve or args.plots is not None
    each = n_trainings(plan) + (n_curve_trainings(plan) if with_curve else 0)
    calibrate = _calibrate(args)
    with terminal.progress("train and test", total=each * len(compared)) as advance:
        results = [Result.of(one, evaluate(one, plan, advance, calibrate)) for one in compared]
        curves = {}
        if with_curve:
            curves = {one.method.name: curve(one, plan, advance) for one in compared}
    return _Run(results, curves)


def _calibrate(args: Namespace) -> Calibrate | None:
    """Return what calibrates the threshold for a training, None for the method's own."""
    if not args.calibrate:
        return None
    goal = Goal(args.false_rate)

    def threshold(method: Method, train: Items) -> float | None:
        found = calibrated(method, train, goal)
        return None if found is None else found.chosen.threshold

    return threshold


def _wanted(args: Namespace) -> Wanted:
    return Wanted(
        unseen_apps=args.unseen_apps,
        leave_one_out=args.leave_one_out,
        repetitions=args.repetitions,
        seed=args.seed,
        folds=FOLDS if args.folds is None else args.folds,
        both_ways=args.both_ways,
    )


def _check(args: Namespace) -> None:
    _check_sources(args)
    for option, least in (
        ("folds", 2),
        ("repetitions", 1),
        ("unseen_apps", 1),
        ("seed", 0),
        ("min_flows", 1),
    ):
        value = getattr(args, option)
        if value is not None and value < least:
            raise UsageError(f"{_named(option)} must be at least {least}, not {value}")
    if args.leave_one_out and args.unseen_apps is not None:
        raise UsageError("--leave-one-out and --unseen-apps contradict each other: give one")
    # Before hours of work, not after.
    if args.plots is not None:
        available()
    if args.baselines and not args.fingerprints:
        package()


def _check_sources(args: Namespace) -> None:
    if args.vary is not None:
        raise UsageError("--vary needs --site DIR")
    if args.false_rate is not None and not args.calibrate:
        raise UsageError("--false-rate needs --calibrate")
    files = args.train is not None or args.test is not None
    if not args.fingerprints:
        if files:
            raise UsageError("--train and --test are fingerprint files: give --fingerprints too")
        if args.manifest is None:
            raise UsageError(
                f"give MANIFEST, --fingerprints or --site (see flowprint-zeek {NAME} --help)"
            )
        return
    if args.manifest is not None:
        raise UsageError("MANIFEST and --fingerprints contradict each other: give one")
    if args.train is None or args.test is None:
        raise UsageError("--fingerprints needs --train FILE... and --test FILE...")
    for option in _ONLY_CAPTURES:
        if getattr(args, option) not in (None, False):
            raise UsageError(f"{_named(option)} needs captures: give MANIFEST")


def _named(option: str) -> str:
    return f"--{option.replace('_', '-')}"


def _warn(given: Labelled, plan: Plan, terminal: Terminal) -> None:
    if plan.protocol == LEAVE_ONE_OUT and plan.apps.size == 1:
        terminal.warn("training has one app: without it nothing is left to find unseen apps with")
    if not given.split[0]:
        captures = given.label.tolist()
        names = [given.items.labels[at] for at in sorted(set(captures)) if captures.count(at) == 1]
        if names:
            terminal.warn(
                "apps of a single capture are not known when it is tested, and count as unseen "
                f"only: {', '.join(names[:5])}{' …' if len(names) > 5 else ''}"
            )
