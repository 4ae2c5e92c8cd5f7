"""The month of a mixed site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.month import LEARNED_DAYS, Month, line, lived, network
from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.network import Network
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.analysis.site import SETTINGS, evaluate_site
from flowprint_zeek.config import load

if TYPE_CHECKING:
    from pathlib import Path

SMALL = Network(seed=2, devices=4, apps=5, days=1.25, unseen_apps=3, unseen_from=0.75, activity=0.4)


def test_the_site_is_mixed() -> None:
    """A fifth are things, a twentieth servers, and nothing is planted while it learns."""
    of = network(1000, 30, 1)
    assert (of.clients, of.servers, of.things, of.browsers) == (750, 50, 200, 300)
    assert of.unseen_apps == 2 * (30 - LEARNED_DAYS)
    assert of.unseen_start == of.day_start(LEARNED_DAYS)


@pytest.fixture(scope="module")
def month() -> Month:
    return lived(SMALL, {"one": load(None, environ={}, overrides=SETTINGS)})


def test_days_give_what_a_replay_of_the_logs_gives(month: Month, tmp_path: Path) -> None:
    """Rows that go in day by day give what a replay of all logs gives, truth included."""
    write(simulate(SMALL), tmp_path)
    whole = evaluate_site(tmp_path, load(None, environ={}, overrides=SETTINGS))
    result = month.results()["one"]
    assert (result.apps, result.notices) == (whole.apps, whole.notices)
    assert any(app.found is not None for app in result.apps)
    assert month.rows > 1000


def test_a_line_tells_of_a_setting(month: Month) -> None:
    """It has the setting's name and the planted apps found."""
    result = month.results()["one"]
    found = sum(app.found is not None for app in result.apps)
    told = line("one", month.runs["one"], result)
    assert told.startswith("one ")
    assert f"{found}/{len(result.apps)}" in told
