"""Files of browser detectors."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import numpy as np
import pytest

from flowprint_zeek.analysis.browser import BrowserDetector
from flowprint_zeek.analysis.browser_file import read_detector, write_detector
from flowprint_zeek.errors import ModelError, OutputError
from tests.analysis.test_browser import visits

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def detector() -> BrowserDetector:
    """Train a detector."""
    flows, browser = visits(1)
    return BrowserDetector.trained(flows, browser, np.ones_like(browser), "paper")


def test_a_detector_that_was_kept_says_the_same(tmp_path: Path, detector: BrowserDetector) -> None:
    """Its file holds the scheme too, and writing it again gives the same bytes."""
    write_detector(tmp_path / "a.json", detector)
    again = read_detector(tmp_path / "a.json")
    flows, _ = visits(2)
    assert detector.hits(flows).tolist() == again.hits(flows).tolist()
    assert again.scheme == "paper"
    write_detector(tmp_path / "b.json", again)
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


CHANGED = {
    "kind": ("model", "is no file of a browser detector"),
    "format": (2, "has format 2; this release reads 1"),
    "scheme": ("colours", "its scheme or its features are unknown"),
    "features": (["size"], "its scheme or its features are unknown"),
    "trees": ([{}], "is damaged: tree 0 is"),
}


@pytest.mark.parametrize("key", CHANGED)
def test_other_files_are_refused(tmp_path: Path, detector: BrowserDetector, key: str) -> None:
    """The error names the file, and what is wrong with it."""
    path = tmp_path / "a.json"
    write_detector(path, detector)
    value, message = CHANGED[key]
    path.write_text(json.dumps(json.loads(path.read_text()) | {key: value}))
    with pytest.raises(ModelError, match=message) as raised:
        read_detector(path)
    assert str(raised.value).startswith(str(path))


@pytest.mark.parametrize("held", [b"", b"[1]", b"{", b"\xff\xfe", b"{}", b"[" * 100_000])
def test_what_is_no_detector_is_refused(tmp_path: Path, held: bytes) -> None:
    """Also what is no JSON at all, or nested without end."""
    path = tmp_path / "a.json"
    path.write_bytes(held)
    with pytest.raises(ModelError, match="is no file of a browser detector"):
        read_detector(path)


def test_files_that_cannot_be_used_are_told(tmp_path: Path, detector: BrowserDetector) -> None:
    """One that is not there cannot be read, and a folder cannot be written."""
    with pytest.raises(ModelError, match="cannot be read"):
        read_detector(tmp_path / "absent.json")
    with pytest.raises(OutputError, match="cannot be written"):
        write_detector(tmp_path, detector)
