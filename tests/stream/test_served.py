"""Requests to a running daemon: each answered, carried out once, whatever happens in between."""

from __future__ import annotations

import json
import random
import re
import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from flowprint_zeek.errors import ModelError, OutputError
from flowprint_zeek.known import KnownApp
from flowprint_zeek.store import Model, write
from flowprint_zeek.stream.configured import parameters_of
from flowprint_zeek.stream.daemon import Daemon
from flowprint_zeek.stream.outputs import VERDICTS
from flowprint_zeek.stream.requests import (
    REFUSED,
    Allow,
    Dismiss,
    ForgetDevice,
    Import,
    Label,
    Request,
    encoded,
)
from flowprint_zeek.stream.snapshot import Snapshot
from flowprint_zeek.stream.state import State
from tests.stream.daemons import Site, in_order, small
from tests.stream.small import Conn, moved, session
from tests.stream.test_daemon import broken, failing

if TYPE_CHECKING:
    from collections.abc import Iterator

NOTICED = 1_900.0
"""Seconds after which the first unseen app of the story was noticed, and the next was not."""


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    """Return a site on which one unseen app was noticed, and whose daemon ends with the test."""
    made = Site(tmp_path, small(tmp_path))
    made.follow(NOTICED)
    yield made
    made.stop()


def snapshot(site: Site) -> Snapshot:
    return Snapshot(Path(site.config.run.state))


def ask(site: Site, request: Request) -> int:
    return snapshot(site).ask(encoded(request))


def done(site: Site, request: Request) -> str | None:
    """Ask for something, let the daemon look once, and return its answer."""
    number = ask(site, request)
    site.running.poll()
    return snapshot(site).answer(number)


def add(site: Site, *connections: Conn) -> None:
    """Let the sensor see more connections."""
    site.left = in_order([*site.left, *connections])


def rows(site: Site, sql: str, *values: object) -> list[Any]:
    with closing(sqlite3.connect(site.config.run.state)) as db:
        return db.execute(sql, values).fetchall()


def labels(site: Site) -> set[object]:
    """Return the labels that flowprint.log has."""
    lines = site.outputs()[VERDICTS].splitlines()
    return {json.loads(line).get("label") for line in lines} - {None}


def known(site: Site) -> set[str | None]:
    (held,) = snapshot(site).parts("known")
    return {app.label for app in held.apps}


def test_a_request_is_answered_at_the_next_look(site: Site) -> None:
    """Without a row, and it holds from then on."""
    assert done(site, Label(["p1"], "Chess")) == "labelled Chess: p1"
    add(site, *session("game", 2_250.0))
    site.follow(2_800.0)
    assert labels(site) == {"Chess"}


def test_what_is_refused_is_answered(site: Site) -> None:
    """With what was wrong, and it changes nothing."""
    answer = done(site, Label(["p1", "p9"], "Chess"))
    assert answer == f"{REFUSED}no app p9: see apps list"
    assert known(site) == {None}


def test_an_answer_is_for_who_asked_and_given_once(site: Site) -> None:
    """Before it there is none, after it nothing of the request is left."""
    number = ask(site, Dismiss(names=["a.example"]))
    assert snapshot(site).answer(number) is None
    site.running.poll()
    assert snapshot(site).answer(number) == "dismissal 1"
    assert snapshot(site).answer(number) is None
    assert rows(site, "SELECT * FROM request") == []


def test_answered_requests_are_not_kept(site: Site) -> None:
    """What was asked may be large, or tell of a forgotten device; of the answers the last stay."""
    with closing(sqlite3.connect(site.config.run.state)) as db:
        given = [(encoded(Dismiss(names=[f"a{at}.example"])),) for at in range(150)]
        db.executemany("INSERT INTO request (asked) VALUES (?)", given)
        db.commit()
    site.running.poll()
    assert rows(site, "SELECT count(*) FROM request WHERE asked != x''") == [(0,)]
    site.monotonic += 7_200
    done(site, Allow([1]))
    assert rows(site, "SELECT count(*), min(number) FROM request") == [(99, 52)]


