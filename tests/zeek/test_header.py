"""Headers of TSV logs."""

from __future__ import annotations

import pytest

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.header import begun, header_lines, parse_header


def test_header_round_trip() -> None:
    """A header that is written is the header that is read."""
    columns = [("ts", "time"), ("uid", "string"), ("tags", "set[string]")]
    lines = header_lines("conn", columns, 1_767_225_600_000_000)
    header = parse_header(lines)
    assert header.fields == ("ts", "uid", "tags")
    assert header.types == ("time", "string", "set[string]")
    assert (header.path, header.open) == ("conn", "2026-01-01-00-00-00")
    assert (header.separator, header.set_separator) == ("\t", ",")
    assert (header.unset_field, header.empty_field) == ("-", "(empty)")
    assert header.oddity == ""


def test_header_with_other_separators() -> None:
    """A site may have configured its own."""
    header = parse_header(
        [r"#separator \x7c", r"#set_separator|\x3b", "#unset_field|?", "#fields|ts|uid"]
    )
    assert (header.separator, header.set_separator, header.unset_field) == ("|", ";", "?")
    assert header.fields == ("ts", "uid")


def test_what_is_not_said_again_goes_on_to_hold() -> None:
    """Names that change in mid-file keep path and separators, until a new separator."""
    first = parse_header([r"#separator \x2c", "#unset_field,?", "#path,conn", "#fields,ts,uid"])
    second = parse_header(["#fields,uid"], first)
    assert (second.path, second.unset_field, second.fields) == ("conn", "?", ("uid",))
    assert parse_header(["#close,2026"], first) == first
    third = parse_header([r"#separator \x09", "#fields\tts"], first)
    assert (third.path, third.unset_field, third.fields) == ("", "-", ("ts",))


@pytest.mark.parametrize(
    ("line", "prefix"),
    [
        (r"#separator \x09", "#"),
        (r"// separator \x09", "// "),
        (r"meta:separator ,", "meta:"),
        ("#fields\tts", "#"),
        ("# exported", "#"),
        ("ts\tuid\tid.orig_h", "ts\t"),
        ("uid;ts\r\n", "uid;"),
        ("1.0\tC1\t192.0.2.1", None),
        ("uid\tother", None),
        ('{"ts":1.0,"uid":"C1"}', None),
        ("A separator is what parts words", None),
        ("", None),
    ],
)
def test_what_begins_a_header(line: str, prefix: str | None) -> None:
    """A prefix that a site chose, or one line of names with ts among them."""
    header = begun(line)
    assert (None if header is None else header.prefix) == prefix


def test_types_may_be_missing() -> None:
    """Labels are appended to the names of some data sets only."""
    header = parse_header(["#fields\tts\tuid\tlabel\t", "#types\ttime\tstring\t"])
    assert header.fields == ("ts", "uid", "label")
    assert header.types == ("time", "string", "string")
    assert header.oddity == "the header names 3 fields and 2 types: the rest is text"


@pytest.mark.parametrize(
    ("lines", "said", "line"),
    [
        (["#path\tconn"], "no #fields", None),
        (["#fields\ta", "#types\ttime\tstring"], "1 fields and 2 types", 2),
        (["#separator .", "#fields.a"], r"separator '\.' cannot be told", 1),
        (["#separator ", "#fields a"], "separator '' cannot be told", 1),
        ([r"#separator \x0a", "#fields a"], r"separator '\\n' cannot be told", 1),
        (["#open", "#separator x", "#fieldsxa"], "separator 'x' cannot be told", 2),
    ],
)
def test_unusable_header_is_an_error(lines: list[str], said: str, line: int | None) -> None:
    """The error says what the header lacks, and in which line."""
    with pytest.raises(LogError, match=said) as caught:
        parse_header(lines)
    assert caught.value.line == line
