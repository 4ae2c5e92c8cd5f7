"""Names of flows from http, dns, x509 and TLS logs, in replay and in whole captures."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.cli.main import main
from flowprint_zeek.config import load
from flowprint_zeek.stream.capture import KINDS, read_capture
from flowprint_zeek.stream.replay import Source, Span, replay
from flowprint_zeek.stream.report import NAMES_WITHOUT_SSL, NO_SSL, report, warnings
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats
from tests.stream.small import ALWAYS, Conn, pipeline, session
from tests.stream.test_certificates import conn, put

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.stream.pipeline import Pipeline

SHA = "0f" * 32
MANY = "2000000"
OUTPUTS = ("notice.log", "flowprint.log", "model.json")


def replayed(folder: Path, **settings: object) -> tuple[Pipeline, Source]:
    line, _ = pipeline(ALWAYS, site=None, **settings)
    source = Source(find_logs([folder], KINDS))
    replay(source, line)
    return line, source


def captured(folder: Path, **settings: object) -> pd.DataFrame:
    given = {name.replace("__", "."): value for name, value in settings.items()}
    config = load(None, environ={}, overrides=given)
    return read_capture(find_logs([folder], KINDS), config, span=Span(), stats=ReadStats())[0]


def elements(folder: Path, **settings: object) -> set[str]:
    """Return the elements that a replay and a whole capture find, which are the same."""
    line, _ = replayed(folder, **settings)
    return {element for element, *_ in line.site.seen}


def asked(ts: float, query: str, *answers: str, host: str = "10.0.0.1") -> dict[str, object]:
    return {"ts": ts, "id.orig_h": host, "query": query, "qtype": 1, "answers": list(answers)}


def get(ts: float, uid: str, host: str, **more: object) -> dict[str, object]:
    place = {"id.resp_h": "203.0.113.1", "id.resp_p": 443}
    return {"ts": ts, "uid": uid, "method": "GET", "host": host, "uri": "/", **place, **more}


def layered(folder: Path) -> None:
    """Write five flows, each told one name fewer than the one before."""
    conn(folder, *(Conn(f"C{n}", 10 + n) for n in range(5)))
    put(
        folder,
        "ssl",
        {"ts": 10, "uid": "C0", "server_name": "tls.example", "cert_chain_fps": [SHA]},
        *({"ts": 10 + n, "uid": f"C{n}", "cert_chain_fps": [SHA]} for n in (1, 2, 3)),
    )
    put(folder, "x509", {"ts": 9, "fingerprint": SHA, "san.dns": ["*.cert.example"]})
    put(folder, "http", get(10, "C0", "http.example"), get(11, "C1", "http.example"))
    put(folder, "dns", asked(9.5, "dns.example", "203.0.113.1"), asked(12.5, "", "203.0.113.1"))


# Which name counts


def test_the_order_of_names(tmp_path: Path) -> None:
    """Server name, HTTP host, the host's own lookup; then the certificate, then the endpoint."""
    layered(tmp_path)
    expected = ["tls.example", "http.example", *["dns.example"] * 3]
    assert captured(tmp_path)["name"].tolist() == expected
    (tmp_path / "dns.log").unlink()
    assert captured(tmp_path)["name"].tolist() == [*expected[:2], *["cert.example"] * 2, ""]
    names = {"name:tls.example", "name:http.example", "name:cert.example"}
    assert elements(tmp_path) == {*names, "203.0.113.1:443"}


def test_coverage_counts_what_each_log_tells(tmp_path: Path) -> None:
    """A flow may count in several shares, and in none of them."""
    layered(tmp_path)
    line, source = replayed(tmp_path)
    shares = {"certificate": 0.8, "server_name": 0.2, "http_host": 0.4, "dns_name": 1.0, "none": 0}
    assert report(source, line)["coverage"] == shares
    (tmp_path / "dns.log").unlink()
    line, source = replayed(tmp_path)
    assert report(source, line)["coverage"] == shares | {"dns_name": 0, "none": 0.2}


