"""Zeek's TSV escapes, headers and file names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek import logformat
from flowprint_zeek.zeek.logformat import escape, kind_of_name, parse_header, unescape

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


def test_header_round_trip() -> None:
    """A header that is written is the header that is read."""
    columns = [("ts", "time"), ("uid", "string"), ("tags", "set[string]")]
    lines = logformat.header_lines("conn", columns, 1_767_225_600_000_000)
    header = parse_header(lines)
    assert header.fields == ("ts", "uid", "tags")
    assert header.types == ("time", "string", "set[string]")
    assert (header.path, header.open) == ("conn", "2026-01-01-00-00-00")
    assert (header.separator, header.set_separator) == ("\t", ",")
    assert (header.unset_field, header.empty_field) == ("-", "(empty)")


def test_header_with_other_separators() -> None:
    """A site may have configured its own."""
    header = parse_header(
        [r"#separator \x7c", r"#set_separator|\x3b", "#unset_field|?", "#fields|ts|uid"]
    )
    assert (header.separator, header.set_separator, header.unset_field) == ("|", ";", "?")
    assert header.fields == ("ts", "uid")


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["#path\tconn"], "no #fields"),
        (["#fields\ta\tb", "#types\ttime"], "2 fields and 1 types"),
        ([r"#separator \x09\x09", "#fields\t\ta"], "not one byte"),
    ],
)
def test_unusable_header_is_an_error(lines: list[str], said: str) -> None:
    """The error says what the header lacks."""
    with pytest.raises(LogError, match=said):
        parse_header(lines)


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("conn.log", "conn"),
        ("conn.log.gz", "conn"),
        ("conn.log.1", "conn"),
        ("conn.15:00:00-16:00:00.log.gz", "conn"),
        ("conn.2026-01-01-12-00-00.log", "conn"),
        ("conn-26-01-01_12.00.00.log", "conn"),
        ("conn.10:00:00-11:00:00-logger-1.log.gz", "conn"),
        ("conn__2026-01-01-12-00-00__2026-01-01-13-00-00__[log_suffix=logger-1__].log", "conn"),
        ("conn__2026-01-01-12-00-00__2026-01-01-13-00-00__log_suffix=logger-1__.log", "conn"),
        ("conn_20260101_00:00:00-01:00:00+0000.log.gz", "conn"),
        ("json_streaming_conn.1.log", "conn"),
        ("json_streaming_ssl.log", "ssl"),
        ("conn_long.log", "conn_long"),
        ("conn_long.10:00:00-11:00:00.log.gz", "conn_long"),
        ("open_conn.log", "open_conn"),
        ("flowprint_conn.2026-01-01-12-00-00.log", "flowprint_conn"),
        ("notice(flowprint).log", "notice"),
        ("x509.log", "x509"),
        ("conn-summary.15:00:00-16:00:00.log.gz", None),
        ("conn.txt", None),
        ("stdout", None),
    ],
)
def test_kind_of_name(name: str, kind: str | None) -> None:
    """Every way Zeek and its tools name a log tells its kind."""
    assert kind_of_name(name) == kind


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
