"""Connections and what ssl.log says of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.zeek.columns import as_frame, objects, standard_types, storage
from flowprint_zeek.zeek.columns import unset_column as unset
from flowprint_zeek.zeek.join import CONN_COLUMNS, SSL_COLUMNS, TlsRows, conn_rows

if TYPE_CHECKING:
    import pandas as pd


def chunk(kind: str, names: tuple[str, ...], rows: list[dict[str, Any]]) -> pd.DataFrame:
    types = standard_types(kind)
    frame = {name: unset(storage(types[name]), len(rows)) for name in names}
    for number, row in enumerate(rows):
        for name, value in row.items():
            frame[name][number] = value
    return as_frame(frame, len(rows))


def conn(**values: object) -> dict[str, Any]:
    row = conn_rows(chunk("conn", CONN_COLUMNS, [{"ts": 5, **values}]))
    return {str(name): value for name, value in row.iloc[0].to_dict().items()}


def ssl(*rows: tuple[str, int, str, str]) -> pd.DataFrame:
    return chunk(
        "ssl",
        SSL_COLUMNS,
        [
            {"uid": uid, "ts": ts, "server_name": name, "cert_chain_fps": (leaf, "ca") * bool(leaf)}
            for uid, ts, leaf, name in rows
        ],
    )


def looked_up(rows: TlsRows, *uids: str) -> list[tuple[str, str]]:
    certificates, names = rows.look_up(objects(uids))
    return list(zip(certificates.tolist(), names.tolist(), strict=True))


def test_a_connection_as_the_batcher_takes_it() -> None:
    """All columns of a plain row."""
    values = {"uid": "C1", "id.orig_h": "192.0.2.1", "id.orig_p": 5, "id.resp_h": "192.0.2.2"}
    values |= {"id.resp_p": 443, "proto": "tcp", "duration": 7, "orig_bytes": 1, "resp_bytes": 2}
    values |= {"conn_state": "SF", "local_orig": 1, "history": "ShADad", "resp_pkts": 3}
    assert conn(**values, vlan=10, orig_l2_addr="00:00:5e:00:53:01") == {
        "uid": "C1",
        "start": 5,
        "end": 12,
        "orig_h": "192.0.2.1",
        "orig_p": 5,
        "resp_h": "192.0.2.2",
        "resp_p": 443,
        "proto": "tcp",
        "n_bytes": 3,
        "local_orig": 1,
        "answered": True,
        "flipped": False,
        "orig_l2_addr": "00:00:5e:00:53:01",
        "ctx": "10",
    }


def test_unset_and_negative_values_of_a_connection() -> None:
    """Nothing known is no duration and no bytes; a negative duration is none."""
    row = conn()
    assert (row["start"], row["end"], row["n_bytes"], row["ctx"]) == (5, 5, 0, "")
    assert conn(duration=-3)["end"] == 5
    assert conn(orig_bytes=2**63 - 1, resp_bytes=2**63 - 1)["n_bytes"] > 0


def test_rows_without_time_are_left_out() -> None:
    """They belong to no batch."""
    assert conn_rows(chunk("conn", CONN_COLUMNS, [{"uid": "C1"}])).empty


@pytest.mark.parametrize(
    ("values", "answered"),
    [
        ({"resp_pkts": 1, "conn_state": "SF"}, True),
        ({"resp_pkts": 0, "conn_state": "SF"}, False),
        ({"resp_pkts": 1, "conn_state": "REJ"}, False),
        ({"resp_pkts": 1}, True),
        ({"conn_state": "SF"}, True),
        ({"conn_state": "S0", "resp_bytes": 5}, False),
        ({"conn_state": "REJ"}, False),
        ({"conn_state": "SH"}, False),
        ({"conn_state": "RSTOS0"}, False),
        ({"resp_bytes": 5}, True),
        ({"resp_bytes": 0}, False),
        ({}, True),
    ],
)
def test_answered(values: dict[str, object], answered: bool) -> None:
    """By packets, else by state, else by bytes; where nothing tells, yes."""
    assert conn(**values)["answered"] is answered


def test_flipped_is_told_by_the_history() -> None:
    """Zeek marks connections whose sides it swapped."""
    assert conn(history="^hADafR")["flipped"] is True


@pytest.mark.parametrize(
    ("values", "ctx"),
    [
        ({"vlan": 10, "inner_vlan": 20}, "10.20"),
        ({"id.ctx.vlan": 30, "vlan": 30}, "30"),
        ({"id.ctx.vlan": 30, "id.ctx.inner_vlan": 0}, "30.0"),
    ],
)
def test_context_is_the_vlans(values: dict[str, object], ctx: str) -> None:
    """However a Zeek logs them."""
    assert conn(**values)["ctx"] == ctx


def test_tls_rows_wait_for_their_connection() -> None:
    """The leaf's fingerprint and the normalised name; unknown connections have neither."""
    rows = TlsRows(deny=["cloudflare-ech.com"])
    rows.add(ssl(("C1", 1, "aa", "WWW.Example.com."), ("C2", 2, "", "Cloudflare-ECH.com")))
    assert looked_up(rows, "C1", "C2", "C3") == [("aa", "www.example.com"), ("", ""), ("", "")]
    rows.forget(["C1", "C9"])
    assert looked_up(rows, "C1") == [("", "")]
    assert len(rows) == 1


