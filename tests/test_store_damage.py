"""Fingerprint files that are damaged, foreign or of another format."""

from __future__ import annotations

import json
from contextlib import suppress
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowprint_zeek import FlowPrint
from flowprint_zeek.errors import ModelError
from flowprint_zeek.store import Model, _lines, is_model, read, write
from tests.test_store import facts, model

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def document(**changes: object) -> dict[str, object]:
    """Return a file of ours with one fingerprint, changed."""
    one = {"destinations": [["10.0.0.1", 443]], "certificates": [], "names": [], "n_flows": 2}
    head = {"format": 1, "batch": 300, "window": 30, "fingerprints": [[one, None]]}
    return {key: value for key, value in (head | changes).items() if value is not ...}


def fingerprint(**holder: object) -> dict[str, object]:
    """Return a file of ours whose fingerprint holds something."""
    return document(fingerprints=[[holder, None]])


def nested(depth: int) -> object:
    """Return a list in a list in a list."""
    value: object = []
    for _ in range(depth):
        value = [value]
    return value


def saw(*elements: object, devices: object = (), **more: object) -> dict[str, object]:
    """Return a file of ours whose site has seen something."""
    return document(seen={"elements": elements, "devices": devices} | more)


def when(last: object) -> dict[str, object]:
    """Return a file of ours that says when a device saw an element."""
    return saw(["name:a", 1, 1, 1], devices=[["d", [0]]], last=last)


DAMAGED: dict[str, tuple[object, str]] = {
    "text": (document(batch="300"), "batch is '300'; it must be a number of seconds over 0"),
    "zero": (document(batch=0), "batch is 0; it must be a number of seconds over 0, up to 36500"),
    "long": (document(window=4e9), "window is 4000000000.0; it must be .* up to 36500 days"),
    "nan": (document(window=float("nan")), "window is nan; it must be"),
    "infinity": (document(similarity=float("-inf")), "similarity is -inf; it must be a number"),
    "huge": (document(batch=10**400), r"batch is 1000.*000; it must be"),
    "true": (document(threshold=True), "threshold is True; it must be a number from 0 to 1"),
    "null": (document(correlation=None), "correlation is None; it must be a number up to 1"),
    "over": (document(threshold=1.5), "threshold is 1.5; it must be a number from 0 to 1"),
    "deep": (document(window=nested(500)), r"window is \[+\.\.\.\]+; it must be a number"),
    "scheme": (document(scheme="x"), "scheme is 'x'; it must be one of names, paper"),
    "kind": (document(certificate="x"), "certificate is 'x'; it must be one of sha256, sha1, md5,"),
    "activity": (document(activity=1), "activity is 1; it must be one of ends, interval"),
    "fingerprints": (document(fingerprints={}), "fingerprints is {}"),
    "pair": (document(fingerprints=[[{}]]), r"fingerprints holds \[{}\]"),
    "no pair": (document(fingerprints=["[{"]), r"fingerprints holds '\[{'"),
    "label": (document(fingerprints=[[{}, 0.5]]), "labels holds"),
    "true label": (document(fingerprints=[[{}, True]], format=...), "labels holds"),
    "destination": (fingerprint(destinations=["x"]), "destinations holds 'x'"),
    "port": (fingerprint(destinations=[["10.0.0.1", 70_000]]), r"holds \['10.0.0.1', 70000\]"),
    "certificate": (fingerprint(certificates=[[]]), r"certificates holds \[\]"),
    "surrogate": (fingerprint(names=["\ud800"]), "surrogates not allowed"),
    "flows": (fingerprint(n_flows=-1), "n_flows is -1"),
    "many flows": (fingerprint(n_flows=1 << 62), "n_flows is 46116"),
    "batches": (fingerprint(n_batches=-1), "n_batches is -1"),
    "first": (fingerprint(first="x"), "first is 'x'"),
    "last": (fingerprint(last=1 << 62), "last is 46116"),
    "labels": (fingerprint(labels={"a": 1}), "labels is {'a': 1}"),
    "count": (fingerprint(labels=[["a", 0]]), r"labels holds \['a', 0\]"),
    "counts": (fingerprint(labels=[["a", "b"]]), "labels holds"),
    "seen": (document(seen=[]), r"seen is \[\]"),
    "no devices": (document(seen={"elements": []}), "devices is None"),
    "element": (saw(["a"]), r"elements of seen holds \['a'\]"),
    "no element": (saw(["a", 1, 1, 1]), r"elements of seen holds \['a', 1, 1, 1\]"),
    "control": (saw(["name:\x1b[31m", 1, 1, 1]), r"elements of seen holds \['name:\\x1b"),
    "time": (saw(["name:a", float("inf"), 0, 1]), "elements of seen holds"),
    "times": (saw(["name:a", 2, 1, 1]), r"elements of seen holds \['name:a', 2, 1, 1\]"),
    "late": (saw(["name:a", 1, 1 << 62, 1]), "elements of seen holds"),
    "sightings": (saw(["name:a", 1, 1, 0]), "elements of seen holds"),
    "three": (saw(["name:a", 1, 1]), "elements of seen holds"),
    "browsers": (document(browsers=[]), r"browsers is \[\]"),
    "browser": (
        document(browsers={"clients": [["d", "ja4:a", "x"]], "domains": []}),
        r"clients of browsers holds \['d', 'ja4:a', 'x'\]",
    ),
    "domains": (
        document(browsers={"clients": [], "domains": [["d", [1]]]}),
        r"domains of browsers holds \['d', \[1\]\]",
    ),
    "device": (saw(devices=[["a", [0]]]), r"devices of seen holds \['a', \[0\]\]"),
    "number": (
        saw(["name:a", 1, 1, 1], devices=[["d", [-1]]]),
        r"devices of seen holds \['d', \[-1\]",
    ),
    "no times": (when(None), "last is None"),
    "few times": (when([]), "last of seen holds 0 devices, not 1"),
    "few elements": (when([[]]), r"last of seen holds \[\]"),
    "no list": (when([7]), "last of seen holds 7"),
    "text time": (when([["7"]]), r"last of seen holds \['7'\]"),
    "late time": (when([[1 << 62]]), r"last of seen holds \[46116"),
    "flag": (saw(["name:a", 1, 1, 1], devices=[["d", [False]]]), "devices of seen holds"),
}

