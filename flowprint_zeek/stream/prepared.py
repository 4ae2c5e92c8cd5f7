"""Prepared flows: flow tables kept as Parquet."""

from __future__ import annotations

import importlib.util
from contextlib import suppress
from typing import TYPE_CHECKING

import pandas as pd

from flowprint_zeek.core.flows import REQUIRED
from flowprint_zeek.errors import LogError, OutputError, UsageError

if TYPE_CHECKING:
    from pathlib import Path


def write_flows(path: Path, flows: pd.DataFrame) -> None:
    """Write a flow table, whole or not at all.

    Raises
    ------
    UsageError
        PyArrow is not installed.
    OutputError
        The file cannot be written.
    """
    _need_pyarrow()
    new = path.with_name(f".{path.name}.new")
    try:
        flows.to_parquet(new, engine="pyarrow", index=False)
        new.replace(path)
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", path=path) from error
    finally:
        with suppress(OSError):
            new.unlink()


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
    return flows


def _need_pyarrow() -> None:
    if importlib.util.find_spec("pyarrow") is None:
        raise UsageError("prepared flows need PyArrow: pip install 'flowprint-zeek[parquet]'")
