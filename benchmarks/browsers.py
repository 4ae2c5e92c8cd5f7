"""Flows of a browser found on composed sites: by clients, by the browser detector, by both.

A browsing user's real logs are cut in two halves of as many connections each. A detector is trained
on sites composed of the first half and of the captures of four apps on Android 7.1, and tested on
sites of the second half and those on Android 8.1; then the other way round. On each of four phones
a browser and apps run at the same time. The site learns in the first half of its time; figures are
of the second, over all flows of the phones. Certificates are stripped; what else the user's device
does without the user counts as the browser's, for nothing tells it apart; "no clients" are the same
sites without ja3 and without User-Agents, as of encrypted traffic that a stock Zeek logs.

``notices`` and ``apps`` are what evaluate --site tells if flows that are found so are fingerprinted
apart: false notices a device-hour, and sites where a notice told of the unseen app.

Usage: python benchmarks/browsers.py DATA [SEEDS]

DATA holds ``apps/VERSION/APP_RUN/`` and ``zeek-logs/proxy_rolling_tsv_gz/``. By default seeds 1
and 2.
"""

from __future__ import annotations

import sys
import tempfile
from collections import defaultdict
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from unittest.mock import patch

import numpy as np
import pandas as pd

from flowprint_zeek.analysis.archive import write_logs
from flowprint_zeek.analysis.browser import BrowserDetector, around
from flowprint_zeek.analysis.compose import Composed, Recipe, compose
from flowprint_zeek.analysis.labelled import read_labels
from flowprint_zeek.analysis.recordings import Recording, read_recording
from flowprint_zeek.analysis.site import SETTINGS, SiteResult, evaluate_site
from flowprint_zeek.analysis.totals import flow_totals
from flowprint_zeek.browsers import Browsers
from flowprint_zeek.config import Config, load
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.stream.browsing import browsing
from flowprint_zeek.stream.capture import KINDS, read_capture
from flowprint_zeek.stream.replay import Span
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flowprint_zeek.core.arrays import Bools

USER, LABEL = "10.0.0.111", "browsing"
VERSIONS = ("android71", "android81")
PIPELINE = "flowprint_zeek.stream.pipeline.browsing"

RULES: dict[str, Callable[[Bools, Bools, Bools], Bools]] = {
    "clients": lambda client, _hit, _near: client,
    "detector": lambda _client, _hit, near: near,
    "hits of it only": lambda _client, hit, _near: hit,
    "either": lambda client, _hit, near: client | near,
    "clients, or hits": lambda client, hit, _near: client | hit,
    "both": lambda client, _hit, near: client & near,
}
"""Ways to say what is a browser's, by what clients say, the forest, and what is near its hits."""


@dataclass
class Tally:
    """What one rule did on all sites."""

    right: int = 0
    said: int = 0
    there: int = 0
    flows: int = 0
    results: list[SiteResult] = field(default_factory=list)

    def add(self, truth: Bools, said: Bools) -> None:
        """Count flows in."""
        self.right += int((truth & said).sum())
        self.said += int(said.sum())
        self.there += int(truth.sum())
        self.flows += truth.size

    def line(self, name: str) -> str:
        """Return its line of the table."""
        precision = self.right / self.said if self.said else 0
        recall = self.right / self.there if self.there else 0
        hours = sum(one.device_hours for one in self.results)
        notices = sum(len(one.notices) for one in self.results) / hours
        apps = [one for result in self.results for one in result.apps]
        pairs = [one for result in self.results for one in result.pairs]
        found, phones = (sum(one.found is not None for one in each) for each in (apps, pairs))
        return (
            f"{name:<18} {precision:>9.3f} {recall:>7.3f} {notices:>9.2f}"
            f"  {found}/{len(apps):<5} {phones}/{len(pairs)}"
        )


def halves(user: Recording) -> tuple[Recording, Recording]:
    """Return the two halves of a recording, of as many own connections each."""
    times = ints(user.logs["conn"]["ts"])
    middle = int(np.median(times[user.own]))
    first, second = (_part(user, times < middle), _part(user, times >= middle))
    return first, second


def _part(one: Recording, chosen: Bools) -> Recording:
    conn = one.logs["conn"][chosen].reset_index(drop=True)
    return Recording(one.label, one.device, {**one.logs, "conn": conn}, one.logged[chosen])


def without_clients(one: Recording) -> Recording:
    """Return a recording in which nothing tells of clients."""
    ssl = one.logs["ssl"].assign(ja3="", ja4="")
    http = one.logs["http"].assign(user_agent="")
    return replace(one, logs={**one.logs, "ssl": ssl, "http": http})


