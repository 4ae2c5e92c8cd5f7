"""False notices and new apps found on composed sites: real captures and a real browsing user.

Four phones run real captures of four Android apps again and again (phone by phone the captures of
Android 7.1 and of 8.1), a browsing user's real logs run over the whole time, on every phone or
beside them, and certificates are stripped. Each app is in turn the one that appears in the second
half hour only. The site learns for 30 minutes and detects for 30. Sites without the user show what
the apps alone do.

Usage: python benchmarks/composed.py DATA [SEEDS [FIRST_SEED [SETTING...]]]

DATA holds ``apps/VERSION/APP_RUN/`` and ``zeek-logs/proxy_rolling_tsv_gz/``. By default five seeds
from 1 on.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.archive import write_logs
from flowprint_zeek.analysis.compose import Browser, Recipe, compose
from flowprint_zeek.analysis.recordings import Recording, read_recording
from flowprint_zeek.analysis.site import (
    SETTINGS,
    FalseAlarm,
    Planted,
    SiteResult,
    causes,
    evaluate_site,
)
from flowprint_zeek.config import Config, load
from flowprint_zeek.zeek.reader import ReadStats

if TYPE_CHECKING:
    from collections.abc import Sequence

BROWSERS: tuple[Browser, ...] = ("on", "beside", "none")

USER = "10.0.0.111"
"""The browsing user, who speaks through a proxy."""

NO_BROWSERS: dict[str, object] = {"browser.apart": False, "browser.burst": 1000}
VARIANTS: dict[str, dict[str, object]] = {
    "as shipped": {},
    "plain Jaccard < 0.1": {"detect.by": "similarity", **NO_BROWSERS},
    "plain, scheme paper": {
        "detect.by": "similarity",
        "fingerprint.scheme": "paper",
        **NO_BROWSERS,
    },
    "browsers not apart": {"browser.apart": False},
    "nor bursts": NO_BROWSERS,
    "weights equal": {"detect.weights": "equal"},
    "no lone elements": {"detect.lone_batches": 1000},
    "min_batches 2": {"detect.min_batches": 2},
    "min_score 0.6": {"detect.min_score": 0.6},
    "min_score 0.8": {"detect.min_score": 0.8},
}


def recordings(data: Path) -> list[Recording]:
    """Return the captures, labelled by app, and the browsing user's logs."""
    stats = ReadStats()
    captures = [
        read_recording([path], path.name.partition("_")[0], stats=stats)
        for path in sorted((data / "apps").glob("*/*"))
    ]
    user = data / "zeek-logs" / "proxy_rolling_tsv_gz"
    return [*captures, read_recording([user], "browsing", USER, stats=stats)]


@dataclass
class Tally:
    """What one variant did on all sites of a kind."""

    device_hours: float = 0
    apps: list[Planted] = field(default_factory=list)
    pairs: list[Planted] = field(default_factory=list)
    notices: list[FalseAlarm] = field(default_factory=list)
    flagged: list[FalseAlarm] = field(default_factory=list)

    def add(self, result: SiteResult) -> None:
        """Count a site in."""
        self.device_hours += result.device_hours
        self.apps += result.apps
        self.pairs += result.pairs
        self.notices += result.notices
        self.flagged += result.flagged

    def line(self, name: str) -> str:
        """Return its line of the table."""
        notices, flagged = (
            f"{len(alarms) / self.device_hours:.2f}" for alarms in (self.notices, self.flagged)
        )
        minutes = f"{median([one.minutes or 0 for one in self.apps if one.found] or [0]):.0f}"
        by_app = (
            f"{app} {_share(_of(app, self.apps))} {_share(_of(app, self.pairs))}"
            for app in sorted({one.app for one in self.apps})
        )
        return (
            f"{name:<20} {notices:>8} {flagged:>8}  {_share(self.apps):<7} {_share(self.pairs):<8}"
            f" {minutes:>4}  {', '.join(by_app)}"
        )


def _of(app: str, planted: Sequence[Planted]) -> list[Planted]:
    return [one for one in planted if one.app == app]


def _share(planted: Sequence[Planted]) -> str:
    return f"{sum(one.found is not None for one in planted)}/{len(planted)}"


def run(
    known: Sequence[Recording], browser: Browser, seeds: Sequence[int], configs: dict[str, Config]
) -> dict[str, Tally]:
    """Compose sites and evaluate every variant on each."""
    tallies = {name: Tally() for name in configs}
    for seed in seeds:
        for app in sorted({one.label for one in known} - {"browsing"}):
            recipe = Recipe(seed=seed, unseen=app, browser=browser, strip_certificates=True)
            site = compose(known, recipe)
            with tempfile.TemporaryDirectory() as folder:
                write_logs(site.logs, site.truth, Path(folder))
                for name, config in configs.items():
                    tallies[name].add(evaluate_site(Path(folder), config))
    return tallies


def show(tallies: dict[str, Tally]) -> None:
    """Print a table, and what the false notices of the first variant were of."""
    first = next(iter(tallies.values()))
    print(f"{len(first.apps)} sites, {first.device_hours:.0f} device-hours of detection")
    print(f"{'variant':<20}  notices  flagged  apps    phones    min  by app: apps, phones")
    for name, tally in tallies.items():
        print(tally.line(name))
    for title, alarms in (("notices", first.notices), ("flagged", first.flagged)):
        labels = Counter(alarm.label for alarm in alarms).most_common()
        devices = Counter(alarm.device for alarm in alarms).most_common(8)
        print(f"  false {title} by label: {_listed(labels)}; by device: {_listed(devices)}")
        print(f"  new in most: {_listed(causes(alarms, 15))}")


def _listed(counts: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{name} {number}" for name, number in counts)


def main(arguments: list[str]) -> int:
    """Print the figures for a browser on every phone, beside them, and without one."""
    data = Path(arguments[0])
    seeds = int(arguments[1]) if len(arguments) > 1 else 5
    first = int(arguments[2]) if len(arguments) > 2 else 1
    configs = {
        name: load(None, environ={}, overrides=SETTINGS | VARIANTS[name])
        for name in arguments[3:] or VARIANTS
    }
    known = recordings(data)
    print("notices, flagged: false notices and false unseen fingerprints a device-hour")
    print("apps: found by a notice; phones: found by an unseen fingerprint there")
    print("min: median minutes from first use to notice")
    for browser in BROWSERS:
        print(f"\nbrowser: {browser}")
        show(run(known, browser, range(first, first + seeds), configs))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
