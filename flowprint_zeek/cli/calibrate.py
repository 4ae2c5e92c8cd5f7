"""``calibrate``: the threshold for a wanted false rate, or for as many notices as are bearable."""

from __future__ import annotations

from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek import store
from flowprint_zeek.analysis.calibration import Calibration, Goal, calibrated
from flowprint_zeek.analysis.calibration import n_trainings as n_calibration_trainings
from flowprint_zeek.analysis.choices import FALSE_RATE
from flowprint_zeek.analysis.labelled import known_apps
from flowprint_zeek.analysis.methods import PlainJaccard, Resemblance
from flowprint_zeek.calibrated import Calibrated
from flowprint_zeek.cli import forecast, matching, options
from flowprint_zeek.cli.arguments.calibrate import NAME
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.labelled import Labelled, of_manifest, of_model
from flowprint_zeek.core.elements import certificate_kinds
from flowprint_zeek.errors import LogError, ModelError, UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from flowprint_zeek.analysis.captures import Captures
    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.core.fingerprint import Parameters

_METHODS = (Resemblance, PlainJaccard)


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    _check(args)
    if forecast.wanted(args):
        return forecast.execute(args, terminal)
    if args.fingerprints is None:
        given, model = _of_manifest(args, terminal)
    else:
        given, model = _of_files(args)
    for warning in given.warnings:
        terminal.warn(warning)
    found = _calibrated(args, given, terminal)
    if args.output is not None:
        store.write(args.output, _with(model, args, found))
    if args.json:
        terminal.json(_as_json(args, given, found))
    else:
        _show(args, found, terminal)
    return Exit.OK


def _check(args: Namespace) -> None:
    site = forecast.wanted(args)
    labelled = (args.fingerprints, args.false_rate, args.output)
    if site and (labelled != (None, None, None) or args.best_f1 or args.strip_certificates):
        raise UsageError(
            "--learn-until and --learn-for are for the LOGS of a site; --fingerprints, "
            "--false-rate, --best-f1, --strip-certificates and --output need labels"
        )
    if args.fingerprints is not None:
        if args.inputs:
            raise UsageError("MANIFEST and --fingerprints contradict each other: give one")
        if options.times(args) != (None, None) or args.strip_certificates:
            raise UsageError("--since, --until and --strip-certificates need captures")
        if args.per == "capture":
            raise UsageError("--per capture needs captures: give MANIFEST")
    elif not args.inputs:
        raise UsageError(
            f"give MANIFEST, --fingerprints or LOGS (see flowprint-zeek {NAME} --help)"
        )
    elif not site and len(args.inputs) > 1:
        raise UsageError("give one MANIFEST; LOGS need --learn-until TIME or --learn-for DURATION")
    elif not site and Path(args.inputs[0]).is_dir():
        raise UsageError(
            f"{args.inputs[0]} is a folder, no MANIFEST; LOGS need --learn-until TIME or "
            "--learn-for DURATION"
        )


def _of_manifest(args: Namespace, terminal: Terminal) -> tuple[Labelled, store.Model]:
    args.manifest, args.folds, args.both_ways = Path(args.inputs[0]), None, False
    args.baselines, args.min_flows = False, 1
    given = of_manifest(args, terminal)
    trains = np.array([one != "test" for one in given.split], dtype=np.bool_)
    given = replace(given, items=given.items.where(trains[given.items.group]))
    if given.read is None or args.output is None:
        return given, store.Model()
    return given, _model(given.read, given.parameters, trains.tolist())


def _model(captures: Captures, parameters: Parameters, trains: list[bool]) -> store.Model:
    """Return the fingerprints of captures as a model."""
    number = captures.group
    names = [row.label if one else "" for row, one in zip(captures.rows, trains, strict=True)]
    flows = captures.flows.assign(label=[names[at] for at in number.tolist()])
    apps, _ = known_apps(flows[flows["label"] != ""].reset_index(drop=True), parameters)
    kinds = certificate_kinds(element for app in apps for element in app.elements)
    if len(kinds) > 1:
        raise LogError(f"captures tell certificates apart by {kinds[0]} and by {kinds[1]}")
    return store.Model(parameters, certificate=kinds[0] if kinds else "sha256", apps=apps)


