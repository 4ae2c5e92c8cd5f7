"""Logs of busy hours in the forms that they come in."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from benchmarks.busy import BATCH, FORMS, WINDOW, Stretch, exported, written
from benchmarks.replayed import replayed
from flowprint_zeek.analysis.network import Network
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.zeek.exported import exported_rows
from flowprint_zeek.zeek.files import log_at
from flowprint_zeek.zeek.join import FLOWPRINT_CONN_COLUMNS
from flowprint_zeek.zeek.reader import ReadStats, read_chunks
from tests.benchmarks.stretches import SMALL

if TYPE_CHECKING:
    from pathlib import Path

    from benchmarks.busy import Written


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("busy")


@pytest.fixture(scope="module")
def logs(folder: Path) -> dict[str, Written]:
    return written(SMALL, folder)


def test_rows_are_as_many_as_asked_for(logs: dict[str, Written]) -> None:
    """conn.log has so many rows, the first half of the time is without planted apps."""
    assert set(FORMS) == set(logs)
    assert [SMALL.rows] * 3 == [logs[form].rows["conn"] for form in ("tsv", "gz", "json")]
    assert logs["tsv"].opens < logs["tsv"].detects < logs["tsv"].closes


def test_logs_are_written_once(
    folder: Path, logs: dict[str, Written], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is there is found again."""
    monkeypatch.setattr("benchmarks.busy.simulate", None)
    assert logs == written(SMALL, folder)


@pytest.mark.parametrize(
    ("rows", "said"), [(100_000, "instead of 100000"), (100, "100 rows are too few")]
)
def test_too_few_rows(
    rows: int, said: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A network with fewer rows, or fewer than are learned, is an error; nothing is written."""
    small = Network(devices=2, days=0.05, unseen_apps=0)
    monkeypatch.setattr(Stretch, "network", lambda _self: small)
    with pytest.raises(ValueError, match=said):
        written(Stretch(rows, 2), tmp_path)
    assert [] == list(tmp_path.iterdir())


def test_all_forms_give_the_same_notices(logs: dict[str, Written]) -> None:
    """TSV, compressed TSV and JSON give one answer; what is derived is read, too."""
    found = {form: replayed([one.folder], one.detects) for form, one in logs.items()}

    assert 1 == len({found[form]["digest"] for form in ("tsv", "gz", "json")})
    assert sum(logs["exported"].rows.values()) == found["exported"]["rows"]
    assert found["tsv"]["batches"] == found["exported"]["batches"]


def test_derived_rows_are_whole_connections(logs: dict[str, Written]) -> None:
    """Each row is taken, and the windows of a connection are those between its ends."""
    (first, *_) = logs["exported"].files("flowprint_conn")
    for chunk in read_chunks(log_at(first), FLOWPRINT_CONN_COLUMNS, stats=ReadStats()):
        assert len(chunk) == len(exported_rows(chunk))

    simulated = simulate(Network(seed=3, devices=4, days=0.2, unseen_apps=0))
    conn = simulated.conn[simulated.conn["proto"] == "tcp"]
    rows = exported(conn, simulated.ssl)[0].rows
    last = ints(conn["ts"]) + ints(conn["duration"]).clip(0)
    windows = {
        uid: high // WINDOW - low // WINDOW + 1
        for uid, low, high in zip(conn["uid"], conn["ts"], last, strict=True)
    }
    told = rows.assign(n=rows["windows"].map(len)).groupby("uid")["n"].sum()
    assert windows == told.to_dict()
    assert len(conn) < len(rows)
    assert len(conn) == rows["final"].sum()
    assert 0 == (ints(rows["batch_start"]) % BATCH).sum()
