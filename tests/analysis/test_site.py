"""What an operator feels: rows held against the truth, and whole sites."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.archive import write, write_logs
from flowprint_zeek.analysis.compose import MINUTE
from flowprint_zeek.analysis.network import DAY, HOUR, MONDAY
from flowprint_zeek.analysis.simulate import Network, simulate
from flowprint_zeek.analysis.site import SETTINGS, Rows, causes, evaluate_site, held_against
from flowprint_zeek.analysis.truth import SiteTruth, Use, read_truth
from flowprint_zeek.config import load
from flowprint_zeek.errors import LogError
from tests.analysis.recorded import BROWSING, composed

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.analysis.compose import Composed
    from flowprint_zeek.analysis.site import SiteResult
    from flowprint_zeek.stream.notices import Row

CONFIG = load(None, environ={}, overrides=SETTINGS)
NOON = MONDAY + DAY // 2

TRUTH = SiteTruth(
    {"C1": "chess", "C2": "chess", "C3": "browsing", "C4": "browsing", "C5": "mail"},
    [Use("chess", ("10.9.0.1", "10.9.0.7"), NOON, (NOON, NOON + HOUR, NOON + 2 * HOUR))],
    MONDAY,
    NOON,
    NOON + 2 * HOUR,
)


def notice(uids: str, ts: int = NOON + MINUTE, device: str = "10.9.0.1") -> Row:
    """Return a notice of some flows."""
    sub = f"id=1 score=0.9 novel=a.example|b.example|+2 bytes=9 uids={uids}"
    return {"note": "FlowPrint::Unseen_App", "ts": ts, "uid": "C5", "src": device, "sub": sub}


def verdict(
    *uids: str, ts: int = NOON + MINUTE, device: str = "10.9.0.1", verdict: str = "unseen_site"
) -> Row:
    """Return a row of flowprint.log."""
    novel = ("name:a.example",)
    return {"ts": ts, "device": device, "verdict": verdict, "uids": uids, "novel": novel}


def held(*rows: Row) -> SiteResult:
    """Return what rows of both logs say."""
    notices = [row for row in rows if "note" in row]
    return held_against(Rows(notices, [row for row in rows if "note" not in row]), TRUTH)


# Rows held against the truth


def test_a_notice_is_of_the_app_that_most_of_its_flows_are_of() -> None:
    """Two flows of three decide; what the list leaves out is no flow."""
    assert [one.found for one in held(notice("C3,C1,C2,+4")).apps] == [NOON + MINUTE]
    assert [one.label for one in held(notice("C1,C3,C4,+9")).notices] == ["browsing"]


def test_a_tie_goes_to_the_first_flow() -> None:
    """Where two apps have as many flows, the first flow decides."""
    assert held(notice("C1,C3")).notices == []
    assert [one.label for one in held(notice("C3,C1")).notices] == ["browsing"]


def test_a_notice_without_a_list_is_of_the_flow_it_points_to() -> None:
    """Where sub had no room for flows, uid tells."""
    short = notice("") | {"sub": "id=1 score=0.9"}
    assert [one.label for one in held(short).notices] == ["mail"]


def test_a_flow_that_the_truth_does_not_know_is_no_app() -> None:
    """It counts as something else, never as found."""
    result = held(notice("C99"))
    assert [one.label for one in result.notices] == ["?"]
    assert result.apps[0].found is None


def test_other_notices_are_no_alarms() -> None:
    """A digest or a heartbeat is neither found nor false."""
    assert held(notice("C3") | {"note": "FlowPrint::Status"}).notices == []


def test_an_app_is_found_on_a_device_by_an_unseen_fingerprint_there() -> None:
    """The device's other address counts, another device and another verdict do not."""
    assert held(verdict("C1", device="10.9.0.7")).pairs[0].found == NOON + MINUTE
    assert held(verdict("C1", device="10.9.0.2")).pairs[0].found is None
    assert held(verdict("C1", verdict="too_little")).pairs[0].found is None


def test_a_fingerprint_of_something_else_is_flagged_falsely() -> None:
    """It is counted with its label, device and what was new, as people read it."""
    (alarm,) = held(verdict("C3", "C4", "C1"), verdict("C3", verdict="known")).flagged
    assert (alarm.label, alarm.device, alarm.novel) == ("browsing", "10.9.0.1", ("a.example",))


def test_the_first_time_counts() -> None:
    """Minutes and sessions run to the first notice, whatever order the rows have."""
    (app,) = held(notice("C1", NOON + 90 * MINUTE), notice("C2", NOON + 61 * MINUTE)).apps
    assert (app.minutes, app.sessions) == (61, 2)


def test_what_is_never_found_took_all_sessions() -> None:
    """It has no minutes."""
    (app,) = held().apps
    assert (app.found, app.minutes, app.sessions) == (None, None, 3)


def test_rates_count_devices_with_fingerprints() -> None:
    """Three false notices on two devices in two hours are 0.75 a device-hour."""
    rows = [notice("C3"), notice("C4"), notice("C5"), verdict("C3"), verdict("C5", device="x")]
    false = held(*rows).to_dict()["false_notices"]
    assert false == {
        "number": 3,
        "per_device_hour": 0.75,
        "per_1000_device_days": 18_000,
        "by_label": {"browsing": 2, "mail": 1},
        "novel": {"a.example": 3, "b.example": 3},
    }