def _of_files(args: Namespace) -> tuple[Labelled, store.Model]:
    args.train = args.fingerprints
    model = matching.trained(args, threshold=False)
    given = of_model(model, args.train[0])
    unlabelled = given.totals["unlabelled_train"]
    warnings = [f"{unlabelled} fingerprints have no label and are left out"] if unlabelled else []
    # Of several files that each saw another part of a site, none says what all have seen.
    several = len(args.train) > 1
    return replace(given, warnings=warnings), replace(model, seen=None) if several else model


def _calibrated(args: Namespace, given: Labelled, terminal: Terminal) -> dict[str, Calibration]:
    rate = FALSE_RATE if args.false_rate is None else args.false_rate
    goal = Goal(None if args.best_f1 else rate, args.per)
    found = {}
    total = n_calibration_trainings(given.items) * len(_METHODS)
    with terminal.progress("hold out", total=total) as advance:
        for method in _METHODS:
            one = calibrated(method(), given.items, goal, advance)
            if one is None:
                raise _nothing(args)
            found[method.name] = one
    if not found[Resemblance.name].unseen:
        terminal.warn("one app: none can be left out, so there is no detection rate")
    return found


def _nothing(args: Namespace) -> LogError | ModelError:
    said = "nothing can be held out: no app has a second capture or fingerprint"
    said = f"{said}, or --best-f1 has one app only" if args.best_f1 else said
    if args.fingerprints is not None:
        return ModelError(said, path=args.fingerprints[0])
    return LogError(said, path=args.manifest)


def _with(model: store.Model, args: Namespace, found: dict[str, Calibration]) -> store.Model:
    """Return a model with calibrated thresholds; ``detect`` goes by plain Jaccard's."""
    thresholds = {
        name: Calibrated(
            one.chosen.threshold,
            one.chosen.false_rate,
            one.chosen.detection_rate,
            args.per,
            tuple((point.threshold, point.false_rate, point.detection_rate) for point in one.curve),
        )
        for name, one in found.items()
    }
    return replace(model, threshold=_similarity(found), calibrated=thresholds)


def _similarity(found: dict[str, Calibration]) -> float:
    """Return the similarity below which a fingerprint is unseen to plain Jaccard."""
    return max(0.0, 1 - found[PlainJaccard.name].chosen.threshold)


def _as_json(args: Namespace, given: Labelled, found: dict[str, Calibration]) -> dict[str, object]:
    rate = FALSE_RATE if args.false_rate is None else args.false_rate
    parameters = asdict(given.parameters) | {
        "false_rate": None if args.best_f1 else rate,
        "best_f1": args.best_f1,
        "per": args.per,
        "strip_certificates": args.strip_certificates,
    }
    return {
        "parameters": parameters,
        "methods": {
            name: asdict(one.chosen)
            | {"known": one.known, "unseen": one.unseen, "curve": [asdict(p) for p in one.curve]}
            for name, one in found.items()
        },
        "similarity": _similarity(found),
        "apps": [given.items.labels[at] for at in given.items.present().tolist()],
        "output": args.output,
    }


def _show(args: Namespace, found: dict[str, Calibration], terminal: Terminal) -> None:
    for name, one in found.items():
        counts = f"{one.known:g} held out of known apps, {one.unseen:g} of left-out apps"
        rows = [
            [
                f"{point.false_rate:.2%}",
                f"{point.threshold:.3f}",
                None if point.detection_rate is None else f"{point.detection_rate:.2%}",
                "chosen" if point == one.chosen else "",
            ]
            for point in sorted(one.curve, key=lambda point: point.false_rate)
        ]
        title = f"{name}, per {args.per} ({counts})"
        terminal.table(title, ("false rate", "score from", "detection rate", ""), rows)
    terminal.line(
        f"{PlainJaccard.name}: unseen below a similarity of {_similarity(found):.3f} "
        "(--threshold of detect)"
    )
    if args.output is not None:
        terminal.line(f"Model: {args.output}")
