"""Files of embeddings: whole, reproducible, and never code."""

from __future__ import annotations

import json
import pickle
import zipfile
from dataclasses import replace
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from flowprint_zeek.analysis.flow2vec import modelfile
from flowprint_zeek.analysis.flow2vec.sentences import Cut
from flowprint_zeek.analysis.flow2vec.tokens import Scheme
from flowprint_zeek.errors import ModelError, OutputError
from tests.analysis.flow2vec.small import SMALL, embedding

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

MODEL = embedding([[1, 0], [0.5, 0.25], [0, -1]], labels={"b": {"chess": 2, "<mail>": 1}})


def arrays(value: Any, *, allow_pickle: bool = False) -> bytes:
    held = BytesIO()
    np.lib.format.write_array(held, np.asanyarray(value), allow_pickle=allow_pickle)
    return held.getvalue()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return the file of a model."""
    path = tmp_path / "model.npz"
    modelfile.write(path, MODEL)
    return path


def members(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def rewritten(
    path: Path, changed: dict[str, bytes | None], compression: int = zipfile.ZIP_STORED
) -> None:
    """Write a file again with other members; names have _ for the dot."""
    held = members(path)
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in held.items():
            new = changed.get(name.replace(".", "_"), content)
            if new is not None:
                archive.writestr(name, new)


def test_what_is_read_is_what_was_written(path: Path) -> None:
    """Settings, tokens, counts, vectors and labels come back."""
    found = modelfile.read(path)
    assert (found.settings, found.tokens, found.labels, found.trainings) == (
        *(MODEL.settings, MODEL.tokens),
        *(MODEL.labels, 1),
    )
    for name in ("counts", "vectors", "context"):
        assert np.array_equal(getattr(found, name), getattr(MODEL, name))


def test_all_settings_are_kept(tmp_path: Path) -> None:
    """Also those that are not the default."""
    cut = Cut(5_000_000, 30, together=True)
    settings = replace(
        SMALL, scheme=Scheme.parse("name,dport"), cut=cut, everyone=True, sample=0.5, seed=7
    )
    modelfile.write(tmp_path / "model", embedding([[1, 0], [0, 1]], settings=settings))
    assert modelfile.read(tmp_path / "model").settings == replace(settings, size=2)


def test_equal_models_have_equal_bytes(path: Path, tmp_path: Path) -> None:
    """Nothing in a file tells when it was written."""
    modelfile.write(tmp_path / "again", modelfile.read(path))
    assert (tmp_path / "again").read_bytes() == path.read_bytes()


def test_numpy_reads_the_arrays(path: Path) -> None:
    """A file named .npz is one, for who wants the vectors only."""
    with np.load(path, allow_pickle=False) as held:
        assert np.array_equal(held["vectors"], MODEL.vectors)


class Evil:
    """What runs code when it is unpickled."""

    def __reduce__(self) -> tuple[Callable[[str], object], tuple[str]]:
        return exec, ("raise AssertionError('code was run')",)


def test_a_pickle_is_never_run(path: Path) -> None:
    """An array of objects, and a pickle instead of a model, are refused without looking inside."""
    evil = np.array([Evil()], dtype=object)
    rewritten(path, {"vectors_npy": arrays(evil, allow_pickle=True)})
    with pytest.raises(ModelError, match="is damaged"):
        modelfile.read(path)
    path.write_bytes(pickle.dumps(Evil()))
    with pytest.raises(ModelError, match="is no flow2vec model"):
        modelfile.read(path)


def test_a_compressed_member_is_refused(path: Path) -> None:
    """A small file cannot become a large one in memory."""
    rewritten(path, {}, zipfile.ZIP_DEFLATED)
    with pytest.raises(ModelError, match="compressed"):
        modelfile.read(path)


def said(**changed: Any) -> bytes:
    settings: dict[str, Any] = {
        "scheme": ["dst"],
        "cut": {"span": 1, "flows": None, "together": False},
    }
    settings |= {"everyone": False, "size": 2, "window": 5, "negative": 5, "sample": 0.1}
    settings |= {"epochs": 1, "min_count": 1, "seed": 1}
    whole = {"format": 1, "settings": settings | changed.pop("settings", {}), "trainings": 1}
    return json.dumps(whole | changed).encode()


WRONG: list[tuple[str, dict[str, bytes | None]]] = [
    ("it has no vectors.npy", {"vectors_npy": None}),
    ("it has no settings.json", {"settings_json": None}),
    ("is of format 2; only 1 is read", {"settings_json": said(format=2)}),
    ("is damaged", {"settings_json": b"{"}),
    ("is damaged", {"settings_json": b"[]"}),
    ("is damaged", {"settings_json": said(settings={"window": -1})}),
    ("is damaged", {"settings_json": said(settings={"scheme": ["label"]})}),
    ("is damaged", {"settings_json": said(trainings=True)}),
    ("3 tokens and vectors of 3 do not fit", {"settings_json": said(settings={"size": 3})}),
    ("2 tokens and vectors of 2 do not fit", {"tokens_txt": b"a\nb\n"}),
    ("tokens or counts", {"tokens_txt": b"a\nb\nb\n"}),
    ("is damaged", {"tokens_txt": b"\xff\n"}),
    ("labels are of other tokens", {"labels_json": b'{"z": {"x": 1}}'}),
    ("is damaged", {"labels_json": b'{"a": {"x": "1"}}'}),
    ("counts.npy holds float64", {"counts_npy": arrays([1.0, 1, 1])}),
    ("tokens or counts", {"counts_npy": arrays(np.zeros(3, np.int64))}),
    ("not finite", {"context_npy": arrays(np.full((3, 2), np.nan, np.float32))}),
    ("more than an array", {"vectors_npy": arrays(np.ones((3, 2), np.float32)) + b"x"}),
    ("is damaged", {"vectors_npy": b""}),
]


@pytest.mark.parametrize(("message", "changed"), WRONG)
def test_a_wrong_member_is_an_error(
    path: Path, message: str, changed: dict[str, bytes | None]
) -> None:
    """What is missing, foreign or does not fit is said, with the file."""
    rewritten(path, changed)
    with pytest.raises(ModelError, match=message) as caught:
        modelfile.read(path)
    assert caught.value.path == path


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_was_cut_is_an_error(path: Path, share: float) -> None:
    """Half a model is none."""
    whole = path.read_bytes()
    path.write_bytes(whole[: int(len(whole) * share)])
    with pytest.raises(ModelError, match="is no flow2vec model, or damaged"):
        modelfile.read(path)


def test_flipped_bytes_are_an_error(path: Path) -> None:
    """Wherever in the vectors a byte changes, its checksum tells."""
    whole = bytearray(path.read_bytes())
    at = whole.index(MODEL.vectors.tobytes())
    whole[at + 5] ^= 255
    path.write_bytes(bytes(whole))
    with pytest.raises(ModelError, match="damaged"):
        modelfile.read(path)


def test_what_is_not_there_cannot_be_read(tmp_path: Path) -> None:
    """A file that is not there, or a folder, is an error with its name."""
    for path in (tmp_path / "none", tmp_path):
        with pytest.raises(ModelError, match="cannot be read"):
            modelfile.read(path)


def test_a_failure_leaves_the_old_model(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where writing fails halfway, the file is as it was and nothing lies beside it."""
    before = path.read_bytes()

    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np.lib.format, "write_array", full)
    with pytest.raises(OutputError, match="No space left"):
        modelfile.write(path, MODEL)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]
