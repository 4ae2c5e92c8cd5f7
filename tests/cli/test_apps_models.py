"""apps import and export: models between sensors, and from and to a replay."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek import store
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.core.elements import fingerprint_id
from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.known import KnownApp
from tests.cli.sensors import GAME, Asked, asked, exported, listed
from tests.stream.small import conn_log, session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli
    from tests.stream.daemons import Site

UPSTREAM = {"batch": 300, "window": 30, "correlation": 0.1, "similarity": 0.9, "threshold": 0.1}


@pytest.fixture
def model(site: Asked) -> Path:
    """Return what the site exports once the unseen app has a label."""
    site.ok("apps", "label", "p1", "--as", "Chess")
    return exported(site)


@pytest.fixture
def second(tmp_path: Path, cli: Cli) -> Iterator[Asked]:
    """Return another site, which has learned mail only; its daemon is down."""
    made = asked(tmp_path / "second", cli)
    made.site.left = [one for one in made.site.left if "game" not in one.uid]
    made.follow(1_300.0)
    yield made
    made.site.stop()


def rows(site: Site, *, of: str) -> list[dict[str, Any]]:
    """Return the verdicts on an app."""
    lines = (site.out / "flowprint.log").read_text().splitlines()
    found = map(json.loads, lines)
    return [row for row in found if any(uid.startswith(f"C{of}") for uid in row["uids"])]


def notices(site: Site) -> str:
    path = site.out / "notice.log"
    return path.read_text() if path.exists() else ""


def written(folder: Path, content: object) -> Path:
    path = folder / "given.json"
    path.write_text(json.dumps(content))
    return path


# Export


def test_an_exported_model_holds_what_is_known(site: Asked, model: Path) -> None:
    """Apps with their labels, what was seen and where, and the parameters."""
    held = store.read(model)
    assert {app.label for app in held.apps} == {None, "Chess"}
    assert held.seen is not None
    assert {device for device, _ in held.seen.devices()} == {"10.0.0.1", "10.0.0.2"}
    assert held.parameters == Parameters(scheme="names")
    told = json.loads(site.ok("apps", "export", model, "--json"))
    assert told == {"output": str(model), "known": 2, "elements": 8}


def test_an_exported_model_has_the_parameters_that_were_learned_with(site: Asked) -> None:
    """Whatever the settings at hand say."""
    content = json.loads(site.settings.read_text())
    content["fingerprint"]["window"] = 60.0
    site.settings.write_text(json.dumps(content))
    assert store.read(exported(site)).parameters.window == 30.0


def test_replay_starts_from_an_exported_model(site: Asked, model: Path, tmp_path: Path) -> None:
    """What is known is recognised by its label; what is not is raised."""
    logs = tmp_path / "logs"
    logs.mkdir()
    conn_log(logs, *session("game", 10.0), *session("chat", 610.0))
    out = tmp_path / "out"
    site.run("replay", logs, "--model", model, "-o", out, "--format", "json", "--rows", "all")
    found = [json.loads(line) for line in (out / "flowprint.log").read_text().splitlines()]
    assert [(row["verdict"], row.get("label")) for row in found] == [
        ("known", "Chess"),
        ("unseen_site", None),
    ]


def test_a_model_that_cannot_be_written(site: Asked, tmp_path: Path) -> None:
    """One error that names it."""
    done = site("apps", "export", tmp_path / "nowhere" / "model.json")
    assert done.code == Exit.OUTPUT
    assert done.err.count("\n") == 1
    assert "nowhere" in done.err


# Import


def test_a_second_site_recognises_what_the_first_labelled(model: Path, second: Asked) -> None:
    """Without a notice, new to the device at first; what neither knows is raised."""
    assert second.ok("apps", "import", model) == "known apps: 1 more, 2 in all\n"
    second.add(*session("game", 2_250.0), *session("game", 2_850.0))
    second.follow(3_400.0)
    found = rows(second.site, of="game")
    assert [(row["verdict"], row["label"]) for row in found] == [
        ("unseen_device", "Chess"),
        ("known", "Chess"),
    ]
    assert "game.example" not in notices(second.site)
    assert "chat.example" in notices(second.site)


def test_import_as_json(model: Path, second: Asked) -> None:
    """In the words of the answer."""
    told = json.loads(second.ok("apps", "import", model, "--json"))
    assert told == {"done": "known apps: 1 more, 2 in all"}


def test_a_model_of_upstream(tmp_path: Path, cli: Cli) -> None:
    """Where the elements are endpoints, as its are; its labels come with it."""
    site = asked(tmp_path / "paper", cli, fingerprint__scheme="paper")
    site.follow(1_300.0)
    places = [[f"203.0.113.{at}", 443] for at in range(3)]
    apps = [[{"certificates": [], "destinations": places, "n_flows": 7}, "Upstream's"]]
    path = written(tmp_path, UPSTREAM | {"fingerprints": apps})
    assert site.ok("apps", "import", path).startswith("known apps: 1 more")
    assert "Upstream's" in {app["label"] for app in listed(site)["known"]}


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"scheme": "paper"}, "the model was made with scheme paper, this site with names"),
        ({"window": 60}, "the model was made with window 60.0, this site with 30.0"),
        (
            {"fingerprints": [[{"certificates": ["4711"], "n_flows": 7}, "a"]]},
            "tells certificates apart by serial, Zeek's logs by sha256 or",
        ),
        ({"batch": -1}, "is damaged: batch is -1"),
        ({"format": 99}, "has format 99"),
        ({"fingerprints": [[{"names": ["a.example"]}, "\udcff"]]}, "the state has no form for it"),
        ({"fingerprints": [[{"names": ["a.example"]}, 1 << 70]]}, "the state has no form for it"),
    ],
)
def test_models_that_do_not_fit(site: Asked, content: dict[str, Any], said: str) -> None:
    """One error that names the file and both values; nothing is taken in."""
    before = listed(site)
    whole = {"format": 1, "scheme": "names", "fingerprints": []} | UPSTREAM | content
    path = written(site.settings.parent, whole)
    done = site("apps", "import", path)
    assert done.code == Exit.MODEL
    assert done.err.startswith(f"flowprint-zeek: error: {path}: {said}")
    assert done.err.count("\n") == 1
    assert listed(site) == before


def test_certificates_of_another_kind(tmp_path: Path, cli: Cli) -> None:
    """Where they are elements: both kinds are named."""
    site = asked(tmp_path / "paper", cli, fingerprint__scheme="paper")
    site.follow(1_300.0)
    for kind, certificate in (("sha256", "0f" * 32), ("issuer_serial", "issuer_serial:0a")):
        app = KnownApp(("203.0.113.1:443", f"cert:{certificate}"), 7, 1, Counter(), 1, 1)
        store.write(tmp_path / kind, store.Model(Parameters(), certificate=kind, apps=[app]))
    site.ok("apps", "import", tmp_path / "sha256")
    done = site("apps", "import", tmp_path / "issuer_serial")
    assert done.code == Exit.MODEL
    assert "made with certificate issuer_serial, this site with sha256" in done.err
    site.ok("apps", "import", tmp_path / "sha256")


def test_what_is_no_model(site: Asked, tmp_path: Path) -> None:
    """Nor any file."""
    done = site("apps", "import", tmp_path / "nowhere.json")
    assert (done.code, done.err.count("\n")) == (Exit.MODEL, 1)
    assert "nowhere.json: cannot be read: No such file" in done.err


def test_a_model_without_what_was_seen(second: Asked, tmp_path: Path) -> None:
    """As `fingerprint` makes them: the elements of its apps count as seen."""
    app = KnownApp(GAME, 9, 1, Counter({"Chess": 9}))
    path = tmp_path / "apps.json"
    store.write(path, store.Model(Parameters(scheme="names"), apps=[app]))
    second.ok("apps", "import", path)
    second.add(*session("game", 2_250.0))
    second.follow(2_800.0)
    (row,) = rows(second.site, of="game")
    assert (row["label"], row["nearest"]) == ("Chess", fingerprint_id(GAME))
    assert row["verdict"] != "unseen_site"


def test_an_export_may_name_devices_otherwise(site: Asked, tmp_path: Path) -> None:
    """As many devices with as many elements, none by its address, and each time other names."""
    plain, *others = [tmp_path / name for name in ("plain.json", "one.json", "two.json")]
    site.ok("apps", "export", str(plain))
    for other in others:
        site.ok("apps", "export", "--pseudonyms", str(other))
    before, first, second = (
        dict(store.read(each).seen.devices())  # type: ignore[union-attr]  # it is there
        for each in (plain, *others)
    )
    assert all(name.startswith("device-") for name in first)
    assert sorted(first.values()) == sorted(before.values())
    assert not first.keys() & (before.keys() | second.keys())
    held = json.loads(others[0].read_text())["browsers"]
    assert not any(row[0] in before for rows in held.values() for row in rows)
