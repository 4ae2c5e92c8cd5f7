"""Pending apps: which app a novel core is, and when it is due a notice."""

from __future__ import annotations

from flowprint_zeek.stream.pending import DAY, NoticeRule, PendingApp, PendingApps

HOUR = DAY // 24


def pending(
    *, repeat: int = DAY, most: int = 20, per_device: bool = False, milestones: tuple[int, ...] = ()
) -> PendingApps:
    return PendingApps(NoticeRule(repeat, most, per_device, milestones))


def met(
    apps: PendingApps, *core: str, device: str = "d", flows: int = 5, at: int = 0
) -> PendingApp:
    return apps.meet(device, list(core), flows, at)


# Which app


def test_a_core_that_meets_no_app_is_a_new_one() -> None:
    """Cores without a common element are apps of their own."""
    apps = pending()
    assert met(apps, "a", "b") is not met(apps, "c", "d")
    assert len(apps) == 2


def test_a_core_that_shares_an_element_is_that_app() -> None:
    """One common element makes it the same app, whose core grows."""
    apps = pending()
    app = met(apps, "a", "b")
    assert met(apps, "b", "c") is app
    assert met(apps, "c", "d") is app
    assert app.core == {"a": 1, "b": 1, "c": 1, "d": 1}
    assert len(apps) == 1


def test_the_app_that_shares_most_wins() -> None:
    """A core that meets several apps is the one it shares most elements with."""
    apps = pending()
    first, second = met(apps, "a"), met(apps, "b", "c")
    assert met(apps, "a", "b", "c") is second
    assert first.core == {"a": 1}


def test_of_apps_that_share_as_much_the_oldest_wins() -> None:
    """Between apps that share equally many elements the first to appear is taken."""
    apps = pending()
    first, _ = met(apps, "b"), met(apps, "a")
    assert met(apps, "a", "b") is first


def test_an_element_stays_with_the_app_that_had_it_first() -> None:
    """What two apps meet later does not move an element between them."""
    apps = pending()
    first, second = met(apps, "a", "b"), met(apps, "c", "d", "e")
    assert met(apps, "b", "c", "d") is second
    assert met(apps, "b") is first


def test_counts_add_up_over_devices_and_batches() -> None:
    """Flows and devices add up; two fingerprints in one batch are one batch."""
    apps = pending()
    met(apps, "a", device="d1", flows=5, at=300)
    met(apps, "a", device="d2", flows=7, at=300)
    app = met(apps, "a", device="d1", flows=6, at=600)
    assert (app.n_flows, app.n_batches, app.first) == (18, 2, 300)
    assert app.devices == {"d1", "d2"}


def test_per_device_the_same_core_is_another_app() -> None:
    """With notices for each device the app of one is not that of another."""
    apps = pending(per_device=True)
    assert met(apps, "a", device="d1") is not met(apps, "a", device="d2")
    assert met(apps, "a", device="d1").devices == {"d1"}


def test_elements() -> None:
    """What any pending app has as new is told."""
    apps = pending(per_device=True)
    met(apps, "a", "b", device="d1")
    met(apps, "b", "c", device="d2")
    assert apps.elements() == {"a", "b", "c"}


def test_apps_without_enough_evidence_are_forgotten_sooner() -> None:
    """Silence makes an app forgotten, one with enough evidence after longer."""
    apps = pending()
    faint, evident = met(apps, "a", at=5), met(apps, "b", at=5)
    evident.evident = True
    assert apps.expire(5, 0) == []
    assert apps.expire(6, 5) == [faint]
    assert apps.elements() == {"b"}
    assert apps.expire(6, 6) == []
    assert met(apps, "b", at=9) is not evident


def test_an_element_in_several_batches() -> None:
    """Each new element counts the batches it was seen in, once each."""
    apps = pending()
    for device, at in (("d", 0), ("e", 0), ("d", 300)):
        app = met(apps, "a", device=device, at=at)
    met(apps, "a", "b", at=600)
    assert app.core == {"a": 3, "b": 1}
    assert [app.lasting(n) for n in (1, 2, 3, 4)] == [2, 1, 1, 0]
    assert app.lasting(1, {"b"}) == 1


# When


def test_a_new_app_is_due_once() -> None:
    """The first time it is due; then not again within the day."""
    apps = pending()
    app = met(apps, "a")
    assert apps.due(app, 0)
    assert not apps.due(app, HOUR)


def test_an_app_is_due_again_after_the_repeat() -> None:
    """A notice is repeated when the time is up, not before, counted from the last one."""
    apps = pending(repeat=6 * HOUR)
    app = met(apps, "a")
    due = [apps.due(app, at) for at in (0, 6 * HOUR - 1, 6 * HOUR, 12 * HOUR - 1, 12 * HOUR)]
    assert due == [True, False, True, False, True]


def test_an_app_is_due_at_milestones() -> None:
    """It is due again when it has spread to a milestone, once for each."""
    apps = pending(milestones=(2, 4))
    due = [apps.due(met(apps, "a", device=f"d{number}"), number) for number in range(5)]
    assert due == [True, True, False, True, False]


def test_a_milestone_that_is_leapt_over_counts() -> None:
    """Several devices in one batch reach a milestone together and give one notice."""
    apps = pending(milestones=(2, 4))
    app = met(apps, "a", device="d0")
    assert apps.due(app, 0)
    for number in range(1, 6):
        met(apps, "a", device=f"d{number}")
    assert apps.due(app, 1)
    assert not apps.due(app, 2)


# How many


def test_a_day_has_so_many_notices_at_most() -> None:
    """Apps beyond the most of a day are withheld."""
    apps = pending(most=2)
    assert [apps.due(met(apps, name), HOUR) for name in "abc"] == [True, True, False]
    assert [sorted(app.core) for app in apps.take_withheld()] == [["c"]]


def test_with_no_notices_allowed_all_are_withheld() -> None:
    """A most of zero withholds everything."""
    apps = pending(most=0)
    assert not apps.due(met(apps, "a"), 0)
    assert len(apps.take_withheld()) == 1


def test_a_withheld_app_is_listed_once() -> None:
    """An app that is withheld again and again stands in the digest once, oldest first."""
    apps = pending(most=0)
    older, newer = met(apps, "a"), met(apps, "b")
    for app in (newer, older, newer):
        apps.due(app, HOUR)
    assert apps.take_withheld() == [older, newer]
    assert apps.take_withheld() == []


def test_a_withheld_app_is_noticed_the_next_day() -> None:
    """What was withheld is due when it is seen on the next UTC day."""
    apps = pending(most=1)
    app, other = met(apps, "a"), met(apps, "b")
    assert apps.due(app, DAY - HOUR)
    assert not apps.due(other, DAY - 1)
    assert apps.due(other, DAY)
    assert apps.take_withheld() == []


def test_the_count_starts_anew_at_midnight() -> None:
    """The day is the UTC day of the notice, not 24 hours from the first one."""
    apps = pending(most=1)
    due = [
        apps.due(met(apps, name), at)
        for name, at in (("a", DAY - 2), ("b", DAY - 1), ("c", DAY), ("d", DAY + 1))
    ]
    assert due == [True, False, True, False]


def test_repeats_count_in_the_day() -> None:
    """A repeated notice takes one of the day's places."""
    apps = pending(repeat=HOUR, most=2)
    app = met(apps, "a")
    assert [apps.due(app, at) for at in (0, HOUR, 2 * HOUR)] == [True, True, False]