def test_a_lookup_counts_until_it_is_too_old_or_another_came(tmp_path: Path) -> None:
    """Of the host that connects, before it connects; `stream.dns_keep` says how long."""
    conn(tmp_path, *(Conn(f"C{n}", at) for n, at in enumerate((5, 20, 40, 3000))))
    one = [asked(at, f"n{at}.example", "203.0.113.1") for at in (10, 30)]
    put(tmp_path, "dns", *one, asked(39, "other.example", "203.0.113.1", host="10.0.0.2"))
    names = ["", "n10.example", "n30.example", "n30.example"]
    assert captured(tmp_path)["name"].tolist() == names
    assert captured(tmp_path, stream__dns_keep="40m")["name"].tolist() == [*names[:3], ""]
    found = {f"name:n{at}.example" for at in (10, 30)} | {"203.0.113.1:443"}
    assert elements(tmp_path, fingerprint__window="1h", fingerprint__batch="1h") == found


def test_a_lookup_long_before_a_batch_that_a_flow_reaches_counts(tmp_path: Path) -> None:
    """What counts is when the flow began, not its slice."""
    conn(tmp_path, Conn("C1", 10, 350), Conn("C2", 320, address="203.0.113.2"))
    early, late = asked(5, "a.example", "203.0.113.1"), asked(200, "b.example", "203.0.113.1")
    put(tmp_path, "dns", early, late)
    assert "name:b.example" not in elements(tmp_path)
    assert "name:a.example" in elements(tmp_path)


def test_ignored_and_shared_names_are_the_final_ones(tmp_path: Path) -> None:
    """A flow to an ignored name is left out whoever told it; a shared name is none."""
    layered(tmp_path)
    assert len(captured(tmp_path, ignore__names="dns.example,http.example")) == 1
    left = captured(tmp_path, ignore__shared_names="dns.example,http.example")["name"]
    assert left.tolist() == ["tls.example", *["cert.example"] * 3, ""]


def test_without_ssl_log_names_of_others_are_told(tmp_path: Path) -> None:
    """The warning says what is lacking."""
    conn(tmp_path, Conn("C1", 0))
    assert NO_SSL in warnings(*replayed(tmp_path)[::-1])
    put(tmp_path, "http", get(1, "C1", "a.example"))
    assert NAMES_WITHOUT_SSL in warnings(*replayed(tmp_path)[::-1])


# Proxies


def through_proxy(folder: Path) -> None:
    """Write two flows through a proxy whose name was looked up, and one to it."""
    conn(folder, *(Conn(f"C{n}", n) for n in range(4)))
    put(folder, "dns", asked(0, "proxy.example", "203.0.113.1"))
    connect = {"method": "CONNECT", "status_code": 200}
    put(
        folder,
        "http",
        get(0, "C0", "a.example:443", uri="a.example:443", **connect),
        get(1, "C1", "192.0.2.7:443", uri="192.0.2.7:443", **connect),
    )
    certs = [{"ts": n, "uid": f"C{n}", "cert_chain_fps": [f"{n}" * 64]} for n in (1, 2)]
    put(folder, "ssl", *certs)


def test_what_goes_through_a_proxy_is_not_named_like_it(tmp_path: Path) -> None:
    """A flow without a name of its own keeps the endpoint, which is known to be a proxy's."""
    through_proxy(tmp_path)
    flows = captured(tmp_path)
    assert flows["name"].tolist() == ["a.example", "", "", ""]
    assert flows["proxied"].all()
    line, _ = replayed(tmp_path)
    assert line.proxies == {"203.0.113.1:443"}


def test_a_proxy_does_not_tie_certificates_together(tmp_path: Path) -> None:
    """In the scheme of the paper, each certificate is a destination of its own."""
    through_proxy(tmp_path)
    line, _ = replayed(tmp_path, fingerprint__scheme="paper")
    (app,) = [app for _, app in line.site.known]
    assert set(app.elements) == {"203.0.113.1:443", f"cert:{'1' * 64}", f"cert:{'2' * 64}"}
    (tmp_path / "http.log").unlink()
    assert len(replayed(tmp_path, fingerprint__scheme="paper")[0].site.known) == 0


# Client fingerprints


