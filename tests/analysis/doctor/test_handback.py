"""Notices that are handed to Zeek, and those that a SIEM reads."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from flowprint_zeek.analysis.doctor.handback import check_handback, check_siem
from flowprint_zeek.zeek.header import header_lines
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_ACK_LOG, OUTBOX
from flowprint_zeek.zeek.writer import row_line, whole_lines
from tests.analysis.doctor.setups import NOW, Setup, of


@pytest.fixture
def handed(setup: Setup) -> Setup:
    """Return a set-up whose notices go to Zeek, which reads the outbox and raised all."""
    spool = setup.folder / "spool"
    spool.mkdir()
    setup.given |= {"run.notices": "zeek", "run.outbox": str(spool / "outbox.tsv")}
    outbox(setup)
    setup.write(spool / "outbox.tsv.raised", b"SQLite format 3\0")
    return setup


def outbox(setup: Setup, *asked: float) -> None:
    """Write an outbox with a row for each time, s ago, at which it was asked for."""
    lines = header_lines("flowprint_outbox", OUTBOX, round(NOW * 1e6))
    for number, ago in enumerate(asked):
        row = {
            "id": f"{number:016x}",
            "note": "FlowPrint::Unseen_App",
            "msg": "New app",
            "identifier": "app",
            "asked": round(NOW - ago),
        }
        lines.append(row_line(row, OUTBOX, tsv=True))
    setup.write(Path(setup.config.run.outbox), whole_lines(lines))


def acknowledged(setup: Setup) -> None:
    """Let Zeek say that it raised something."""
    lines = header_lines("flowprint_ack", FLOWPRINT_ACK_LOG, round(NOW * 1e6))
    row = {"ts": round(NOW * 1e6), "id": "00", "again": 0}
    lines.append(row_line(row, FLOWPRINT_ACK_LOG, tsv=True))
    setup.write(setup.log("flowprint_ack"), whole_lines(lines))


def test_nothing_is_handed_over(setup: Setup) -> None:
    """By default there is no outbox."""
    assert list(check_handback(setup.scene())) == []


def test_zeek_takes_them(handed: Setup) -> None:
    """All that was asked for was raised, or is asked for since seconds."""
    outbox(handed, 5.0)
    acknowledged(handed)
    said = of(check_handback(handed.scene()), "ok")["handback"]
    assert said == f"Zeek takes notices from {handed.config.run.outbox}: 1 wait; "


def test_no_outbox(handed: Setup) -> None:
    """The option of Zeek is named with its value."""
    path = Path(handed.config.run.outbox)
    path.unlink()
    said = of(check_handback(handed.scene()), "problem")["handback"]
    assert f"there is no {path}" in said
    assert f'`redef FlowPrint::outbox = "{path}";`' in said


def test_zeek_does_not_read_the_outbox(handed: Setup) -> None:
    """It makes a file beside it when it does."""
    outbox(handed, 700.0, 5.0)
    Path(f"{handed.config.run.outbox}.raised").unlink()
    said = of(check_handback(handed.scene()), "problem")["handback"]
    assert said.startswith("2 notices wait in ")
    assert "redef FlowPrint::outbox" in said


def test_no_log_of_what_was_raised(handed: Setup) -> None:
    """Zeek may write it elsewhere."""
    outbox(handed, 300.0)
    said = of(check_handback(handed.scene()), "problem")["handback"]
    assert "1 notices wait" in said
    assert "the first for 5 min, and no flowprint_ack.log in run.logs" in said


def test_zeek_raises_nothing_any_more(handed: Setup) -> None:
    """They were asked for long ago."""
    outbox(handed, 1_300.0)
    acknowledged(handed)
    assert "the first for 22 min" in of(check_handback(handed.scene()), "problem")["handback"]


def test_an_outbox_that_may_not_be_read(handed: Setup) -> None:
    """The daemon's user may."""
    path = Path(handed.config.run.outbox)
    handed.has(access=lambda one, mode: not (one == path and mode & os.R_OK))
    assert "cannot be read by this user" in of(check_handback(handed.scene()), "note")["handback"]


def test_what_is_no_outbox(handed: Setup) -> None:
    """It is a problem of its check."""
    handed.write(Path(handed.config.run.outbox), "hello\n")
    assert "outbox.tsv: is no Zeek log" in of(handed.found(), "problem")["handback"]


# What a SIEM reads


def notices(setup: Setup, size: int) -> Path:
    """Write so much of a notice.log."""
    return setup.write(setup.folder / "out" / "notice.log", b"x" * size)


def test_a_small_file_is_not_read_by_filebeat(setup: Setup) -> None:
    """The setting of its input is named."""
    path = notices(setup, 700)
    said = of(check_siem(setup.scene()), "note")["siem"]
    assert f"{path} has 700 bytes: Filebeat's filestream does not read a file below 1024" in said
    assert "prospector.scanner.fingerprint.length" in said


def test_a_file_that_is_large_enough(setup: Setup) -> None:
    """It is well."""
    notices(setup, 2_000)
    assert of(check_siem(setup.scene()), "ok").keys() == {"siem"}


@pytest.mark.parametrize("size", [None, 0])
def test_no_notice_yet(setup: Setup, size: int | None) -> None:
    """There is nothing to say."""
    if size is not None:
        notices(setup, size)
    assert list(check_siem(setup.scene())) == []


def test_tsv_for_a_siem(setup: Setup) -> None:
    """Those that take JSON only are named."""
    setup.given["notice.format"] = "tsv"
    notices(setup, 2_000)
    assert "set notice.format: json" in of(check_siem(setup.scene()), "note")["siem"]


def test_notices_that_go_to_zeek_only(handed: Setup) -> None:
    """Then the file says nothing."""
    notices(handed, 10)
    assert list(check_siem(handed.scene())) == []
