"""The outbox of a small site, and what Zeek says of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flowprint_zeek.zeek.header import header_lines
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_ACK_LOG, OUTBOX
from flowprint_zeek.zeek.writer import row_line, whole_lines
from tests.stream.small import MIDNIGHT, SECOND

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.stream.notices import Row
    from tests.stream.daemons import Site

HALF = 2_500.0
"""Seconds after which two of the three unseen apps were found."""


def outbox(folder: Path) -> Path:
    return folder / "handed" / "outbox.tsv"


def waiting(site: Site) -> list[dict[str, str]]:
    """Return the rows of the outbox, as they stand there."""
    lines = outbox(site.folder).read_text().splitlines()
    names = [name for name, _ in OUTBOX]
    return [dict(zip(names, one.split("\t"), strict=True)) for one in lines if one[0] != "#"]


def apps(site: Site) -> list[str]:
    return [one["id"] for one in waiting(site) if one["note"] == "FlowPrint::Unseen_App"]


def acknowledge(site: Site, *ids: str) -> None:
    """Let Zeek say that it raised findings."""
    path = site.current / "flowprint_ack.log"
    lines = [] if path.exists() else header_lines("flowprint_ack", FLOWPRINT_ACK_LOG, MIDNIGHT)
    for at, one in enumerate(ids):
        row: Row = {"ts": MIDNIGHT + at * SECOND, "id": one, "again": False}
        lines.append(row_line(row, FLOWPRINT_ACK_LOG, tsv=True))
    with path.open("ab") as file:
        file.write(whole_lines(lines))
