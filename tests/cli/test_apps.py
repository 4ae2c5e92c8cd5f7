"""apps: what a daemon knows and what people decide, whether it runs or not."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek import store
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.core.elements import fingerprint_id
from flowprint_zeek.known import KnownApp
from flowprint_zeek.stream.state import State
from tests.cli.sensors import CHESS, GAME, MAIL, Asked, exported, listed
from tests.stream.small import session

if TYPE_CHECKING:
    from collections.abc import Callable


def labelled(site: Asked, label: str = "Chess") -> None:
    site.ok("apps", "label", "p1", "--as", label)


# What there is


def test_list_tells_what_waits_and_what_is_known(site: Asked) -> None:
    """Times to the minute, the names first that are new."""
    lines = [line.split() for line in site.ok("apps", "list").splitlines()]
    assert lines[0] == ["Pending", "apps:", "1"]
    assert lines[1][:2] == ["id", "noticed"]
    assert lines[2][:3] == ["p1", "2026-01-01", "00:27Z"]
    assert lines[2][-4:] == ["n0.game.example,", "n1.game.example,", "n2.game.example", "+1"]
    assert lines[3] == ["Known", "apps:", "1"]
    assert lines[5][:2] == [MAIL, "-"]
    assert lines[6] == ["Dismissals:", "0"]


def test_list_as_json(site: Asked) -> None:
    """The same with every element, times in µs of log time."""
    given = ["--names", "*.a.example", "--groups", "sales, floor-3", "--reason", "why"]
    site.ok("apps", "dismiss", *given, "--for", "1d")
    found = listed(site)
    assert list(found) == ["pending", "known", "dismissals"]
    (pending,), (known,), (dismissal,) = found.values()
    assert (pending["id"], pending["elements"], pending["flows"]) == ("p1", list(GAME), 16)
    assert list(pending) == [
        *("id", "noticed", "first", "last", "devices", "flows", "batches", "elements"),
    ]
    assert (known["id"], known["label"], known["devices"]) == (MAIL, None, 2)
    assert list(known) == [
        *("id", "label", "first", "last", "devices", "flows", "batches", "sightings", "elements"),
    ]
    assert dismissal.pop("until") - dismissal["made"] == 86_400 * 10**6
    assert dismissal.pop("made") == pending["noticed"]
    assert dismissal == {
        "number": 1,
        "elements": [],
        "names": [".a.example"],
        "devices": [],
        "groups": ["sales", "floor-3"],
        "reason": "why",
    }


def test_list_tells_what_is_dismissed(site: Asked) -> None:
    """Names, devices, groups called so, and elements, with until when and why."""
    site.ok("apps", "dismiss", "--names", "a.example", "--groups", "sales", "--reason", "a trial")
    site.ok("apps", "dismiss", "p1", "--devices", "10.0.0.0/8", "--for", "1d")
    *_, first, second = site.ok("apps", "list").splitlines()
    assert first.split() == ["1", "for", "good", "a.example,", "group", "sales", "a", "trial"]
    assert second.split()[1:3] == ["2026-01-02", "00:27Z"]


def many_apps(site: Asked, count: int) -> None:
    """Let the site know more apps, each seen once less than the one before."""
    apps = [
        KnownApp((f"name:a.x{at}.example", f"name:b.x{at}.example"), 9, count - at)
        for at in range(count)
    ]
    model = store.read(exported(site))
    model.apps, model.seen = apps, None
    store.write(site.settings.parent / "many.json", model)
    site.ok("apps", "import", site.settings.parent / "many.json")


def test_list_is_short_unless_all_is_asked_for(site: Asked) -> None:
    """It says how many more there are; JSON has all."""
    many_apps(site, 60)
    text = site.ok("apps", "list")
    assert "Known apps: 61, 11 more with --all" in text
    assert text.count(".example, b.x") == 50
    assert site.ok("apps", "list", "--all").count(".example, b.x") == 60
    assert len(listed(site)["known"]) == 61


def test_list_for_review_has_the_rarest_first(site: Asked) -> None:
    """By how often the site saw the rarest element of each."""
    many_apps(site, 9)
    counts = [app["sightings"] for app in listed(site, "--rare")["known"]]
    assert counts == sorted(counts)
    assert counts[0] == 1
    assert [app["sightings"] for app in listed(site)["known"]] != counts


def test_show_tells_of_elements_and_what_they_resemble(site: Asked) -> None:
    """Of pending apps also the devices, of known ones the label."""
    labelled(site)
    site.add(*session("game", 2_250.0, names=2), *session("golf", 2_260.0))
    site.follow(2_800.0)
    found = json.loads(site.ok("apps", "show", "p2", MAIL, CHESS, "--json"))
    pending, mail, game = found["apps"]
    assert list(pending) == ["id", "label", "devices", "elements", "nearest"]
    assert (pending["id"], pending["label"], pending["devices"]) == ("p2", None, ["10.0.0.1"])
    assert (mail["label"], mail["devices"]) == (None, None)
    assert mail["nearest"] == [{"id": CHESS, "label": "Chess", "similarity": 0.5}]
    assert game["label"] == "Chess"
    first = game["elements"][0]
    assert list(first) == ["element", "first", "last", "sightings", "devices"]
    assert (first["element"], first["sightings"], first["devices"]) == (GAME[0], 2, 1)
    text = site.ok("apps", "show", "p2", CHESS)
    assert "App p2 on 10.0.0.1\n" in text
    assert f"App {CHESS}: Chess\n" in text


def test_show_tells_the_nearest_known_apps(site: Asked) -> None:
    """With their labels, and never the app itself."""
    labelled(site)
    model = store.read(exported(site))
    model.apps = [KnownApp((*GAME[:2], "name:other.example"), 9, 1)]
    store.write(site.settings.parent / "near.json", model)
    site.ok("apps", "import", site.settings.parent / "near.json")
    (found,) = json.loads(site.ok("apps", "show", CHESS, "--json"))["apps"]
    assert [(near["id"], near["similarity"]) for near in found["nearest"]] == [
        (MAIL, 0.5),
        (fingerprint_id(model.apps[0].elements), 2 / 9),
    ]


# What cannot be


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("", "arguments are required: ACTION"),
        ("nonsense", "invalid choice: 'nonsense'"),
        ("list more", "unknown arguments: more"),
        ("list --al", "unknown arguments: --al"),
        ("show", "arguments are required: APP"),
        ("show p9", "no app p9: see apps list"),
        ("show p1 0123456789abcdef", "no app 0123456789abcdef: see apps list"),
        ("label p1", "arguments are required: --as"),
        ("label --as Chess", "arguments are required: APP"),
        ("label p1 p9 --as Chess", "no app p9: see apps list"),
        ("label p1 --as _", "--as must not be empty"),
        ("label p1 --as a\tb", "--as must be a line of at most 200 printable characters; not"),
        ("label p1 --as a\x1b[31mb", r"not 'a\x1b[31mb'"),
        ("label p1 --as a\udcffb", r"not 'a\udcffb'"),
        (f"label p1 --as {'x' * 201}", "--as must be a line of at most 200"),
        ("dismiss", "dismiss: give apps, --names, --devices or --groups"),
        ("dismiss --reason why", "dismiss: give apps, --names, --devices or --groups"),
        (f"dismiss {MAIL}", f"no pending app {MAIL}: see apps list"),
        ("dismiss p1 --for 5x", "--for must be a duration over 0"),
        ("dismiss p1 --for 0", "--for must be a duration over 0"),
        ("dismiss p1 --for 99999d", "--for must be a duration over 0"),
        ("dismiss p1 --reason a\nb", "--reason must be a line of at most 1000"),
        ("dismiss --names a..example", "--names must be a list, each an ASCII name"),
        ("dismiss --names a.example,,", "--names must be a list, each an ASCII name"),
        ("dismiss --devices 10.0.0.1/8", "--devices must be a list, each an address, MAC"),
        ("dismiss --devices phone", "--devices must be a list, each an address, MAC"),
        ("dismiss --groups sales,,x", "--groups must be a list, each a group as device.names"),
        ("dismiss --groups a\xa0b", "a word without #; not"),
        ("dismiss --groups sales#1", "a word without #; not 'sales#1'"),
        ("dismiss --groups a\x1b[31mb", r"not 'a\x1b[31mb'"),
        ("allow", "arguments are required: NUMBER"),
        ("allow p1", "invalid int value: 'p1'"),
        ("allow 1", "no dismissal 1: see apps list"),
        ("forget", "forget: give apps, or --device DEVICE"),
        ("forget p1 --device 10.0.0.1", "forget: give apps, or --device DEVICE"),
        ("forget p9", "no app p9: see apps list"),
        ("forget --device 10.0.0.9", "nothing is known of a device 10.0.0.9"),
        ("import", "arguments are required: FILE"),
        ("export", "arguments are required: FILE"),
    ],
)
def test_wrong_options_are_one_error(site: Asked, arguments: str, said: str) -> None:
    """That names what is wrong, and changes nothing."""
    before = listed(site)
    words = [word if word != "_" else " " for word in arguments.split(" ") if word]
    done = site("apps", *words) if words else site.run("apps")
    assert (done.code, done.out) == (Exit.USAGE, "")
    assert done.err.startswith("flowprint-zeek: error: ")
    assert done.err.count("\n") == 1
    assert said in done.err
    assert listed(site) == before


def without_state(site: Asked) -> None:
    for path in site.settings.parent.glob("state.sqlite*"):
        path.unlink()


def with_an_empty_state(site: Asked) -> None:
    without_state(site)
    State(Path(site.site.config.run.state)).close()


@pytest.mark.parametrize(
    ("prepared", "said"),
    [
        (without_state, "there is no state: no daemon has run with it yet"),
        (with_an_empty_state, "holds nothing yet: no batch has closed"),
    ],
)
@pytest.mark.parametrize("action", ["list", "show p1", "export model.json"])
def test_without_anything_in_the_state(
    site: Asked, prepared: Callable[[Asked], None], said: str, action: str
) -> None:
    """One error that names the state."""
    prepared(site)
    done = site("apps", *action.split())
    assert done.code == Exit.STATE
    assert done.err == f"flowprint-zeek: error: {site.site.config.run.state}: {said}\n"
    assert not Path("model.json").exists()


@pytest.mark.parametrize(
    "action", ["label p1 --as Chess", "dismiss p1", "allow 1", "forget p1", "forget --device x"]
)
def test_nothing_is_asked_where_no_daemon_ever_ran(site: Asked, action: str) -> None:
    """No state is made for it."""
    without_state(site)
    done = site("apps", *action.split())
    assert done.code == Exit.STATE
    assert "there is no state" in done.err
    assert not Path(site.site.config.run.state).exists()


# What people type


def test_what_people_typed_does_not_steer_a_terminal(site: Asked) -> None:
    """Labels of a model, in any text: escaped, a line each."""
    hostile = "Chess\t\n\x1b[31m\u202e[bold]"
    model = store.read(exported(site))
    model.apps = [KnownApp(GAME, 9, 1, Counter({hostile: 9}))]
    store.write(site.settings.parent / "hostile.json", model)
    site.ok("apps", "import", site.settings.parent / "hostile.json")
    for arguments in (["list"], ["show", fingerprint_id(GAME)]):
        text = site.ok("apps", *arguments)
        assert r"Chess\x09\x0a\x1b[31m\u202e[bold]" in text
        assert not any(ord(each) < 32 and each != "\n" for each in text)
    assert hostile in {app["label"] for app in listed(site)["known"]}


def test_a_reason_is_kept_as_it_was_typed(site: Asked) -> None:
    """Whatever script it is in."""
    site.ok("apps", "dismiss", "p1", "--reason", "  genehmigt: Büro 7 [x] 🎲 ")
    assert listed(site)["dismissals"][0]["reason"] == "genehmigt: Büro 7 [x] 🎲"
    assert "genehmigt: Büro 7 [x] 🎲\n" in site.ok("apps", "list")
