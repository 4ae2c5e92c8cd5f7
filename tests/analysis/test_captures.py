"""Labelled captures: their flows and fingerprints."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.analysis.captures import Captures, labelled_items, read_captures
from flowprint_zeek.analysis.manifest import read_manifest
from flowprint_zeek.config import load
from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.replay import Span
from flowprint_zeek.zeek.columns import SSL_LOG, X509_LOG
from flowprint_zeek.zeek.writer import write_frame
from tests.stream.small import MIDNIGHT, Conn, conn_log, frame, moved, session, ssl

if TYPE_CHECKING:
    from pathlib import Path

NAMES = Parameters(scheme="names")


def captured(folder: Path, lines: list[str], *, certificates: bool = True) -> Captures:
    """Return the captures of a manifest."""
    path = folder / "manifest.tsv"
    path.write_text("".join(f"{line}\n" for line in lines))
    config = load(None, environ={}, overrides={})
    rows = read_manifest(path)
    return read_captures(
        path, rows, config, Span(), certificates=certificates, advance=lambda: None
    )


def logs(folder: Path, name: str, *connections: Conn) -> None:
    """Write the logs of a capture."""
    (folder / name).mkdir()
    conn_log(folder / name, *connections)


def test_the_device_is_the_address_with_most_flows(tmp_path: Path) -> None:
    """Flows of others do not count."""
    mail = session("mail", 0)
    logs(tmp_path, "a", *mail, *moved(mail[:2], "10.0.0.9"))
    captures = captured(tmp_path, ["a\tmail"])
    assert captures.devices == ["10.0.0.1"]
    assert len(captures.flows) == len(mail)


def test_the_manifest_may_name_the_device(tmp_path: Path) -> None:
    """Also one that no setting knows to be local."""
    mail = session("mail", 0)
    logs(tmp_path, "a", *mail, *moved(mail[:2], "198.51.100.9"))
    captures = captured(tmp_path, ["a\tmail\t\t198.51.100.9"])
    assert captures.devices == ["198.51.100.9"]
    assert len(captures.flows) == 2


def test_captures_never_mix(tmp_path: Path) -> None:
    """Two captures of one device at the same time have fingerprints of their own."""
    logs(tmp_path, "a", *session("mail", 0))
    logs(tmp_path, "b", *session("chat", 0))
    captures = captured(tmp_path, ["a\tmail", "b\tchat"])
    items, _ = labelled_items(captures, NAMES, min_flows=1)
    assert [items.labels[at] for at in items.label] == ["mail", "chat"]
    assert items.group.tolist() == [0, 1]


def test_one_flow_of_several_batches_counts_once(tmp_path: Path) -> None:
    """Flows of a capture are its voters' flows, whatever batches they touch."""
    long = [replace(one, duration=700.0) for one in session("mail", 0)]
    logs(tmp_path, "a", *long)
    items, counts = labelled_items(captured(tmp_path, ["a\tmail"]), NAMES, min_flows=1)
    assert items.voting().weight.sum() == counts.flows[0] == len(long)


def test_flows_without_a_fingerprint_are_counted(tmp_path: Path) -> None:
    """A destination alone makes none: its flows are unassigned, and known by capture."""
    alone = [Conn("C1", 0, name="a.example"), Conn("C2", 9, name="a.example")]
    logs(tmp_path, "a", *alone)
    logs(tmp_path, "b", *session("chat", 0))
    items, counts = labelled_items(captured(tmp_path, ["a\tmail", "b\tchat"]), NAMES, min_flows=1)
    assert counts.unassigned.tolist() == [2, 0]
    assert counts.fingerprints.tolist() == [0, 1]
    assert items.labels == ["chat", "mail"]


def test_small_fingerprints_are_left_out_and_counted(tmp_path: Path) -> None:
    """Their flows are told apart from those that have no fingerprint."""
    logs(tmp_path, "a", *session("mail", 0, flows=8), *session("chat", 3000, flows=4))
    items, counts = labelled_items(captured(tmp_path, ["a\tmail"]), NAMES, min_flows=5)
    assert (items.size, items.n_flows.tolist()) == (1, [8])
    assert (counts.left_out.tolist(), counts.unassigned.tolist()) == ([4], [0])
    assert counts.fingerprints_left_out.tolist() == [1]


def test_stripped_certificates_take_their_names_along(tmp_path: Path) -> None:
    """What only a certificate told is not known where certificates are hidden."""
    mail = [replace(one, certificate="aa" * 32) for one in session("mail", 0, names=2)]
    hidden = [replace(one, name="") if at % 2 else one for at, one in enumerate(mail)]
    logs(tmp_path, "a", *hidden)
    tables = {
        "ssl": ssl(*hidden),
        "x509": frame(
            "x509",
            [name for name, _ in X509_LOG],
            [{"ts": MIDNIGHT, "fingerprint": "aa" * 32, "san.dns": ("ca.example",)}],
        ),
    }
    for kind, columns in (("ssl", SSL_LOG), ("x509", X509_LOG)):
        rows: list[Any] = tables[kind].to_dict("records")
        table = frame(kind, [name for name, _ in columns], rows)
        path = tmp_path / "a" / f"{kind}.log"
        write_frame(path, kind, columns, table, opened=MIDNIGHT, closed=MIDNIGHT)
    kept = captured(tmp_path, ["a\tmail"]).flows
    assert set(kept["name"]) == {"n0.mail.example", "ca.example"}
    assert set(kept["certificate"]) == {"aa" * 32}
    stripped = captured(tmp_path, ["a\tmail"], certificates=False).flows
    assert set(stripped["name"]) == {"n0.mail.example", ""}
    assert set(stripped["certificate"]) == {""}


def test_a_capture_without_flows_is_warned_of(tmp_path: Path) -> None:
    """The others count; where none has any, that is an error."""
    stranger = [replace(one, device="198.51.100.1") for one in session("mail", 0)]
    logs(tmp_path, "a", *stranger)
    logs(tmp_path, "b", *session("chat", 0))
    captures = captured(tmp_path, ["a\tmail", "b\tchat"])
    assert captures.devices == ["", "10.0.0.1"]
    assert captures.warnings[0].startswith(f"{tmp_path / 'a'}: no connection is a flow of a local")
    with pytest.raises(LogError, match="no capture has a flow"):
        captured(tmp_path, ["a\tmail"])


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (["a\tmail", "absent\tmail"], ":2: .*absent: no such file"),
        (["a\tmail", "a\tchat"], ":2: lists the capture of line 1 again"),
        (["a\tmail", "a\tchat\t\t10.0.0.1"], ":2: lists the capture of line 1 again"),
        (
            ["a\tmail\t\t10.0.0.7"],
            ":1: .*no flow of the device 10.0.0.7; there are those of 10.0.0.1",
        ),
    ],
)
def test_a_bad_capture_names_its_line(tmp_path: Path, lines: list[str], message: str) -> None:
    """What is wrong with logs is told with the line of the manifest that names them."""
    logs(tmp_path, "a", *session("mail", 0))
    with pytest.raises(LogError, match=message):
        captured(tmp_path, lines)


def test_equal_warnings_are_told_once(tmp_path: Path) -> None:
    """A hundred captures that lack a log say so in one line."""
    for name in ("a", "b", "c"):
        logs(tmp_path, name, *session(f"app{name}", 0))
        (tmp_path / name / "ssl.log").unlink()
    captures = captured(tmp_path, [f"{name}\tmail" for name in ("a", "b", "c")])
    (warning,) = captures.warnings
    assert warning.startswith(f"{tmp_path / 'a'} and 2 more: no ssl log")
