"""``recognize``: name the known app of each fingerprint."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowprint_zeek.cli import matching
from flowprint_zeek.cli.exits import Exit

if TYPE_CHECKING:
    from argparse import Namespace

    from flowprint_zeek.cli.terminal import Terminal


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    model = matching.trained(args, threshold=False)
    found = matching.matches(args, model, terminal)
    if not any(app.labels for app in model.apps):
        terminal.warn("no fingerprint of the training files has a label: nothing has a name")
    labels = matching.majority(found)
    if args.json:
        terminal.json(
            {
                "parameters": matching.parameters(model),
                "results": [match.to_dict() for match in found],
                "sources": labels,
            }
        )
        return Exit.OK
    columns = ("source", "fingerprint", "flows", "label", "similarity")
    rows = [
        (match.source, match.fingerprint, match.n_flows, match.label, f"{match.similarity:.3f}")
        for match in found
    ]
    terminal.table("Recognized", columns, rows)
    terminal.table("By majority of flows", ("source", "label"), list(labels.items()))
    return Exit.OK
