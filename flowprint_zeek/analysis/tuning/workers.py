"""Processes that do the same with one thing after another.

Each worker gets the function, with the data that it needs, once, and then things one by one.
"""

from __future__ import annotations

from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from flowprint_zeek.processes import Worker, elsewhere

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from multiprocessing.connection import Connection
    from types import TracebackType

T = TypeVar("T")
R = TypeVar("R")


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
        self._workers: list[Worker] = []

    def __enter__(self) -> Workers[T, R]:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for worker in self._workers:
            worker.stop()
        self._workers = []

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
        if not self._workers and things:
            self._start()
        left = iter(enumerate(things))
        busy: dict[Connection[Any, Any], tuple[Worker, int]] = {}
        for worker, (at, thing) in zip(self._workers, left, strict=False):
            worker.give(thing)
            busy[worker.link] = worker, at
        while busy:
            ready = wait(list(busy))
            for link in [one for one in busy if one in ready]:
                worker, at = busy.pop(link)
                result = _result(worker)
                for following, thing in left:
                    worker.give(thing)
                    busy[link] = worker, following
                    break
                yield at, result

    def _start(self) -> None:
        for _ in range(self._n):
            self._workers.append(Worker(_work))
        for worker in self._workers:
            worker.give(self._function)


def _result(worker: Worker) -> Any:  # noqa: ANN401  # what the function returns
    good, result = worker.receive()
    if not good:
        raise result
    return result


def _work(link: Connection[Any, Any]) -> None:
    """Do what comes through a pipe until it is closed."""
    function = link.recv()
    while True:
        thing = link.recv()
        try:
            answer = True, function(thing)
        except Exception as error:  # noqa: BLE001  # it is raised where it was asked for
            answer = False, elsewhere(error)
        link.send(answer)
