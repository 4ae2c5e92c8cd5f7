"""``fingerprint``: make fingerprints of logs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pandas as pd

from flowprint_zeek.analysis.labelled import read_labels
from flowprint_zeek.cli import fingerprinted, options
from flowprint_zeek.cli.capture import captured
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.flows import microseconds, seconds
from flowprint_zeek.core.windows import Windows
from flowprint_zeek.errors import UsageError
from flowprint_zeek.stream.prepared import read_flows

if TYPE_CHECKING:
    from argparse import Namespace

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    _check(args)
    config = options.settings(args)
    flows = _labelled(_flows(args, config, terminal), args, terminal)
    written = fingerprinted.write(flows, args, config)
    if args.json:
        terminal.json({"parameters": config.to_dict()} | written.to_dict())
    else:
        fingerprinted.show(written, terminal)
    return Exit.OK


def _check(args: Namespace) -> None:
    if bool(args.logs) == (args.read is not None):
        raise UsageError("give either LOGS or --read FILE")
    if args.output is None and args.write is None:
        raise UsageError("give --output FILE, or --write FILE to keep the flows only")
    if args.label is not None and args.labels is not None:
        raise UsageError("--label and --labels contradict each other: give one")
    fingerprinted.check(args)
    if args.read is not None and options.times(args) != (None, None):
        raise UsageError("--since and --until cut LOGS, not the flows of --read")


def _flows(args: Namespace, config: Config, terminal: Terminal) -> pd.DataFrame:
    if args.read is None:
        return captured(args.logs, args, config, terminal)
    flows = pd.concat([read_flows(path) for path in args.read], ignore_index=True)
    if "windows" in flows.columns:
        _check_widths(Windows(ints(flows["start"]), flows["windows"]).step, config)
    return flows


def _check_widths(step: int, config: Config) -> None:
    widths = (config.fingerprint.batch, config.fingerprint.window)
    if step and any(microseconds(width) % step for width in widths):
        said = f"batches of {widths[0]:g} s and windows of {widths[1]:g} s are not made of"
        raise UsageError(f"--read: {said} the {seconds(step):g} s that the flows are told in")


def _labelled(flows: pd.DataFrame, args: Namespace, terminal: Terminal) -> pd.DataFrame:
    if args.label is not None:
        return flows.assign(label=args.label)
    if args.labels is None:
        return flows
    label = flows["uid"].map(read_labels(args.labels)).fillna("")
    if not label.astype(bool).any():
        terminal.warn(f"{args.labels}: no uid in it is that of a flow")
    return flows.assign(label=label)
