"""Files of trained browser detectors: JSON that holds numbers only."""

from __future__ import annotations

import json
from reprlib import repr as short
from typing import TYPE_CHECKING, Any

from flowprint_zeek.analysis.browser import FEATURES, BrowserDetector
from flowprint_zeek.analysis.forest import Forest
from flowprint_zeek.aside import replacing
from flowprint_zeek.core.destinations import SCHEMES
from flowprint_zeek.errors import ModelError

if TYPE_CHECKING:
    from pathlib import Path

FORMAT = 1
_KIND = "browser detector"
_NO_DETECTOR = "is no file of a browser detector"


def write_detector(path: Path, detector: BrowserDetector) -> None:
    """Write a detector, whole or not at all, the same bytes for the same detector.

    Raises
    ------
    OutputError
        The file cannot be written; an old one is as it was.
    """
    head = {"format": FORMAT, "kind": _KIND, "scheme": detector.scheme, "features": FEATURES}
    with replacing(path) as file:
        document = head | {"trees": detector.forest.to_list()}
        file.write(f"{json.dumps(document)}\n".encode("ascii"))


def read_detector(path: Path) -> BrowserDetector:
    """Read a detector.

    Raises
    ------
    ModelError
        The file cannot be read, is damaged, or is something else.
    """
    document = _document(path)
    if document.get("kind") != _KIND:
        raise ModelError(_NO_DETECTOR, path=path)
    if document.get("format") != FORMAT:
        said = f"has format {short(document.get('format'))}; this release reads {FORMAT}"
        raise ModelError(said, path=path)
    scheme = document.get("scheme")
    if scheme not in SCHEMES or document.get("features") != list(FEATURES):
        raise ModelError("is damaged: its scheme or its features are unknown", path=path)
    try:
        return BrowserDetector(Forest.from_list(document.get("trees"), len(FEATURES)), scheme)
    except ValueError as error:
        raise ModelError(f"is damaged: {error}", path=path) from error


def _document(path: Path) -> dict[str, Any]:
    try:
        held = json.loads(path.read_bytes())
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror}", path=path) from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"{_NO_DETECTOR}: {error}", path=path) from error
    if not isinstance(held, dict):
        raise ModelError(_NO_DETECTOR, path=path)
    return held
