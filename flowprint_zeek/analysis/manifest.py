"""Manifests: which captures there are, and what runs in each.

TSV with the columns ``path``, ``label`` and, where wanted, ``split``, ``device`` and ``packets``. A
first line that names columns says their order; without one they stand in this order. Empty lines
and lines that start with ``#`` are left out.
"""

from __future__ import annotations

import ipaddress
from dataclasses import dataclass
from typing import TYPE_CHECKING

from flowprint_zeek.core.devices import is_mac
from flowprint_zeek.errors import LogError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

COLUMNS = ("path", "label", "split", "device", "packets")
"""Columns of a manifest; the first two are needed."""

SPLITS = ("train", "test")

_NEEDED = 2


@dataclass(frozen=True, slots=True)
class Row:
    """One capture of a manifest.

    Attributes
    ----------
    path : str
        Folder, file or pattern of Zeek logs, from the manifest's folder where relative.
    label : str
        App that runs in it.
    split : {"train", "test", ""}
        What it is for, "" where the manifest does not say.
    device : str
        Address or MAC address of its device, "" for the local one with most flows.
    line : int
        Line of the manifest, counted from 1.
    packets : str
        Packet capture that the logs were made from, "" for none.
    """

    path: str
    label: str
    split: str
    device: str
    line: int
    packets: str = ""


def read_manifest(path: Path) -> list[Row]:
    """Read a manifest.

    Raises
    ------
    LogError
        It cannot be read, lists nothing, or a line is not as it must be.
    """
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise LogError(f"cannot be read: {error.strerror}", path=path) from error
    except UnicodeDecodeError as error:
        raise LogError("is not UTF-8", path=path) from error
    told = [
        (number, line.split("\t"))
        for number, line in enumerate(lines, start=1)
        if line.strip() and not line.startswith("#")
    ]
    columns: Sequence[str] = COLUMNS
    if told and _names_columns(told[0][1]):
        columns = _columns(path, *told.pop(0))
    rows = [_row(path, number, cells, columns) for number, cells in told]
    if not rows:
        raise LogError("lists no captures", path=path)
    _check_together(path, rows)
    return rows


def _names_columns(cells: list[str]) -> bool:
    return {"path", "label"} <= {cell.strip() for cell in cells}


def _columns(path: Path, line: int, cells: list[str]) -> list[str]:
    names = [cell.strip() for cell in cells]
    for at, name in enumerate(names):
        if name not in COLUMNS:
            known = ", ".join(COLUMNS)
            raise LogError(f"has the column {name!r}; known are {known}", path=path, line=line)
        if name in names[:at]:
            raise LogError(f"has the column {name} twice", path=path, line=line)
    return names


def _row(path: Path, line: int, cells: list[str], columns: Sequence[str]) -> Row:
    if len(cells) < _NEEDED:
        raise LogError(
            f"has {len(cells)} field; path and label, parted by a tab, are needed",
            path=path,
            line=line,
        )
    if len(cells) > len(columns):
        said = f"has {len(cells)} fields, columns are {', '.join(columns)}"
        raise LogError(said, path=path, line=line)
    given = dict.fromkeys(COLUMNS, "") | {
        name: cell.strip() for name, cell in zip(columns, cells, strict=False)
    }
    for name in COLUMNS[:_NEEDED]:
        if not given[name]:
            raise LogError(f"has no {name}", path=path, line=line)
    if given["split"] not in ("", *SPLITS):
        raise LogError(
            f"has the split {given['split']!r}; it must be train or test", path=path, line=line
        )
    device = _device(given["device"], path, line)
    packets = str(path.parent / given["packets"]) if given["packets"] else ""
    where = str(path.parent / given["path"])
    return Row(where, given["label"], given["split"], device, line, packets)


def _device(text: str, path: Path, line: int) -> str:
    """Return the address of a device as flow tables have it."""
    if not text or is_mac(text):
        return text.lower()
    try:
        return str(ipaddress.ip_address(text))
    except ValueError as error:
        raise LogError(
            f"has the device {text!r}, which is no address", path=path, line=line
        ) from error


def _check_together(path: Path, rows: list[Row]) -> None:
    """Check that what one line has all have: a split and packets."""
    for name in ("split", "packets"):
        lacking = [row for row in rows if not getattr(row, name)]
        if 0 < len(lacking) < len(rows):
            said = f"has no {name}, but other lines have one"
            raise LogError(said, path=path, line=lacking[0].line)
    splits = {row.split for row in rows} - {""}
    for split in SPLITS:
        if splits and split not in splits:
            raise LogError(f"has no line with the split {split}", path=path)
