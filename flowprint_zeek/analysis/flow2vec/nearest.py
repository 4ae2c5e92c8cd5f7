"""What lies near an unseen app: known apps and destinations that its elements keep company with.

An element that training has not met has no vector: a model that was fitted before an app appeared
says nothing of the app's own destinations. One that was trained with the logs of the notice does.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.flow2vec.choices import PRESETS
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.errors import ModelError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from flowprint_zeek.analysis.flow2vec.embedding import Embedding, Vectors
    from flowprint_zeek.known import KnownApp


@dataclass(frozen=True, slots=True)
class NearApp:
    """A known app near some elements: its id, its label, and the cosine."""

    id: str
    label: str | None
    cosine: float


@dataclass(frozen=True, slots=True)
class Nearness:
    """What lies near some elements.

    Attributes
    ----------
    placed, unplaced : tuple of str
        Those of the elements that have a vector, and those that have none.
    apps : tuple of NearApp
        Known apps, nearest first.
    destinations : tuple of (str, float)
        Other elements and cosines, nearest first.
    """

    placed: tuple[str, ...]
    unplaced: tuple[str, ...]
    apps: tuple[NearApp, ...] = ()
    destinations: tuple[tuple[str, float], ...] = ()


class Places:
    """Where known apps lie in an embedding.

    An app lies at the mean of the unit vectors of its elements, each weighing one over the number
    of apps that have it: what all have says nothing of one.

    Parameters
    ----------
    model : Embedding
        Its tokens must be elements (``--tokens element``).
    apps : iterable of (str, KnownApp)
        Ids and known apps.

    Raises
    ------
    ModelError
        The tokens of the model are something else.
    """

    def __init__(self, model: Embedding, apps: Iterable[tuple[str, KnownApp]]) -> None:
        if model.settings.scheme.fields != PRESETS["element"]:
            fields = ",".join(model.settings.scheme.fields)
            raise ModelError(f"has tokens of {fields}; apps need --tokens element")
        self._model = model
        held = [(key, app.label, model.known(app.elements)) for key, app in apps]
        shared = Counter(element for _, _, elements in held for element in elements)
        self._apps = [(key, label) for key, label, elements in held if elements]
        self._vectors = [self._mean(elements, shared) for _, _, elements in held if elements]

    def near(self, elements: Collection[str], n: int = 5) -> Nearness:
        """Return the n known apps and the n other elements that lie nearest to some elements."""
        placed = sorted(self._model.known(elements))
        unplaced = sorted(set(elements).difference(placed))
        if not placed:
            return Nearness((), tuple(unplaced))
        vector = self._mean(placed, {})
        cosines = [
            (float(one @ vector), *app) for one, app in zip(self._vectors, self._apps, strict=True)
        ]
        best = sorted(cosines, key=lambda one: (-one[0], one[1]))[:n]
        return Nearness(
            tuple(placed),
            tuple(unplaced),
            tuple(NearApp(key, label, cosine) for cosine, key, label in best),
            tuple(self._model.similar(placed, n)),
        )

    def _mean(self, elements: Collection[str], shared: Mapping[str, int]) -> Vectors:
        at = ints([self._model.places[element] for element in elements])
        weight = np.array([1 / shared.get(element, 1) for element in elements], dtype=np.float32)
        mean: Vectors = weight @ self._model.unit[at]
        unit: Vectors = mean / np.float32(max(float(np.linalg.norm(mean)), 1e-12))
        return unit
