"""Fingerprint files of the FlowPrint estimator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from flowprint_zeek import Fingerprint, FlowPrint, store
from flowprint_zeek.core.flows import flow_table
from flowprint_zeek.errors import ModelError, OutputError
from flowprint_zeek.seen import SeenElements
from tests.test_model import CHAT, FLOWS, GAME, LABELS, MAIL, PARAMETERS, certified, fitted, of

if TYPE_CHECKING:
    from pathlib import Path

UPSTREAM = {
    "batch": 120,
    "window": 15,
    "correlation": 0.3,
    "similarity": 0.8,
    "threshold": 0.4,
    "fingerprints": [
        [
            {
                "certificates": [255, None],
                "destinations": [["10.0.1.2", 443], ["10.0.1.1", 443]],
                "n_flows": 4,
            },
            "mail",
        ],
        [{"certificates": [], "destinations": [["10.0.3.1", 443]], "n_flows": 2}, 1],
    ],
}


def upstream(folder: Path, **changes: object) -> Path:
    """Write a file in upstream's format."""
    path = folder / f"upstream{len(list(folder.iterdir()))}.json"
    path.write_text(json.dumps(UPSTREAM | changes), encoding="utf-8")
    return path


class TestFiles:
    def test_round_trip(self, tmp_path: Path) -> None:
        """What is saved comes back, and answers the same."""
        model = fitted()
        model.save(tmp_path / "m.json")
        again = FlowPrint(**PARAMETERS)
        assert again.load(tmp_path / "m.json") == model.fingerprints == again.fingerprints
        assert again.recognize(FLOWS).tolist() == LABELS

    def test_numbers_come_back(self, tmp_path: Path) -> None:
        """Labels that are numbers, 1 and 0 too, survive a file."""
        FlowPrint(**PARAMETERS).fit(FLOWS, [0, 0, 1, 1, 1, 2, 2]).save(tmp_path / "m.json")
        loaded = FlowPrint().load(str(tmp_path / "m.json"))
        assert loaded == {of(*CHAT): 1, of(*MAIL): 0, of(*GAME): 2}

    def test_load_update_save(self, tmp_path: Path) -> None:
        """Counts go on from a file: half of the labels there, half learned after."""
        file = tmp_path / "m.json"
        FlowPrint().fit(MAIL, ["x", "x"]).save(file)
        model = FlowPrint()
        model.load(file)
        model.update([*MAIL, *MAIL], ["y"] * 4).save(file)
        assert FlowPrint().load(file) == {of(*MAIL): "y"}
        assert [one.n_flows for one in FlowPrint().load(file)] == [6]

    def test_update_of_upstreams(self, tmp_path: Path) -> None:
        """Flows are learned beside upstream's fingerprints."""
        model = FlowPrint()
        model.load(upstream(tmp_path))
        model.update(CHAT, ["chat"] * 3).save(tmp_path / "m.json")
        assert sorted(map(str, FlowPrint().load(tmp_path / "m.json").values())) == [
            *("None", "chat", "mail"),
        ]

    def test_parameters(self, tmp_path: Path) -> None:
        """Parameters are taken over when asked for, and only those that the file says."""
        model = FlowPrint(activity="interval", clique_budget=5)
        model.load(upstream(tmp_path), store=False, parameters=True)
        assert model.get_params() == {
            "batch": 120,
            "window": 15,
            "correlation": 0.3,
            "similarity": 0.8,
            "threshold": 0.4,
            "scheme": "paper",
            "origin": "first",
            "activity": "interval",
            "clique_budget": 5,
        }

    def test_parameters_stay(self, tmp_path: Path) -> None:
        """Without being asked for, parameters stay as they are."""
        model = FlowPrint()
        model.load(upstream(tmp_path))
        assert model.get_params() == FlowPrint().get_params()

    def test_contradicting_parameters(self, tmp_path: Path) -> None:
        """Files of different parameters are an error that names the key and both values."""
        one, other = upstream(tmp_path), upstream(tmp_path, window=20)
        with pytest.raises(ModelError, match=rf"{other}: window is 20.0, but 15.0 in {one}"):
            FlowPrint().load(one, other, parameters=True)
        assert len(FlowPrint().load(one, other)) == 2

    def test_not_stored(self, tmp_path: Path) -> None:
        """With store=False nothing is learned."""
        model = fitted()
        assert len(model.load(upstream(tmp_path), store=False)) == 2
        assert model.fingerprints == fitted().fingerprints

    def test_loading_adds(self, tmp_path: Path) -> None:
        """Fingerprints of files are added to those known, their counts too."""
        fitted().save(tmp_path / "m.json")
        model = fitted()
        model.load(tmp_path / "m.json", upstream(tmp_path))
        assert len(model.fingerprints) == 5
        assert max(one.n_flows for one in model.fingerprints) == 6

    def test_a_fingerprint_twice_in_a_file(self, tmp_path: Path) -> None:
        """Equal fingerprints of one file are one; flows and labels add up."""
        pairs = [[{"destinations": [["10.0.0.1", 1]], "n_flows": n}, n % 2] for n in (2, 3, 4)]
        model = FlowPrint()
        loaded = model.load(upstream(tmp_path, fingerprints=pairs))
        assert loaded == {Fingerprint(["10.0.0.1:1"]): 0}
        assert [one.n_flows for one in loaded] == [9]
        (known,) = model.fingerprints_.in_order()
        assert dict(known.labels) == {0: 6, 1: 3}

    def test_the_order_of_files_does_not_matter(self, tmp_path: Path) -> None:
        """Files loaded in another order save the same bytes."""
        one, other = tmp_path / "one.json", tmp_path / "other.json"
        FlowPrint().fit(MAIL, ["a", "a"]).save(one)
        FlowPrint().fit([*MAIL, *CHAT], ["b"] * 5).save(other)
        written = []
        for files in ((one, other), (other, one)):
            model = FlowPrint()
            model.load(*files)
            model.save(tmp_path / "both.json")
            written.append((tmp_path / "both.json").read_bytes())
        assert written[0] == written[1]

    def test_two_schemes(self, tmp_path: Path) -> None:
        """A model of the other scheme is an error that names both."""
        FlowPrint(scheme="names").fit(MAIL).save(tmp_path / "m.json")
        for load in (FlowPrint().load, fitted().load):
            with pytest.raises(ModelError, match=r"m\.json: scheme is 'names', but 'paper' in the"):
                load(tmp_path / "m.json")
        with pytest.raises(ModelError, match="scheme is 'names', but 'paper'"):
            fitted().load(tmp_path / "m.json", parameters=True)
        with pytest.raises(ModelError, match=r"upstream1\.json: scheme is 'paper', but 'names'"):
            FlowPrint().load(tmp_path / "m.json", upstream(tmp_path), store=False)

    def test_the_scheme_is_a_parameter(self, tmp_path: Path) -> None:
        """An estimator that knows nothing takes a file's scheme over."""
        FlowPrint(scheme="names").fit(MAIL).save(tmp_path / "m.json")
        model = FlowPrint()
        model.load(tmp_path / "m.json", parameters=True)
        assert model.scheme == "names"

    def test_two_kinds_of_certificates(self, tmp_path: Path) -> None:
        """Certificates told apart by SHA-256 and by serial number are an error naming both."""
        ours = tmp_path / "ours.json"
        model = FlowPrint().fit(certified("ab" * 32, "cd" * 32))
        model.save(ours)
        with pytest.raises(ModelError, match=r"certificate is 'serial', but 'sha256' in .*ours"):
            FlowPrint().load(ours, upstream(tmp_path))
        with pytest.raises(ModelError, match="certificate is 'serial', but 'sha256' in the est"):
            model.load(upstream(tmp_path))
        assert len(model.fingerprints) == 1

    def test_kinds_without_certificates(self, tmp_path: Path) -> None:
        """A file without certificates goes with any other."""
        FlowPrint().fit(MAIL).save(tmp_path / "ours.json")
        model = FlowPrint()
        model.load(tmp_path / "ours.json", upstream(tmp_path))
        model.save(tmp_path / "both.json")
        document = json.loads((tmp_path / "both.json").read_text(encoding="utf-8"))
        assert document["certificate"] == "serial"

    def test_chosen_fingerprints(self, tmp_path: Path) -> None:
        """Given fingerprints are saved once each; known ones with labels, empty ones never."""
        file, strange = tmp_path / "m.json", Fingerprint(["10.9.9.9:1"], 5)
        fitted().save(file, fingerprints=[of(*MAIL), strange, Fingerprint(), of(*MAIL)])
        loaded = FlowPrint().load(file)
        assert loaded == {of(*MAIL): "mail", strange: None}
        assert {one.n_flows for one in loaded} == {2, 5}

    def test_no_fingerprints_are_not_all(self, tmp_path: Path) -> None:
        """An empty choice saves none."""
        fitted().save(tmp_path / "m.json", fingerprints=[])
        assert FlowPrint().load(tmp_path / "m.json") == {}

    def test_chosen_labels(self, tmp_path: Path) -> None:
        """A mapping says the labels, also of an estimator that knows nothing."""
        FlowPrint().save(tmp_path / "m.json", {of(*MAIL): "post", of(*GAME): None})
        assert FlowPrint().load(tmp_path / "m.json") == {of(*MAIL): "post", of(*GAME): None}

    def test_labels_of_numpy(self, tmp_path: Path) -> None:
        """Labels are taken as fit takes them: NumPy's numbers are numbers, NaN is none."""
        given: Any = {of(*MAIL): np.int64(3), of(*GAME): float("nan"), of(*CHAT): np.str_("chat")}
        FlowPrint().save(tmp_path / "m.json", given)
        assert FlowPrint().load(tmp_path / "m.json") == {
            of(*MAIL): 3,
            of(*GAME): None,
            of(*CHAT): "chat",
        }

    @pytest.mark.parametrize("label", [0.5, True, {"mail"}, ["mail"], b"mail"], ids=str)
    def test_wrong_labels(self, tmp_path: Path, label: object) -> None:
        """A label that could not be read again is an error, and nothing is written."""
        wrong: Any = {of(*MAIL): label, of(*GAME): "game"}
        with pytest.raises(TypeError):
            FlowPrint().save(tmp_path / "m.json", wrong)
        assert list(tmp_path.iterdir()) == []

    def test_only_fingerprints_are_saved(self, tmp_path: Path) -> None:
        """Anything else is an error that names its type."""
        wrong: Any = ["10.0.0.1"]
        with pytest.raises(TypeError, match="must hold Fingerprint, not str"):
            FlowPrint().save(tmp_path / "m.json", wrong)

    def test_what_the_site_saw_is_kept(self, tmp_path: Path) -> None:
        """What a file says that the site has seen is in the next, with what was learned since."""
        store.write(tmp_path / "m.json", seen_model())
        model = FlowPrint()
        model.load(tmp_path / "m.json")
        model.update(flow_table(MAIL).assign(device="10.0.0.7"))
        model.save(tmp_path / "n.json")
        seen = store.read(tmp_path / "n.json").seen
        assert seen is not None
        assert [element for element, *_ in seen] == [
            *("10.0.1.1:443", "10.0.1.2:443", "name:old.example"),
        ]
        assert [device for device, _ in seen.devices()] == ["10.0.0.7", "10.0.0.8"]

    def test_a_missing_file(self, tmp_path: Path) -> None:
        """A file that is not there is named, and nothing is learned."""
        model = FlowPrint()
        with pytest.raises(ModelError, match=r"none\.json: cannot be read: No such file"):
            model.load(upstream(tmp_path), tmp_path / "none.json")
        assert not hasattr(model, "fingerprints_")

    def test_a_missing_folder(self, tmp_path: Path) -> None:
        """A file in a folder that is not there cannot be written."""
        with pytest.raises(OutputError, match="cannot be written: No such file"):
            fitted().save(tmp_path / "none" / "m.json")


def seen_model() -> store.Model:
    """Return a model of a site that has seen one name on one device."""
    seen = SeenElements()
    seen.put("name:old.example", 5, 9)
    seen.put_device("10.0.0.8", ["name:old.example"])
    return store.Model(seen=seen)
