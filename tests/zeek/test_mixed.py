"""Several logs in one file."""

from __future__ import annotations

import gzip
import json
from typing import TYPE_CHECKING
from unittest.mock import Mock

import pandas as pd
import pytest

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek import jsonlines
from flowprint_zeek.zeek.files import LogFile, find_logs, log_at
from flowprint_zeek.zeek.frame import read_frame
from flowprint_zeek.zeek.reader import ReadStats, column_types, read_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

CONN = {"ts": 1.0, "uid": "C1", "conn_state": "SF"}
SSL = {"ts": 2.0, "uid": "C2", "server_name": "a.example"}
DNS = {"ts": 3.0, "uid": "C3", "trans_id": 7, "query": "b.example"}
ROWS = [
    *({"_path": "weird", "ts": 0.5, "name": "x"}, {"_path": "conn", **CONN}),
    *({"_path": "ssl", **SSL}, {**DNS, "_path": "dns"}, {"_path": "conn", **CONN, "uid": "C4"}),
]


def lines(*rows: object, spaces: bool = False) -> bytes:
    signs = None if spaces else (",", ":")
    return b"".join(json.dumps(row, separators=signs).encode() + b"\n" for row in rows)


def table(path: str, *uids: str) -> bytes:
    """Return a log in TSV."""
    rows = "".join(f"1.0\t{uid}\n" for uid in uids)
    head = f"#separator \\x09\n#path\t{path}\n#fields\tts\tuid\n#types\ttime\tstring\n"
    return f"{head}{rows}#close\tx\n".encode()


def found(path: Path, *kinds: str) -> list[str]:
    return [log.kind for log in find_logs([path], kinds)]


def read(logs: Sequence[LogFile]) -> tuple[dict[str, list[str]], ReadStats]:
    """Return the uids of logs by kind."""
    stats = ReadStats()
    uids: dict[str, list[str]] = {}
    for log in logs:
        for chunk in read_chunks(log, ["ts", "uid"], rows=1, stats=stats):
            uids.setdefault(log.kind, []).extend(chunk["uid"])
    return uids, stats


@pytest.mark.parametrize("name", ["all.json", "export.ndjson.gz", "x"])
@pytest.mark.parametrize("spaces", [False, True])
def test_a_file_of_all_logs_comes_once_for_each_wanted_kind(
    tmp_path: Path, name: str, *, spaces: bool
) -> None:
    """As json-streaming and exports of SIEMs make it; each reading takes its own rows."""
    path = tmp_path / name
    data = lines(*ROWS, spaces=spaces)
    path.write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    for place in (path, tmp_path):
        logs = find_logs([place], ["ssl", "conn", "x509"])
        assert [(log.path, log.kind, log.stream) for log in logs] == [
            (path, "conn", "conn"),
            (path, "ssl", "ssl"),
        ]
    uids, stats = read(logs)
    assert uids == {"conn": ["C1", "C4"], "ssl": ["C2"]}
    assert stats.problems == []
    assert stats.skipped == {}


def test_all_of_a_file_is_looked_through(tmp_path: Path) -> None:
    """A kind may begin far behind the first rows, where the name tells none."""
    (tmp_path / "a.json").write_bytes(lines(*[ROWS[1]] * 50_000, ROWS[2]))
    assert found(tmp_path / "a.json", "ssl") == ["ssl"]
    assert found(tmp_path / "a.json", "conn", "ssl") == ["conn", "ssl"]


def test_lines_of_other_logs_are_not_parsed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Their bytes tell."""
    path = tmp_path / "all.json"
    path.write_bytes(lines(*ROWS))
    logs = find_logs([path], ["ssl"])
    parse = Mock(side_effect=jsonlines.row_of)
    monkeypatch.setattr(jsonlines, "row_of", parse)
    assert read(logs)[0] == {"ssl": ["C2"]}
    assert parse.call_count == 1


def test_what_a_value_says_is_not_what_a_row_says(tmp_path: Path) -> None:
    """Text that looks like a path, from traffic or in a record, makes no row another log's."""
    text = {**SSL, "server_name": '"_path":"conn"', "_path": "ssl"}
    record = {"_path": "ssl", **SSL, "uid": "C5", "more": {"_path": "conn"}}
    (tmp_path / "all.json").write_bytes(lines(*ROWS, text, record))
    uids, _ = read(find_logs([tmp_path], ["conn", "ssl"]))
    assert uids == {"conn": ["C1", "C4"], "ssl": ["C2", "C2", "C5"]}


def test_lines_that_nobody_claims_are_counted_once(tmp_path: Path) -> None:
    """Damage and rows that do not say what they are of are told once, not for each log."""
    path = tmp_path / "all.json"
    path.write_bytes(lines(*ROWS) + b"garbage\n" + lines(CONN) + b'{"_path":"ssl","ts":\n')
    uids, stats = read(find_logs([path], ["conn", "ssl"]))
    assert uids == {"conn": ["C1", "C4"], "ssl": ["C2"]}
    assert stats.damaged == {"conn": 1, "ssl": 1}
    assert stats.skipped == {"conn": 1}
    assert stats.problems == [
        f"{path}:6: damaged line (no JSON object): 'garbage'",
        f"{path}:7: rows of other logs than conn are skipped",
        f"""{path}:8: damaged line (no JSON object): '{{"_path":"ssl","ts":'""",
    ]


