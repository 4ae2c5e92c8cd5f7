"""``recognize``: the known app of each fingerprint."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek import store
from flowprint_zeek.core.elements import fingerprint_id

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.analysis.simulate import Simulated
    from tests.cli.conftest import Cli


def test_known_fingerprints_are_recognized(cli: Cli, labelled: Path) -> None:
    """Each fingerprint of the training file itself is found with similarity 1, by id, and once."""
    told = cli("recognize", "-t", labelled, "-e", labelled, "--json").json
    known = {fingerprint_id(app.elements): app for app in store.read(labelled).apps}
    assert [each["fingerprint"] for each in told["results"]] == sorted(known)
    for each in told["results"]:
        app = known[each["fingerprint"]]
        assert each == {
            "fingerprint": each["fingerprint"],
            "label": app.label,
            "similarity": 1.0,
            "n_flows": app.n_flows,
            "source": str(labelled),
        }
    assert told["parameters"]["known"] == len(known)
    assert told["parameters"]["scheme"] == "names"


def test_logs_are_fingerprinted_first(cli: Cli, labelled: Path, logs: Path) -> None:
    """Logs as --test give what their fingerprint file gives."""
    told = [
        cli("recognize", "-t", labelled, "-e", test, "--json").json for test in (labelled, logs)
    ]
    bare = [[each | {"source": ""} for each in one["results"]] for one in told]
    assert bare[0] == bare[1]
    assert list(told[1]["sources"]) == [str(logs)]


def test_a_source_has_the_label_of_most_flows(cli: Cli, labelled: Path, logs: Path) -> None:
    """Each --test is one source, with the label of most of its flows."""
    told = cli("recognize", "-t", labelled, "-e", labelled, logs, "--json").json
    flows: dict[str, Counter[str]] = {}
    for each in told["results"]:
        flows.setdefault(each["source"], Counter())[each["label"]] += each["n_flows"]
    assert list(flows) == [str(labelled), str(logs)]
    assert told["sources"] == {source: c.most_common(1)[0][0] for source, c in flows.items()}


def test_the_tables_have_every_fingerprint(cli: Cli, labelled: Path) -> None:
    """People get a line a fingerprint, then the label of each source."""
    lines = cli.ok("recognize", "-t", labelled, "-e", labelled).out.splitlines()
    n_apps = len(store.read(labelled).apps)
    assert lines[0] == "Recognized"
    assert lines[1].split() == ["source", "fingerprint", "flows", "label", "similarity"]
    assert lines[2 + n_apps] == "By majority of flows"
    assert len(lines) == n_apps + 5


def test_apps_of_several_files_are_known(cli: Cli, labelled: Path, tmp_path: Path) -> None:
    """Training files that agree count as one."""
    model = store.read(labelled)
    half = len(model.apps) // 2
    for name, apps in (("a", model.apps[:half]), ("b", model.apps[half:])):
        part = store.Model(model.parameters, model.threshold, model.certificate, apps)
        store.write(tmp_path / name, part)
    argv = ("-e", labelled, "--json")
    whole = cli("recognize", "-t", labelled, *argv).json
    assert cli("recognize", "-t", tmp_path / "a", tmp_path / "b", *argv).json == whole


@pytest.mark.parametrize(
    "options", [("-b", "5m"), ("--batch", "300"), ("-w", "30s", "-c", ".1"), ("--scheme", "names")]
)
def test_options_may_repeat_the_training_file(
    cli: Cli, labelled: Path, options: tuple[str, ...]
) -> None:
    """A parameter that says what the training file says is none that contradicts it."""
    argv = ("recognize", "-t", labelled, "-e", labelled)
    assert cli.ok(*argv, *options).out == cli.ok(*argv).out


def test_a_model_without_labels_is_told(cli: Cli, learned: Path) -> None:
    """A replay's model knows apps but no names: results have none, and a warning says why."""
    done = cli("recognize", "-t", learned / "model.json", "-e", learned / "model.json", "--json")
    assert {each["label"] for each in done.json["results"]} == {None}
    assert "warning: no fingerprint of the training files has a label" in done.err
    assert done.err.count("\n") == 1


def test_planted_apps_look_like_no_known_one(
    cli: Cli, logs: Path, simulated: Simulated, tmp_path: Path
) -> None:
    """What only the second half has is recognized as no app of the first with certainty."""
    noon = simulated.network.unseen_start / 1e6
    truth = ("--labels", logs / "labels.tsv")
    cli.ok("fingerprint", logs, "--until", noon, *truth, "-o", tmp_path / "early.json")
    cli.ok("fingerprint", logs, "--since", noon, *truth, "-o", tmp_path / "late.json")
    argv = ("-t", tmp_path / "early.json", "-e", tmp_path / "late.json", "--json")
    told = {each["fingerprint"]: each for each in cli("recognize", *argv).json["results"]}
    planted = set(simulated.planted["app"])
    late = [app for app in store.read(tmp_path / "late.json").apps if app.label in planted]
    assert late
    assert all(told[fingerprint_id(app.elements)]["similarity"] < 1 for app in late)


@pytest.mark.parametrize("scheme", ["names", "paper"])
@pytest.mark.parametrize(
    ("train", "test", "captures"),
    [("android71", "android81", 15), ("android81", "android71", 20)],
)
def test_real_apps_are_recognized_on_another_device(
    cli: Cli,
    shared_data: Path,
    tmp_path: Path,
    scheme: str,
    train: str,
    test: str,
    captures: int,
) -> None:
    """Four Android apps learned on one device are right in every capture of the other."""
    apps = ("cp", "mujvlak", "reddit", "seznamcz")
    folder = shared_data / "apps"
    for app in apps:
        runs = sorted((folder / train).glob(f"{app}_*"))
        argv = ("-o", tmp_path / f"{app}.json", "--scheme", scheme, "--label", app)
        cli.ok("fingerprint", *runs, *argv)
    tests = sorted(path for app in apps for path in (folder / test).glob(f"{app}_*"))
    files = [tmp_path / f"{app}.json" for app in apps]
    found = cli("recognize", "-t", *files, "-e", *tests, "--json").json["sources"]
    assert len(found) == captures
    assert found == {str(path): path.name.split("_")[0] for path in tests}
