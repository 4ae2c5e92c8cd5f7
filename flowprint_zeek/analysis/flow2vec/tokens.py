"""Tokens: what of a flow is its word.

A token is the values of some fields, joined by commas. Labels are no field: what a flow is said to
be never shapes where its token lies. Values come from traffic and are hostile; in a token they are
printable ASCII without commas and line breaks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from flowprint_zeek.analysis.flow2vec.choices import FIELDS, PRESETS
from flowprint_zeek.core.arrays import ints, row_groups
from flowprint_zeek.core.domains import wider
from flowprint_zeek.core.elements import NAME, endpoint, printable
from flowprint_zeek.core.flows import factorized
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from flowprint_zeek.core.arrays import Ints

_NAMED = {"name", "element", "domain"}
_COLUMNS = {"src": "orig_h", "sport": "orig_p", "dst": "server", "dport": "resp_p"}


@dataclass(frozen=True, slots=True)
class Scheme:
    """Which fields of a flow its token has.

    Parameters
    ----------
    fields : tuple of str
        One or more of `choices.FIELDS`, each once.

    Raises
    ------
    UsageError
        There is none, one is unknown, or one comes twice.

    Examples
    --------
    >>> Scheme.parse("flow"), Scheme.parse("name,dport")
    (Scheme(fields=('src', 'dst', 'dport', 'proto')), Scheme(fields=('name', 'dport')))
    """

    fields: tuple[str, ...]

    def __post_init__(self) -> None:
        for name in self.fields:
            if name not in FIELDS:
                allowed = f"{', '.join(PRESETS)}, or some of {', '.join(FIELDS)}"
                raise UsageError(f"--tokens must be {allowed}, joined by commas; not {name!r}")
        if not self.fields or len(set(self.fields)) < len(self.fields):
            raise UsageError("--tokens must name each field once")

    @classmethod
    def parse(cls, text: str) -> Scheme:
        """Return the scheme of a preset, or of fields joined by commas."""
        return cls(PRESETS.get(text) or tuple(part.strip() for part in text.split(",")))

    @property
    def named(self) -> bool:
        """Whether other logs than conn.log are of use, for names."""
        return not _NAMED.isdisjoint(self.fields)

    def tokens(self, flows: pd.DataFrame) -> tuple[Ints, list[str]]:
        """Return the number of each flow's token, and the tokens.

        Parameters
        ----------
        flows : DataFrame
            Flow table with ``server``, ``orig_h``, ``orig_p``, ``proto`` and ``device``; with
            ``name`` where the scheme is `named`.
        """
        if flows.empty:
            return ints([]), []
        held = [factorized(self._column(flows, field)) for field in self.fields]
        number, first = row_groups(tuple(code for code, _ in held))
        parts = [[texts[at] for at in code[first].tolist()] for code, texts in held]
        return number, [",".join(map(_part, row)) for row in zip(*parts, strict=True)]

    def _column(self, flows: pd.DataFrame, field: str) -> pd.Series[str]:
        if field in {"element", "domain"}:
            return _elements(flows, widened=field == "domain")
        column = flows[_COLUMNS.get(field, field)]
        return column.astype(str) if field in {"sport", "dport"} else column


def _elements(flows: pd.DataFrame, *, widened: bool) -> pd.Series[str]:
    """Return the name that each flow was made to as an element, else its endpoint."""
    names, places = factorized(flows["name"]), factorized(flows["resp_h"])
    ports = ints(flows["resp_p"])
    number, first = row_groups((names[0], np.where(_has(names), 0, places[0]), _port(names, ports)))
    made = []
    for at in first.tolist():
        name = names[1][names[0][at]]
        one = f"{NAME}{name}" if name else endpoint(places[1][places[0][at]], int(ports[at]))
        made.append((wider(one) or one) if widened else one)
    texts = np.empty(len(made), dtype=object)
    texts[:] = made
    return pd.Series(texts[number], dtype=object)


def _has(names: tuple[Ints, list[str]]) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
    told = np.array([text != "" for text in names[1]], dtype=np.bool_)
    return told[names[0]]


def _port(names: tuple[Ints, list[str]], ports: Ints) -> Ints:
    return np.where(_has(names), 0, ports)


def _part(text: str) -> str:
    """Return a value as it stands in a token."""
    return printable(text).replace(",", r"\x2c") or "-"