def sites(known: list[Recording], seeds: int) -> Iterator[Composed]:
    """Yield a site for each seed and unseen app, as long as the browsing lasts."""
    user = known[-1]
    half = (user.end - user.start) // 2
    for seed in range(1, seeds + 1):
        for app in sorted({one.label for one in known} - {LABEL}):
            recipe = Recipe(seed=seed, unseen=app, browser="on", learn=half, detect=half)
            yield compose(known, replace(recipe, strip_certificates=True))


def flows_of(folder: Path, site: Composed, config: Config) -> pd.DataFrame:
    """Return the flows of a site with bytes, and labels of those of phones, "" for others."""
    logs = find_logs([folder], KINDS)
    flows, _ = read_capture(logs, config, span=Span(), stats=ReadStats())
    flows = flows.join(flow_totals(logs, flows))
    label = flows["uid"].map(read_labels(folder / "labels.tsv"))
    return flows.assign(label=label.where(flows["device"].isin(site.phones), ""))


def of_clients(flows: pd.DataFrame, config: Config) -> Bools:
    """Tell which flows are a browser's by their clients, batch by batch, as the pipeline does."""
    batch = microseconds(config.fingerprint.batch)
    browsers = Browsers(config.browser.domains)
    result = np.zeros(len(flows), dtype=np.bool_)
    for number, rows in flows.groupby(ints(flows["start"]) // batch).indices.items():
        result[rows] = browsing(flows.iloc[rows], browsers, int(str(number)) * batch)
    return result


def trained(known: list[Recording], seeds: int, config: Config) -> BrowserDetector:
    """Train a detector on sites."""
    parts = []
    for number, site in enumerate(sites(known, seeds)):
        with tempfile.TemporaryDirectory() as folder:
            write_logs(site.logs, site.truth, Path(folder))
            flows = flows_of(Path(folder), site, config)
        parts.append(flows.assign(device=f"{number}-" + flows["device"]))
    table = pd.concat(parts, ignore_index=True)
    browser = (table["label"] == LABEL).to_numpy()
    of_phones = (table["label"] != "").to_numpy()
    return BrowserDetector.trained(table, browser, of_phones, config.fingerprint.scheme)


def test(
    known: list[Recording],
    seeds: int,
    detector: BrowserDetector,
    config: Config,
    tallies: dict[str, Tally],
) -> None:
    """Hold every rule against the truth of sites."""
    for site in sites(known, seeds):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            write_logs(site.logs, site.truth, folder)
            flows = flows_of(folder, site, config)
            hits = detector.hits(flows)
            near = around(flows, hits)
            client = of_clients(flows, config)
            truth = (flows["label"] == LABEL).to_numpy()
            later = ints(flows["start"]) >= site.recipe.detect_from
            late = later & (flows["label"] != "").to_numpy()
            uid = flows["uid"].to_numpy(dtype=object)
            hit_uids, near_uids = set(uid[hits]), set(uid[near])
            for rule, says in RULES.items():
                tallies[rule].add(truth[late], says(client, hits, near)[late])
                by_rule = partial(_apart, says, hit_uids, near_uids)
                with patch(PIPELINE, by_rule):
                    tallies[rule].results.append(evaluate_site(folder, config))


def _apart(
    says: Callable[[Bools, Bools, Bools], Bools],
    hits: set[str],
    near: set[str],
    slices: pd.DataFrame,
    browsers: Browsers,
    now: int,
) -> Bools:
    """Tell which slices of a batch a rule fingerprints apart."""
    client = browsing(slices, browsers, now)
    hit, around_hit = (slices["uid"].isin(one).to_numpy() for one in (hits, near))
    return says(client, hit, around_hit)


def main(arguments: list[str]) -> int:
    """Print a table with clients and one without."""
    data = Path(arguments[0])
    seeds = int(arguments[1]) if len(arguments) > 1 else 2
    config = load(None, environ={}, overrides=SETTINGS)
    stats = ReadStats()
    user = data / "zeek-logs" / "proxy_rolling_tsv_gz"
    browsed = halves(read_recording([user], LABEL, USER, stats=stats))
    apps = {
        version: [
            read_recording([path], path.name.partition("_")[0], stats=stats)
            for path in sorted((data / "apps" / version).iterdir())
        ]
        for version in VERSIONS
    }
    for title in ("clients as logged", "no clients"):
        parts = [[*apps[version], part] for version, part in zip(VERSIONS, browsed, strict=True)]
        if title == "no clients":
            parts = [list(map(without_clients, part)) for part in parts]
        tallies: dict[str, Tally] = defaultdict(Tally)
        for train, tested in (parts, parts[::-1]):
            test(tested, seeds, trained(train, seeds, config), config, tallies)
        first = tallies["clients"]
        share = first.there / first.flows
        print(f"\n{title}: {len(first.results)} sites, {share:.1%} of {first.flows} flows browse")
        print(f"{'a browser by':<18} {'precision':>9} {'recall':>7} {'notices':>9}  apps    phones")
        for rule, tally in tallies.items():
            print(tally.line(rule))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
