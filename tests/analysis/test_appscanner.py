"""AppScanner: its features against the published package's, and what it names."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowprint_zeek.analysis.appscanner import (
    LENGTHS,
    TOTALS,
    AppScanner,
    length_features,
    total_features,
)
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.matching import NO_MATCH


def package(module: str) -> Any:
    """Return a module of the published package, or skip the test."""
    return pytest.importorskip(f"appscanner.{module}", reason="appscanner is not installed")


def mad(series: pd.Series[float]) -> float:
    """Return what pandas 1 had under this name: the mean absolute deviation from the mean."""
    return float((series - series.mean()).abs().mean())


@given(st.lists(st.integers(-1500, 1500), min_size=1, max_size=60))
@example([7])
@example([-40, -40, -40, -40, 1500])
@example([60, -60, 60])
@settings(max_examples=150, deadline=None)
def test_statistics_are_those_of_the_package(lengths: list[int]) -> None:
    """All 54 features of any series of packets are equal, however short it is."""
    features = package("features").Features()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pd.Series, "mad", mad, raising=False)
        expected = features.extract_single(np.array(lengths))
    (found,) = length_features([ints(lengths)])
    assert found.size == len(LENGTHS) == 54
    np.testing.assert_allclose(found, expected, rtol=1e-9, atol=1e-9)


def test_a_flow_without_packets_has_features() -> None:
    """All are 0, and no flow at all has a table of no rows."""
    assert not length_features([ints([])]).any()
    assert length_features([]).shape == (0, 54)


def test_statistics_stand_where_their_names_say() -> None:
    """What comes in is the negative lengths, with their sign."""
    (row,) = length_features([ints([100, -1500, 60, -500])])
    of = dict(zip(LENGTHS, row.tolist(), strict=True))
    assert (of["incoming_minimum"], of["incoming_maximum"], of["incoming_number"]) == (
        *(-1500, -500),
        2,
    )
    assert (of["outgoing_mean"], of["outgoing_deviation"], of["both_number"]) == (80, 20, 4)


def test_totals_stand_where_their_names_say() -> None:
    """Shares and lengths of what has no packets are 0."""
    counts = {"orig_bytes": [60, 0], "resp_bytes": [180, 0], "orig_pkts": [2, 0]}
    counts |= {"resp_pkts": [6, 0], "orig_ip_bytes": [140, 0], "resp_ip_bytes": [420, 0]}
    row, nothing = total_features(pd.DataFrame(counts).assign(duration=[1.5, 0.0]))
    of = dict(zip(TOTALS, row.tolist(), strict=True))
    assert (of["packets"], of["bytes"], of["length_in"], of["duration"]) == (8, 560, 70, 1.5)
    assert (of["packets_share_out"], of["payload_share_out"]) == (0.25, 0.25)
    assert not nothing.any()


def flows(seed: int, shift: float) -> tuple[np.ndarray[Any, Any], np.ndarray[Any, Any]]:
    """Return flows of three apps: the lengths of the first two are alike, of the third larger."""
    random = np.random.default_rng(seed)
    label = np.repeat([0, 1, 2], 40)
    return random.normal(np.where(label == 2, 5 + shift, 0), 1, (2, label.size)).T, label


def test_names_are_those_of_the_package() -> None:
    """The same forest with the same seed names the same flows, and leaves the same without."""
    scanner = package("appscanner").AppScanner(threshold=0.7)
    scanner.classifier.set_params(random_state=3)
    train, label = flows(0, 0)
    test, _ = flows(1, 0)
    expected = scanner.fit(train, label).predict(test)
    ours = AppScanner(seed=3)
    ours.fit(train, label)
    assert expected.tolist() == ours.name(test).tolist()


def test_what_it_is_not_sure_of_gets_no_label() -> None:
    """Apps that look alike are hardly named; one that does not is."""
    train, label = flows(0, 0)
    test, truth = flows(1, 0)
    scanner = AppScanner()
    scanner.fit(train, label)
    found = scanner.name(test)
    assert (found[truth == 2] == 2).mean() > 0.9
    assert (found[truth != 2] == NO_MATCH).mean() > 0.2
    sure = AppScanner(confidence=0)
    sure.fit(train, label)
    assert NO_MATCH not in sure.name(test)


def test_nothing_to_name() -> None:
    """No flows get no labels."""
    scanner = AppScanner()
    scanner.fit(*flows(0, 0))
    assert scanner.name(np.zeros((0, 2))).tolist() == []
