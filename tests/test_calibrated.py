"""Calibrated thresholds in fingerprint files."""

from __future__ import annotations

import json
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek import store
from flowprint_zeek.calibrated import Calibrated
from flowprint_zeek.errors import ModelError
from flowprint_zeek.known import KnownApp

if TYPE_CHECKING:
    from pathlib import Path

BOTH = {
    "jaccard": Calibrated(0.75, 0.05, None, "flow", ((0.5, 0.2, None), (0.75, 0.05, None))),
    "resemblance": Calibrated(0.62, 0.04, 1.0, "fingerprint", ((0.62, 0.04, 1.0),)),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Write a model with calibrated thresholds."""
    app = KnownApp(("name:a.mail", "name:b.mail", "203.0.113.1:443"), 3, 1, Counter({"mail": 3}))
    path = tmp_path / "model.json"
    store.write(path, store.Model(apps=[app], calibrated=BOTH))
    return path


def test_they_are_read_as_they_were_written(path: Path) -> None:
    """Both methods, with what could not be measured."""
    assert store.read(path).calibrated == BOTH


def test_a_model_without_them_has_none(tmp_path: Path) -> None:
    """The key stands in calibrated models only."""
    store.write(tmp_path / "plain.json", store.Model())
    assert "calibrated" not in json.loads((tmp_path / "plain.json").read_text())
    assert store.read(tmp_path / "plain.json").calibrated == {}


def test_upstream_loads_them(path: Path) -> None:
    """It ignores the key."""
    upstream = pytest.importorskip("flowprint.flowprint")
    loaded = upstream.FlowPrint()
    loaded.load(str(path))
    assert list(loaded.fingerprints.values()) == [{"mail"}]


@pytest.mark.parametrize(
    ("keys", "value", "said"),
    [
        ((), [], "calibrated is []"),
        (("jaccard",), 1, "calibrated.jaccard is 1"),
        (("jaccard", "more"), 1, "calibrated.jaccard is {"),
        (("jaccard", "threshold"), 2, "threshold of calibrated.jaccard is 2; it must be"),
        (("jaccard", "false_rate"), None, "false_rate of calibrated.jaccard is None"),
        (("jaccard", "detection_rate"), "all", "detection_rate of calibrated.jaccard is 'all'"),
        (("jaccard", "per"), "app", "per of calibrated.jaccard is 'app'; it must be"),
        (("jaccard", "curve"), {}, "calibrated.jaccard is {"),
        (("jaccard", "curve"), [[0.5, 0.1]], "calibrated.jaccard.curve holds [0.5, 0.1]"),
        (("jaccard", "curve"), [[0.5, -1, 0]], "false_rate of calibrated.jaccard.curve is -1"),
    ],
)
def test_what_cannot_be_is_named(path: Path, keys: tuple[str, ...], value: Any, said: str) -> None:
    """Each damage is one error with the key and the value."""
    document = json.loads(path.read_text())
    *outer, last = ("calibrated", *keys)
    place = document
    for key in outer:
        place = place[key]
    place[last] = value
    path.write_text(json.dumps(document))
    with pytest.raises(ModelError, match="is damaged") as error:
        store.read(path)
    assert said in str(error.value)
    assert str(path) in str(error.value)
