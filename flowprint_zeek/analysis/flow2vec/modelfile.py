"""Files of embeddings.

gensim saves pickles, and loading a pickle runs whatever its writer wanted. A model here is a zip
archive of members that are only data, none of them compressed, so that none outgrows the file:

=================  ================================================================
member             is
=================  ================================================================
``settings.json``  format, settings, how often it was trained
``tokens.txt``     the vocabulary, UTF-8, a token a line
``labels.json``    flows by token and label
``counts.npy``     flows of each token, int64
``vectors.npy``    vectors of tokens, float32
``context.npy``    vectors of tokens as neighbours (gensim's ``syn1neg``), float32
=================  ================================================================

That is all that training needs to go on: gensim draws what else it has (the tables of sampling)
anew from counts and settings. `numpy.load` reads the arrays of a file that is named ``.npz``.
A file is written aside and renamed, so a damaged one never replaces a good one; equal models have
equal bytes.
"""

from __future__ import annotations

import json
import zipfile
from dataclasses import asdict
from typing import TYPE_CHECKING, Any

import numpy as np

from flowprint_zeek.analysis.flow2vec.embedding import Embedding, Settings
from flowprint_zeek.analysis.flow2vec.sentences import Cut
from flowprint_zeek.analysis.flow2vec.tokens import Scheme
from flowprint_zeek.aside import replacing
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.errors import FlowPrintError, ModelError

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

FORMAT = 1

_SETTINGS, _TOKENS, _LABELS = "settings.json", "tokens.txt", "labels.json"
_ARRAYS = {"counts.npy": "int64", "vectors.npy": "float32", "context.npy": "float32"}
_MOMENT = (1980, 1, 1, 0, 0, 0)
_NUMBERS = {
    "size": int,
    "window": int,
    "negative": int,
    "sample": float,
    "epochs": int,
    "min_count": int,
    "seed": int,
}


def write(path: Path, model: Embedding) -> None:
    """Write an embedding, whole or not at all.

    Raises
    ------
    OutputError
        The file cannot be written; an old one is as it was.
    """
    said = {"format": FORMAT, "settings": _as_dict(model.settings), "trainings": model.trainings}
    texts = {
        _SETTINGS: _json(said),
        _TOKENS: "".join(f"{token}\n" for token in model.tokens).encode(),
        _LABELS: _json(model.labels),
    }
    arrays: tuple[NDArray[Any], ...] = (model.counts, model.vectors, model.context)
    with replacing(path) as file, zipfile.ZipFile(file, "w") as archive:
        for name, content in texts.items():
            archive.writestr(zipfile.ZipInfo(name, _MOMENT), content)
        for name, array in zip(_ARRAYS, arrays, strict=True):
            with archive.open(zipfile.ZipInfo(name, _MOMENT), "w", force_zip64=True) as member:
                np.lib.format.write_array(member, array, allow_pickle=False)


def read(path: Path) -> Embedding:
    """Read an embedding; nothing in the file is run.

    Raises
    ------
    ModelError
        The file cannot be read, is no embedding, is of another format, or is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return _read(archive)
    except OSError as error:
        raise ModelError(f"cannot be read: {error.strerror or error}", path=path) from error
    except ModelError as error:
        raise ModelError(error.message, path=path) from error
    except FlowPrintError as error:
        raise ModelError(f"is damaged: {error.message}", path=path) from error
    except zipfile.BadZipFile as error:
        raise ModelError(f"is no flow2vec model, or damaged: {error}", path=path) from error
    except (EOFError, KeyError, NotImplementedError, RuntimeError, TypeError, ValueError) as error:
        raise ModelError(f"is damaged: {error}", path=path) from error


def _read(archive: zipfile.ZipFile) -> Embedding:
    names = {info.filename for info in archive.infolist()}
    if missing := {_SETTINGS, _TOKENS, _LABELS, *_ARRAYS} - names:
        raise ModelError(f"is no flow2vec model: it has no {', '.join(sorted(missing))}")
    if any(info.compress_type != zipfile.ZIP_STORED for info in archive.infolist()):
        raise ModelError("is no flow2vec model: members are compressed")
    said = json.loads(archive.read(_SETTINGS))
    if said["format"] != FORMAT:
        raise ModelError(f"is of format {said['format']!r}; only {FORMAT} is read")
    settings = _settings(said["settings"])
    tokens = tuple(archive.read(_TOKENS).decode().split("\n")[:-1])
    counts, vectors, context = (_array(archive, name) for name in _ARRAYS)
    shape = (len(tokens), settings.size)
    if counts.shape != shape[:1] or vectors.shape != shape or context.shape != shape:
        raise ValueError(f"{len(tokens)} tokens and vectors of {settings.size} do not fit")
    if not tokens or len(set(tokens)) < len(tokens) or not (counts > 0).all():
        raise ValueError("tokens or counts are wrong")
    if not (np.isfinite(vectors).all() and np.isfinite(context).all()):
        raise ValueError("a vector is not finite")
    labels = _labels(json.loads(archive.read(_LABELS)), set(tokens))
    trainings = _whole(said["trainings"])
    return Embedding(settings, tokens, ints(counts), vectors, context, labels, trainings)


def _array(archive: zipfile.ZipFile, name: str) -> NDArray[Any]:
    with archive.open(name) as member:
        array: NDArray[Any] = np.lib.format.read_array(member, allow_pickle=False)
        if member.read(1):
            raise ValueError(f"{name} holds more than an array")
    if array.dtype != np.dtype(_ARRAYS[name]):
        raise ValueError(f"{name} holds {array.dtype}, not {_ARRAYS[name]}")
    return array


def _as_dict(settings: Settings) -> dict[str, Any]:
    return asdict(settings) | {"scheme": list(settings.scheme.fields)}


def _settings(said: dict[str, Any]) -> Settings:
    cut = said["cut"]
    flows = None if cut["flows"] is None else _whole(cut["flows"])
    numbers: dict[str, Any] = {
        name: _whole(said[name]) if kind is int else float(said[name])
        for name, kind in _NUMBERS.items()
    }
    return Settings(
        scheme=Scheme(tuple(map(str, said["scheme"]))),
        cut=Cut(_whole(cut["span"]), flows, bool(cut["together"])),
        everyone=bool(said["everyone"]),
        **numbers,
    )


def _whole(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError(f"{value!r} is no number")
    return value


def _labels(said: dict[str, dict[str, int]], tokens: set[str]) -> dict[str, dict[str, int]]:
    labels = {
        token: {name: _whole(count) for name, count in each.items()} for token, each in said.items()
    }
    if not labels.keys() <= tokens:
        raise ValueError("labels are of other tokens")
    return labels


def _json(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, allow_nan=False).encode()
