"""A replay in two processes: what one finds, and nothing left behind, however it ends."""

from __future__ import annotations

import os
import signal
import threading
from dataclasses import dataclass, fields, replace
from functools import partial
from multiprocessing import active_children
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.network import HOUR, Network
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.config import load
from flowprint_zeek.errors import FlowPrintError, LogError, OutputError
from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.stream import apart
from flowprint_zeek.stream.apart import replay_apart
from flowprint_zeek.stream.phases import Learning
from flowprint_zeek.stream.pipeline import Pipeline
from flowprint_zeek.stream.replay import KINDS, Source, Span, replay
from flowprint_zeek.zeek.files import LogFile, find_logs
from tests.stream.exports import all_rows, exported_rows, talk, write_logs
from tests.stream.small import MIDNIGHT, Conn, Found, conn_log, pipeline, session
from tests.stream.test_certificates import in_file, put
from tests.stream.test_exported import story
from tests.stream.test_hosts import MAC
from tests.stream.test_raising import surf

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from flowprint_zeek.stream.notices import Row

NETWORK = Network(seed=3, devices=4, apps=6, days=0.25, start=MIDNIGHT, unseen_apps=2)
LEARNED = Learning(duration=3 * HOUR)
ELSEWHERE = {"beside", "exported"}
"""Parts of a state that another process has."""


@dataclass(frozen=True)
class Outcome:
    """What a replay found, counted and told."""

    found: Found
    kept: dict[str, object]
    counted: list[object]
    told: list[tuple[LogFile, int]]
    line: Pipeline

    @property
    def compared(self) -> list[object]:
        return [self.found, self.kept, self.counted, self.told]


def outcome(
    logs: Sequence[LogFile],
    learning: Learning,
    *,
    processes: int,
    rows: int = 65_536,
    span: Span | None = None,
    **settings: object,
) -> Outcome:
    """Return what a replay in one or two processes finds; settings as in the environment."""
    given = {name.replace("__", "."): value for name, value in settings.items()}
    given |= {"log.rows": "all", "stream.chunk_rows": rows}
    config = load(None, environ={}, overrides=given)
    found, told = Found(), []
    line = Pipeline(config, Site(KnownApps(1000)), learning, found)
    source = Source(logs, rows, span or Span(), lambda log, n: told.append((log, n)))
    (replay if processes == 1 else partial(replay_apart, config))(source, line)
    state = line.state()
    kept = {one.name: getattr(state, one.name) for one in fields(state)}
    kept = {name: part for name, part in kept.items() if name not in ELSEWHERE}
    kept["clock"] = replace(state.clock, first_open=None)
    counted = [line.gathered, line.names_dropped, line.phase, line.degraded, source.stats]
    return Outcome(found, kept, counted, told, line)


def same(logs: Sequence[LogFile], learning: Learning = LEARNED, **options: Any) -> Outcome:
    """Return what two processes find, which must be what one finds."""
    alone = outcome(logs, learning, processes=1, **options)
    both = outcome(logs, learning, processes=2, **options)
    assert both.compared == alone.compared
    return both


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> list[LogFile]:
    """Return the logs of six hours of a small network."""
    folder = tmp_path_factory.mktemp("logs")
    write(simulate(NETWORK), folder, rotate=None)
    return find_logs([folder], KINDS)


# The same as one process


def test_two_processes_find_what_one_finds(logs: list[LogFile]) -> None:
    """Read in small pieces: notices, verdicts, what is known, counts, and what was read."""
    done = same([log for log in logs if log.kind in {"conn", "ssl"}], rows=40)
    assert len(done.found.noted("Unseen_App")) >= 2
    assert {"known", "unseen_site", "too_little"} <= set(done.found.said("verdict"))
    assert done.line.late.unmatched > 0
    # More than may wait for the judge at once.
    assert done.line.counts.batches > 2 * apart._AHEAD


def test_another_network_and_a_part_of_its_time(tmp_path: Path) -> None:
    """Connections outside a span are left out by the process that reads."""
    write(simulate(replace(NETWORK, seed=8)), tmp_path)
    span = Span(MIDNIGHT + HOUR, MIDNIGHT + 5 * HOUR)
    done = same(find_logs([tmp_path], KINDS), Learning(duration=HOUR), rows=50, span=span)
    assert 0 < done.line.counts.batches <= 49
    assert {log.kind for log, _ in done.told} == {"conn", "dns", "http", "ssl", "x509"}


def test_rows_that_are_too_many(logs: list[LogFile]) -> None:
    """Those that wait too long go in both ways, and are counted."""
    done = same(logs, rows=200, stream__join_rows=10)
    assert done.line.gathered.tls_dropped > 0
    assert done.line.gathered.names_dropped > 0


def test_logs_of_the_package_beside_stock_logs(tmp_path: Path) -> None:
    """Connections that both tell of count once."""
    write_logs(tmp_path, all_rows(story()))
    done = same(find_logs([tmp_path], KINDS), Learning(duration=HOUR), rows=100)
    assert done.line.gathered.dropped.reasons["exported"] > 100
    assert done.found.noted("Unseen_App")


