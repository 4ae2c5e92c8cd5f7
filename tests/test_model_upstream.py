"""Fingerprint files both ways between ours and upstream, the published package."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowprint_zeek import Fingerprint, Flow, FlowPrint
from flowprint_zeek.errors import ModelError
from tests.core import upstream
from tests.test_model import CHAT, FLOWS, GAME, LABELS, MAIL, PARAMETERS, fitted, of

if TYPE_CHECKING:
    from pathlib import Path

SERIALS: list[list[str | None]] = [["255", "17"], [None, "99"], [None, None]]
CERTIFIED = [
    Flow(f"10.0.{host}.{n}", 443, (100.0 * host, 100.0 * host + 40), serial)
    for host, serials in enumerate(SERIALS)
    for n, serial in enumerate(serials)
]
BANK = Fingerprint(["10.0.0.0:443", "10.0.0.1:443", "cert:17", "cert:255"])
SHOP = Fingerprint(["10.0.1.0:443", "10.0.1.1:443", "cert:99"])
NEWS = Fingerprint(["10.0.2.0:443", "10.0.2.1:443"])


def theirs(flows: list[Flow], labels: list[Any] | None = None, **parameters: Any) -> Any:
    """Return upstream's estimator fitted; its certificates are serial numbers."""
    samples = upstream.samples(flows)
    for one in samples:
        one.certificate = None if one.certificate is None else int(one.certificate)
    return upstream.FlowPrint(**(PARAMETERS | parameters)).fit(samples, labels)


class TestOursReadsUpstreams:
    def test_labelled(self, tmp_path: Path) -> None:
        """Fingerprints, labels and flows come over; the certificate None stays behind."""
        model = theirs(CERTIFIED, ["bank", "bank", "shop", "shop", "news", "news"])
        assert sum(None in one for one in model.fingerprints) == 2
        model.save(tmp_path / "u.json")
        loaded = FlowPrint().load(tmp_path / "u.json")
        assert loaded == {BANK: "bank", SHOP: "shop", NEWS: "news"}
        assert [one.n_flows for one in loaded] == [2, 2, 2]

    def test_unlabelled(self, tmp_path: Path) -> None:
        """Upstream's label of fingerprints without labels is none."""
        theirs(CERTIFIED).save(tmp_path / "u.json")
        assert FlowPrint().load(tmp_path / "u.json") == dict.fromkeys((BANK, SHOP, NEWS))

    def test_parameters(self, tmp_path: Path) -> None:
        """Its parameters are ours where they are asked for."""
        given: dict[str, Any] = {"batch": 120, "window": 15, "correlation": 0.3, "similarity": 0.8}
        theirs(CERTIFIED, threshold=0.4, **given).save(tmp_path / "u.json")
        model = FlowPrint()
        model.load(tmp_path / "u.json", parameters=True)
        assert model.get_params() == FlowPrint(threshold=0.4, **given).get_params()

    def test_chosen_fingerprints(self, tmp_path: Path) -> None:
        """Fingerprints that upstream did not know have the name of its file for a label."""
        file = str(tmp_path / "u.json")
        other = theirs(FLOWS).fingerprints
        theirs(CERTIFIED).save(file, list(other))
        assert FlowPrint().load(file) == dict.fromkeys((of(*MAIL), of(*CHAT), of(*GAME)), file)

    def test_flows_in_no_fingerprint(self, tmp_path: Path) -> None:
        """The empty fingerprint that upstream gives a flow alone is none of ours."""
        model = theirs(MAIL[:1], ["mail"])
        assert [len(one) for one in model.fingerprints] == [0]
        model.save(tmp_path / "u.json")
        assert FlowPrint().load(tmp_path / "u.json") == {}

    def test_fingerprints_that_differ_in_none(self, tmp_path: Path) -> None:
        """Two of upstream that differ in the certificate None only are one; their flows add up."""
        pairs = [[{"destinations": [["10.0.0.1", 1]], "n_flows": n}, "a"] for n in (2, 3)]
        pairs[1][0]["certificates"] = [None]  # type: ignore[index] # a dictionary
        (tmp_path / "u.json").write_text(json.dumps({"fingerprints": pairs}), encoding="utf-8")
        (one,) = FlowPrint().load(tmp_path / "u.json")
        assert one.n_flows == 5

    @pytest.mark.parametrize("how", ["numbers", "loaded"])
    def test_what_upstream_cannot_save(self, tmp_path: Path, how: str) -> None:
        """Labels of NumPy's numbers, and sets of labels, leave a cut file, which is refused."""
        model = theirs(FLOWS, [3] * len(FLOWS))
        if how == "loaded":
            theirs(FLOWS, LABELS).save(tmp_path / "good.json")
            model = upstream.FlowPrint()
            model.load(tmp_path / "good.json")
        with pytest.raises(TypeError, match="not JSON serializable"):
            model.save(tmp_path / "u.json")
        with pytest.raises(ModelError, match=r"u\.json:1: is damaged: Expecting value"):
            FlowPrint().load(tmp_path / "u.json")

    def test_there_and_back(self, tmp_path: Path) -> None:
        """What upstream saved and ours saved again, upstream reads as what it was."""
        model = theirs(CERTIFIED, ["bank", "bank", "shop", "shop", "news", "news"])
        model.save(tmp_path / "u.json")
        ours = FlowPrint()
        ours.load(tmp_path / "u.json", parameters=True)
        ours.save(tmp_path / "ours.json")
        assert read(tmp_path / "ours.json") == {
            (BANK, 2): {"bank"},
            (SHOP, 2): {"shop"},
            (NEWS, 2): {"news"},
        }


