"""What a fingerprint file holds, checked value by value; the first that is wrong is told."""

from __future__ import annotations

import re
from collections import Counter
from reprlib import repr as short
from typing import TYPE_CHECKING, Any

from flowprint_zeek.core import elements as el
from flowprint_zeek.core.fingerprint import Fingerprint
from flowprint_zeek.known import KnownApp
from flowprint_zeek.seen import SeenElements

if TYPE_CHECKING:
    from flowprint_zeek.known import Label

_ELEMENTS = ("destinations", "certificates", "names")
_ELEMENT = re.compile(r"(cert:|name:)[ -~]+|[!-~]*:[0-9]{1,5}")
_LARGEST = 1 << 62
_PAIRS = ([str, int], [int, int])


def is_element(text: str) -> bool:
    """Tell whether a text has the form of an element."""
    return _ELEMENT.fullmatch(text) is not None


def held(holder: dict[str, Any], key: str, kind: type, default: object) -> Any:  # noqa: ANN401
    """Return what a key holds, checked for its type.

    Raises
    ------
    ValueError
        It is of another type.
    """
    value = holder.get(key, default)
    if type(value) is not kind:
        raise ValueError(f"{key} is {short(value)}")
    return value


def _whole(holder: dict[str, Any], key: str, low: int) -> int:
    value: int = held(holder, key, int, 0)
    if not low <= value < _LARGEST:
        raise ValueError(f"{key} is {short(value)}")
    return value


def unlabelled_of(document: dict[str, Any], pairs: list[Any]) -> Label | None:
    """Return the label that stands for none.

    Upstream's of a fingerprint that was fitted without labels is the number 1, unless other
    numbers say that the labels are numbers.
    """
    last = [pair[-1] for pair in pairs if isinstance(pair, list) and pair]
    numbered = any(isinstance(label, int) and label != 1 for label in last)
    return None if "format" in document or numbered else 1


class _Elements(dict[tuple[object, ...], str]):
    """Elements by what a file says, so that each distinct one is checked once.

    What it says ends with its type: 1, 1.0 and True are equal.
    """

    def __missing__(self, said: tuple[Any, ...]) -> str:
        key, *value, _ = said
        checked = Fingerprint._element  # noqa: SLF001 # of one format, and of one value alone
        element = self[said] = checked(key, value if key == "destinations" else value[0])
        return element

    def of(self, holder: dict[str, Any]) -> set[str]:
        """Return what a fingerprint holds."""
        destinations, certificates, names = (held(holder, key, list, []) for key in _ELEMENTS)
        try:
            found = {self["destinations", a, port, type(port)] for a, port in destinations}
            found |= {self["certificates", c, type(c)] for c in certificates if c is not None}
            found |= {self["names", name, type(name)] for name in names}
        except (TypeError, ValueError):
            Fingerprint.from_dict(holder)  # It says which value is wrong.
            raise
        return found


def apps_of(pairs: list[Any], unlabelled: Label | None) -> list[KnownApp]:
    """Return the fingerprints of a file; upstream's flows in no fingerprint have an empty one."""
    known = _Elements()
    apps = [_app(pair, unlabelled, known) for pair in pairs]
    place = {element: at for at, element in enumerate(el.in_order(set(known.values())))}
    for app in apps:
        app.elements = tuple(sorted(app.elements, key=place.__getitem__))
    return [app for app in apps if app.elements]


def _app(pair: object, unlabelled: Label | None, known: _Elements) -> KnownApp:
    """Return a fingerprint, its elements in any order."""
    match pair:
        case [dict(holder), label]:
            elements, n_flows = tuple(known.of(holder)), _whole(holder, "n_flows", 0)
        case _:
            raise ValueError(f"fingerprints holds {short(pair)}")
    if "labels" in holder:
        labels = _labels(held(holder, "labels", list, []))
    elif label is None or (type(label) is int and label == unlabelled):
        labels = Counter()
    else:
        labels = _labels([[label, max(n_flows, 1)]])
    return KnownApp(
        elements,
        n_flows,
        _whole(holder, "n_batches", 0),
        labels,
        _whole(holder, "first", -_LARGEST),
        _whole(holder, "last", -_LARGEST),
    )


def _types(row: object) -> list[type]:
    """Return the types of what a list holds, none of anything else."""
    return [type(part) for part in row] if isinstance(row, list) else []


def _labels(pairs: list[Any]) -> Counter[Label]:
    labels: Counter[Label] = Counter()
    for pair in pairs:
        if _types(pair) not in _PAIRS or not 1 <= pair[1] < _LARGEST:
            raise ValueError(f"labels holds {short(pair)}")
        labels[pair[0]] += pair[1]
    return labels


def seen_of(section: dict[str, Any]) -> SeenElements:
    """Return what a file says that the site has seen."""
    seen = SeenElements()
    rows = held(section, "elements", list, None)
    for row in rows:
        if _types(row) != [str, int, int, int] or not is_element(row[0]):
            raise ValueError(f"elements of seen holds {short(row)}")
        if not (-_LARGEST < row[1] <= row[2] < _LARGEST and 1 <= row[3] < _LARGEST):
            raise ValueError(f"elements of seen holds {short(row)}")
        seen.put(*row)
    for pair in held(section, "devices", list, None):
        numbers = pair[1] if _types(pair) == [str, list] else [None]
        if any(type(at) is not int or not 0 <= at < len(rows) for at in numbers):
            raise ValueError(f"devices of seen holds {short(pair)}")
        seen.put_device(pair[0], [rows[at][0] for at in numbers])
    return seen
