"""``browser``: train the paper's browser detector, and tell which flows are a browser's by it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.browser import BrowserDetector, around
from flowprint_zeek.analysis.browser_file import read_detector, write_detector
from flowprint_zeek.analysis.captures import read_captures
from flowprint_zeek.analysis.labelled import read_labels
from flowprint_zeek.analysis.manifest import read_manifest
from flowprint_zeek.analysis.totals import capture_totals, flow_totals
from flowprint_zeek.aside import replacing
from flowprint_zeek.cli import options
from flowprint_zeek.cli.capture import captured, found
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.core.arrays import picked
from flowprint_zeek.errors import LogError, UsageError
from flowprint_zeek.stream.capture import KINDS
from flowprint_zeek.stream.replay import Span

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config
    from flowprint_zeek.core.arrays import Bools


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    _DOES[args.action](args, options.settings(args), terminal)
    return Exit.OK


def _train(args: Namespace, config: Config, terminal: Terminal) -> None:
    if bool(args.logs) == (args.captures is not None):
        raise UsageError("give either LOGS with --labels FILE, or --captures MANIFEST")
    if bool(args.logs) != (args.labels is not None):
        raise UsageError("--labels go with LOGS: give both, or --captures MANIFEST")
    if args.seed < 0:
        raise UsageError(f"--seed must be at least 0, not {args.seed}")
    flows = (_flows if args.captures is None else _captures)(args, config, terminal)
    known, browser = _truth(flows, args)
    for kind, there in (("of a browser", browser), ("of anything else", known & ~browser)):
        if not there.any():
            labels = ", ".join(args.browsing)
            raise LogError(
                f"no flow is {kind} (labels of browsers: {labels})",
                path=args.labels or args.captures,
            )
    scheme = config.fingerprint.scheme
    detector = BrowserDetector.trained(flows, browser, known, scheme, args.seed)
    write_detector(args.output, detector)
    told = {
        "flows": int(known.sum()),
        "browser": int(browser.sum()),
        "unlabelled": int((~known).sum()),
        "devices": int(flows["device"].nunique()),
        "output": args.output,
    }
    if args.json:
        parameters = {"scheme": scheme, "seed": args.seed, "browsing": args.browsing}
        terminal.json({"parameters": parameters} | told)
    else:
        rows = [(name, str(value)) for name, value in told.items()]
        terminal.table("Browser detector trained", ("", ""), rows)


def _apply(args: Namespace, config: Config, terminal: Terminal) -> None:
    detector = read_detector(args.model)
    flows = _flows(args, config, terminal)
    hits = detector.hits(flows)
    flagged = around(flows, hits)
    if args.output is not None:
        _write(args.output, flows, flagged)
    devices = [
        {
            "device": device,
            "flows": len(rows),
            "hits": int(hits[rows].sum()),
            "browser": int(flagged[rows].sum()),
        }
        for device, rows in sorted(flows.groupby("device").indices.items())
    ]
    scores = {}
    if args.labels is not None:
        known, browser = _truth(flows, args)
        if not known.any():
            raise LogError("no uid in it is that of a flow", path=args.labels)
        for name, said in (("hits", hits), ("browser", flagged)):
            scores[name] = rates(browser[known], said[known])
    if args.json:
        parameters = {"scheme": detector.scheme, "browsing": args.browsing}
        told = {"flows": len(flows), "hits": int(hits.sum()), "browser": int(flagged.sum())}
        terminal.json({"parameters": parameters} | told | {"devices": devices, "scores": scores})
        return
    cells = [list(one.values()) for one in devices]
    terminal.table("Flows of browsers", ("device", "flows", "hits", "within 10 s"), cells)
    if scores:
        rows = [[name, *one.values()] for name, one in scores.items()]
        terminal.table("Against the labels", ("", "precision", "recall", "f1"), rows)


def _flows(args: Namespace, config: Config, terminal: Terminal) -> pd.DataFrame:
    """Return the flows of logs with the bytes of each direction, and labels where there are."""
    flows = captured(args.logs, args, config, terminal)
    flows = flows.join(flow_totals(found(args.logs, KINDS), flows))
    if args.labels is None:
        return flows
    return flows.assign(label=flows["uid"].map(read_labels(args.labels)).fillna(""))


def _captures(args: Namespace, config: Config, terminal: Terminal) -> pd.DataFrame:
    """Return the same of captures, each a device of its own."""
    rows = read_manifest(args.captures)
    with terminal.progress("read captures", total=2 * len(rows)) as advance:
        captures = read_captures(
            args.captures,
            rows,
            config,
            Span(*options.times(args)),
            certificates=True,
            advance=advance,
        )
        totals = capture_totals(captures, advance)
    for warning in captures.warnings:
        terminal.warn(warning)
    label = picked(captures.labels, captures.label[captures.group], "")
    return captures.flows.join(totals).assign(label=label)


def _truth(flows: pd.DataFrame, args: Namespace) -> tuple[Bools, Bools]:
    """Return which flows have a label, and which have one of a browser."""
    label = flows["label"]
    return (label != "").to_numpy(), label.isin(args.browsing).to_numpy()


def rates(truth: Bools, said: Bools) -> dict[str, float | None]:
    """Return precision, recall and F1, None where one is not defined."""
    right, given, there = (int(one.sum()) for one in (truth & said, said, truth))
    return {
        "precision": right / given if given else None,
        "recall": right / there if there else None,
        "f1": 2 * right / (given + there) if given + there else None,
    }


def _write(path: Path, flows: pd.DataFrame, flagged: Bools) -> None:
    words = np.where(flagged, "T", "F").tolist()
    with replacing(path) as file:
        file.write(b"uid\tbrowser\n")
        pairs = zip(flows["uid"].tolist(), words, strict=True)
        file.writelines(f"{uid}\t{word}\n".encode() for uid, word in pairs)


_DOES = {"train": _train, "apply": _apply}
"""The function of each action."""
