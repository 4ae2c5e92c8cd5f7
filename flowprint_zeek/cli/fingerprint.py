"""``fingerprint``: make fingerprints of logs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd

from flowprint_zeek import store
from flowprint_zeek.analysis.labelled import known_apps, read_labels, split
from flowprint_zeek.cli import options
from flowprint_zeek.cli.capture import captured
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.core.elements import certificate_kinds
from flowprint_zeek.errors import LogError, UsageError
from flowprint_zeek.stream.configured import parameters_of
from flowprint_zeek.stream.prepared import read_flows, write_flows

if TYPE_CHECKING:
    from argparse import ArgumentParser, Namespace

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config

NAME = "fingerprint"
HELP = (
    "Make fingerprints of whole captures, labelled or not. Every part of a connection counts, "
    "also what a live sensor learns too late. FILE gets them as JSON, which upstream reads too."
)

SEED = 42
"""Seed of the choice of flows for testing, that of the published package."""


def add_arguments(parser: ArgumentParser) -> None:
    """Add the command's options."""
    options.add_logs(parser, required=False)
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help="where they go")
    group = parser.add_argument_group("labels")
    group.add_argument("--label", metavar="NAME", help="label of all flows")
    group.add_argument("--labels", type=Path, metavar="FILE", help="TSV of uid and label")
    group = parser.add_argument_group(
        "training and testing", "FILE NAME.json becomes NAME.train.json and NAME.test.json"
    )
    group.add_argument("-l", "--split", type=float, metavar="SHARE", help="share for testing")
    group.add_argument(
        "-a",
        "--random",
        type=int,
        metavar="SEED",
        help=f"seed of the choice; default {SEED}",
    )
    group.add_argument(
        "--split-by",
        choices=("batch", "flow"),
        help="what is chosen: whole batches, or single flows as upstream does; default batch",
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
    flows = _labelled(_flows(args, config, terminal), args, terminal)
    if args.write is not None:
        write_flows(args.write, flows)
    outputs = []
    for name, part in _parts(args, config, flows):
        path = _named(args.output, name)
        outputs.append(_fingerprint(part, path, config))
    result: dict[str, object] = {"flows": len(flows), "outputs": outputs}
    if args.write is not None:
        result["written"] = args.write
    if args.json:
        terminal.json({"parameters": config.to_dict()} | result)
    else:
        _show(outputs, terminal)
        if args.write is not None:
            terminal.line(f"{len(flows)} flows kept in {args.write}")
    return Exit.OK


def _show(outputs: list[dict[str, object]], terminal: Terminal) -> None:
    columns = ("file", "flows", "fingerprints", "unassigned", "labels")
    rows = [[_cell(output[column]) for column in columns] for output in outputs]
    if rows:
        terminal.table("Fingerprints", columns, rows)


def _cell(value: object) -> object:
    if isinstance(value, dict):
        return ", ".join(f"{name} {number}" for name, number in value.items()) or None
    return value


def _check(args: Namespace) -> None:
    if bool(args.logs) == (args.read is not None):
        raise UsageError("give either LOGS or --read FILE")
    if args.output is None and args.write is None:
        raise UsageError("give --output FILE, or --write FILE to keep the flows only")
    if args.label == "":
        raise UsageError("--label must not be empty")
    if args.label is not None and args.labels is not None:
        raise UsageError("--label and --labels contradict each other: give one")
    if args.split is not None and not 0 < args.split < 1:
        raise UsageError(f"--split must be between 0 and 1, not {args.split:g}")
    if args.split is not None and args.output is None:
        raise UsageError("--split needs --output FILE")
    for option, value in (("--random", args.random), ("--split-by", args.split_by)):
        if value is not None and args.split is None:
            raise UsageError(f"{option} needs --split SHARE")
    if args.read is not None and options.times(args) != (None, None):
        raise UsageError("--since and --until cut LOGS, not the flows of --read")


def _flows(args: Namespace, config: Config, terminal: Terminal) -> pd.DataFrame:
    if args.read is None:
        return captured(args.logs, args, config, terminal)
    return pd.concat([read_flows(path) for path in args.read], ignore_index=True)


def _labelled(flows: pd.DataFrame, args: Namespace, terminal: Terminal) -> pd.DataFrame:
    if args.label is not None:
        return flows.assign(label=args.label)
    if args.labels is None:
        return flows
    label = flows["uid"].map(read_labels(args.labels)).fillna("")
    if not label.astype(bool).any():
        terminal.warn(f"{args.labels}: no uid in it is that of a flow")
    return flows.assign(label=label)


def _parts(args: Namespace, config: Config, flows: pd.DataFrame) -> list[tuple[str, pd.DataFrame]]:
    if args.output is None:
        return []
    if args.split is None:
        return [("", flows)]
    batch = parameters_of(config).batch_micros
    seed = SEED if args.random is None else args.random
    test = split(flows, batch, args.split, seed, by_flow=args.split_by == "flow")
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
    kinds = certificate_kinds(element for app in apps for element in app.elements)
    if len(kinds) > 1:
        raise LogError(f"flows tell certificates apart by {kinds[0]} and by {kinds[1]}")
    certificate = kinds[0] if kinds else "sha256"
    store.write(path, store.Model(parameters, config.detect.threshold, certificate, apps))
    labels = [app.label for app in apps if app.label is not None]
    return {
        "file": str(path),
        "flows": len(flows),
        "fingerprints": len(apps),
        "unassigned": int((found.of_slice < 0).sum()),
        "bounded_batches": found.bounded,
        "labels": {str(label): labels.count(label) for label in sorted(set(labels), key=str)},
    }
