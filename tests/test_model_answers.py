"""What the FlowPrint estimator learns and answers."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from flowprint_zeek import Fingerprint, Flow, FlowPrint
from flowprint_zeek.core.flows import SECOND, flow_table
from flowprint_zeek.errors import ModelError
from tests.core.test_fingerprint import quiet
from tests.test_model import CHAT, FLOWS, GAME, LABELS, MAIL, PARAMETERS, app, certified, fitted, of


class TestFingerprint:
    def test_one_for_each_flow(self) -> None:
        """Each flow gets the fingerprint that it is part of, in the order of the flows."""
        found = FlowPrint(**PARAMETERS).fingerprint([GAME[0], *MAIL, GAME[1]])
        assert found.dtype == object
        assert found.tolist() == [of(*GAME), of(*MAIL), of(*MAIL), of(*GAME)]
        assert [one.n_flows for one in found] == [2, 2, 2, 2]

    def test_unassigned(self) -> None:
        """A flow in no fingerprint has the empty one."""
        assert FlowPrint().fingerprint([Flow("10.0.0.1", 443, (0.0,))]).tolist() == [Fingerprint()]

    def test_most_slices(self) -> None:
        """A flow in several batches has the fingerprint of most of its slices."""
        long = Flow("10.0.9.9", 443, (10.0, 310.0, 610.0))
        flows = [long, *app(1, 0.0, 1), *app(2, 300.0, 1), *app(2, 600.0, 1)]
        found = FlowPrint(origin="epoch").fingerprint(flows)
        assert found[0] == of(long, flows[2])

    def test_a_tie_goes_to_the_earliest_slice(self) -> None:
        """Of fingerprints of equally many slices a flow has the first."""
        long = Flow("10.0.9.9", 443, (10.0, 310.0))
        flows = [long, *app(2, 0.0, 1), *app(1, 300.0, 1)]
        assert FlowPrint(origin="epoch").fingerprint(flows)[0] == of(long, flows[1])

    def test_origin(self) -> None:
        """Batches are counted from the first packet of the input, or from the epoch."""
        flows = [Flow("10.0.0.1", 443, (290.0,)), Flow("10.0.0.2", 443, (310.0,))]
        assert FlowPrint(origin="first", window=300).fingerprint(flows)[0] == of(*flows)
        assert FlowPrint(origin="epoch", window=300).fingerprint(flows)[0] == Fingerprint()

    def test_first_packet_of_the_whole_input(self) -> None:
        """The origin is one for all devices."""
        table = flow_table(
            [*app(1), Flow("10.0.0.1", 443, (290.0,)), Flow("10.0.0.2", 443, (310.0,))]
        )
        table["device"] = ["a", "a", "b", "b"]
        assert FlowPrint(window=300).fingerprint(table)[2] == Fingerprint()

    def test_devices(self) -> None:
        """Flows of two devices are no app together, but equal fingerprints are one."""
        table = flow_table([*MAIL, *MAIL])
        apart = FlowPrint().fingerprint(table.assign(device=["a", "b", "c", "d"]))
        both = FlowPrint().fingerprint(table.assign(device=["a", "a", "b", "b"]))
        assert apart.tolist() == [Fingerprint()] * 4
        assert [one.n_flows for one in both] == [4] * 4

    def test_tables_and_flows_agree(self) -> None:
        """A table without packet times gives what flows of the same activity give."""
        rows = [quiet(f.dst, f.time_start, f.time_end) for f in FLOWS]
        table = pd.DataFrame(rows, index=[f"row {at}" for at in range(len(rows))])
        model = FlowPrint(**PARAMETERS)
        assert model.fingerprint(table).tolist() == model.fingerprint(FLOWS).tolist()

    def test_scheme_of_names(self) -> None:
        """Under the scheme of names a flow stands for its normalised server name."""
        flows = [*app(1, 0.0, 1, name="WWW.Example.com."), *app(2, 0.0, 1)]
        found = FlowPrint(scheme="names").fingerprint(flows)
        assert found[0] == Fingerprint(["name:www.example.com", "10.0.2.1:443"])


class TestCorrelationGraph:
    def test_nodes_and_edges(self) -> None:
        """Nodes say where, when and what; edges say how much they correlate."""
        flows = [Flow("10.0.0.1", 443, (30.0,)), Flow("10.0.0.2", 80, (31.0, 61.0)), *MAIL]
        graph = FlowPrint(origin="epoch").correlation_graph(flows)
        assert sorted(graph.nodes[0]) == [
            *("batch_start", "destinations", "device", "group", "windows"),
        ]
        where = {tuple(data["windows"]): data["destinations"] for _, data in graph.nodes(data=True)}
        assert where == {
            (1,): [["10.0.0.1:443"]],
            (1, 2): [["10.0.0.2:80"]],
            (0, 1): [["10.0.1.1:443"], ["10.0.1.2:443"]],
        }
        weights = sorted(data["weight"] for _, _, data in graph.edges(data=True))
        assert weights == [1 / 3, 0.5, 0.5]

    def test_devices_and_batches_are_apart(self) -> None:
        """Each device and batch has nodes of its own."""
        table = flow_table([*MAIL, *app(1, 301.0)]).assign(device=["a", "b", "a", "b"])
        graph = FlowPrint(origin="epoch").correlation_graph(table)
        found = [(data["device"], data["batch_start"]) for _, data in graph.nodes(data=True)]
        assert sorted(found) == [("a", 0.0), ("a", 300.0), ("b", 0.0), ("b", 300.0)]
        assert graph.number_of_edges() == 0

    def test_no_flows(self) -> None:
        """No flows have an empty graph."""
        assert FlowPrint().correlation_graph([]).number_of_nodes() == 0


class TestLearning:
    def test_labels(self) -> None:
        """Every fingerprint has the label of its flows, most flows first."""
        assert next(iter(fitted().fingerprints.items())) == (of(*CHAT), "chat")
        assert fitted().fingerprints == {of(*CHAT): "chat", of(*MAIL): "mail", of(*GAME): "game"}

    def test_without_labels(self) -> None:
        """Without labels they are None."""
        assert FlowPrint().fit(MAIL).fingerprints == {of(*MAIL): None}

    def test_majority(self) -> None:
        """The label is that of most flows, a tie goes to the lowest; None does not count."""
        flows = app(1, 0.0, 5)
        label = FlowPrint().fit(flows, ["b", "b", "a", "a", None]).fingerprints[of(*flows)]
        assert label == "a"

    @pytest.mark.parametrize(
        "labels",
        [[3, 3], np.array([3, 3]), pd.Series([3, 3], index=[8, 9]), [np.int64(3)] * 2],
        ids=["list", "array", "series", "scalars"],
    )
    def test_numbers(self, labels: Any) -> None:
        """Labels that are numbers come back as numbers."""
        (label,) = FlowPrint().fit(MAIL, labels).recognize(MAIL[:1], default=3)
        assert (label, type(label)) == (3, int)

    def test_update_adds_up(self) -> None:
        """Counts of labels and flows add up over updates, and may change the label."""
        model = FlowPrint().fit(MAIL, ["x", "x"]).update(MAIL).update(MAIL, ["y", "y"])
        assert model.fingerprints == {of(*MAIL): "x"}
        model.update([*MAIL, *MAIL], ["y"] * 4)
        assert model.fingerprints == {of(*MAIL): "y"}
        assert [one.n_flows for one in model.fingerprints] == [10]

    def test_update_of_nothing_known(self) -> None:
        """An update without a fit learns like a fit."""
        model = FlowPrint(**PARAMETERS).update(FLOWS, LABELS)
        assert model.fingerprints == fitted().fingerprints

    def test_a_flow_counts_once(self) -> None:
        """A flow over several batches of one app counts once for its label."""
        flows = [Flow(f"10.0.0.{n}", 443, (1.0, 301.0, 601.0)) for n in (1, 2)]
        (known,) = FlowPrint().fit(flows, ["a", "a"]).fingerprints_.in_order()
        assert (known.n_flows, known.n_batches, dict(known.labels)) == (2, 3, {"a": 2})
        assert (known.first, known.last) == (1 * SECOND, 601 * SECOND)

    def test_certificates_of_two_kinds(self) -> None:
        """Flows whose certificates are told apart otherwise than known ones are an error."""
        model = FlowPrint().fit(certified("ab" * 32, "cd" * 32))
        for ask in (model.update, model.predict, model.detect):
            with pytest.raises(ModelError, match="apart by sha256, flows by serial"):
                ask(certified("4711", "4712"))


class TestMatching:
    def test_most_similar(self) -> None:
        """A fingerprint is predicted as the known one that it shares most with."""
        sample = of(*CHAT[:2], MAIL[0])
        assert fitted().predict([sample]).tolist() == [of(*CHAT)]

    def test_ties_go_to_most_flows_then_lowest_id(self) -> None:
        """Of equally similar known fingerprints the one of most flows wins, then the lowest id."""
        sample = of(MAIL[0], GAME[0])
        lowest = min(of(*MAIL), of(*GAME), key=lambda one: one.id)
        assert fitted().predict([sample]).tolist() == [lowest]
        other = of(*GAME) if lowest == of(*MAIL) else of(*MAIL)
        more = fitted().update(GAME if lowest == of(*MAIL) else MAIL)
        assert more.predict([sample]).tolist() == [other]

    def test_flows_and_fingerprints_agree(self) -> None:
        """Flows are answered as their fingerprints, one answer a flow."""
        model, sample = fitted(), app(2, 7.0, 2)
        values = FlowPrint(**PARAMETERS).fingerprint(sample)
        assert model.predict(sample).tolist() == model.predict(values).tolist()
        assert model.recognize(flow_table(sample)).tolist() == ["chat", "chat"]

    @pytest.mark.parametrize(
        ("default", "match", "label"),
        [
            ("common", of(*MAIL), "mail"),
            ("largest", of(*CHAT), "chat"),
            (None, None, None),
            ("unknown", "unknown", "unknown"),
            (0, 0, 0),
            (Fingerprint(), Fingerprint(), None),
            (of(*GAME), of(*GAME), "game"),
        ],
    )
    def test_default(self, default: object, match: object, label: object) -> None:
        """Where no element is shared the default is returned."""
        model, strange = fitted().update(MAIL, ["mail"] * 2), [of(*app(9))]
        assert model.predict(strange, default=default).tolist() == [match]
        assert model.recognize(strange, default=default).tolist() == [label]

    def test_default_of_an_unassigned_flow(self) -> None:
        """A flow in no fingerprint matches nothing."""
        lone = [Flow("10.0.1.1", 443, (0.0,))]
        assert fitted().predict(lone, default="none").tolist() == ["none"]
        assert fitted().detect(lone).tolist() == [-1]

    @pytest.mark.parametrize(
        ("threshold", "expected"), [(None, 1), (0.5, 1), (0.6, -1), (0, 1), (1, -1)]
    )
    def test_threshold(self, threshold: float | None, expected: int) -> None:
        """A sample is known where its best similarity is at least the threshold."""
        half = [Fingerprint([*of(*MAIL), "10.9.9.9:1", "10.9.9.9:2"])]
        found = fitted().detect(half, threshold=threshold)
        assert found.dtype == np.int64
        assert found.tolist() == [expected]

    def test_wrong_threshold(self) -> None:
        """A threshold out of range is an error that names it."""
        with pytest.raises(ValueError, match="threshold is 2; it must be a number from 0 to 1"):
            fitted().detect(MAIL, threshold=2)
