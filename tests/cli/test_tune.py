"""``tune``: the search for parameters, from the command line."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from flowprint_zeek.analysis.tuning import cells
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.config import load
from tests.analysis.tuning.small import recorded
from tests.stream.exports import exported_rows, talk, write_logs

if TYPE_CHECKING:
    from tests.cli.conftest import Cli

ROOT = Path(__file__).resolve().parents[2]
GRID = ("--grid", "window=1s,30s", "--grid", "correlation=0.1,0.5,1")
JACCARD = ("--method", "jaccard")


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write four captures of each of three apps, and a manifest."""
    return recorded(tmp_path_factory.mktemp("recorded"))


@pytest.fixture(scope="session")
def divided(manifest: Path) -> Path:
    """Write a manifest in which the last run of each app is for testing."""
    path = manifest.parent / "divided.tsv"
    lines = [
        f"{line}\t{'test' if line.partition('3')[1] else 'train'}"
        for line in manifest.read_text().splitlines()
    ]
    path.write_text("\n".join(lines))
    return path


def settings(told: Any) -> list[tuple[float, float]]:
    """Return window and correlation of the cells that were tried."""
    held = [one["parameters"] for one in told["cells"]]
    return [(one["window"], one["correlation"]) for one in held]


def test_a_grid_of_one_value_is_what_evaluate_measures(cli: Cli, manifest: Path) -> None:
    """On the same folds, with the same parameters, to the last digit."""
    same = ("--folds", 4, "--seed", 3, *JACCARD, "--json")
    for score, kind, figure in (
        ("f1_macro", "recognition", "f1_macro"),
        ("unseen_f1", "unseen", "f1"),
    ):
        argv = ("--grid", "window=10s", "--score", score, "--assigned-only")
        tuned = cli("tune", manifest, *argv, *same).json
        measured = cli("evaluate", manifest, "-w", "10s", *same).json
        assert tuned["chosen"]["score"] == measured[kind]["flow"][figure]
        assert tuned["chosen"]["unassigned"] == measured["totals"]["unassigned"]


def test_the_search_of_the_paper_is_the_default(cli: Cli, manifest: Path) -> None:
    """One parameter after another over its values; a row of Table III for each."""
    told = cli("tune", manifest, *JACCARD, "--json").json
    assert told["parameters"]["one_at_a_time"]
    names = ["batch", "window", "correlation", "similarity"]
    assert [one["parameter"] for one in told["steps"]] == ["", *names]
    scores = [one["score"] for one in told["steps"]]
    assert scores == sorted(scores)
    assert told["chosen"]["score"] == scores[-1] > scores[0]
    assert told["chosen"]["parameters"]["correlation"] > 0.1
    # What the steps share is told once.
    assert len(told["cells"]) == 8 + 7 + 9 + 9


def test_tables_of_the_search(cli: Cli, manifest: Path) -> None:
    """Every value, then Table III, then what was chosen."""
    grid = ("--grid", "window=10s,30s", "--grid", "similarity=0.9", "--one-at-a-time")
    lines = cli.ok("tune", manifest, *grid).out.splitlines()
    assert lines == [
        "12 captures of 3 apps, 156 flows",
        "Values, the other parameters as chosen so far",
        " parameter   value  f1 macro  unassigned  fingerprints",
        " window      10     0.9628             0            34",
        " window      30     0.9628             0            12  best",
        " similarity  0.9    0.9628             0            12  best",
        "Table III of these captures, 10 folds",
        " best        batch  window  correlation  similarity  f1 macro  unassigned  fingerprints",
        " start       300    30      0.1          0.9         0.9628             0            12",
        " window      300    30      0.1          0.9         0.9628             0            12",
        " similarity  300    30      0.1          0.9         0.9628             0            12",
        "chosen: batch 300, window 30, correlation 0.1, similarity 0.9 (the published defaults)",
    ]


def test_the_table_of_a_grid(cli: Cli, manifest: Path) -> None:
    """The chosen setting first, then by score; a column for each other key."""
    lines = cli.ok("tune", manifest, *GRID, "--grid", "scheme=names,paper", *JACCARD).out
    title, header, first, *_, last, chosen = lines.splitlines()[1:]
    assert title == "Best of 12 settings, the chosen one first"
    assert header.split()[:5] == ["batch", "window", "correlation", "similarity", "scheme"]
    assert first.split()[:6] == ["300", "30", "1", "0.9", "names", "1.0000"]
    assert last.split()[5] == "0.0000"
    assert chosen == "chosen: batch 300, window 30, correlation 1, similarity 0.9, scheme names"


