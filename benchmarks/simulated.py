"""Planted apps found and other notices on simulated networks. Every figure is *simulated*.

Each network has 12 devices and runs for two days; the first is learned, in the second six apps
appear that were never seen. A notice is of the app whose flow it points to.

Usage: python benchmarks/simulated.py [NETWORKS [FIRST_SEED]]

By default ten networks from seed 1 on.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.simulate import Network, simulate
from flowprint_zeek.analysis.truth import Comparison, compare
from flowprint_zeek.config import Config, load
from flowprint_zeek.core.novelty import UNSEEN_SITE
from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.stream.phases import Learning
from flowprint_zeek.stream.pipeline import Pipeline
from flowprint_zeek.stream.replay import KINDS, Source, replay
from flowprint_zeek.zeek.files import find_logs

if TYPE_CHECKING:
    from flowprint_zeek.stream.explained import Why
    from flowprint_zeek.stream.notices import Row

PAPER_THRESHOLD = 0.1

VARIANTS: dict[str, dict[str, object]] = {
    "as shipped": {},
    "browsers not apart": {"browser.apart": False},
    "scheme paper": {"fingerprint.scheme": "paper"},
    "activity interval": {"fingerprint.activity": "interval"},
    "min_score 0.6": {"detect.min_score": 0.6},
    "min_score 0.8": {"detect.min_score": 0.8},
    "min_score 0": {"detect.min_score": 0.0},
}


class Kept:
    """Keeps the rows of notice.log, and how similar unseen fingerprints are to known ones."""

    def __init__(self) -> None:
        self.notices: list[Row] = []
        self.similar: list[bool] = []

    def notice(self, row: Row, _why: Why | None = None) -> None:
        """Keep a row."""
        self.notices.append(row)

    def verdict(self, row: Row) -> None:
        """Note whether a fingerprint that is unseen would have passed the paper's threshold."""
        if row["verdict"] == UNSEEN_SITE:
            self.similar.append(float(str(row["similarity"])) >= PAPER_THRESHOLD)


def run(seed: int, configs: dict[str, Config]) -> dict[str, tuple[Comparison, Kept]]:
    """Simulate one network and replay it with each variant."""
    simulated = simulate(Network(seed=seed, unseen_apps=6))
    results = {}
    with tempfile.TemporaryDirectory() as folder:
        write(simulated, Path(folder))
        logs = find_logs([folder], KINDS)
        for name, config in configs.items():
            kept = Kept()
            learning = Learning(until=simulated.network.unseen_start)
            replay(Source(logs), Pipeline(config, Site(KnownApps(100_000)), learning, kept))
            results[name] = (compare(kept.notices, simulated), kept)
    return results


@dataclass
class Tally:
    """What one variant did on all networks."""

    found: int = 0
    planted: int = 0
    device_days: float = 0
    false: Counter[str] = field(default_factory=Counter)
    similar: list[bool] = field(default_factory=list)

    def add(self, truth: Comparison, kept: Kept) -> None:
        """Count one network in."""
        self.found += sum(app.found is not None for app in truth.planted)
        self.planted += len(truth.planted)
        self.device_days += truth.device_days
        self.false.update(label for _, label in truth.false)
        self.similar += kept.similar

    def line(self, name: str) -> str:
        """Return its line of the table."""
        share = f"{self.found}/{self.planted} = {self.found / self.planted:.2f}"
        rate = self.false.total() / self.device_days
        passed = sum(self.similar) / max(len(self.similar), 1)
        causes = ", ".join(f"{label} {n}" for label, n in self.false.most_common(3))
        return f"{name:<18} {share:<14} {rate:>8.2f} {passed:>10.2f}  {causes}"


def main(arguments: list[str]) -> int:
    """Print a table over all networks."""
    networks = int(arguments[0]) if arguments else 10
    first = int(arguments[1]) if len(arguments) > 1 else 1
    quiet: dict[str, object] = {"notice.max_per_day": 1000, "log.rows": "all"}
    configs = {
        name: load(None, environ={}, overrides=quiet | overrides)
        for name, overrides in VARIANTS.items()
    }
    tallies = {name: Tally() for name in configs}
    for seed in range(first, first + networks):
        for name, (truth, kept) in run(seed, configs).items():
            tallies[name].add(truth, kept)
    print(f"simulated: {networks} networks of 12 devices, one day of detection each")
    print("other: notices of something else a device-day, and what that was")
    print(
        f"similar: share of unseen fingerprints at least {PAPER_THRESHOLD} similar to a known one"
    )
    print(f"{'variant':<18} {'found':<14} {'other':>8} {'similar':>10}")
    for name, tally in tallies.items():
        print(tally.line(name))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
