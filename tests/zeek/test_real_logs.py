"""Real logs: each is read as the table says, and as counting by hand says."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from flowprint_zeek.config import load
from flowprint_zeek.core.devices import Selector
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.configured import selection_of
from flowprint_zeek.zeek.files import find_logs, log_at
from flowprint_zeek.zeek.join import CONN_COLUMNS, SSL_COLUMNS, TlsRows, conn_rows
from flowprint_zeek.zeek.reader import ReadStats, column_types, read_chunks
from tests.zeek import slow
from tests.zeek.expected import APPS, CHAINS, OUTCOMES, Outcome, counted, plain_rows

if TYPE_CHECKING:
    from pathlib import Path

KEYS = ("uid", "id", "fingerprint", "fuid", "uids")
READ = [name for name, outcome in OUTCOMES.items() if not outcome.refused]
ZEEK = [name for name in READ if not name.startswith("binetflow")]


def whole(path: Path) -> tuple[pd.DataFrame, ReadStats]:
    """Return all columns of a log, read in small chunks, and what reading met."""
    log, stats = log_at(path), ReadStats()
    types = column_types(log)
    columns = dict.fromkeys([*types, *CONN_COLUMNS, "server_name", *CHAINS, *KEYS])
    chunks = list(read_chunks(log, list(columns), rows=1000, stats=stats))
    return pd.concat(chunks, ignore_index=True), stats


def outcome_of(path: Path) -> Outcome:
    """Return what reading a log gives."""
    try:
        frame, stats = whole(path)
    except LogError as error:
        return Outcome(refused=True, problems=(str(error).removeprefix(str(path)),))
    kind = log_at(path).kind
    assert stats.rows == {kind: len(frame)}
    name = next(name for name in KEYS if frame[name].astype(bool).any())
    devices = 0
    if kind == "conn":
        selector = Selector(selection_of(load(None, environ={}, overrides={})))
        devices = selector.select(conn_rows(frame))["device"].nunique()
    return Outcome(
        rows=len(frame),
        damaged=stats.damaged.total(),
        duplicates=int(frame.duplicated([name, "ts"]).sum()),
        devices=devices,
        chains=int(frame[list(CHAINS)].astype(bool).any(axis=1).sum()),
        names=int(frame["server_name"].astype(bool).sum()),
        problems=tuple(problem.removeprefix(str(path)) for problem in stats.problems),
    )


def test_every_file_is_in_the_table(shared_data: Path) -> None:
    """A log that is added is not forgotten here."""
    folder = shared_data / "zeek-logs"
    files = (path for path in folder.rglob("*") if path.is_file())
    assert sorted(str(path.relative_to(folder)) for path in files) == sorted(OUTCOMES)


@pytest.mark.parametrize("name", OUTCOMES)
def test_each_log_is_read_as_the_table_says(shared_data: Path, name: str) -> None:
    """Rows, damage, duplicates, devices, certificates, names, and what is told."""
    found = outcome_of(shared_data / "zeek-logs" / name)
    expected = OUTCOMES[name]
    told = zip(found.problems, expected.problems, strict=True)
    assert all(text.startswith(beginning) for text, beginning in told)
    assert replace(found, problems=expected.problems) == expected


@pytest.mark.parametrize("name", READ)
def test_the_table_is_what_counting_by_hand_gives(shared_data: Path, name: str) -> None:
    """Its numbers are those of the csv and json modules, not only the reader's."""
    expected = replace(OUTCOMES[name], problems=())
    assert counted(shared_data / "zeek-logs" / name) == expected


@pytest.mark.parametrize("name", ZEEK)
def test_every_value_is_what_a_slow_reader_finds(shared_data: Path, name: str) -> None:
    """All columns of all rows, in a damaged log too."""
    path = shared_data / "zeek-logs" / name
    frame, stats = whole(path)
    columns = list(frame.columns)
    expected = slow.read(log_at(path), columns)
    assert stats.damaged.total() == expected.damaged
    theirs: list[tuple[Any, ...]] = list(zip(*expected.rows, strict=True))
    for column, values in zip(columns, theirs, strict=True):
        # repr: NaN is NaN.
        assert list(map(repr, frame[column].tolist())) == list(map(repr, values)), column


def test_todays_logs_of_zeek(shared_data: Path) -> None:
    """The captures of Zeek 8: sums over all logs, by table, by hand and by the reader."""
    read: dict[str, Counter[str]] = {}
    by_hand: dict[str, Counter[str]] = {}
    for path in sorted((shared_data / "apps").glob("*/*/*.log")):
        for sums, outcome in ((read, outcome_of(path)), (by_hand, counted(path))):
            assert not outcome.problems
            numbers = {name: n for name, n in asdict(outcome).items() if type(n) is int}
            sums.setdefault(path.stem, Counter()).update(numbers)
    table = {kind: Counter(asdict(replace(o, problems=0, refused=0))) for kind, o in APPS.items()}  # type: ignore[arg-type]  # numbers to add up
    assert by_hand == table
    assert read == table


def test_interim_logs_are_not_read_as_conn(shared_data: Path) -> None:
    """The rows of open_conn.log say conn; its name tells the truth."""
    logs = find_logs([shared_data / "zeek-logs" / "json_with_path"], ["conn", "open_conn"])
    assert [(log.path.name, log.kind) for log in logs] == [
        ("conn.log", "conn"),
        ("open_conn.log", "open_conn"),
    ]


@pytest.mark.parametrize("name", [name for name, found in OUTCOMES.items() if found.refused])
def test_a_folder_of_what_is_no_log_has_none(shared_data: Path, name: str) -> None:
    """A damaged log beside others is told and left out; alone it is an error."""
    with pytest.raises(LogError, match=name.rpartition("/")[2]):
        find_logs([shared_data / "zeek-logs" / name], ["conn"])


def joined(folder: Path) -> tuple[pd.DataFrame, list[str], list[str]]:
    """Return the connections of a folder with their certificates and names."""
    tls = TlsRows()
    stats = ReadStats()
    for log in find_logs([folder], ["ssl"]):
        for chunk in read_chunks(log, SSL_COLUMNS, stats=stats):
            tls.add(chunk)
    frames = [
        conn_rows(chunk)
        for log in find_logs([folder], ["conn"])
        for chunk in read_chunks(log, CONN_COLUMNS, stats=stats)
    ]
    frame = pd.concat(frames, ignore_index=True)
    certificates, names, _ = tls.look_up(frame["uid"].to_numpy())
    return frame, certificates.tolist(), names.tolist()


def test_connections_find_their_tls_rows(shared_data: Path) -> None:
    """As many certificates and names as a join by hand gives."""
    folder = shared_data / "zeek-logs" / "proxy_rolling_tsv_gz"
    frame, certificates, names = joined(folder)
    tls: dict[str, dict[str, str]] = {}
    for path in sorted(folder.glob("ssl.*")):
        for row in sorted(plain_rows(path)[0], key=lambda row: float(row["ts"]), reverse=True):
            tls[row["uid"]] = row
    mine = [tls.get(uid, {}) for uid in frame["uid"]]
    chains = [row.get("cert_chain_fps", "-") for row in mine]
    leaves = [chain.split(",")[0] for chain in chains]
    assert certificates == ["" if leaf in {"-", "(empty)"} else leaf for leaf in leaves]
    said = [row.get("server_name", "-").lower() for row in mine]
    assert names == ["" if name == "-" else name for name in said]
    assert sum(map(bool, certificates)) > 50
    assert sum(map(bool, names)) > 2000
    assert bool((frame["end"] >= frame["start"]).all())
