"""What the names of logs tell."""

from __future__ import annotations

import pytest

from flowprint_zeek.zeek.filenames import kind_of_name


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("conn.log", "conn"),
        ("conn.log.gz", "conn"),
        ("conn.log.1", "conn"),
        ("conn.log.2.gz", "conn"),
        ("conn.log-20260101.gz", "conn"),
        ("conn.txt", "conn"),
        ("conn.tsv", "conn"),
        ("conn.json", "conn"),
        ("conn.log.json.gz", "conn"),
        ("conn.log.labeled", "conn"),
        ("conn.15:00:00-16:00:00.log.gz", "conn"),
        ("conn.2026-01-01-12-00-00.log", "conn"),
        ("conn.2026-01-01T12-00-00Z.log", "conn"),
        ("conn-26-01-01_12.00.00.log", "conn"),
        ("x509-13-04-03_10.08.27.log", "x509"),
        ("conn-logger-1.log", "conn"),
        ("conn.logger-1.2026-01-01-12-00-00.log", "conn"),
        ("conn.2026-01-01-12-00-00-logger-2.log", "conn"),
        ("conn.10:00:00-11:00:00-logger-1.log.gz", "conn"),
        ("conn__2026-01-01-12-00-00__2026-01-01-13-00-00__[log_suffix=logger-1__].log", "conn"),
        ("conn__2026-01-01-12-00-00__2026-01-01-13-00-00__log_suffix=logger-1__.log", "conn"),
        ("conn_20260101_00:00:00-01:00:00+0000.log.gz", "conn"),
        ("json_streaming_conn.1.log", "conn"),
        ("json_streaming_ssl.log", "ssl"),
        ("conn_long.log", "conn_long"),
        ("conn_long.10:00:00-11:00:00.log.gz", "conn_long"),
        ("open_conn.log", "open_conn"),
        ("open_ssl.dat", "open_ssl"),
        ("sensor1-open_http.2026.log", "open_http"),
        ("json_streaming_open_conn.log", "open_conn"),
        ("flowprint.log", "flowprint"),
        ("flowprint_conn.log", "flowprint_conn"),
        ("flowprint_conn.log.gz", "flowprint_conn"),
        ("flowprint_conn.2026-01-01-12-00-00.log", "flowprint_conn"),
        ("flowprint_conn.12:00:00-13:00:00.log.gz", "flowprint_conn"),
        ("flowprint_conn.10:00:00-11:00:00-logger-1.log.gz", "flowprint_conn"),
        ("flowprint_conn-26-01-01_12.00.00.log", "flowprint_conn"),
        (
            "flowprint_conn__2026-01-01-12-00-00__2026-01-01-13-00-00__log_suffix=logger-1__.log",
            "flowprint_conn",
        ),
        ("flowprint_ssl.log", "flowprint_ssl"),
        ("capture_loss.log", "capture_loss"),
        ("notice(flowprint).log", "notice"),
        ("x509.log", "x509"),
        ("conn-summary.15:00:00-16:00:00.log.gz", None),
        ("reopen_conn.log", "reopen_conn"),
        ("ssl.pem", None),
        ("stdout", None),
    ],
)
def test_kind_of_name(name: str, kind: str | None) -> None:
    """Every way Zeek, its tools and archives name a log tells its kind."""
    assert kind_of_name(name) == kind
