"""``browser``: a detector trained on labelled flows and applied to others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.archive import write, write_logs
from flowprint_zeek.analysis.simulate import Network, simulate
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.main import main
from tests.analysis.recorded import BROWSING, composed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


@pytest.fixture(scope="session")
def networks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two simulated networks of browsing and other devices, and train on the first."""
    folder = tmp_path_factory.mktemp("browsers")
    # Seeds of people who browse so early in the day.
    for name, seed in (("1", 1), ("2", 5)):
        network = Network(seed=seed, devices=4, apps=6, days=0.2, unseen_apps=0, browsers=2)
        write(simulate(network), folder / name)
    first = folder / "1"
    argv = ["browser", "train", first, "--labels", first / "labels.tsv", "-o", folder / "m.json"]
    assert main([str(each) for each in argv]) == Exit.OK
    return folder


def test_training_tells_what_it_had(cli: Cli, networks: Path, tmp_path: Path) -> None:
    """Labelled flows, those of browsers, and the file; the same input gives the same bytes."""
    labels = networks / "1" / "labels.tsv"
    argv = ("browser", "train", networks / "1", "--labels", labels, "-o", tmp_path / "m.json")
    told = cli(*argv, "--json").json
    assert told["parameters"] == {
        "scheme": "names",
        "seed": 42,
        "browsing": ["browsing", "browser"],
    }
    assert 0 < told["browser"] < told["flows"]
    assert (told["unlabelled"], told["output"]) == (0, str(tmp_path / "m.json"))
    assert (networks / "m.json").read_bytes() == (tmp_path / "m.json").read_bytes()
    other = cli(*argv, "--seed", 7, "--json").json
    assert other["browser"] == told["browser"]
    assert (networks / "m.json").read_bytes() != (tmp_path / "m.json").read_bytes()


def test_browsers_of_another_network_are_found(cli: Cli, networks: Path) -> None:
    """What the forest says and what is near it, of each device and against the labels."""
    second = networks / "2"
    argv = ("browser", "apply", second, "--model", networks / "m.json")
    told = cli(*argv, "--labels", second / "labels.tsv", "--json").json
    assert told["scores"]["hits"]["recall"] > 0.5
    assert told["scores"]["browser"]["recall"] > told["scores"]["hits"]["recall"]
    assert told["scores"]["hits"]["precision"] > told["scores"]["browser"]["precision"] > 0
    for name in ("flows", "hits", "browser"):
        assert told[name] == sum(one[name] for one in told["devices"])
    assert cli(*argv, "--json").json["scores"] == {}


def test_people_get_tables(cli: Cli, networks: Path, tmp_path: Path) -> None:
    """A line for each device, and the figures where there are labels."""
    second = networks / "2"
    argv = ("browser", "apply", second, "--model", networks / "m.json")
    lines = cli.ok(*argv, "--labels", second / "labels.tsv").out.splitlines()
    assert lines[0] == "Flows of browsers"
    assert "Against the labels" in lines
    train = ("browser", "train", second, "--labels", second / "labels.tsv")
    out = cli.ok(*train, "-o", tmp_path / "m.json").out
    assert out.startswith("Browser detector trained\n")


def test_flows_are_listed(cli: Cli, networks: Path, tmp_path: Path) -> None:
    """A TSV tells of each flow whether it is a browser's."""
    path = tmp_path / "browsers.tsv"
    argv = ("browser", "apply", networks / "2", "--model", networks / "m.json", "-o", path)
    told = cli(*argv, "--json").json
    header, *lines = path.read_text().splitlines()
    assert header == "uid\tbrowser"
    assert len(lines) == told["flows"]
    assert sum(line.endswith("\tT") for line in lines) == told["browser"]


def test_captures_train_too(cli: Cli, tmp_path: Path) -> None:
    """Each line of a manifest is a device of one label."""
    made = composed(BROWSING)
    write_logs(made.logs, made.truth, tmp_path / "site")
    phone, user = made.phones[0], BROWSING.device
    path = tmp_path / "manifest.tsv"
    path.write_text(f"path\tlabel\tdevice\nsite\tmail\t{phone}\nsite\tbrowsing\t{user}\n")
    argv = ("browser", "train", "--captures", path, "-o", tmp_path / "m.json", "--json")
    told = cli(*argv).json
    assert told["devices"] == 2
    assert 0 < told["browser"] < told["flows"]
    done = cli(*argv, "--browsing", "mail")
    assert done.json["browser"] == told["flows"] - told["browser"]


