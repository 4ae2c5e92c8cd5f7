"""A replay in two processes: one reads and joins rows, the other judges the batches.

What is known of clients, proxies and apps is the site's, so devices cannot be judged apart from one
another; but nothing that is joined depends on what was judged. Batches come in their order, so the
results are those of one process, byte for byte.
"""

from __future__ import annotations

import os
import pickle
import signal
from dataclasses import dataclass, replace
from queue import Queue
from threading import Thread
from typing import TYPE_CHECKING, Any

from flowprint_zeek.garbage import little_garbage
from flowprint_zeek.processes import Worker, elsewhere
from flowprint_zeek.stream.configured import parameters_of
from flowprint_zeek.stream.gathering import Gathered, Gathering, JoinedBatch
from flowprint_zeek.stream.pipeline import OF_HOSTS
from flowprint_zeek.stream.replay import Source, Span, replay

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from multiprocessing.connection import Connection

    import pandas as pd

    from flowprint_zeek.config import Config
    from flowprint_zeek.stream.batcher import Timing
    from flowprint_zeek.stream.pipeline import Pipeline
    from flowprint_zeek.zeek.files import LogFile
    from flowprint_zeek.zeek.reader import ReadStats

_AHEAD = 2
"""Messages that wait for the judge, at most: batches, mostly."""


@dataclass(frozen=True, slots=True)
class _Task:
    """What is to be read."""

    logs: Sequence[LogFile]
    chunk_rows: int
    span: Span
    config: Config


@dataclass(frozen=True, slots=True)
class _Read:
    """Chunks that were read: of which log, and how many rows."""

    chunks: list[tuple[LogFile, int]]


@dataclass(frozen=True, slots=True)
class _Beside:
    """Rows of a log that is not of connections."""

    kind: str
    rows: pd.DataFrame


@dataclass(frozen=True, slots=True)
class _Closed:
    """No batch is left."""


@dataclass(frozen=True, slots=True)
class _Done:
    """All was read."""

    stats: ReadStats
    gathered: Gathered


def replay_apart(config: Config, source: Source, pipeline: Pipeline) -> None:
    """Do what `flowprint_zeek.stream.replay.replay` does, with two processes.

    Memory holds some joined batches beside what both processes hold of their halves. Afterwards the
    pipeline has judged all batches; what it could go on from is in neither process.

    Raises
    ------
    LogError
        As `replay`.
    FlowPrintError
        The other process ended.
    """
    worker = Worker(_gather)
    try:
        worker.give(_Task(source.logs, source.chunk_rows, source.span, config))
        while _taken(worker.receive(), source, pipeline):
            pass
    finally:
        worker.stop()


def _taken(message: object, source: Source, pipeline: Pipeline) -> bool:
    """Do what a message asks for, and tell whether there are more."""
    match message:
        case JoinedBatch():
            pipeline.judge(message)
        case _Beside(kind, rows):
            pipeline.beside(kind, rows)
        case _Closed():
            pipeline.end()
        case _Read(chunks):
            for log, n_rows in chunks:
                source.on_chunk(log, n_rows)
        case _Done(stats, gathered):
            source.stats += stats
            pipeline.gathered = gathered
            return False
        case BaseException():
            raise message
    return True


class _Sender:
    """Takes what a pipeline takes from a replay, and sends what is to be judged."""

    def __init__(self, config: Config, link: Connection[Any, Any]) -> None:
        self.parameters = parameters_of(config)
        self.gathering = Gathering(config)
        self._chunks: list[tuple[LogFile, int]] = []
        self._waiting: Queue[bytes | None] = Queue(_AHEAD)
        # A pipe holds less than a batch: the next one is made while this one is written.
        self._writer = Thread(target=_write, args=(link, self._waiting), daemon=True)
        self._writer.start()

    @property
    def timing(self) -> Timing:
        return self.gathering.timing

    @property
    def next_closing(self) -> int | None:
        return self.gathering.next_closing

    def conn(self, chunk: pd.DataFrame) -> None:
        self.gathering.conn(chunk)

    def beside(self, kind: str, chunk: pd.DataFrame) -> None:
        if kind in OF_HOSTS:
            self.send(_Beside(kind, chunk))
        else:
            self.gathering.beside(kind, chunk)

    def advance(self, watermark: int) -> None:
        self._send_batches(self.gathering.advance(watermark))

    def finish(self) -> None:
        self._send_batches(self.gathering.finish())
        self.send(_Closed())

    def _send_batches(self, batches: Iterable[JoinedBatch]) -> None:
        for batch in batches:
            certificates = dict.fromkeys(batch.slices["certificate"].tolist())
            described = {one: batch.described(one) for one in certificates if one}
            self.send(replace(batch, described=described.__getitem__))

    def read(self, log: LogFile, rows: int) -> None:
        """Tell that rows were read, at once or with the next batch: there must be room for that."""
        self._chunks.append((log, rows))
        if self._waiting.empty():
            self._send_read()

    def send(self, message: object) -> None:
        """Send anything, after which chunks were read."""
        if self._chunks:
            self._send_read()
        self._put(message)

    def _send_read(self) -> None:
        self._put(_Read(self._chunks))
        self._chunks = []

    def _put(self, message: object) -> None:
        # The texts that rows share are written once.
        self._waiting.put(pickle.dumps(message, pickle.HIGHEST_PROTOCOL))

    def end(self) -> None:
        """Wait until all is written."""
        self._waiting.put(None)
        self._writer.join()


def _write(link: Connection[Any, Any], waiting: Queue[bytes | None]) -> None:
    while (data := waiting.get()) is not None:
        try:
            link.send_bytes(data)
        except Exception:  # noqa: BLE001  # whatever it is, nothing more would be written
            # Mostly whoever asked is gone, and nobody else can end this process.
            os.kill(os.getpid(), signal.SIGKILL)


def _gather(link: Connection[Any, Any]) -> None:
    little_garbage()
    task: _Task = link.recv()
    sender = _Sender(task.config, link)
    source = Source(task.logs, task.chunk_rows, task.span)
    source.on_chunk = sender.read
    try:
        replay(source, sender)
    except Exception as error:  # noqa: BLE001  # it is raised where it was asked for
        sender.send(elsewhere(error))
    else:
        sender.send(_Done(source.stats, sender.gathering.met))
    sender.end()
