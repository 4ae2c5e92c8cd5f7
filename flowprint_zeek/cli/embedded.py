"""What lies near an unseen app by ``flow2vec``, for notices, ``explain`` and ``similar``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from flowprint_zeek.analysis.flow2vec import modelfile
from flowprint_zeek.analysis.flow2vec.nearest import Nearness, Places
from flowprint_zeek.core.elements import fingerprint_id, shown
from flowprint_zeek.errors import ModelError

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable, Collection, Iterable, Sequence

    from flowprint_zeek.analysis.flow2vec.embedding import Embedding
    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.config import Config
    from flowprint_zeek.known import KnownApp, Site
    from flowprint_zeek.stream.explained import Explained
    from flowprint_zeek.stream.notices import Near
    from flowprint_zeek.stream.snapshot import Snapshot

_NEAREST = 5
_LISTED = 3


def in_notices(config: Config, site: Site) -> Callable[[Sequence[str]], Near] | None:
    """Return what tells notices what lies near some elements, None where no model is set.

    Raises
    ------
    ModelError
        The model cannot be read, or its tokens are no elements.
    """
    if not config.notice.embedding:
        return None
    path = Path(config.notice.embedding)
    model = modelfile.read(path)
    # What is wrong with it is told at the start.
    near(path, model, [], [], 0)

    def told(elements: Sequence[str]) -> Near:
        if not model.known(elements):
            return {}
        found = near(path, model, elements, [app for _, app in site.known], _LISTED)
        apps = [f"{one.label or one.id}:{one.cosine:.2f}" for one in found.apps]
        names = [f"{shown(one)}:{cosine:.2f}" for one, cosine in found.destinations]
        return {"near": apps, "around": names}

    return told


def of_notice(
    args: Namespace, config: Config, why: Explained, snapshot: Snapshot
) -> Nearness | None:
    """Return what lies near what was new of a notice, None where no model is named.

    Raises
    ------
    ModelError
        The model cannot be read, or its tokens are no elements.
    """
    path = args.embedding or (Path(config.notice.embedding) if config.notice.embedding else None)
    if path is None:
        return None
    (known,) = snapshot.parts("known")
    novel = [one.element for one in why.elements if one.novel]
    # What was noticed may have become known since: an app is not near itself.
    others = [app for app in known.apps if not set(novel).issubset(app.elements)]
    return near(path, modelfile.read(path), novel, others, _NEAREST)


def near(
    path: Path, model: Embedding, elements: Collection[str], apps: Iterable[KnownApp], n: int
) -> Nearness:
    """Return the n known apps and other elements nearest to some elements in a model.

    Raises
    ------
    ModelError
        The tokens of the model at the path are no elements.
    """
    try:
        places = Places(model, ((fingerprint_id(app.elements), app) for app in apps))
    except ModelError as error:
        raise ModelError(error.message, path=path) from error
    return places.near(elements, n)


def as_json(found: Nearness | None) -> dict[str, Any]:
    """Return what --json says of it, nothing without an embedding."""
    if found is None:
        return {}
    destinations = [{"element": one, "cosine": cosine} for one, cosine in found.destinations]
    return {"near": apps_json(found) | {"destinations": destinations}}


def apps_json(found: Nearness) -> dict[str, Any]:
    """Return what --json says of known apps."""
    listed = [{"id": one.id, "label": one.label, "cosine": one.cosine} for one in found.apps]
    return {"without_vector": found.unplaced, "apps": listed}


def show(found: Nearness | None, terminal: Terminal) -> None:
    """Write it for people, nothing without an embedding."""
    if found is None:
        return
    if found.placed:
        show_apps(found, terminal)
        terminal.table(
            "Destinations nearest by embedding",
            ("element", "cosine"),
            [(shown(one), cosine) for one, cosine in found.destinations],
        )
    if found.unplaced:
        missing = " ".join(map(shown, found.unplaced))
        terminal.line(f"The embedding has not met {missing}: train it with the logs of the notice")


def show_apps(found: Nearness, terminal: Terminal) -> None:
    """Write the known apps for people."""
    cells = [(one.id, one.label, one.cosine) for one in found.apps]
    terminal.table("Known apps nearest by embedding", ("id", "label", "cosine"), cells)