def test_flows_without_a_label_are_counted(cli: Cli, networks: Path, tmp_path: Path) -> None:
    """They train nothing."""
    labels = (networks / "1" / "labels.tsv").read_text().splitlines()
    path = tmp_path / "labels.tsv"
    path.write_text("\n".join([labels[0], *labels[1::2]]))
    argv = ("browser", "train", networks / "1", "--labels", path, "-o", tmp_path / "m.json")
    assert cli(*argv, "--json").json["unlabelled"] > 100


WRONG = {
    "train -o m.json": (Exit.USAGE, "give either LOGS with --labels FILE, or --captures"),
    "train 1 -o m.json": (Exit.USAGE, "--labels go with LOGS"),
    "train 1 --labels 1/labels.tsv": (Exit.USAGE, "required: -o/--output"),
    "train 1 --labels 1/labels.tsv --captures a.tsv -o m.json": (Exit.USAGE, "give either LOGS"),
    "train --captures a.tsv --labels 1/labels.tsv -o m.json": (Exit.USAGE, "--labels go with"),
    "train 1 --labels 1/labels.tsv --seed=-1 -o m.json": (Exit.USAGE, "--seed must be at least 0"),
    "train 1 --labels 1/labels.tsv --scheme x -o m.json": (Exit.CONFIG, "fingerprint.scheme"),
    "train 1 --labels none.tsv -o m.json": (Exit.LOGS, "none.tsv: no flow is of a browser"),
    "train 1 --labels all.tsv -o m.json": (Exit.LOGS, "all.tsv: no flow is of anything else"),
    "train 1 --labels absent.tsv -o m.json": (Exit.LOGS, "absent.tsv: cannot be read"),
    "train absent --labels 1/labels.tsv -o m.json": (Exit.LOGS, "absent: no such file"),
    "train --captures absent.tsv -o m.json": (Exit.LOGS, "absent.tsv: cannot be read"),
    "train 1 --labels 1/labels.tsv -o 1": (Exit.OUTPUT, "1: cannot be written"),
    "apply 1": (Exit.USAGE, "required: --model"),
    "apply 1 --model absent.json": (Exit.MODEL, "absent.json: cannot be read"),
    "apply 1 --model none.tsv": (Exit.MODEL, "none.tsv: is no file of a browser detector"),
    "apply absent --model good.json": (Exit.LOGS, "absent: no such file"),
    "apply 1 --model good.json --labels none.tsv": (Exit.LOGS, "none.tsv: no uid in it is that"),
    "apply 1 --model good.json -o 1": (Exit.OUTPUT, "1: cannot be written"),
    "watch 1": (Exit.USAGE, "invalid choice: 'watch'"),
}


@pytest.mark.parametrize("line", WRONG)
def test_wrong_input_is_one_line(
    cli: Cli, networks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """The line names what is wrong; the code is that of its class, and nothing is written."""
    (tmp_path / "1").symlink_to(networks / "1")
    (tmp_path / "good.json").symlink_to(networks / "m.json")
    uids = (networks / "1" / "labels.tsv").read_text().splitlines()[1:]
    every = [f"{row.split()[0]}\tbrowser" for row in uids]
    (tmp_path / "all.tsv").write_text("\n".join(["uid\tlabel", *every]))
    (tmp_path / "none.tsv").write_text("uid\tlabel\nCnone\tbrowser\n")
    monkeypatch.chdir(tmp_path)
    code, named = WRONG[line]
    done = cli("browser", *line.split())
    assert (done.code, done.out) == (code, "")
    assert named in done.err
    assert done.err.count("\n") == 1
    assert not (tmp_path / "m.json").exists()


def test_a_detector_is_no_fingerprint_file(cli: Cli, networks: Path) -> None:
    """Other commands say so, and its file holds numbers and words only."""
    done = cli("recognize", "-t", networks / "m.json", "-e", networks / "2")
    assert done.code == Exit.MODEL
    assert json.loads((networks / "m.json").read_text()).keys() == {
        *("format", "kind", "scheme", "features", "trees")
    }
