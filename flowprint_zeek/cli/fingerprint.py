"""``fingerprint``: make fingerprints of logs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from flowprint_zeek import store
from flowprint_zeek.analysis.labelled import known_apps, read_labels, split
from flowprint_zeek.cli import options
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.errors import LogError, UsageError
from flowprint_zeek.stream.capture import KINDS, read_capture
from flowprint_zeek.stream.pipeline import parameters_of
from flowprint_zeek.stream.prepared import read_flows, write_flows
from flowprint_zeek.stream.replay import Span
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config

NAME = "fingerprint"
HELP = (
    "Make fingerprints of whole captures, labelled or not. Every part of a connection counts, "
    "also what a live sensor learns too late. FILE gets them as JSON, which upstream reads too."
)


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    options.add_logs(parser, required=False)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where they go")
    group = parser.add_argument_group("labels")
    group.add_argument("--label", metavar="NAME", help="label of all flows")
    group.add_argument("--labels", type=Path, metavar="FILE", help="TSV of uid and label")
    group = parser.add_argument_group("training and testing: FILE.train.json and FILE.test.json")
    group.add_argument("-l", "--split", type=float, metavar="SHARE", help="share for testing")
    group.add_argument(
        "-a",
        "--random",
        type=int,
        default=42,
        metavar="SEED",
        help="seed of the choice; default 42",
    )
    group.add_argument(
        "--split-by",
        choices=("batch", "flow"),
        default="batch",
        help="what is chosen: whole batches (default), or single flows as upstream does",
    )
    group = parser.add_argument_group("prepared flows (Parquet)")
    group.add_argument("-r", "--read", type=Path, nargs="+", metavar="FILE", help="instead of LOGS")
    group.add_argument("--write", type=Path, metavar="FILE", help="keep the flows for --read")
    options.add_parameters(parser)
    options.add_config(parser)
    options.add_json(parser)


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    _check(args)
    config = options.settings(args)
    flows, warnings = _flows(args, config)
    for warning in warnings:
        terminal.note(f"warning: {warning}")
    if args.write is not None:
        write_flows(args.write, flows)
    outputs = []
    for name, part in _parts(args, config, flows):
        path = _named(args.output, name)
        outputs.append(_fingerprint(part, path, config))
    result: dict[str, object] = {"flows": len(flows), "outputs": outputs}
    if args.json:
        terminal.json({"parameters": config.to_dict()} | result)
    else:
        columns = ("file", "flows", "fingerprints", "unassigned", "labels")
        rows = [[_cell(output[column]) for column in columns] for output in outputs]
        terminal.table("Fingerprints", columns, rows)
    return Exit.OK


def _cell(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items()) or None
    return value


def _check(args: Namespace) -> None:
    if bool(args.logs) == (args.read is not None):
        raise UsageError("give either LOGS or --read FILE")
    if args.output is None and args.write is None:
        raise UsageError("give --output FILE, or --write FILE to keep the flows only")
    if args.label is not None and args.labels is not None:
        raise UsageError("--label and --labels contradict each other: give one")
    if args.split is not None and not 0 < args.split < 1:
        raise UsageError(f"--split must be between 0 and 1, not {args.split:g}")


def _flows(args: Namespace, config: Config) -> tuple[pd.DataFrame, list[str]]:
    if args.read is not None:
        flows = pd.concat([read_flows(path) for path in args.read], ignore_index=True)
        return _labelled(flows, args), []
    stats = ReadStats()
    logs = find_logs(args.logs, KINDS)
    flows, dropped = read_capture(logs, config, span=Span(*options.times(args)), stats=stats)
    warnings = list(stats.problems)
    if not any(log.kind == "ssl" for log in logs):
        warnings.append("no ssl log: no server names and no certificates, only addresses")
    if flows.empty:
        reasons = ", ".join(f"{count} {why}" for why, count in sorted(dropped.reasons.items()))
        raise LogError(f"no connection is a flow of a local device ({reasons or 'no rows'})")
    return _labelled(flows, args), warnings


def _labelled(flows: pd.DataFrame, args: Namespace) -> pd.DataFrame:
    if args.label is not None:
        return flows.assign(label=args.label)
    if args.labels is None:
        return flows
    return flows.assign(label=flows["uid"].map(read_labels(args.labels)).fillna(""))


def _parts(args: Namespace, config: Config, flows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    if args.output is None:
        return []
    if args.split is None:
        return [("", flows)]
    batch = parameters_of(config).batch_micros
    test = split(flows, batch, args.split, args.random, by_flow=args.split_by == "flow")
    return [
        ("train", flows[~test].reset_index(drop=True)),
        ("test", flows[test].reset_index(drop=True)),
    ]


def _named(path: Path, part: str) -> Path:
    if not part:
        return path
    return path.with_name(f"{path.stem}.{part}{path.suffix or '.json'}")


def _fingerprint(flows: pd.DataFrame, path: Path, config: Config) -> dict[str, object]:
    parameters = parameters_of(config)
    apps, found = known_apps(flows, parameters)
    store.write(path, store.Model(parameters, config.detect.threshold, "sha256", apps))
    labels = [app.label for app in apps if app.label is not None]
    return {
        "file": str(path),
        "flows": len(flows),
        "fingerprints": len(apps),
        "unassigned": int((found.of_slice < 0).sum()),
        "bounded_batches": found.bounded,
        "labels": {str(label): labels.count(label) for label in sorted(set(labels), key=str)},
    }
