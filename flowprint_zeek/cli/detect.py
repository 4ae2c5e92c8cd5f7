"""``detect``: tell which fingerprints are of unseen apps."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowprint_zeek.cli import matching
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace

    from flowprint_zeek.cli.terminal import Terminal


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    if args.threshold is not None and not 0 <= args.threshold <= 1:
        raise UsageError(f"--threshold must be from 0 to 1, not {args.threshold:g}")
    model = matching.trained(args, threshold=args.threshold is None)
    threshold = model.threshold if args.threshold is None else args.threshold
    found = [
        match.to_dict() | {"unseen": match.similarity < threshold}
        for match in matching.matches(args, model, terminal)
    ]
    if args.json:
        parameters = matching.parameters(model) | {"threshold": threshold}
        terminal.json({"parameters": parameters, "results": found})
        return Exit.OK
    keys = ("source", "fingerprint", "n_flows", "label", "similarity", "unseen")
    columns = ("source", "fingerprint", "flows", "label", "similarity", "unseen")
    rows = [
        [row[key] if key != "similarity" else f"{row[key]:.3f}" for key in keys] for row in found
    ]
    terminal.table(f"Unseen below {threshold:g}", columns, rows)
    unseen = sum(bool(row["unseen"]) for row in found)
    terminal.line(f"{unseen} of {len(found)} fingerprints are of unseen apps")
    return Exit.OK