def test_the_configuration_holds_what_was_chosen(cli: Cli, manifest: Path, tmp_path: Path) -> None:
    """--config takes it; it has the section of the parameters and no other."""
    path = tmp_path / "tuned.yaml"
    told = cli("tune", manifest, *GRID, *JACCARD, "-o", path, "--json").json
    assert list(yaml.safe_load(path.read_text())) == ["fingerprint"]
    section = load(path, environ={}, overrides={}).fingerprint
    chosen = told["chosen"]["parameters"]
    assert {name: getattr(section, name) for name in chosen} == chosen
    assert (section.window, section.correlation) == (30, 1)
    measured = cli("evaluate", manifest, "--config", path, *JACCARD, "--json").json
    assert measured["recognition"]["flow"]["f1_macro"] == told["chosen"]["score"]


def test_captures_to_test_have_no_part(cli: Cli, divided: Path, manifest: Path) -> None:
    """Of a manifest with a split only what trains is read."""
    told = cli("tune", divided, *GRID, "--json").json
    assert (told["captures"], told["captures_left_out"]) == (9, 3)
    lines = manifest.read_text().splitlines()
    path = divided.with_name("training.tsv")
    path.write_text("\n".join(line for line in lines if "3" not in line))
    assert cli("tune", path, *GRID, "--json").json == told | {"captures_left_out": 0}
    shown = cli.ok("tune", divided, *GRID).out
    assert "9 captures of 3 apps, 126 flows; 3 to test are left out" in shown


def test_a_choice_is_scored_on_what_had_no_part_in_it(cli: Cli, manifest: Path) -> None:
    """--nested chooses without each fold; one setting alone is scored as without it."""
    told = cli("tune", manifest, *GRID, *JACCARD, "--folds", 3, "--nested", "--json").json
    assert len(told["nested"]["chosen"]) == 3
    assert told["nested"]["score"] <= told["chosen"]["score"]
    alone = cli("tune", manifest, "--grid", "window=30s", *JACCARD, "--nested", "--json").json
    assert alone["nested"]["figures"] == alone["chosen"]["figures"]
    done = cli.ok("tune", manifest, "--grid", "window=30s", *JACCARD, "--folds", 2, "--nested")
    assert "chosen without each fold and scored on it: f1 macro 0." in done.out


def test_workers_change_nothing(cli: Cli, manifest: Path) -> None:
    """Two processes give the bytes of one."""
    grid = ("--grid", "window=1s,30s", "--score", "unseen_roc_auc")
    argv = (*grid, *JACCARD, "--nested", "--folds", 2, "--json")
    one, two = (cli.ok("tune", manifest, *argv, "--workers", n).out for n in (1, 2))
    assert one == two


