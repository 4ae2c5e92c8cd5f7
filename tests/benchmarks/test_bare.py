"""The bare reading of logs."""

from __future__ import annotations

from importlib.util import find_spec
from typing import TYPE_CHECKING

import pytest

from benchmarks.bare import READERS, read
from benchmarks.busy import FORMS, written
from tests.benchmarks.stretches import SMALL

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("form", FORMS)
def test_readers_read_the_same(form: str, tmp_path: Path) -> None:
    """Every reader that is installed reads all rows, with the same times."""
    logs = written(SMALL, tmp_path, (form,))[form]
    files = {kind: [str(file) for file in logs.files(kind)] for kind in logs.rows}
    # zat reads no JSON; polars is in no extra.
    names = [name for name in READERS if name not in {"zat", "polars"} or find_spec(name)]
    if form != "tsv":
        names.remove("zat")

    found = {name: read(name, form, files) for name in names}

    assert {"pandas", "read_chunks"} <= set(found)
    assert sum(logs.rows.values()) == found["read_chunks"]["rows"]
    assert [found["read_chunks"]] * len(found) == list(found.values())
