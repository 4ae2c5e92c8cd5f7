"""Taking in what another site knows."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict

import pytest

from flowprint_zeek.errors import UsageError
from flowprint_zeek.known import KnownApp
from flowprint_zeek.stream.kept import sections
from flowprint_zeek.stream.requests import Import, Label
from tests.stream.decided import DEVICE, OTHER, Decided
from tests.stream.small import MIDNIGHT, pipeline

SAID = {"scheme": "names", "batch": 300.0, "window": 30.0, "threshold": 0.3}
SHA256 = "cert:" + "0f" * 32


def elsewhere(*apps: str, label: str = "Chess") -> Import:
    """Return what another site knows, its apps labelled."""
    site = Decided(*apps)
    for key, _ in list(site.line.site.known):
        site.do(Label([key], label))
    known = [app for _, app in site.line.site.known]
    return Import(known, list(site.line.site.seen), SAID)


def paper(*elements: str) -> Import:
    return Import([KnownApp(elements, 5, 1, Counter(), 1, 1)], [], {"scheme": "paper"})


def test_an_imported_app_is_recognised_without_a_notice() -> None:
    """By its label; new to each device at first, then known there too."""
    site = Decided()
    assert site.do(elsewhere("game")) == "known apps: 1 more, 2 in all"
    (row,) = site.use("game")
    assert (row["label"], row["verdict"], row["similarity"]) == ("Chess", "unseen_device", 1.0)
    assert site.verdicts("game") == ["known"]
    assert site.notices() == []


def test_what_a_model_says_was_seen_counts_as_seen() -> None:
    """Also what is in none of its apps; what a model tells nothing of is new."""
    site = Decided()
    names = [f"name:n{at}.game.example" for at in range(4)]
    site.do(Import([], [(name, MIDNIGHT, MIDNIGHT, 7) for name in names], {}))
    assert site.verdicts("game") == ["unseen_device"]
    assert site.line.site.seen.sightings(names).tolist() == [8] * 4
    site.use("chat")
    assert len(site.notices()) == 1


def test_pending_apps_that_a_model_knows_go() -> None:
    """Nothing of them is new any more."""
    site = Decided()
    site.use("game")
    done = site.do(elsewhere("game"))
    assert done == "known apps: 1 more, 2 in all; pending no more: p1"
    assert site.pending() == []


def test_a_model_that_is_taken_in_is_not_forgotten_the_next_day() -> None:
    """Its apps count from now, however old it is, and no notice says that the site is older."""
    site = Decided(model__max_age="10d")
    old = [KnownApp(app.elements, 5, 1, app.labels, 1, 2) for app in elsewhere("game").apps]
    site.do(Import(old, [(one, 1, 2, 3) for one in old[0].elements], SAID))
    site.skip(3 * 86_400)
    site.use("mail", "chat")
    (notice,) = site.notices()
    assert "not seen at this site in 3 days" in str(notice["msg"])
    assert site.verdicts("game") == ["unseen_device"]
    site.skip(15 * 86_400)
    site.use("mail")
    assert site.verdicts("game") == ["unseen_site"]


def test_without_a_log_time_a_model_keeps_its_own() -> None:
    """Before the first batch has closed nothing tells what now is."""
    site, given = Decided(), elsewhere("game")
    site.line = pipeline()[0]
    site.do(given)
    key = site.known("n0.game.example")
    assert site.line.site.known[key].last == given.apps[0].last


def test_taking_in_the_same_apps_adds_up() -> None:
    """They are one app, and a label that they bring counts its flows."""
    site = Decided("game", "mail")
    assert site.do(elsewhere("game")) == "known apps: 0 more, 2 in all"
    app = site.line.site.known[site.known("n0.game.example")]
    assert (app.n_flows, app.label) == (96, "Chess")
    assert app.first == MIDNIGHT


def test_the_least_recently_seen_make_room() -> None:
    """What is beyond model.max_fingerprints goes, and that is told."""
    site = Decided()
    site.line.site.known.max_fingerprints = 1
    done = site.do(elsewhere("game"))
    assert done == "known apps: 1 more, 1 had to go (model.max_fingerprints), 1 in all"
    assert site.known("n0.game.example")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("scheme", "paper", "scheme paper, this site with names"),
        ("batch", 600.0, "batch 600.0, this site with 300.0"),
        ("activity", "interval", "activity interval, this site with ends"),
    ],
)
def test_a_model_of_other_parameters_is_refused(key: str, value: object, said: str) -> None:
    """The error names both values, and nothing is taken in."""
    site = Decided()
    before = sections(site.line.state())
    given = elsewhere("game")
    with pytest.raises(UsageError, match=f"^the model was made with {said}$"):
        site.do(Import(given.apps, given.sightings, SAID | {key: value}))
    assert sections(site.line.state()) == before


def test_every_parameter_that_matters_is_compared() -> None:
    """What a site says of itself fits."""
    site = Decided()
    own = asdict(site.line.parameters)
    assert site.do(Import([], [], own)).startswith("known apps: 0 more")


def test_certificates_of_another_kind_are_refused() -> None:
    """In the scheme in which they are elements."""
    site = Decided(fingerprint__scheme="paper")
    site.line.certificate = "sha256"
    given = paper("203.0.113.1:443", "cert:issuer_serial:0a")
    said = given.said | {"certificate": "issuer_serial"}
    with pytest.raises(UsageError, match="made with certificate issuer_serial, this site with sha"):
        site.do(Import(given.apps, [], said))


def test_a_model_without_certificates_fits_every_site() -> None:
    """It does not say how it would tell them apart, and changes nothing about that."""
    site = Decided(fingerprint__scheme="paper")
    site.line.certificate = "sha256"
    site.do(paper("203.0.113.1:443", "203.0.113.2:443"))
    assert site.line.certificate == "sha256"


def test_the_certificates_of_a_model_are_those_of_the_site() -> None:
    """Logs of another kind are told from then on."""
    site = Decided(fingerprint__scheme="paper")
    assert site.line.certificate is None
    given = paper("203.0.113.1:443", SHA256)
    site.do(Import(given.apps, [], given.said | {"certificate": "sha256"}))
    assert site.line.certificate == "sha256"


@pytest.mark.parametrize(
    ("damage", "sightings"),
    [
        (KnownApp(("name:a.example", "garbage")), []),
        (KnownApp(("x:\x00",)), []),
        (KnownApp(()), []),
        (KnownApp(("name:a.example",), -1), []),
        (KnownApp(("name:a.example",), 1, 1, Counter({"a": -1})), []),
        (KnownApp(("name:a.example",), last=1 << 62), []),
        (KnownApp(("name:a.example",)), [("name:\n", 1, 1, 1)]),
    ],
)
def test_what_cannot_be_is_refused(
    damage: KnownApp, sightings: list[tuple[str, int, int, int]]
) -> None:
    """A damaged request takes nothing in, also what stands before it."""
    site = Decided()
    before = sections(site.line.state())
    sound = KnownApp(("name:b.example",), 1, 1)
    with pytest.raises(UsageError, match=r"^the model holds (an app|'.*', which is no element)"):
        site.do(Import([sound, damage], sightings, SAID))
    assert sections(site.line.state()) == before


def test_elements_stand_in_their_order() -> None:
    """In whatever order, and how often, a request has them."""
    site = Decided()
    elements = ("name:b.example", "203.0.113.1:443", "name:b.example", "name:a.example")
    site.do(Import([KnownApp(elements, 1, 1)], [], SAID))
    app = site.line.site.known[site.known("a.example")]
    assert app.elements == ("203.0.113.1:443", "name:a.example", "name:b.example")


def test_devices_of_the_other_site_are_not_taken_in() -> None:
    """Its addresses may be those of other hosts here."""
    site = Decided()
    site.do(elsewhere("game"))
    assert {device for device, _ in site.line.site.seen.devices()} == {DEVICE, OTHER}
    held = dict(site.line.site.seen.devices())
    assert not any("game" in element for elements in held.values() for element in elements)
