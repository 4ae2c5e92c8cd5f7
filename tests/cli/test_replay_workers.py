"""``replay --workers 2``: what one process writes, says and leaves behind."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from io import StringIO
from multiprocessing import active_children
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.cli.main import main
from flowprint_zeek.stream.pipeline import Pipeline
from tests.cli.test_interrupt import FILES, INTERRUPTED, ROOT, rows
from tests.cli.test_replay import SIX, contents
from tests.stream.exports import exported_rows, talk, write_logs

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flowprint_zeek.stream.gathering import JoinedBatch
    from tests.cli.conftest import Cli


@pytest.fixture(scope="module")
def both(
    logs: Path, tmp_path_factory: pytest.TempPathFactory
) -> tuple[tuple[Path, dict[str, Any], str], ...]:
    """Return folder, figures and warnings of one and of two processes; a log has damage."""
    folder = tmp_path_factory.mktemp("workers")
    shutil.copytree(logs, folder / "logs")
    with max((folder / "logs").glob("ssl.*")).open("a") as log:
        log.write("damaged\n")
    done = []
    for workers in ("1", "2"):
        out = folder / workers
        argv = ["replay", str(folder / "logs"), "--learn-until", SIX, "--rows", "all", "--json"]
        with redirect_stdout(StringIO()) as told, redirect_stderr(StringIO()) as said:
            assert main([*argv, "-o", str(out), "--workers", workers]) == Exit.OK
        done.append((out, json.loads(told.getvalue()), said.getvalue()))
    return tuple(done)


def test_two_processes_write_the_same_bytes(both: Any) -> None:
    """Notices, verdicts and the model, and nothing else."""
    (one, figures, _), (two, _, _) = both
    assert contents(two) == contents(one)
    assert sorted(contents(two)) == sorted([*FILES, "model.json"])
    assert figures["notices"] >= 2
    assert b"FlowPrint::Unseen_App" in contents(two)["notice.log"]


def test_two_processes_have_the_same_figures(both: Any) -> None:
    """All but the time that they took, in the same order."""
    (_, one, _), (_, two, _) = both
    seconds = {"seconds": one["seconds"]}
    assert list((two | seconds).items()) == list(one.items())
    assert two["seconds"] > 0


def test_two_processes_give_the_same_warnings(both: Any) -> None:
    """Also of damage that the other process met."""
    (_, figures, one), (_, _, two) = both
    assert two == one
    assert figures["rows_damaged"]["ssl"] == 1
    assert "damaged" in two


@pytest.mark.parametrize("number", ["0", "3", "two"])
def test_other_numbers_are_wrong_usage(cli: Cli, logs: Path, tmp_path: Path, number: str) -> None:
    """The option and what it may be are named, and nothing is written."""
    out = tmp_path / "out"
    done = cli("replay", logs, "--learn-for", "1h", "-o", out, "--workers", number)
    assert done.code == Exit.USAGE
    assert done.err.startswith("flowprint-zeek: error: argument --workers: invalid ")
    assert done.err.count("\n") == 1
    assert not out.exists()


@pytest.mark.parametrize(
    ("options", "code"),
    [
        (("logs", "--model", "absent.json"), Exit.MODEL),
        (("absent.log", "--learn-for", "1h"), Exit.LOGS),
        (("logs", "--learn-for", "1h", "-b", "45s"), Exit.LOGS),
        (("logs", "--learn-for", "1h", "--since", "2030-01-01"), Exit.LOGS),
    ],
)
def test_errors_are_those_of_one_process(
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    options: tuple[str, ...],
    code: Exit,
) -> None:
    """With the same line, code and files, whichever process meets them."""
    monkeypatch.chdir(tmp_path)
    write_logs(tmp_path / "logs", {"flowprint_conn": exported_rows([talk("C1", 10)])})
    ends = []
    for workers in (1, 2):
        done = cli("replay", *options, "-o", "out", "--workers", workers)
        written = contents(tmp_path / "out") if (tmp_path / "out").exists() else {}
        ends.append((done, written))
        shutil.rmtree(tmp_path / "out", ignore_errors=True)
    assert ends[1] == ends[0]
    assert ends[1][0].code == code
    assert active_children() == []


# Ctrl-C


def test_ctrl_c_leaves_whole_logs_and_no_process(
    cli: Cli, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where it comes in the middle, what was judged is written."""
    judge, left = Pipeline.judge, 30

    def interrupted(pipeline: Pipeline, batch: JoinedBatch) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            signal.raise_signal(signal.SIGINT)
        judge(pipeline, batch)

    monkeypatch.setattr(Pipeline, "judge", interrupted)
    argv = ("--learn-for", "5m", "--chunk-rows", 100, "--rows", "all", "--workers", 2)
    done = cli("replay", logs, *argv, "-o", tmp_path)
    assert (done.code, done.out, done.err) == (Exit.INTERRUPTED, "", INTERRUPTED)
    assert active_children() == []
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    assert rows(tmp_path, "notice") >= 0
    assert rows(tmp_path, "flowprint") > 0


WAITING = """
import signal, sys
from multiprocessing import active_children
from flowprint_zeek.cli.main import run
from flowprint_zeek.stream.pipeline import Pipeline

def waiting(*_):
    print(*(process.pid for process in active_children()), flush=True)
    sys.stdin.read()

Pipeline.judge = waiting
# A process started in the background may have been told to ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
run()
"""
"""Runs the command line, and waits for ever once there is a batch to judge."""


@contextmanager
def judging(logs: Path, out: Path) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """Run a replay, as a terminal does, until it judges; yield it and the other process."""
    argv = ["replay", str(logs), "--learn-for", "1h", "-o", str(out), "--workers", "2"]
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        yield process, int(process.stdout.readline())


def test_ctrl_c_at_a_terminal_is_one_line(logs: Path, tmp_path: Path) -> None:
    """It reaches all processes there; the other one says nothing and is gone."""
    with judging(logs, tmp_path) as (process, other):
        os.killpg(process.pid, signal.SIGINT)
        # What would wake it is not sent: its stdin stays open until it has ended.
        assert process.wait() == Exit.INTERRUPTED
        out, err = process.communicate()
    assert (out, err.decode()) == (b"", INTERRUPTED)
    with pytest.raises(ProcessLookupError):
        os.kill(other, 0)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    assert [rows(tmp_path, kind) for kind in ("notice", "flowprint")] == [0, 0]


def test_the_other_process_ends_with_the_first(logs: Path, tmp_path: Path) -> None:
    """Where that is killed, nobody goes on and nothing is said."""
    with judging(logs, tmp_path) as (process, _):
        process.kill()
        # They share it, so that it ends when both have ended.
        assert process.communicate() == (b"", b"")
