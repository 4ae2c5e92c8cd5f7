"""What of some rows stands at the end of a log."""

from __future__ import annotations

import gzip
import logging
import os
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowprint_zeek.errors import OutputError
from flowprint_zeek.zeek import readback
from flowprint_zeek.zeek.readback import Found, look
from tests.zeek.small_appends import HEADER, OPENED, log_in, packed, rows

if TYPE_CHECKING:
    from collections.abc import Sequence

LOG = log_in(Path())


def row(*numbers: int) -> bytes:
    return rows(LOG, *numbers)


def written(path: Path, content: bytes, age: int = 0) -> Path:
    """Write a file of the log; those with a higher age are older."""
    path.write_bytes(content)
    os.utime(path, (OPENED // 1_000_000 - age,) * 2)
    return path


def rest(folder: Path, data: bytes) -> bytes:
    return look(folder / "notice.log", data, tsv=True).rest


@settings(max_examples=200, deadline=None)
@given(
    files=st.lists(st.tuples(st.integers(0, 3), st.booleans(), st.booleans()), min_size=1),
    known=st.integers(0, 9),
    missing=st.integers(0, 3),
    cut=st.integers(0, len(row(1)) - 1),
)
def test_rows_are_found_over_several_files(
    tmp_path_factory: pytest.TempPathFactory,
    files: Sequence[tuple[int, bool, bool]],
    known: int,
    missing: int,
    cut: int,
) -> None:
    """However rows are spread over rotated files and the current one, with and without headers.

    Some are known to be written; the row after them may be cut anywhere.
    """
    folder = tmp_path_factory.mktemp("logs")
    cut = cut if missing else 0
    end = 0
    for age, (count, headed, packs) in zip(reversed(range(len(files))), files, strict=True):
        begin, end = end, end + count
        content = HEADER * headed + row(*range(begin, end)) + row(end)[: 0 if age else cut]
        path = written(folder / (f"notice.log.{age}" if age else "notice.log"), content, age)
        if packs and age:
            packed(path)
    data = row(*range(min(known, end), end + missing))
    assert rest(folder, data) == row(*range(end, end + missing))[cut:]


def test_nothing_stands_where_there_is_nothing(tmp_path: Path) -> None:
    """No directory, no file, no rows."""
    data = row(1, 2)
    assert rest(tmp_path / "none", data) == data
    assert rest(tmp_path, data) == data
    assert rest(tmp_path, b"") == b""


@pytest.mark.parametrize(
    "content",
    [
        *(b"\n", b"\n\n", b"9", row(1)[8:], HEADER, HEADER + b"#close\t2026"),
        *(row(9), b"9" + row(1), b"9" + row(1, 2)),
    ],
)
def test_few_bytes_fool_nobody(tmp_path: Path, content: bytes) -> None:
    """Line ends, ends of rows, comments, other rows, rows that are the end of others."""
    written(tmp_path / "notice.log", content)
    assert look(tmp_path / "notice.log", row(1, 2), tsv=True) == Found(row(1, 2))


def test_what_stands_is_not_begun_again(tmp_path: Path) -> None:
    """Where all rows stand, or other rows are missing, a foreign end is no part of the first."""
    for stands in (3, 2):
        content = row(*range(1, stands + 1)) + row(1)[: len(row(1)) - 2 * (3 - stands)]
        written(tmp_path / "notice.log", content.removesuffix(b"\n"))
        found = look(tmp_path / "notice.log", row(1, 2, 3), tsv=True)
        assert found == Found(row(*range(stands + 1, 4)))


def test_the_most_that_stands_counts(tmp_path: Path) -> None:
    """Where what was cut begins several rows, it is the row after those before it."""
    written(tmp_path / "notice.log", row(1, 2) + row(3)[:3])
    assert rest(tmp_path, row(1, 2, 3)) == row(3)[3:]


def test_rows_in_the_wrong_order_do_not_stand(tmp_path: Path) -> None:
    """Rows count from the first one on, without a gap."""
    for content in (row(2), row(1, 3), row(2, 1, 9), row(1, 2, 4)):
        written(tmp_path / "notice.log", content)
        assert rest(tmp_path, row(1, 2, 3)) == row(1, 2, 3)


def test_the_newest_file_is_told_by_its_time(tmp_path: Path) -> None:
    """Names in any style; equal times go by number."""
    for style in ("-20260101", ".1.gz", "-2026010100.gz", ".old"):
        written(tmp_path / "notice.log.7", row(8), 20)
        content = row(1, 2)
        name = f"notice.log{style}"
        written(tmp_path / name, gzip.compress(content) if name.endswith(".gz") else content, 10)
        written(tmp_path / "notice.log", HEADER)
        assert rest(tmp_path, row(1, 2, 3)) == row(3)
        (tmp_path / name).unlink()
    written(tmp_path / "notice.log-20260101", row(0, 1), 20)
    written(tmp_path / "notice.log.7", row(2), 10)
    assert rest(tmp_path, row(0, 1, 2, 3)) == row(3)
    for number, content in ((1, row(2)), (2, row(1)), (10, row(0)), (7, row(0))):
        written(tmp_path / f"notice.log.{number}", content)
    assert rest(tmp_path, row(1, 2, 3)) == row(3)


def test_the_log_itself_is_the_newest(tmp_path: Path) -> None:
    """Also where a row was finished in a rotated file since."""
    written(tmp_path / "notice.log.1", row(1, 2))
    written(tmp_path / "notice.log", row(3), 10)
    assert rest(tmp_path, row(1, 2, 3, 4)) == row(4)
    assert rest(tmp_path, row(3, 4)) == row(4)


def test_a_log_that_was_compressed_in_place_is_a_rotated_one(tmp_path: Path) -> None:
    """It is no archive of the file that has its name now."""
    written(tmp_path / "notice.log.gz", gzip.compress(row(1)), 10)
    written(tmp_path / "notice.log", HEADER)
    assert rest(tmp_path, row(1, 2)) == row(2)


def test_other_files_are_no_files_of_the_log(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Names that go on otherwise, directories, and links to the log itself."""
    written(tmp_path / "notice.log", row(1) + row(2)[:4], 10)
    written(tmp_path / "notice.logs", row(1, 2))
    (tmp_path / "notice.log.d").mkdir()
    (tmp_path / "notice.log-now").symlink_to("notice.log")
    found = look(tmp_path / "notice.log", row(1, 2), tsv=True)
    assert found.file is not None
    assert (found.rest, found.file.current) == (row(2)[4:], True)
    assert caplog.records == []


def test_a_link_is_followed_to_where_rotated_files_are(tmp_path: Path) -> None:
    """The log and its directory may be links."""
    (tmp_path / "real").mkdir()
    (tmp_path / "current").symlink_to("real")
    written(tmp_path / "real" / "notice.log.1", row(1))
    (tmp_path / "link.log").symlink_to("real/notice.log")
    for _ in range(2):
        assert rest(tmp_path / "current", row(1, 2)) == row(2)
        assert look(tmp_path / "link.log", row(1, 2), tsv=True).rest == row(2)
        written(tmp_path / "real" / "notice.log", b"")


@pytest.mark.parametrize("copies", [1, 2])
def test_copies_among_rotated_files_do_not_hide_rows(tmp_path: Path, copies: int) -> None:
    """What someone copied aside with other rows is not the end of the log."""
    written(tmp_path / "notice.log-20260101", row(1, 2), 10)
    for number in range(copies):
        written(tmp_path / f"notice.log.copy{number}", row(7, 8), 5)
    assert rest(tmp_path, row(1, 2, 3)) == row(3)


def test_files_without_rows_are_passed_over(tmp_path: Path) -> None:
    """Files that are empty, or hold an empty line or a header."""
    written(tmp_path / "notice.log.4", row(1, 2), 4)
    for age, content in enumerate((b"\n", b"", HEADER, HEADER[:30])):
        written(tmp_path / (f"notice.log.{age}" if age else "notice.log"), content, age)
    assert rest(tmp_path, row(1, 2, 3)) == row(3)


def test_a_row_that_was_written_again_is_no_longer_cut(tmp_path: Path) -> None:
    """What a rotated file ends with is over once rows follow it."""
    written(tmp_path / "notice.log.1", row(1) + row(2)[:9], 1)
    written(tmp_path / "notice.log", HEADER + row(2))
    assert look(tmp_path / "notice.log", row(1, 2, 3), tsv=True) == Found(row(3))


def test_older_files_are_left_alone(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Files that cannot hold any of the rows are not read, however many there are."""
    written(tmp_path / "notice.log", row(0, 1))
    written(tmp_path / "notice.log.1.gz", b"\x1f\x8b damaged", 1)
    assert rest(tmp_path, row(1, 2)) == row(2)
    assert caplog.records == []


def test_the_end_of_a_large_file_is_found(tmp_path: Path) -> None:
    """Also compressed, and after more than what is read at once."""
    content = b"".join(b"%d.000000\told\n" % number for number in range(200_000))
    for name in ("notice.log", "notice.log.1"):
        path = written(tmp_path / name, HEADER + content + row(1, 2) + row(3)[:7])
        if name == "notice.log.1":
            packed(path)
        assert rest(tmp_path, row(1, 2, 3, 4)) == row(3)[7:] + row(4)
        path.unlink(missing_ok=True)
    written(tmp_path / "notice.log", content + row(1, 2) + b"\0" * 300_000)
    assert rest(tmp_path, row(1, 2, 3)) == row(3)


def test_many_rows_over_two_files(tmp_path: Path) -> None:
    """More rows than are read beyond those looked for."""
    data = row(*range(30_000))
    written(tmp_path / "notice.log.1", HEADER + row(*range(20_000)), 10)
    packed(tmp_path / "notice.log.1")
    written(tmp_path / "notice.log", HEADER + row(*range(20_000, 25_000)))
    assert rest(tmp_path, data) == row(*range(25_000, 30_000))


def test_an_archive_being_made_is_its_file(tmp_path: Path) -> None:
    """While both are there the plain one counts, and nothing is appended to it any more."""
    written(tmp_path / "notice.log.1", row(1, 2)[:-1])
    written(tmp_path / "notice.log.1.gz", gzip.compress(row(1))[:9])
    found = look(tmp_path / "notice.log", row(1, 2), tsv=True)
    assert found.file is not None
    assert (found.rest, found.file.archived, found.plain) == (b"\n", True, True)
    written(tmp_path / "notice.log.1", row(1, 2), 1)
    written(tmp_path / "notice.log.1.gz", gzip.compress(row(1) + row(2)[:7]))
    assert rest(tmp_path, row(1, 2, 3)) == row(3)


def test_what_cannot_be_read_of_rotated_files_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It counts as not written: rows are rather doubled than lost."""
    written(tmp_path / "notice.log.1", row(1, 2))
    packed(tmp_path / "notice.log.1")
    whole = (tmp_path / "notice.log.1.gz").read_bytes()
    (tmp_path / "notice.log.1.gz").write_bytes(whole[:-8])
    assert rest(tmp_path, row(1, 2, 3)) == row(3)
    (tmp_path / "notice.log.1.gz").write_bytes(whole[:12])
    found = look(tmp_path / "notice.log", row(1, 2, 3), tsv=True)
    assert (found.torn + found.rest, found.plain) == (row(1, 2, 3), False)
    real = Path.open

    def refused(path: Path, mode: str) -> object:
        if path.suffix == ".gz":
            raise PermissionError(13, "Permission denied")
        return real(path, mode)

    monkeypatch.setattr(Path, "open", refused)
    assert rest(tmp_path, row(1, 2, 3)) == row(1, 2, 3)
    early, again, denied = (record.getMessage() for record in caplog.records)
    assert early == again
    assert early.endswith("notice.log.1.gz: compressed data ends early; read up to there")
    assert denied.endswith("notice.log.1.gz: cannot be read back: [Errno 13] Permission denied")


@pytest.mark.parametrize("way", ["renamed", "compressed", "truncated"])
def test_a_rotation_while_reading_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, way: str
) -> None:
    """What was read before it is read again where need be."""
    written(tmp_path / "notice.log.1", row(1), 10)
    written(tmp_path / "notice.log", row(2, 3), 5)
    real = readback._piece
    todo = [way]

    def piece(file: readback.File, size: int, *, tsv: bool) -> readback._Piece:
        found = real(file, size, tsv=tsv)
        if todo:
            todo.pop()
            if way == "renamed":
                (tmp_path / "notice.log.1").rename(tmp_path / "notice.log.2")
                (tmp_path / "notice.log").rename(tmp_path / "notice.log.1")
            elif way == "compressed":
                packed(tmp_path / "notice.log.1")
            else:
                shutil.copy(tmp_path / "notice.log", tmp_path / "notice.log-copy")
                os.truncate(tmp_path / "notice.log", 0)
        return found

    monkeypatch.setattr(readback, "_piece", piece)
    assert rest(tmp_path, row(1, 2, 3, 4)) == row(4)


def test_endless_rotation_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading back ends, whatever goes on."""
    numbers = iter(range(1_000))

    def files(_: Path) -> list[readback.File]:
        return [readback.File(tmp_path / f"{next(numbers)}", False, False, (0, 0))]

    monkeypatch.setattr(readback, "_files", files)
    with pytest.raises(OutputError, match=r"notice\.log: cannot be read back"):
        rest(tmp_path, row(1))


def test_a_log_that_cannot_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Without the current file nobody knows what to write."""
    written(tmp_path / "notice.log", row(1))

    def refused(*_: object) -> object:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refused)
    with caplog.at_level(logging.WARNING), pytest.raises(OutputError, match="Permission denied"):
        rest(tmp_path, row(1))
    assert caplog.records == []
