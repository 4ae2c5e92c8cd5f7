"""Replay: the same bytes from the same rows, however they are stored and read."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.network import HOUR, Network
from flowprint_zeek.analysis.simulate import Simulated, simulate
from flowprint_zeek.cli.main import main
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream import replay as replaying
from flowprint_zeek.stream.replay import KINDS, Source, Span, replay
from flowprint_zeek.zeek.columns import CONN_LOG, SSL_LOG, UNSET, X509_LOG
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats, read_chunks
from flowprint_zeek.zeek.writer import write_frame
from tests.stream.small import ALWAYS, MIDNIGHT, SECOND, Conn, frame, pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import pandas as pd

    from flowprint_zeek.stream.pipeline import Pipeline
    from flowprint_zeek.zeek.files import LogFile
    from flowprint_zeek.zeek.writer import Format

NETWORK = Network(seed=3, devices=4, apps=6, days=0.25, start=MIDNIGHT, unseen_apps=2)
COLUMNS = {"conn": CONN_LOG, "ssl": SSL_LOG, "x509": X509_LOG}
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
    for kind, columns in COLUMNS.items():
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


# A part of the time


def conn_log(path: Path, *connections: Conn, named: Sequence[Conn] | None = None) -> None:
    """Write connections in the order given, and ssl rows in the same order or that of `named`."""
    rows = [
        {
            "ts": one.ts,
            "uid": one.uid,
            "id.orig_h": one.device,
            "id.orig_p": 40_000,
            "id.resp_h": one.address,
            "id.resp_p": 443,
            "proto": "tcp",
            "duration": one.end - one.ts,
            "conn_state": "SF",
            "resp_pkts": 3,
        }
        for one in connections
    ]
    names = [
        {"ts": one.ts, "uid": one.uid, "server_name": one.name}
        for one in (connections if named is None else named)
        if one.name
    ]
    for kind, held in (("conn", rows), ("ssl", names)):
        table = frame(kind, [name for name, _ in COLUMNS[kind]], held)
        file = path / f"{kind}.log"
        write_frame(file, kind, COLUMNS[kind], table, opened=MIDNIGHT, closed=MIDNIGHT)


def learned(folder: Path, span: Span | None = None) -> list[str]:
    """Return the elements learned from the logs of a folder."""
    line = finished(folder, span or Span())
    return [element for element, _, _ in line.site.seen]


def finished(folder: Path, span: Span) -> Pipeline:
    line, _ = pipeline(ALWAYS)
    replay(Source(find_logs([folder], KINDS), span=span), line)
    return line


def test_a_span_has_its_begin_and_not_its_end(tmp_path: Path) -> None:
    """Connections that end at `since` are in, those that end at `until` are not."""
    conn_log(tmp_path, *(Conn(f"C{at}", at, 10, address=f"203.0.113.{at}") for at in (10, 20, 30)))
    times = [MIDNIGHT + at * SECOND for at in (30, 40)]
    assert learned(tmp_path, Span(*times)) == ["203.0.113.20:443"]
    assert len(learned(tmp_path, Span(since=times[0]))) == 2
    assert len(learned(tmp_path, Span(until=times[0]))) == 1


def test_a_connection_that_began_before_a_span_keeps_its_name(tmp_path: Path) -> None:
    """The ssl row of a connection that ends inside the span may stand before it."""
    conn_log(tmp_path, Conn("C1", 0, 7200, name="long.example"), Conn("C2", 7000, 300))
    span = Span(since=MIDNIGHT + 3600 * SECOND)
    assert learned(tmp_path, span) == ["203.0.113.1:443", "name:long.example"]


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
        write_frame(path, kind, COLUMNS[kind], table, opened=NETWORK.start, closed=until)
    found = replayed([tmp_path / "logs"], tmp_path / "found")
    logs = sorted((whole / "logs").glob("[cs]*.log"))
    options = (*LEARN, "--until", str(until // SECOND))
    assert replayed(logs, tmp_path / "cut", *options) == found


# Order and memory


def test_a_row_that_arrives_after_its_batch_closed_is_overdue(tmp_path: Path) -> None:
    """A row behind one that closes its batch is not in it, though both are read together."""
    flows = [Conn("C1", 190, 10), Conn("C2", 450, 10), Conn("C3", 20, 10)]
    conn_log(tmp_path, *flows)
    line = finished(tmp_path, Span())
    assert (line.overdue, line.counts.flows) == (1, 2)


def test_an_ssl_row_that_arrives_after_its_batch_closed_is_not_in_it(tmp_path: Path) -> None:
    """An ssl row counts when its file has reached it, as it would for a live sensor."""
    first, second = Conn("C1", 0, name="a.example"), Conn("C2", 5000, name="b.example")
    conn_log(tmp_path, first, second, named=[second, first])
    assert learned(tmp_path) == ["203.0.113.1:443", "name:b.example"]


def test_an_unsorted_ssl_log_names_the_last_connections(tmp_path: Path) -> None:
    """At the end too an ssl row within the disorder behind later ones is joined."""
    later, last = (
        Conn("C1", 1080, 10, name="later.example"),
        Conn("C2", 985, 5, name="last.example"),
    )
    conn_log(tmp_path, last, named=[later, last])
    assert learned(tmp_path) == ["name:last.example"]


def test_files_are_open_only_in_their_time(
    simulated: Simulated, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of a rotated archive a replay has few files open at once, and each once."""
    write(simulated, tmp_path / "logs", rotate=600)
    now: list[Path] = []
    most: list[int] = []
    opened: list[Path] = []

    def reading(
        log: LogFile, columns: Sequence[str], *, rows: int, stats: ReadStats
    ) -> Iterator[pd.DataFrame]:
        now.append(log.path)
        opened.append(log.path)
        most.append(len(now))
        yield from read_chunks(log, columns, rows=rows, stats=stats)
        now.remove(log.path)

    monkeypatch.setattr(replaying, "read_chunks", reading)
    finished(tmp_path / "logs", Span())
    assert len(opened) > 60
    assert len(set(opened)) == len(opened)
    # one or two of each kind, where one is read to its end as the next begins
    assert max(most) <= 6
    assert now == []