def test_a_denied_subdomain_has_a_leading_dot() -> None:
    """It stands for every name below the domain and not for the domain."""
    rows = TlsRows(deny=[".example.com"])
    rows.add(ssl(("C1", 1, "", "a.b.example.com"), ("C2", 1, "", "example.com")))
    assert looked_up(rows, "C1", "C2") == [("", ""), ("", "example.com")]


def test_rows_without_uid_are_nobodys() -> None:
    """They would otherwise go to every connection without uid."""
    rows = TlsRows()
    rows.add(ssl(("", 1, "aa", "example.com")))
    assert looked_up(rows, "") == [("", "")]


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from(["C1", "C2"]),
            st.integers(0, 2),
            st.sampled_from(["", "aa", "bb"]),
            st.sampled_from(["", "a.example", "b.example"]),
        ),
        min_size=1,
        max_size=8,
    ),
    cut=st.integers(0, 8),
    data=st.data(),
)
def test_the_first_row_of_a_connection_counts(
    rows: list[tuple[str, int, str, str]], cut: int, data: st.DataObject
) -> None:
    """In any order and any chunks, the first by time, certificate and name wins."""
    shuffled = data.draw(st.permutations(rows))
    tls = TlsRows()
    tls.add(ssl(*shuffled[:cut]))
    tls.add(ssl(*shuffled[cut:]))
    for uid in ("C1", "C2"):
        first = min((row[1:] for row in rows if row[0] == uid), default=(0, "", ""))
        assert looked_up(tls, uid) == [(first[1], first[2])]


def test_expired_rows_are_gone_at_once() -> None:
    """A row from before the time is not found; one at the time stays."""
    rows = TlsRows()
    rows.add(ssl(*((f"C{n}", n, "aa", "") for n in range(10))))
    rows.expire(2)
    rows.expire(4)
    rows.expire(3)
    assert looked_up(rows, "C3", "C4") == [("", ""), ("aa", "")]
    assert len(rows) == 6


def test_the_oldest_rows_make_room() -> None:
    """Beyond the limit rows go by time, then uid, whatever came first, and are counted."""
    rows = TlsRows(limit=8)
    order = np.random.default_rng(3).permutation(9).tolist()
    rows.add(ssl(*((f"C{n}", n // 3, "aa", "") for n in order)))
    assert rows.dropped == 0
    rows.expire(0)
    assert len(rows) == 7
    assert rows.dropped == 2
    assert looked_up(rows, "C1", "C2") == [("", ""), ("aa", "")]


def test_an_empty_chunk_changes_nothing() -> None:
    """A log may have no rows in a while."""
    rows = TlsRows()
    rows.add(ssl())
    assert conn_rows(chunk("conn", CONN_COLUMNS, [])).empty
    assert looked_up(rows) == []