@pytest.mark.parametrize(
    ("ssl", "quic", "client"),
    [
        ({"ja4": "t13d_a", "ja3": "00ff"}, {}, "ja4:t13d_a"),
        ({"ja3": "00ff"}, {}, "ja3:00ff"),
        ({"ja3": "a\tb"}, {}, r"ja3:a\x09b"),
        ({}, {"ja4": "q13d_a"}, "ja4:q13d_a"),
        ({"ja3": "00ff"}, {"ja4": "q13d_a"}, "ja3:00ff"),
        ({"server_name": "a.example"}, {}, ""),
    ],
)
def test_a_flow_has_the_fingerprint_of_its_client(
    tmp_path: Path, ssl: dict[str, object], quic: dict[str, object], client: str
) -> None:
    """JA4 before JA3, ssl.log's before quic.log's."""
    conn(tmp_path, Conn("C1", 0), Conn("C2", 1))
    put(tmp_path, "ssl", {"ts": 0, "uid": "C1", **ssl})
    put(tmp_path, "quic", {"ts": 0, "uid": "C1", **quic})
    assert captured(tmp_path)["client"].tolist() == [client, ""]


# The same bytes


def busy(folder: Path) -> dict[str, list[dict[str, object]]]:
    """Write connections of two devices; return the rows that tell their names."""
    rows: dict[str, list[dict[str, object]]] = {"http": [], "dns": []}
    flows = [
        one
        for at, app in enumerate([*["chat", "news", "mail", "maps", "game"] * 3, "bank"])
        for device in ("10.0.0.1", "10.0.0.2")
        for one in session(app, at * 300.0, device=device, flows=9)
    ]
    conn(folder, *flows)
    for number, one in enumerate(flows):
        ts = one.start
        rows["dns"].append(asked(ts - number % 3, one.name, one.address, host=one.device))
        if number % 5 == 0:
            rows["dns"].append(asked(ts, f"alias.{one.name}", one.address, host=one.device))
        if number % 4 == 0:
            rows["http"].append(get(ts, one.uid, f"www.{one.name}:80"))
            rows["http"].append(get(ts, one.uid, f"api.{one.name}"))
        if number % 16 == 2:
            target = f"far.{one.name}:443"
            rows["http"].append(
                get(ts + 1, one.uid, target, method="CONNECT", uri=target)
                | {"id.resp_h": one.address}
            )
    return rows


def outputs(folder: Path, name: str, *options: str) -> dict[str, bytes]:
    out = folder / name
    arguments = ["replay", str(folder / "logs"), "-o", str(out), "-q", "--rows", "all"]
    assert main([*arguments, "--learn-for", "55m", "--min-novel", "1", *options]) == 0
    return {one: (out / one).read_bytes() for one in OUTPUTS}


def rewritten(
    folder: Path,
    rows: Mapping[str, Sequence[dict[str, object]]],
    changed: Callable[[list[dict[str, object]]], list[list[dict[str, object]]]],
) -> None:
    for kind, held in rows.items():
        for old in folder.glob(f"{kind}*"):
            old.unlink()
        for hand, part in enumerate(changed(list(held))):
            put(folder, kind, *part, name=f"{kind}.00:00:00-02:00:00-logger-{hand}")


def when(row: Mapping[str, object]) -> float:
    return float(str(row["ts"]))


def disordered(rows: list[dict[str, object]]) -> list[list[dict[str, object]]]:
    """Return rows as a log has them whose rows come up to a minute too late."""
    chance = random.Random(1)  # noqa: S311  chance of tests
    late = {id(row): when(row) + chance.uniform(0, 60) for row in rows}
    return [sorted(rows, key=lambda row: late[id(row)])]


@pytest.mark.parametrize("limit", [MANY, "100"])
def test_rows_of_http_and_dns_logs_give_the_same_bytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str
) -> None:
    """In whatever portions, files and order, also where too many wait."""
    monkeypatch.setenv("FLOWPRINT_STREAM_JOIN_ROWS", limit)
    logs = tmp_path / "logs"
    logs.mkdir()
    rows = busy(logs)
    for held in rows.values():
        held.sort(key=when)
    rewritten(logs, rows, lambda held: [held])
    expected = outputs(tmp_path, "whole")
    assert all(part in expected["model.json"] for part in (b"far.", b"api.", b"alias."))
    assert expected["notice.log"].count(b"Unseen_App") == 1
    assert outputs(tmp_path, "rows", "--chunk-rows", "1") == expected
    rewritten(logs, rows, lambda held: [held[::2], held[1::2], held[:9]])
    assert outputs(tmp_path, "dealt") == expected
    if limit == MANY:
        # What is beyond the limit depends on what has arrived.
        rewritten(logs, rows, disordered)
        assert outputs(tmp_path, "disordered") == expected