def test_finished_settings_are_not_computed_again(
    cli: Cli, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second run reads them, and one with more values computes only those."""
    file = ("--results", tmp_path / "results.jsonl")
    first = cli.ok("tune", manifest, *GRID, *file, "--json")
    assert first.err.endswith("6 settings computed, 0 were there\n")
    assert cli.ok("tune", manifest, *GRID, "--grid", "batch=60s,300s", *file).err.endswith(
        "6 settings computed, 6 were there\n"
    )

    def never(*_args: object) -> None:
        raise AssertionError

    monkeypatch.setattr(cells, "cell", never)
    again = cli.ok("tune", manifest, *GRID, *file, "--json")
    assert again.out == first.out
    assert again.err.endswith("0 settings computed, 6 were there\n")


def test_a_damaged_line_is_told_and_computed_again(
    cli: Cli, manifest: Path, tmp_path: Path
) -> None:
    """One warning, and the same outcome."""
    path = tmp_path / "results.jsonl"
    first = cli.ok("tune", manifest, *GRID, "--results", path, "--json")
    lines = path.read_bytes().splitlines(keepends=True)
    path.write_bytes(b"".join([*lines[:2], b"\x00" + lines[2], *lines[3:-1], lines[-1][:50]]))
    again = cli.ok("tune", manifest, *GRID, "--results", path, "--json")
    assert again.out == first.out
    warning, note = again.err.splitlines()
    assert warning.endswith("damaged lines are left out: 2, the first is line 3")
    assert note.endswith("2 settings computed, 4 were there")


WAITING = """
import signal, sys
from flowprint_zeek.analysis.tuning import cells
from flowprint_zeek.cli.main import run

def waiting(task, parameters, plan, cell=cells.cell, left=[3]):
    if not left[0]:
        print("computing", flush=True)
        sys.stdin.read()
    left[0] -= 1
    return cell(task, parameters, plan)

cells.cell = waiting
signal.signal(signal.SIGINT, signal.default_int_handler)
run()
"""
"""Runs the command line, and waits for ever in the fourth setting."""


def interrupted(argv: list[str], how: signal.Signals, *, workers: int = 1) -> tuple[int, str]:
    """Run a search, end it by a signal in the middle, and return its code and what it said."""
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, *argv, "--workers", str(workers)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"computing\n"
        process.send_signal(how)
        code = process.wait()
        return code, process.communicate()[1].decode()


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_a_search_goes_on_where_it_was_stopped(
    cli: Cli, manifest: Path, tmp_path: Path, how: signal.Signals
) -> None:
    """Ctrl-C or kill -9: what was finished is not computed again, and the outcome is the same."""
    path, output = tmp_path / "results.jsonl", tmp_path / "tuned.yaml"
    argv = ["tune", str(manifest), *GRID, "--results", str(path), "-o", str(output), "--json"]
    code, said = interrupted(argv, how)
    if how == signal.SIGINT:
        assert code == Exit.INTERRUPTED
        first, last = said.splitlines()
        assert first.endswith("has 3 more settings now; the same command goes on from there")
        assert last == "flowprint-zeek: interrupted"
    else:
        assert (code, said) == (-signal.SIGKILL, "")
    assert not output.exists()
    assert len(path.read_bytes().splitlines()) == 1 + 3
    again = cli.ok(*argv)
    assert again.err.endswith("3 settings computed, 3 were there\n")
    assert again.out == cli.ok("tune", manifest, *GRID, "-o", output, "--json").out


BUSY = """
import os, signal
from flowprint_zeek.analysis.tuning import cells
from flowprint_zeek.cli.main import run

told = []

def busy(task, parameters, plan, cell=cells.cell):
    if parameters.window != 30:
        told.append(open(os.environ["TOLD"], "w"))
        print("busy", file=told[-1], flush=True)
        os.read(os.open(os.environ["GO"], os.O_RDONLY), 1)
    return cell(task, parameters, plan)

cells.cell = busy
signal.signal(signal.SIGINT, signal.default_int_handler)
if __name__ == "__main__":
    run()
"""
"""Runs the command line; in all settings but those of one window its workers wait to be let go."""


@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGKILL])
def test_no_worker_outlives_the_command(
    manifest: Path, tmp_path: Path, how: signal.Signals
) -> None:
    """Ctrl-C ends them at once; when the command is killed they end with what they are at."""
    script, path = tmp_path / "busy.py", tmp_path / "results.jsonl"
    script.write_text(BUSY)
    pipes = {name: tmp_path / name for name in ("TOLD", "GO")}
    for pipe in pipes.values():
        os.mkfifo(pipe)
    go = os.open(pipes["GO"], os.O_RDWR)
    grid = ["--grid", "window=30s,1s,5s", "--workers", "2", "--results", str(path)]
    with (
        subprocess.Popen(
            [sys.executable, str(script), "tune", str(manifest), *grid],
            stderr=subprocess.DEVNULL,
            env=os.environ | {name: str(pipe) for name, pipe in pipes.items()},
        ) as process,
        pipes["TOLD"].open() as told,
    ):
        assert [told.readline(), told.readline()] == ["busy\n"] * 2
        process.send_signal(how)
        process.wait()
        if how == signal.SIGKILL:
            os.write(go, b"xx")
        # That end of the pipe is closed when the last worker has ended.
        assert told.read() == ""
    os.close(go)
    assert len(path.read_bytes().splitlines()) == 1 + 1


BAD = {
    "": (Exit.USAGE, "MANIFEST"),
    "absent.tsv": (Exit.LOGS, "absent.tsv: cannot be read"),
    "good.tsv --grid window": (Exit.USAGE, "--grid window: write KEY=V1,V2,… with a KEY of batch,"),
    "good.tsv --grid color=1": (Exit.USAGE, "--grid color=1: write KEY=V1,V2,… with a KEY of"),
    "good.tsv --grid detect.threshold=0": (Exit.USAGE, "write KEY=V1,V2,… with a KEY of"),
    "good.tsv --grid window=soon": (Exit.USAGE, "window must be a duration over 0"),
    "good.tsv --grid window=": (Exit.USAGE, "window must be a duration"),
    "good.tsv --grid window=0": (Exit.USAGE, "window must be a duration over 0"),
    "good.tsv --grid similarity=2": (Exit.USAGE, "similarity must be a number over 0, up to 1"),
    "good.tsv --grid scheme=x": (Exit.USAGE, "scheme must be"),
    "good.tsv --grid window=1 --grid fingerprint.window=2": (Exit.USAGE, "window is given twice"),
    "good.tsv --one-at-a-time": (Exit.USAGE, "--one-at-a-time is what is done without --grid"),
    "good.tsv --folds 1": (Exit.USAGE, "--folds must be at least 2, not 1"),
    "good.tsv --workers 0": (Exit.USAGE, "--workers must be at least 1, not 0"),
    "good.tsv --repetitions 0": (Exit.USAGE, "--repetitions must be at least 1"),
    "good.tsv --seed=-1": (Exit.USAGE, "--seed must be at least 0"),
    "good.tsv --score best": (Exit.USAGE, "--score: invalid choice: 'best'"),
    "good.tsv --unseen-apps 1": (Exit.USAGE, "--unseen-apps needs a score of unseen apps, not f1_"),
    "good.tsv --unseen-apps 3 --score unseen_f1": (Exit.USAGE, "training has 3 apps"),
    "one.tsv": (Exit.USAGE, "one capture: nothing is left to test on"),
    "each.tsv": (Exit.LOGS, "each.tsv: f1_macro is not defined for any setting"),
    "good.tsv --results good.tsv": (Exit.USAGE, "good.tsv: is no file of results of tune"),
    "good.tsv --results other.jsonl": (Exit.USAGE, "other.jsonl: holds results of other captures"),
    "good.tsv --results absent/a": (Exit.OUTPUT, "absent/a: cannot be written: No such file"),
    "good.tsv -o absent/a": (Exit.OUTPUT, "absent/a: cannot be written: its folder is not there"),
    "good.tsv -o .": (Exit.OUTPUT, "cannot be written: it is a folder"),
    "good.tsv -o a --results a": (Exit.USAGE, "--output and --results are the same file"),
    "good.tsv -c 2": (Exit.CONFIG, "fingerprint.correlation must be"),
}


@pytest.mark.parametrize("line", BAD)
def test_bad_input_is_one_line(
    cli: Cli, manifest: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, line: str
) -> None:
    """The line names what is wrong; the code is that of its class."""
    lines = [f"{manifest.parent / row}" for row in manifest.read_text().splitlines()]
    (tmp_path / "good.tsv").write_text("\n".join(lines))
    (tmp_path / "one.tsv").write_text(lines[0])
    (tmp_path / "each.tsv").write_text("\n".join(lines[:3]))
    other = {"results": "flowprint-zeek tune 1", "captures": "0" * 32}
    (tmp_path / "other.jsonl").write_text(f"{json.dumps(other)}\n")
    monkeypatch.chdir(tmp_path)
    code, named = BAD[line]
    done = cli("tune", *line.split())
    assert (done.code, done.out) == (code, "")
    assert named in done.err
    assert done.err.count("\n") == 1


def test_what_the_windows_of_a_log_cannot_make_is_left_out(cli: Cli, tmp_path: Path) -> None:
    """By default with a warning; a value that was asked for is an error."""
    lines = []
    for at, app in enumerate(("chat", "mail") * 2):
        talks = [talk(f"C{at}{n}", n, n + 40, name=f"n{n}.{app}.example") for n in (1, 2, 3)]
        write_logs(tmp_path / f"{app}{at}", {"flowprint_conn": exported_rows(talks)})
        lines.append(f"{app}{at}\t{app}")
    path = tmp_path / "manifest.tsv"
    path.write_text("\n".join(lines))
    done = cli("tune", path, "--json")
    assert done.json["parameters"]["grid"]["window"] == [30, 60, 300, 600, 1800]
    assert "flowprint_conn.log tells: window 1s, 5s, 10s\n" in done.err
    refused = cli("tune", path, "--grid", "window=30s,45s")
    assert refused.code == Exit.USAGE
    assert refused.err.endswith(
        "is no multiple of the windows that flowprint_conn.log tells: window 45s\n"
    )


def test_real_apps(cli: Cli, shared_data: Path, tmp_path: Path) -> None:
    """Of two devices together: the published defaults are as good as anything else."""
    path = tmp_path / "manifest.tsv"
    folders = sorted((shared_data / "apps").glob("android*/*"))
    path.write_text("\n".join(f"{one}\t{one.name.partition('_')[0]}" for one in folders))
    told = cli("tune", path, "--grid", "window=1s,30s", "--grid", "batch=60s,300s", "--json").json
    assert (told["captures"], told["chosen"]["unassigned"]) == (35, 0)
    chosen = told["chosen"]["parameters"]
    assert (chosen["window"], chosen["batch"]) == (30, 300)
    assert told["chosen"]["score"] == 1
