"""A process that works for another: what it is given, how it ends, what does not end it."""

from __future__ import annotations

import gc
import os
import signal
import subprocess
import sys
from multiprocessing import active_children
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.errors import FlowPrintError
from flowprint_zeek.processes import Worker, elsewhere

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.connection import Connection

ROOT = Path(__file__).resolve().parents[1]
END, INTERRUPT = "end", "interrupt"


def answering(link: Connection[Any, Any]) -> None:
    """Send back what comes with the process that says so, until the end is asked for."""
    while (thing := link.recv()) != END:
        if thing == INTERRUPT:
            os.kill(os.getpid(), signal.SIGINT)
        link.send((thing, os.getpid()))


@pytest.fixture
def worker() -> Iterator[Worker]:
    """Return a process that answers."""
    started = Worker(answering)
    yield started
    started.stop()


def test_it_works_elsewhere(worker: Worker) -> None:
    """It takes one thing after another, in a process of its own."""
    answers = []
    for thing in ("a", {"b": [1]}):
        worker.give(thing)
        answers.append(worker.link.recv())
    assert [thing for thing, _ in answers] == ["a", {"b": [1]}]
    (pid,) = {pid for _, pid in answers}
    assert [one.pid for one in active_children()] == [pid]
    assert pid != os.getpid()


def test_it_is_alive_until_it_is_stopped(worker: Worker) -> None:
    """And no process is left then, though it waits for more."""
    assert worker.alive
    worker.stop()
    assert not worker.alive
    assert active_children() == []


def test_it_ends_when_nobody_is_there(worker: Worker, capfd: pytest.CaptureFixture[str]) -> None:
    """A closed pipe is the end of its work, and no error."""
    (process,) = active_children()
    worker.link.close()
    process.join()
    assert process.exitcode == 0
    assert not worker.alive
    assert capfd.readouterr().err == ""


def test_giving_to_a_process_that_ended_is_an_error(worker: Worker) -> None:
    """It says that a worker ended, which nobody asked it to."""
    worker.give(END)
    with pytest.raises(EOFError):
        worker.link.recv()
    with pytest.raises(FlowPrintError, match="a worker process ended by itself"):
        worker.give("a")


INTERRUPTED = f"""
import os, signal, sys
from multiprocessing import active_children
from flowprint_zeek.processes import Worker, elsewhere
from tests.test_processes import answering

for _ in range(int(sys.argv[1])):
    Worker(answering).stop()
worker = Worker(answering)
(process,) = active_children()
os.kill(process.pid, signal.SIGINT)
worker.give({INTERRUPT!r})
print(worker.link.recv()[0], worker.alive)
worker.stop()
"""
"""Starts so many workers and one more, which gets Ctrl-C while it starts and while it works."""


@pytest.mark.parametrize("before", [0, 1])
def test_ctrl_c_does_not_end_it(before: int) -> None:
    """Neither while it starts nor while it works, whether it is the first of a process or not."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, str(before)],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=False,
    )
    assert (done.stdout, done.stderr) == (f"{INTERRUPT} True\n", "")


def test_ctrl_c_while_it_starts_reaches_who_starts_it(
    monkeypatch: pytest.MonkeyPatch, worker: Worker
) -> None:
    """It is not lost, and comes once the process is there."""
    starting = type(worker._process).start

    def interrupted(process: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        starting(process)

    monkeypatch.setattr(type(worker._process), "start", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Worker(answering)
    # It ends with the pipe to it, which nobody holds.
    gc.collect()
    for process in set(active_children()) - {worker._process}:
        process.join()


FOREIGN = """
from flowprint_zeek.processes import Worker, elsewhere
from tests.test_processes import answering

worker = Worker(answering)
worker.give("a")
print(worker.link.recv()[0])
worker.stop()
"""


def test_files_of_the_folder_at_hand_are_no_modules(tmp_path: Path) -> None:
    """Nor of the process that the first worker of a process comes with."""
    (tmp_path / "socket.py").write_text("raise SystemExit('a file of the folder')\n")
    done = subprocess.run(
        [sys.executable, "-P", "-c", FOREIGN],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=False,
    )
    assert (done.stdout, done.stderr) == ("a\n", "")
    assert "PYTHONSAFEPATH" not in os.environ


def answering_with_an_error() -> None:
    raise FlowPrintError("a message", path="a.log")


def test_an_error_tells_where_it_happened() -> None:
    """Its message stays as it is."""
    with pytest.raises(FlowPrintError) as raised:
        answering_with_an_error()
    told = elsewhere(raised.value)
    assert str(told) == "a.log: a message"
    assert "in answering_with_an_error" in told.__notes__[0]
