"""The daemon when its logs cannot be written: nothing is lost, nothing comes twice."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.errors import ConfigError, OutputError
from flowprint_zeek.stream.daemon import Daemon
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS
from tests.stream.daemons import Site, ends_as, small

if TYPE_CHECKING:
    from pathlib import Path

HALF = 2_000.0


# The logs that are written


def test_lines_are_kept_while_the_disk_of_the_logs_is_full(
    site: Site,
    replay: dict[str, bytes],
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A write that came short is finished later; detection goes on meanwhile."""
    site.follow(HALF)
    real = os.write
    room = [100]

    def short(descriptor: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        taken = min(room[0], len(data))
        room[0] -= taken
        return real(descriptor, data[:taken])

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", short)
        site.follow(HALF + 800)
        closed = site.running.pipeline.last_closed
        site.follow(HALF + 1_200)
        assert site.running.pipeline.last_closed > closed
    grown = {name: site.outputs()[name] for name in (NOTICES, VERDICTS)}
    assert all(replay[name].startswith(data) for name, data in grown.items())
    assert not all(data.endswith(b"\n") for data in grown.values())
    assert ends_as(site, replay)
    assert len([text for text in caplog.messages if "are kept until it can be" in text]) == 2
    assert len([text for text in caplog.messages if "can be written again" in text]) == 2


def test_lines_outlive_a_restart_while_they_cannot_be_written(
    site: Site, replay: dict[str, bytes]
) -> None:
    """They wait in the state; a log that can be written gets its own meanwhile."""
    site.follow(HALF)
    place = site.out / NOTICES
    aside = place.rename(site.folder / "aside")
    place.mkdir()
    site.follow(HALF + 800)
    assert len(site.running.state.unwritten(NOTICES)) == 1
    assert site.running.state.unwritten(VERDICTS) == []
    place.rmdir()
    aside.rename(place)
    site.stop()
    assert ends_as(site, replay)


def test_a_folder_of_logs_that_is_deleted_is_made_again(
    site: Site, replay: dict[str, bytes]
) -> None:
    """What was in it is gone, what comes is written."""
    site.follow(HALF)
    before = site.outputs()
    for name in before:
        (site.out / name).unlink()
    site.out.rmdir()
    site.end()
    assert {name: before[name] + data for name, data in site.outputs().items()} == replay


def test_a_file_where_the_folder_of_logs_should_be(site: Site) -> None:
    """The error names it, and the state stays free for another start."""
    site.out.write_bytes(b"")
    with pytest.raises(OutputError, match=f"{site.out / NOTICES}: cannot be written: Not a dir"):
        Daemon(site.config)
    site.out.unlink()
    site.poll()


def test_logs_of_another_format_are_not_appended_to(site: Site) -> None:
    """The error says what to do."""
    site.follow(HALF)
    site.stop()
    with pytest.raises(OutputError, match=r"holds JSON lines: move it away, or set notice\.format"):
        Daemon(small(site.folder, notice__format="tsv"))


@pytest.mark.parametrize("logs", ["current", "current/conn.log"])
def test_outputs_do_not_lie_among_the_logs(tmp_path: Path, logs: str) -> None:
    """Zeek's own notice.log would be appended to."""
    (tmp_path / "current").mkdir()
    config = small(
        tmp_path, run__logs=(str(tmp_path / logs),), run__output=str(tmp_path / "current" / ".")
    )
    with pytest.raises(ConfigError, match="where logs are followed"):
        Daemon(config)