def test_requests_are_carried_out_in_their_order(site: Site) -> None:
    """One that comes later finds what an earlier one did."""
    first = ask(site, Dismiss(["p1"]))
    second = ask(site, Allow([1]))
    third = ask(site, Allow([1]))
    site.running.poll()
    answers = [snapshot(site).answer(number) for number in (first, second, third)]
    assert answers == ["dismissal 1", "taken back: 1", f"{REFUSED}no dismissal 1: see apps list"]


def test_what_cannot_be_read_is_answered(site: Site) -> None:
    """The daemon goes on, and so do the requests behind it."""
    first = snapshot(site).ask(b"\xc1 no request")
    assert done(site, Dismiss(names=["a.example"])) == "dismissal 1"
    answer = snapshot(site).answer(first)
    assert answer is not None
    assert answer.startswith(REFUSED)


def test_damaged_requests_are_never_fatal(site: Site) -> None:
    """Whatever bytes are changed: each is answered, and the state can be read again."""
    chance = random.Random(7)  # noqa: S311  seeded damage
    app = KnownApp(("203.0.113.9:443", "name:a.example"), 5, 1, Counter({"A": 5, 7: 1}), 1, 2)
    sound = [
        encoded(Import([app], [("name:a.example", 1, 2, 3)], {"scheme": "names", "batch": 300.0})),
        encoded(Dismiss([], ["a.example"], ["10.0.0.0/8"], "why", 60_000_000)),
        encoded(Label(["p1"], "Chess")),
        encoded(ForgetDevice("10.0.0.1")),
    ]
    damaged = []
    for _ in range(400):
        data = bytearray(chance.choice(sound))
        for _ in range(chance.randint(1, 3)):
            data[chance.randrange(len(data))] = chance.randrange(256)
        damaged.append((bytes(data),))
    with closing(sqlite3.connect(site.config.run.state)) as db:
        db.executemany("INSERT INTO request (asked) VALUES (?)", damaged)
        db.commit()
    site.running.poll()
    assert rows(site, "SELECT count(*) FROM request WHERE answer IS NULL") == [(0,)]
    refused = rows(site, "SELECT count(*) FROM request WHERE answer LIKE ?", f"{REFUSED}%")
    assert 100 < refused[0][0] < 400
    site.stop()
    site.end()


# Restarts and full disks


def test_a_request_waits_for_a_daemon(site: Site) -> None:
    """It is carried out when one starts."""
    site.stop()
    number = ask(site, Label(["p1"], "Chess"))
    assert snapshot(site).answer(number) is None
    site.poll()
    assert snapshot(site).answer(number) == "labelled Chess: p1"


def test_what_was_asked_outlives_a_restart(site: Site) -> None:
    """Dismissals, and labels with what became known by them."""
    done(site, Dismiss(names=[".chat.example"], reason="why"))
    done(site, Label(["p1"], "Chess"))
    site.stop()
    site.follow()
    site.end()
    told = site.outputs()["notice.log"].decode()
    assert "radio.example" in told
    assert "chat.example" not in told
    assert known(site) == {None, "Chess"}


@pytest.mark.parametrize("restart", [False, True])
def test_a_request_on_a_full_disk_is_carried_out_once(
    site: Site, monkeypatch: pytest.MonkeyPatch, *, restart: bool
) -> None:
    """It is answered when it is kept, whether the daemon goes on or starts anew."""
    number = ask(site, Dismiss(["p1"]))
    with broken(monkeypatch):
        for _ in range(3):
            site.running.poll()
        assert snapshot(site).answer(number) is None
        if restart:
            site.stop()
    site.running.poll()
    assert snapshot(site).answer(number) == "dismissal 1"
    (held,) = snapshot(site).parts("dismissals")
    assert [one.number for one in held.dismissals] == [1]
    assert held.next == 2


