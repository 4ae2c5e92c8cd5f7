"""Logs of the Zeek package beside stock logs: what they tell counts, and counts once."""

from __future__ import annotations

import random
from itertools import chain
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.cli.main import main
from flowprint_zeek.core.batch import cut
from flowprint_zeek.errors import LogError
from flowprint_zeek.store import read
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS
from flowprint_zeek.stream.replay import KINDS, Source, prepared, replay
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.join import COLUMNS
from tests.stream.exports import (
    EXPORTED,
    STOCK,
    Talk,
    all_rows,
    chatter,
    conn_rows,
    exported_rows,
    ssl_rows,
    talk,
    write_logs,
)
from tests.stream.small import ALWAYS, MIDNIGHT, SECOND, frame, pipeline, until
from tests.stream.test_capture import captured
from tests.stream.test_live import replayed, settings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from flowprint_zeek.stream.pipeline import Pipeline
    from flowprint_zeek.zeek.writer import Format
    from tests.stream.exports import Rows
    from tests.stream.small import Found

LEARNED = 3_600


def story(seed: int = 1) -> list[Talk]:
    """Return two hours of two devices: known apps, from the second on an unseen one, a push."""
    chance = random.Random(seed)  # noqa: S311  a seeded chance, no secret
    told: list[Talk] = []
    for device in ("10.0.0.1", "10.0.0.2"):
        for start in range(0, 7_200, 300):
            told += chatter(chance, "mail", start + 10.0, 80.0, device)
            told += chatter(chance, "news", start + chance.choice((150.0, 260.0)), 60.0, device)
    for start in (4_000, 5_000, 6_000):
        told += chatter(chance, "game", float(start), 250.0, "10.0.0.2")
    every = [20.0 + 60.0 * number for number in range(118)]
    told.append(talk("Cpush", *every, name="push.mail.example", address="203.0.113.99"))
    return told


def logs(folder: Path, rows: Mapping[str, Rows], *kinds: str) -> Path:
    """Write logs of some kinds."""
    write_logs(folder, {kind: rows[kind] for kind in kinds})
    return folder


def fed(rows: Mapping[str, Rows], **settings: Any) -> tuple[Pipeline, Found]:
    """Return a pipeline that has finished with all rows given at once, and what it found."""
    line, found = pipeline(ALWAYS, log__rows="all", **settings)
    for kind, held in rows.items():
        give(line, kind, held)
    line.finish()
    return line, found


def give(line: Pipeline, kind: str, rows: Rows) -> None:
    chunk = prepared(frame(kind, COLUMNS[kind], rows), kind)
    if "end" in chunk:
        line.conn(chunk)
    else:
        line.beside(kind, chunk)


def elements(line: Pipeline) -> list[str]:
    return sorted(element for element, *_ in line.site.seen)


# Never twice


def test_stock_logs_change_nothing_beside_those_of_the_package(tmp_path: Path) -> None:
    """What a replay writes of all logs is what it writes of the package's, byte for byte."""
    rows, config = all_rows(story()), settings(tmp_path, run__learn_for=f"{LEARNED}s")
    alone = replayed(logs(tmp_path / "alone", rows, *EXPORTED), tmp_path / "a", config)
    both = replayed(logs(tmp_path / "both", rows, *STOCK, *EXPORTED), tmp_path / "b", config)
    assert alone[NOTICES].count(b"Unseen_App") >= 1
    assert alone[VERDICTS].count(b"\n") > 50
    assert both == alone


def test_a_connection_counts_once() -> None:
    """As a flow in its first batch; its row of conn.log is counted as told of already."""
    told = [talk("C1", 10, 250, 320, 900), talk("C2", 20, 30)]
    rows = all_rows(told)
    line, _ = fed(rows)
    assert line.counts.flows == 2
    assert line.gathered.dropped.reasons == {"exported": 2}
    assert (line.late.matched, line.late.unmatched) == (0, 0)
    alone, _ = fed({"flowprint_conn": rows["flowprint_conn"]})
    assert alone.counts.flows == 2
    assert not alone.gathered.dropped.reasons


def test_late_parts_of_its_row_count_for_nothing() -> None:
    """Without the package's log they are told of as late."""
    rows = all_rows([talk("C1", 10, 5_000)])
    stock, _ = fed({kind: rows[kind] for kind in STOCK})
    assert stock.late.unmatched > 10
    both, _ = fed(rows)
    assert both.late.unmatched == 0


