"""Connections and what ssl.log and other logs say of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.zeek.certificates import issued
from flowprint_zeek.zeek.columns import as_frame, objects, standard_types, storage
from flowprint_zeek.zeek.columns import unset_column as unset
from flowprint_zeek.zeek.join import (
    COLUMNS,
    CONN_COLUMNS,
    FLOWPRINT_SSL_COLUMNS,
    SSL_COLUMNS,
    TlsRows,
    TlsState,
    conn_rows,
)

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
    certificates, names, _ = rows.look_up(objects(uids))
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


# Certificates of any Zeek

SHA = "0f" * 32
TOLD = issued("CN=CA", "0A")
BY_FILE: dict[str, Any] = {"uid": "C1", "ts": 1, "cert_chain_fuids": ("F1", "F2")}
IN_FILES = [
    {"ts": 2, "id": "F1", "certificate.issuer": "CN=CA", "certificate.serial": "0A"},
    {"ts": 2, "id": "F2", "certificate.issuer": "CN=Root", "certificate.serial": "01"},
]


def taken(*said: tuple[str, list[dict[str, Any]]], limit: int = 99) -> TlsRows:
    """Return what logs said, each by kind and rows."""
    rows = TlsRows(limit)
    for kind, held in said:
        rows.take(kind, chunk(kind, COLUMNS[kind], held))
    return rows


@pytest.mark.parametrize(
    ("values", "certificate"),
    [
        ({"cert_chain_fps": (SHA, "ca")}, SHA),
        ({"cert_chain_fps": (SHA,), "cert_chain_fuids": ("F1",), "cert_hash": "9c01"}, SHA),
        ({"cert_chain_fuids": ("F1",), "cert_hash": "9c01"}, TOLD),
        ({"cert_hash": "9c01"}, "md5:9c01"),
        ({"cert_chain_fuids": ("F9",), "cert_hash": "9c01"}, ""),
        ({}, ""),
    ],
)
def test_the_certificate_of_a_connection(values: dict[str, Any], certificate: str) -> None:
    """By SHA-256, else by what x509.log says of its file, else by Bro's MD5; never a file's id."""
    rows = taken(("ssl", [{"uid": "C1", "ts": 1, **values}]), ("x509", IN_FILES))
    assert looked_up(rows, "C1") == [(certificate, "")]


@given(
    st.permutations(
        [("ssl", [BY_FILE]), ("x509", IN_FILES[:1]), ("x509", IN_FILES[1:]), ("ssl", [BY_FILE])]
    )
)
def test_x509_rows_may_come_before_or_after(said: list[tuple[str, list[dict[str, Any]]]]) -> None:
    """What counts is what was said by the time of looking."""
    assert looked_up(taken(*said), "C1") == [(TOLD, "")]


def test_a_file_that_is_told_later_counts_from_then_on() -> None:
    """A connection over two batches may get its certificate in the second."""
    rows = taken(("ssl", [BY_FILE]))
    assert looked_up(rows, "C1") == [("", "")]
    rows.take("x509", chunk("x509", COLUMNS["x509"], IN_FILES))
    assert looked_up(rows, "C1") == [(TOLD, "")]


def test_files_go_with_their_connections() -> None:
    """A leaf's file is forgotten with its connection, and all of them when they are old."""
    rows = taken(("ssl", [BY_FILE]), ("x509", IN_FILES))
    rows.forget(iter(["C1"]))
    assert rows.certificates.in_files(["F1", "F2"]) == ["", issued("CN=Root", "01")]
    rows.expire(3)
    assert rows.certificates.in_files(["F2"]) == [""]


def test_rows_of_all_logs_are_bounded() -> None:
    """Rows of ssl, quic and x509 logs that go because of the limit are counted together."""
    uids = [{"uid": f"C{n}", "ts": n} for n in range(9)]
    files = [{"id": f"F{n}", "ts": n, "certificate.serial": "0A"} for n in range(9)]
    rows = taken(("ssl", uids), ("quic", uids), ("x509", files), limit=8)
    rows.expire(0)
    assert rows.dropped == 6


def test_bros_ssl_log_describes_its_certificates() -> None:
    """Its subjects stand in ssl.log itself, whose hashes x509.log does not know."""
    rows = taken(("ssl", [{"uid": "C1", "ts": 1, "cert_hash": "9c01", "subject": "CN=a.example"}]))
    assert rows.certificates.described("md5:9c01") == "CN=a.example"


# QUIC