def read(path: Path) -> dict[tuple[Fingerprint, int], set[Any]]:
    """Return what upstream loads, its fingerprints as ours with their flows."""
    found = upstream.FlowPrint().load(path)
    return {(Fingerprint.from_dict(one.to_dict()), one.n_flows): set(found[one]) for one in found}


class TestUpstreamReadsOurs:
    def test_paper(self, tmp_path: Path) -> None:
        """Under the scheme of the paper upstream has all fingerprints, flows and labels."""
        model = FlowPrint(**PARAMETERS).fit(CERTIFIED, [*("bank",) * 2, "shop", None, None, None])
        model.save(tmp_path / "m.json")
        assert read(tmp_path / "m.json") == {
            (BANK, 2): {"bank"},
            (SHOP, 2): {"shop"},
            (NEWS, 2): {None},
        }

    def test_parameters(self, tmp_path: Path) -> None:
        """Upstream takes over our parameters, 0 too."""
        given: dict[str, Any] = {"batch": 120, "window": 15, "correlation": 0, "threshold": 0}
        FlowPrint(similarity=0.5, **given).fit([]).save(tmp_path / "m.json")
        model = upstream.FlowPrint()
        model.load(tmp_path / "m.json", parameters=True)
        assert {key: getattr(model, key) for key in given} == given
        assert model.similarity == 0.5

    def test_names(self, tmp_path: Path) -> None:
        """Of a model of names upstream sees the endpoints; apps of names alone become one."""
        flows = [
            *(Flow(f"10.0.1.{n}", 443, (0.0, 40.0), name=f"m{n}.example") for n in (1, 2)),
            *(Flow(f"10.0.2.{n}", 443, (100.0, 140.0), name=f"c{n}.example") for n in (1, 2)),
            *GAME,
        ]
        model = FlowPrint(scheme="names", **PARAMETERS)
        model.fit(flows, ["mail", "mail", "chat", "chat", "game", "game"])
        model.save(tmp_path / "m.json")
        assert len(model.fingerprints) == 3
        assert read(tmp_path / "m.json") == {
            (Fingerprint(), 2): {"mail", "chat"},
            (of(*GAME), 2): {"game"},
        }

    def test_recognizes_the_same(self, tmp_path: Path) -> None:
        """Upstream recognises and detects our fingerprints as we do."""
        fitted().save(tmp_path / "m.json")
        model = upstream.FlowPrint()
        model.load(tmp_path / "m.json")
        samples = [of(*MAIL), of(*CHAT[:2], MAIL[0]), of(GAME[0], Flow("10.9.9.9", 1, (0.0,)))]
        others = [upstream.Fingerprint().from_dict(one.to_dict()) for one in samples]
        assert fitted().recognize(samples).tolist() == ["mail", "chat", "game"]
        assert model.recognize(others).tolist() == [{"mail"}, {"chat"}, {"game"}]


ELEMENTS = st.sampled_from([f"10.0.0.{n}:443" for n in range(6)] + [f"cert:{n}" for n in range(4)])
PRINTS = st.frozensets(ELEMENTS, min_size=1, max_size=6)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    known=st.lists(PRINTS, min_size=1, max_size=6, unique=True),
    samples=st.lists(PRINTS, min_size=1, max_size=6),
    threshold=st.sampled_from([0.1, 0.25, 0.5, 1.0]),
)
def test_answers_of_a_shared_file(
    tmp_path: Path, known: list[frozenset[str]], samples: list[frozenset[str]], threshold: float
) -> None:
    """With one file both detect the same, and recognise the same but for ties."""
    labels = {Fingerprint(one, n_flows): f"app{n_flows}" for n_flows, one in enumerate(known)}
    FlowPrint().save(tmp_path / "m.json", labels)
    ours, other = FlowPrint(), upstream.FlowPrint()
    ours.load(tmp_path / "m.json")
    other.load(tmp_path / "m.json")
    mine = [Fingerprint(one) for one in samples]
    theirs = [upstream.Fingerprint().from_dict(one.to_dict()) for one in mine]

    assert ours.detect(mine, threshold=threshold).tolist() == (
        other.detect(theirs, threshold=threshold).tolist()
    )
    for one, label, found in zip(mine, ours.recognize(mine), other.recognize(theirs), strict=True):
        best = max(one.compare(app) for app in labels)
        nearest = {label for app, label in labels.items() if one.compare(app) == best}
        assert label in nearest
        assert found <= nearest
