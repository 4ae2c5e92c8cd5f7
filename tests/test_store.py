"""Fingerprint files."""

from __future__ import annotations

import json
import os
import stat
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from flowprint_zeek.browsers import Browsers
from flowprint_zeek.core.elements import in_order
from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.errors import OutputError
from flowprint_zeek.known import KnownApp
from flowprint_zeek.seen import SeenElements
from flowprint_zeek.store import Model, is_model, read, write
from tests.stream.small import Conn, run, session

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from flowprint_zeek.known import Site


def seen() -> SeenElements:
    """Return what a site of two devices has seen."""
    result = SeenElements()
    result.put("10.0.0.1:443", 10, 20)
    result.put("name:b.example", 5, 30)
    result.put_device("10.9.0.2", ["name:b.example"], 30)
    result.put_device("10.9.0.2", ["10.0.0.1:443"])
    result.put_device("10.9.0.1", ["10.0.0.1:443"], 20)
    return result


def browsers() -> Browsers:
    """Return one browser and one other client of a device, and a hello met once."""
    result = Browsers(domains=1)
    for at in range(2):
        result.reached("10.9.0.1", "ja4:browser", f"{at}.example", at)
    result.reached("10.9.0.1", "ja4:app", "app.example", 9)
    result.named("10.9.0.1", "ja3:met", 1)
    return result


def model(**changes: Any) -> Model:
    """Return a model with every kind of element and label."""
    apps = [
        KnownApp(("10.0.0.2:80", "[2001:db8::1]:443"), 7, 3, Counter({"b": 4, "a": 4}), 10, 30),
        KnownApp(("10.0.0.1:443", "cert:" + "ab" * 32, "name:b.example"), 5, 1, Counter(), -9, -9),
        KnownApp(("name:c.example",), 2, 1, Counter({1: 2})),
    ]
    parameters = Parameters(120.0, 15.0, 0.25, 0.5, scheme="names", activity="ends")
    return replace(Model(parameters, 0.0, "sha256", apps, seen(), browsers()), **changes)


def facts(one: Model) -> tuple[object, ...]:
    """Return what a model holds, to compare."""
    apps = sorted(one.apps, key=lambda app: app.elements)
    held = None if one.seen is None else (list(one.seen), *devices(one.seen))
    clients = None if one.browsers is None else one.browsers.to_dict()
    return one.parameters, one.threshold, one.certificate, apps, held, clients


def devices(seen: SeenElements) -> list[tuple[str, dict[str, int]]]:
    """Return what each device saw, and when last."""
    return [(name, {e: seen.last_on(name, e) for e in held}) for name, held in seen.devices()]


class TestRoundTrip:
    def test_all_comes_back(self, tmp_path: Path) -> None:
        """Reading gives what was written."""
        write(tmp_path / "m.json", model())
        assert facts(read(tmp_path / "m.json")) == facts(model())

    def test_without_seen(self, tmp_path: Path) -> None:
        """A model that does not say what was seen comes back so."""
        write(tmp_path / "m.json", model(seen=None, certificate="serial"))
        assert facts(read(tmp_path / "m.json")) == facts(model(seen=None, certificate="serial"))

    def test_without_times_of_devices(self, tmp_path: Path) -> None:
        """In a file that does not say when devices saw their elements, times are unknown."""
        write(tmp_path / "m.json", model())
        document = json.loads((tmp_path / "m.json").read_text(encoding="ascii"))
        del document["seen"]["last"]
        (tmp_path / "old.json").write_text(json.dumps(document), encoding="ascii")
        found = read(tmp_path / "old.json").seen
        assert found is not None
        assert devices(found) == [(name, dict.fromkeys(e, 0)) for name, e in seen().devices()]

    def test_learning_in_two_halves(self, tmp_path: Path) -> None:
        """A model that is written and read half way changes nothing of what is learned."""
        flows = [
            *(one for at in range(0, 3600, 600) for one in session("mail", at, device="10.0.0.2")),
            *surfing(30),
        ]
        early = [one for one in flows if one.start < 1800]
        late = [one for one in flows if one.start >= 1800]
        site = learned(run(flows)[0].site, tmp_path / "whole").site(1000)
        assert [client for _, client, _ in site.browsers] == ["ja4:browser"]
        site = learned(run(early)[0].site, tmp_path / "early").site(1000)
        assert list(site.browsers) == []
        learned(run(late, site=site)[0].site, tmp_path / "late")
        assert (tmp_path / "late").read_bytes() == (tmp_path / "whole").read_bytes()

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
        """Each fingerprint, element and device has a line of its own, and so have its times."""
        write(tmp_path / "m.json", model())
        lines = (tmp_path / "m.json").read_text(encoding="ascii").splitlines()
        assert len(lines) == 1 + 3 + 1 + 2 + 1 + 2 + 1 + 2 + 1
        assert is_model(tmp_path / "m.json")


def surfing(n_sites: int) -> list[Conn]:
    """Return an hour of visits by a browser, and beside it of an app to every third site."""
    return [
        Conn(
            f"C{at}{client}",
            3600 / n_sites * at,
            name=f"www.site{at}.example",
            address=f"198.51.100.{at}",
            client=client,
        )
        for at in range(n_sites)
        for client in ("browser", "app")[: 1 + (at % 3 == 0)]
    ]