def test_hosts_that_are_not_exported_count_by_conn_log() -> None:
    """The package may tell of some hosts only."""
    one = talk("C1", 10, 20, name="a.example")
    other = talk("C2", 10, 20, device="10.0.0.2", name="b.example")
    rows = all_rows([one, other]) | {"flowprint_conn": exported_rows([one])}
    line, _ = fed(rows)
    assert line.counts.flows == 2
    assert line.counts.devices == {"10.0.0.1", "10.0.0.2"}
    assert elements(line) == ["name:a.example", "name:b.example"]
    assert line.gathered.dropped.reasons == {"exported": 1}


def test_time_before_the_package_was_there_counts_by_conn_log() -> None:
    """A connection's part in a batch before its first exact row is that of conn.log."""
    one = talk("C1", 280, 320, name="a.example")
    rows = all_rows([one])
    rows["flowprint_conn"] = rows["flowprint_conn"][1:]
    line, found = fed(rows, detect__min_flows=1)
    assert line.counts.batches == 2
    assert len(line.site.seen) == 1
    assert line.gathered.dropped.reasons == {"exported": 1}
    assert found.notices == []


def test_rows_written_twice_count_once() -> None:
    """Of a connection and batch there is one row."""
    rows = exported_rows([talk("C1", 10, 20), talk("C2", 10)])
    line, _ = fed({"flowprint_conn": [*rows, rows[0]]})
    assert line.counts.flows == 2
    assert line.counts.rows_duplicate == 1


@pytest.mark.parametrize("seed", range(4))
def test_the_order_of_rows_does_not_matter(seed: int) -> None:
    """Whichever log is read first, and in whatever pieces."""
    rows, chance = all_rows(story()[:200]), random.Random(seed)  # noqa: S311  no secret
    expected, found = fed(rows)
    pieces = [
        (kind, piece) for kind in ("conn", "flowprint_conn") for piece in cut_up(rows[kind], chance)
    ]
    chance.shuffle(pieces)
    line, other = pipeline(ALWAYS, log__rows="all")
    for kind, piece in chain(((kind, rows[kind]) for kind in ("ssl", "flowprint_ssl")), pieces):
        give(line, kind, piece)
    line.finish()
    assert other.verdicts == found.verdicts
    assert line.counts == expected.counts
    assert line.gathered.dropped == expected.gathered.dropped
    assert elements(line) == elements(expected)


def cut_up(rows: Rows, chance: random.Random) -> list[Rows]:
    """Return rows in pieces, their order changed within."""
    edges = sorted(chance.sample(range(1, len(rows)), 5))
    pieces = [rows[low:high] for low, high in zip([0, *edges], [*edges, len(rows)], strict=True)]
    return [chance.sample(piece, len(piece)) for piece in pieces]


def test_connections_are_known_no_longer_than_they_matter() -> None:
    """Those that ended at once, others after the time for which late parts count."""
    ended, going_on = talk("C1", 10, 20), talk("C2", 10, 20)
    rows = exported_rows([ended, going_on])
    for row in rows:
        row["final"] = row["uid"] == "C1"
    line, _ = pipeline(ALWAYS)
    give(line, "flowprint_conn", rows)
    line.advance(MIDNIGHT + 451 * SECOND)
    assert list(line.state().exported.rows) == ["C2"]
    give(line, "flowprint_conn", exported_rows([talk("C3", 6_000)]))
    line.finish()
    assert not line.state().exported.rows


def test_at_most_so_many_connections_are_known() -> None:
    """More than that are counted with the other rows that waited."""
    rows = exported_rows([talk(f"C{number}", 10) for number in range(20)])
    line, _ = fed({"flowprint_conn": [row | {"final": 0} for row in rows]}, stream__join_rows=8)
    assert len(line.state().exported.rows) == 7
    assert line.gathered.tls_dropped == 13


# Activity


def test_a_push_connection_is_told_of_in_each_batch() -> None:
    """Stock logs tell of it when it ends, too late for all but the last batch."""
    push = talk("C1", *range(10, 3_000, 50), name="push.example")
    for rows, batches in (
        ({"flowprint_conn": exported_rows([push])}, 10),
        ({"conn": conn_rows([push]), "ssl": ssl_rows([push])}, 1),
    ):
        line, _ = fed(rows)
        assert line.counts.batches == batches


def test_a_push_connection_is_raised_while_it_lives(tmp_path: Path) -> None:
    """An unseen app whose connections never end is found all the same."""
    known = [talk(f"C{at}", at, name=f"n{at % 3}.mail.example") for at in range(10, 600, 9)]
    unseen = [
        talk(f"Cpush{number}", *range(1_000, 9_000, 20), name=f"n{number}.push.example")
        for number in range(5)
    ]
    rows = exported_rows([*known, *unseen])
    alive = [row for row in rows if int(str(row["batch_start"])) < MIDNIGHT + 3_000 * SECOND]
    write_logs(tmp_path, {"flowprint_conn": alive})
    line, found = pipeline(until(900))
    replay(Source(find_logs([tmp_path], KINDS)), line)
    (notice,) = found.noted("Unseen_App")
    assert int(str(notice["ts"])) < MIDNIGHT + 2_000 * SECOND


