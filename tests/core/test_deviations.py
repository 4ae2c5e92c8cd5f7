"""Where the engine answers otherwise than upstream: both answers, one deviation a test.

docs/parity.md says why, and names every test of this file and of test_deviations_class.py.
"""

from __future__ import annotations

import ast
import random
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek import Flow, FlowPrint
from flowprint_zeek.core.elements import split_endpoint
from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.core.flows import flow_table
from tests.core import deviations, oracle, upstream
from tests.core.test_devices import connection, selected

if TYPE_CHECKING:
    from collections.abc import Iterable

PAGE = Path(__file__).resolve().parents[2] / "docs" / "parity.md"
FILES = ("test_deviations.py", "test_deviations_class.py")


def to(letter: str, *times: float) -> Flow:
    """Return a flow to the destination of a letter: a is 10.0.0.1, b is 10.0.0.2."""
    return Flow(f"10.0.0.{ord(letter) - ord('a') + 1}", 443, times)


def together(letters: str, time: float) -> list[Flow]:
    """Return flows to several destinations at one time."""
    return [to(letter, time) for letter in letters]


def letters(fingerprints: Iterable[Iterable[str]]) -> list[str]:
    """Return the destinations of each fingerprint as letters, "" for none."""
    hosts = [[int(split_endpoint(element)[0][7:]) for element in fp] for fp in fingerprints]
    return ["".join(chr(ord("a") + host - 1) for host in sorted(one)) for one in hosts]


def theirs(flows: list[Flow], **parameters: Any) -> list[str]:
    """Return upstream's fingerprint of each flow."""
    return letters(upstream.fingerprints(flows, Parameters(**parameters)))


def ours(flows: list[Flow], **parameters: Any) -> list[str]:
    """Return our fingerprint of each flow."""
    return letters(FlowPrint(**parameters).fingerprint(flows))


def applying(flows: list[Flow], **parameters: Any) -> list[str]:
    """Return the deviations that are told to apply to a batch."""
    chosen = Parameters(**parameters)
    return deviations.reasons(oracle.steps(flows, chosen), chosen)


OVERLAPPING = [to("a", 0), to("a", 1), to("b", 0, 30), to("c", 30)]
"""The cliques ab and bc; b belongs to ab, which has more flows."""


class TestBatches:
    def test_origin_of_the_engine(self) -> None:
        """Upstream counts from the first packet; the engine, for all devices, from the epoch."""
        flows = [to("a", 290), to("b", 310)]

        assert ["ab", "ab"] == theirs(flows, window=300)
        assert ["ab", "ab"] == ours(flows, window=300, origin="first")
        assert ["", ""] == ours(flows, window=300, origin="epoch")

    def test_origin_of_windows(self) -> None:
        """Upstream counts windows anew in each batch, from its first packet."""
        flows = [to("a", 0), to("b", 320), to("c", 345)]

        assert ["bc", "bc"] == theirs(flows)[1:]
        assert ["", ""] == ours(flows)[1:]

    def test_width_of_batches(self) -> None:
        """Upstream's batches are narrower than asked: equal parts of the time between starts."""
        flows = [to("a", 0), to("b", 170), to("c", 175), to("d", 345)]

        assert ["ab", "ab", "cd", "cd"] == theirs(flows, batch=300, window=600)
        assert ["abc", "abc", "abc", ""] == ours(flows, batch=300, window=600)

    def test_flows_are_cut(self) -> None:
        """Upstream leaves a flow whole in the batch of its start."""
        flows = [to("a", 0, 310), to("b", 0), to("c", 310)]

        assert ["ab", "ab", "ab"] == theirs(flows)
        assert ["ab", "ab", "ac"] == ours(flows)

    def test_nearest_within_the_batch(self) -> None:
        """Upstream assigns what a batch left over to the nearest flow of another."""
        flows = [*together("ab", 0), to("c", 400)]

        assert ["ab", "ab", "ab"] == theirs(flows)
        assert ["ab", "ab", ""] == ours(flows)

    def test_whole_microseconds(self) -> None:
        """Upstream divides floats: 1.0 // 0.1 is 9."""
        flows = [to("a", 0), to("b", 0.95), to("c", 1.0)]

        assert ["bc", "bc"] == theirs(flows, window=0.1)[1:]
        assert ["", ""] == ours(flows, window=0.1)[1:]


