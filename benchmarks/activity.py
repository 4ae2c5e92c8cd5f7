"""How far activity guessed from start and duration is from the packets themselves.

Stock conn.log tells a connection's start and duration only. Two guesses are compared with the
packet times of labelled captures: every window between start and end (``interval``), and the first
and last window (``ends``).

Usage: python benchmarks/activity.py REFERENCE_DIR

REFERENCE_DIR holds captures as JSON: ``flows`` with ``dst``, ``dport``, ``certificate`` and
``timestamps`` (seconds) of every packet.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.core.batch import cut
from flowprint_zeek.core.fingerprint import Fingerprints, Parameters, fingerprint
from flowprint_zeek.core.flows import SECOND, Flow, flow_table

if TYPE_CHECKING:
    import pandas as pd

WINDOWS = (5, 10, 30)


def read(path: Path) -> pd.DataFrame:
    """Return the flow table of a capture, with packet times."""
    flows = json.loads(path.read_text(encoding="utf-8"))["flows"]
    return flow_table(
        Flow(f["dst"], f["dport"], tuple(f["timestamps"]), f["certificate"]) for f in flows
    )


def windows(flows: pd.DataFrame, width: int, activity: str) -> set[tuple[int, int]]:
    """Return the pairs of flow and window with activity."""
    origin = int(flows["start"].min())
    slices = cut(flows, batch=300 * SECOND, window=width * SECOND, origin=origin, activity=activity)
    return set(zip(slices.flow[slices.active].tolist(), slices.window.tolist(), strict=True))


def sets_of(flows: pd.DataFrame, width: int, activity: str) -> list[frozenset[str]]:
    """Return the fingerprint of each slice of a capture."""
    parameters = Parameters(window=width, activity=activity)
    found: Fingerprints = fingerprint(flows, parameters, origin=int(flows["start"].min()))
    elements = [frozenset(one) for one in found.elements()]
    return [elements[at] if at >= 0 else frozenset() for at in found.of_slice.tolist()]


def main(arguments: list[str]) -> int:
    """Print a table of both guesses."""
    if len(arguments) != 1:
        print(__doc__)
        return 2
    captures = [read(path) for path in sorted(Path(arguments[0]).glob("*.json"))]
    print(f"{len(captures)} captures, {sum(map(len, captures))} flows")
    print("window  guess     windows: precision recall  flows with the exact fingerprint")
    for width in WINDOWS:
        for activity in ("interval", "ends"):
            right = guessed = true = 0
            same = []
            for flows in captures:
                stock = flows.drop(columns="times")
                exact, guess = windows(flows, width, activity), windows(stock, width, activity)
                right, guessed, true = (
                    right + len(exact & guess),
                    guessed + len(guess),
                    true + len(exact),
                )
                pairs = zip(
                    sets_of(flows, width, activity), sets_of(stock, width, activity), strict=False
                )
                same += [a == b for a, b in pairs]
            print(
                f"{width:>4} s  {activity:<8}  {right / guessed:>18.3f} {right / true:>6.3f}"
                f"  {np.mean(same):>8.3f}"
            )
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
