"""``tune``: the parameters that tell labelled captures apart best."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import TYPE_CHECKING

import numpy as np
import yaml

from flowprint_zeek import kinds
from flowprint_zeek.analysis.captures import labelled_items, read_captures
from flowprint_zeek.analysis.manifest import read_manifest
from flowprint_zeek.analysis.rounds import Wanted
from flowprint_zeek.analysis.tuning.cells import ALL, ASSIGNED, Task, digest, plan_of
from flowprint_zeek.analysis.tuning.results import Results
from flowprint_zeek.analysis.tuning.search import PAPER, Score, Trials, Values, told_in
from flowprint_zeek.analysis.tuning.tuned import Tuned, n_settings, plans_of, tuned
from flowprint_zeek.analysis.tuning.workers import Workers
from flowprint_zeek.aside import replacing
from flowprint_zeek.cli import options
from flowprint_zeek.cli import tuned as telling
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.config import SETTINGS
from flowprint_zeek.errors import LogError, OutputError, UsageError
from flowprint_zeek.stream.configured import parameters_of
from flowprint_zeek.stream.replay import Span

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from flowprint_zeek.analysis.captures import Captures
    from flowprint_zeek.analysis.tuning.cells import Cell
    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.core.fingerprint import Parameters

_SECTION = "fingerprint."


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    _check(args)
    values = _grid(args.grid) if args.grid else PAPER
    config = options.settings(args)
    start = parameters_of(config)
    captures, left_out = _captures(args, terminal)
    for warning in captures.warnings:
        terminal.warn(warning)
    values = _possible(captures, start, values, args, terminal)
    score = Score(args.score, ASSIGNED if args.assigned_only else ALL)
    task = _task(args, captures, start, score, config.detect.threshold)
    found = _search(args, task, start, values, score, terminal)
    if score.of(found.chosen.figures) is None:
        raise LogError(
            f"{args.score} is not defined for any setting: no app has two captures, or only one "
            "app does",
            path=args.manifest,
        )
    if args.output is not None:
        _write(args.output, found.chosen.parameters, _said(args, captures, found, score))
    if args.json:
        terminal.json(telling.as_json(args, task, left_out, start, values, score, found))
    else:
        telling.show(args, task, left_out, values, score, found, terminal)
    return Exit.OK


def _check(args: Namespace) -> None:
    for option, least in (
        ("folds", 2),
        ("workers", 1),
        ("repetitions", 1),
        ("unseen_apps", 1),
        ("seed", 0),
    ):
        value = getattr(args, option)
        if value is not None and value < least:
            raise UsageError(f"--{option.replace('_', '-')} must be at least {least}, not {value}")
    if args.one_at_a_time and not args.grid:
        raise UsageError("--one-at-a-time is what is done without --grid; give --grid too")
    if args.unseen_apps is not None and not args.score.startswith("unseen"):
        raise UsageError(f"--unseen-apps needs a score of unseen apps, not {args.score}")
    # Before hours of work, not after.
    output = args.output
    if output is not None and (output.is_dir() or not output.absolute().parent.is_dir()):
        reason = "it is a folder" if output.is_dir() else "its folder is not there"
        raise OutputError(f"cannot be written: {reason}", path=output)
    if output is not None and args.results is not None and output == args.results:
        raise UsageError("--output and --results are the same file: give two")


def _grid(given: list[str]) -> Values:
    """Return the values of --grid.

    Raises
    ------
    UsageError
        A key is unknown or given twice, or a value is not allowed.
    """
    values: Values = {}
    known = [key.removeprefix(_SECTION) for key in SETTINGS if key.startswith(_SECTION)]
    for text in given:
        name, equals, listed = text.partition("=")
        name = name.strip().removeprefix(_SECTION)
        if not equals or name not in known:
            raise UsageError(f"--grid {text}: write KEY=V1,V2,… with a KEY of {', '.join(known)}")
        if name in values:
            raise UsageError(f"--grid {text}: {name} is given twice")
        kind = SETTINGS[_SECTION + name].kind
        try:
            values[name] = tuple(
                dict.fromkeys(kind.parse(one.strip()) for one in listed.split(","))
            )
        except kinds.RefusedError as error:
            raise UsageError(
                f"--grid {text}: {name} must be {kind.allowed}; not {error.args[0]!r}"
            ) from error
    return values


def _captures(args: Namespace, terminal: Terminal) -> tuple[Captures, int]:
    """Return the captures that train, and how many are left out because they test."""
    rows = read_manifest(args.manifest)
    trains = [replace(row, split="") for row in rows if row.split != "test"]
    with terminal.progress("read captures", total=len(trains)) as advance:
        captures = read_captures(
            args.manifest,
            trains,
            options.settings(args),
            Span(*options.times(args)),
            certificates=not args.strip_certificates,
            advance=advance,
        )
    return captures, len(rows) - len(trains)


def _possible(
    captures: Captures, start: Parameters, values: Values, args: Namespace, terminal: Terminal
) -> Values:
    """Return the values that the logs can be cut into; others are told of, and if asked for wrong.

    Raises
    ------
    UsageError
        A value of --grid does not fit.
    """
    fitting, left_out = told_in(captures.flows, start, values)
    if left_out:
        said = "; ".join(
            f"{name} {', '.join(f'{one:g}s' for one in given)}" for name, given in left_out.items()
        )
        said = f"is no multiple of the windows that flowprint_conn.log tells: {said}"
        if args.grid:
            raise UsageError(f"--grid: {said}")
        terminal.warn(f"left out, because it {said}")
    return fitting


def _task(
    args: Namespace, captures: Captures, start: Parameters, score: Score, similarity: float
) -> Task:
    items, _ = labelled_items(captures, start, min_flows=1)
    wanted = Wanted(
        unseen_apps=args.unseen_apps,
        repetitions=args.repetitions,
        seed=args.seed,
        folds=args.folds,
    )
    whole = np.ones(len(captures.rows), dtype=np.bool_)
    plan = plan_of(captures.label, whole, items.size, score.kind, wanted)
    plans = [plan]
    if args.nested:
        plans += plans_of(plan, captures.label, items.size, score.kind, wanted)
    return Task(captures, plans, score.kind, args.method, similarity)


def _search(
    args: Namespace, task: Task, start: Parameters, values: Values, score: Score, terminal: Terminal
) -> Tuned:
    alone = args.one_at_a_time or not args.grid
    total = n_settings(start, values, alone=alone) * len(task.plans)
    with Results(args.results, digest(task.captures)) as results:
        if results.damaged:
            terminal.warn(
                f"{args.results}: damaged lines are left out: {len(results.damaged)}, the first is "
                f"line {results.damaged[0]}"
            )
        workers: Workers[tuple[Parameters, int], Cell] = Workers(task, args.workers)
        with terminal.progress("settings", total=total) as advance, workers:
            trials = Trials(task, results, workers, advance)
            try:
                found = tuned(task, trials, start, values, score, alone=alone)
            except KeyboardInterrupt:
                if args.results is not None:
                    terminal.note(
                        f"{args.results} has {trials.computed} more settings now; the same command "
                        "goes on from there"
                    )
                raise
        if args.results is not None:
            counts = f"{trials.computed} settings computed, {len(trials.found)} were there"
            terminal.note(f"{args.results}: {counts}")
    return found


def _said(args: Namespace, captures: Captures, found: Tuned, score: Score) -> str:
    value = score.of(found.chosen.figures)
    apps = len(captures.labels)
    return (
        f"# Chosen by flowprint-zeek tune on {len(captures.rows)} captures of {apps} apps: "
        f"{args.score} {value:.4f},\n# method {args.method}, {args.folds} folds, seed {args.seed}. "
        "Times in seconds.\n"
    )


def _write(path: Path, parameters: Parameters, said: str) -> None:
    """Write the section ``fingerprint`` as a file for --config."""
    section = {"fingerprint": asdict(parameters)}
    text = said + yaml.safe_dump(section, sort_keys=False)
    with replacing(path) as file:
        file.write(text.encode())
