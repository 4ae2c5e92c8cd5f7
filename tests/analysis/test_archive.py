from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from flowprint_zeek.analysis.archive import columns_of, write
from flowprint_zeek.analysis.simulate import Network, Simulated, simulate
from flowprint_zeek.errors import OutputError, UsageError
from flowprint_zeek.zeek.files import log_at
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

SMALL = Network(seed=7, devices=4, apps=5, days=0.5, unseen_apps=3)


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate(SMALL)


def contents(simulated: Simulated, out: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in write(simulated, out)}


def read_back(paths: Sequence[Path], simulated: Simulated, kind: str) -> pd.DataFrame:
    names = [name for name, _ in columns_of(simulated)[kind]]
    logs = [log_at(path) for path in paths if path.name.startswith(f"{kind}.")]
    chunks = [chunk for log in logs for chunk in read_chunks(log, names, stats=ReadStats())]
    return pd.concat(chunks, ignore_index=True)


def test_equal_seeds_give_equal_bytes(simulated: Simulated, tmp_path: Path) -> None:
    """Simulating and writing the same network again changes no byte."""
    first = contents(simulated, tmp_path / "first")
    assert contents(simulate(SMALL), tmp_path / "second") == first


def test_what_is_written_reads_back_equal(simulated: Simulated, tmp_path: Path) -> None:
    """The reader gives every frame again, from rotated TSV."""
    paths = write(simulated, tmp_path)
    for kind in ("conn", "ssl", "x509", "dns", "http"):
        pd.testing.assert_frame_equal(read_back(paths, simulated, kind), getattr(simulated, kind))


def test_compressed_json_reads_back_equal(simulated: Simulated, tmp_path: Path) -> None:
    """The reader gives conn again from compressed JSON without rotation."""
    paths = write(simulated, tmp_path, format="json", rotate=None, compress=True)
    kinds = ("conn", "ssl", "x509", "dns", "http")
    assert [path.name for path in paths[:5]] == [f"{kind}.log.gz" for kind in kinds]
    pd.testing.assert_frame_equal(read_back(paths, simulated, "conn"), simulated.conn)


def test_rotation_follows_log_time(simulated: Simulated, tmp_path: Path) -> None:
    """Each file holds the rows logged in its hour and says when it was opened and closed."""
    paths = write(simulated, tmp_path)
    conn = [path for path in paths if path.name.startswith("conn.")]
    assert len(conn) == SMALL.days * 24
    head, tail = conn[3].read_text().splitlines()[5], conn[3].read_text().splitlines()[-1]
    assert head == f"#open\t{conn[3].name[5:-4]}"
    assert tail == "#close\t2026-03-02-04-00-00"


def test_truth_files_hold_labels_and_planted_apps(simulated: Simulated, tmp_path: Path) -> None:
    """labels.tsv names every uid of conn; planted.tsv has a line for each use."""
    write(simulated, tmp_path, rotate=None)
    lines = (tmp_path / "labels.tsv").read_text().splitlines()
    assert lines[0] == "uid\tlabel"
    assert len(lines) == len(simulated.conn) + 1
    truth = pd.read_csv(tmp_path / "planted.tsv", sep="\t")
    assert truth["app"].tolist() == simulated.planted["app"].tolist()
    assert truth["first"].mul(1e6).round().tolist() == simulated.planted["first"].tolist()
    assert truth["names"].tolist() == simulated.planted["names"].map(",".join).tolist()


def test_a_log_without_rows_is_rotated_into_no_file(tmp_path: Path) -> None:
    """Where no name speaks TLS 1.2 there is no certificate, and no x509.log."""
    network = replace(SMALL, days=0.05, tls13_share=1.0, servers=0)
    names = [path.name for path in write(simulate(network), tmp_path)]
    assert not [name for name in names if name.startswith("x509.")]
    assert [name for name in names if name.startswith("ssl.")]


def test_a_folder_with_logs_is_refused(simulated: Simulated, tmp_path: Path) -> None:
    """Two simulations never mix in one folder."""
    (tmp_path / "conn.log").touch()
    with pytest.raises(OutputError, match=r"holds logs already, such as conn\.log"):
        write(simulated, tmp_path)


def test_too_short_rotation_is_refused(simulated: Simulated, tmp_path: Path) -> None:
    """Rotating more often than once a minute is an error."""
    with pytest.raises(UsageError, match="rotate must be at least 60 seconds, not 1"):
        write(simulated, tmp_path, rotate=1)