def many_logs(folder: Path) -> None:
    """Write three hours: mail, a browser, a game while packets were lost, and a proxy."""
    devices = ("10.0.0.1", "10.0.0.2")
    told = [
        *(one for n in range(36) for at in devices for one in session("mail", n * 300, device=at)),
        *surf(600),
        *(one for n in range(24, 30) for one in session("game", n * 300)),
        *session("chat", 9_000, device="10.0.0.99"),
    ]
    proxied = [Conn(f"CP{at}", 8_980 + at, 60, address="10.0.0.99") for at in range(6)]
    nameless = Conn("Cnameless", 8_980, address="203.0.113.77")
    ended = sorted([*told, *proxied, nameless], key=lambda one: one.end)
    conn_log(folder, *ended, Conn("Coverdue", 100), named=[])
    told.sort(key=lambda one: one.start)
    game = [one for one in told if ".game." in one.name]
    put(folder, "ssl", *map(handshake, told))
    put(folder, "x509", *(in_file(f"F{one.uid}", one.start) for one in game))
    connect: dict[str, object] = {"method": "CONNECT", "uri": "n0.mail.example:443"}
    proxy = {"id.resp_h": "10.0.0.99", "id.resp_p": 443, "status_code": 200}
    put(folder, "http", {"ts": 8_980, "uid": "CP0"} | connect | proxy)
    looked = {"id.orig_h": devices[0], "qtype": 1, "answers": ["203.0.113.77"]}
    put(folder, "dns", {"ts": 8_970, "query": "plain.example"} | looked)
    lease: dict[str, object] = {"mac": MAC, "assigned_addr": devices[0]}
    put(folder, "dhcp", *({"ts": at, "host_name": f"h{at}"} | lease for at in (0, 7_950)))
    sensor = {"ts_delta": 300.0, "peer": "worker-1"}
    lost = {25: 30.0, 26: 30.0}
    rows = ({"ts": n * 300, "percent_lost": lost.get(n, 0.0)} | sensor for n in range(37))
    put(folder, "capture_loss", *rows)


def handshake(one: Conn) -> dict[str, object]:
    """Return what ssl.log says of a connection; a game has a certificate in a file."""
    chain = [f"F{one.uid}"] if ".game." in one.name else []
    told = {"ts": one.start, "uid": one.uid, "server_name": one.name, "ja4": one.client}
    return told | {"cert_chain_fuids": chain}


def test_logs_beside_those_of_connections(tmp_path: Path) -> None:
    """Leases, losses, certificates, proxies and rows that came too late count as in one process."""
    many_logs(tmp_path)
    done = same(find_logs([tmp_path], KINDS), Learning(duration=2 * HOUR), rows=20)
    (notice,) = done.found.noted("Unseen_App")
    assert str(notice["msg"]).startswith("New app on 10.0.0.1 (h7950): ")
    assert "cert='CN=0A.example' " in str(notice["sub"])
    verdicts = done.found.said("verdict")
    assert verdicts.count("degraded") == done.line.counts.degraded == 2
    assert "shared_address" in verdicts
    counts = done.line.counts
    assert min(counts.with_http_host, counts.with_dns_name, counts.with_certificate) > 0
    assert done.line.gathered.overdue == 1
    assert [one for _, one, _ in done.line.site.browsers] == ["ja4:t13browser"]


def test_progress_is_told_with_each_chunk(tmp_path: Path) -> None:
    """Each chunk of so many rows as the source has is told with its file."""
    conn_log(tmp_path, *(Conn(f"C{at}", at) for at in range(5)))
    told: list[tuple[str, int]] = []
    logs = find_logs([tmp_path / "conn.log"], KINDS)
    source = Source(logs, 2, on_chunk=lambda log, rows: told.append((log.kind, rows)))
    replay_apart(load(None, environ={}, overrides={}), source, pipeline(LEARNED)[0])
    assert told == [("conn", 2), ("conn", 2), ("conn", 1)]


# Ends before the end


@pytest.fixture
def nothing_left() -> Iterator[None]:
    """Let no process and no thread be left that was not there before."""
    before = set(threading.enumerate())
    yield
    assert active_children() == []
    for thread in set(threading.enumerate()) - before:
        thread.join(10)
        assert not thread.is_alive()


@pytest.mark.usefixtures("nothing_left")
def test_an_error_of_the_logs_is_raised_as_it_was(tmp_path: Path) -> None:
    """With the file that it is about."""
    write_logs(tmp_path, {"flowprint_conn": exported_rows([talk("C1", 10)])})
    with pytest.raises(LogError, match="has batches of 300 s") as caught:
        outcome(find_logs([tmp_path], KINDS), LEARNED, processes=2, fingerprint__batch="45s")
    assert caught.value.path == tmp_path / "flowprint_conn.log"


@pytest.mark.usefixtures("nothing_left")
def test_an_error_of_the_judge_leaves_nothing(
    logs: list[LogFile], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Though more is read than may wait for it."""

    def raising(_found: Found, _row: Row) -> None:
        raise OutputError("disk full", path="flowprint.log")

    monkeypatch.setattr(Found, "verdict", raising)
    with pytest.raises(OutputError, match=r"flowprint\.log: disk full"):
        outcome(logs, Learning(), processes=2)


@pytest.mark.usefixtures("nothing_left")
def test_a_reading_process_that_is_killed_is_an_error(logs: list[LogFile], tmp_path: Path) -> None:
    """Nobody waits for what it would have read."""
    pipe = tmp_path / "ssl.log"
    os.mkfifo(pipe)

    def kill() -> None:
        with pipe.open("wb"):  # once the process reads it
            for process in active_children():
                assert process.pid is not None
                os.kill(process.pid, signal.SIGKILL)

    killer = threading.Thread(target=kill)
    killer.start()
    conn = [log for log in logs if log.kind == "conn"]
    with pytest.raises(FlowPrintError, match="a worker process ended by itself"):
        outcome([*conn, LogFile(pipe, "ssl", "tsv")], LEARNED, processes=2)
    killer.join()
