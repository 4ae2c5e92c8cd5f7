"""The daemon's two logs: each line that was committed, once, in order."""

from __future__ import annotations

import errno
import json
import os
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.errors import OutputError
from flowprint_zeek.stream.commits import Commit
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS
from flowprint_zeek.stream.sinks import Sinks
from flowprint_zeek.stream.state import State
from flowprint_zeek.zeek.append import AppendedLog
from tests.stream.small import MIDNIGHT, SECOND

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from flowprint_zeek.stream.notices import Row


@pytest.fixture
def state(tmp_path: Path) -> Iterator[State]:
    with closing(State(tmp_path / "state.sqlite")) as opened:
        yield opened


@pytest.fixture
def sinks(tmp_path: Path) -> Iterator[Sinks]:
    with closing(Sinks(tmp_path / "out", "json")) as opened:
        yield opened


def notice(number: int) -> Row:
    return {"ts": MIDNIGHT + number * SECOND, "note": "FlowPrint::Status", "msg": f"m{number}"}


def verdict(number: int) -> Row:
    return {"ts": MIDNIGHT + number * SECOND, "device": "10.0.0.1", "verdict": f"v{number}"}


def commit(state: State, sinks: Sinks, *numbers: int) -> None:
    """Take a notice and a verdict of each number and commit them."""
    for number in numbers:
        sinks.notice(notice(number))
        sinks.verdict(verdict(number))
    state.commit(Commit({}, {}, sinks.lines, sinks.notices, 1.0))
    sinks.committed()


def lines(folder: Path, log: str) -> list[str]:
    """Return what the lines of a log say."""
    key = "msg" if log == NOTICES else "verdict"
    text = (folder / "out" / log).read_text()
    assert text.endswith("\n")
    return [json.loads(line)[key] for line in text.splitlines()]


def due(state: State) -> list[int]:
    return [len(state.unwritten(log)) for log in (NOTICES, VERDICTS)]


def said(prefix: str, numbers: Sequence[int]) -> list[str]:
    return [f"{prefix}{number}" for number in numbers]


def test_nothing_is_written_before_it_is_committed(
    tmp_path: Path, state: State, sinks: Sinks
) -> None:
    """What is only taken may be taken again after a crash."""
    sinks.notice(notice(1))
    assert sinks.write(state)
    assert not (tmp_path / "out").exists()


def test_what_is_committed_is_written_and_forgotten(
    tmp_path: Path, state: State, sinks: Sinks
) -> None:
    """In the order in which it was taken."""
    commit(state, sinks, 1, 2)
    assert due(state) == [2, 2]
    assert sinks.write(state)
    commit(state, sinks, 3)
    assert sinks.write(state)
    assert due(state) == [0, 0]
    assert lines(tmp_path, NOTICES) == said("m", [1, 2, 3])
    assert lines(tmp_path, VERDICTS) == said("v", [1, 2, 3])


def test_several_commits_may_be_written_at_once(tmp_path: Path, state: State, sinks: Sinks) -> None:
    """As after a time in which nothing could be written."""
    for number in range(5):
        commit(state, sinks, number)
    assert sinks.write(state)
    assert lines(tmp_path, NOTICES) == said("m", range(5))


@pytest.mark.parametrize("count", [1, 2])
def test_lines_that_were_written_and_not_forgotten(
    tmp_path: Path, state: State, sinks: Sinks, count: int
) -> None:
    """After a restart they are found in the log; the rest of them is written."""
    commit(state, sinks, 1, 2)
    place = tmp_path / "out" / NOTICES
    log = AppendedLog(place, "notice", (), format="json")
    log.append(b"".join(line.data for _, line in state.unwritten(NOTICES)[:count]), MIDNIGHT)
    log.close()
    with closing(Sinks(tmp_path / "out", "json")) as again:
        commit(state, again, 3)
        assert again.write(state)
    assert lines(tmp_path, NOTICES) == said("m", [1, 2, 3])


def test_lines_that_cannot_be_forgotten(
    tmp_path: Path, state: State, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The state cannot be written just then: they are not written again."""

    def full(_numbers: object) -> None:
        raise OutputError("cannot be written: database or disk is full", path=state.path)

    commit(state, sinks, 1)
    with monkeypatch.context() as patch:
        patch.setattr(state, "written", full)
        assert not sinks.write(state)
    commit(state, sinks, 2)
    assert sinks.write(state)
    assert lines(tmp_path, NOTICES) == said("m", [1, 2])
    assert lines(tmp_path, VERDICTS) == said("v", [1, 2])


def test_a_write_that_came_short_is_finished(
    tmp_path: Path, state: State, sinks: Sinks, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever is committed meanwhile comes behind it."""
    real = os.write
    room = [30]

    def short(descriptor: int, data: bytes) -> int:
        taken = min(room[0], len(data))
        if not taken:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        room[0] -= taken
        return real(descriptor, data[:taken])

    commit(state, sinks, 1)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", short)
        assert not sinks.write(state)
        assert sinks.failing == [VERDICTS, NOTICES]
        commit(state, sinks, 2)
        assert not sinks.write(state)
    assert len((tmp_path / "out" / NOTICES).read_bytes()) == 30
    assert sinks.write(state)
    assert sinks.failing == []
    assert lines(tmp_path, NOTICES) == said("m", [1, 2])
    assert lines(tmp_path, VERDICTS) == said("v", [1, 2])


def test_one_log_does_not_wait_for_the_other(
    tmp_path: Path, state: State, sinks: Sinks, caplog: pytest.LogCaptureFixture
) -> None:
    """It is told once that a log cannot be written, and once that it can be again."""
    place = tmp_path / "out" / NOTICES
    place.mkdir(parents=True)
    for number in (1, 2):
        commit(state, sinks, number)
        assert not sinks.write(state)
    assert due(state) == [2, 0]
    assert lines(tmp_path, VERDICTS) == said("v", [1, 2])
    place.rmdir()
    assert sinks.write(state)
    assert lines(tmp_path, NOTICES) == said("m", [1, 2])
    assert caplog.messages == [
        f"{place}: is no regular file; lines of notice.log are kept until it can be",
        "notice.log can be written again",
    ]


def test_a_rotation_between_two_writes(tmp_path: Path, state: State, sinks: Sinks) -> None:
    """What comes goes to a new file."""
    commit(state, sinks, 1)
    sinks.write(state)
    place = tmp_path / "out" / NOTICES
    place.rename(place.with_name("notice.log.1"))
    commit(state, sinks, 2)
    assert sinks.write(state)
    assert lines(tmp_path, NOTICES) == said("m", [2])
    assert lines(tmp_path, VERDICTS) == said("v", [1, 2])


def test_a_log_that_holds_something_else_is_refused(tmp_path: Path) -> None:
    """Before anything is read or learned."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / VERDICTS).write_text('{"ts":1}\n')
    with pytest.raises(OutputError, match=r"flowprint\.log: holds JSON lines"):
        Sinks(tmp_path / "out", "tsv")
