"""Fingerprint files."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowprint_zeek.core.elements import in_order
from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.errors import ModelError, OutputError
from flowprint_zeek.known import KnownApp, SeenElements
from flowprint_zeek.store import Model, is_model, read, write

if TYPE_CHECKING:
    from pathlib import Path


def seen() -> SeenElements:
    """Return what a site of two devices has seen."""
    result = SeenElements()
    result.put("10.0.0.1:443", 10, 20)
    result.put("name:b.example", 5, 30)
    result.put_device("10.9.0.2", ["name:b.example", "10.0.0.1:443"])
    result.put_device("10.9.0.1", ["10.0.0.1:443"])
    return result


def model(**changes: Any) -> Model:
    """Return a model with every kind of element and label."""
    apps = [
        KnownApp(("10.0.0.2:80", "[2001:db8::1]:443"), 7, 3, Counter({"b": 4, "a": 4}), 10, 30),
        KnownApp(("10.0.0.1:443", "cert:" + "ab" * 32, "name:b.example"), 5, 1, Counter(), -9, -9),
        KnownApp(("name:c.example",), 2, 1, Counter({1: 2})),
    ]
    parameters = Parameters(120.0, 15.0, 0.25, 0.5, scheme="names", activity="ends")
    return replace(Model(parameters, 0.0, "sha256", apps, seen()), **changes)


def facts(one: Model) -> tuple[object, ...]:
    """Return what a model holds, to compare."""
    apps = sorted(one.apps, key=lambda app: app.elements)
    held = None if one.seen is None else (list(one.seen), list(one.seen.devices()))
    return one.parameters, one.threshold, one.certificate, apps, held


class TestRoundTrip:
    def test_all_comes_back(self, tmp_path: Path) -> None:
        """Reading gives what was written."""
        write(tmp_path / "m.json", model())
        assert facts(read(tmp_path / "m.json")) == facts(model())

    def test_without_seen(self, tmp_path: Path) -> None:
        """A model that does not say what was seen comes back so."""
        write(tmp_path / "m.json", model(seen=None, certificate="serial"))
        assert facts(read(tmp_path / "m.json")) == facts(model(seen=None, certificate="serial"))

    def test_no_fingerprints(self, tmp_path: Path) -> None:
        """An empty model is a model."""
        write(tmp_path / "m.json", Model(seen=SeenElements()))
        assert facts(read(tmp_path / "m.json")) == facts(Model(seen=SeenElements()))

    def test_bytes_are_stable(self, tmp_path: Path) -> None:
        """The same model gives the same bytes: again, re-read, and in another order."""
        one, other, mixed = tmp_path / "one", tmp_path / "other", tmp_path / "mixed"
        write(one, model())
        write(other, read(one))
        turned = model(apps=model().apps[::-1])
        turned.apps[-1].labels = Counter({"a": 4, "b": 4})
        write(mixed, turned)
        assert one.read_bytes() == other.read_bytes() == mixed.read_bytes()

    @settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        st.lists(
            st.tuples(
                st.sets(
                    st.sampled_from(["10.0.0.1:1", "[::1]:2", "cert:ab", "name:x", "name:\\x0a"]),
                    min_size=1,
                ),
                st.integers(0, 9),
                st.dictionaries(st.text() | st.integers(), st.integers(1, 9)),
            ),
            unique_by=lambda app: frozenset(app[0]),
        )
    )
    def test_any_apps(
        self, tmp_path: Path, apps: list[tuple[set[str], int, dict[str | int, int]]]
    ) -> None:
        """Fingerprints with any labels come back, whatever characters they hold."""
        known = [KnownApp(in_order(e), n, 1, Counter(labels)) for e, n, labels in apps]
        write(tmp_path / "m.json", Model(apps=known))
        assert facts(read(tmp_path / "m.json")) == facts(Model(apps=known))

    def test_one_line_each(self, tmp_path: Path) -> None:
        """Each fingerprint, element and device has a line of its own."""
        write(tmp_path / "m.json", model())
        lines = (tmp_path / "m.json").read_text(encoding="ascii").splitlines()
        assert len(lines) == 1 + 3 + 1 + 2 + 1 + 2 + 1
        assert is_model(tmp_path / "m.json")


class TestAtomic:
    @pytest.fixture
    def old(self, tmp_path: Path) -> Path:
        """Return a model file to be replaced."""
        path = tmp_path / "m.json"
        write(path, model())
        return path

    @pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
    def test_an_error_leaves_the_old_file(
        self, old: Path, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A disk that is full in the middle leaves the old file and nothing beside it."""
        before = old.read_bytes()

        def full(*_: object) -> None:
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(step, full)
        with pytest.raises(OutputError, match=r"m\.json: cannot be written: No space left"):
            write(old, Model())
        assert old.read_bytes() == before
        assert list(old.parent.iterdir()) == [old]

    @pytest.mark.parametrize("below", ["none/m.json", "m.json/m.json"])
    def test_no_folder(self, old: Path, below: str) -> None:
        """Where no file can be, the error says so."""
        with pytest.raises(OutputError, match=r"cannot be written: (No such|Not a dir)"):
            write(old.parent / below, Model())


