"""Ctrl-C: whole files, one line, the code 130."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import pytest

from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.stream import prepared
from flowprint_zeek.stream import replay as replaying
from flowprint_zeek.zeek.files import LogFile
from flowprint_zeek.zeek.reader import ReadStats, column_types, read_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd

    from tests.cli.conftest import Cli

ROOT = Path(__file__).resolve().parents[2]
FILES = ["flowprint.log", "notice.log"]
INTERRUPTED = "flowprint-zeek: interrupted\n"


@pytest.fixture
def interrupt_after(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Return what lets Ctrl-C come while the n-th chunk of conn rows is read."""

    def arrange(chunks: int) -> None:
        left = chunks

        def interrupted(log: LogFile, *args: Any, **options: Any) -> Iterator[pd.DataFrame]:
            nonlocal left
            for chunk in read_chunks(log, *args, **options):
                left -= log.kind == "conn"
                if left <= 0:
                    signal.raise_signal(signal.SIGINT)
                yield chunk

        monkeypatch.setattr(replaying, "read_chunks", interrupted)

    return arrange


def rows(folder: Path, kind: str) -> int:
    """Return how many rows a log has that must be whole."""
    path = folder / f"{kind}.log"
    assert path.read_bytes().splitlines()[-1].startswith(b"#close\t")
    log, stats = LogFile(path, kind, "tsv"), ReadStats()
    number = sum(len(chunk) for chunk in read_chunks(log, list(column_types(log)), stats=stats))
    assert stats.problems == []
    assert number + 9 == len(path.read_bytes().splitlines())
    return number


@pytest.mark.parametrize("chunks", [1, 20, 40])
def test_ctrl_c_leaves_whole_logs(
    cli: Cli, logs: Path, tmp_path: Path, interrupt_after: Any, chunks: int
) -> None:
    """Wherever Ctrl-C comes, both logs end as Zeek's do, and nothing else is there."""
    interrupt_after(chunks)
    argv = ("--learn-for", "5m", "--chunk-rows", 100, "--rows", "all")
    done = cli("replay", logs, *argv, "-o", tmp_path)
    assert done.code == Exit.INTERRUPTED
    assert (done.out, done.err) == ("", INTERRUPTED)
    assert sorted(path.name for path in tmp_path.iterdir()) == FILES
    found = [rows(tmp_path, kind) for kind in ("notice", "flowprint")]
    assert (found[1] > 0) == (chunks > 1)


def test_ctrl_c_leaves_whole_json(
    cli: Cli, logs: Path, tmp_path: Path, interrupt_after: Any
) -> None:
    """The same for JSON: each line is an object."""
    interrupt_after(40)
    argv = ("--learn-for", "5m", "--chunk-rows", 100, "--format", "json")
    assert cli("replay", logs, *argv, "-o", tmp_path).code == Exit.INTERRUPTED
    text = (tmp_path / "flowprint.log").read_text()
    assert text.endswith("}\n")
    assert all(isinstance(json.loads(line), dict) for line in text.splitlines())


def test_ctrl_c_leaves_the_old_model(
    cli: Cli, logs: Path, learned: Path, tmp_path: Path, interrupt_after: Any
) -> None:
    """A model of an earlier run in the same folder is as it was."""
    model = tmp_path / "model.json"
    model.write_bytes((learned / "model.json").read_bytes())
    interrupt_after(5)
    assert cli("replay", logs, "--model", model, "-o", tmp_path).code == Exit.INTERRUPTED
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([*FILES, "model.json"])
    assert model.read_bytes() == (learned / "model.json").read_bytes()


def test_ctrl_c_while_the_model_is_written_leaves_whole_logs(
    cli: Cli, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ctrl-C at the very end leaves no model, but both logs."""

    def interrupted(_descriptor: int) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(os, "fsync", interrupted)
    argv = ("--until", "2026-03-02T01:00Z", "--learn-for", "5m", "-o", tmp_path)
    done = cli("replay", logs, *argv)
    assert (done.code, done.err) == (Exit.INTERRUPTED, INTERRUPTED)
    assert not (tmp_path / "model.json").exists()
    assert rows(tmp_path, "notice") >= 0
    assert rows(tmp_path, "flowprint") > 0


def test_ctrl_c_leaves_no_half_prepared_flows(
    cli: Cli, logs: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Prepared flows are written whole or not at all."""

    def interrupted(_flows: pd.DataFrame, file: BinaryIO, **_options: Any) -> None:
        file.write(b"PAR1")
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr("pandas.DataFrame.to_parquet", interrupted)
    monkeypatch.setattr(prepared, "_need_pyarrow", lambda: None)
    done = cli("fingerprint", logs, "--write", tmp_path / "flows.parquet")
    assert (done.code, done.err) == (Exit.INTERRUPTED, INTERRUPTED)
    assert list(tmp_path.iterdir()) == []


WAITING = """
import signal, sys
from flowprint_zeek.cli.main import run
from flowprint_zeek.stream import replay

def waiting(*args, read_chunks=replay.read_chunks, **options):
    for chunk in read_chunks(*args, **options):
        yield chunk
        print("reading", flush=True)
        sys.stdin.read()

replay.read_chunks = waiting
# A process started in the background may have been told to ignore it.
signal.signal(signal.SIGINT, signal.default_int_handler)
run()
"""
"""Runs the command line, and waits for ever once it has read a chunk of a log."""


def test_a_signal_interrupts_a_replay(logs: Path, tmp_path: Path) -> None:
    """SIGINT to a real process ends it in the middle of reading."""
    argv = ["replay", str(logs), "--learn-for", "1h", "-o", str(tmp_path / "out")]
    with subprocess.Popen(
        [sys.executable, "-c", WAITING, *argv],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"reading\n"
        process.send_signal(signal.SIGINT)
        # What would wake it is not sent: its stdin stays open until it has ended.
        assert process.wait() == Exit.INTERRUPTED
        out, err = process.communicate()
    assert (out, err.decode()) == (b"", INTERRUPTED)
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == FILES
    assert [rows(tmp_path / "out", kind) for kind in ("notice", "flowprint")] == [0, 0]