def test_without_rows_nothing_is_said() -> None:
    """No device has no rate, and nothing planted has no share."""
    told = held_against(Rows(), SiteTruth({}, [], 0, 0, HOUR)).to_dict()
    assert told["apps"] == {
        "planted": 0,
        "found": 0,
        "share": None,
        "median_minutes": None,
        "median_sessions": None,
    }
    assert told["false_notices"] == {
        "number": 0,
        "per_device_hour": None,
        "per_1000_device_days": None,
        "by_label": {},
        "novel": {},
    }


def test_causes_are_counted_once_an_alarm() -> None:
    """What was new in most alarms comes first."""
    alarms = held(notice("C3"), notice("C4"), verdict("C5")).notices
    assert causes(alarms, 1) == [("a.example", 2)]


# Whole sites


def evaluated(site: Composed, folder: Path) -> SiteResult:
    write_logs(site.logs, site.truth, folder)
    return evaluate_site(folder, CONFIG)


def test_a_new_app_is_found_on_quiet_phones(tmp_path: Path) -> None:
    """Without a browser the planted app is the only notice, and most phones show it."""
    result = evaluated(composed(), tmp_path)
    assert [one.app for one in result.apps if one.found] == ["bank"]
    assert sum(one.found is not None for one in result.pairs) >= 3
    assert result.notices == result.flagged == []
    assert (result.devices, result.hours) == (4, 0.5)


def test_browsing_is_what_false_notices_are_of(tmp_path: Path) -> None:
    """A user who visits new sites only is noticed, under the address it has in the recording."""
    result = evaluated(composed(BROWSING), tmp_path)
    assert {(one.label, one.device) for one in result.notices} == {("browsing", "10.0.0.7")}
    assert all(name.startswith("site") for one in result.notices for name in one.novel)


def test_a_batch_with_detection_in_it_is_not_learned(tmp_path: Path) -> None:
    """Where learning ends within a batch, an app that starts right after is still found."""
    site = composed(learn=6 * MINUTE, detect=4 * MINUTE, gap=MINUTE)
    assert evaluated(site, tmp_path).apps[0].found is not None


def test_simulated_sites_are_evaluated_too(tmp_path: Path) -> None:
    """planted.tsv of a simulation tells apps, devices with all their addresses, and sessions."""
    network = Network(seed=3, devices=3, apps=4, days=0.2, unseen_apps=2, browsers=0)
    simulated = simulate(network)
    write(simulated, tmp_path)
    result = evaluate_site(tmp_path, CONFIG)
    assert {one.app for one in result.apps} == set(simulated.planted["app"])
    assert len(result.pairs) == len(simulated.planted)
    uses = read_truth(tmp_path).uses
    assert [use.starts for use in uses] == list(simulated.planted["starts"])
    assert [use.addresses for use in uses] == list(simulated.planted["addresses"])


# Reading the truth


def test_the_truth_reads_back(tmp_path: Path) -> None:
    """Labels, periods and every session of a composed site are read as they were written."""
    site = composed()
    write_logs(site.logs, site.truth, tmp_path)
    truth = read_truth(tmp_path)
    recipe = site.recipe
    assert (truth.start, truth.detect_from, truth.end) == (
        recipe.start,
        recipe.detect_from,
        recipe.end,
    )
    assert list(truth.labels.items()) == list(site.truth.labels.itertuples(index=False, name=None))
    assert [use.starts for use in truth.uses] == site.truth.planted["starts"].tolist()


@pytest.mark.parametrize(
    ("name", "text", "message"),
    [
        ("periods.tsv", None, "cannot be read"),
        ("periods.tsv", "period\tstart\n", "must have the columns period, start, end"),
        ("periods.tsv", "period\tstart\tend\nlearning\t1\n", "must have 3 columns"),
        ("periods.tsv", "period\tstart\tend\nlearning\t1\t2\n", "does not tell of learning and"),
        ("planted.tsv", "app\tdevice\tfirst\na\tb\tnoon\n", "'noon' is no time in seconds"),
        ("planted.tsv", "app\tdevice\tfirst\na\tb\tNaN\n", "'NaN' is no time in seconds"),
        ("planted.tsv", "app\tdevice\tfirst\na\tb\tinf\n", "'inf' is no time in seconds"),
        ("planted.tsv", "", "must have the columns app, device, first"),
    ],
)
def test_a_damaged_truth_is_refused(
    tmp_path: Path, name: str, text: str | None, message: str
) -> None:
    """The file is named, and the line where one is wrong."""
    site = composed(phones=1)
    write_logs(site.logs, site.truth, tmp_path)
    if text is None:
        (tmp_path / name).unlink()
    else:
        (tmp_path / name).write_text(text)
    with pytest.raises(LogError, match=message) as error:
        read_truth(tmp_path)
    assert error.value.path == tmp_path / name
