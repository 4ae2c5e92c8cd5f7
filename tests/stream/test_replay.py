"""Replay: parts of the time, order, memory, and what there is to replay."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.network import Network
from flowprint_zeek.analysis.simulate import Simulated, simulate
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream import replay as replaying
from flowprint_zeek.stream.replay import KINDS, Source, Span, replay
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats, read_chunks
from tests.stream.small import ALWAYS, MIDNIGHT, SECOND, Conn, conn_log, pipeline

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.stream.pipeline import Pipeline
    from flowprint_zeek.zeek.files import LogFile

NETWORK = Network(seed=3, devices=4, apps=6, days=0.25, start=MIDNIGHT, unseen_apps=2)


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate(NETWORK)


def learned(folder: Path, span: Span | None = None) -> list[str]:
    """Return the elements learned from the logs of a folder."""
    line = finished(folder, span or Span())
    return [element for element, *_ in line.site.seen]


def finished(folder: Path, span: Span) -> Pipeline:
    line, _ = pipeline(ALWAYS)
    replay(Source(find_logs([folder], KINDS), span=span), line)
    return line


# A part of the time


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


# Order and memory


def test_a_row_that_arrives_after_its_batch_closed_is_overdue(tmp_path: Path) -> None:
    """A row behind one that closes its batch is not in it, though both are read together."""
    flows = [Conn("C1", 190, 10), Conn("C2", 450, 10), Conn("C3", 20, 10)]
    conn_log(tmp_path, *flows)
    line = finished(tmp_path, Span())
    assert (line.gathered.overdue, line.counts.flows) == (1, 2)


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
    with pytest.raises(LogError, match="no conn or flowprint_conn log"):
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
    assert source.first_time() == 0
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


# Logs of Argus

BINETFLOW = (
    "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes"
)


def argus(path: Path, flows: Sequence[tuple[int, int]]) -> None:
    """Write flows of some start and length, seconds after `MIDNIGHT`, as Argus does."""
    lines = [
        f"2026/01/01 {at // 3600:02}:{at // 60 % 60:02}:{at % 60:02}.000000,{length},tcp,10.0.0.1,"
        f"4000,   ->,203.0.113.{number % 250},443,CON,0,0,9,900,300"
        for number, (at, length) in enumerate(flows)
    ]
    path.write_text("\n".join([BINETFLOW, *lines, ""]))


def test_flows_in_the_order_of_their_start_are_not_overdue(tmp_path: Path) -> None:
    """A long flow at the beginning of such a file closes no batch before its time."""
    argus(tmp_path / "a.binetflow", [(0, 3600), *((at, 5) for at in range(10, 3000, 100))])
    line = finished(tmp_path, Span())
    assert (line.gathered.overdue, line.counts.flows, line.counts.batches) == (0, 31, 12)


def test_logs_of_argus_and_zeek_are_one_replay(tmp_path: Path) -> None:
    """Flows of both are merged by their ends, and a part of the time cuts both."""
    conn_log(tmp_path, *(Conn(f"C{at}", at, 10, address="192.0.2.1") for at in (10, 1000, 2000)))
    argus(tmp_path / "a.binetflow", [(0, 1500), (500, 10), (2500, 10)])
    line = finished(tmp_path, Span())
    assert (line.gathered.overdue, line.counts.flows) == (0, 6)
    span = Span(MIDNIGHT + 1000 * SECOND, MIDNIGHT + 2000 * SECOND)
    assert learned(tmp_path, span) == ["192.0.2.1:443", "203.0.113.0:443"]


@pytest.mark.parametrize("rows", [1, 7])
def test_logs_of_argus_give_the_same_in_chunks_of_any_size(tmp_path: Path, rows: int) -> None:
    """What is seen when does not depend on how many rows are read at a time."""
    argus(tmp_path / "a.binetflow", [(at, at * 7 % 900) for at in range(0, 3000, 20)])
    seen = []
    for size in (rows, 65_536):
        line, _ = pipeline(ALWAYS)
        replay(Source(find_logs([tmp_path], KINDS), size), line)
        seen.append((list(line.site.seen), line.counts, line.late.matched))
    assert seen[0] == seen[1]


def test_a_real_log_of_argus_is_replayed(shared_data: Path) -> None:
    """Of 6751 flows none is overdue, and all that are flows of the device count."""
    folder = shared_data / "zeek-logs" / "binetflow" / "test2-malicious.binetflow"
    line = finished(folder, Span())
    dropped = {"protocol": 72, "multicast": 7, "unanswered": 12, "flipped": 4}
    assert (line.gathered.overdue, line.gathered.dropped.reasons) == (0, dropped)
    assert line.counts.flows == 6751 - sum(dropped.values())
