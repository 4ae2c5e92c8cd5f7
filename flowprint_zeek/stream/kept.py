"""What a pipeline is made to go on from after a restart, and its form on disk.

Each part of `PipelineState` is a section of the state file, in MessagePack. What is read is checked
against the types that are declared here and in the modules of the parts, so they are imported for
good.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from typing import Any, TypeVar, get_type_hints

import msgspec

from flowprint_zeek.core.devices import Dropped
from flowprint_zeek.dismissals import DismissalsState
from flowprint_zeek.known import KnownState
from flowprint_zeek.seen import SeenState
from flowprint_zeek.stream.counts import Counts, Day
from flowprint_zeek.stream.detection import DetectorState
from flowprint_zeek.stream.health import HealthState
from flowprint_zeek.stream.late import LateState
from flowprint_zeek.stream.pending import PendingState
from flowprint_zeek.zeek.beside import BesideState
from flowprint_zeek.zeek.leases import LeasesState
from flowprint_zeek.zeek.waiting import WaitingState

_T = TypeVar("_T")

_BASIS = "parameters"
"""Section beside the parts: the settings that what was learned depends on."""


@dataclass(frozen=True, slots=True)
class Clock:
    """Where the log time of a pipeline stands.

    Attributes
    ----------
    first_start : int or None
        Start of the first batch, µs, later by the silences that do not count as learning.
    closed : int
        Log time at which the last batch closed, µs.
    first_open : int or None
        Number of the first batch that is not closed.
    overdue : int
        Rows that came too late.
    phase : str or None
        What was done with the last batch.
    """

    first_start: int | None
    closed: int
    first_open: int | None
    overdue: int
    phase: str | None


@dataclass(frozen=True, slots=True)
class PipelineState:
    """What a pipeline has learned and counted, without the rows of open batches.

    Parts with a default may be missing in states of earlier versions.
    """

    known: KnownState
    seen: SeenState
    browsers: dict[str, list[Any]]
    dismissals: DismissalsState
    pending: PendingState
    detector: DetectorState
    sharing: dict[str, dict[str, int]]
    health: HealthState
    beside: BesideState
    leases: LeasesState
    late: LateState
    counts: Counts
    dropped: Dropped
    day: Day | None
    clock: Clock
    certificate: str | None
    exported: WaitingState = field(default_factory=WaitingState)


def sections(state: PipelineState) -> dict[str, bytes]:
    """Return the sections of a state by their names."""
    encoder = msgspec.msgpack.Encoder()
    return {part.name: encoder.encode(getattr(state, part.name)) for part in fields(state)}


def basis_section(learned_with: Mapping[str, float | str]) -> dict[str, bytes]:
    """Return the section of the settings that what was learned depends on, by its name."""
    return {_BASIS: msgspec.msgpack.encode(learned_with)}


def basis(held: Mapping[str, bytes]) -> dict[str, float | str]:
    """Return the settings that what sections hold was learned with.

    Raises
    ------
    ValueError
        They are missing, or something else.
    """
    return _decoded(_BASIS, held, dict[str, float | str])


def from_sections(held: Mapping[str, bytes]) -> PipelineState:
    """Return the state that sections hold.

    Raises
    ------
    ValueError
        One is missing or holds something else; it is named.
    """
    names = (
        one.name
        for one in fields(PipelineState)
        if one.name in held or one.default_factory is MISSING
    )
    return PipelineState(**{name: part(name, held) for name in names})


def part(name: str, held: Mapping[str, bytes]) -> Any:  # noqa: ANN401  whatever the types declare
    """Return one part of the state that sections hold.

    Raises
    ------
    ValueError
        It is missing or holds something else.
    """
    return _decoded(name, held, get_type_hints(PipelineState)[name])


def _decoded(name: str, held: Mapping[str, bytes], kind: type[_T]) -> _T:
    if name not in held:
        raise ValueError(f"lacks {name}")
    try:
        return msgspec.msgpack.decode(held[name], type=kind, dec_hook=made)
    except ValueError as error:
        raise ValueError(f"{name} is damaged: {error}") from error


def made(kind: type[Any], value: Any) -> Any:  # noqa: ANN401  whatever the types declare
    """Return a value of a type that MessagePack lacks."""
    if kind is Counter or getattr(kind, "__origin__", None) is Counter:
        return Counter(value)
    raise NotImplementedError(kind)
