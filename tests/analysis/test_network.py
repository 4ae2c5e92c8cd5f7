from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.network import DAY, HOUR, MONDAY, Network, Stream, moments
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("parameters", "told"),
    [
        ({"devices": 0}, "devices must be from 1 to 100000, not 0"),
        ({"days": float("nan")}, "days must be from 0.05 to 366, not nan"),
        ({"tls13_share": 1.5}, "tls13_share must be from 0 to 1, not 1.5"),
        ({"seed": -1}, "seed must be from 0"),
        ({"devices": 2, "servers": 2}, r"servers must be fewer than devices \(2\)"),
        ({"devices": 2, "browsers": 2}, "browsers must be at most 1"),
        ({"devices": 3, "servers": 1, "things": 2}, r"servers and things must be fewer than devic"),
        ({"activity": -0.1}, "activity must be from 0 to 10, not -0.1"),
        ({"unseen_from": 2.0}, "unseen_from must be from 0 to 1.99, not 2.0"),
    ],
)
def test_impossible_networks_are_refused(parameters: dict[str, Any], told: str) -> None:
    """A parameter out of range is an error that names it, its value and what is allowed."""
    with pytest.raises(UsageError, match=told):
        Network(**parameters)


@pytest.mark.parametrize(
    "parameters",
    [
        {"devices": 1, "servers": 0, "browsers": 0, "apps": 1},
        {"days": 0.05, "devices": 2},
        {"unseen_from": 0, "days": 0.1},
        {"unseen_from": 0.09, "days": 0.1},
        {"unseen_apps": 0, "apps": 500, "devices": 2, "days": 0.05},
        {"start": 0, "days": 0.1},
        {"unanswered_share": 1, "days": 0.1},
        {"activity": 0, "days": 0.1},
        {"devices": 4, "things": 2, "servers": 0, "phone_browsing_share": 1, "days": 0.1},
    ],
)
def test_edges_of_the_parameters_work(parameters: dict[str, Any], tmp_path: Path) -> None:
    """Least, most and empty networks are simulated and written."""
    network = Network(**parameters)
    simulated = simulate(network)
    assert len(simulated.planted) >= network.unseen_apps
    write(simulated, tmp_path)


def test_planted_apps_come_on_the_last_day() -> None:
    """By default `unseen_start` is a day before the end, or half way through a short network."""
    assert Network(days=5).unseen_start == MONDAY + 4 * DAY
    assert Network(days=1).unseen_start == MONDAY + DAY // 2


def test_streams_are_independent() -> None:
    """The same stream gives the same numbers; another device or day gives others."""
    network = Network()
    first = network.stream(Stream.DAY, 3, 1).random(4)
    assert (network.stream(Stream.DAY, 3, 1).random(4) == first).all()
    assert (network.stream(Stream.DAY, 1, 3).random(4) != first).all()


def test_moments_follow_the_rhythm() -> None:
    """Hours with no activity to speak of get almost no moments, and none lies outside."""
    rhythm = np.full(24, 1e-9)
    rhythm[9:17] = 1.0
    times = moments(Network().stream(Stream.DAY), 2000, MONDAY, MONDAY + DAY, rhythm)
    hours = times % DAY // HOUR
    assert times.size == 2000
    assert (np.diff(times) >= 0).all()
    assert hours.min() >= 9
    assert hours.max() < 17
