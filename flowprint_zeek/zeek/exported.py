"""Rows of flowprint_conn.log, which the Zeek package writes.

It has a row for each connection and batch in which it was active, and the row tells in which
windows it had packets. Batches and windows of Zeek are aligned to the epoch as those here are.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.core.arrays import ints, row_groups
from flowprint_zeek.core.elements import printable
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.core.windows import windows_text
from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.columns import UNSET, as_frame, objects
from flowprint_zeek.zeek.join import bytes_of, contexts, ends_of
from flowprint_zeek.zeek.names import of_distinct

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.core.arrays import Bools, Ints, Texts
    from flowprint_zeek.core.fingerprint import Parameters

_CLIENTS = ("ja4:", "ja3:")
_MOST_WINDOWS = 1 << 20
_MOST_WIDTH = 1 << 40
_DIGITS = 9


@dataclass(frozen=True, slots=True)
class Widths:
    """Widths of batches and windows, µs."""

    batch: int
    window: int

    @classmethod
    def of(cls, parameters: Parameters) -> Widths:
        """Return those of some parameters."""
        return cls(parameters.batch_micros, parameters.window_micros)


def fits(chunk: pd.DataFrame, widths: Widths) -> Bools:
    """Tell which rows have batches and windows that those of this run can be made of."""
    batch, window = ints(chunk["batch"]), ints(chunk["window"])
    same: Bools = (batch == widths.batch) & (window > 0)
    same &= widths.window % np.maximum(window, 1) == 0
    return same


def exported_rows(
    chunk: pd.DataFrame, widths: Widths | None = None, path: Path | None = None
) -> pd.DataFrame:
    """Return connections as the batcher takes them.

    Rows that do not tell their batch and windows are left out, as are those with windows outside
    their batch.

    Parameters
    ----------
    chunk : DataFrame
        ``FLOWPRINT_CONN_COLUMNS`` of a flowprint_conn.log as read.
    widths : Widths or None, default None
        Batches and windows that flows will be cut by; None: not known yet.
    path : Path or None, default None
        Where the rows are from.

    Returns
    -------
    DataFrame
        What `flowprint_zeek.zeek.join.conn_rows` gives, of this batch: ``start`` and ``end`` are
        in it. Also ``flowprint_zeek.core.flows.EXPORTED``; ``proxied``: the destination is shown
        to be an explicit proxy; and ``told``, when the batch ends.

    Raises
    ------
    LogError
        Batches are others than those of this run, or its windows no multiple of the log's.
    """
    chunk = chunk[_usable(chunk)]
    if widths is not None and not (right := fits(chunk, widths)).all():
        raise LogError(_misfit(chunk[~right].iloc[0], widths), path=path)
    code, numbers = _windows(chunk["windows"].tolist())
    chunk, code = _inside(chunk, code, numbers)
    start, end, windows = _activity(chunk, code, numbers)
    texts = {name: chunk[name].to_numpy() for name in ("cert_sha256", "server_name", "http_host")}
    return as_frame(
        {
            "uid": chunk["uid"].to_numpy(),
            "start": start,
            "end": end,
            **ends_of(chunk),
            "n_bytes": bytes_of(chunk["orig_bytes"]) + bytes_of(chunk["resp_bytes"]),
            "local_orig": chunk["local_orig"].to_numpy(),
            "answered": chunk["answered"].to_numpy() != 0,
            "flipped": chunk["flipped"].to_numpy() == 1,
            "orig_l2_addr": chunk["orig_l2_addr"].to_numpy(),
            "ctx": contexts(chunk),
            "began": np.minimum(chunk["ts"].to_numpy(), start),
            "final": chunk["final"].to_numpy() == 1,
            "windows": windows,
            "client_fp": objects(of_distinct(_client, chunk["client_fp"].tolist())),
            "proxied": chunk["proxied"].to_numpy() == 1,
            "told": chunk["batch_start"].to_numpy() + chunk["batch"].to_numpy(),
        }
        | texts,
        len(chunk),
    )


def _usable(chunk: pd.DataFrame) -> Bools:
    """Tell which rows say when they were."""
    start, batch, window = (ints(chunk[name]) for name in ("batch_start", "batch", "window"))
    usable: Bools = (ints(chunk["ts"]) != UNSET) & (start != UNSET)
    usable &= (batch > 0) & (window > 0) & (window < _MOST_WIDTH)
    usable &= start % np.maximum(batch, 1) == 0
    return usable


def _misfit(row: pd.Series[Any], widths: Widths) -> str:
    logged = f"batches of {row['batch'] / SECOND:g} s and windows of {row['window'] / SECOND:g} s"
    wanted = f"{widths.batch / SECOND:g} s and {widths.window / SECOND:g} s"
    return (
        f"has {logged}, this run {wanted}: set FlowPrint::batch and FlowPrint::window in Zeek, or "
        "fingerprint.batch and fingerprint.window here; batches must be equal, and windows here a "
        "multiple of those in Zeek"
    )


def _windows(values: Sequence[tuple[str, ...]]) -> tuple[Ints, list[list[int]]]:
    """Return the number of each row's windows, and for each number the windows, rising."""
    distinct = list(dict.fromkeys(values))
    number = {value: at for at, value in enumerate(distinct)}
    code = np.fromiter(map(number.__getitem__, values), np.int64, len(values))
    return code, list(map(_rising, distinct))