def test_a_row_that_is_overdue_is_dropped() -> None:
    """As one of conn.log is."""
    line, _ = pipeline(ALWAYS)
    give(line, "flowprint_conn", exported_rows([talk("C1", 1_000)]))
    line.advance(MIDNIGHT + 2_000 * SECOND)
    give(line, "flowprint_conn", exported_rows([talk("C2", 10)]))
    assert line.gathered.overdue == 1


# Certificates and names


def test_rows_tell_certificate_and_name_themselves() -> None:
    """In every batch, though no other log is there; other logs add what they lack."""
    one = talk("C1", 10, 400, 1_000, name="a.example", certificate="0f")
    rows = {"flowprint_conn": exported_rows([one])}
    line, _ = fed(rows)
    assert elements(line) == ["name:a.example"]
    paper, _ = fed(rows, fingerprint__scheme="paper")
    assert elements(paper) == ["203.0.113.1:443", "cert:0f"]


# Widths


@pytest.mark.parametrize("width", ["fingerprint.batch", "fingerprint.window"])
def test_widths_that_do_not_fit_are_an_error_that_names_the_log(tmp_path: Path, width: str) -> None:
    """In a replay as for a whole capture."""
    write_logs(tmp_path, {"flowprint_conn": exported_rows([talk("C1", 10)])})
    given: dict[str, Any] = {width.replace(".", "__"): "45s"}
    line, _ = pipeline(ALWAYS, **given)
    with pytest.raises(LogError, match=r"flowprint_conn\.log: has batches of 300 s"):
        replay(Source(find_logs([tmp_path], KINDS)), line)
    with pytest.raises(LogError, match=r"flowprint_conn\.log: has batches of 300 s"):
        captured(tmp_path, **given)


def test_windows_may_be_wider_than_those_of_the_log(tmp_path: Path) -> None:
    """Two of Zeek's windows are one here."""
    write_logs(tmp_path, {"flowprint_conn": exported_rows([talk("C1", 10, 100)])})
    line, _ = pipeline(ALWAYS, fingerprint__window="60s")
    replay(Source(find_logs([tmp_path], KINDS)), line)
    assert line.counts.flows == 1


# Whole captures


def test_a_capture_has_each_connection_once(tmp_path: Path) -> None:
    """From its first packet to its last window, with all its bytes, whatever conn.log says."""
    rows = all_rows([talk("C1", 10, 250, 700, 715, name="a.example"), talk("C2", 40)])
    rows["flowprint_conn"] += rows["flowprint_conn"][:1]
    alone = captured(logs(tmp_path / "alone", rows, *EXPORTED))
    both = captured(logs(tmp_path / "both", rows, *STOCK, *EXPORTED))
    assert alone[["uid", "windows", "n_bytes", "name"]].to_numpy().tolist() == [
        ["C1", "30000000:0,8,23", 400, "a.example"],
        ["C2", "30000000:0", 100, ""],
    ]
    assert ((alone[["start", "end"]] - MIDNIGHT) // SECOND).to_numpy().tolist() == [
        [10, 690],
        [40, 40],
    ]
    assert both[alone.columns.tolist()].to_dict() == alone.to_dict()


def test_a_capture_mixes_connections_of_both_logs(tmp_path: Path) -> None:
    """Those that only conn.log tells of are as ever."""
    one, other = talk("C1", 10, 250), talk("C2", 5, 100, device="10.0.0.2")
    rows = all_rows([one, other]) | {"flowprint_conn": exported_rows([one])}
    flows = captured(logs(tmp_path, rows, *STOCK, *EXPORTED))
    assert flows[["uid", "windows"]].to_numpy().tolist() == [["C2", ""], ["C1", "30000000:0,8"]]


def test_rows_without_uid_are_flows_of_their_own(tmp_path: Path) -> None:
    """Nothing tells which of them are of one connection."""
    write_logs(tmp_path, {"flowprint_conn": exported_rows([talk("", 10, 400), talk("", 20)])})
    assert len(captured(tmp_path)) == 3


