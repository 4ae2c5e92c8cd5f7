"""Registered domains of names."""

from __future__ import annotations

import pytest

from flowprint_zeek.core.domains import registered_domain, wider


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("example.com", "example.com"),
        ("a.b.c.example.com", "example.com"),
        ("www.example.co.uk", "example.co.uk"),
        ("www.ck", "www.ck"),
        ("a.b.example.ck", "b.example.ck"),
        ("xn--85x722f.xn--55qx5d.cn", "xn--85x722f.xn--55qx5d.cn"),
        ("www.xn--85x722f.xn--fiqs8s", "xn--85x722f.xn--fiqs8s"),
        ("a.b.unlisted", "b.unlisted"),
        ("_dmarc.example.org", "example.org"),
        (r"a\x0a.example.org", "example.org"),
    ],
)
def test_what_was_registered_is_one_label_below_the_suffix(name: str, expected: str) -> None:
    """Whatever the suffix: of two labels, a wildcard with an exception, in punycode, unlisted."""
    assert registered_domain(name) == expected


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.user.github.io", "user.github.io"),
        ("key.bucket.s3.amazonaws.com", "bucket.s3.amazonaws.com"),
        ("d1.cloudfront.net", "d1.cloudfront.net"),
    ],
)
def test_customers_of_a_hoster_are_domains_of_their_own(name: str, expected: str) -> None:
    """Suffixes in the private part of the list count."""
    assert registered_domain(name) == expected


@pytest.mark.parametrize(
    "name", ["com", "co.uk", "github.io", "s3.amazonaws.com", "printer", "a..b", ".com", ""]
)
def test_a_name_below_which_nothing_is_registered_is_itself(name: str) -> None:
    """Public suffixes, names without a dot, and what is no name of the DNS."""
    assert registered_domain(name) == name


@pytest.mark.parametrize("address", ["192.0.2.7", "2001:db8::7", "::ffff:192.0.2.7"])
def test_an_address_is_no_domain(address: str) -> None:
    """The last numbers of an address are no domain."""
    assert registered_domain(address) == ""


@pytest.mark.parametrize(
    ("element", "expected"),
    [
        ("192.0.2.7:443", "net:192.0.2.0/24:443"),
        ("192.0.2.255:443", "net:192.0.2.0/24:443"),
        ("192.0.2.7:80", "net:192.0.2.0/24:80"),
        ("[2001:db8:1:ffff::7]:53", "net:2001:db8:1::/48:53"),
        ("[fe80::7%eth0]:53", "net:fe80::/48:53"),
        ("name:www.example.com", "domain:example.com"),
        ("name:a.user.github.io", "domain:user.github.io"),
        ("name:printer", "domain:printer"),
    ],
)
def test_what_an_element_is_a_part_of(element: str, expected: str) -> None:
    """An endpoint is of a network and a port, a name of a registered domain."""
    assert expected == wider(element)


@pytest.mark.parametrize(
    "element", ["cert:5f3a", "cert:md5:9c01", "name:192.0.2.7", "name:2001:db8::7", "host:443"]
)
def test_what_is_a_part_of_nothing(element: str) -> None:
    """Certificates, addresses as names, and endpoints without an address."""
    assert wider(element) == ""
