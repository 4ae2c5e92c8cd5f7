"""Columns, times and damage."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from flowprint_zeek.analysis.doctor.columns import check_columns, check_damage, check_times
from tests.analysis.doctor.setups import Setup, of, parsed


def test_all_columns_are_there(setup: Setup) -> None:
    """One line names the logs."""
    found = list(check_columns(setup.scene()))
    assert [(one.level, one.check) for one in found] == [("ok", "columns")]
    assert found[0].found == "all columns that matter are in conn, dns, http, ssl, x509"


def test_conn_without_history_and_local_orig(setup: Setup) -> None:
    """Each that is missing is a note with what is lost, and what brings it."""
    setup.edit("conn", without=("history", "local_orig"))
    found = [one for one in check_columns(setup.scene()) if one.check == "columns.conn"]
    assert [one.level for one in found] == ["note", "note"]
    history, local = found
    assert f"{setup.log('conn')} has no history in its last rows" in history.found
    assert "remove `$include` and `$exclude`" in history.do
    assert "only device.local_networks tells whose devices are" in local.found
    assert "`redef Site::local_nets += { 192.0.2.0/24 };`" in local.do


@pytest.mark.parametrize(("kind", "name"), [("conn", "duration"), ("ssl", "server_name")])
def test_columns_without_which_nothing_works(setup: Setup, kind: str, name: str) -> None:
    """They are problems."""
    setup.edit(kind, without=(name,))
    assert f"has no {name}" in of(check_columns(setup.scene()), "problem")[f"columns.{kind}"]


def test_a_column_that_is_always_unset(setup: Setup) -> None:
    """Zeek without networks of its own writes local_orig, and nothing into it."""
    setup.edit("conn", lambda row: row | {"local_orig": "-"})
    assert "has no local_orig" in of(check_columns(setup.scene()), "note")["columns.conn"]


def test_ssl_without_client_fingerprints(setup: Setup) -> None:
    """The package that brings them is named."""
    setup.edit("ssl", without=("ja4",))
    found = of(check_columns(setup.scene()), "note")["columns.ssl"]
    assert "has no ja4 nor ja3" in found
    assert "`zkg install zeek/foxio/ja4`" in found


def test_ssl_without_certificates(setup: Setup) -> None:
    """The version of Zeek that has them is named; a header that has the column is enough."""
    setup.edit("ssl", lambda row: row | {"cert_chain_fps": "-"})
    assert of(check_columns(setup.scene()), "note") == {}
    setup.edit("ssl", without=("cert_chain_fps",))
    assert "use Zeek 4.1 or later" in of(check_columns(setup.scene()), "note")["columns.ssl"]


def test_certificates_in_files_need_x509(setup: Setup) -> None:
    """An ssl.log of an old Zeek names files, of which x509.log tells what is in them."""
    setup.edit("ssl", lambda row: row | {"curve": "Fabc"})
    text = setup.log("ssl").read_text().replace("cert_chain_fps", "old").replace("curve", "x")
    setup.write(setup.log("ssl"), text.replace("\tx\t", "\tcert_chain_fuids\t"))
    setup.edit("x509", without=("fingerprint", "certificate.serial"))
    assert (
        "nothing tells what is in them" in of(check_columns(setup.scene()), "note")["columns.x509"]
    )


def test_devices_by_mac_need_macs(setup: Setup) -> None:
    """The script that logs them is named."""
    setup.given["device.key"] = "mac"
    found = of(check_columns(setup.scene()), "problem")["columns.conn"]
    assert "has no orig_l2_addr" in found
    assert "`@load protocols/conn/mac-logging`" in found


def test_few_rows_tell_nothing(setup: Setup) -> None:
    """A log that was just begun is not judged."""
    head, _, _ = parsed(setup.log("ssl"))
    setup.write(setup.log("ssl"), "".join("\t".join(one) + "\n" for one in head))
    assert "columns.ssl" not in of(check_columns(setup.scene()), "problem")


# Times


def test_json_times_in_milliseconds(setup: Setup) -> None:
    """They are read, and a SIEM takes them wrong: the setting of Zeek is named."""
    setup.as_json("conn", lambda text: round(float(text) * 1000))
    found = list(check_times(setup.scene()))
    assert [one.level for one in found] == ["note"]
    assert "LogAscii::json_timestamps = JSON::TS_MILLIS" in found[0].found
    assert "`redef LogAscii::json_timestamps = JSON::TS_EPOCH;`" in found[0].do
    last = setup.scene().last("conn")
    assert last is not None
    assert last.newest == pytest.approx(setup.host.now(), abs=300)


def test_json_times_in_words(setup: Setup) -> None:
    """ISO times, the same."""
    setup.as_json("ssl", lambda text: datetime.fromtimestamp(float(text), UTC).isoformat())
    assert "JSON::TS_ISO8601" in of(check_times(setup.scene()), "note")["times"]


def test_json_times_in_seconds(setup: Setup) -> None:
    """They are well, and so are the columns."""
    setup.as_json("conn")
    assert of(check_times(setup.scene()), "ok").keys() == {"times"}
    assert of(check_columns(setup.scene()), "problem") == {}


# Damage


def test_damaged_rows(setup: Setup) -> None:
    """How many of the last rows, and the first of them."""
    rows = setup.log("conn").read_text()
    setup.write(setup.log("conn"), rows + "torn\trow\n" * 100)
    found = of(check_damage(setup.scene()), "problem")["damage.conn"]
    assert found.startswith("100 of the last ")
    assert f"rows of {setup.log('conn')} are damaged: " in found


def test_a_damaged_row(setup: Setup) -> None:
    """One in many is a note."""
    setup.write(setup.log("conn"), setup.log("conn").read_text() + "torn\n")
    assert of(check_damage(setup.scene()), "note")["damage.conn"].startswith("1 of the last ")


def test_no_damage(setup: Setup) -> None:
    """A last line that is being written is none."""
    with setup.log("conn").open("a") as file:
        file.write("1772409600.1\tChalf")
    assert of(check_damage(setup.scene()), "ok").keys() == {"damage"}
