"""Replay gives the same bytes from the same rows, however they are stored and read."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.archive import columns_of, write
from flowprint_zeek.analysis.network import HOUR, Network
from flowprint_zeek.analysis.simulate import Simulated, simulate
from flowprint_zeek.cli.main import main
from flowprint_zeek.zeek.columns import UNSET
from flowprint_zeek.zeek.writer import write_frame
from tests.stream.small import MIDNIGHT, SECOND

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pandas as pd

    from flowprint_zeek.zeek.writer import Format

NETWORK = Network(seed=3, devices=4, apps=6, days=0.25, start=MIDNIGHT, unseen_apps=2)
OUTPUTS = ("notice.log", "flowprint.log", "model.json")
LEARN = ("--learn-for", "3h", "--rows", "all")


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate(NETWORK)


@pytest.fixture(scope="module")
def whole(simulated: Simulated, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One file of each kind, with what a replay makes of them in `out`."""
    folder = tmp_path_factory.mktemp("whole")
    write(simulated, folder / "logs", rotate=None)
    replayed([folder / "logs"], folder / "out")
    return folder


def replayed(logs: Sequence[Path], out: Path, *options: str) -> dict[str, bytes]:
    """Return the outputs of the command."""
    arguments = ["replay", *map(str, logs), "-o", str(out), "-q", *(options or LEARN)]
    assert main(arguments) == 0
    return outputs(out)


def outputs(out: Path) -> dict[str, bytes]:
    return {name: (out / name).read_bytes() for name in OUTPUTS}


def expected(whole: Path) -> dict[str, bytes]:
    return outputs(whole / "out")


def dealt(simulated: Simulated, folder: Path, hands: int, rows: slice = slice(None)) -> None:
    """Write the rows of each log in turn to several files, as several loggers would."""
    folder.mkdir()
    for kind, columns in columns_of(simulated).items():
        table = getattr(simulated, kind).iloc[rows if kind == "conn" else slice(None)]
        for hand in range(hands):
            path = folder / f"{kind}.00:00:00-12:00:00-logger-{hand}.log"
            part = table.iloc[hand::hands]
            write_frame(path, kind, columns, part, opened=NETWORK.start, closed=NETWORK.end)


def unseen(out: Path) -> list[str]:
    lines = (out / "notice.log").read_text().splitlines()
    return [line for line in lines if "FlowPrint::Unseen_App" in line]


# The same bytes


def test_the_simulated_network_is_worth_comparing(whole: Path) -> None:
    """The outputs that are compared hold notices, verdicts of several kinds and known apps."""
    found = expected(whole)
    assert len(unseen(whole / "out")) >= 2
    for verdict in (b"unseen_site", b"known", b"too_little"):
        assert found["flowprint.log"].count(b"\t" + verdict + b"\t") >= 2
    assert found["model.json"].count(b"\n") > 50


@pytest.mark.parametrize("rows", [7, 1000, 65_536])
def test_chunks_of_any_size_give_the_same_bytes(whole: Path, tmp_path: Path, rows: int) -> None:
    """How many rows are read at a time changes nothing."""
    options = (*LEARN, "--chunk-rows", str(rows))
    assert replayed([whole / "logs"], tmp_path, *options) == expected(whole)


