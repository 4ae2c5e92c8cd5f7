"""Text that is no text: the same server name out of every format that Zeek writes it in."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowprint_zeek.core.elements import normalise_name
from flowprint_zeek.zeek.files import LogFile
from flowprint_zeek.zeek.logformat import escape, json_text
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

if TYPE_CHECKING:
    from pathlib import Path

PRIVATE = re.compile("[\U000f0000-\U000f00ff]")


def text_of(raw: bytes) -> str:
    return raw.decode("utf-8", "surrogateescape")


def in_tsv(raw: bytes) -> bytes:
    """Return a field of TSV."""
    return escape(text_of(raw), in_set=False).encode()


def row(string: str) -> bytes:
    return f'{{"ts":1.5,"server_name":{string}}}'.encode("utf-8", "surrogatepass")


def in_hex(raw: bytes) -> bytes:
    r"""Return a row of JSON as Zeek 3 and later write it: bytes as ``\xNN``, backslashes single."""
    return row(json.dumps(json_text(text_of(raw)), ensure_ascii=False))


def in_tsv_policy(raw: bytes) -> bytes:
    """Return a row of JSON whose strings are escaped as in TSV."""
    return row(json.dumps(in_tsv(raw).decode(), ensure_ascii=False))


def in_private(raw: bytes, *, named: bool = True) -> bytes:
    """Return a row of JSON with bytes as U+F00NN, named or, as other programs rewrite it, as is."""
    private = re.sub("[\x00-\x1f\x7f\udc80-\udcff]", _private, text_of(raw))
    string = json.dumps(private, ensure_ascii=False)
    return row(PRIVATE.sub(_named, string) if named else string)


def _private(match: re.Match[str]) -> str:
    return match[0] if match[0] in "\b\f\n\r\t" else chr(0xF0000 + (ord(match[0]) & 0xFF))


def _named(match: re.Match[str]) -> str:
    return f"\\udb80\\udc{ord(match[0]) & 0xFF:02x}"


def in_private_as_is(raw: bytes) -> bytes:
    return in_private(raw, named=False)


def in_8_1(raw: bytes) -> bytes:
    r"""Return a row of JSON of Zeek 8.1: controls as ``\u00NN``, what is no text as ``\xNN``."""
    try:
        string = raw.decode()
    except UnicodeDecodeError:
        string = "".join(chr(b) if b < 128 else f"\\x{b:02x}" for b in raw)
    return row(json.dumps(string, ensure_ascii=False))


def in_bro_2(raw: bytes) -> bytes:
    r"""Return a row of JSON of Bro 2: every byte that is no plain ASCII as ``\u00NN``."""
    named = {*range(32), *range(127, 256), *b"\"'\\&"}
    return row('"' + "".join(f"\\u00{b:02x}" if b in named else chr(b) for b in raw) + '"')


FORMS = [in_hex, in_tsv_policy, in_private, in_private_as_is, in_8_1, in_bro_2]


def names(path: Path, *lines: bytes) -> list[str]:
    """Return the normalised server names of rows of JSON."""
    path.write_bytes(b"".join(line + b"\n" for line in lines))
    stats = ReadStats()
    (frame,) = read_chunks(LogFile(path, "ssl", "json"), ["server_name"], stats=stats)
    assert stats.problems == []
    return list(map(normalise_name, frame["server_name"]))


def name_in_tsv(path: Path, raw: bytes) -> str:
    path.write_bytes(b"#fields\tts\tserver_name\n1.5\t" + in_tsv(raw) + b"\n")
    (frame,) = read_chunks(LogFile(path, "ssl", "tsv"), ["server_name"], stats=ReadStats())
    return normalise_name(frame["server_name"].tolist()[0])


@pytest.mark.parametrize(
    ("raw", "name"),
    [
        (b"www.Example.com.", "www.example.com"),
        (b"a\x07b", r"a\x07b"),
        (b"a\nb\tc", r"a\x0ab\x09c"),
        (b"\xff", r"\xff"),
        ("é.example".encode(), r"\xc3\xa9.example"),
        ("É\x07".encode(), r"\xc3\xa9\x07"),
        ("É".encode() + b"\xff", r"\xc3\xa9\xff"),
        (b"a\\b", r"a\x5cb"),
        (b"a\\\\b", r"a\x5cb"),
        (b"a\\x07b", r"a\x07b"),
        (b"a\\\x07b", r"a\x07b"),
        (b"a\"b'c&d", "a\"b'c&d"),
        (b"\x00\x7f\x9f", r"\x00\x7f\x9f"),
        ("\ue000\ufffd".encode(), r"\xee\x80\x80\xef\xbf\xbd"),
        ("😀".encode(), r"\xf0\x9f\x98\x80"),
        (b"-", "-"),
    ],
)
def test_a_name_is_the_same_in_every_format(tmp_path: Path, raw: bytes, name: str) -> None:
    """Out of TSV, of JSON by each policy, and of JSON of other times."""
    assert name_in_tsv(tmp_path / "ssl.log", raw) == name
    assert names(tmp_path / "ssl.log", *(form(raw) for form in FORMS)) == [name] * len(FORMS)


@settings(max_examples=60, deadline=None)
@given(
    raw=st.one_of(
        st.binary(min_size=1, max_size=6),
        st.lists(
            st.sampled_from([b"\\", b"x07", b"\x07", b"\xc3", b"\x89", "É".encode(), b"A", b"."]),
            min_size=1,
            max_size=6,
        ).map(b"".join),
    )
)
def test_any_name_is_the_same_in_every_format(
    tmp_path_factory: pytest.TempPathFactory, raw: bytes
) -> None:
    """Whatever bytes a client sends for a name."""
    folder = tmp_path_factory.mktemp("log")
    found = names(folder / "a.log", *(form(raw) for form in FORMS))
    assert {name_in_tsv(folder / "b.log", raw)} == set(found)


def test_other_programs_name_characters_not_bytes(tmp_path: Path) -> None:
    """JSON written again with spaces, as by Python, has one escape for a character."""
    lines = [json.dumps({"ts": 1.5, "server_name": text}) for text in ("é.example", "a\\u00e9")]
    found = names(tmp_path / "ssl.log", *(line.encode() for line in lines))
    assert found == [r"\xc3\xa9.example", r"a\x5cu00e9"]
