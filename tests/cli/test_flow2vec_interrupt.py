"""Ctrl-C while ``flow2vec fit`` works: nothing is left, and nothing is lost."""

from __future__ import annotations

import signal
import tempfile
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.analysis.flow2vec import reading, training
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.zeek.reader import read_chunks
from tests.analysis.flow2vec.small import two_apps, written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.zeek.files import LogFile
    from tests.cli.conftest import Cli


def interrupts(*_: object, **__: object) -> None:
    signal.raise_signal(signal.SIGINT)


def while_reading(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(file: LogFile, *args: Any, **options: Any) -> Iterator[pd.DataFrame]:
        yield from read_chunks(file, *args, **options)
        interrupts()

    monkeypatch.setattr(reading, "read_chunks", interrupted)


def while_training(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(training._gensim().Word2Vec, "_log_epoch_end", interrupts)


@pytest.mark.parametrize("arrange", [while_reading, while_training])
def test_ctrl_c_leaves_the_old_model_and_nothing_else(
    cli: Cli,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    arrange: Callable[[pytest.MonkeyPatch], None],
) -> None:
    """Whenever it comes: the model is as it was, and the folder of the sentences is gone."""
    log, model, spool = written(tmp_path / "conn.log", two_apps()), tmp_path / "m", tmp_path / "s"
    cli.ok("flow2vec", "fit", log, "-o", model)
    before = model.read_bytes()
    spool.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(spool))
    arrange(monkeypatch)
    done = cli("flow2vec", "fit", log, "-o", model, "--epochs", 40)
    assert (done.code, done.out) == (Exit.INTERRUPTED, "")
    assert done.err == "flowprint-zeek: interrupted\n"
    assert model.read_bytes() == before
    assert list(spool.iterdir()) == []
    assert sorted(tmp_path.iterdir()) == sorted([log, model, spool])
