"""A log as the frame that users of zat know."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import pandas as pd
from pandas.errors import OutOfBoundsDatetime, OutOfBoundsTimedelta

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek.columns import UNSET, storage
from flowprint_zeek.zeek.files import find_logs, log_at
from flowprint_zeek.zeek.reader import ReadStats, column_types, peek, read_chunks

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from numpy.typing import NDArray


def read_frame(
    path: Path | str, columns: Sequence[str] | None = None, *, kind: str | None = None
) -> pd.DataFrame:
    """Return a log as a frame with zat's dtypes.

    Unlike zat it reads every log that the rest of this package reads: JSON, gzip, escapes, ``#``
    inside values, exact microseconds; damaged lines are dropped. Empty text and empty sets are
    missing, like unset ones.

    Parameters
    ----------
    path : Path or str
        Log to read.
    columns : sequence of str, optional
        Columns to return; all of the log by default. ``ts`` is always read.
    kind : str, optional
        Which log, where a file holds rows of several; by default the first.

    Returns
    -------
    DataFrame
        Indexed by ``ts``: datetimes in UTC without a zone. Intervals are timedeltas, the rest has
        the dtypes of ``LogToDataFrame().pd_column_types``. Times that nanoseconds cannot hold
        leave their column in microseconds.

    Raises
    ------
    LogError
        The file is missing or no Zeek log, or lacks a column that was asked for.
    """
    log = log_at(path) if kind is None else find_logs([path], [kind])[0]
    types = column_types(log)
    names = list(types) if columns is None else list(dict.fromkeys(["ts", *columns]))
    for name in names:
        if name not in types:
            raise LogError(f"has no column {name}", path=log.path)
    chunks = list(read_chunks(log, names, stats=ReadStats())) or [peek(log, names)]
    whole = pd.concat(chunks, ignore_index=True)
    dtypes = _zat_dtypes(names, [types[name] for name in names])
    made = {name: _as_zat(whole[name], types[name], dtypes[name]) for name in names}
    frame = pd.DataFrame(made)
    return frame.set_index("ts") if "ts" in made else frame


def _zat_dtypes(names: Sequence[str], types: Sequence[str]) -> dict[str, str]:
    # Imported late: it is slow and wanted only here. By name: it has no types.
    zat = import_module("zat.log_to_dataframe")
    dtypes: dict[str, str] = zat.LogToDataFrame().pd_column_types(names, types)
    return dtypes


def _as_zat(column: pd.Series[Any], zeek_type: str, dtype: str) -> pd.Series[Any]:
    kept = storage(zeek_type)
    if kept == "micros":
        return _moments(column.to_numpy(), zeek_type)
    if kept == "double":
        return column
    if kept in {"number", "port"}:
        return column.astype("Int64").mask(column == UNSET).astype(pd.api.types.pandas_dtype(dtype))
    if kept == "bool":
        column = column.map({1: "T", 0: "F"}).astype(object)
    elif kept == "tuple":
        # With PyArrow installed pandas would make Arrow text of it, which holds no surrogates.
        column = pd.Series([",".join(items) for items in column], dtype=object)
    try:
        return column.mask(column == "").astype(pd.api.types.pandas_dtype(dtype))
    except UnicodeEncodeError:
        # PyArrow's text holds no bytes that are no UTF-8; plain Python strings do.
        codes, values = pd.factorize(column.mask(column == "").to_numpy(dtype=object), sort=True)
        return pd.Series(pd.Categorical.from_codes(codes, pd.Index(values, dtype=object)))


def _moments(micros: NDArray[Any], zeek_type: str) -> pd.Series[Any]:
    # UNSET is what NumPy takes for "no time".
    exact = pd.Series(micros.view("M8[us]" if zeek_type == "time" else "m8[us]"))
    try:
        return exact.dt.as_unit("ns")
    except (OutOfBoundsDatetime, OutOfBoundsTimedelta):
        return exact
