"""A month of 1,000 mixed devices, by setting. Every figure is *simulated*.

Phones, laptops, servers and things; a week is learned, then apps appear that were never seen. Days
are simulated one after another and go through all settings at once, as replay would take them. To
fit a month of 1,000 devices into minutes, people and systems are ``ACTIVITY`` times as active as in
`flowprint-zeek simulate`: a few hundred connections a device and day, where real ones have
thousands.

Usage: python benchmarks/month.py [DEVICES [DAYS [SEED [SETTING...]]]]

By default 1,000 devices, 30 days, seed 1 and all settings; settings are named as in the table.
"""

from __future__ import annotations

import sys
import time
from collections import Counter
from dataclasses import dataclass, field
from itertools import pairwise
from typing import TYPE_CHECKING, cast

import numpy as np

from flowprint_zeek.analysis.network import DAY
from flowprint_zeek.analysis.simulate import FOREVER, Network, Simulation
from flowprint_zeek.analysis.site import SETTINGS, Rows, SiteResult, causes, held_against, uids_of
from flowprint_zeek.analysis.truth import SiteTruth, Use
from flowprint_zeek.config import Config, load
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.novelty import UNSEEN_SITE
from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.stream.notices import UNSEEN_APP, Row
from flowprint_zeek.stream.phases import Learning
from flowprint_zeek.stream.pipeline import Pipeline
from flowprint_zeek.stream.replay import KINDS
from flowprint_zeek.zeek.columns import standard_types, storage, unset_column
from flowprint_zeek.zeek.join import COLUMNS, conn_rows

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    import pandas as pd

    from flowprint_zeek.analysis.simulate import Logs
    from flowprint_zeek.stream.explained import Why

LEARNED_DAYS = 7
ACTIVITY = 0.1
PLANTED_A_DAY = 2
WITHIN_SESSIONS = 3

VARIANTS: dict[str, dict[str, object]] = {
    "as shipped": {},
    "browsers not apart": {"browser.apart": False},
    "browser batches 1": {"browser.min_batches": 1},
    "bursts allowed": {"browser.burst": 1_000_000},
    "weights equal": {"detect.weights": "equal"},
    "by similarity": {"detect.by": "similarity"},
    "batches 2": {"detect.min_batches": 2},
    "lone batches 1": {"detect.lone_batches": 1},
    "min_score 0.6": {"detect.min_score": 0.6},
    "min_score 0.8": {"detect.min_score": 0.8},
    "min_score 0": {"detect.min_score": 0.0},
    "min_novel 1": {"detect.min_novel": 1},
    "min_flows 1": {"detect.min_flows": 1},
    "shared judged": {"device.shared_clients": 1_000_000, "device.shared_endpoints": 1_000_000},
    "scheme paper": {"fingerprint.scheme": "paper"},
    "activity interval": {"fingerprint.activity": "interval"},
}


