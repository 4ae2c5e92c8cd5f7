"""Values as Zeek writes them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.zeek import logformat
from flowprint_zeek.zeek.logformat import escape, unescape

HOSTILE = st.one_of(
    st.text(
        st.sampled_from('\\x09,-()#\t\n\r\0\x01\x7f\x85é€\ue000\ufffd😀\udcff"/ab'), max_size=12
    ),
    st.binary(max_size=12).map(lambda raw: raw.decode("utf-8", "surrogateescape")),
)


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("a\tb\\c,é\x01-", r"a\x09b\\c,\xc3\xa9\x01-"),
        ("-", r"\x2d"),
        ("(empty)", r"\x28empty)"),
        ("", "(empty)"),
        ("--", "--"),
        ("#x", "#x"),
        ("é€😀", "é€😀"),
        ("é\\é\x07", r"é\\\xc3\xa9\x07"),
        ("\x7f", r"\x7f"),
        ("\x85", r"\xc2\x85"),
        ("\ue000", r"\xee\x80\x80"),
        ("\ufffd", r"\xef\xbf\xbd"),
        ("\udcff", r"\xff"),
        ("é\udcff", r"\xc3\xa9\xff"),
        ("\ud800", r"\xed\xa0\x80"),
        ("a b", "a b"),
    ],
)
def test_text_is_escaped_as_zeek_does(value: str, written: str) -> None:
    """Each case is what Zeek 8 writes into a string field, or its own unit tests expect."""
    assert escape(value, in_set=False) == written


def test_the_set_separator_is_escaped_only_inside_sets() -> None:
    """A comma in an element would otherwise make two of it."""
    assert escape("a,b", in_set=True) == r"a\x2cb"
    assert escape("a,b", in_set=False) == "a,b"


@given(value=HOSTILE, in_set=st.booleans())
def test_escaping_can_be_undone(value: str, in_set: bool) -> None:
    """Any bytes come back, and what is written cannot break a line, a field or a set."""
    written = escape(value, in_set=in_set)
    assert unescape(written) == value or (value == "" and written == "(empty)")
    assert not set(written) & set("\t\n\r\0")
    assert written != "-"
    assert not (in_set and "," in written)
    written.encode()


@given(value=HOSTILE)
def test_json_text_is_always_text(value: str) -> None:
    """Whatever the bytes, a JSON string holds only characters that UTF-8 has."""
    logformat.json_text(value).encode()


def test_unescape_leaves_what_is_no_escape() -> None:
    """Zeek before 3.0 wrote single backslashes."""
    assert unescape(r"Amazon.com\, Inc.\xZZ\x4") == r"Amazon.com\, Inc.\xZZ\x4"


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (0.25, "0.25"),
        (3.0, "3.0"),
        (-0.0, "0.0"),
        (1 / 3, "0.333333"),
        (1e-7, "0"),
        (-2.5, "-2.5"),
        (1e10, "10000000000.0"),
    ],
)
def test_doubles_as_zeek_writes_them(value: float, written: str) -> None:
    """Up to six decimals without zeros at the end; a whole number keeps one."""
    assert logformat.double(value) == written


@given(st.integers(-(10**17), 10**17))
def test_times_keep_six_decimals(micros: int) -> None:
    """A time is written exactly."""
    text = logformat.fixed(micros)
    assert int(text.replace(".", "")) == micros
    assert text[-7] == "."


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("2018-01-30T18:14:02.090842Z", 1_517_336_042_090_842),
        ("2018-01-30T18:14:02Z", 1_517_336_042_000_000),
        ("2018-01-30T18:14:02", 1_517_336_042_000_000),
        ("2018-01-30 18:14:02.5", 1_517_336_042_500_000),
        ("2018-01-30T19:14:02+01:00", 1_517_336_042_000_000),
        ("2018-01-30T13:14:02-0500", 1_517_336_042_000_000),
        ("1969-12-31T23:59:59.5Z", -500_000),
        ("1970-01-01", 0),
        ("noon", None),
        ("20180130", None),
        ("-20180130", None),
        ("", None),
        ("2018-13-30T18:14:02Z", None),
    ],
)
def test_times_in_iso_8601(text: str, micros: int | None) -> None:
    """With and without fraction and zone; mere digits are no date."""
    assert logformat.iso_micros(text) == micros
