"""Prepared flows: flow tables kept as Parquet."""

from __future__ import annotations

import importlib.util
from typing import TYPE_CHECKING

import pandas as pd

from flowprint_zeek.aside import replacing
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.flows import REQUIRED
from flowprint_zeek.core.windows import Windows
from flowprint_zeek.errors import LogError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def write_flows(path: Path, flows: pd.DataFrame) -> None:
    """Write a flow table, whole or not at all.

    Raises
    ------
    UsageError
        PyArrow is not installed.
    OutputError
        The file cannot be written; an old one is as it was.
    """
    _need_pyarrow()
    with replacing(path) as file:
        flows.to_parquet(file, engine="pyarrow", index=False)


def read_flows(path: Path) -> pd.DataFrame:
    """Read a flow table.

    Raises
    ------
    UsageError
        PyArrow is not installed.
    LogError
        The file cannot be read or is no flow table.
    """
    _need_pyarrow()
    try:
        with path.open("rb") as file:
            flows = pd.read_parquet(file, engine="pyarrow")
    except OSError as error:
        raise LogError(f"cannot be read: {error.strerror or error}", path=path) from error
    except ValueError as error:
        raise LogError(f"is no file of prepared flows: {error}", path=path) from error
    missing = [column for column in REQUIRED if column not in flows.columns]
    if missing:
        raise LogError(f"is no file of prepared flows: it lacks {', '.join(missing)}", path=path)
    if "windows" in flows.columns:
        _check_windows(flows, path)
    return flows


def _check_windows(flows: pd.DataFrame, path: Path) -> None:
    try:
        Windows(ints(flows["start"]), flows["windows"])
    except (AttributeError, TypeError, ValueError) as error:
        raise LogError(f"is no file of prepared flows: {error}", path=path) from error


def _need_pyarrow() -> None:
    if importlib.util.find_spec("pyarrow") is None:
        raise UsageError("prepared flows need PyArrow: pip install 'flowprint-zeek[parquet]'")
