"""Certificates and names of flows, from logs of any Zeek, in whatever order they are read."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest

from flowprint_zeek.config import load
from flowprint_zeek.errors import ModelError
from flowprint_zeek.stream.capture import read_capture
from flowprint_zeek.stream.replay import KINDS, Source, Span, replay
from flowprint_zeek.stream.report import NO_SSL, NO_X509, ONLY_QUIC, warnings
from flowprint_zeek.zeek.certificates import issued
from flowprint_zeek.zeek.columns import CONN_LOG
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats
from flowprint_zeek.zeek.writer import write_frame
from tests.stream.small import ALWAYS, MIDNIGHT, NOTHING, SECOND, Conn, pipeline, session, written

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from flowprint_zeek.stream.phases import Learning
    from flowprint_zeek.stream.pipeline import Pipeline
    from tests.stream.small import Found

SHA = "0f" * 32
OLD_SSL = (
    *[("ts", "time"), ("uid", "string"), ("server_name", "string")],
    ("cert_chain_fuids", "vector[string]"),
)
"""ssl.log of Zeek 4.0, as far as it matters."""
OLD_X509 = (
    *[("ts", "time"), ("id", "string"), ("certificate.serial", "string")],
    *[("certificate.subject", "string"), ("certificate.issuer", "string")],
)


def replayed(
    folder: Path, learning: Learning = ALWAYS, *, scheme: str = "paper"
) -> tuple[Pipeline, Found, list[str]]:
    """Return a finished replay, and what it warns of."""
    line, found = pipeline(learning, fingerprint__scheme=scheme)
    source = Source(find_logs([folder], KINDS))
    replay(source, line)
    return line, found, warnings(source, line)


def elements(line: Pipeline) -> set[str]:
    return {element for element, *_ in line.site.seen}


def certificates(line: Pipeline) -> set[str]:
    return {one.removeprefix("cert:") for one in elements(line) if one.startswith("cert:")}


def put(folder: Path, kind: str, *rows: Mapping[str, object], name: str = "") -> None:
    """Write rows as JSON; times in seconds after `MIDNIGHT`."""
    lines = [json.dumps({**row, "ts": MIDNIGHT // SECOND + float(str(row["ts"]))}) for row in rows]
    (folder / f"{name or kind}.log").write_text("\n".join([*lines, ""]))


def conn(folder: Path, *connections: Conn, name: str = "conn") -> None:
    rows = [written(one) for one in sorted(connections, key=lambda one: one.end)]
    changed = {key: [row[key] for row in rows] for key in rows[0]}
    frame = pd.DataFrame(changed)
    path = folder / f"{name}.log"
    write_frame(path, name, CONN_LOG, frame, opened=MIDNIGHT, closed=MIDNIGHT)


def in_file(fuid: str, ts: float = 1, serial: str = "0A") -> dict[str, object]:
    """Return a row of x509.log as Zeek 4.0 writes it."""
    told = {"certificate.serial": serial, "certificate.issuer": "CN=CA"}
    return {"ts": ts, "id": fuid, "certificate.subject": f"CN={serial}.example", **told}


# Joining


def test_a_certificate_is_found_by_its_file(tmp_path: Path) -> None:
    """Two connections with files of their own have one certificate, and no file is an element."""
    conn(tmp_path, Conn("C1", 0), Conn("C2", 2))
    put(
        tmp_path, "ssl", *({"ts": n, "uid": f"C{n}", "cert_chain_fuids": [f"F{n}"]} for n in (1, 2))
    )
    put(tmp_path, "x509", in_file("F1"), in_file("F2", 2))
    line, _, said = replayed(tmp_path)
    assert elements(line) == {"203.0.113.1:443", f"cert:{issued('CN=CA', '0A')}"}
    assert (line.counts.with_certificate, line.certificate, said[:-1]) == (2, "issuer_serial", [])


def test_x509_log_may_be_of_another_hour(tmp_path: Path) -> None:
    """The row in a file that was rotated before the connection ended is found."""
    conn(tmp_path, Conn("C1", 0, 9000), Conn("C2", 9100))
    put(tmp_path, "ssl", {"ts": 1, "uid": "C1", "cert_chain_fuids": ["F1"]})
    put(tmp_path, "x509", in_file("F1"), name="x509.00:00:00-01:00:00")
    put(tmp_path, "x509", in_file("F9", 9100, "0B"), name="x509.02:00:00-03:00:00")
    assert certificates(replayed(tmp_path)[0]) == {issued("CN=CA", "0A")}


def test_a_certificate_that_is_told_after_the_batch_closed_is_not_in_it(tmp_path: Path) -> None:
    """What closes sees what had arrived by then: the first batch has none, the second has it."""
    conn(tmp_path, Conn("C1", 0, 310), Conn("C2", 460), Conn("C3", 5000))
    put(tmp_path, "ssl", {"ts": 1, "uid": "C1", "cert_chain_fuids": ["F1"]})
    put(tmp_path, "x509", in_file("F1", 600))
    line, _, _ = replayed(tmp_path)
    seen = {element: (first, last) for element, first, last, _ in line.site.seen}
    assert seen[f"cert:{issued('CN=CA', '0A')}"] == (MIDNIGHT + 300 * SECOND,) * 2
    assert seen["203.0.113.1:443"][0] == MIDNIGHT


def test_files_log_stands_in_for_x509_log(tmp_path: Path) -> None:
    """Without x509.log the hash of the file tells; beside it files.log is not read."""
    conn(tmp_path, Conn("C1", 0))
    put(tmp_path, "ssl", {"ts": 1, "uid": "C1", "cert_chain_fuids": ["F1"]})
    put(tmp_path, "files", {"ts": 1, "fuid": "F1", "source": "SSL", "sha1": "ab"})
    line, _, said = replayed(tmp_path)
    assert (certificates(line), line.certificate) == ({"sha1:ab"}, "sha1")
    assert NO_X509 not in said
    put(tmp_path, "x509", in_file("F1"))
    assert certificates(replayed(tmp_path)[0]) == {issued("CN=CA", "0A")}


def test_without_x509_log_a_person_is_told(tmp_path: Path) -> None:
    """In replay and for whole captures; a file that nothing tells of is no certificate."""
    conn(tmp_path, Conn("C1", 0))
    put(tmp_path, "ssl", {"ts": 1, "uid": "C1", "cert_chain_fuids": ["F1"]})
    line, _, said = replayed(tmp_path)
    assert NO_X509 in said
    assert certificates(line) == set()
    stats = ReadStats()
    logs = find_logs([tmp_path], KINDS)
    flows, _ = read_capture(logs, load(None, environ={}, overrides={}), span=Span(), stats=stats)
    assert stats.problems == [NO_X509]
    assert flows["certificate"].tolist() == [""]


def test_a_capture_joins_logs_in_any_order(tmp_path: Path) -> None:
    """Certificates and names are those of all rows, whichever file is read first."""
    conn(tmp_path, Conn("C1", 0), Conn("C2", 1))
    put(tmp_path, "ssl", {"ts": 1, "uid": "C1", "cert_chain_fuids": ["F1"]})
    put(tmp_path, "x509", in_file("F1"))
    put(tmp_path, "quic", {"ts": 1, "uid": "C2", "server_name": "a.example"})
    logs = find_logs([tmp_path], KINDS)
    for order in (logs, logs[::-1]):
        flows, _ = read_capture(
            order, load(None, environ={}, overrides={}), span=Span(), stats=ReadStats()
        )
        told = flows[["certificate", "name"]].to_numpy().tolist()
        assert told == [[issued("CN=CA", "0A"), "0a.example"], ["", "a.example"]]


@pytest.mark.parametrize(
    ("ssl", "x509", "shown"),
    [
        ({"cert_chain_fuids": ["F1"]}, in_file("F1"), "CN=0A.example"),
        ({"cert_hash": "9c01", "subject": "CN=bro.example"}, None, "CN=bro.example"),
        ({"cert_hash": "9c01" * 8}, None, "9c01" * 4),
    ],
)
def test_a_notice_describes_the_certificate(
    tmp_path: Path, ssl: dict[str, object], x509: dict[str, object] | None, shown: str
) -> None:
    """By the subject that x509.log or Bro's ssl.log tells, else by digits."""
    flows = session("game", 0)
    conn(tmp_path, *flows)
    told = [{"ts": 1, "uid": one.uid, "server_name": one.name, **ssl} for one in flows]
    put(tmp_path, "ssl", *told)
    if x509 is not None:
        put(tmp_path, "x509", x509)
    _, found, _ = replayed(tmp_path, NOTHING, scheme="names")
    assert f"cert='{shown}' " in str(found.noted("Unseen_App")[0]["sub"])


