"""Names that http.log and certificates tell of connections, and explicit proxies."""

from __future__ import annotations

from itertools import permutations
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.zeek.columns import objects
from flowprint_zeek.zeek.names import HTTP_COLUMNS, HttpRows, Naming, certified_name, host_of
from tests.zeek.test_join import chunk

if TYPE_CHECKING:
    from collections.abc import Mapping


def http(*rows: Mapping[str, object], limit: int = 99, deny: tuple[str, ...] = ()) -> HttpRows:
    made = HttpRows(limit, Naming(deny))
    plain = {"ts": 1, "uid": "C1", "id.resp_h": "10.0.0.9", "id.resp_p": 3128, "method": "GET"}
    made.add(chunk("http", HTTP_COLUMNS, [{**plain, **row} for row in rows]))
    return made


def names(rows: HttpRows, *uids: str) -> list[str]:
    found: list[str] = rows.look_up(objects(uids))[0].tolist()
    return found


# Hosts


@pytest.mark.parametrize(
    ("authority", "host"),
    [
        ("example.com", "example.com"),
        ("example.com:8080", "example.com"),
        ("example.com:", "example.com"),
        ("user:secret@example.com:80", "example.com"),
        ("192.0.2.7", ""),
        ("192.0.2.7.", ""),
        ("192.0.2.7:80", ""),
        ("2001:db8::7", ""),
        ("[2001:db8::7]:443", ""),
        ("[2001:db8::7]", ""),
        (":80", ":80"),
        ("", ""),
        ("a:b:c", "a:b:c"),
    ],
)
def test_a_host_is_a_name_without_its_port(authority: str, host: str) -> None:
    """An address is no name; what no one can make sense of stays as it is."""
    assert host_of(authority) == host


@pytest.mark.parametrize(
    ("row", "name"),
    [
        ({"host": "WWW.Example.com:8080", "uri": "/"}, "www.example.com"),
        ({"host": "a\n\udcff.example", "uri": "/"}, r"a\x0a\xff.example"),
        ({"method": "CONNECT", "host": "proxy.example", "uri": "a.example:443"}, "a.example"),
        ({"method": "CONNECT", "uri": "192.0.2.7:443"}, ""),
        ({"host": "proxy.example", "uri": "http://a.example:80/x?y#z"}, "a.example"),
        ({"host": "proxy.example", "uri": "HTTP://a.example?x"}, "a.example"),
        ({"host": "a.example", "uri": "/go?to=http://b.example/"}, "a.example"),
        ({"host": "cloudflare-ech.com", "uri": "/"}, ""),
        ({"host": "", "uri": "*"}, ""),
    ],
)
def test_the_name_of_a_request(row: dict[str, object], name: str) -> None:
    """That of the host asked for, in the URI where a proxy is asked, else in the header."""
    assert names(http(row, deny=("cloudflare-ech.com",)), "C1", "C2") == [name, ""]


def test_the_first_name_of_a_connection_counts() -> None:
    """By time, then text, in whatever order rows come; a request without a name is none."""
    rows = [
        {"ts": 1, "host": "192.0.2.7"},
        {"ts": 2, "host": "b.example"},
        {"ts": 2, "host": "a.example"},
        {"ts": 3, "host": "0.example"},
    ]
    for order in permutations(rows):
        assert names(http(*order), "C1") == ["a.example"]


def test_rows_go_with_their_connection_with_time_and_beyond_the_limit() -> None:
    """Of too many the oldest go, and are counted."""
    rows = http(*({"ts": n, "uid": f"C{n}", "host": "a.example"} for n in range(12)), limit=8)
    rows.expire(2)
    assert rows.dropped == 3
    rows.forget(["C11"])
    assert names(rows, "C4", "C5", "C10", "C11") == ["", "a.example", "a.example", ""]


# Proxies


@pytest.mark.parametrize(
    ("row", "is_proxy"),
    [
        ({"method": "CONNECT", "uri": "a.example:443", "status_code": 200}, True),
        ({"method": "CONNECT", "uri": "a.example:443"}, True),
        ({"method": "CONNECT", "uri": "a.example:443", "status_code": 405}, False),
        ({"uri": "http://a.example/", "status_code": 302}, True),
        ({"uri": "http://a.example/", "status_code": 404}, False),
        ({"uri": "/", "host": "a.example", "status_code": 200}, False),
        ({"method": "CONNECT", "uri": "a.example:443", "id.resp_h": ""}, False),
    ],
)
def test_who_is_asked_for_other_hosts_is_a_proxy(row: dict[str, object], *, is_proxy: bool) -> None:
    """Unless it refuses: scanners ask any server."""
    assert http(row).proxies == ({"10.0.0.9:3128"} if is_proxy else set())


def test_a_proxy_that_is_not_used_is_forgotten() -> None:
    """The last request counts."""
    asked = {"method": "CONNECT", "uri": "a.example:443"}
    rows = http({**asked, "ts": 9}, {**asked, "ts": 2}, {**asked, "ts": 3, "id.resp_p": 80})
    rows.expire(5)
    assert rows.proxies == {"10.0.0.9:3128"}


# Certificates


@pytest.mark.parametrize(
    ("alternative", "subject", "name"),
    [
        ("www.example.com", "CN=other.example", "www.example.com"),
        ("*.Example.com", "", "example.com"),
        ("*.com", "CN=a.example", "a.example"),
        ("", "CN=*.example.com,O=Example\\, Inc.,C=US", "example.com"),
        ("", "emailAddress=x@y.example,CN=a.example", "a.example"),
        ("", "O=Example\\,CN=evil.example", ""),
        ("", "C=US, O=Example, CN=a.example", "a.example"),
        ("", "/C=US/CN=a.example/OU=x", "a.example"),
        ("", "CN=Example Root CA", ""),
        ("", "CN=192.0.2.7", ""),
        ("", "CN=localhost", ""),
        ("a b.example", "CN=a.example\n", "a.example"),
        ("", "", ""),
    ],
)
def test_a_certificate_names_a_host(alternative: str, subject: str, name: str) -> None:
    """By its first alternative name, else its common name; a wildcard stands for its domain."""
    assert certified_name(alternative, subject) == name
