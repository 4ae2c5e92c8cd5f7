"""The FingerprintGenerator, and how FlowPrint uses it."""

from __future__ import annotations

from inspect import signature
from typing import TYPE_CHECKING

import networkx as nx
import pytest
from sklearn.base import clone  # type: ignore[import-untyped] # it has no type hints

from flowprint_zeek import Fingerprint, FingerprintGenerator, FlowPrint
from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.core.flows import SECOND, Flow, flow_table
from tests.test_model import CHAT, FLOWS, MAIL, PARAMETERS, app, fitted, of

if TYPE_CHECKING:
    from pathlib import Path


class TestParameters:
    def test_those_of_flowprint(self) -> None:
        """Names, order and defaults are those of FlowPrint without the threshold."""
        of_flowprint = dict(signature(FlowPrint).parameters)
        del of_flowprint["threshold"]
        assert dict(signature(FingerprintGenerator).parameters) == of_flowprint

    def test_defaults_are_the_algorithms(self) -> None:
        """The defaults are those of the algorithm, the paper's Table III."""
        assert FingerprintGenerator().parameters() == Parameters()

    def test_a_method_of_flowprint_takes_the_present_ones(self) -> None:
        """Parameters set later count from then on, in FlowPrint and in its generator."""
        model = FlowPrint(**PARAMETERS)
        assert len(set(model.fingerprint(FLOWS))) == 3
        model.set_params(correlation=0)
        assert set(model.fingerprint(FLOWS)) == {of(*FLOWS)}
        assert model.fingerprinter.correlation == 0

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            *(("batch", 7), ("window", 2), ("correlation", 0), ("similarity", 0.25)),
            *(("scheme", "names"), ("origin", "epoch"), ("activity", "interval")),
            ("clique_budget", 3),
        ],
    )
    def test_each_reaches_the_generator(self, name: str, value: object) -> None:
        """Every parameter of an estimator is that of its generator."""
        made = FlowPrint().set_params(**{name: value}).fingerprinter
        expected = FingerprintGenerator().set_params(**{name: value})
        assert made.get_params() == expected.get_params()

    def test_a_generator_is_nobodys(self) -> None:
        """Changing the generator that an estimator handed out changes nothing in it."""
        model = fitted()
        model.fingerprinter.set_params(batch=1)
        assert model.fingerprinter.batch == 300


class Counting(FlowPrint):
    """An estimator that takes fewer parameters than FlowPrint, and one of its own."""

    def __init__(self, window: float = 30, times: int = 1) -> None:
        super().__init__(window=window)
        self.times = times


class TestSubclass:
    def test_its_own_parameter_is_not_the_generators(self) -> None:
        """The generator of an estimator with other parameters has those that both have."""
        made = clone(Counting(window=20, times=3)).fingerprinter
        assert made.get_params() == FingerprintGenerator(window=20).get_params()

    def test_loaded_parameters(self, tmp_path: Path) -> None:
        """Such an estimator takes over all parameters of a file."""
        file = tmp_path / "model.json"
        fitted(batch=60, window=7, threshold=0.5).save(file)
        model = Counting()
        model.load(file, parameters=True)
        assert (model.batch, model.window, model.threshold) == (60, 7, 0.5)


class TestFitPredict:
    def test_one_for_each_flow(self) -> None:
        """Each flow gets the fingerprint that it is part of, in the order of the flows."""
        found = FingerprintGenerator(**PARAMETERS).fit_predict([CHAT[0], *MAIL, *CHAT[1:]])
        assert found.tolist() == [of(*CHAT), of(*MAIL), of(*MAIL), of(*CHAT), of(*CHAT)]

    def test_labels_are_ignored(self) -> None:
        """Labels, even wrong ones, change nothing."""
        made = FingerprintGenerator()
        assert made.fit_predict(MAIL, [object()]).tolist() == made.fit_predict(MAIL).tolist()

    def test_fingerprints_are_no_flows(self) -> None:
        """Fingerprints are made of flows, not of fingerprints."""
        with pytest.raises(TypeError, match="not of Fingerprint"):
            FingerprintGenerator().fit_predict([of(*MAIL)])  # type: ignore[list-item] # on purpose


class TestColumns:
    def test_found_in(self) -> None:
        """The columns hold what fit_predict gives as values."""
        table = flow_table([*MAIL, *app(1, 900.0)])
        made = FingerprintGenerator()
        found = made.found_in(table)
        assert [Fingerprint(one) for one in found.elements()] == [of(*MAIL)]
        assert found.n_flows.tolist() == [one.n_flows for one in made.fit_predict(table)[:1]]

    def test_origin_of(self) -> None:
        """Time is counted from the first packet of the table, or from the epoch."""
        table = flow_table([*app(1, 9.0), *app(2, 7.0)])
        assert FingerprintGenerator().origin_of(table) == 7 * SECOND
        assert FingerprintGenerator(origin="epoch").origin_of(table) == 0
        assert FingerprintGenerator().origin_of(table[:0]) == 0

    def test_correlation_graph(self) -> None:
        """The graph is that of FlowPrint, and can be written as JSON."""
        graph = FingerprintGenerator().correlation_graph(FLOWS)
        assert nx.utils.graphs_equal(graph, FlowPrint().correlation_graph(FLOWS))
        assert graph.number_of_nodes() == 3


def test_batches_begin_with_a_window_where_windows_are_told() -> None:
    """The first packet lies inside the first window, which is all that is known of it."""
    table = flow_table([Flow("192.0.2.1", 443, (310.0, 355.0))]).drop(columns="times")
    told = table.assign(windows="30000000:0,1")
    assert FingerprintGenerator().origin_of(table) == 310 * SECOND
    assert FingerprintGenerator().origin_of(told) == 300 * SECOND
    assert FingerprintGenerator().origin_of(told.assign(windows="")) == 310 * SECOND
