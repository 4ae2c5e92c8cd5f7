"""What a notice rests on, as it is kept with it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import msgspec
import pytest

from flowprint_zeek.stream.explained import Explained, Why
from flowprint_zeek.stream.requests import Label
from tests.stream.decided import DEVICE, OTHER, WIDTH, Decided
from tests.stream.small import MIDNIGHT, SECOND, Conn, Found, session

if TYPE_CHECKING:
    from flowprint_zeek.stream.notices import Row


@dataclass
class Reasons(Found):
    """A sink that keeps why notices were raised."""

    whys: list[Explained] = field(default_factory=list)

    def notice(self, row: Row, why: Why | None = None) -> None:
        super().notice(row)
        if why is not None:
            self.whys.append(why())


class Told(Decided):
    """A site of which the notices are explained."""

    def __init__(self, *apps: str, **settings: object) -> None:
        super().__init__(*apps, **settings)
        self.sink = self.line.detector.sink = Reasons()

    def raised(self, *connections: Conn) -> list[Explained]:
        """Return why notices of the next batch, with some connections, were raised."""
        told = len(self.sink.whys)
        self.see(*connections)
        return self.sink.whys[told:]

    @property
    def start(self) -> float:
        return self.batch * WIDTH + 10.0


def beside_mail(site: Told, *, flows: int = 8) -> list[Conn]:
    """Return flows of an unseen app that also reaches a name of the mail that is known."""
    start = site.start
    shared = Conn("Cshared", start, 60.0, name="n1.mail.example")
    return [*session("game", start, flows=flows), shared]


@pytest.fixture
def why() -> Explained:
    """Return what the notice of an unseen app beside known names rests on."""
    site = Told()
    (told,) = site.raised(*beside_mail(site))
    return told


def test_it_is_of_its_notice() -> None:
    """Id, device, times and score are those of the row; the app is the pending one."""
    site = Told()
    (why,) = site.raised(*beside_mail(site))
    (row,) = site.sink.noted("Unseen_App")
    assert str(row["sub"]).startswith(f"id={why.id} score={why.score:.2f} ")
    assert (why.device, why.closed, why.pending) == (DEVICE, row["ts"], 1)
    assert why.batch_start == MIDNIGHT + 3 * WIDTH * SECOND
    assert (why.min_score, why.browser) == (0.7, False)


def test_what_is_new_comes_first(why: Explained) -> None:
    """With whether its registered domain is new, and never seen before."""
    names = [one.element for one in why.elements]
    assert names == [*(f"name:n{at}.game.example" for at in range(4)), "name:n1.mail.example"]
    new, known = why.elements[:4], why.elements[4]
    assert all(
        (one.novel, one.fresh, one.sightings, one.first) == (True, True, 0, 0) for one in new
    )
    assert (known.novel, known.fresh, known.sightings, known.devices) == (False, False, 6, 2)
    assert (known.first, known.last) == (MIDNIGHT, MIDNIGHT + 2 * WIDTH * SECOND)


def test_the_weights_explain_the_score(why: Explained) -> None:
    """Shares of the whole; those of what is new add up to the score."""
    assert sum(one.weight for one in why.elements) == pytest.approx(1)
    assert sum(one.weight for one in why.elements if one.novel) == pytest.approx(why.score)
    assert why.elements[4].weight == pytest.approx((1 / 7) / (4 + 1 / 7), rel=1e-3)


def test_equal_weights() -> None:
    """As `detect.weights` says."""
    site = Told(detect__weights="equal")
    (why,) = site.raised(*beside_mail(site))
    assert {one.weight for one in why.elements} == {1 / 5}


def test_a_new_host_of_a_known_domain_is_not_fresh() -> None:
    """It is new, its registered domain is not."""
    site = Told()
    start = site.start
    (why,) = site.raised(
        *(Conn(f"C{at}", start + at, 60.0, name=f"x{at % 4}.mail.example") for at in range(8))
    )
    assert all(one.novel and not one.fresh for one in why.elements)


def test_the_nearest_known_apps(why: Explained) -> None:
    """With what they have in common; none that have nothing."""
    (near,) = why.nearest
    assert (near.label, near.common) == (None, ["name:n1.mail.example"])
    assert near.similarity == pytest.approx(1 / 8)


def test_the_nearest_known_apps_by_their_labels() -> None:
    """At most three, the most similar first."""
    site = Told("mail", "chat")
    for name in ("mail", "chat"):
        site.do(Label([site.known(f"n0.{name}.example")], name))
    shared = [
        Conn(f"CS{at}", site.start, 60.0, name=name)
        for at, name in enumerate(
            ("n1.mail.example", "n1.chat.example", "n2.chat.example", "n1.none.example")
        )
    ]
    flows = session("game", site.start, flows=30, names=12, step=0.5)
    (why,) = site.raised(*flows, *shared)
    assert [(near.label, len(near.common)) for near in why.nearest] == [("chat", 2), ("mail", 1)]


def test_its_connections_are_those_to_what_is_new(why: Explained) -> None:
    """Not those that it shares with what is known."""
    assert why.uids == [one.uid for one in session("game", 910.0)]
    assert why.n_flows == 9


def test_a_repeated_notice_counts_what_was_gathered() -> None:
    """Own flows, batches and devices so far, not those of the batch."""
    site = Told(notice__milestones="2")
    (first,) = site.raised(*session("game", site.start))
    assert (first.app_flows, first.app_batches, first.app_devices) == (8, 1, 1)
    (again,) = site.raised(*session("game", site.start, device=OTHER))
    assert (again.pending, again.device) == (first.pending, OTHER)
    assert (again.app_flows, again.app_batches, again.app_devices) == (16, 2, 2)


def test_what_is_held_to_the_bar_of_browsers() -> None:
    """A client that is a browser, also where its evidence was enough in the end."""
    site = Told(browser__min_batches="2", browser__domains="3")
    surfed = [
        Conn(f"CB{at}", site.start + at, 60.0, name=f"www.site{at}.example", client="t13")
        for at in range(9)
    ]
    assert site.raised(*surfed) == []
    visits: list[Explained] = []
    for _ in range(2):
        flows = session("game", site.start)
        visits += site.raised(*(replace(one, client="t13") for one in flows))
    (why,) = visits
    assert why.browser


def test_only_so_many_elements_and_connections_are_kept() -> None:
    """What weighs most; the weights stay shares of the whole."""
    site = Told()
    (why,) = site.raised(*session("game", site.start, flows=250, names=250, step=0.05))
    assert (len(why.elements), len(why.uids)) == (200, 200)
    assert sum(one.weight for one in why.elements) == pytest.approx(200 / 250)


def test_it_comes_back_as_it_was(why: Explained) -> None:
    """From the form in which it is kept."""
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(why), type=Explained) == why
