"""``fingerprint``: fingerprints of whole captures."""

from __future__ import annotations

import importlib.util
import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from flowprint_zeek import store
from flowprint_zeek.cli import fingerprint
from flowprint_zeek.cli.exits import Exit

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.analysis.simulate import Simulated
    from tests.cli.conftest import Cli


def labels(path: Path) -> set[str | None]:
    return {app.label for app in store.read(path).apps}


def flows(path: Path) -> int:
    return sum(app.n_flows for app in store.read(path).apps)


def test_fingerprints_are_unlabelled_by_default(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """Without labels every fingerprint has elements and flows, and no label."""
    out = cli.ok("fingerprint", logs, "-o", tmp_path / "a.json").out
    model = store.read(tmp_path / "a.json")
    assert labels(tmp_path / "a.json") == {None}
    assert all(app.elements and app.n_flows for app in model.apps)
    title, header, row = out.splitlines()
    assert title == "Fingerprints"
    assert header.split() == ["file", "flows", "fingerprints", "unassigned", "labels"]
    assert row.split()[0] == str(tmp_path / "a.json")
    assert row.split()[2] == str(len(model.apps))


def test_equal_input_gives_equal_bytes(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """Two runs write the same file, also when the logs are named one by one."""
    files = sorted(logs.glob("*.log"), reverse=True)
    cli.ok("fingerprint", logs, "-o", tmp_path / "a.json")
    cli.ok("fingerprint", *files, "-o", tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_label_is_that_of_all_flows(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """--label names every fingerprint."""
    cli.ok("fingerprint", logs, "-o", tmp_path / "a.json", "--label", "phone\N{SNOWMAN}")
    assert labels(tmp_path / "a.json") == {"phone\N{SNOWMAN}"}


def test_labels_are_taken_by_connection(
    cli: Cli, logs: Path, simulated: Simulated, tmp_path: Path
) -> None:
    """--labels gives each fingerprint the labels of its connections; --json counts them."""
    argv = ("fingerprint", logs, "-o", tmp_path / "a.json", "--labels", logs / "labels.tsv")
    told = cli(*argv, "--json").json
    (output,) = told["outputs"]
    found = Counter(str(app.label) for app in store.read(tmp_path / "a.json").apps)
    assert output["labels"] == found
    assert set(found) <= set(simulated.labels["label"])
    assert set(simulated.known["app"]) <= set(found)
    assert list(output) == [
        "file",
        "flows",
        "fingerprints",
        "unassigned",
        "bounded_batches",
        "labels",
    ]
    assert output["flows"] == told["flows"]
    assert told["parameters"]["fingerprint"]["batch"] == 300


def test_labels_of_other_connections_are_told(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """A labels file that fits no connection is a warning that names it."""
    path = tmp_path / "labels.tsv"
    path.write_text("uid\tlabel\nCnone\tapp\n")
    done = cli.ok("fingerprint", logs, "-o", tmp_path / "a.json", "--labels", path)
    assert done.err == f"flowprint-zeek: warning: {path}: no uid in it is that of a flow\n"


def test_times_cut_the_logs(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """Two halves by --until and --since have the flows of the whole."""

    def counted(*span: str) -> int:
        argv = ("fingerprint", logs, "-o", tmp_path / "a.json", "--json")
        number: int = cli(*argv, *span).json["flows"]
        return number

    noon = "2026-03-02T06:00Z"
    early, late = counted("--until", noon), counted("--since", noon)
    assert early > 0
    assert late > 0
    assert early + late == counted()


# Training and testing


@pytest.mark.parametrize("by", ["batch", "flow"])
def test_a_split_writes_two_files(cli: Cli, logs: Path, tmp_path: Path, by: str) -> None:
    """--split names the files after the output and parts the flows."""
    argv = ("fingerprint", logs, "--split", 0.3, "--split-by", by, "--json")
    told = cli(*argv, "-o", tmp_path / "my.apps.json").json
    paths = [tmp_path / "my.apps.train.json", tmp_path / "my.apps.test.json"]
    assert [each["file"] for each in told["outputs"]] == list(map(str, paths))
    assert sorted(tmp_path.iterdir()) == sorted(paths)
    train, test = (each["flows"] for each in told["outputs"])
    assert train + test == told["flows"]
    assert test < train
    if by == "flow":
        assert test == round(0.3 * told["flows"])


def test_an_output_without_ending_gets_json(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """The parts of an output without an ending are JSON by name too."""
    cli.ok("fingerprint", logs, "--split", 0.5, "-o", tmp_path / "apps")
    assert {path.name for path in tmp_path.iterdir()} == {"apps.train.json", "apps.test.json"}


def test_the_choice_is_seeded(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """42 is the default seed, equal seeds give equal bytes, other seeds choose otherwise."""
    for name, seed in (("a", ()), ("b", ("-a", 42)), ("c", ("--random", 43))):
        cli.ok("fingerprint", logs, "-l", 0.5, *seed, "-o", tmp_path / name)
    parts = [(tmp_path / f"{name}.test.json").read_bytes() for name in "abc"]
    assert parts[0] == parts[1] != parts[2]


# Prepared flows


def test_prepared_flows_give_the_same_fingerprints(cli: Cli, logs: Path, tmp_path: Path) -> None:
    """What --write keeps, labels too, --read makes the same file of."""
    pytest.importorskip("pyarrow")
    kept = tmp_path / "flows.parquet"
    argv = ("fingerprint", logs, "--labels", logs / "labels.tsv")
    done = cli.ok(*argv, "--write", kept)
    assert done.out.endswith(f" flows kept in {kept}\n")
    assert done.out.count("\n") == 1
    cli.ok(*argv, "-o", tmp_path / "a.json")
    told = cli("fingerprint", "--read", kept, "-o", tmp_path / "b.json", "--json").json
    assert told["flows"] == int(done.out.split()[0])
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.json", "b.json", kept.name]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read: No such file or directory"),
        (b"", "is no file of prepared flows: "),
        (b"PAR1cut short", "is no file of prepared flows: "),
    ],
)
def test_what_is_no_prepared_flows_is_told(
    cli: Cli, tmp_path: Path, content: bytes | None, said: str
) -> None:
    """A missing, an empty and a damaged file are each one line that names them."""
    pytest.importorskip("pyarrow")
    path = tmp_path / "flows.parquet"
    if content is not None:
        path.write_bytes(content)
    done = cli("fingerprint", "--read", path, "-o", tmp_path / "a.json")
    assert done.code == Exit.LOGS
    assert done.err.startswith(f"flowprint-zeek: error: {path}: {said}")
    assert done.err.count("\n") == 1


def test_other_tables_are_no_flows(cli: Cli, tmp_path: Path) -> None:
    """A Parquet file of something else is told by the columns that it lacks."""
    pytest.importorskip("pyarrow")
    path = tmp_path / "other.parquet"
    pd.DataFrame({"start": [1], "end": [2]}).to_parquet(path)
    done = cli("fingerprint", "--read", path, "-o", tmp_path / "a.json")
    assert done.code == Exit.LOGS
    assert done.err.endswith("it lacks resp_h, resp_p, certificate, name\n")


@pytest.mark.parametrize("option", ["--read", "--write"])
def test_prepared_flows_need_pyarrow(
    cli: Cli, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    """Without PyArrow one line says what to install, and no file is left."""
    found = importlib.util.find_spec

    def find_spec(name: str, package: str | None = None) -> Any:
        return None if name == "pyarrow" else found(name, package)

    monkeypatch.setattr(importlib.util, "find_spec", find_spec)
    argv = [logs] if option == "--write" else ["-o", tmp_path / "a.json"]
    done = cli("fingerprint", *argv, option, tmp_path / "flows.parquet")
    assert done.code == Exit.USAGE
    assert done.err == (
        "flowprint-zeek: error: prepared flows need PyArrow: "
        "pip install 'flowprint-zeek[parquet]'\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_flows_without_labels_get_none_beside_labelled_ones(
    cli: Cli, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prepared flows of which only some files are labelled keep exactly those labels."""

    def table(device: str, **label: str) -> pd.DataFrame:
        rows = [
            (0, 1, f"192.0.2.{number}", 443, "", f"{device}{number}.example") for number in range(3)
        ]
        columns = ["start", "end", "resp_h", "resp_p", "certificate", "name"]
        return pd.DataFrame(rows, columns=columns).assign(device=device, **label)

    files = {"a": table("a", label="app"), "b": table("b")}
    monkeypatch.setattr(fingerprint, "read_flows", lambda path: files[path.name])
    cli.ok("fingerprint", "--read", "b", "a", "-o", tmp_path / "x.json")
    found = json.loads((tmp_path / "x.json").read_text())["fingerprints"]
    assert {each["names"][0]: label for each, label in found} == {
        "a0.example": "app",
        "b0.example": None,
    }


@pytest.mark.parametrize("windows", ["junk", "30000000:0,99999999999999999999", "1:1", 5])
def test_windows_that_are_none_are_told(cli: Cli, tmp_path: Path, windows: object) -> None:
    """A Parquet file whose windows are something else is one line that names it."""
    pytest.importorskip("pyarrow")
    path = tmp_path / "flows.parquet"
    told_in_windows(windows).to_parquet(path)
    done = cli("fingerprint", "--read", path, "-o", tmp_path / "a.json")
    assert done.code == Exit.LOGS
    assert done.err.startswith(f"flowprint-zeek: error: {path}: is no file of prepared flows: ")


def test_told_windows_are_not_made_into_others(cli: Cli, tmp_path: Path) -> None:
    """Flows that tell windows of 30 s do not tell any of 20 s."""
    pytest.importorskip("pyarrow")
    path = tmp_path / "flows.parquet"
    told_in_windows("30000000:0,1").to_parquet(path)
    argv = ("fingerprint", "--read", path, "-o", tmp_path / "a.json")
    cli.ok(*argv, "-w", "60s")
    done = cli(*argv, "-w", "20s")
    assert done.code == Exit.USAGE
    assert "windows of 20 s are not made of the 30 s that the flows are told in" in done.err


def told_in_windows(windows: object) -> pd.DataFrame:
    """Return two flows with windows."""
    texts = {name: [""] * 2 for name in ("certificate", "name", "device", "uid", "orig_h")}
    times = {"start": [310_000_000] * 2, "end": [355_000_000] * 2, "resp_p": [443] * 2}
    places = {"resp_h": ["192.0.2.1", "192.0.2.2"], "windows": [windows] * 2}
    return pd.DataFrame(texts | times | places)