def _rising(texts: tuple[str, ...]) -> list[int]:
    """Return windows as numbers, none where one is no number or is too large."""
    if not all(text.isdecimal() and len(text) <= _DIGITS for text in texts):
        return []
    numbers = sorted(set(map(int, texts)))
    return numbers if not numbers or numbers[-1] < _MOST_WINDOWS else []


def _inside(chunk: pd.DataFrame, code: Ints, numbers: list[list[int]]) -> tuple[pd.DataFrame, Ints]:
    """Return the rows that have windows, all of them in their batch."""
    last = ints([each[-1] if each else _MOST_WINDOWS for each in numbers])[code]
    inside = (last < _MOST_WINDOWS) & (_edge(chunk, last) < ints(chunk["batch"]))
    return chunk[inside], code[inside]


def _edge(chunk: pd.DataFrame, number: Ints) -> Ints:
    """Return where the window of each row with a number begins, µs after the batch."""
    start, window = ints(chunk["batch_start"]), ints(chunk["window"])
    # The first window of a batch may begin before it.
    return ints(np.maximum(number * window - start % window, 0))


def _activity(
    chunk: pd.DataFrame, code: Ints, numbers: list[list[int]]
) -> tuple[Ints, Ints, Texts]:
    """Return the first and last time of activity that each row tells, and its windows as text.

    The text counts in the widest steps that both a batch and a window are made of, so that each is
    in one batch and one window.
    """
    batch_start, batch, window = (ints(chunk[name]) for name in ("batch_start", "batch", "window"))
    first, last = (ints([each[at] if each else 0 for each in numbers])[code] for at in (0, -1))
    opens, closes = _edge(chunk, first), np.minimum(_edge(chunk, first + 1), batch) - 1
    start = np.clip(chunk["ts"].to_numpy(), batch_start + opens, batch_start + closes)
    end = np.maximum(start, batch_start + _edge(chunk, last))
    step = np.gcd(batch, window)
    phase, base = batch_start % window, (start - batch_start) // step
    of_row, row = row_groups((code, window, step, phase, base))
    columns = (code[row], window[row], step[row], phase[row], base[row])
    texts = [
        _text(numbers[each], *rest)
        for each, *rest in zip(*(column.tolist() for column in columns), strict=True)
    ]
    return start, end, objects(texts)[of_row]


def _text(numbers: list[int], window: int, step: int, phase: int, base: int) -> str:
    """Return windows of a batch as text that counts from a step of it."""
    later = [(number * window - phase) // step - base for number in numbers[1:]]
    return windows_text(step, [0, *later])


def _client(fingerprint: str) -> str:
    return printable(fingerprint) if fingerprint.startswith(_CLIENTS) else ""