@pytest.mark.parametrize(
    ("in_ssl", "in_quic", "name"),
    [
        ("a.example", "a.example", "a.example"),
        ("", "A.example.", "a.example"),
        ("a.example", "", "a.example"),
        ("", "cloudflare-ech.com", ""),
    ],
)
def test_the_name_of_a_quic_connection_is_in_either_log(
    in_ssl: str, in_quic: str, name: str
) -> None:
    """ssl.log's before quic.log's; names that strangers share are none."""
    rows = TlsRows(deny=["cloudflare-ech.com"])
    for kind, said in (("quic", in_quic), ("ssl", in_ssl)):
        held = [{"uid": "C1", "ts": 1, "server_name": said}]
        rows.take(kind, chunk(kind, COLUMNS[kind], held))
    assert looked_up(rows, "C1", "C2") == [("", name), ("", "")]


def test_a_connection_may_be_in_quic_log_only() -> None:
    """A row of ssl.log that is missing takes no name away, and none outlives its connection."""
    rows = taken(("quic", [{"uid": "C1", "ts": 1, "server_name": "a.example"}]))
    assert looked_up(rows, "C1") == [("", "a.example")]
    rows.forget(["C1"])
    assert looked_up(rows, "C1") == [("", "")]


def handshake(**values: object) -> pd.DataFrame:
    return chunk("flowprint_ssl", FLOWPRINT_SSL_COLUMNS, [{"uid": "C1", "ts": 5, **values}])


def test_handshakes_of_the_package_tell_certificate_and_name() -> None:
    """As rows of ssl.log do, which the Zeek package writes beside it."""
    rows = TlsRows()
    rows.take("flowprint_ssl", handshake(server_name="A.example", cert_chain_fps=("0f", "ca")))
    assert looked_up(rows, "C1", "C2") == [("0f", "a.example"), ("", "")]


def test_handshakes_of_the_package_add_to_ssl_log() -> None:
    """Whichever comes first, a row of ssl.log keeps what it alone tells."""
    for order in (("ssl", "flowprint_ssl"), ("flowprint_ssl", "ssl")):
        rows = TlsRows()
        for kind in order:
            both = {"uid": "C1", "ts": 5, "server_name": "a.example"}
            more = {"ja4": "t13"} if kind == "ssl" else {"cert_chain_fps": ("0f",)}
            rows.take(kind, chunk(kind, COLUMNS[kind], [both | more]))
        certificates, names, clients = rows.look_up(objects(["C1"]))
        assert (*certificates, *names, *clients) == ("0f", "a.example", "ja4:t13")


def test_handshakes_of_the_package_are_forgotten_with_their_connection() -> None:
    """By uid, by time, and beyond the limit."""
    rows = TlsRows(8)
    rows.take("flowprint_ssl", handshake(cert_chain_fps=("0f",)))
    rows.forget(["C1"])
    assert looked_up(rows, "C1") == [("", "")]
    rows.take("flowprint_ssl", handshake(cert_chain_fps=("0f",)))
    rows.expire(6)
    assert looked_up(rows, "C1") == [("", "")]
    many = [{"uid": f"C{at}", "ts": 10 + at, "cert_chain_fps": ("0f",)} for at in range(20)]
    rows.take("flowprint_ssl", chunk("flowprint_ssl", FLOWPRINT_SSL_COLUMNS, many))
    rows.expire(6)
    assert rows.dropped == 13


def test_subjects_of_the_package_are_shown_where_x509_log_tells_none() -> None:
    """And its serial numbers where there is no subject."""
    rows = TlsRows()
    told = {"cert_chain_fps": ("0f",), "subject": "CN=b.example", "cert_serial": "0A"}
    rows.take("flowprint_ssl", handshake(**told))
    assert rows.certificates.described("0f") == "CN=b.example"
    assert rows.certificates.names(["0f"]) == ["b.example"]
    x509 = {"ts": 1, "fingerprint": "0f", "certificate.subject": "CN=c.example"}
    rows.take("x509", chunk("x509", COLUMNS["x509"], [x509]))
    rows.take("flowprint_ssl", handshake(**told))
    assert rows.certificates.described("0f") == "CN=c.example"
    rows.take("flowprint_ssl", handshake(cert_chain_fps=("1e",), cert_serial="0B"))
    assert rows.certificates.described("1e") == "serial 0B"


def test_a_state_from_before_the_package_holds_no_handshakes() -> None:
    """It is read as one without any."""
    rows = TlsRows()
    rows.take("ssl", ssl(("C1", 5, "a.example", "0f")))
    held = msgspec.msgpack.decode(msgspec.msgpack.encode(rows.state()))
    del held["handshakes"]
    again = TlsRows()
    again.restore(msgspec.convert(held, TlsState))
    assert looked_up(again, "C1") == looked_up(rows, "C1")
