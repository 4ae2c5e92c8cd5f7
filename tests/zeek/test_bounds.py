"""Memory stays bounded, and reading comes to an end, whatever a file holds."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.zeek.binetflow import _NEEDED
from flowprint_zeek.zeek.blocks import MAX_LINE, MOST_GROWTH
from tests.zeek.bounds import Taken, taken

if TYPE_CHECKING:
    from pathlib import Path

MOST = 300
"""MB that reading any file may take."""

HEADER = b"#separator \\x09\n#path\tdns\n#fields\tts\tuid\tquery\tanswers\n"
ROW = b"1.000000\tC1\ta.example\tx,y\n"
OBJECT = b'{"ts":1.0,"uid":"C1","query":"a.example","answers":["x","y"]}\n'


def around(tmp_path: Path, middle: bytes, *, json: bool) -> Taken:
    """Read a log with something between two good rows."""
    first, last = (OBJECT, OBJECT) if json else (HEADER + ROW, ROW)
    path = tmp_path / "dns.log"
    path.write_bytes(first + middle + last)
    return taken(path)


def long_line(shape: str, size: int) -> bytes:
    """Return a line of about so many bytes."""
    match shape:
        case "text":
            return b"1.0\tC2\t" + b"q" * size + b"\tx\n"
        case "escapes":
            return b"1.0\tC2\t" + rb"\x41" * (size // 4) + b"\tx\n"
        case "fields":
            return b"\t" * size + b"\n"
        case "elements":
            return b"1.0\tC2\tq\t" + b",".join(b"%06x" % at for at in range(size // 7)) + b"\n"
        case "string":
            return b'{"ts":1.0,"query":"' + b"q" * size + b'"}\n'
        case "objects":
            return b'{"ts":1.0,"x":[' + b"{}," * (size // 3) + b"0]}\n"
        case "keys":
            return b'{"ts":1.0' + b"".join(b',"%06x":1' % at for at in range(size // 11)) + b"}\n"
        case _:
            return b'{"ts":1.0,"x":' + b"[" * size + b"\n"


TSV = ("text", "escapes", "fields", "elements")
JSON = ("string", "objects", "keys", "brackets")


@pytest.mark.parametrize("shape", [*TSV, *JSON])
def test_a_line_that_is_too_long_is_one_damaged_line(tmp_path: Path, shape: str) -> None:
    """It takes no more memory than a block of others, and its neighbours are read."""
    found = around(tmp_path, long_line(shape, MAX_LINE + (1 << 21)), json=shape in JSON)
    assert (found.rows, found.damaged) == (2, 1)
    assert found.megabytes < MOST / 2


@pytest.mark.parametrize("shape", [*TSV, *JSON])
def test_the_longest_line_that_is_read(tmp_path: Path, shape: str) -> None:
    """Whatever it is made of, memory stays bounded."""
    found = around(tmp_path, long_line(shape, MAX_LINE - 100), json=shape in JSON)
    assert found.rows + found.damaged == 3
    assert found.megabytes < MOST


def test_a_million_elements_are_read(tmp_path: Path) -> None:
    """A vector may be long, if its line is not too long."""
    elements = b"x" + b",x" * 999_999
    quoted = b'"x"' + b',"x"' * 999_999
    lines = {False: b"1.0\tC2\tq\t%s\n" % elements, True: b'{"ts":1.0,"answers":[%s]}\n' % quoted}
    for json, line in lines.items():
        found = around(tmp_path, line * 3, json=json)
        assert (found.rows, found.damaged) == (5, 0)
        assert found.megabytes < MOST


@pytest.mark.parametrize("name", [b"c", b"c%d"])
def test_a_million_columns(tmp_path: Path, name: bytes) -> None:
    """A header in mid file may name them; rows below it are read, or damaged and told."""
    names = b"\t".join(name % at if b"%" in name else name for at in range(1_000_000))
    line = b"2.0\tC2" + b"\t-" * 1_000_000 + b"\n"
    found = around(tmp_path, b"#fields\tts\tuid\t" + names + b"\n" + line * 3, json=False)
    assert found.rows + found.damaged == 5
    assert found.megabytes < MOST


def test_a_million_columns_at_the_beginning(tmp_path: Path) -> None:
    """No log is so; it is refused or read, in bounded memory."""
    path = tmp_path / "dns.log"
    path.write_bytes(b"#path\tdns\n#fields\tts\tuid" + b"\tc" * 1_000_000 + b"\n" + ROW)
    found = taken(path)
    assert found.rows == 0
    assert found.problems
    assert found.megabytes < MOST


UNITS = {"zeros": b"\0", "blank lines": b"\n", "no line end": b"\t#"}


@pytest.mark.parametrize(
    ("unit", "json"),
    [(name, json) for name in UNITS for json in (False, True)] + [("short lines", False)],
)
def test_an_archive_that_grows_without_end(tmp_path: Path, unit: str, json: bool) -> None:
    """Of 10 MB that become 10 GB no more is read than a log might have become."""
    member = gzip.compress((UNITS.get(unit, b"a\n") * (1 << 26))[: 1 << 26])
    path = tmp_path / "dns.log.gz"
    path.write_bytes(gzip.compress(OBJECT if json else HEADER + ROW) + member * 160)
    found = taken(path)
    assert found.rows == 1
    assert found.problems[-1].endswith("becomes too large for a log; read up to there")
    assert found.megabytes < MOST


def test_comments_without_end(tmp_path: Path) -> None:
    """Millions of lines that say nothing are not held."""
    found = around(tmp_path, b"#\n" * 5_000_000, json=False)
    assert (found.rows, found.damaged) == (2, 0)
    assert found.megabytes < MOST / 2


def test_blank_lines_of_argus_without_end(tmp_path: Path) -> None:
    """Of millions of empty lines in a binetflow file none is held."""
    path = tmp_path / "a.binetflow"
    path.write_bytes(",".join(sorted(_NEEDED)).encode() + b"\n" * 8_000_000)
    found = taken(path)
    assert (found.rows, found.damaged) == (0, 0)
    assert found.megabytes < MOST / 2


def test_a_log_that_compresses_well_is_read_whole(tmp_path: Path) -> None:
    """Rows that are all alike become less than the limit, which is far from that of real logs."""
    path = tmp_path / "dns.log.gz"
    path.write_bytes(gzip.compress(HEADER + ROW * 1_000_000))
    assert 100 < len(ROW) * 1_000_000 / path.stat().st_size < MOST_GROWTH
    found = taken(path, "uid")
    assert (found.rows, found.problems) == (1_000_000, [])
