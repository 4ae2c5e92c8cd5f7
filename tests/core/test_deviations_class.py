"""Where our `FlowPrint` answers otherwise than upstream's: both answers, one deviation a test.

docs/parity.md says why.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from sklearn.exceptions import NotFittedError  # type: ignore[import-untyped] # it has no type hints

from flowprint_zeek import Fingerprint, FlowPrint
from tests.core import upstream
from tests.core.test_deviations import letters, to, together

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from flowprint_zeek import Flow

APP, STRANGER, LONE = together("ab", 0), together("cd", 0), [to("e", 0)]


@pytest.fixture
def patched() -> Iterator[None]:
    """Let upstream skip the certificate None."""
    with upstream.without_none():
        yield


def theirs(flows: list[Flow], labels: list[str] | None = None) -> Any:
    """Return upstream's class, fitted."""
    return upstream.FlowPrint().fit(upstream.samples(flows), labels)


def asked(flows: list[Flow]) -> Any:
    """Return the fingerprints that upstream's methods take."""
    return upstream.FlowPrint().fingerprint(upstream.samples(flows))


class TestNone:
    def test_none_is_no_element(self) -> None:
        """Upstream's strangers share the element None: their similarity is 1/5."""
        assert [1, 1] == theirs(APP).detect(asked(STRANGER)).tolist()
        assert [-1, -1] == FlowPrint().fit(APP).detect(STRANGER).tolist()

    def test_none_is_lost_when_saved(self, tmp_path: Path) -> None:
        """Upstream's answers change when its model is saved and loaded, ours do not."""
        theirs(APP).save(str(tmp_path / "theirs.json"))
        FlowPrint().fit(APP).save(tmp_path / "ours.json")
        loaded, kept = upstream.FlowPrint(), FlowPrint()
        loaded.load(str(tmp_path / "theirs.json"))
        kept.load(tmp_path / "ours.json")

        assert [1, 1] == theirs(APP).detect(asked(STRANGER)).tolist()
        assert [-1, -1] == loaded.detect(asked(STRANGER)).tolist()
        assert [-1, -1] == kept.detect(STRANGER).tolist()


@pytest.mark.usefixtures("patched")
class TestLearning:
    def test_empty_is_unassigned(self) -> None:
        """Upstream learns the empty fingerprint as an app, which even itself does not match."""
        learned = theirs(LONE, ["alone"])

        assert [("", "alone")] == [(*letters([fp]), y) for fp, y in learned.fingerprints.items()]
        assert [-1] == learned.detect(asked(LONE)).tolist()
        assert {} == FlowPrint().fit(LONE, ["alone"]).fingerprints

    def test_without_labels(self) -> None:
        """Upstream's word for no label is the number 1."""
        assert [1] == list(theirs(APP).fingerprints.values())
        assert [None] == list(FlowPrint().fit(APP).fingerprints.values())

    def test_label_ties(self) -> None:
        """Of labels of as many flows upstream takes the first that came, we the lowest."""
        assert ["web"] == list(theirs(APP, ["web", "mail"]).fingerprints.values())
        assert ["mail"] == list(FlowPrint().fit(APP, ["web", "mail"]).fingerprints.values())

    def test_update_adds_labels_up(self) -> None:
        """Upstream cannot label a fingerprint again; we add up the flows of each label."""
        with pytest.raises(ValueError, match="Not implemented yet"):
            theirs(APP, ["web"] * 2).update(upstream.samples(APP), ["mail"] * 2)
        model = FlowPrint().fit(APP, ["web"] * 2).update(APP * 2, ["mail"] * 4)
        assert ["mail"] == list(model.fingerprints.values())


@pytest.mark.usefixtures("patched")
class TestAnswers:
    def test_threshold_of_zero(self) -> None:
        """Upstream takes a threshold of 0 for none given, and its default of 0.1."""
        assert [-1, -1] == theirs(APP).detect(asked(STRANGER), threshold=0).tolist()
        assert [1, 1] == FlowPrint().fit(APP).detect(STRANGER, threshold=0).tolist()

    def test_matching_ties(self) -> None:
        """Of fingerprints equally similar upstream takes what a set yields first, we most flows."""
        known = [*together("ab", 0), *together("cd", 100), to("d", 101)]
        labels = ["mail", "mail", "web", "web", "web"]
        query = together("ac", 0)

        assert set(theirs(known, labels).recognize(asked(query))) in ({"mail"}, {"web"})
        assert {"web"} == set(FlowPrint().fit(known, labels).recognize(query))

    def test_samples_may_be_flows(self) -> None:
        """Upstream compares fingerprints only; we fingerprint flows first."""
        with pytest.raises(TypeError, match="'Flow' object is not iterable"):
            theirs(APP).predict(upstream.samples(APP))
        assert ["ab", "ab"] == letters(FlowPrint().fit(APP).predict(APP))

    def test_nothing_known(self) -> None:
        """Upstream fails in max(); we say that nothing was learned, or answer with nothing."""
        with pytest.raises(ValueError, match="empty"):
            upstream.FlowPrint().predict(asked(APP))
        with pytest.raises(NotFittedError):
            FlowPrint().predict(APP)
        assert ["", ""] == letters(FlowPrint().fit(LONE).predict(APP))


@pytest.mark.usefixtures("patched")
class TestFiles:
    @pytest.fixture
    def file(self, tmp_path: Path) -> str:
        """Write a labelled model that both can read."""
        theirs(APP, ["mail"] * 2).save(str(tmp_path / "model.json"))
        return str(tmp_path / "model.json")

    def test_loaded_labels(self, file: str) -> None:
        """Upstream's labels become sets when they are loaded."""
        model = upstream.FlowPrint()

        assert [{"mail"}] == list(model.load(file).values())
        assert [{"mail"}, {"mail"}] == model.recognize(asked(APP)).tolist()
        assert ["mail"] == list(FlowPrint().load(file).values())

    def test_loading_beside_labels(self, file: str) -> None:
        """Upstream cannot load a fingerprint that it has learned with a label."""
        with pytest.raises(TypeError, match="unsupported operand"):
            theirs(APP, ["mail"] * 2).load(file)
        model = FlowPrint().fit(APP, ["web"] * 2)
        model.load(file)
        assert ["mail"] == list(model.fingerprints.values())

    def test_labels_of_others(self, tmp_path: Path) -> None:
        """Upstream labels a fingerprint that it has not learned with the name of the file."""
        file = tmp_path / "model.json"
        upstream.FlowPrint().save(str(file), list(asked(APP)))
        assert [{str(file)}] == list(upstream.FlowPrint().load(str(file)).values())

        FlowPrint().save(file, [Fingerprint(("10.0.0.1:443",))])
        assert [None] == list(FlowPrint().load(file).values())
