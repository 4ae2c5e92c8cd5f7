"""What certificates are told apart by, and what x509.log and files.log say of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.core.elements import CERTIFICATE, certificate_kind
from flowprint_zeek.zeek.certificates import (
    FILES_COLUMNS,
    X509_COLUMNS,
    Certificates,
    hashed,
    issued,
    needed,
)
from flowprint_zeek.zeek.files import LogFile
from tests.zeek.small_logs import read, written
from tests.zeek.test_join import chunk

if TYPE_CHECKING:
    import pandas as pd

SHA = "0f" * 32
ISSUER = "CN=Example CA,O=Example\\, Inc."


def x509(**values: object) -> pd.DataFrame:
    renamed = {
        f"certificate.{key}": values.pop(key)
        for key in ("serial", "subject", "issuer")
        if key in values
    }
    return chunk("x509", X509_COLUMNS, [{"ts": 5, **values, **renamed}])


def known(*chunks: pd.DataFrame, limit: int = 99) -> Certificates:
    made = Certificates(limit)
    for one in chunks:
        made.add_x509(one)
    return made


# What tells them apart


def test_issuer_and_serial_number_tell_certificates_apart() -> None:
    """Either makes another certificate; how the number is written does not."""
    one = issued(ISSUER, "0A01")
    assert one == issued(ISSUER, "0a01")
    assert (
        len({one, issued(ISSUER, "0A02"), issued("CN=Other CA", "0A01"), issued("", "0A01")}) == 4
    )
    assert certificate_kind([CERTIFICATE + one]) == "issuer_serial"


def test_what_is_cut_where_does_not_matter() -> None:
    """No issuer and number run into those of another certificate."""
    assert issued("CN=A", "01") != issued("CN=A0", "1")
    assert issued("CN=A\n0", "1") != issued("CN=A", "0\n1")


def test_without_a_serial_number_nothing_tells() -> None:
    """All certificates of an issuer would be one."""
    assert issued(ISSUER, "") == ""


@pytest.mark.parametrize(
    ("tsv", "in_json"),
    [(rb"O=Caf\xc3\xa9\\, Inc.", "O=Café\\, Inc."), (rb"O=\xff", "O=\\xff"), (b"O=A", "O=A")],
)
def test_tsv_and_json_tell_the_same(tmp_path: Path, tsv: bytes, in_json: str) -> None:
    """An issuer that the two formats write differently is one."""
    header = b"#fields\tts\tcertificate.issuer\n#types\ttime\tstring\n"
    columns = ["ts", "certificate.issuer"]
    (a,) = read(written(tmp_path, header + b"1.0\t" + tsv + b"\n"), columns)[0][columns[1]]
    line = json.dumps({"ts": 1.0, columns[1]: in_json})
    (b,) = read(written(tmp_path, line.encode() + b"\n"), columns, written="json")[0][columns[1]]
    assert issued(a, "01") == issued(b, "01")


@pytest.mark.parametrize(
    ("sha256", "sha1", "certificate", "kind"),
    [(SHA, "ab", SHA, "sha256"), ("", "ab", "sha1:ab", "sha1"), ("", "", "", None)],
)
def test_the_best_hash_of_a_file_counts(
    sha256: str, sha1: str, certificate: str, kind: str | None
) -> None:
    """SHA-256, which today's ssl.log has, before SHA-1."""
    assert hashed(sha256, sha1) == certificate
    assert certificate_kind([CERTIFICATE + certificate] if certificate else []) == kind


# Files


def test_a_certificate_in_many_files_is_one() -> None:
    """Each connection has files of its own; what is in them is the same."""
    rows = [x509(id=fuid, serial="0A", issuer=ISSUER) for fuid in ("F1", "F2")]
    assert known(*rows).in_files(["F1", "F2", "F3"]) == [issued(ISSUER, "0A")] * 2 + [""]


def test_a_fingerprint_goes_before_issuer_and_serial_number() -> None:
    """Where x509.log has one."""
    row = x509(id="F1", fingerprint=SHA, serial="0A", issuer=ISSUER)
    assert known(row).in_files(["F1"]) == [SHA]


def test_files_log_tells_of_files_in_tls() -> None:
    """What came over HTTP, such as every image, is not kept."""
    rows = [
        {"ts": 1, "fuid": "F1", "source": "SSL", "sha1": "ab"},
        {"ts": 1, "fuid": "F2", "source": "HTTP", "sha1": "cd"},
        {"ts": 1, "fuid": "F3", "source": "SSL"},
    ]
    made = known()
    made.add_files(chunk("files", FILES_COLUMNS, rows))
    assert made.in_files(["F1", "F2", "F3"]) == ["sha1:ab", "", ""]


def test_files_are_kept_for_as_long_as_connections_wait() -> None:
    """Old ones go, and the oldest beyond the limit, which are counted."""
    made = known(*(x509(id=f"F{n}", ts=n, serial="0A") for n in range(10)), limit=8)
    made.expire(0)
    assert made.dropped == 3
    made.expire(5)
    made.forget(["F9"])
    assert [bool(one) for one in made.in_files(["F2", "F4", "F5", "F9"])] == [
        False,
        False,
        True,
        False,
    ]


@pytest.mark.parametrize(
    ("kinds", "expected"),
    [
        ("conn ssl x509 files", "conn ssl x509"),
        ("conn ssl files", "conn ssl files"),
        ("conn ssl", "conn ssl"),
    ],
)
def test_files_log_stands_in_for_x509_log(kinds: str, expected: str) -> None:
    """It is not read beside it: what tells certificates apart would depend on both."""
    logs = [LogFile(Path(f"{kind}.log"), kind, "tsv") for kind in kinds.split()]
    assert [log.kind for log in needed(logs)] == expected.split()


# What people read


@pytest.mark.parametrize(
    ("values", "described"),
    [
        ({"subject": "CN=www.example.com", "serial": "0A01"}, "CN=www.example.com"),
        ({"serial": "0A01"}, "serial 0A01"),
        ({}, SHA[:16]),
    ],
)
def test_a_certificate_is_described(values: dict[str, Any], described: str) -> None:
    """By its subject, else its serial number, else the first digits."""
    assert known(x509(fingerprint=SHA, **values)).described(SHA) == described


def test_a_certificate_nobody_told_of_shows_its_digits() -> None:
    """Without what tells the kind."""
    assert known().described("md5:" + SHA) == SHA[:16]


def test_certificates_are_known_for_good() -> None:
    """One is logged once a day; what was said of it does not age, whichever row came last."""
    rows = [x509(fingerprint=SHA, ts=ts, subject=f"CN={ts}") for ts in (2, 1)]
    made = known(*rows)
    made.expire(1 << 60)
    assert made.described(SHA) == "CN=2"


def test_certificates_are_bounded() -> None:
    """Of more than an eighth of the limit those seen last stay known."""
    marks = [f"{n:064x}" for n in range(9)]
    made = known(
        *(x509(fingerprint=m, ts=n, subject=f"CN={n}") for n, m in enumerate(marks)), limit=64
    )
    made.expire(0)
    assert made.dropped == 2
    assert [made.described(marks[n]) for n in (1, 2)] == [marks[1][:16], "CN=2"]