FOREIGN: dict[str, tuple[bytes, str]] = {
    "nothing": (b"", "not a JSON object"),
    "space": (b" \n", "not a JSON object"),
    "Zeek log": (b"#separator \\x09\n#path\tconn\n", "not a JSON object"),
    "JSON log": (b'{"ts": 1, "uid": "C"}\n{"ts": 2, "uid": "D"}\n', 'it has no "fingerprints"'),
    "JSON object": (b'{"batch": 300, "window": 30}', 'it has no "fingerprints"'),
    "JSON list": (b"[1, 2]", "not a JSON object"),
    "JSON number": (b"1e400", "not a JSON object"),
    "gzip": (b"\x1f\x8b\x08", "not UTF-8"),
    "UTF-16": ('{"fingerprints": []}'.encode("utf-16"), "not UTF-8"),
    "deep list": (b"[" * 200_000, "not a JSON object"),
}

NO_JSON: dict[str, tuple[bytes, str]] = {
    "cut": (b'{"fingerprints":\n [', r"m\.json:2: is damaged: Expecting value"),
    "deep": (b'{"fingerprints": ' + b"[" * 200_000, "is damaged: maximum recursion"),
    "digits": (b'{"fingerprints": [], "batch": ' + b"9" * 5_000 + b"}", "is damaged: Exceeds"),
    "1e400": (b'{"fingerprints": [], "batch": 1e400}', "is damaged: batch is inf; it must"),
    "twice": (b'{"fingerprints": []}\n{"fingerprints": []}', "is damaged: more follows its end"),
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """Return where a model file is to be."""
    return tmp_path / "m.json"


class TestDamaged:
    @pytest.mark.parametrize(("content", "message"), DAMAGED.values(), ids=DAMAGED)
    def test_what_is_wrong(self, path: Path, content: object, message: str) -> None:
        """A value that cannot be is an error that names the file, the key and the value."""
        path.write_text(json.dumps(content), encoding="utf-8")
        with pytest.raises(ModelError, match=rf"m\.json: is damaged: .*{message}") as caught:
            read(path)
        assert caught.value.path == path

    @pytest.mark.parametrize(("raw", "message"), NO_JSON.values(), ids=NO_JSON)
    def test_what_is_no_json(self, path: Path, raw: bytes, message: str) -> None:
        """A file that is no JSON is an error that names it, and the line where it is known."""
        path.write_bytes(raw)
        with pytest.raises(ModelError, match=message):
            read(path)

    def test_a_whole_file_is_read(self, path: Path) -> None:
        """The file that the damage above is done to is in order."""
        path.write_text(json.dumps(document()), encoding="utf-8")
        assert [app.elements for app in read(path).apps] == [("10.0.0.1:443",)]

    def test_cut_anywhere(self, path: Path) -> None:
        """A file cut at any byte is an error, or says the same without its last line break."""
        write(path, model())
        whole = path.read_bytes()
        found = []
        for length in range(len(whole)):
            path.write_bytes(whole[:length])
            found.append(tried(path))
        assert found[:-1] == [None] * (len(whole) - 1)
        assert found[-1] is not None
        assert facts(found[-1]) == facts(model())


class TestForeign:
    @pytest.mark.parametrize(("raw", "message"), FOREIGN.values(), ids=FOREIGN)
    def test_what_is_no_model(self, path: Path, raw: bytes, message: str) -> None:
        """A log, another JSON file and what is no text are each refused by name."""
        path.write_bytes(raw)
        with pytest.raises(ModelError, match=rf"m\.json: is no fingerprint file: {message}"):
            read(path)
        assert not is_model(path) or b"fingerprints" in raw

    def test_a_log_with_columns_of_parameters(self, path: Path) -> None:
        """A JSON log that has batch and window is no model."""
        path.write_text('{"ts": 1, "batch": 300, "window": 30}\n', encoding="utf-8")
        assert not is_model(path)

    def test_what_is_not_there(self, path: Path) -> None:
        """A file that is not there, and a folder, do not look like models."""
        assert not is_model(path)
        assert not is_model(path.parent)


class TestFormat:
    @pytest.mark.parametrize("version", [0, 2, -1, 10**400, True, 1.0, "1", "x", None, [1], {}])
    def test_another(self, path: Path, version: object) -> None:
        """A format that is not this release's number is refused by name, with what is read."""
        path.write_text(json.dumps(document(format=version)), encoding="utf-8")
        said = r"m\.json: has format .*; this release reads format 1 and upstream's files"
        with pytest.raises(ModelError, match=said) as caught:
            read(path)
        assert repr(version)[:9] in str(caught.value)

    def test_none(self, path: Path) -> None:
        """A file without a format is upstream's: its label 1 is none."""
        pairs = [[{"destinations": [["10.0.0.1", 443]]}, 1]]
        for content, label in ((document(fingerprints=pairs), 1), ({"fingerprints": pairs}, None)):
            path.write_text(json.dumps(content), encoding="utf-8")
            assert [app.majority for app in read(path).apps] == [label]


def tried(path: Path) -> Model | None:
    """Return a model, None where the file is refused by name."""
    try:
        return read(path)
    except ModelError as error:
        if error.path != path:
            raise
        return None


def places(value: Any, at: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield where there is a value in a document."""
    yield at
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*at, key))


def written() -> Any:
    """Return a document of ours with every kind of value."""
    return json.loads("".join(_lines(model())))


def change(holder: Any, way: tuple[Any, ...], value: Any) -> None:
    """Change what stands at a place, or leave it out; nothing where the place is gone."""
    with suppress(KeyError, IndexError, TypeError):
        for step in way[:-1]:
            holder = holder[step]
        if value is ...:
            del holder[way[-1]]
        else:
            holder[way[-1]] = deepcopy(value)


PLACES = [at for at in places(written()) if at]
JUNK = st.one_of(
    st.sampled_from([None, True, False, 0, 1, -1, 0.5, -0.0, 1 << 62, -(1 << 63), 10**400]),
    st.sampled_from([float("nan"), float("inf"), float("-inf"), 5e-324]),
    st.sampled_from(
        ["", "1", "names", "cert", "name:x", "10.0.0.1:443", "\x00", "\ud800", "\u00e9"]
    ),
    st.text(max_size=3),
    st.integers(),
    st.sampled_from([[], {}, [[]], [{}], [1, 1], ["a", 1], [[{}, None]], {"elements": []}]),
)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(st.tuples(st.sampled_from(PLACES), JUNK | st.just(...)), min_size=1, max_size=2))
def test_wrong_anywhere(path: Path, changes: list[tuple[tuple[Any, ...], Any]]) -> None:
    """With any value changed or left out a file is refused as damaged, or is a model to use."""
    content = written()
    for way, value in changes:
        change(content, way, value)
    path.write_text(json.dumps(content), encoding="utf-8")
    found = tried(path)
    if found is None:
        return
    write(path, found)
    assert facts(read(path)) == facts(found)
    estimator = FlowPrint(scheme=found.parameters.scheme)
    prints = list(estimator.load(path, parameters=True))
    assert estimator.detect(prints).tolist() == [1] * len(prints)
    estimator.update([])
    estimator.save(path)