def document(**changes: object) -> dict[str, object]:
    """Return a file of ours with one fingerprint, changed."""
    one = {"destinations": [["10.0.0.1", 443]], "certificates": [], "names": [], "n_flows": 2}
    head = {"format": 1, "batch": 300, "window": 30, "fingerprints": [[one, None]]}
    return {key: value for key, value in (head | changes).items() if value is not ...}


def fingerprint(**holder: object) -> dict[str, object]:
    """Return a file of ours whose fingerprint holds something."""
    return document(fingerprints=[[holder, None]])


DAMAGED: list[tuple[str, object, str]] = [
    ("newer", document(format=2), "has format 2; this release reads format 1 and upstream's"),
    ("format", document(format="x"), "has format 'x'; this release reads"),
    ("foreign", {"batch": 300}, 'is no fingerprint file: it has no "fingerprints"'),
    ("list", [1, 2], 'is no fingerprint file: it has no "fingerprints"'),
    ("batch", document(batch="300"), "is damaged: batch is '300'"),
    ("zero", document(batch=0), "is damaged: batch and window must be over 0"),
    ("long", document(window=4e9), "batch and window must be over 0, up to 36500 days"),
    ("nan", document(window=float("nan")), "is damaged: window is nan"),
    ("huge", document(batch=10**400), "is damaged: batch is 1000"),
    ("true", document(threshold=True), "is damaged: threshold is True"),
    ("scheme", document(scheme="x"), "is damaged: scheme is 'x'; known are names, paper"),
    ("kind", document(certificate="md5"), "certificate is 'md5'; known are sha256, serial"),
    ("activity", document(activity=1), "is damaged: activity is 1"),
    ("fingerprints", document(fingerprints={}), "is damaged: fingerprints is {}"),
    ("pair", document(fingerprints=[[{}]]), r"is damaged: fingerprints holds \[{}\]"),
    ("label", document(fingerprints=[[{}, 0.5]]), "is damaged: labels holds"),
    ("destination", fingerprint(destinations=["x"]), "is damaged: destinations holds x"),
    ("port", fingerprint(destinations=[["10.0.0.1", 70_000]]), "holds the port 70000"),
    ("flag", fingerprint(destinations=[["10.0.0.1", True]]), "holds the port True"),
    ("address", fingerprint(destinations=[["\x1b[31m", 1]]), r"an element is '\\x1b\[31m'"),
    ("element", fingerprint(certificates=[[]]), r"is damaged: an element is '\[\]'"),
    ("line", fingerprint(certificates=["a\nb"]), r"is damaged: an element is 'a\\nb'"),
    ("surrogate", fingerprint(names=["\ud800"]), "is damaged: .*surrogates not allowed"),
    ("flows", fingerprint(n_flows=-1), "is damaged: n_flows is -1"),
    ("first", fingerprint(first="x"), "is damaged: first is 'x'"),
    ("labels", fingerprint(labels={"a": 1}), "is damaged: labels is {'a': 1}"),
    ("count", fingerprint(labels=[["a", 0]]), r"is damaged: labels holds \['a', 0\]"),
    ("counts", fingerprint(labels=[["a", "b"]]), "is damaged: labels holds"),
    ("seen", document(seen=[]), "is damaged: seen is no object"),
    (
        "devices",
        document(seen={"elements": [], "devices": [["a", [0]]]}),
        "is damaged: devices of seen holds",
    ),
    ("elements", document(seen={"elements": [["a"]]}), "is damaged: elements of seen holds"),
    ("times", document(seen={"elements": [["a", float("inf"), 0]]}), "elements of seen holds"),
    (
        "number",
        document(seen={"elements": [["a", 1, 1]], "devices": [["d", [-1]]]}),
        "of seen holds",
    ),
    ("no devices", document(seen={"elements": []}), "is damaged: devices is None"),
]


