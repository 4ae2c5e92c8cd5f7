"""A week of an operator at the command line, on simulated time and logs of a small site."""

from __future__ import annotations

import json
import shutil
import subprocess
import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.cli import asking
from flowprint_zeek.config import load
from tests.cli.sensors import Asked
from tests.stream.daemons import Site, in_order
from tests.stream.small import moved, session

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli
    from tests.stream.small import Conn

HOUR = 3_600.0
DAY = 24 * HOUR
DEVICES = ("10.0.0.1", "10.0.0.2", "10.0.0.3")
SHELL = shutil.which("sh") or ""

SETTINGS = """\
# The sensor in the cellar.
run:
  logs: [{folder}/current]
  archives: [{folder}/archive]
  state: {folder}/state.sqlite
  output: {folder}/out
  learn_for: 2d
  shadow_for: 4h
  keep: 3650d
log:
  rows: all
"""


def used(app: str, day: float, hour: float, *devices: str) -> list[Conn]:
    """Return connections of devices that use an app at an hour of a day."""
    start = day * DAY + hour * HOUR + 10.0
    return [one for device in devices for one in moved(session(app, start), device)]


def office(days: int) -> list[Conn]:
    """Return what everyone does every day, at different times."""
    return [
        one
        for day in range(days)
        for hour in (8.0, 11.0, 15.0, 18.5, 21.0)
        for app, later in (("mail", 0.0), ("wiki", 0.25))
        for one in used(app, day, hour + later, *DEVICES)
    ]


class Operator(Asked):
    """Someone with a command line, a sensor, and the week before them."""

    @classmethod
    def hired(cls, folder: Path, cli: Cli, connections: list[Conn]) -> Operator:
        """Write the settings of a sensor that will see some connections."""
        folder.mkdir()
        path = folder / "config.yaml"
        path.write_text(SETTINGS.format(folder=folder))
        site = Site(folder, load(path, environ={}, overrides={}), left=in_order(connections))
        return cls(site, path, cli)

    def until(self, day: float, hour: float) -> None:
        """Let the daemon run up to an hour of a day, a look every three hours."""
        self.site.follow(day * DAY + hour * HOUR, step=3 * HOUR)

    def json(self, *arguments: object) -> Any:
        return json.loads(self.ok(*arguments, "--json", "-q"))

    def notices(self, note: str = "Unseen_App") -> list[dict[str, Any]]:
        """Return the rows of notice.log."""
        path = self.site.out / "notice.log"
        rows = map(json.loads, path.read_text().splitlines() if path.exists() else ())
        return [row for row in rows if row["note"] == f"FlowPrint::{note}"]

    def verdicts(self, app: str) -> list[tuple[str, str | None]]:
        """Return verdict and label of each row of flowprint.log on an app."""
        lines = (self.site.out / "flowprint.log").read_text().splitlines()
        return [
            (row["verdict"], row.get("label"))
            for row in map(json.loads, lines)
            if any(uid.startswith(f"C{app}10") for uid in row["uids"])
        ]


@pytest.fixture
def operator(tmp_path: Path, cli: Cli, monkeypatch: pytest.MonkeyPatch) -> Iterator[Operator]:
    """Return someone whose colleagues try new apps from Wednesday on."""
    tried = [
        *used("chess", 2, 14.0, DEVICES[0]),
        *used("chess", 2, 18.0, DEVICES[0]),
        *used("update", 3, 9.0, *DEVICES),
        *used("update", 3, 20.0, *DEVICES),
        *used("update", 4, 19.0, DEVICES[1]),
    ]
    made = Operator.hired(tmp_path / "cellar", cli, [*office(7), *tried])
    looks = SimpleNamespace(
        monotonic=time.monotonic, sleep=lambda _seconds: made.site.running.poll()
    )
    monkeypatch.setattr(asking, "time", looks)
    yield made
    made.site.stop()


def test_a_week(operator: Operator, tmp_path: Path, cli: Cli) -> None:
    """Learn, be told, look into it, decide, change one's mind, and share what is known."""
    me = operator

    # Monday: the settings are right, and the daemon learns.
    assert "state.sqlite" in me.ok("run", "--check")
    me.until(1, 20.0)
    assert me.notices() == []
    assert len(me.json("apps", "list", "--rare")["known"]) == 2

    # Wednesday: shadow, then the first notice.
    me.until(2, 16.0)
    (notice,) = me.notices()
    assert "chess.example" in notice["msg"]
    key = notice["sub"].split()[0].removeprefix("id=")
    told = me.json("explain", key[:8])
    assert told["now"]["pending"]
    assert notice["uid"] in told["explained"]["uids"]
    shell = [SHELL, "-c", told["pivots"][0]]
    lines = subprocess.run(shell, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(lines) == 2 * len(told["explained"]["uids"])

    # It is chess, which is allowed: known by its name when it is played again, the daemon running.
    (app,) = me.json("apps", "list")["pending"]
    assert me.json("apps", "label", app["id"], "--as", "Chess")["done"] == "labelled Chess: p1"
    me.until(2, 21.0)
    assert me.verdicts("chess") == [("unseen_site", None), ("known", "Chess")]
    assert len(me.notices()) == 1

    # Thursday: a roll-out that is over tomorrow; the daemon is down for it.
    me.until(3, 12.0)
    assert [row["n"] for row in me.notices()] == [1, 3]
    me.site.stop()
    (app,) = me.json("apps", "list")["pending"]
    assert me.ok("apps", "dismiss", app["id"], "--for", "1d", "--reason", "roll-out") == (
        "dismissal 1\n"
    )
    me.until(3, 23.0)
    assert len(me.notices()) == 2
    assert [verdict for verdict, _ in me.verdicts("update")[3:]] == ["unseen_device"] * 3

    # Friday: it was not over.
    me.until(4, 22.0)
    assert me.json("apps", "list")["dismissals"] == []
    assert len(me.notices()) == 3
    assert "update.example" in me.notices()[-1]["msg"]

    # Sunday: every day was told of, and what is known goes to the other sensor.
    me.until(6, 23.0)
    assert len(me.notices("Status")) == 6
    assert len(me.notices()) == 3
    model = tmp_path / "shared.json"
    me.ok("apps", "export", model)
    me.site.stop()
    played = [*used("chess", 3, 14.0, "10.9.0.1"), *used("chess", 3, 18.0, "10.9.0.1")]
    other = Operator.hired(tmp_path / "attic", cli, [*office(4), *played])
    other.until(2, 20.0)
    other.site.stop()
    assert other.ok("apps", "import", model).startswith("known apps: 1 more, 3 in all")
    other.until(3, 22.0)
    other.site.stop()
    assert other.notices() == []
    assert other.verdicts("chess") == [("unseen_device", "Chess"), ("known", "Chess")]