def learned(site: Site, path: Path) -> Model:
    """Return what was learned as it comes back from a file."""
    apps = [app for _, app in site.known]
    write(path, Model(apps=apps, seen=site.seen, browsers=site.browsers))
    return read(path)


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """Return a model file to be replaced."""
    path = tmp_path / "m.json"
    write(path, model())
    return path


class TestAtomic:
    @pytest.mark.parametrize("step", ["os.fsync", "pathlib.Path.replace"])
    def test_an_error_leaves_the_old_file(
        self, old: Path, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A disk that is full in the middle leaves the old file and nothing beside it."""
        before = old.read_bytes()
        monkeypatch.setattr(step, raising(OSError(28, "No space left on device")))
        with pytest.raises(OutputError, match=r"m\.json: cannot be written: No space left"):
            write(old, Model())
        assert old.read_bytes() == before
        assert list(old.parent.iterdir()) == [old]

    @pytest.mark.parametrize("step", ["json.dumps", "os.fsync", "pathlib.Path.replace"])
    def test_ctrl_c_leaves_the_old_file(
        self, old: Path, step: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Ctrl-C at any step leaves the old file and nothing beside it."""
        before = old.read_bytes()
        monkeypatch.setattr(step, raising(KeyboardInterrupt()))
        with pytest.raises(KeyboardInterrupt):
            write(old, Model())
        assert old.read_bytes() == before
        assert list(old.parent.iterdir()) == [old]

    def test_what_an_earlier_run_left(self, old: Path) -> None:
        """A file that a killed process of the same number left is no obstacle."""
        left = old.with_name(f".m.json.{os.getpid()}.new")
        left.write_text("cut", encoding="utf-8")
        write(old, Model())
        assert facts(read(old)) == facts(Model())
        assert list(old.parent.iterdir()) == [old]

    @pytest.mark.parametrize("below", ["none/m.json", "m.json/m.json"])
    def test_no_folder(self, old: Path, below: str) -> None:
        """Where no file can be, the error says so."""
        with pytest.raises(OutputError, match=r"cannot be written: (No such|Not a dir)"):
            write(old.parent / below, Model())


def raising(error: BaseException) -> Callable[..., None]:
    """Return a function that raises an error."""

    def fail(*_: object, **__: object) -> None:
        raise error

    return fail


class TestPlace:
    def test_a_new_file_has_the_usual_mode(self, tmp_path: Path) -> None:
        """A file that was not there has the mode of any new file."""
        (tmp_path / "usual").touch()
        write(tmp_path / "m.json", Model())
        assert (tmp_path / "m.json").stat().st_mode == (tmp_path / "usual").stat().st_mode

    @pytest.mark.parametrize("mode", [0o600, 0o640, 0o666])
    def test_a_file_keeps_its_mode(self, old: Path, mode: int) -> None:
        """Who may read and write a file may do so after it was replaced, and nobody else."""
        old.chmod(mode)
        write(old, Model())
        assert stat.S_IMODE(old.stat().st_mode) == mode

    def test_a_file_keeps_its_owner(self, old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Written by root it goes on belonging to its owner, before a byte stands in it."""
        given: list[tuple[int, int, int]] = []

        def chown(path: Path, user: int, group: int) -> None:
            given.append((user, group, path.stat().st_size))

        monkeypatch.setattr("os.chown", chown)
        write(old, Model())
        assert given == [(old.stat().st_uid, old.stat().st_gid, 0)]

    def test_an_owner_who_cannot_be_kept(self, old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        """Who may not give files away writes his own."""
        monkeypatch.setattr("os.chown", raising(PermissionError(1, "Operation not permitted")))
        write(old, Model())
        assert facts(read(old)) == facts(Model())

    def test_a_link_points_to_what_is_new(self, old: Path) -> None:
        """A link stays a link, and its file, in another folder, is replaced."""
        link = old.parent / "links" / "current.json"
        link.parent.mkdir()
        link.symlink_to("../m.json")
        write(link, Model())
        assert str(link.readlink()) == "../m.json"
        assert facts(read(old)) == facts(Model())
        assert sorted(old.parent.rglob("*")) == [link.parent, link, old]

    def test_a_link_to_nothing_yet(self, tmp_path: Path) -> None:
        """The file that a link points to is made."""
        (tmp_path / "link").symlink_to(tmp_path / "m.json")
        write(tmp_path / "link", Model())
        assert (tmp_path / "link").is_symlink()
        assert not (tmp_path / "m.json").is_symlink()
        assert facts(read(tmp_path / "m.json")) == facts(Model())

    def test_a_link_to_itself(self, tmp_path: Path) -> None:
        """Links in a circle are an error, and stay."""
        (tmp_path / "link").symlink_to(tmp_path / "link")
        with pytest.raises(OutputError, match="cannot be written: Too many levels of symbolic"):
            write(tmp_path / "link", Model())
        assert list(tmp_path.iterdir()) == [tmp_path / "link"]

    def test_what_is_no_file(self, tmp_path: Path) -> None:
        """A pipe, as a device, is not replaced by a file."""
        os.mkfifo(tmp_path / "pipe")
        with pytest.raises(OutputError, match="pipe: cannot be written: Not a regular file"):
            write(tmp_path / "pipe", Model())
        assert (tmp_path / "pipe").is_fifo()
        assert list(tmp_path.iterdir()) == [tmp_path / "pipe"]


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
