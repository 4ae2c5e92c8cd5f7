"""``evaluate``: figures on labelled captures and fingerprint files."""

from __future__ import annotations

import signal
import sys
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek import store
from flowprint_zeek.analysis import captures as reading
from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.choices import LEVELS
from flowprint_zeek.analysis.scores import RECOGNITION, UNSEEN
from flowprint_zeek.analysis.simulate import Network, simulate
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.known import KnownApp
from tests.stream.small import Conn, conn_log, session

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

APPS = ("chat", "game", "mail")
JACCARD = ("--method", "jaccard")


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write a training and two test captures of each of three apps, and a manifest."""
    folder = tmp_path_factory.mktemp("captures")
    lines = ["path\tlabel\tsplit"]
    for run, split in enumerate(("train", "test", "test")):
        for app in APPS:
            name = f"{app}{run}"
            (folder / name).mkdir()
            shared = [Conn(f"Cp{name}", 8, 50, name="push.example")]
            conn_log(folder / name, *session(app, run, flows=12, names=6), *shared)
            lines.append(f"{name}\t{app}\t{split}")
    path = folder / "manifest.tsv"
    path.write_text("\n".join(lines))
    return path


def fingerprints(path: Path, apps: dict[str, int], scheme: str = "names") -> Path:
    """Write a file with a fingerprint of so many flows for each app."""
    known = [
        KnownApp((f"name:a.{app}", f"name:b.{app}"), n, 1, Counter({app: n} if app else {}))
        for app, n in apps.items()
    ]
    store.write(path, store.Model(Parameters(scheme=scheme), apps=known))
    return path


def test_json_has_every_figure(cli: Cli, manifest: Path) -> None:
    """Recognition and unseen apps, by flow, fingerprint and capture, with intervals."""
    told = cli("evaluate", manifest, *JACCARD, "--json").json
    for level in LEVELS:
        assert set(told["recognition"][level]) == set(RECOGNITION)
        assert set(told["unseen"][level]) == {*UNSEEN, "threshold"}
        assert told["recognition"][level]["f1"] == 1
        assert told["unseen"][level]["f1"] == 1
        assert told["intervals"]["unseen"][level]["f1"] is None
    assert told["methods"]["jaccard"]["unseen"] == told["unseen"]
    assert told["parameters"]["unseen"] == "leave one out"
    assert told["totals"]["flows"] == 117
    assert told["tested"]["flow"] == {"named": 78, "unseen": 78, "known": 156}


def test_every_capture_is_told_of(cli: Cli, manifest: Path) -> None:
    """What became of the flows of each stands in JSON and in the table."""
    told = cli("evaluate", manifest, "--json").json["captures"]
    assert [one["label"] for one in told] == [*APPS] * 3
    assert {(one["flows"], one["unassigned"], one["device"]) for one in told} == {
        (13, 0, "10.0.0.1")
    }
    lines = cli.ok("evaluate", manifest).out.splitlines()
    assert lines[0] == "Captures"
    assert lines[11].startswith("in all: 9 captures, 117 flows, 0 unassigned, 0 left out, 9 finger")
    assert "Known apps recognised" in lines
    assert "Unseen apps found (each of 3 apps left out in turn)" in lines


def test_unassigned_flows_are_counted(cli: Cli, manifest: Path, tmp_path: Path) -> None:
    """A capture with one destination has no fingerprint: its flows are told of, and not scored."""
    (tmp_path / "alone").mkdir()
    conn_log(tmp_path / "alone", Conn("C1", 0), Conn("C2", 5))
    lines = [f"{manifest.parent / line}" for line in manifest.read_text().splitlines()[1:]]
    path = tmp_path / "manifest.tsv"
    path.write_text("\n".join([*lines, "alone\tmail\ttest"]))
    told = cli("evaluate", path, *JACCARD, "--json").json
    assert told["totals"]["unassigned"] == told["captures"][-1]["unassigned"] == 2
    assert told["tested"]["flow"]["named"] == 78


def test_without_a_split_captures_are_dealt_to_folds(
    cli: Cli, manifest: Path, tmp_path: Path
) -> None:
    """Cross-validation tests every capture; repetitions deal anew and give intervals."""
    lines = [line.rpartition("\t")[0] for line in manifest.read_text().splitlines()[1:]]
    path = tmp_path / "manifest.tsv"
    path.write_text("\n".join(f"{manifest.parent / line}" for line in lines))
    argv = ("--folds", 3, "--repetitions", 2, "--json")
    told = cli("evaluate", path, *JACCARD, *argv).json
    assert (told["parameters"]["folds"], told["tested"]["flow"]["named"]) == (3, 117)
    assert told["intervals"]["recognition"]["flow"]["accuracy"] == [1, 1]
    assert cli("evaluate", path, *JACCARD, *argv).json == told


def test_apps_of_one_capture_are_warned_of(cli: Cli, manifest: Path, tmp_path: Path) -> None:
    """They are never known when they are tested."""
    path = tmp_path / "manifest.tsv"
    names = ("chat0\tchat", "chat1\tchat", "mail0\tmail")
    path.write_text("\n".join(f"{manifest.parent / name}" for name in names))
    done = cli.ok("evaluate", path)
    assert "apps of a single capture are not known when it is tested" in done.err
    assert done.err.endswith(": mail\n")


def test_baselines_stand_beside(cli: Cli, manifest: Path) -> None:
    """Plain Jaccard, upstream twice, and new domains have the same figures."""
    told = cli("evaluate", manifest, "--baselines", "--json").json
    names = ["resemblance", "jaccard", "upstream, in memory", "upstream, saved", "new domain"]
    assert list(told["methods"]) == names
    assert told["methods"]["new domain"]["unseen"]["flow"]["f1"] == 1
    assert told["methods"]["new domain"]["recognition"]["flow"]["accuracy"] is None
    assert told["methods"]["resemblance"]["gain"]["over"] == "jaccard"
    assert told["totals"]["unassigned_upstream"] == 0


def test_new_domains_need_names(cli: Cli, manifest: Path) -> None:
    """In the scheme of the paper fingerprints hold none."""
    told = cli("evaluate", manifest, "--baselines", "--scheme", "paper", "--json").json
    assert "new domain" not in told["methods"]


def test_plots_are_written(cli: Cli, manifest: Path, tmp_path: Path) -> None:
    """Four PNG files, and what the curve shows in JSON."""
    told = cli("evaluate", manifest, "--plots", tmp_path / "plots", "--json").json
    assert sorted(path.name for path in (tmp_path / "plots").iterdir()) == [
        "confusion.png",
        "known_apps.png",
        "precision_recall.png",
        "threshold.png",
    ]
    assert all(path.read_bytes()[:4] == b"\x89PNG" for path in (tmp_path / "plots").iterdir())
    assert [point["known"] for point in told["curve"]["resemblance"]] == [1, 2]


@pytest.mark.parametrize(
    ("option", "module", "extra"),
    [("--plots=x", "matplotlib", "evaluate"), ("--baselines", "flowprint.flowprint", "upstream")],
)
def test_what_is_not_installed_is_told(
    cli: Cli,
    manifest: Path,
    monkeypatch: pytest.MonkeyPatch,
    option: str,
    module: str,
    extra: str,
) -> None:
    """One line says which extra to install."""
    monkeypatch.setitem(sys.modules, module, None)
    done = cli("evaluate", manifest, option)
    assert done.code == Exit.USAGE
    assert f"pip install 'flowprint-zeek[{extra}]'" in done.err
    assert done.err.count("\n") == 1


class TestFingerprints:
    def test_apps_that_training_lacks_are_unseen(self, cli: Cli, tmp_path: Path) -> None:
        """One training, in which nothing is held back."""
        train = fingerprints(tmp_path / "train", {"mail": 3, "chat": 2})
        test = fingerprints(tmp_path / "test", {"mail": 3, "chat": 1, "game": 4})
        argv = ("--fingerprints", "-t", train, "-e", test, *JACCARD, "--json")
        told = cli("evaluate", *argv).json
        assert told["parameters"]["unseen"] == "given"
        assert told["tested"]["flow"] == {"named": 4, "unseen": 4, "known": 4}
        assert told["recognition"]["flow"]["accuracy"] == 1
        assert told["unseen"]["flow"]["f1"] == 1

    def test_several_files_are_one(self, cli: Cli, tmp_path: Path) -> None:
        """Files of one app each train and test together; each app is left out in turn."""
        files = [fingerprints(tmp_path / app, {app: 2}) for app in APPS]
        argv = ("--fingerprints", "-t", *files, "-e", *files, "--json")
        told = cli("evaluate", *argv).json
        assert told["parameters"]["unseen"] == "leave one out"
        assert told["tested"]["capture"] == {"named": 3, "unseen": 3, "known": 6}

    def test_drawn_apps_have_intervals(self, cli: Cli, tmp_path: Path) -> None:
        """Repetitions draw by seed."""
        files = [fingerprints(tmp_path / app, {app: 2}) for app in APPS]
        argv = ("--fingerprints", "-t", *files, "-e", *files, *JACCARD, "--unseen-apps", 1)
        told = cli("evaluate", *argv, "--repetitions", 3, "--json").json
        assert told["parameters"]["repetitions"] == 3
        assert told["intervals"]["unseen"]["flow"]["f1"] == [1, 1]
        assert "(1 of 3 apps drawn, 10 repetitions)" in cli.ok("evaluate", *argv).out

    def test_fingerprints_without_a_label_are_left_out(self, cli: Cli, tmp_path: Path) -> None:
        """They are counted and warned of."""
        train = fingerprints(tmp_path / "train", {"mail": 3, "chat": 2})
        test = fingerprints(tmp_path / "test", {"mail": 3, "": 1})
        done = cli("evaluate", "--fingerprints", "-t", train, "-e", test, "--json")
        assert done.json["totals"]["unlabelled_test"] == 1
        assert "warning: 1 fingerprints of --test have no label and are left out" in done.err

    def test_small_fingerprints_are_left_out(self, cli: Cli, tmp_path: Path) -> None:
        """--min-flows counts flows of files as of captures."""
        train = fingerprints(tmp_path / "train", {"mail": 3, "chat": 2})
        argv = ("--fingerprints", "-t", train, "-e", train, "--min-flows", 3, "--json")
        assert cli("evaluate", *argv).json["totals"]["fingerprints_left_out"] == 2


BAD = {
    "": (Exit.USAGE, "give MANIFEST, --fingerprints or"),
    "absent.tsv": (Exit.LOGS, "absent.tsv: cannot be read"),
    "missing.tsv": (Exit.LOGS, "missing.tsv:1: nowhere: no such file"),
    "good.tsv --train a.json": (Exit.USAGE, "--train and --test are fingerprint files"),
    "good.tsv --fingerprints -t a.json -e a.json": (Exit.USAGE, "MANIFEST and --fingerprints"),
    "--fingerprints -t a.json": (Exit.USAGE, "--fingerprints needs --train FILE... and --test"),
    "--fingerprints -t a.json -e a.json --folds 3": (Exit.USAGE, "--folds needs captures"),
    "--fingerprints -t a.json -e a.json --strip-certificates": (Exit.USAGE, "--strip-certificates"),
    "--fingerprints -t a.json -e paper.json": (Exit.MODEL, "paper.json: scheme is 'paper'"),
    "--fingerprints -t a.json -e a.json -b 10m": (Exit.MODEL, "a.json: was made with batch 300"),
    "--fingerprints -t a.json -e good.tsv": (Exit.MODEL, "good.tsv: is no fingerprint file"),
    "--fingerprints -t a.json -e absent.json": (Exit.LOGS, "absent.json: no such file"),
    "--fingerprints -t plain.json -e a.json": (
        Exit.MODEL,
        "plain.json: no fingerprint with a label",
    ),
    "good.tsv --folds 1": (Exit.USAGE, "--folds must be at least 2, not 1"),
    "good.tsv --seed=-1": (Exit.USAGE, "--seed must be at least 0"),
    "good.tsv --repetitions 0": (Exit.USAGE, "--repetitions must be at least 1"),
    "good.tsv --repetitions 3": (Exit.USAGE, "--repetitions would repeat the same"),
    "good.tsv --unseen-apps 3": (Exit.USAGE, "training has 3 apps"),
    "good.tsv --leave-one-out --unseen-apps 1": (Exit.USAGE, "contradict each other"),
    "good.tsv --folds 3": (Exit.USAGE, "--folds and the column split contradict each other"),
    "folds.tsv --both-ways": (Exit.USAGE, "--both-ways needs the column split"),
    "good.tsv --min-flows 99": (Exit.LOGS, "no fingerprint is left of the train captures"),
    "good.tsv --plots good.tsv": (Exit.OUTPUT, "good.tsv: cannot be made"),
}


@pytest.mark.parametrize("line", BAD)
def test_bad_input_is_one_line(
    cli: Cli, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """The line names what is wrong; the code is that of its class."""
    lines = [f"{manifest.parent / row}" for row in manifest.read_text().splitlines()[1:]]
    (tmp_path / "good.tsv").write_text("\n".join(lines))
    (tmp_path / "folds.tsv").write_text("\n".join(row.rpartition("\t")[0] for row in lines))
    (tmp_path / "missing.tsv").write_text("nowhere\tmail\n")
    fingerprints(tmp_path / "a.json", {"mail": 3, "chat": 2})
    fingerprints(tmp_path / "paper.json", {"mail": 3}, "paper")
    fingerprints(tmp_path / "plain.json", {"": 3})
    monkeypatch.chdir(tmp_path)
    code, named = BAD[line]
    done = cli("evaluate", *line.split())
    assert (done.code, done.out) == (code, "")
    assert named in done.err
    assert done.err.count("\n") == 1


def test_ctrl_c_is_clean(cli: Cli, manifest: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Interrupted while captures are read: one line, the code, nothing written."""

    def interrupted(*_args: Any, **_options: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(reading, "read_capture", interrupted)
    done = cli("evaluate", manifest)
    assert (done.code, done.out, done.err) == (
        Exit.INTERRUPTED,
        "",
        "flowprint-zeek: interrupted\n",
    )


def test_simulated_captures(cli: Cli, tmp_path: Path) -> None:
    """A simulated phone's hours are captures; the figures of two runs are the same bytes."""
    lines = []
    for seed, label in enumerate(("one", "two") * 2):
        network = Network(
            seed=5 + seed % 2, devices=1, apps=3, days=0.1, unseen_apps=0, browsers=0, servers=0
        )
        folder = tmp_path / f"{label}{seed}"
        write(simulate(network), folder)
        lines.append(f"{folder.name}\t{label}\t{'train' if seed < 2 else 'test'}")
    path = tmp_path / "manifest.tsv"
    path.write_text("\n".join(lines))
    first, second = (cli.ok("evaluate", path, *JACCARD, "--json") for _ in range(2))
    assert first.out == second.out
    # The test captures are those that train.
    assert first.json["recognition"]["flow"]["accuracy"] == 1


@pytest.mark.parametrize("stripped", [False, True])
@pytest.mark.parametrize("scheme", ["paper", "names"])
@pytest.mark.parametrize(
    ("train", "test", "flows"), [("android71", "android81", 407), ("android81", "android71", 551)]
)
def test_real_apps_are_recognised_on_another_device(
    cli: Cli,
    shared_data: Path,
    tmp_path: Path,
    train: str,
    test: str,
    flows: int,
    scheme: str,
    stripped: bool,
) -> None:
    """Four apps of another Android: their flows have fingerprints, and nearly all are named."""
    path = tmp_path / "manifest.tsv"
    runs = [
        f"{run}\t{run.name.partition('_')[0]}\t{split}"
        for name, split in ((train, "train"), (test, "test"))
        for run in sorted((shared_data / "apps" / name).iterdir())
    ]
    path.write_text("\n".join(runs))
    argv = ("--scheme", scheme, *(["--strip-certificates"] if stripped else []), "--json")
    told = cli("evaluate", path, *JACCARD, *argv).json
    assert (told["totals"]["unassigned"], told["tested"]["flow"]["named"]) == (0, flows)
    assert told["recognition"]["flow"]["accuracy"] >= 0.997
    assert told["recognition"]["capture"]["accuracy"] == 1