def network(devices: int, days: float, seed: int) -> Network:
    """Return a mixed network: of 1,000 devices 750 are phones and laptops, 300 with a browser."""
    return Network(
        seed=seed,
        devices=devices,
        days=days,
        apps=max(devices * 3 // 10, 1),
        servers=devices // 20,
        things=devices // 5,
        browsers=devices * 3 // 10,
        phone_browsing_share=0.5,
        activity=ACTIVITY,
        unseen_apps=max(int((days - LEARNED_DAYS) * PLANTED_A_DAY), 1),
        unseen_from=LEARNED_DAYS,
    )


@dataclass(slots=True)
class Kept(Rows):
    """Keeps what was flagged."""

    _uids: set[str] = field(default_factory=set)

    def notice(self, row: Row, _why: Why | None = None) -> None:
        """Keep a row of notice.log."""
        self.notices.append(row)
        if row["note"] == UNSEEN_APP:
            self._uids.update(uids_of(row))

    def verdict(self, row: Row) -> None:
        """Keep a row of flowprint.log if it is of an unseen app."""
        if row["verdict"] == UNSEEN_SITE:
            self.verdicts.append(row)
            self._uids.update(map(str, cast("tuple[str, ...]", row["uids"])))

    def labelled(self, labels: Sequence[Mapping[str, str]]) -> dict[str, str]:
        """Return the labels of the connections that were shown since the last time."""
        uids, self._uids = self._uids, set()
        return {uid: one[uid] for one in labels for uid in uids & one.keys()}


@dataclass
class Run:
    """One setting at work.

    Attributes
    ----------
    seconds : float
        CPU time so far.
    """

    config: Config
    until: int
    rows: Kept = field(default_factory=Kept)
    seconds: float = 0.0

    def __post_init__(self) -> None:
        site = Site(KnownApps(self.config.model.max_fingerprints))
        self.pipeline = Pipeline(self.config, site, Learning(until=self.until), self.rows)

    def take(self, steps: Sequence[Step]) -> None:
        """Take a day's rows as replay does."""
        begun = time.process_time()
        for step in steps:
            for kind, rows in step.before:
                self.pipeline.beside(kind, rows)
            self.pipeline.advance(step.arrival)
            for kind, rows in step.after:
                self.pipeline.beside(kind, rows)
            self.pipeline.conn(step.conn)
        self.seconds += time.process_time() - begun


@dataclass(frozen=True)
class Step:
    """Rows that arrive before a batch can close: of other logs, of conn, of others again."""

    arrival: int
    before: list[tuple[str, pd.DataFrame]]
    after: list[tuple[str, pd.DataFrame]]
    conn: pd.DataFrame


def steps(day: Logs, latest: int, batch: int, delay: int) -> Iterator[Step]:
    """Yield a day's rows in the steps in which `replay` takes them.

    Parameters
    ----------
    day : Logs
        The day.
    latest : int
        Largest row end before it, µs.
    batch, delay : int
        Width of a batch, and how long after its end it closes, µs.
    """
    conn = conn_rows(_readable(day.conn, "conn"))
    others = {
        kind: rows
        for kind in KINDS
        if kind != "conn" and (rows := getattr(day, kind, None)) is not None
    }
    others = {kind: _readable(rows, kind) for kind, rows in others.items()}
    fed = dict.fromkeys(others, 0)

    def feed(limit: int) -> list[tuple[str, pd.DataFrame]]:
        found = []
        for kind, rows in others.items():
            end = int(np.searchsorted(rows["ts"].to_numpy(), limit, side="right"))
            if end > fed[kind]:
                found.append((kind, rows.iloc[fed[kind] : end]))
                fed[kind] = end
        return found

    arrivals = np.maximum.accumulate(np.maximum(ints(conn["end"]), latest))
    limits = -(-(arrivals - delay) // batch) * batch + delay
    first = np.flatnonzero(np.diff(limits, prepend=-1))
    for low, high in pairwise([*first.tolist(), len(conn)]):
        limit = int(limits[low])
        before = feed(limit - batch)
        # the rest of the day is not there tomorrow, and no flow of a batch that closes by then
        after = feed(limit if high < len(conn) else FOREVER)
        yield Step(int(arrivals[low]), before, after, conn.iloc[low:high])


def _readable(rows: pd.DataFrame, kind: str) -> pd.DataFrame:
    """Return the columns of a log that are read, unset where it has none."""
    types = standard_types(kind)
    missing = {
        name: unset_column(storage(types[name]), len(rows))
        for name in COLUMNS[kind]
        if name not in rows
    }
    return rows.assign(**missing)[list(COLUMNS[kind])]


@dataclass(frozen=True)
class Month:
    """What became of a network.

    Attributes
    ----------
    runs : dict of str to Run
        Settings at work.
    truth : SiteTruth
        The truth, with the labels of what was shown.
    rows : int
        Rows of conn.
    seconds : float
        CPU time of simulating them.
    """

    runs: dict[str, Run]
    truth: SiteTruth
    rows: int
    seconds: float

    def results(self) -> dict[str, SiteResult]:
        """Return what each setting did."""
        return {name: held_against(run.rows, self.truth) for name, run in self.runs.items()}


def lived(of: Network, configs: dict[str, Config]) -> Month:
    """Run all settings over a network."""
    simulation = Simulation(of)
    runs = {name: Run(config, of.unseen_start) for name, config in configs.items()}
    timing = next(iter(runs.values())).pipeline.timing
    labels: list[dict[str, str]] = []
    known: dict[str, str] = {}
    latest = n_rows = 0
    begun, seconds = time.process_time(), 0.0
    for day in simulation.days():
        taken = list(steps(day, latest, timing.batch, timing.delay))
        # flows that are shown were logged today or yesterday
        labels = [*labels[-1:], dict(zip(day.labels["uid"], day.labels["label"], strict=True))]
        latest = max(latest, int((day.conn["ts"] + day.conn["duration"].clip(0)).max()))
        n_rows += len(day.conn)
        seconds += time.process_time() - begun
        for run in runs.values():
            run.take(taken)
            known |= run.rows.labelled(labels)
        begun = time.process_time()
        so_far = ", ".join(f"{name} {len(run.rows.notices)}" for name, run in runs.items())
        print(f"{len(day.conn)} connections; notices so far: {so_far}", file=sys.stderr, flush=True)
    for run in runs.values():
        run.pipeline.finish()
        known |= run.rows.labelled(labels)
    uses = [
        Use(row["app"], row["addresses"], row["first"], row["starts"])
        for row in simulation.planted.to_dict("records")
    ]
    truth = SiteTruth(known, uses, of.start, of.unseen_start, of.end)
    return Month(runs, truth, n_rows, seconds)


def line(name: str, run: Run, result: SiteResult) -> str:
    """Return a setting's line of the table."""
    days = result.hours / 24
    raised = [row for row in run.rows.notices if row["note"] == UNSEEN_APP]
    by_day = Counter(alarm.ts // DAY for alarm in result.notices)
    in_time = [
        app
        for app in result.apps
        if app.found is not None and app.sessions is not None and app.sessions <= WITHIN_SESSIONS
    ]
    found = sum(app.found is not None for app in result.apps)
    labels = Counter(alarm.label for alarm in result.notices)
    what = ", ".join(f"{label} {n}" for label, n in labels.most_common(4))
    return (
        f"{name:<20} {len(raised) / days:>8.2f} {len(result.notices) / days:>7.2f} "
        f"{max(by_day.values(), default=0):>6} {found:>6}/{len(result.apps)} "
        f"{len(in_time) / len(result.apps):>9.2f} {run.seconds:>6.0f}  {what}"
    )


def main(arguments: list[str]) -> int:
    """Print a table of all settings."""
    numbers = [float(each) for each in arguments[:3]]
    devices, days, seed = (*numbers, *(1000.0, 30.0, 1.0)[len(numbers) :])
    chosen = arguments[3:] or list(VARIANTS)
    overrides = {"notice.max_per_day": SETTINGS["notice.max_per_day"]}
    configs = {
        name: load(None, environ={}, overrides=overrides | VARIANTS[name]) for name in chosen
    }
    of = network(int(devices), days, int(seed))
    month = lived(of, configs)
    results = month.results()
    print(
        f"simulated: {of.devices} devices, {of.days:g} days of which {LEARNED_DAYS} are learned, "
        f"{month.rows:,} connections, {month.rows / of.devices / of.days:.0f} a device and day; "
        f"{month.rows / month.seconds:,.0f} a CPU second"
    )
    print(
        f"notices and false ones a day, most false in a day; planted apps found, and by a notice "
        f"before their session {WITHIN_SESSIONS + 1}; CPU seconds; labels of false notices"
    )
    print(
        f"{'setting':<20} {'notices':>8} {'false':>7} {'most':>6} {'found':>9} {'in time':>9} CPU s"
    )
    for name, result in results.items():
        print(line(name, month.runs[name], result))
    for name, result in results.items():
        print(f"{name}, new in false notices: {causes(result.notices, 12)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
