"""Parity: upstream and the engine give each flow the same fingerprint; see docs/parity.md."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek import Flow, FlowPrint
from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.core.flows import microseconds
from tests.core import deviations, oracle, parity, upstream

if TYPE_CHECKING:
    from pathlib import Path

    from tests.core.oracle import Elements
    from tests.core.parity import Outcome


@pytest.fixture(scope="module")
def run() -> list[Outcome]:
    """Return what became of the generated batches."""
    return list(parity.outcomes())


def public(flows: list[Flow], parameters: Parameters) -> list[Elements]:
    """Return the fingerprints that the public class gives flows."""
    found = FlowPrint(
        window=parameters.window,
        correlation=parameters.correlation,
        similarity=parameters.similarity,
    ).fingerprint(flows)
    return [frozenset(one) for one in found]


def renamed(flows: list[Flow], number: int) -> list[Flow]:
    """Return flows with other addresses of the same order."""
    return [replace(flow, dst=flow.dst.replace("10.0.", f"10.{number}.")) for flow in flows]


class TestGenerated:
    def test_equal(self, run: list[Outcome]) -> None:
        """Every batch to which no listed deviation applies has upstream's fingerprints."""
        unequal = [one for one in run if not one.reasons and not one.equal]
        assert [(one.parameters, one.flows) for one in unequal[:1]] == []

    def test_the_slow_way(self, run: list[Outcome]) -> None:
        """Every batch, deviations or not, has the fingerprints that the slow way gives it."""
        unequal = [one for one in run if one.ours != one.slow]
        assert [(one.parameters, one.flows) for one in unequal[:1]] == []

    def test_many(self, run: list[Outcome]) -> None:
        """There are at least 5,000 batches."""
        assert len(run) >= 5_000

    def test_few_deviate(self, run: list[Outcome]) -> None:
        """Deviations apply to less than a fifth of the batches."""
        assert sum(bool(one.reasons) for one in run) < len(run) / 5

    def test_several_fingerprints(self, run: list[Outcome]) -> None:
        """At least half of the batches have more than one fingerprint."""
        assert sum(one.several for one in run) >= len(run) / 2

    @pytest.mark.parametrize("reason", [deviations.CLIQUE_TIE, deviations.TIME_TIE])
    def test_ties_are_deviations(self, run: list[Outcome], reason: str) -> None:
        """Where a tie alone applies, upstream does answer otherwise in some batch."""
        assert not all(one.equal for one in run if one.reasons == [reason])

    def test_merging_is_a_deviation(self, run: list[Outcome]) -> None:
        """Where merging alone applies, upstream does answer otherwise in some batch.

        Its order of merging hangs on the hashes of addresses, so they are tried under other names.
        """
        alone = [one for one in run if one.reasons == [deviations.MERGING]]
        assert any(
            upstream.fingerprints(flows, one.parameters)
            != parity.engine([flows], one.parameters)[0]
            for one in alone
            for flows in (renamed(one.flows, number) for number in range(10))
        )

    def test_public_class(self, run: list[Outcome]) -> None:
        """The public class gives what the engine gives for many devices at once."""
        some = run[:: parity.BATCHES]
        assert [one.ours for one in some] == [public(one.flows, one.parameters) for one in some]


@pytest.fixture(scope="module")
def captures(shared_data: Path) -> dict[str, Capture]:
    """Return the real captures by name."""
    return {
        path.stem: Capture.of(json.loads(path.read_text(encoding="utf-8")))
        for path in sorted((shared_data / "reference").glob("*.json"))
    }


@dataclass(frozen=True, slots=True)
class Capture:
    """A real capture.

    Attributes
    ----------
    flows : list of Flow
        Its flows.
    stored : list of Elements
        What upstream made of each, without its None.
    deviates : bool
        Whether a listed deviation applies.
    """

    flows: list[Flow]
    stored: list[Elements]
    deviates: bool

    @classmethod
    def of(cls, capture: dict[str, Any]) -> Capture:
        """Return a capture as it stands in a file."""
        flows = [
            Flow(f["dst"], f["dport"], tuple(f["timestamps"]), f["certificate"])
            for f in capture["flows"]
        ]
        sets = [
            upstream.elements([*map(tuple, fp["destinations"]), *fp["certificates"]])
            for fp in capture["fingerprints"]
        ]
        origin = min(microseconds(flow.time_start) for flow in flows)
        steps = oracle.steps(flows, Parameters(), origin)
        return cls(
            flows,
            [sets[f["fingerprint"]] for f in capture["flows"]],
            bool(deviations.reasons(steps, Parameters())),
        )


class TestCaptures:
    def test_upstream(self, captures: dict[str, Capture]) -> None:
        """The class has upstream's fingerprints where no listed deviation applies."""
        unequal = [
            name
            for name, one in captures.items()
            if not one.deviates
            and public(one.flows, Parameters()) != upstream.fingerprints(one.flows, Parameters())
        ]
        assert unequal == []

    def test_stored(self, captures: dict[str, Capture]) -> None:
        """The class has the stored fingerprints of upstream as published, None left out."""
        unequal = [
            name
            for name, one in captures.items()
            if not one.deviates and public(one.flows, Parameters()) != one.stored
        ]
        assert unequal == []

    def test_none_deviates(self, captures: dict[str, Capture]) -> None:
        """No listed deviation applies to any of the captures."""
        assert [name for name, one in captures.items() if one.deviates] == []
        assert len(captures) == 35
