"""The forecast: what would be raised at each threshold, without raising it."""

from __future__ import annotations

import pytest

from flowprint_zeek.core.novelty import Rule
from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.stream.forecast import THRESHOLDS, Expected, Forecast, lowest
from flowprint_zeek.stream.pending import DAY, NoticeRule
from tests.stream.small import Conn, feed, moved, pipeline, session, until
from tests.stream.test_detection import HOUR, LEARNED

DAYS = DAY // 1_000_000
SHARED = [Conn("CS", HOUR, 60.0, name="n1.mail.example", address="203.0.9.1")]


def watched(*watched_: Conn, most: int = 1000, **settings: object) -> tuple[Forecast, Site]:
    """Return the forecast of what came after an hour of learning."""
    site = Site(KnownApps(1000))
    line, _ = pipeline(until(HOUR), site=site, detect__min_score="0.5", **settings)
    line.detector.forecast = forecast = Forecast(most=most)
    feed(line, [*LEARNED, *watched_])
    line.finish()
    return forecast, site


def expected(forecast: Forecast, threshold: float = 0.7, *, repeat: int = DAY) -> Expected:
    """Return what would be raised, with the rules of a test."""
    return forecast.at(threshold, Rule(), NoticeRule(repeat, 1, False, ()), 30 * DAY)


def test_an_unseen_app_is_one_notice() -> None:
    """It is counted with its domain, device and client; what is not told is unknown."""
    found = expected(watched(*session("game", HOUR))[0])
    assert (found.notices, found.apps) == (1, 1)
    assert found.top(5) == {
        "domains": {"game.example": 1},
        "devices": {"10.0.0.1": 1},
        "clients": {"unknown": 1},
    }


def test_known_apps_are_none() -> None:
    """What the site knows would raise nothing, at any threshold."""
    forecast, _ = watched(*session("mail", HOUR))
    assert [expected(forecast, one).notices for one in THRESHOLDS] == [0] * len(THRESHOLDS)


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9])
def test_it_tells_what_detection_raises(threshold: float) -> None:
    """At each threshold as many notices as a run with that threshold has."""
    flows = [
        *session("game", HOUR),
        *SHARED,
        *session("chess", HOUR, flows=8, names=2),
        *moved(session("poker", HOUR + 600), "10.0.0.2"),
    ]
    line, found = pipeline(until(HOUR), detect__min_score=str(threshold))
    feed(line, [*LEARNED, *flows])
    line.finish()
    assert expected(watched(*flows)[0], threshold).notices == len(found.noted("Unseen_App")) > 0


def test_a_higher_threshold_raises_no_more() -> None:
    """A core beside what is known has a lower score, and is raised at low thresholds only."""
    news = session("news", HOUR, flows=4)
    game = session("game", HOUR, flows=8, names=4)
    forecast, _ = watched(*news, *game)
    counts = [expected(forecast, one).notices for one in THRESHOLDS]
    assert counts == sorted(counts, reverse=True)
    assert (counts[0], counts[-1]) == (1, 0)


def test_too_little_evidence_is_none() -> None:
    """The rules of evidence are those of detection: two flows are too few."""
    forecast, _ = watched(*session("game", HOUR, flows=2))
    assert len(forecast) == 1
    assert expected(forecast).notices == 0


def test_more_in_a_day_than_may_be_raised_are_counted() -> None:
    """The limit of notices a day is what the forecast helps to keep, so it does not hold here."""
    apps = ("game", "chess", "poker")
    forecast, _ = watched(
        *(one for app in apps for one in session(app, HOUR, device=f"10.0.0.{app[0].encode()[0]}"))
    )
    assert expected(forecast).notices == 3


def test_an_app_is_raised_again_after_a_while() -> None:
    """Repeats are notices too, of the same app."""
    flows = [one for at in range(3) for one in session("game", HOUR + at * DAYS)]
    forecast, _ = watched(*flows)
    found = expected(forecast)
    assert (found.notices, found.apps) == (3, 1)
    assert expected(forecast, repeat=10 * DAY).notices == 1


def test_what_had_too_little_waits_until_the_first_batch_of_a_day() -> None:
    """As in detection, also where that batch has nothing new: the evidence of 29 hours adds up."""
    flows = [
        *session("game", 10 * HOUR, flows=3),
        *session("mail", DAYS),
        *session("game", DAYS + 15 * HOUR, flows=3),
    ]
    line, found = pipeline(until(HOUR))
    feed(line, [*LEARNED, *flows])
    line.finish()
    assert expected(watched(*flows)[0]).notices == len(found.noted("Unseen_App")) == 1


def test_days_are_those_watched() -> None:
    """They last from the first batch after learning to the end of the last one."""
    flows = [one for at in range(3) for one in session("game", HOUR + at * DAYS)]
    found = expected(watched(*flows)[0])
    assert found.days == pytest.approx(2 + 300 / 86_400)
    assert found.per_day == pytest.approx(3 / found.days)
    assert found.worst == found.per_day


def test_memory_is_bounded() -> None:
    """What is too much to keep is counted, and what is smaller is still kept."""
    forecast, _ = watched(*session("game", HOUR), *session("chess", HOUR + 600, names=2), most=3)
    assert (len(forecast), forecast.dropped) == (1, 1)
    assert expected(forecast).top(1)["domains"] == {"chess.example": 1}


def test_the_lowest_threshold_under_a_limit_is_chosen() -> None:
    """On every day: the worst decides, not the mean."""
    loud, quiet = Expected(0.5, 2.0), Expected(0.6, 2.0)
    loud.notices, loud.by_day[0], loud.by_day[1] = 22, 21, 1
    quiet.notices = 20
    assert lowest([loud, quiet], 20) is quiet
    assert lowest([loud, quiet], 21) is loud
    assert lowest([loud, quiet], 9) is None


def test_the_detector_learns_the_same_beside_a_forecast() -> None:
    """Recording changes nothing of what is known."""
    flows = [*session("game", HOUR), *session("mail", HOUR + 600)]
    site = Site(KnownApps(1000))
    line, _ = pipeline(until(HOUR), site=site, detect__min_score="0.5")
    feed(line, [*LEARNED, *flows])
    line.finish()
    assert list(watched(*flows)[1].seen) == list(site.seen)
