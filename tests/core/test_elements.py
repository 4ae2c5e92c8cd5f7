"""Elements and their canonical form."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.core import elements as el

ORDERED = [
    "9.9.9.9:53",
    "10.0.0.1:80",
    "10.0.0.1:443",
    "[::1]:443",
    "[2001:db8::2]:80",
    "[2001:db8::10]:80",
    "not an address:1",
    "cert:0a",
    "cert:b",
    "name:a.example",
    "name:b.example",
]


def test_canonical_order() -> None:
    """Endpoints by family, address and port as numbers, then certificates, then names."""
    mixed = ORDERED.copy()
    random.Random(0).shuffle(mixed)  # noqa: S311 - a test
    assert el.in_order(mixed) == tuple(ORDERED)


@pytest.mark.parametrize("element", ORDERED[:7])
def test_endpoints_can_be_taken_apart(element: str) -> None:
    """An endpoint is made of an address and a port and can be split into them."""
    assert el.endpoint(*el.split_endpoint(element)) == element
    assert el.is_endpoint(element)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("WWW.Example.COM.", "www.example.com"),
        ("", ""),
        ("a\tb", "a\\x09b"),
        ("\x1b[31m", "\\x1b[31m"),
        ("é.example", "\\xc3\\xa9.example"),
        ("a\udcffb", "a\\xffb"),
        ("\\xC3\\x89.EXAMPLE.", "\\xc3\\xa9.example"),
        ("\\x41\\x2e", "a"),
        ("a\\b\\\\c", "a\\x5cb\\x5cc"),
        ("a\\\\x07", "a\\x07"),
        ("a\\\x07", "a\\x07"),
        ("\\x5cx41", "\\x5cx41"),
    ],
)
def test_normalised_names(name: str, expected: str) -> None:
    """Names are lower case without the root's dot; other bytes are escaped one by one."""
    assert el.normalise_name(name) == expected


@given(
    st.one_of(
        st.text(st.characters(exclude_categories=["Cs"])),
        st.text("\\x5cC34.1\udcc3\udc89É\x07", max_size=12),
    )
)
def test_normalised_names_are_plain(name: str) -> None:
    """Whatever a name holds, normalised it is printable ASCII on one line, and stays as it is."""
    plain = el.normalise_name(name)
    assert el.normalise_name(plain) == plain
    assert plain.isascii()
    assert plain == "" or plain.isprintable()


def test_fingerprint_id() -> None:
    """The id is the start of the SHA-256 of the sorted elements, in whatever order they come."""
    expected = hashlib.sha256(b"10.0.0.1:80\n[::1]:443\ncert:b").hexdigest()[:16]
    assert el.fingerprint_id(["cert:b", "[::1]:443", "10.0.0.1:80"]) == expected


@pytest.mark.parametrize(
    ("element", "expected"),
    [("name:a", "a"), ("cert:0f", "0f"), ("10.0.0.1:80", "10.0.0.1:80")],
)
def test_shown(element: str, expected: str) -> None:
    """People see elements without the prefix of their kind."""
    assert el.shown(element) == expected


SHA = "0f" * 32


@pytest.mark.parametrize(
    ("elements", "expected"),
    [
        (["name:a", "10.0.0.1:80"], None),
        ([f"cert:{SHA}", "name:a"], "sha256"),
        (["cert:4711"], "serial"),
        ([f"cert:{SHA[:40]}"], "serial"),
        (["cert:md5:9c01", "cert:md5:9c02"], "md5"),
        ([f"cert:sha1:{SHA[:40]}"], "sha1"),
        (["cert:issuer_serial:9c01"], "issuer_serial"),
        (["cert:01:0a"], "serial"),
        (["cert:4711", f"cert:{SHA}"], None),
    ],
)
def test_certificate_kind(elements: list[str], expected: str | None) -> None:
    """64 hex digits are SHA-256; others are written, else serial numbers; several say nothing."""
    assert el.certificate_kind(elements) == expected
