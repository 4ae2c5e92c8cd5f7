"""Processes that share work. Each ends when whoever started it does: its pipe is closed then."""

from __future__ import annotations

import os
import signal
import traceback
from contextlib import contextmanager, suppress
from multiprocessing import get_context, resource_tracker
from typing import TYPE_CHECKING, Any

from flowprint_zeek.errors import FlowPrintError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from multiprocessing.connection import Connection

# A new interpreter, not a copy of this process: that would hold locks of threads it does not have.
_NEW = get_context("spawn")

_SAFE_PATH = "PYTHONSAFEPATH"


class Worker:
    """A process and a pipe to it. Ctrl-C does not reach it.

    Parameters
    ----------
    work : callable
        What it does with its end of the pipe; a function of a module.

    Attributes
    ----------
    link : Connection
        This end.
    """

    def __init__(self, work: Callable[[Connection[Any, Any]], None]) -> None:
        self.link, other = _NEW.Pipe()
        self._process = _NEW.Process(target=_worked, args=(work, other), daemon=True)
        with _own_modules():
            # The first process would start it, which lets Ctrl-C through again.
            resource_tracker.ensure_running()
            with _no_interrupts():
                self._process.start()
        other.close()

    @property
    def alive(self) -> bool:
        """Whether it has not ended."""
        return self._process.is_alive()

    def give(self, thing: object) -> None:
        """Send something picklable.

        Raises
        ------
        FlowPrintError
            The process ended.
        """
        try:
            self.link.send(thing)
        except OSError as error:
            raise _ended() from error

    def receive(self) -> Any:  # noqa: ANN401  # whatever it sends
        """Return what it sends next.

        Raises
        ------
        FlowPrintError
            The process ended.
        """
        try:
            return self.link.recv()
        except (EOFError, OSError) as error:
            raise _ended() from error

    def stop(self) -> None:
        """End it: what it still does is for nobody."""
        self.link.close()
        # It may have inherited that it does not listen to anything milder.
        self._process.kill()
        self._process.join()


def _ended() -> FlowPrintError:
    return FlowPrintError("a worker process ended by itself (was memory short?)")


def elsewhere(error: Exception) -> Exception:
    """Return an error of a worker with where it happened, which is lost on the way."""
    error.add_note("".join(traceback.format_exception(error)))
    return error


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach; this thread gets it when the block ends."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def _own_modules() -> Iterator[None]:
    """Start processes that do not take a file of the folder at hand for a module of Python."""
    before = os.environ.get(_SAFE_PATH)
    os.environ[_SAFE_PATH] = "1"
    try:
        yield
    finally:
        if before is None:
            del os.environ[_SAFE_PATH]
        else:
            os.environ[_SAFE_PATH] = before


def _worked(work: Callable[[Connection[Any, Any]], None], link: Connection[Any, Any]) -> None:
    with suppress(EOFError, OSError):
        work(link)
