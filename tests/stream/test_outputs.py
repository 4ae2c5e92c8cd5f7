"""The files of a replay."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.errors import OutputError
from flowprint_zeek.stream.counts import Day
from flowprint_zeek.stream.notices import status_notice
from flowprint_zeek.stream.outputs import Outputs
from tests.stream.small import DAY, MIDNIGHT

if TYPE_CHECKING:
    from pathlib import Path


def lines(path: Path, key: str) -> list[str]:
    return [line for line in path.read_text().splitlines() if line.startswith(key)]


def test_a_log_is_opened_with_its_first_row(tmp_path: Path) -> None:
    """The header tells the time of the first row, so it does not depend on how logs are cut."""
    with Outputs(tmp_path, as_json=False, opened=MIDNIGHT) as outputs:
        outputs.notice(status_notice(Day(MIDNIGHT), MIDNIGHT + DAY, "detect"))
        outputs.closed = MIDNIGHT + 2 * DAY
    assert lines(tmp_path / "notice.log", "#open") == ["#open\t2026-01-02-00-00-00"]
    assert lines(tmp_path / "notice.log", "#close") == ["#close\t2026-01-03-00-00-00"]


def test_a_log_without_rows_is_a_log(tmp_path: Path) -> None:
    """Logs that got nothing have a header and an end."""
    with Outputs(tmp_path, as_json=False, opened=MIDNIGHT):
        pass
    for name in ("notice.log", "flowprint.log"):
        assert lines(tmp_path / name, "#open") == ["#open\t2026-01-01-00-00-00"]
        assert lines(tmp_path / name, "#close") == ["#close\t2026-01-01-00-00-00"]


def test_old_logs_are_replaced_at_once(tmp_path: Path) -> None:
    """What an earlier run left does not stand beside this one's rows, even before there are any."""
    (tmp_path / "notice.log").write_text("old")
    with Outputs(tmp_path, as_json=True, opened=MIDNIGHT):
        assert (tmp_path / "notice.log").read_text() == ""
    assert (tmp_path / "notice.log").read_text() == ""


def test_an_error_leaves_complete_logs(tmp_path: Path) -> None:
    """A run that ends early leaves logs with an end."""
    with pytest.raises(KeyboardInterrupt), Outputs(tmp_path, as_json=False, opened=MIDNIGHT):
        raise KeyboardInterrupt
    assert lines(tmp_path / "notice.log", "#close")
    assert lines(tmp_path / "flowprint.log", "#close")


@pytest.mark.parametrize("name", ["", "flowprint.log"])
def test_what_cannot_be_written_is_told_before_the_work(tmp_path: Path, name: str) -> None:
    """A folder or log in the place of another thing is an error that names it."""
    out = tmp_path / "out"
    if name:
        (out / name).mkdir(parents=True)
    else:
        out.touch()
    with pytest.raises(OutputError, match=f"{out / name}: cannot be"):
        Outputs(out, as_json=False, opened=MIDNIGHT)
