"""Calibrated thresholds, as fingerprint files hold them."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from reprlib import repr as short
from typing import Any

from flowprint_zeek.kinds import Kind, RefusedError, choice, number

_KEYS = ("threshold", "false_rate", "detection_rate")
_KINDS: dict[str, Kind[Any]] = {
    "threshold": number(
        "a number from 0 to 1, or just over 1 to flag nothing", lambda v: 0 <= v < 1.001
    ),
    "false_rate": number("a number from 0 to 1", lambda v: 0 <= v <= 1),
    "detection_rate": number("null or a number from 0 to 1", lambda v: 0 <= v <= 1),
    "per": choice("fingerprint", "flow", "capture"),
}

Rates = tuple[float, float, float | None]
"""Threshold, false rate and detection rate."""


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The threshold of a method for a wanted false rate.

    Parameters
    ----------
    threshold : float
        Score from which a fingerprint is unseen.
    false_rate : float
        Share of what is known, held out, that it flagged.
    detection_rate : float or None
        Share of what is of left-out apps that it flagged; None where none could be left out.
    per : {"fingerprint", "flow", "capture"}
        What the rates count.
    curve : tuple of tuple
        The three for other false rates, by threshold.
    """

    threshold: float
    false_rate: float
    detection_rate: float | None
    per: str
    curve: tuple[Rates, ...]

    def to_dict(self) -> dict[str, object]:
        """Return it as JSON holds it."""
        return asdict(self)

    @classmethod
    def from_dict(cls, name: str, given: object) -> Calibrated:
        """Return what JSON holds.

        Raises
        ------
        ValueError
            It is not that; the message names the key and the value.
        """
        match given:
            case {"curve": list(rows), **held} if held.keys() == _KINDS.keys():
                curve = tuple(_rates(f"{name}.curve", row) for row in rows)
                rates = _rates(name, [held[key] for key in _KEYS])
                return cls(*rates, _checked(name, "per", held["per"]), curve)
            case _:
                raise ValueError(f"calibrated.{name} is {short(given)}")


def _rates(name: str, row: object) -> Rates:
    match row:
        case [threshold, false, detection]:
            return (
                _checked(name, "threshold", threshold),
                _checked(name, "false_rate", false),
                None if detection is None else _checked(name, "detection_rate", detection),
            )
        case _:
            raise ValueError(f"calibrated.{name} holds {short(row)}")


def _checked(name: str, key: str, value: object) -> Any:  # noqa: ANN401  # what the kind reads
    kind = _KINDS[key]
    try:
        return kind.read(value)
    except RefusedError as error:
        said = f"{key} of calibrated.{name} is {short(value)}"
        raise ValueError(f"{said}; it must be {kind.allowed}") from error