def test_rows_that_nothing_tells_apart_are_refused(tmp_path: Path) -> None:
    """Columns tell that they are of two logs; reading them as one would make up connections."""
    path = tmp_path / "conn.log"
    path.write_bytes(lines(CONN, DNS))
    with pytest.raises(LogError, match=r"conn\.log: mixes rows of conn or dns without a _path"):
        find_logs([path], ["conn"])


def test_logs_in_tsv_one_after_another(tmp_path: Path) -> None:
    """Each header says what follows; a log may come again."""
    path = tmp_path / "day.txt"
    path.write_bytes(table("conn", "C1") + table("ssl", "C2") + table("dns", "C3"))
    path.write_bytes(path.read_bytes() + table("conn", "C4"))
    logs = find_logs([path], ["conn", "ssl"])
    uids, stats = read(logs)
    assert uids == {"conn": ["C1", "C4"], "ssl": ["C2"]}
    assert stats.problems == []


def test_headers_of_other_logs_are_not_complained_of(tmp_path: Path) -> None:
    """That ssl.log has no column of conn.log is nothing to tell of."""
    path = tmp_path / "day.txt"
    columns = ("ts", "uid", "proto")
    conn = b"#path\tconn\n#fields\tts\tuid\tproto\n1.0\tC1\ttcp\n"
    path.write_bytes(conn + b"#separator \\x09\n" + table("ssl", "C2"))
    stats = ReadStats()
    frames = [list(read_chunks(log, columns, stats=stats)) for log in find_logs([path], ["conn"])]
    assert [frame["uid"].tolist() for (frame,) in frames] == [["C1"]]
    assert stats.problems == []


def test_tables_that_nobody_claims_are_counted_once(tmp_path: Path) -> None:
    """Rows behind a header without a path, in a file of several logs, are skipped and told."""
    path = tmp_path / "day.txt"
    nameless = table("", "C3", "C4").replace(b"#path\t\n", b"")
    path.write_bytes(table("conn", "C1") + table("ssl", "C2") + nameless)
    uids, stats = read(find_logs([path], ["conn", "ssl"]))
    assert uids == {"conn": ["C1"], "ssl": ["C2"]}
    assert stats.skipped == {"conn": 2}
    assert stats.problems == [f"{path}:16: rows of other logs than conn are skipped"]


def test_columns_of_a_log_among_others(tmp_path: Path) -> None:
    """They are its own, in both formats."""
    (tmp_path / "a.json").write_bytes(lines(*ROWS))
    other = b"#path\tdns\n#fields\tts\tquery\n#types\ttime\tstring\n1.0\ta.example\n"
    (tmp_path / "b.tsv").write_bytes(table("conn", "C1") + b"#separator \\x09\n" + other)
    in_json, in_tsv = find_logs([tmp_path], ["dns"])
    names = ["ts", "uid", "trans_id", "query", "_path"]
    assert list(column_types(in_json)) == names
    assert column_types(in_tsv) == {"ts": "time", "query": "string"}
    frame = read_frame(tmp_path / "a.json", kind="ssl")
    assert frame["server_name"].tolist() == ["a.example"]
    assert log_at(tmp_path / "a.json").kind == "weird"


def test_a_log_that_its_name_tells_is_taken_for_one(tmp_path: Path) -> None:
    """Foreign rows behind its beginning are skipped, counted and told."""
    path = tmp_path / "conn.log"
    path.write_bytes(lines(*[ROWS[1]] * 20_000, ROWS[2], ROWS[3]))
    (log,) = find_logs([path], ["conn", "ssl"])
    stats = ReadStats()
    frames = list(read_chunks(log, ["uid"], stats=stats))
    assert len(pd.concat(frames)) == 20_000
    assert stats.skipped == {"conn": 2}
    assert stats.problems == [f"{path}:20001: rows of other logs than conn are skipped"]


@pytest.mark.parametrize("rows", [lines({"_path": "conn", **CONN}), table("conn", "C1")])
@pytest.mark.parametrize("name", ["open_conn.log", "s1-open_conn.dat", "conn_long.2.json"])
def test_an_interim_log_is_none_of_its_rows(tmp_path: Path, name: str, rows: bytes) -> None:
    """Rows of open_conn.log say conn; each connection comes again in conn.log."""
    (tmp_path / name).write_bytes(rows)
    (tmp_path / "conn.log").write_bytes(rows)
    assert [log.path.name for log in find_logs([tmp_path], ["conn"])] == ["conn.log"]
    kind = "conn_long" if "long" in name else "open_conn"
    (log,) = find_logs([tmp_path / name], [kind])
    assert read([log])[0] == {kind: ["C1"]}