class TestDamage:
    @pytest.mark.parametrize(("name", "content", "message"), DAMAGED, ids=[d[0] for d in DAMAGED])
    def test_what_is_wrong(self, tmp_path: Path, name: str, content: object, message: str) -> None:
        """A file that is damaged, foreign or newer is an error that names it and what is wrong."""
        path = tmp_path / f"{name}.json"
        path.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(ModelError, match=message) as caught:
            read(path)
        assert caught.value.path == path

    @pytest.mark.parametrize(
        ("raw", "message"),
        [
            (b"", "is damaged: Expecting value"),
            (b'{"fingerprints":\n [', "cut.json:2: is damaged: Expecting value"),
            (b"\x1f\x8b\x08", "is no fingerprint file: not UTF-8"),
            (b"[" * 200_000, "is damaged: maximum recursion"),
            (b'{"fingerprints": [], "batch": ' + b"9" * 5_000 + b"}", "is damaged: Exceeds"),
        ],
        ids=["empty", "cut", "gzip", "deep", "digits"],
    )
    def test_what_is_no_json(self, tmp_path: Path, raw: bytes, message: str) -> None:
        """A file that is no JSON is an error that names it, and the line where it is known."""
        path = tmp_path / "cut.json"
        path.write_bytes(raw)
        with pytest.raises(ModelError, match=message):
            read(path)

    def test_a_whole_file_is_read(self, tmp_path: Path) -> None:
        """The file that the damage above is done to is in order."""
        path = tmp_path / "m.json"
        path.write_text(json.dumps(document()), encoding="utf-8")
        assert [app.elements for app in read(path).apps] == [("10.0.0.1:443",)]

    def test_a_log_is_no_model(self, tmp_path: Path) -> None:
        """A JSON log, and a file that is not there, do not look like models."""
        (tmp_path / "conn.log").write_text('{"ts": 1, "uid": "C"}\n', encoding="utf-8")
        assert not is_model(tmp_path / "conn.log")
        assert not is_model(tmp_path / "none")


def upstream(path: Path, *pairs: tuple[dict[str, object], object]) -> Model:
    """Read fingerprints from a file in upstream's format."""
    head = {"batch": 300, "window": 30, "correlation": 0.1, "similarity": 0.9, "threshold": 0.1}
    path.write_text(json.dumps(head | {"fingerprints": pairs}), encoding="utf-8")
    return read(path)


class TestUpstream:
    def test_elements(self, tmp_path: Path) -> None:
        """Serial numbers become text, None is no element, and IPv6 stands in brackets."""
        holder = {
            "certificates": [None, 2**70, 15],
            "destinations": [["2001:db8::1", 53], ["10.0.0.1", 443]],
            "n_flows": 3,
        }
        found = upstream(tmp_path / "u.json", (holder, "mail"))
        assert found.certificate == "serial"
        assert found.apps[0].elements == (
            *("10.0.0.1:443", "[2001:db8::1]:53", "cert:1180591620717411303424", "cert:15"),
        )
        assert found.apps[0].labels == Counter({"mail": 3})

    @pytest.mark.parametrize(
        ("labels", "expected"),
        [
            ([1, 1], [None, None]),
            ([1, "mail"], [None, "mail"]),
            ([1, 0], [1, 0]),
            ([2, 2], [2, 2]),
            ([None, "mail"], [None, "mail"]),
        ],
    )
    def test_labels(self, tmp_path: Path, labels: list[object], expected: list[object]) -> None:
        """The number 1 is upstream's word for no label, unless labels are numbers."""
        holders: list[dict[str, object]] = [{"destinations": [["10.0.0.1", n]]} for n in (1, 2)]
        found = upstream(tmp_path / "u.json", *zip(holders, labels, strict=True))
        assert [app.majority for app in found.apps] == expected

    def test_what_it_says(self, tmp_path: Path) -> None:
        """What a file does not say is a default, and known to be one."""
        found = upstream(tmp_path / "u.json")
        assert found.parameters == Parameters()
        assert "batch" in found.stated
        assert "activity" not in found.stated
        assert found.seen is None
