"""The benchmark of flow2vec: what it measures is what it says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from benchmarks import flow2vec
from flowprint_zeek.analysis.flow2vec.embedding import Settings
from flowprint_zeek.analysis.flow2vec.sentences import Cut
from flowprint_zeek.analysis.simulate import Network
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats, read_chunks
from tests.analysis.flow2vec.small import two_apps, written

if TYPE_CHECKING:
    from pathlib import Path


def test_every_method_is_judged(tmp_path: Path) -> None:
    """On two apps that are used in turn, vectors and counting beat chance."""
    rows = two_apps(minutes=30)
    labels = {row["uid"]: row["label"] for row in rows}
    log = written(tmp_path / "conn.log", rows)
    found = flow2vec.judge(log, labels, "destination", Cut(), Settings(sample=0.0, epochs=40))
    assert {one.tokens for one in found.values()} == {8}
    assert list(found)[-1] == "flow2vec"
    assert all(one.purity > one.chance + 0.2 for one in found.values())


def test_copies_are_of_other_devices(tmp_path: Path) -> None:
    """Rows are multiplied, uids are apart, and each copy has devices of its own."""
    network = Network(devices=3, apps=3, days=0.1, unseen_apps=0, browsers=0)
    count = flow2vec.copied(tmp_path / "logs", 2_000, network)
    uids: set[str] = set()
    devices: set[str] = set()
    for log in find_logs([tmp_path / "logs"], ("conn",)):
        for chunk in read_chunks(log, ("uid", "id.orig_h"), stats=ReadStats()):
            uids.update(chunk["uid"].tolist())
            devices.update(one for one in chunk["id.orig_h"] if one.startswith("10."))
    assert count == len(uids) >= 2_000
    assert len({one.split(".")[1] for one in devices}) > 1
