"""The browser detector: its features and its answers beside upstream's."""

from __future__ import annotations

import contextlib
import io
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowprint_zeek.analysis.browser import AROUND, BrowserDetector, around, features
from flowprint_zeek.analysis.choices import FOREST_SEED
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.zeek.columns import as_frame, objects

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

SCHEME = "paper"


def table(rows: Sequence[dict[str, Any]]) -> pd.DataFrame:
    """Return flows of some rows: seconds, destination and bytes of each."""
    start = np.array([round(row["at"] * SECOND) for row in rows], dtype=np.int64)
    texts = {
        "device": [row.get("device", "10.0.0.1") for row in rows],
        "resp_h": [f"203.0.113.{row.get('to', 1)}" for row in rows],
        "certificate": [row.get("certificate", "") for row in rows],
        "name": [row.get("name", "") for row in rows],
    }
    numbers = {
        "start": start,
        "end": start,
        "resp_p": np.full(len(rows), 443),
        "orig_bytes": np.array([row.get("sent", 0) for row in rows], dtype=np.int64),
        "resp_bytes": np.array([row.get("received", 0) for row in rows], dtype=np.int64),
    }
    return as_frame(numbers | {name: objects(held) for name, held in texts.items()}, len(rows))


class Upstream:
    """Upstream's detector on flow tables of one device, in order."""

    def __init__(self) -> None:
        published = pytest.importorskip("flowprint.browser_detector", reason="no upstream")
        self.flow = pytest.importorskip("flowprint.flows").Flow
        self.detector = published.BrowserDetector()

    def samples(self, flows: pd.DataFrame) -> np.ndarray[Any, Any]:
        result = np.empty(len(flows), dtype=object)
        for at, row in enumerate(flows.to_dict("records")):
            one = self.flow()
            one.src, one.sport = "10.0.0.1", 40_000
            one.dst, one.dport = row["resp_h"], row["resp_p"]
            one.certificate = row["certificate"] or None
            one.timestamps = [row["start"] / SECOND]
            one.lengths = [row["orig_bytes"], -row["resp_bytes"]]
            result[at] = one
        return result

    def features(self, flows: pd.DataFrame) -> np.ndarray[Any, Any]:
        # Changes of nothing are divided by nothing; it prints what it does.
        with np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
            found: np.ndarray[Any, Any] = self.detector.features(self.samples(flows))
        return found


FLOW = st.fixed_dictionaries(
    {
        "gap": st.integers(1, 4000),
        "to": st.integers(1, 6),
        "certificate": st.sampled_from(("", "", "a", "b")),
        "sent": st.integers(0, 3000),
        "received": st.integers(0, 100_000),
    }
)
"""A flow and the milliseconds since the one before."""


@given(st.lists(FLOW, min_size=1, max_size=40))
@settings(max_examples=60, deadline=None)
def test_features_are_upstreams(rows: list[dict[str, Any]]) -> None:
    """The change of destinations and bytes over five seconds, and their ratio, are equal."""
    at = np.cumsum([row["gap"] for row in rows]) / 1000
    flows = table([row | {"at": time} for row, time in zip(rows, at.tolist(), strict=True)])
    np.testing.assert_allclose(features(flows, SCHEME), Upstream().features(flows), rtol=1e-12)


def visits(seed: int, n: int = 60) -> tuple[pd.DataFrame, np.ndarray[Any, Any]]:
    """Return flows of an app every 7 s, and bursts of a browser to many destinations."""
    random = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for at in range(n):
        rows.append({"at": 7 * at + random.uniform(0, 0.5), "to": 1, "sent": 300, "received": 900})
        for _ in range(int(random.integers(4, 9)) if at % 6 == 0 else 0):
            page = {"to": int(random.integers(2, 200)), "received": int(random.integers(1, 90_000))}
            rows.append({"at": 7 * at + random.uniform(0, 2), "sent": 800, "page": True} | page)
    rows.sort(key=lambda row: row["at"])
    return table(rows), np.array([row.get("page", False) for row in rows])


def test_hits_are_upstreams_answers() -> None:
    """The same labels grow the same forest, which says the same of other flows.

    What upstream marks within ten seconds of a hit it unmarks again before it returns.
    """
    flows, browser = visits(1)
    others, _ = visits(2)
    upstream = Upstream()
    with np.errstate(all="ignore"), contextlib.redirect_stdout(io.StringIO()):
        upstream.detector.fit(upstream.samples(flows), np.where(browser, 1, -1))
        expected = upstream.detector.predict(upstream.samples(others))
    known = np.ones(len(flows), dtype=np.bool_)
    detector = BrowserDetector.trained(flows, browser, known, SCHEME, FOREST_SEED)
    hits = detector.hits(others)
    assert expected.tolist() == np.where(hits, 1, -1).tolist()
    assert 0 < hits.sum() < hits.size
    assert detector.browsing(others).tolist() == around(others, hits).tolist()


def test_bursts_are_found() -> None:
    """Most of a browser's flows are within ten seconds of a hit."""
    flows, browser = visits(1)
    others, truth = visits(2)
    known = np.ones(len(flows), dtype=np.bool_)
    found = BrowserDetector.trained(flows, browser, known, SCHEME).browsing(others)
    assert found[truth].mean() > 0.9
    assert found[~truth].mean() < 0.8


def test_flows_without_a_label_train_nothing() -> None:
    """They are part of what happens around others, and have no say themselves."""
    flows, browser = visits(1)
    known = np.arange(len(flows)) % 3 > 0
    wrong = np.where(known, browser, ~browser)
    detectors = [BrowserDetector.trained(flows, one, known, SCHEME) for one in (browser, wrong)]
    first, second = (one.forest.to_list() for one in detectors)
    assert first == second


def test_devices_are_apart() -> None:
    """What one does changes no feature of another, and flags none of its flows."""
    rows = [{"at": at / 2, "to": at, "received": 100 * at} for at in range(1, 20)]
    alone = features(table(rows), SCHEME)
    both = [{**row, "device": f"10.0.0.{at}"} for row in rows for at in (1, 2)]
    together = features(table(both), SCHEME)
    assert together[::2].tolist() == together[1::2].tolist() == alone.tolist()
    hits = np.zeros(len(both), dtype=np.bool_)
    hits[0] = True
    assert around(table(both), hits).tolist() == [True, False] * 19


def test_a_flow_is_at_most_ten_seconds_away() -> None:
    """Both ways, the edges included; the order of the rows does not matter."""
    flows = table([{"at": at} for at in (31, 30, 20, 10, 9.999999, 0)])
    hits = np.array([False, False, True, False, False, False])
    assert around(flows, hits).tolist() == [False, True, True, True, False, False]
    assert AROUND == 10 * SECOND


def test_names_are_destinations_of_their_own() -> None:
    """In scheme names a proxy's address does not make all that is behind it one."""
    rows = [{"at": at, "name": f"{at}.example"} for at in range(4)]
    assert features(table(rows), "names")[:, 0].tolist() == [0, 1, 1, 1]
    assert features(table(rows), "paper")[:, 0].tolist() == [0, 0, 0, 0]


def test_no_flows() -> None:
    """A table without rows has no features and no browsers."""
    assert features(table([]), SCHEME).shape == (0, 4)
    assert around(table([]), np.zeros(0, dtype=np.bool_)).tolist() == []
