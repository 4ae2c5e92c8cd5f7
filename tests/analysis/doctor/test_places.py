"""Where logs are, and which ones."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.doctor.places import check_kinds, check_places
from tests.analysis.doctor.setups import Setup, aged, of, parsed

if TYPE_CHECKING:
    from pathlib import Path


def test_logs_that_are_there(setup: Setup) -> None:
    """The place and the kinds are named, and each log with its format."""
    found = of(check_places(setup.scene()), "ok")
    assert found == {"logs": f"run.logs: {setup.current} has conn, dns, http, ssl, x509; "}
    assert of(check_kinds(setup.scene()), "ok")["log.conn"] == (
        f"conn.log: TSV, {setup.log('conn')}; "
    )


def test_no_ssl_log(setup: Setup) -> None:
    """It is a problem; what is not known without it is said."""
    setup.log("ssl").unlink()
    found = of(check_kinds(setup.scene()), "problem")
    assert found.keys() == {"log.ssl"}
    assert found["log.ssl"].startswith("no ssl.log: server names and certificates are not known")
    assert "`Log::disable_stream(SSL::LOG)`" in found["log.ssl"]


@pytest.mark.parametrize(
    ("kind", "do"), [("capture_loss", "`@load misc/capture-loss`"), ("dhcp", "device.names")]
)
def test_logs_that_would_tell_more(setup: Setup, kind: str, do: str) -> None:
    """Others that are missed are notes."""
    assert do in of(check_kinds(setup.scene()), "note")[f"log.{kind}"]


def test_no_log_at_all(setup: Setup) -> None:
    """The place where this host has a conn.log is named."""
    elsewhere = setup.folder / "elsewhere"
    setup.current.rename(elsewhere)
    setup.has(folders=(setup.folder, elsewhere))
    places = of(check_places(setup.scene()), "problem")
    assert places["logs"] == (
        f"run.logs: {setup.current} is not there; set run.logs to the folder where Zeek writes: "
        f"there is a conn.log in {elsewhere}"
    )
    kinds = of(check_kinds(setup.scene()), "problem")
    assert kinds.keys() == {"log.conn"}
    assert f"there is a conn.log in {elsewhere}" in kinds["log.conn"]


def test_a_link_that_leads_nowhere(setup: Setup) -> None:
    """The link and where it leads are named."""
    setup.current.rename(setup.folder / "spool-2")
    setup.current.symlink_to(setup.folder / "spool-1")
    found = of(check_places(setup.scene()), "problem")["logs"]
    assert f"{setup.current} is a link to {setup.folder}/spool-1, which is not there" in found
    assert "start Zeek" in found


def test_a_link_to_a_folder_that_was_replaced(setup: Setup) -> None:
    """An empty folder is no place where Zeek writes."""
    setup.current.rename(setup.folder / "moved-away")
    (setup.folder / "spool").mkdir()
    setup.current.symlink_to(setup.folder / "spool")
    found = of(check_places(setup.scene()), "problem")["logs"]
    assert f"(a link to {setup.folder}/spool) is an empty folder" in found


def test_a_pattern_that_matches_nothing(setup: Setup) -> None:
    """It is a problem of its own; one that matches is well."""
    pattern, good = f"{setup.folder}/cur*/con_.log", f"{setup.folder}/cur*"
    setup.given["run.logs"] = f"{pattern},{good}"
    found = list(check_places(setup.scene()))
    assert f"the pattern {pattern} matches nothing" in of(found, "problem")["logs"]
    assert f"{good} has conn, dns" in of(found, "ok")["logs"]


def test_a_folder_of_something_else(setup: Setup) -> None:
    """Files that are no logs are not taken for some."""
    (setup.folder / "else").mkdir()
    setup.write(setup.folder / "else" / "weird.log", "#separator \\x09\n#path\tweird\n")
    setup.given["run.logs"] = str(setup.folder / "else")
    assert "has no log that is read" in of(check_places(setup.scene()), "problem")["logs"]


def test_a_log_that_was_not_begun(setup: Setup) -> None:
    """A file that is named may come; it is a note."""
    setup.given["run.logs"] = f"{setup.current},{setup.current}/conn_2.log,{setup.current}/quic.log"
    found = of(check_places(setup.scene()), "note")["logs"]
    assert f"{setup.current}/quic.log has not been begun" in found


def test_only_archives(setup: Setup) -> None:
    """Logs that are complete close batches late."""
    for path in list(setup.current.iterdir()):
        packed = path.with_name(f"{path.name}.gz")
        packed.write_bytes(gzip.compress(path.read_bytes()))
        aged(packed)
        path.unlink()
    found = list(check_places(setup.scene()))
    assert "run.logs has complete logs only, such as" in of(found, "note")["logs"]
    assert "conn, dns, http, ssl, x509" in of(found, "ok")["logs"]


def test_no_folder_of_archives(setup: Setup) -> None:
    """What is rotated while the daemon is down would be lost."""
    (setup.folder / "archive").rmdir()
    found = of(check_places(setup.scene()), "note")["archives"]
    assert f"run.archives: {setup.folder}/archive is no folder" in found


def test_a_log_without_a_row(setup: Setup) -> None:
    """It is there, and nothing is known of it yet."""
    head, _, _ = parsed(setup.log("http"))
    setup.write(setup.log("http"), "".join("\t".join(one) + "\n" for one in head))
    found = of(check_kinds(setup.scene()), "note")["log.http"]
    assert found.startswith(f"{setup.log('http')} has no row yet; wait for traffic")


def headless(path: Path) -> bytes:
    """Return a log's rows without its header."""
    return b"".join(one for one in path.read_bytes().splitlines(True) if one[:1] != b"#")


@pytest.mark.parametrize(
    ("content", "said", "do"),
    [
        (None, "rows without a header", "`redef LogAscii::include_meta = F;`"),
        (b"\x28\xb5\x2f\xfd" + b"z" * 50 + b"\n", "is compressed by zstd", "compress logs by gzip"),
        (b"hello\nworld\n", "is no Zeek log", "take the file out of run.logs"),
    ],
)
def test_what_is_no_log(setup: Setup, content: bytes | None, said: str, do: str) -> None:
    """A file that is named like a log and cannot be read is a problem that says why."""
    path = setup.log("conn")
    setup.write(path, headless(path) if content is None else content)
    found = [one for one in check_kinds(setup.scene()) if one.level == "problem"]
    assert [one.check for one in found] == ["log.conn"]
    assert found[0].found.startswith(str(path))
    assert said in found[0].found
    assert do in found[0].do
