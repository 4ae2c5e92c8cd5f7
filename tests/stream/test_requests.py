"""What people ask of a daemon: each request does all that it says, or nothing."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import msgspec
import pytest

from flowprint_zeek.core.elements import fingerprint_id
from flowprint_zeek.dismissals import Dismissal
from flowprint_zeek.errors import UsageError
from flowprint_zeek.known import KnownApp
from flowprint_zeek.stream.kept import part, sections
from flowprint_zeek.stream.requests import (
    Allow,
    Dismiss,
    Forget,
    ForgetDevice,
    Import,
    Label,
    Request,
    decoded,
    encoded,
)
from tests.stream.decided import DEVICE, OTHER, WIDTH, Decided, noticed
from tests.stream.small import session

if TYPE_CHECKING:
    from collections.abc import Callable

GAME = [f"name:n{at}.game.example" for at in range(4)]


@pytest.fixture
def site() -> Decided:
    """Return a site that knows mail and was told of an unseen game."""
    return noticed()


def said_of(site: Decided, app: str) -> dict[str, object]:
    """Let a device use an app in the next batch, and return the row on it."""
    (row,) = site.use(app)
    return row


# Labels


def test_a_pending_app_is_known_by_its_label_from_the_next_batch_on(site: Decided) -> None:
    """It has its label, is raised no more, and its fingerprint keeps its id."""
    before = fingerprint_id(GAME)
    assert site.do(Label(["p1"], "Chess")) == "labelled Chess: p1"
    row = said_of(site, "game")
    assert (row["verdict"], row["label"], row["similarity"]) == ("known", "Chess", 1.0)
    assert row["fingerprint"] == row["nearest"] == before
    assert site.verdicts("game", devices=(OTHER,)) == ["unseen_device"]
    assert site.notices() == []
    assert site.pending() == []


def test_an_app_that_is_used_beside_another_is_known_by_its_label() -> None:
    """With what it was seen with, as learning would have made it; and alone."""
    site = Decided()
    start = site.batch * WIDTH + 10.0
    site.see(*session("mail", start), *session("game", start))
    site.do(Label(["p1"], "Chess"))
    start += WIDTH
    (row,) = site.see(*session("mail", start), *session("game", start))
    assert (row["label"], row["similarity"], row["verdict"]) == ("Chess", 1.0, "known")
    assert said_of(site, "game")["label"] == "Chess"
    assert said_of(site, "mail")["label"] is None


def test_an_app_that_was_seen_alone_is_known_without_its_company() -> None:
    """In whatever order it was seen, and though it showed itself in pieces too."""
    site = Decided()
    for alone in (False, True, False):
        start = site.batch * WIDTH + 10.0
        beside = [] if alone else session("mail", start)
        site.see(*session("game", start), *beside)
    site.see(*session("game", site.batch * WIDTH + 10.0, names=2))
    site.do(Label(["p1"], "Chess"))
    assert site.line.site.known[fingerprint_id(GAME)].label == "Chess"


def test_a_label_changes_no_id() -> None:
    """Notices of other apps have the ids that they would have had without it."""
    ids = []
    for labelled in (False, True):
        site = Decided()
        site.use("game")
        if labelled:
            site.do(Label(["p1"], "Chess"))
            site.do(Label([site.known("n0.mail.example")], "Post"))
        site.notices()
        rows = [*site.use("mail", "game"), *site.use("chat")]
        (notice,) = site.notices()
        ids.append(([row["fingerprint"] for row in rows], str(notice["sub"]).partition(" ")[0]))
    assert ids[0] == ids[1]


def test_the_label_of_a_known_app_is_replaced(site: Decided) -> None:
    """Whatever it was called before, and for how many flows."""
    key = site.known("n0.mail.example")
    for label in ("Post", "Mail"):
        site.do(Label([key], label))
        assert said_of(site, "mail")["label"] == label
    assert site.line.site.known[key].labels == Counter({"Mail": 48})


def test_the_label_of_a_person_counts_over_those_of_flows(site: Decided) -> None:
    """Also where what a pending app is made of is a known app of another label."""
    site.line.site.known.put(KnownApp(tuple(GAME), 10_000, 1, Counter({"Other": 10_000}), 1, 1))
    site.do(Label(["p1"], "Chess"))
    assert said_of(site, "game")["label"] == "Chess"


def test_pending_apps_that_a_label_explains_go_with_it() -> None:
    """What two devices showed as two apps and has nothing new any more waits for nobody."""
    site = Decided(notice__per_device=True)
    site.use("game", devices=(DEVICE, OTHER))
    assert site.pending() == ["p1", "p2"]
    assert site.do(Label(["p1"], "Chess")) == "labelled Chess: p1; pending no more: p2"
    assert site.pending() == []


# Forgetting apps


def test_a_forgotten_app_is_new(site: Decided) -> None:
    """Seen again it is noticed, on the device that had it too."""
    key = site.known("n0.mail.example")
    assert site.forget(key) == f"forgotten: {key}, 4 elements with them"
    assert site.verdicts("mail") == ["unseen_site"]
    assert len(site.notices()) == 1


def test_what_other_apps_have_stays_when_an_app_is_forgotten(site: Decided) -> None:
    """Only what no other known app holds is new again."""
    shared = ("name:n0.mail.example", "name:n1.mail.example")
    site.line.site.known.add(shared, 5, 1)
    key = fingerprint_id([f"name:n{at}.mail.example" for at in range(4)])
    assert site.forget(key) == f"forgotten: {key}, 2 elements with them"
    assert all(map(site.line.site.seen.on_site, shared))
    assert not site.line.site.seen.on_site("name:n2.mail.example")


def test_a_forgotten_pending_app_is_noticed_again(site: Decided) -> None:
    """As a new one: what it had gathered is gone."""
    assert site.forget("p1") == "forgotten: p1, 0 elements with them"
    assert site.pending() == []
    site.use("game")
    assert len(site.notices()) == 1
    assert site.pending() == ["p2"]


def test_a_forgotten_app_is_not_learned_at_the_end_of_the_day() -> None:
    """What had been seen beside a known app counts from when it is seen again."""
    site = Decided("mail", "game")
    site.line.detector._doubtful["name:n0.game.example"] = 1
    site.forget(site.known("n0.game.example"))
    site.skip(2 * 86_400)
    site.use("mail")
    assert not site.line.site.seen.on_site("name:n0.game.example")


def test_a_device_without_anything_left_is_no_device(site: Decided) -> None:
    """What was seen on devices goes with the app, without a trace of them."""
    site.forget(site.known("n0.mail.example"))
    assert list(site.line.site.seen.devices()) == []


# All or nothing


@pytest.mark.parametrize("nobody", ["p7", "p01", "p", "P1", "p\u0661", "p-1", "", "0" * 16])
@pytest.mark.parametrize(
    "request_of",
    [lambda apps: Label(apps, "Chess"), Dismiss, Forget],
    ids=["label", "dismiss", "forget"],
)
def test_an_unknown_app_leaves_all_as_it_is(
    site: Decided, request_of: Callable[[list[str]], Request], nobody: str
) -> None:
    """Also what stands before it in the request."""
    before = sections(site.line.state())
    with pytest.raises(UsageError, match=rf"^no (pending )?app {nobody}: see apps list$"):
        site.do(request_of(["p1", nobody]))
    assert sections(site.line.state()) == before


@pytest.mark.parametrize(
    ("request_", "said"),
    [
        (Dismiss(["p1", "KEY"]), "no pending app [0-9a-f]{16}: see apps list"),
        (Dismiss(), "nothing is named that could be dismissed"),
        (Allow([1, 2]), "no dismissal 2: see apps list"),
        (ForgetDevice("10.0.0.9"), "nothing is known of a device 10.0.0.9"),
    ],
    ids=["dismiss", "nothing", "allow", "device"],
)
def test_what_is_refused_leaves_all_as_it_is(site: Decided, request_: Request, said: str) -> None:
    """Known apps cannot be dismissed; a dismissal, a device must be there."""
    if isinstance(request_, Dismiss):
        key = site.known("n0.mail.example")
        request_ = Dismiss([key if app == "KEY" else app for app in request_.apps])
    site.do(Dismiss(names=["other.example"]))
    before = sections(site.line.state())
    with pytest.raises(UsageError, match=f"^{said}$"):
        site.do(request_)
    assert sections(site.line.state()) == before


def test_an_app_that_is_named_twice_is_one(site: Decided) -> None:
    """It is told of once."""
    assert site.do(Label(["p1", "p1"], "Chess")) == "labelled Chess: p1"


# Their form in the state


@pytest.mark.parametrize(
    "request_",
    [
        Label(["p1"], "Ünïcode"),
        Dismiss(["p1"], ["a.example"], ["10.0.0.0/8"], "why", 5, ["sales"]),
        Allow([1]),
        Forget(["p1"]),
        ForgetDevice("10.0.0.1"),
        Import(
            [KnownApp(tuple(GAME), 3, 1, Counter({"Chess": 2, 7: 1}), 1, 2)],
            [(GAME[0], 1, 2, 3)],
            {"scheme": "names", "batch": 300.0},
        ),
    ],
    ids=lambda request_: type(request_).__name__,
)
def test_requests_come_back_from_the_state(request_: Request) -> None:
    """Each as it was, and of its kind."""
    assert decoded(encoded(request_)) == request_


def test_what_was_written_before_there_were_groups() -> None:
    """Requests and dismissals without them are read as of none."""
    asked = {"type": "Dismiss", "names": ["a.example"], "span": 5}
    assert decoded(msgspec.msgpack.encode(asked)) == Dismiss(names=["a.example"], span=5)
    held = {
        "number": 3,
        "elements": GAME,
        "names": [],
        "devices": ["10.0.0.0/8"],
        "reason": "why",
        "made": 1,
        "until": None,
    }
    state = msgspec.msgpack.encode({"dismissals": [held], "next": 4})
    (one,) = part("dismissals", {"dismissals": state}).dismissals
    assert one == Dismissal(3, tuple(GAME), (), ("10.0.0.0/8",), "why", 1, None)
    assert one.groups == ()


@pytest.mark.parametrize(
    "data",
    [b"", b"\xc1", b"\xa1\xff", b"\x80", encoded(Allow([1]))[:-1], b"\x81\xa4type\xa4Other"],
)
def test_what_is_no_request_is_an_error(data: bytes) -> None:
    """One that whoever reads requests can answer with."""
    with pytest.raises(ValueError, match=r"."):
        decoded(data)


@pytest.mark.parametrize("label", ["\udcff", 1 << 64])
def test_what_the_state_has_no_form_for(label: str | int) -> None:
    """Lone surrogates, and numbers of more than 64 bits."""
    with pytest.raises(ValueError, match=r"not allowed|can't serialize"):
        encoded(Import([KnownApp(tuple(GAME), 1, 1, Counter({label: 1}))], [], {}))