def test_rows_that_are_too_many_go_alike_in_all_chunks(
    whole: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Which waiting ssl rows make room does not depend on how many are read at a time."""
    monkeypatch.setenv("FLOWPRINT_STREAM_JOIN_ROWS", "50")
    found = []
    for rows in ("7", "65536"):
        options = (*LEARN, "--chunk-rows", rows)
        found.append(replayed([whole / "logs"], tmp_path / rows, *options))
    assert found[0] == found[1]
    assert found[0] != expected(whole)


def test_reading_row_by_row_gives_the_same_bytes(simulated: Simulated, tmp_path: Path) -> None:
    """Chunks of a single row give what one chunk gives."""
    dealt(simulated, tmp_path / "logs", 1, slice(-500, None))
    for rows in ("1", "65536"):
        options = ("--learn-for", "30m", "--rows", "all", "--chunk-rows", rows)
        replayed([tmp_path / "logs"], tmp_path / rows, *options)
    assert unseen(tmp_path / "1")
    assert outputs(tmp_path / "1") == outputs(tmp_path / "65536")


@pytest.mark.parametrize("hands", [2, 3])
def test_rows_of_several_loggers_give_the_same_bytes(
    whole: Path, simulated: Simulated, tmp_path: Path, hands: int
) -> None:
    """Rows that are spread over several files of the same time are merged."""
    dealt(simulated, tmp_path / "logs", hands)
    assert replayed([tmp_path / "logs"], tmp_path / "out") == expected(whole)


@pytest.mark.parametrize("rotate", [600.0, 3600.0])
def test_rotated_logs_give_the_same_bytes(
    whole: Path, simulated: Simulated, tmp_path: Path, rotate: float
) -> None:
    """Where an archive is cut does not matter."""
    write(simulated, tmp_path / "logs", rotate=rotate)
    assert replayed([tmp_path / "logs"], tmp_path / "out") == expected(whole)


def test_the_order_of_arguments_gives_the_same_bytes(
    whole: Path, simulated: Simulated, tmp_path: Path
) -> None:
    """Files may be named in any order."""
    logs = [path for path in write(simulated, tmp_path / "logs") if ".log" in path.name]
    assert replayed(logs[::-1], tmp_path / "out") == expected(whole)


@pytest.mark.parametrize(("written", "compress"), [("json", False), ("tsv", True), ("json", True)])
def test_every_format_gives_the_same_bytes(
    whole: Path, simulated: Simulated, tmp_path: Path, written: Format, *, compress: bool
) -> None:
    """TSV, JSON and compressed logs of the same rows are the same."""
    write(simulated, tmp_path / "logs", format=written, rotate=None, compress=compress)
    assert replayed([tmp_path / "logs"], tmp_path / "out") == expected(whole)


def test_logs_that_are_given_twice_give_the_same_bytes(
    whole: Path, simulated: Simulated, tmp_path: Path
) -> None:
    """A copy of the logs under other names adds only duplicates."""
    write(simulated, tmp_path / "logs", format="json")
    assert replayed([whole / "logs", tmp_path / "logs"], tmp_path / "out") == expected(whole)


@pytest.mark.parametrize("seed", ["0", "1", "random"])
def test_hash_seeds_give_the_same_bytes(whole: Path, tmp_path: Path, seed: str) -> None:
    """The order of hashes reaches no output."""
    command = [sys.executable, "-m", "flowprint_zeek", "replay", str(whole / "logs")]
    subprocess.run(
        [*command, "-o", str(tmp_path), "-q", *LEARN],
        env=os.environ | {"PYTHONHASHSEED": seed},
        cwd=Path(__file__).parents[2],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    assert outputs(tmp_path) == expected(whole)


# What was learned


def test_what_was_learned_is_not_unseen(whole: Path, tmp_path: Path) -> None:
    """Replaying what a model has learned raises nothing."""
    replayed([whole / "logs"], tmp_path / "first", "--learn-for", "30d")
    model = str(tmp_path / "first" / "model.json")
    replayed([whole / "logs"], tmp_path / "again", "--model", model, "--rows", "all")
    assert unseen(tmp_path / "first") == unseen(tmp_path / "again") == []
    verdicts = (tmp_path / "again" / "flowprint.log").read_text()
    assert "\tknown\t" in verdicts
    assert "\tunseen_site\t" not in verdicts


def test_a_model_and_learning_are_one_replay(whole: Path, tmp_path: Path) -> None:
    """Learning first and detecting with the model later finds what one replay finds."""
    learned = (NETWORK.start + 3 * HOUR) // SECOND
    replayed([whole / "logs"], tmp_path / "first", "--learn-for", "3h", "--until", str(learned))
    model = str(tmp_path / "first" / "model.json")
    options = ("--model", model, "--since", str(learned), "--rows", "all")
    replayed([whole / "logs"], tmp_path / "then", *options)
    assert len(unseen(tmp_path / "then")) == len(unseen(whole / "out"))


def test_an_end_of_time_is_as_if_the_logs_ended_there(
    whole: Path, simulated: Simulated, tmp_path: Path
) -> None:
    """Replaying until a time gives the bytes that logs without later connections give."""
    until = NETWORK.start + 5 * HOUR
    conn = simulated.conn
    ends = conn["ts"] + conn["duration"].where(conn["duration"] != UNSET, 0)
    (tmp_path / "logs").mkdir()
    table: pd.DataFrame
    for kind, table in (("conn", conn[ends < until]), ("ssl", simulated.ssl)):
        path = tmp_path / "logs" / f"{kind}.log"
        columns = columns_of(simulated)[kind]
        write_frame(path, kind, columns, table, opened=NETWORK.start, closed=until)
    found = replayed([tmp_path / "logs"], tmp_path / "found")
    logs = sorted((whole / "logs").glob("[cs]*.log"))
    options = (*LEARN, "--until", str(until // SECOND))
    assert replayed(logs, tmp_path / "cut", *options) == found
