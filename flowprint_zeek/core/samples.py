"""What people hand in as samples: flow tables, flows and fingerprints."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeAlias

import pandas as pd

from flowprint_zeek.core.elements import normalise_name
from flowprint_zeek.core.fingerprint import Fingerprint
from flowprint_zeek.core.flows import Flow, check_flow_table, flow_table
from flowprint_zeek.core.sets import Sets

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Flows: TypeAlias = pd.DataFrame | Iterable[Flow]
    Samples: TypeAlias = Flows | Iterable[Fingerprint]

_EXPECTED = "X must be a flow table, or an array-like of Flow or of Fingerprint"


def either(samples: Samples) -> pd.DataFrame | list[Fingerprint]:
    """Return samples as a flow table, or as a list where they are fingerprints.

    Raises
    ------
    ValueError, TypeError
        They are something else, or a column is not as it must be; see `check_flow_table`.
    """
    if isinstance(samples, pd.DataFrame):
        return _checked(samples)
    if isinstance(samples, str | Flow | Fingerprint) or getattr(samples, "ndim", 1) != 1:
        raise TypeError(f"{_EXPECTED}, not one {type(samples).__name__}")
    made: list[Flow] = []
    fingerprints: list[Fingerprint] = []
    for at, one in enumerate(samples):
        if isinstance(one, Flow) and not fingerprints:
            made.append(one)
        elif isinstance(one, Fingerprint) and not made:
            fingerprints.append(one)
        else:
            raise TypeError(f"{_EXPECTED}; X[{at}] is {str(one)[:80]!r}")
    if fingerprints:
        return fingerprints
    return _checked(flow_table(made))


def _checked(table: pd.DataFrame) -> pd.DataFrame:
    """Return a flow table whose values are fit to be elements, the same after a file."""
    check_flow_table(table)
    for column in ("resp_h", "certificate", "name"):
        for value in table[column].unique():
            if not (value.isascii() and value.isprintable()):
                raise ValueError(f"column {column} holds {value!r}; it must be printable ASCII")
            if column == "name" and normalise_name(value) != value:
                raise ValueError(f"column name holds {value!r}; {normalise_name(value)!r} is meant")
    return table


def flows(samples: Flows) -> pd.DataFrame:
    """Return flows as a flow table.

    Raises
    ------
    ValueError, TypeError
        They are something else, or a column is not as it must be; see `check_flow_table`.
    """
    table = either(samples)
    if isinstance(table, pd.DataFrame):
        return table
    raise TypeError("X must be a flow table or an array-like of Flow, not of Fingerprint")


def numbered(fingerprints: Sequence[Fingerprint]) -> tuple[list[str], Sets]:
    """Return the distinct elements of fingerprints, and the fingerprints as sets of them."""
    vocabulary = sorted({element for one in fingerprints for element in one})
    code = {element: at for at, element in enumerate(vocabulary)}
    return vocabulary, Sets.from_iterables([[code[e] for e in one] for one in fingerprints])
