"""apps: what people decide is done at once without a daemon, and by it where one runs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from flowprint_zeek.cli import asking
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.errors import OutputError
from flowprint_zeek.stream.outputs import VERDICTS
from flowprint_zeek.stream.snapshot import Snapshot
from flowprint_zeek.stream.state import State
from tests.cli.sensors import CHESS, GAME, MAIL, Asked, exported, listed
from tests.stream.small import session
from tests.stream.test_daemon import failing


@pytest.fixture
def running(site: Asked, monkeypatch: pytest.MonkeyPatch) -> Asked:
    """Return the site with its daemon, which looks while someone waits for it."""
    site.site.running.poll()
    looks = SimpleNamespace(
        monotonic=time.monotonic, sleep=lambda _seconds: site.site.running.poll()
    )
    monkeypatch.setattr(asking, "time", looks)
    return site


def waiting(site: Asked) -> list[Any]:
    """Return what the state holds of requests."""
    snapshot = Snapshot(Path(site.site.config.run.state))
    with snapshot._connected("ro") as db:
        return db.execute("SELECT * FROM request").fetchall()


# Decisions, without a daemon


def test_what_is_asked_without_a_daemon_is_done_at_once(site: Asked) -> None:
    """And answered in one line, with nothing of the request left."""
    assert site.ok("apps", "label", "p1", MAIL, "--as", " Chess ") == (
        f"labelled Chess: p1, {MAIL}\n"
    )
    assert {app["label"] for app in listed(site)["known"]} == {"Chess"}
    assert waiting(site) == []


@pytest.mark.parametrize(
    ("arguments", "done"),
    [
        (["label", "p1", "--as", "Chess"], "labelled Chess: p1"),
        (["dismiss", "p1"], "dismissal 1"),
        (["dismiss", "--names", "a.example,*.b.example", "--devices", "10.0.0.0/8"], "dismissal 1"),
        (["dismiss", "--groups", "sales,floor-3"], "dismissal 1"),
        (["forget", "p1"], "forgotten: p1, 0 elements with them"),
        (["forget", "--device", "10.0.0.2"], "forgotten: device 10.0.0.2"),
    ],
)
def test_every_decision_as_json(site: Asked, arguments: list[str], done: str) -> None:
    """What was done, in the words of the answer."""
    found = json.loads(site.ok("apps", *arguments, "--json"))["done"]
    assert found.partition(";")[0] == done


def test_a_dismissal_and_its_taking_back(site: Asked) -> None:
    """The app is pending no more, and then new again."""
    site.ok("apps", "dismiss", "p1", "--reason", "a trial")
    site.add(*session("game", 2_250.0))
    site.follow(2_800.0)
    assert not any(GAME[0] in app["elements"] for app in listed(site)["pending"])
    assert site.ok("apps", "allow", "1") == "taken back: 1\n"
    site.add(*session("game", 2_850.0))
    site.follow(3_400.0)
    assert any(GAME[0] in app["elements"] for app in listed(site)["pending"])


def test_a_dismissal_of_a_group(site: Asked) -> None:
    """Of its devices nothing waits any more; one that no line has is told."""
    site.name_devices("10.0.0.1 lt-4711 sales,floor-3", "10.0.0.2 - office")
    said = site.ok("apps", "dismiss", "--groups", "sales,cellar")
    hint = "in no line of device.names yet: cellar"
    assert said == f"dismissal 1; {hint}; pending no more: p1\n"
    assert listed(site)["pending"] == []


def test_the_logs_are_read_on_where_they_were_read_to(site: Asked) -> None:
    """A decision without a daemon counts, learns and writes nothing."""
    before = site.site.outputs()
    site.ok("apps", "label", "p1", "--as", "Chess")
    assert site.site.outputs() == before
    site.follow(2_800.0)
    rows = site.site.outputs()[VERDICTS].splitlines()
    assert len(rows) == len(
        {(row["ts"], row["device"], row["fingerprint"]) for row in map(json.loads, rows)}
    )


def test_settings_that_do_not_fit_the_state_undo_a_request(site: Asked) -> None:
    """The error is that of the daemon, and the request does not wait for a better moment."""
    content = json.loads(site.settings.read_text())
    content["fingerprint"]["window"] = 60.0
    site.settings.write_text(json.dumps(content))
    done = site("apps", "label", "p1", "--as", "Chess")
    assert done.code == Exit.STATE
    assert "was learned with fingerprint.window 30.0, the settings say 60.0" in done.err
    assert done.err.count("\n") == 1
    assert waiting(site) == []


def test_a_full_disk_without_a_daemon(site: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is told that nothing was done, and nothing is done later."""
    full = OutputError("cannot be written: database or disk is full")
    with monkeypatch.context() as patch:
        patch.setattr(State, "commit", failing(1, lambda *_: None, full))
        done = site("apps", "label", "p1", "--as", "Chess")
    assert done.code == Exit.OUTPUT
    assert done.err.endswith("state.sqlite: cannot be written: nothing was done\n")
    assert waiting(site) == []


# Decisions, with a daemon


def test_what_a_running_daemon_is_asked_it_does(running: Asked) -> None:
    """Who waits is told so, and gets the answer."""
    done = running("apps", "label", "p1", "--as", "Chess")
    assert (done.code, done.out) == (Exit.OK, "labelled Chess: p1\n")
    assert done.err == "the daemon does it between two batches\n"
    known = running.site.running.pipeline.site.known
    assert known[CHESS].label == "Chess"


def test_a_running_daemon_refuses(running: Asked) -> None:
    """As it would be refused without one."""
    done = running("apps", "dismiss", "p9", "-q")
    assert (done.code, done.out) == (Exit.USAGE, "")
    assert done.err == "flowprint-zeek: error: no pending app p9: see apps list\n"


def test_everything_is_read_beside_a_running_daemon(running: Asked) -> None:
    """Nothing need be asked for that."""
    assert [app["id"] for app in listed(running)["pending"]] == ["p1"]
    assert running.ok("apps", "show", "p1")
    assert exported(running).exists()


def test_a_daemon_that_does_not_answer(site: Asked, monkeypatch: pytest.MonkeyPatch) -> None:
    """It will do what was asked when it can, and that is said."""
    site.site.running.poll()
    monkeypatch.setattr(asking, "_PATIENCE", 0.0)
    done = site("apps", "label", "p1", "--as", "Chess")
    assert done.code == Exit.OUTPUT
    assert done.err.endswith("the daemon has not answered yet; it will do it\n")
    site.site.running.poll()
    assert site.site.running.pipeline.site.known[CHESS].label == "Chess"


def test_who_does_not_want_to_wait_takes_the_request_back(
    running: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C."""

    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    looks = SimpleNamespace(monotonic=time.monotonic, sleep=interrupted)
    monkeypatch.setattr(asking, "time", looks)
    assert running("apps", "label", "p1", "--as", "Chess").code == Exit.INTERRUPTED
    assert waiting(running) == []


def test_a_daemon_that_starts_meanwhile_answers(
    running: Asked, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where none ran when the request was put."""
    looked: list[bool] = []

    def in_use(_snapshot: Snapshot) -> bool:
        looked.append(len(looked) > 0)
        return looked[-1]

    monkeypatch.setattr(Snapshot, "in_use", property(in_use))
    assert running("apps", "label", "p1", "--as", "Chess").code == Exit.OK