@pytest.mark.parametrize(("batch", "window"), [(300, 30), (300, 70), (60, 90), (60, 7)])
def test_a_capture_is_active_when_there_were_packets(
    tmp_path: Path, batch: int, window: int
) -> None:
    """Also where windows lie over the edges of batches."""
    talks = [one for one in story(2)[::7] if len(one.times) > 1]
    rows = exported_rows(talks, batch * SECOND, window * SECOND)
    write_logs(tmp_path, {"flowprint_conn": rows})
    widths = {"fingerprint__batch": f"{batch}s", "fingerprint__window": f"{window}s"}
    flows = captured(tmp_path, **widths)
    slices = cut(flows, batch=batch * SECOND, window=window * SECOND)
    uids = flows["uid"].to_numpy(dtype=object)[slices.flow][slices.active]
    batches = slices.batch[slices.active]
    found = set(zip(uids.tolist(), batches.tolist(), slices.window.tolist(), strict=True))
    assert found == {
        (one.uid, time // (batch * SECOND), time // (window * SECOND))
        for one in talks
        for time in one.times
    }


def test_prepared_flows_keep_their_windows(tmp_path: Path) -> None:
    """Beside flows of stock logs, which have none."""
    pytest.importorskip("pyarrow")
    told = [one for one in story() if one.uid.startswith("Cmail")]
    rows = all_rows([one for one in told if one.device == "10.0.0.1"])
    logs(tmp_path / "exact", rows, *EXPORTED)
    logs(tmp_path / "stock", all_rows([one for one in told if one.device != "10.0.0.1"]), *STOCK)
    places = [str(tmp_path / name) for name in ("exact", "stock")]
    for place in places:
        assert main(["fingerprint", place, "--write", f"{place}.parquet"]) == 0
    kept = [f"{place}.parquet" for place in places]
    assert main(["fingerprint", "-r", *kept, "-o", str(tmp_path / "read.json")]) == 0
    assert main(["fingerprint", *places, "-o", str(tmp_path / "logs.json")]) == 0
    assert read(tmp_path / "read.json").apps == read(tmp_path / "logs.json").apps


@pytest.mark.parametrize("form", ["tsv", "json"])
def test_the_commands_take_the_logs_of_the_package_alone(
    tmp_path: Path, form: Format, capsys: pytest.CaptureFixture[str]
) -> None:
    """`fingerprint` makes the same fingerprints of both formats, and misses no ssl.log."""
    told = [one for one in story() if one.uid.startswith("Cmail10.0.0.1")]
    rows = {kind: held for kind, held in all_rows(told).items() if kind in EXPORTED}
    write_logs(tmp_path, rows, form)
    model = tmp_path / "model.json"
    assert main(["fingerprint", str(tmp_path), "-o", str(model)]) == 0
    apps = read(model).apps
    assert {name for app in apps for name in app.elements if name.startswith("name:")} == {
        f"name:n{number}.mail.example" for number in (1, 2, 3)
    }
    assert "no ssl log" not in capsys.readouterr().err


@pytest.mark.parametrize("rows", [1, 3, 5, 100])
def test_a_row_that_is_no_flow_leaves_the_others_what_logs_say(tmp_path: Path, rows: int) -> None:
    """A connection is answered in its second batch only: its name stays, however rows are read."""
    told = exported_rows([talk("C1", 298, 302, 400, address="203.0.113.9", name="")])
    told[0]["answered"] = False
    others = exported_rows([talk(f"F{at}", 290 + at / 10, name="f.example") for at in range(3)])
    http = {"id.resp_h": "203.0.113.9", "id.resp_p": 443, "method": "GET", "uri": "/"}
    request = {"ts": told[0]["ts"], "uid": "C1", "host": "h.example", "status_code": 200} | http
    write_logs(tmp_path, {"flowprint_conn": [*others, *told], "http": [request]})
    line, _ = pipeline(ALWAYS)
    replay(Source(find_logs([tmp_path], KINDS), chunk_rows=rows), line)
    assert "name:h.example" in elements(line)


def test_a_stock_row_that_is_no_flow_leaves_exact_ones_what_logs_say() -> None:
    """Zeek may swap the sides of a connection after its first batch was told of."""
    one = talk("C1", 10, 20, name="")
    http = {"id.resp_h": "203.0.113.1", "id.resp_p": 443, "method": "GET", "uri": "/"}
    request = {"ts": one.times[0], "uid": "C1", "host": "h.example", "status_code": 200} | http
    swapped = [row | {"history": "^ShAD"} for row in conn_rows([one])]
    line, _ = pipeline(ALWAYS)
    line.beside("http", frame("http", COLUMNS["http"], [request]))
    give(line, "flowprint_conn", exported_rows([one]))
    give(line, "conn", swapped)
    line.finish()
    assert elements(line) == ["name:h.example"]
