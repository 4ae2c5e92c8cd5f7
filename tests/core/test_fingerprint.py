"""Fingerprints of flow tables."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowprint_zeek.core.fingerprint import Fingerprints, Parameters, fingerprint
from flowprint_zeek.core.flows import SECOND, Flow, flow_table
from tests.core import oracle


def per_flow(found: Fingerprints, n_flows: int) -> list[frozenset[str]]:
    """Return the elements of the fingerprint of each flow of one batch."""
    elements = found.elements()
    result: list[frozenset[str]] = [frozenset()] * n_flows
    for flow, number in zip(found.slices.flow, found.of_slice, strict=True):
        if number >= 0:
            result[flow] = frozenset(elements[number])
    return result


@st.composite
def batches(draw: st.DrawFn) -> list[Flow]:
    """Flows of one device within one batch of 300 s."""
    times = st.lists(st.integers(0, 299), min_size=1, max_size=3).map(tuple)
    n_destinations = draw(st.integers(1, 12))
    certificates = st.sampled_from([None, "aa", "bb", "cc", "dd"])
    flow = st.builds(
        lambda host, port, at, certificate, name: Flow(
            f"10.0.{host % 3}.{host}", port, tuple(map(float, at)), certificate, name
        ),
        st.integers(0, n_destinations),
        st.sampled_from([80, 443]),
        times,
        certificates,
        st.sampled_from(["", "a.example", "b.example", "c.example"]),
    )
    return draw(st.lists(flow, min_size=1, max_size=30))


class TestAgainstTheSlowWay:
    @settings(max_examples=300, deadline=None)
    @given(
        batches(),
        st.sampled_from(["paper", "names"]),
        st.sampled_from([0.0, 0.1, 0.3, 0.5, 1.0]),
        st.sampled_from([0.3, 0.5, 0.9, 1.0]),
    )
    def test_equal(
        self, flows: list[Flow], scheme: str, correlation: float, similarity: float
    ) -> None:
        """Every flow gets the fingerprint that enumerating all maximal cliques gives it."""
        parameters = Parameters(correlation=correlation, similarity=similarity, scheme=scheme)

        found = fingerprint(flow_table(flows), parameters)

        assert oracle.fingerprints(flows, parameters) == per_flow(found, len(flows))

    @settings(max_examples=50, deadline=None)
    @given(batches())
    def test_order_free(self, flows: list[Flow]) -> None:
        """The order of flows changes no fingerprint and no count."""
        table = flow_table(flows)
        mixed = table.sample(frac=1, random_state=len(flows))

        one, other = fingerprint(table, Parameters()), fingerprint(mixed, Parameters())

        assert one.elements() == other.elements()
        assert one.n_flows.tolist() == other.n_flows.tolist()

    @settings(max_examples=50, deadline=None)
    @given(st.lists(batches(), min_size=2, max_size=4))
    def test_devices_apart(self, parts: list[list[Flow]]) -> None:
        """Many devices and batches at once give what each gives alone."""
        tables = []
        for number, part in enumerate(parts):
            table = flow_table(part).assign(device=f"10.0.0.{number}")
            shift = (number % 2) * 300 * SECOND
            table["times"] = [times + shift for times in table["times"]]
            tables.append(table)
        together = fingerprint(pd.concat(tables, ignore_index=True), Parameters())
        alone = [fingerprint(table, Parameters()).elements() for table in tables]

        assert [fp for found in alone for fp in found] == together.elements()


def quiet(host: str, start: float, end: float, **more: object) -> dict[str, object]:
    """One row of a flow table whose packet times are not known."""
    return {
        "start": round(start * SECOND),
        "end": round(end * SECOND),
        "resp_h": host,
        "resp_p": 443,
        "certificate": "",
        "name": "",
    } | more


def test_cut_at_batch_edges() -> None:
    """A flow over three batches is in the fingerprints of all three and counts once."""
    rows = [quiet("10.0.0.1", 10, 700), quiet("10.0.0.2", 10, 700)]

    found = fingerprint(pd.DataFrame(rows), Parameters())

    assert [("10.0.0.1:443", "10.0.0.2:443")] == found.elements()
    assert [2] == found.n_flows.tolist()
    assert [0, 1, 2] * 2 == found.slices.batch.tolist()


def test_edge_belongs_to_the_later_batch() -> None:
    """Batches are half open: a packet on an edge is in the batch that starts there."""
    found = fingerprint(pd.DataFrame([quiet("10.0.0.1", 300, 300)]), Parameters())

    assert [1] == found.slices.batch.tolist()


def test_ends_only() -> None:
    """With activity at the ends, the windows between do not correlate."""
    rows = [quiet("10.0.0.1", 0, 290), quiet("10.0.0.2", 100, 110)]

    joined = fingerprint(pd.DataFrame(rows), Parameters(activity="interval"))
    apart = fingerprint(pd.DataFrame(rows), Parameters(activity="ends"))

    assert [1, 0] == [joined.size, apart.size]


def test_lone_destination_is_unassigned() -> None:
    """A batch without any fingerprint leaves its flows unassigned."""
    found = fingerprint(pd.DataFrame([quiet("10.0.0.1", 0, 1)]), Parameters())

    assert found.size == 0
    assert [-1] == found.of_slice.tolist()


def test_nearest_in_time_beside_a_clock_that_was_wrong() -> None:
    """One flow of 1970 and many devices change nothing for the flows of destinations alone."""
    at = 1_767_225_600
    rows = [
        quiet(host, at + start, at + start, device=f"d{number}")
        for number in range(3000)
        for host, start in (("10.0.0.1", 100), ("10.0.0.2", 100), ("10.0.0.3", 70))
    ]
    rows.append(quiet("10.0.0.9", 0, 0, device="d0"))

    found = fingerprint(pd.DataFrame(rows), Parameters())

    assert [3] * 3000 == found.n_flows.tolist()


@pytest.mark.parametrize("busier", ["earlier", "later"])
def test_equally_near_in_time(busier: str) -> None:
    """A flow equally near to two fingerprints goes to that of most flows, before or after it."""
    rows = [quiet(f"10.0.{at}.{n}", at, at) for at in (0, 20) for n in range(2)]
    rows += [rows[0] if busier == "earlier" else rows[-1]] * 3
    rows.append(quiet("10.0.9.9", 10, 10))

    found = fingerprint(pd.DataFrame(rows), Parameters(window=5))

    assert sorted(found.n_flows.tolist()) == [2, 6]
    assert found.n_flows[found.of_slice[-1]] == 6


@pytest.mark.parametrize("lower", ["earlier", "later"])
def test_equally_near_and_as_busy(lower: str) -> None:
    """A flow equally near to two fingerprints of as many flows goes to that of lower elements."""
    times = (0, 20) if lower == "earlier" else (20, 0)
    rows = [quiet(f"10.0.{net}.{n}", at, at) for net, at in enumerate(times) for n in range(2)]
    rows.append(quiet("10.0.9.9", 10, 10))

    found = fingerprint(pd.DataFrame(rows), Parameters(window=5))

    assert found.elements()[found.of_slice[-1]] == ("10.0.0.0:443", "10.0.0.1:443")


@pytest.mark.parametrize("busier", [None, 0, 1])
def test_near_flows_of_one_time(busier: int | None) -> None:
    """Of fingerprints whose flows start together that of most flows wins, then lower elements."""
    rows = [quiet(f"10.0.{net}.{n}", 0, 20 + 20 * net) for net in range(2) for n in range(2)]
    rows += [] if busier is None else [rows[2 * busier]]
    rows.append(quiet("10.0.9.9", 10, 10))

    found = fingerprint(pd.DataFrame(rows), Parameters(window=5, correlation=0.9))

    net = busier or 0
    assert found.size == 2
    assert found.elements()[found.of_slice[-1]] == (f"10.0.{net}.0:443", f"10.0.{net}.1:443")


def test_many_flows_are_no_element() -> None:
    """However many flows a fingerprint has, one with more elements is larger."""
    busy = [quiet("10.0.0.1", 1, 1)] * 100
    rows = [*busy, quiet("10.0.0.2", 1, 61), quiet("10.0.0.3", 61, 61), quiet("10.0.0.4", 61, 62)]

    found = fingerprint(pd.DataFrame(rows), Parameters())

    both = found.elements()[found.of_slice[100]]
    assert both == ("10.0.0.2:443", "10.0.0.3:443", "10.0.0.4:443")


def test_window_longer_than_batch() -> None:
    """A window longer than the batch makes everything in a batch correlate."""
    rows = [quiet("10.0.0.1", 0, 1), quiet("10.0.0.2", 290, 291)]

    found = fingerprint(pd.DataFrame(rows), Parameters(window=600))

    assert found.size == 1


def test_own_elements() -> None:
    """Elements of a destination that belongs to a larger fingerprint are not own."""
    flows = [
        *(Flow(f"10.0.0.{n}", 443, (0.0, 31.0)) for n in (1, 2, 3)),
        *(Flow(f"10.0.1.{n}", 443, (61.0,)) for n in (1, 2)),
        Flow("10.0.9.9", 443, (1.0, 62.0)),
    ]

    found = fingerprint(flow_table(flows), Parameters())

    small = found.elements().index(("10.0.1.1:443", "10.0.1.2:443", "10.0.9.9:443"))
    own = found.own[found.sets.owner == small]
    assert [True, True, False] == own.tolist()


def test_no_flows() -> None:
    """An empty flow table gives no fingerprints."""
    found = fingerprint(pd.DataFrame([quiet("10.0.0.1", 0, 1)])[:0], Parameters())

    assert found.size == 0
    assert found.of_slice.dtype == np.int64