class TestFlows:
    def test_devices_apart(self) -> None:
        """Upstream takes all flows for one device's."""
        flows = together("ab", 0)
        table = flow_table(flows).assign(device=["10.1.0.1", "10.1.0.2"])

        assert ["ab", "ab"] == theirs(flows)
        assert ["", ""] == letters(FlowPrint().fingerprint(table))

    def test_destination_is_the_responder(self) -> None:
        """Upstream takes the end with the lower port, here the device, for the destination."""
        packet = ("x", "tcp", 0, "0.0", "60", "10.0.0.1", "192.0.2.1", "40000", "50000", None)
        row = connection(orig_h="10.0.0.1", orig_p=40_000, resp_h="192.0.2.1", resp_p=50_000)
        kept, _ = selected({}, row)

        assert ("10.0.0.1", 40_000) == upstream.PacketFlow().add(packet).destination
        assert [("192.0.2.1", 50_000)] == list(zip(kept["resp_h"], kept["resp_p"], strict=True))

    def test_multicast(self) -> None:
        """Upstream has no rule for groups, which every device of a network meets."""
        flows = [to("a", 0), Flow("224.0.0.251", 5353, (0.0,))]
        kept, _ = selected({}, *(connection(resp_h=flow.dst) for flow in flows))

        group = "224.0.0.251:5353"
        assert all(group in fp for fp in upstream.fingerprints(flows, Parameters()))
        assert ["10.0.0.1"] == kept["resp_h"].tolist()

    def test_proxies(self) -> None:
        """Upstream ties what goes through a proxy together; where logs tell one, we do not."""
        flows = [Flow("10.0.0.9", 3128, (float(40 * at),), f"c{at}") for at in range(2)]
        flows.append(to("a", 0.0))
        table = flow_table(flows).assign(proxied=[True, True, False])
        apart = [set(fp) for fp in FlowPrint().fingerprint(table)]

        tied = {"10.0.0.1:443", "10.0.0.9:3128", "cert:c0", "cert:c1"}
        assert all(fp == tied for fp in upstream.fingerprints(flows, Parameters()))
        assert [set(fp) for fp in FlowPrint().fingerprint(flows)] == [tied] * 3
        assert apart == [{"10.0.0.1:443", "cert:c0"}] * 3


class TestTies:
    @pytest.mark.parametrize(("first", "last", "differs"), [("a", "c", False), ("c", "a", True)])
    def test_cliques(self, first: str, last: str, differs: bool) -> None:
        """Upstream's clique depends on how NetworkX enumerates, ours on the elements alone."""
        flows = [to(first, 0), to("b", 0, 30), to(last, 30)]

        assert "ab" == ours(flows)[1]
        assert differs == (theirs(flows) != ours(flows))
        assert [deviations.CLIQUE_TIE] == applying(flows)

    def test_times(self) -> None:
        """Between two flows equally near, upstream takes the later, we the larger fingerprint."""
        flows = [to("a", 0), to("a", 0), to("b", 0), to("e", 50), *together("cd", 100)]

        assert "cd" == theirs(flows)[3]
        assert "ab" == ours(flows)[3]
        assert [deviations.TIME_TIE] == applying(flows)


class TestMerging:
    def test_exact_similarity(self) -> None:
        """Upstream misses 9/10 at 0.9: as floats, 1 - 0.9 is a little less than 1/10."""
        flows = [*together("abcdefghi", 0), *together("abcdefghij", 310)]

        assert {"abcdefghi", "abcdefghij"} == set(theirs(flows, similarity=0.9))
        assert {"abcdefghij"} == set(ours(flows, similarity=0.9))

    def test_components(self) -> None:
        """In a chain upstream leaves one end behind; which, hangs on hash seeds."""
        flows = [*together("abc", 0), *together("bcd", 310), *together("cde", 620)]

        found = theirs(flows, similarity=0.5)
        assert found[::3] in (["abcd", "abcde", "abcde"], ["abcde", "abcde", "bcde"])
        assert {"abcde"} == set(ours(flows, similarity=0.5))

    def test_once(self) -> None:
        """Upstream merges a batch, then all again: what was united meets others once more."""
        flows = [*OVERLAPPING, *together("acde", 310)]

        assert {"abcde"} == set(theirs(flows, similarity=0.3))
        assert {"abc", "acde"} == set(ours(flows, similarity=0.3))

    def test_similarity_of_zero(self) -> None:
        """Upstream fails where the threshold lets everything merge."""
        with pytest.raises(AttributeError, match="no attribute 'destinations'"):
            theirs(OVERLAPPING, similarity=0)
        assert {"abc"} == set(ours(OVERLAPPING, similarity=0))


class TestFingerprints:
    def test_flows_count_once(self) -> None:
        """Upstream counts a destination in every clique that holds it."""
        with upstream.without_none():
            found = upstream.FlowPrint().fingerprint(upstream.samples(OVERLAPPING))
        kept = FlowPrint().fingerprint(OVERLAPPING)

        assert [("ab", 3)] * 3 + [("bc", 2)] == [
            (*letters([upstream.elements(fp)]), fp.n_flows) for fp in found
        ]
        assert [("ab", 3)] * 3 + [("bc", 1)] == [(*letters([fp]), fp.n_flows) for fp in kept]

    def test_bounded_search(self) -> None:
        """Upstream enumerates every clique; we stop at a budget, with the best that was found."""
        chance = random.Random(4)  # noqa: S311 - a test
        flows = [
            Flow(f"10.0.0.{n}", 443, tuple(30.0 * w for w in chance.sample(range(10), 3)))
            for n in range(40)
        ]
        found = upstream.fingerprints(flows, Parameters(correlation=0.3))
        exact = FlowPrint(correlation=0.3).fingerprint(flows)
        bounded = FlowPrint(correlation=0.3, clique_budget=1).fingerprint(flows)

        assert sum(map(len, found)) == sum(map(len, exact))
        assert sum(map(len, found)) > sum(map(len, bounded))


def test_the_page_names_every_test() -> None:
    """docs/parity.md names the tests of deviations, each once, and no others."""
    sources = [(Path(__file__).parent / name).read_text(encoding="utf-8") for name in FILES]
    tests = [
        node.name
        for source in sources
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    tests.remove(test_the_page_names_every_test.__name__)
    named = re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8"))
    assert sorted(tests) == sorted(named)