# What there is to replay


def test_without_conn_log_there_is_nothing_to_replay(tmp_path: Path) -> None:
    """An ssl log alone is an error that says so."""
    conn_log(tmp_path, Conn("C1", 0, name="a.example"))
    (tmp_path / "conn.log").unlink()
    with pytest.raises(LogError, match="no conn log"):
        finished(tmp_path, Span())


def test_logs_without_rows_are_no_error(tmp_path: Path) -> None:
    """Logs that were opened and got nothing give nothing, and their files are read."""
    (tmp_path / "conn.log").touch()
    assert finished(tmp_path, Span()).counts.batches == 0


def test_a_file_counts_though_its_first_row_has_no_time(tmp_path: Path) -> None:
    """A row without a time is left out, the rows behind it are not."""
    rows = [
        {"uid": f"C{at}", "id.orig_h": "10.0.0.1", "id.orig_p": 40_000, "proto": "tcp"}
        | {"id.resp_h": "203.0.113.1", "id.resp_p": 443, "conn_state": "SF", "duration": 1.0}
        | ({"ts": MIDNIGHT // SECOND + at} if at else {})
        for at in range(3)
    ]
    (tmp_path / "conn.log").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    source = Source(find_logs([tmp_path], KINDS))
    assert source.first_time("conn") == 0
    line, _ = pipeline(ALWAYS)
    replay(source, line)
    assert (line.counts.flows, source.stats.rows["conn"]) == (2, 3)


def test_damage_is_counted_where_there_is_nothing_else(tmp_path: Path) -> None:
    """A file of damaged lines only is read beside others, and its damage told."""
    conn_log(tmp_path, Conn("C1", 0))
    header = [one for one in (tmp_path / "conn.log").read_text().splitlines() if one[0] == "#"][:-1]
    (tmp_path / "conn.00:00:00-01:00:00.log").write_text("\n".join([*header, "x", "y", ""]))
    source = Source(find_logs([tmp_path], KINDS))
    replay(source, pipeline(ALWAYS)[0])
    assert (source.stats.rows["conn"], source.stats.damaged["conn"]) == (1, 2)


def test_logs_behind_the_last_connection_are_read_to_their_end(tmp_path: Path) -> None:
    """Rows of ssl.log after the last connection are counted, so damage there is told."""
    conn_log(tmp_path, Conn("C1", 0), named=[Conn("C2", 90_000, name="late.example")])
    source = Source(find_logs([tmp_path], KINDS))
    line, _ = pipeline(ALWAYS)
    replay(source, line)
    assert source.stats.rows == {"conn": 1, "ssl": 1}


def test_progress_is_told_with_each_chunk(tmp_path: Path) -> None:
    """Each chunk is told with its file and rows."""
    conn_log(tmp_path, *(Conn(f"C{at}", at) for at in range(5)))
    told: list[tuple[str, int]] = []
    logs = find_logs([tmp_path / "conn.log"], KINDS)
    source = Source(logs, 2, on_chunk=lambda log, rows: told.append((log.kind, rows)))
    replay(source, pipeline(ALWAYS)[0])
    assert told == [("conn", 2), ("conn", 2), ("conn", 1)]
