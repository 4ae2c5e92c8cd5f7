"""What the last hour would tell the daemon."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.doctor.coverage import check_coverage
from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.stream.replay import KINDS, Source, replay
from flowprint_zeek.stream.report import coverage
from flowprint_zeek.zeek.files import find_logs
from tests.analysis.doctor.setups import Setup, of, parsed
from tests.stream.small import pipeline

if TYPE_CHECKING:
    import pytest


def test_shares_are_those_of_a_replay(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all of the hour read they are the replay's, and with a part of it near them."""
    setup.edit("conn", lambda row: row | {"local_orig": "T"})
    monkeypatch.setattr("flowprint_zeek.analysis.doctor.coverage.HOUR", 1 << 40)
    line, _ = pipeline(site=Site(KnownApps(1000)))
    replay(Source(find_logs([setup.current], KINDS)), line)
    shares = coverage(line)
    said = of(check_coverage(setup.scene()), "ok")["coverage"]
    assert (
        f"certificate {shares['certificate']:.0%}, server name {shares['server_name']:.0%}" in said
    )
    assert f"dns name {shares['dns_name']:.0%}, none {shares['none']:.0%}" in said


def test_only_the_end_of_long_logs_is_read(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of each log so many bytes; connections from before the shortest of them do not count."""
    size = setup.log("conn").stat().st_size
    monkeypatch.setattr("flowprint_zeek.analysis.doctor.coverage.MOST", size // 2)
    found = of(check_coverage(setup.scene()), "ok")
    whole = len(parsed(setup.log("conn"))[2])
    counted = int(found["networks"].partition("(")[2].partition(" ")[0])
    assert 100 < counted < whole


def test_all_flows_are_of_strangers(setup: Setup) -> None:
    """The prefixes to add are named in a line that keeps those that are set."""
    setup.given["device.local_networks"] = "192.0.2.0/24"
    setup.edit("conn", lambda row: row | {"local_orig": "F"})
    found = of(check_coverage(setup.scene()), "problem")["networks"]
    prefix = parsed(setup.log("conn"))[2][0]["id.orig_h"].rpartition(".")[0] + ".0/24"
    assert "no connection is a flow of a local device" in found
    assert "write `local_networks: [192.0.2.0/24, " in found
    assert prefix in found


def test_flows_without_names(setup: Setup) -> None:
    """What logs are missing is said."""
    for kind in ("ssl", "http", "dns"):
        setup.log(kind).unlink()
    found = of(check_coverage(setup.scene()), "problem")["coverage"]
    assert "none 100%" in found
    assert "no ssl log" in found


def test_rows_out_of_order(setup: Setup) -> None:
    """Two sensors whose clocks differ."""
    rows = count()
    setup.edit(
        "conn",
        lambda row: row | {"ts": f"{float(row['ts']) - 1_500 * (next(rows) % 2):.6f}"},
    )
    found = of(check_coverage(setup.scene()), "problem")["order"]
    assert "came after the batch had closed" in found
    assert "stream.disorder" in found


def test_too_few_connections(setup: Setup) -> None:
    """No shares of a handful."""
    head, _, rows = parsed(setup.log("conn"))
    lines = ["\t".join(one) for one in head] + ["\t".join(row.values()) for row in rows[-20:]]
    setup.write(setup.log("conn"), "\n".join(lines) + "\n")
    assert "too few connections" in of(check_coverage(setup.scene()), "note")["coverage"]


def test_a_file_of_names_that_is_wrong(setup: Setup) -> None:
    """What the daemon would refuse is a finding of its check."""
    names = setup.write(setup.folder / "names", "nonsense\n")
    setup.given["device.names"] = str(names)
    assert str(names) in of(setup.found(), "problem")["coverage"]