# Kinds


def mixed(folder: Path, *said: dict[str, object]) -> None:
    """Write a connection a batch, each with what ssl.log said of it."""
    conn(folder, *(Conn(f"C{n}", n * 300) for n in range(len(said))))
    put(folder, "ssl", *({"ts": n * 300, "uid": f"C{n}", **one} for n, one in enumerate(said)))


def test_logs_that_mix_kinds_are_an_error(tmp_path: Path) -> None:
    """Hours before and after another Zeek cannot be one model of certificates."""
    mixed(tmp_path, {"cert_chain_fps": [SHA]}, {}, {"cert_hash": "9c01"})
    with pytest.raises(ModelError, match="apart by sha256, Zeek's logs by md5"):
        replayed(tmp_path)


def test_a_batch_that_mixes_kinds_is_an_error(tmp_path: Path) -> None:
    """Whichever comes first: the order of kinds decides what the error says first."""
    conn(tmp_path, Conn("C1", 0), Conn("C2", 1))
    certs: list[dict[str, Any]] = [{"cert_hash": "9c01"}, {"cert_chain_fps": [SHA]}]
    put(tmp_path, "ssl", *({"ts": n, "uid": f"C{n}", **certs[n - 1]} for n in (1, 2)))
    with pytest.raises(ModelError, match="apart by md5, Zeek's logs by sha256"):
        replayed(tmp_path)