def test_requests_that_cannot_be_read_wait(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """The daemon goes on meanwhile."""
    number = ask(site, Dismiss(["p1"]))
    with monkeypatch.context() as patch:
        error = OutputError("cannot be written: disk I/O error")
        patch.setattr(State, "requests", failing(1, State.requests, error))
        site.running.poll()
        assert snapshot(site).answer(number) is None
        site.running.poll()
    assert snapshot(site).answer(number) == "dismissal 1"


def test_a_daemon_that_catches_up_answers(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between two of its commits, not only when it has read all that there is."""
    site.write()
    numbers: list[int] = []
    answered: list[bool] = []
    step = site.running.live.step

    def stepping() -> bool:
        if not numbers:
            numbers.append(ask(site, Dismiss(["p1"])))
        answered.append(snapshot(site).answer(numbers[0]) is not None)
        site.monotonic += 60
        return step()

    monkeypatch.setattr(site.running.live, "step", stepping)
    site.running.poll()
    assert answered.index(True) < len(answered) - 2


# Devices


def noticed(site: Site) -> set[str]:
    """Return the devices of which the state holds notices."""
    return {device for (device,) in rows(site, "SELECT device FROM notice")}


def test_the_notices_of_a_forgotten_device_are_forgotten(site: Site) -> None:
    """Those of others stay, and so do the lines of notice.log."""
    add(site, *moved(session("chess", 2_250.0), "10.0.0.2"))
    site.follow(2_800.0)
    assert noticed(site) == {"10.0.0.1", "10.0.0.2"}
    before = site.outputs()
    assert done(site, ForgetDevice("10.0.0.1")) == "forgotten: device 10.0.0.1"
    assert noticed(site) == {"10.0.0.2"}
    assert site.outputs() == before
    held = rows(site, "SELECT data FROM section UNION ALL SELECT asked FROM request")
    # The uids of these connections are made of addresses.
    texts = [re.sub(r"'C[^']*'", "", repr(msgspec.msgpack.decode(data))) for (data,) in held]
    assert any("10.0.0.2" in text for text in texts)
    assert not any("10.0.0.1" in text for text in texts)


def test_a_device_is_forgotten_on_a_full_disk(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """When there is room again, with its notices, in one."""
    number = ask(site, ForgetDevice("10.0.0.1"))
    with broken(monkeypatch):
        site.running.poll()
        assert noticed(site) == {"10.0.0.1"}
    site.running.poll()
    assert snapshot(site).answer(number) is not None
    assert noticed(site) == set()


def test_a_forgotten_device_is_noticed_anew(site: Site) -> None:
    """What it does from then on is kept as of any device."""
    done(site, ForgetDevice("10.0.0.1"))
    site.follow()
    assert noticed(site) == {"10.0.0.1"}


# What people type


HOSTILE = "Chess\t#x\n\x1b[31m\x00é,\\x09"


@pytest.mark.parametrize("form", ["tsv", "json"])
def test_labels_do_not_break_the_logs(tmp_path: Path, form: str) -> None:
    """A model may bring any text: a row stays a line with its columns."""
    site = Site(tmp_path, small(tmp_path, notice__format=form))
    site.follow(NOTICED)
    app = KnownApp(
        tuple(f"name:n{at}.game.example" for at in range(4)), 9, 1, Counter({HOSTILE: 9})
    )
    done(site, Import([app], [(one, 1, 1, 1) for one in app.elements], {}))
    more = [
        *session("game", 2_250.0),
        *(Conn(f"Cx{at}", 2_550.0 + at, 9.0, name=f"x{at}.game.example") for at in range(8)),
    ]
    add(site, *more)
    site.end()
    for name, data in site.outputs().items():
        lines = data.decode().splitlines()
        if form == "json":
            held = [json.loads(line) for line in lines]
        else:
            fields = next(line for line in lines if line.startswith("#fields")).split("\t")[1:]
            cells = [line.split("\t") for line in lines if not line.startswith("#")]
            assert {len(row) for row in cells} == {len(fields)}
            held = [dict(zip(fields, row, strict=True)) for row in cells]
        assert held
        assert all(ord(each) >= 32 for line in lines for each in line if each != "\t")
        if name == VERDICTS:
            assert any("Chess" in (row.get("label") or "") for row in held)
    site.stop()


@pytest.mark.parametrize("label", ["\udcff", 1 << 64])
def test_a_model_whose_labels_cannot_be_kept(tmp_path: Path, label: str | int) -> None:
    """It is refused at the start, not when a batch has closed."""
    path = tmp_path / "model.json"
    config = small(tmp_path, run__model=str(path))
    app = KnownApp(("name:a.example",), 1, 1, Counter({label: 1}))
    write(path, Model(parameters_of(config), apps=[app]))
    with pytest.raises(ModelError, match=f"{path}: the state has no form for it"):
        Daemon(config)
