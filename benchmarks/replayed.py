"""A replay as the command line runs it. It imports what the command imports, and nothing else."""

from __future__ import annotations

import hashlib
import json
import tempfile
from contextlib import redirect_stdout
from io import StringIO
from pathlib import Path
from typing import Any

import flowprint_zeek.cli.replay  # noqa: F401  so that it is there before anything is measured
from flowprint_zeek.cli import main as command
from flowprint_zeek.cli.arguments.replay import NAME

RESULTS = ("notice.log", "flowprint.log")


def replayed(logs: list[str], learn_until: float, *options: str) -> dict[str, Any]:
    """Learn the first part of logs and detect in the rest.

    Parameters
    ----------
    logs : list of str
        Files and folders.
    learn_until : float
        Where the first part ends, seconds since the epoch.
    *options : str
        More options of the command.

    Returns
    -------
    dict
        ``notices``, ``batches``, ``rows`` (read, of all logs) and ``digest``: of the rows of
        notice.log and flowprint.log.

    Raises
    ------
    RuntimeError
        The command ended with another code than 0.
    """
    out = StringIO()
    with tempfile.TemporaryDirectory(prefix="replayed") as name:
        given = [*logs, "-o", name, "--learn-until", f"{learn_until:.6f}", "--json", "-q", *options]
        with redirect_stdout(out):
            code = command.main([NAME, *given])
        if code:
            raise RuntimeError(f"{NAME} ended with {code}")
        digest = _digest(Path(name))
    told = json.loads(out.getvalue())
    rows = sum(told["rows_read"].values())
    return {key: told[key] for key in ("notices", "batches")} | {"rows": rows, "digest": digest}


def _digest(folder: Path) -> str:
    """Return a digest of the rows of the results, comments left out: these tell of times."""
    found = hashlib.sha256()
    for name in RESULTS:
        with (folder / name).open("rb") as file:
            for line in file:
                if not line.startswith(b"#"):
                    found.update(line)
    return found.hexdigest()
