"""What the Zeek package would have logged of a simulated network."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pytest

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.exports import BATCH, WINDOW, connections, handshakes
from flowprint_zeek.analysis.network import Network
from flowprint_zeek.analysis.simulate import Simulated, simulate
from flowprint_zeek.analysis.wire import log_times
from tests.stream.test_live import replayed, settings

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

NETWORK = Network(seed=4, devices=5, apps=6, days=0.4, unseen_apps=2, browsers=1)


@pytest.fixture(scope="module")
def simulated() -> Simulated:
    return simulate(NETWORK)


@pytest.fixture(scope="module")
def told(simulated: Simulated) -> pd.DataFrame:
    return connections(simulated)[0]


@pytest.fixture(scope="module")
def conn(simulated: Simulated, told: pd.DataFrame) -> pd.DataFrame:
    """Return the rows of conn.log that are told of, by uid."""
    rows = simulated.conn[simulated.conn["uid"].isin(told["uid"])]
    return rows.set_index("uid").sort_index()


def numbers(told: pd.DataFrame) -> pd.Series[int]:
    """Return each window since the epoch, by uid, in order."""
    start = told["batch_start"] // WINDOW
    pairs = [
        (uid, first + int(one))
        for uid, first, windows in zip(told["uid"], start, told["windows"], strict=True)
        for one in windows
    ]
    series = told["uid"].iloc[:0].astype(int)
    return type(series)([at for _, at in pairs], index=[uid for uid, _ in pairs])


@pytest.mark.parametrize("name", ["orig_bytes", "resp_bytes", "orig_pkts", "resp_pkts"])
def test_totals_are_those_of_the_connection(
    told: pd.DataFrame, conn: pd.DataFrame, name: str
) -> None:
    """What the rows of a connection carry adds up to what conn.log says."""
    total = told.groupby("uid")[name].sum()
    assert (total == conn[name].clip(lower=0)).all()


def test_a_connection_is_active_when_it_begins_and_ends(
    told: pd.DataFrame, conn: pd.DataFrame
) -> None:
    """Its first and last window are those of conn.log; a share of those between is told."""
    active = numbers(told).groupby(level=0)
    end = conn["ts"] + conn["duration"].clip(lower=0)
    assert (active.min() == conn["ts"] // WINDOW).all()
    assert (active.max() == end // WINDOW).all()
    between = (end // WINDOW - conn["ts"] // WINDOW - 1).clip(lower=0)
    inside = active.count() - 1 - (end // WINDOW > conn["ts"] // WINDOW)
    assert 0.15 < inside.sum() / between.sum() < 0.35


def test_rows_are_of_one_batch_each(told: pd.DataFrame) -> None:
    """A connection has one row for each batch, with windows inside it."""
    assert not told.duplicated(["uid", "batch_start"]).any()
    assert (told["batch_start"] % BATCH == 0).all()
    assert all(0 <= int(one) < BATCH // WINDOW for windows in told["windows"] for one in windows)
    assert all(windows for windows in told["windows"])


def test_rows_stand_in_the_order_in_which_zeek_logs_them(simulated: Simulated) -> None:
    """At the end of the batch, or when the connection is removed in it."""
    told, logged = connections(simulated)
    assert (np.diff(logged) >= 0).all()
    assert (logged <= NETWORK.end).all()
    final = told["final"].to_numpy() == 1
    batch_end = told["batch_start"].to_numpy() + BATCH
    assert (logged[~final] == np.minimum(batch_end, NETWORK.end)[~final]).all()
    removed = dict(zip(simulated.conn["uid"], log_times(simulated.conn, NETWORK.end), strict=True))
    assert logged[final].tolist() == [removed[uid] for uid in told["uid"][final]]
    assert 0 < told["uid"][~final].nunique() < told["uid"].nunique()


def test_connections_of_others_are_not_told_of(told: pd.DataFrame, simulated: Simulated) -> None:
    """Those that outsiders open, to many hosts, and of other protocols."""
    assert (told["local_orig"] == 1).all()
    assert set(told["proto"]) == {"tcp", "udp"}
    assert not told["id.resp_h"].isin(["224.0.0.251", "255.255.255.255"]).any()
    assert told["uid"].nunique() < len(simulated.conn)


def test_handshakes_are_those_of_ssl_log(told: pd.DataFrame, simulated: Simulated) -> None:
    """Both logs tell the same names, certificates and clients."""
    own = handshakes(simulated)
    assert own["uid"].tolist() == simulated.ssl["uid"].tolist()
    shown = own[own["cert_serial"] != ""].set_index("uid")
    again = told.drop_duplicates("uid").set_index("uid")
    both = again.index.intersection(shown.index)
    assert len(both) > 10
    for name in ("server_name", "cert_serial"):
        assert (again.loc[both, name] == shown.loc[both, name]).all()
    clients = again["client_fp"][again["client_fp"] != ""]
    assert clients.str.startswith("ja4:t").any()


def test_exported_logs_alone_give_what_they_give_beside_stock_logs(tmp_path: Path) -> None:
    """A connection counts once, as the package tells it."""
    both, alone = tmp_path / "both", tmp_path / "alone"
    files = write(simulate(NETWORK), both, exported=True, rotate=None)
    alone.mkdir()
    for path in files:
        if path.name.startswith("flowprint_"):
            (alone / path.name).write_bytes(path.read_bytes())
        elif path.name not in ("conn.log", "ssl.log"):
            path.unlink()
    config = settings(tmp_path)
    assert replayed(both, tmp_path / "a", config) == replayed(alone, tmp_path / "b", config)


def test_equal_networks_give_equal_logs(told: pd.DataFrame) -> None:
    """What is made up depends on the seed alone."""
    assert connections(simulate(NETWORK))[0].equals(told)
