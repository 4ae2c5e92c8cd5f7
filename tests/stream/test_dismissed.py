"""Dismissals: of what is dismissed nothing is raised, as long as that holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.errors import UsageError
from flowprint_zeek.stream.requests import Allow, Dismiss
from tests.stream.decided import DEVICE, OTHER, Decided, noticed
from tests.stream.small import DAY, SECOND, pipeline

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def site() -> Decided:
    """Return a site that knows mail and was told of an unseen game."""
    return noticed()


@pytest.fixture
def grouped(tmp_path: Path) -> Decided:
    """Return a site with one device in sales, and both in the office."""
    (tmp_path / "names").write_text(f"{DEVICE} - sales\n10.0.0.0/24 - office\n")
    return Decided(device__names=str(tmp_path / "names"))


def test_a_dismissed_app_is_raised_no_more(site: Decided) -> None:
    """Neither again nor on another device; what else is new is."""
    assert site.do(Dismiss(["p1"], reason="a trial")) == "dismissal 1"
    assert site.pending() == []
    site.skip(2 * 86_400)
    site.use("game", devices=(DEVICE, OTHER))
    assert site.notices() == []
    site.use("chat")
    assert len(site.notices()) == 1


@pytest.mark.parametrize(
    "dismissal",
    [
        Dismiss(names=[f"n{at}.game.example" for at in range(4)]),
        Dismiss(names=[".game.example"]),
        Dismiss(devices=["10.0.0.1/32"]),
        Dismiss(devices=["10.0.0.0/8"]),
    ],
    ids=["names", "subdomains", "device", "network"],
)
def test_what_is_dismissed_before_it_is_seen_is_never_raised(dismissal: Dismiss) -> None:
    """Names and devices may be named that nobody has seen."""
    site = Decided()
    site.do(dismissal)
    site.use("game")
    assert site.notices() == []
    assert site.pending() == []
    site.use("chat", devices=("192.168.0.1",))
    assert len(site.notices()) == 1


def test_the_verdict_on_a_dismissed_device(site: Decided) -> None:
    """What is unseen there is said to be dismissed; the same elsewhere is raised."""
    site.do(Dismiss(devices=[f"{DEVICE}/32"]))
    assert site.verdicts("chat", "mail", devices=(DEVICE, OTHER)) == [
        *("dismissed", "known", "unseen_site", "known"),
    ]


def test_pending_apps_that_a_dismissal_covers_go_with_it() -> None:
    """By their names, or by all their devices; those with something else that is new stay."""
    site = Decided()
    site.use("game", devices=(DEVICE,))
    site.use("chat", devices=(DEVICE, OTHER))
    assert site.pending() == ["p1", "p2"]
    done = site.do(Dismiss(names=["n0.game.example"], devices=[f"{DEVICE}/32"]))
    assert done == "dismissal 1; pending no more: p1"
    assert site.pending() == ["p2"]
    done = site.do(Dismiss(names=[".chat.example"]))
    assert done == "dismissal 2; pending no more: p2"


def test_the_devices_of_a_dismissed_group(grouped: Decided) -> None:
    """Nothing is raised of them from then on, until that is taken back."""
    assert grouped.do(Dismiss(groups=["sales"])) == "dismissal 1"
    both = (DEVICE, OTHER)
    assert grouped.verdicts("game", devices=both) == ["dismissed", "unseen_site"]
    assert [row["src"] for row in grouped.notices()] == [OTHER]
    grouped.do(Allow([1]))
    assert grouped.verdicts("game", devices=both) == ["unseen_site", "unseen_site"]


def test_pending_apps_of_dismissed_groups_go(grouped: Decided) -> None:
    """Where all their devices are of them."""
    grouped.use("game", devices=(DEVICE,))
    grouped.use("chat", devices=(DEVICE, OTHER))
    assert grouped.do(Dismiss(groups=["sales"])) == "dismissal 1; pending no more: p1"
    assert grouped.do(Dismiss(groups=["office"])) == "dismissal 2; pending no more: p2"


def test_a_group_that_is_not_in_the_file_is_dismissed_and_told(grouped: Decided) -> None:
    """A line may come later; what is there is not named."""
    done = grouped.do(Dismiss(groups=["floor-3", "sales", "Sales"]))
    assert done == "dismissal 1; in no line of device.names yet: floor-3, Sales"
    assert grouped.verdicts("game") == ["dismissed"]


def test_a_dismissal_ends_in_log_time(site: Decided) -> None:
    """In the first batch that closes then, not at the end of the day, the app is new again."""
    site.do(Dismiss(["p1"], span=3_600 * SECOND))
    site.skip(3_600 - 600)
    site.use("game")
    assert site.notices() == []
    site.use("game")
    assert len(site.notices()) == 1
    assert site.pending() == ["p2"]
    assert len(site.line.site.dismissals) == 0


def test_a_dismissal_for_a_while_needs_a_log_time() -> None:
    """Before the first batch has closed there is nothing to count from."""
    site = Decided()
    site.line = pipeline()[0]
    with pytest.raises(UsageError, match="no batch has closed yet"):
        site.do(Dismiss(names=["game.example"], span=DAY))
    assert site.do(Dismiss(names=["game.example"])) == "dismissal 1"


def test_a_dismissed_app_where_the_similarity_decides() -> None:
    """Nothing need be new there: the verdict says why it is not raised."""
    site = Decided(detect__by="similarity")
    site.use("game")
    assert len(site.notices()) == 1
    site.do(Dismiss(["p1"]))
    site.skip(2 * 86_400)
    assert site.verdicts("game", "mail") == ["dismissed", "known"]
    assert site.notices() == []


def test_a_dismissal_that_is_taken_back(site: Decided) -> None:
    """The app is new again, and others stay dismissed."""
    site.do(Dismiss(["p1"]))
    site.do(Dismiss(names=[".chat.example"]))
    site.use("game", "chat")
    assert site.notices() == []
    assert site.do(Allow([1, 1])) == "taken back: 1"
    site.use("game", "chat")
    (notice,) = site.notices()
    assert "game.example" in str(notice["msg"])


def test_what_is_dismissed_is_not_learned_meanwhile(site: Decided) -> None:
    """However long it is used beside what is known."""
    site.do(Dismiss(["p1"]))
    for _ in range(3):
        site.skip(86_400)
        site.use("game", "mail")
    site.do(Allow([1]))
    site.use("game")
    assert len(site.notices()) == 1
