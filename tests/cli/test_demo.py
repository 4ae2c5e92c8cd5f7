"""``demo``: the whole way on a simulated network."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.simulate import Network
from flowprint_zeek.cli import demo

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

NETWORK = Network(seed=1, devices=3, apps=6, days=0.25, unseen_apps=2, browsers=0)


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Let the demo simulate the small network, in an empty folder."""

    def made(*, seed: int) -> Network:
        assert seed == 1
        return NETWORK

    monkeypatch.setattr(demo, "made", made)
    monkeypatch.chdir(tmp_path)


def test_the_demo_shows_notices_beside_the_truth(cli: Cli) -> None:
    """Each planted app has its row; the last lines name the share found and the notices."""
    done = cli.ok("demo")
    lines = done.out.splitlines()
    assert lines[0] == "Simulated truth beside what was found"
    assert lines[1].split("  ")[0].strip() == "planted app"
    planted = [
        line.split("\t")[0]
        for line in Path("flowprint-demo/logs/planted.tsv").read_text().splitlines()[1:]
    ]
    assert {line.split()[0] for line in lines[2:4]} == set(planted)
    assert re.fullmatch(
        r"Simulated: [12] of 2 planted apps found, \d+ other notices? in 0\.375 device days\.",
        lines[-2],
    )
    assert lines[-1] == "Notices: flowprint-demo/found/notice.log"


def test_the_files_it_names_exist(cli: Cli) -> None:
    """The logs, both outputs and the model are where the demo says."""
    done = cli.ok("demo")
    named = [Path(each) for each in re.findall(r"flowprint-demo[\w/.]*", done.out + done.err)]
    assert sorted(map(str, set(named))) == [
        "flowprint-demo/found/notice.log",
        "flowprint-demo/logs",
    ]
    assert all(path.exists() for path in named)
    assert sorted(path.name for path in Path("flowprint-demo/found").iterdir()) == [
        "flowprint.log",
        "model.json",
        "notice.log",
    ]


def test_a_second_demo_takes_another_folder(cli: Cli) -> None:
    """Where the folder exists it gets a number, and the results are the same."""
    first = cli.ok("demo").out
    second = cli.ok("demo").out
    assert second == first.replace("flowprint-demo", "flowprint-demo-2")
    for name in ("notice.log", "flowprint.log", "model.json"):
        one, two = (Path(f"flowprint-demo{each}/found", name) for each in ("", "-2"))
        assert one.read_bytes() == two.read_bytes()


def test_quiet_says_nothing_but_the_results(cli: Cli) -> None:
    """--quiet leaves stderr empty."""
    done = cli.ok("demo", "-q", "-o", "here")
    assert done.err == ""
    assert done.out.endswith("Notices: here/found/notice.log\n")


def test_json_has_replay_and_truth(cli: Cli) -> None:
    """--json holds the settings, where the files are, the replay's figures and the truth's."""
    told = cli("demo", "--json", "-o", "here").json
    assert list(told) == ["parameters", "logs", "notices", "replay", "truth"]
    assert told["logs"] == "here/logs"
    assert told["notices"] == "here/found/notice.log"
    assert told["truth"]["simulated"] is True
    assert told["truth"]["planted"] == 2
    assert told["truth"]["found"] + told["truth"]["false_notices"] <= told["replay"]["notices"]
    assert told["replay"]["batches_learned"] > 0