def test_kinds_may_be_mixed_where_they_are_no_elements(tmp_path: Path) -> None:
    """In the scheme of names certificates only explain."""
    mixed(tmp_path, {"cert_chain_fps": [SHA]}, {"cert_hash": "9c01"})
    line, _, _ = replayed(tmp_path, scheme="names")
    assert (line.counts.with_certificate, line.certificate) == (2, None)


def test_logs_without_certificates_fit_every_model(tmp_path: Path) -> None:
    """What tells certificates apart stays as it was."""
    mixed(tmp_path, {"server_name": "a.example"})
    line, _ = pipeline(ALWAYS, fingerprint__scheme="paper")
    line.certificate = "serial"
    replay(Source(find_logs([tmp_path], KINDS)), line)
    assert line.certificate == "serial"


# QUIC and interim logs


def test_a_quic_connection_is_one_flow(tmp_path: Path) -> None:
    """It has rows in conn, ssl and quic logs; the name is in either of the last two."""
    conn(tmp_path, *(Conn(f"C{n}", n) for n in range(3)))
    names = [("a.example", "a.example"), ("", "b.example"), ("c.example", "")]
    for at, kind in enumerate(("ssl", "quic")):
        told = [{"ts": n, "uid": f"C{n}", "server_name": name[at]} for n, name in enumerate(names)]
        put(tmp_path, kind, *told)
    line, _, _ = replayed(tmp_path, scheme="names")
    assert elements(line) == {"name:a.example", "name:b.example", "name:c.example"}
    assert (line.counts.flows, line.counts.with_server_name) == (3, 3)


@pytest.mark.parametrize(
    ("kinds", "said"), [(["quic"], [ONLY_QUIC]), ([], [NO_SSL]), (["ssl", "quic"], [])]
)
def test_a_missing_ssl_log_is_told(tmp_path: Path, kinds: list[str], said: list[str]) -> None:
    """And what is lacking without it."""
    conn(tmp_path, Conn("C1", 0))
    for kind in kinds:
        put(tmp_path, kind, {"ts": 0, "uid": "C1", "server_name": "a.example"})
    assert [one for one in replayed(tmp_path)[2] if one in {ONLY_QUIC, NO_SSL}] == said


def test_interim_logs_are_not_counted_again(tmp_path: Path) -> None:
    """Connections that were open are in conn.log once they have ended."""
    conn(tmp_path, Conn("C1", 0, 900), Conn("C2", 1))
    put(tmp_path, "ssl", {"ts": 1, "uid": "C1", "server_name": "a.example"})
    before = replayed(tmp_path, scheme="names")[0]
    for name in ("conn_long", "open_conn"):
        conn(tmp_path, Conn("C1", 0, 600), Conn("C3", 2, 700), name=name)
    put(tmp_path, "ssl", {"ts": 1, "uid": "C2", "server_name": "b.example"}, name="open_ssl")
    after = replayed(tmp_path, scheme="names")[0]
    assert list(after.site.seen) == list(before.site.seen)
    assert after.counts == before.counts
    assert after.counts.flows == 2
