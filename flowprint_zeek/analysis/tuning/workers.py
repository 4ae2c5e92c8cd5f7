"""Processes that do the same with one thing after another.

Each worker gets the function, with the data that it needs, once, and then things one by one. It
ends when whoever started it does, however that ends: its pipe is closed then.
"""

from __future__ import annotations

import signal
from contextlib import contextmanager, suppress
from multiprocessing import get_context
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from flowprint_zeek.errors import FlowPrintError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from types import TracebackType

T = TypeVar("T")
R = TypeVar("R")

# A new interpreter, not a copy of this process: that would hold locks of threads it does not have.
_NEW = get_context("spawn")


class Workers(Generic[T, R]):
    """Workers, or with one the process itself.

    Parameters
    ----------
    function : callable
        What is done with each thing; it must be picklable, and so must things and results.
    n : int
        Number of workers.
    """

    def __init__(self, function: Callable[[T], R], n: int) -> None:
        self._function = function
        self._n = n
        self._links: list[Connection[Any, Any]] = []
        self._processes: list[Any] = []

    def __enter__(self) -> Workers[T, R]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for link in self._links:
            link.close()
        for process in self._processes:
            # What it still does is for nobody.
            process.terminate()
        for process in self._processes:
            process.join()
        self._links, self._processes = [], []

    def done(self, things: Sequence[T]) -> Iterator[tuple[int, R]]:
        """Yield the number and the result of each thing, in the order in which they are ready.

        Raises
        ------
        FlowPrintError
            A worker ended.
        Exception
            What the function raised.
        """
        if self._n == 1 or len(things) == 1:
            for at, thing in enumerate(things):
                yield at, self._function(thing)
            return
        if not self._links and things:
            self._start()
        left = iter(enumerate(things))
        busy: dict[Connection[Any, Any], int] = {}
        for link, (at, thing) in zip(self._links, left, strict=False):
            busy[link] = _given(link, at, thing)
        while busy:
            ready = wait(list(busy))
            for link in [one for one in busy if one in ready]:
                at, result = busy.pop(link), _received(link)
                for following, thing in left:
                    busy[link] = _given(link, following, thing)
                    break
                yield at, result

    def _start(self) -> None:
        with _no_interrupts():
            for _ in range(self._n):
                link, other = _NEW.Pipe()
                process = _NEW.Process(target=_work, args=(other,), daemon=True)
                process.start()
                other.close()
                self._links.append(link)
                self._processes.append(process)
        for link in self._links:
            _given(link, 0, self._function)


def _given(link: Connection[Any, Any], at: int, thing: object) -> int:
    try:
        link.send(thing)
    except OSError as error:
        raise _ended() from error
    return at


def _received(link: Connection[Any, Any]) -> Any:  # noqa: ANN401  # what the function returns
    try:
        good, result = link.recv()
    except (EOFError, OSError) as error:
        raise _ended() from error
    if not good:
        raise result
    return result


def _ended() -> FlowPrintError:
    return FlowPrintError("a worker process ended by itself (was memory short?)")


@contextmanager
def _no_interrupts() -> Iterator[None]:
    """Start processes that Ctrl-C does not reach; this one gets it when the block ends."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _work(link: Connection[Any, Any]) -> None:
    """Do what comes through a pipe until it is closed."""
    with suppress(EOFError, OSError):
        function = link.recv()
        while True:
            thing = link.recv()
            try:
                answer = True, function(thing)
            except Exception as error:  # noqa: BLE001  # it is raised where it was asked for
                answer = False, error
            link.send(answer)
