"""Manifests of labelled captures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.manifest import Row, read_manifest
from flowprint_zeek.errors import LogError

if TYPE_CHECKING:
    from pathlib import Path


def manifest(folder: Path, text: str) -> Path:
    """Write a manifest."""
    path = folder / "manifest.tsv"
    path.write_text(text)
    return path


def test_columns_stand_in_their_order(tmp_path: Path) -> None:
    """Without a header: path, label, split, device, packets; the last may be missing at the end."""
    path = manifest(tmp_path, "a\tmail\ttrain\t10.0.0.1\nb\tmail\ttest\n")
    assert read_manifest(path) == [
        Row(str(tmp_path / "a"), "mail", "train", "10.0.0.1", 1),
        Row(str(tmp_path / "b"), "mail", "test", "", 2),
    ]


def test_a_header_says_the_order(tmp_path: Path) -> None:
    """A first line that names columns says which they are."""
    path = manifest(tmp_path, "label\tdevice\tpath\nmail\t\ta\n")
    assert read_manifest(path) == [Row(str(tmp_path / "a"), "mail", "", "", 2)]


def test_comments_and_empty_lines_are_left_out(tmp_path: Path) -> None:
    """Lines of errors and rows count them all the same."""
    path = manifest(tmp_path, "\ufeff# captures\n\npath\tlabel\n# one\n \t \na\tmail\r\n")
    assert read_manifest(path) == [Row(str(tmp_path / "a"), "mail", "", "", 6)]


def test_packets_are_beside_the_manifest(tmp_path: Path) -> None:
    """Their path is that of the manifest's folder, as that of the logs."""
    (row,) = read_manifest(manifest(tmp_path, "path\tlabel\tpackets\na\tmail\ta.pcap\n"))
    assert row.packets == str(tmp_path / "a.pcap")


def test_an_absolute_path_stays(tmp_path: Path) -> None:
    """Only relative paths are those of the manifest's folder."""
    assert read_manifest(manifest(tmp_path, "/logs/*.gz\tmail\n"))[0].path == "/logs/*.gz"


@pytest.mark.parametrize(
    ("given", "device"),
    [("2001:DB8::0:7", "2001:db8::7"), ("02:00:00:00:00:0A", "02:00:00:00:00:0a")],
)
def test_devices_are_as_flows_have_them(tmp_path: Path, given: str, device: str) -> None:
    """Addresses have one form."""
    path = manifest(tmp_path, f"path\tlabel\tdevice\na\tmail\t{given}\n")
    assert read_manifest(path)[0].device == device


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "lists no captures"),
        ("path\tlabel\n# nothing\n", "lists no captures"),
        ("a\n", ":1: has 1 field; path and label"),
        ("a mail\n", ":1: has 1 field; path and label"),
        ("a\tmail\ttrain\t\tx\ty\n", ":1: has 6 fields, columns are path, label, split, device"),
        ("path\tlabel\na\tmail\ttrain\n", ":2: has 3 fields, columns are path, label"),
        ("path\tlabel\na\t \n", ":2: has no label"),
        ("path\tlabel\n\tmail\n", ":2: has no path"),
        ("path\tlabel\tcolour\n", ":1: has the column 'colour'; known are"),
        ("path\tlabel\tpath\n", ":1: has the column path twice"),
        ("a\tmail\tTest\n", ":1: has the split 'Test'; it must be train or test"),
        ("a\tmail\t\tphone\n", ":1: has the device 'phone', which is no address"),
        ("a\tmail\ttrain\nb\tmail\n", ":2: has no split, but other lines have one"),
        ("a\tmail\t\t\tx.pcap\nb\tmail\n", ":2: has no packets, but other lines have one"),
        ("a\tmail\ttrain\n", ": has no line with the split test"),
        ("a\tmail\ttest\n", ": has no line with the split train"),
    ],
)
def test_a_bad_line_is_told(tmp_path: Path, text: str, message: str) -> None:
    """The error names the file and the line."""
    path = manifest(tmp_path, text)
    with pytest.raises(LogError) as raised:
        read_manifest(path)
    assert str(raised.value).startswith(f"{path}:")
    assert message in str(raised.value)


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    """Missing files, folders and other encodings are errors."""
    (tmp_path / "latin.tsv").write_bytes(b"a\t\xe9\n")
    for name, message in (
        ("absent.tsv", "cannot be read: No such file"),
        (".", "cannot be read: Is a directory"),
        ("latin.tsv", "is not UTF-8"),
    ):
        with pytest.raises(LogError, match=message):
            read_manifest(tmp_path / name)
