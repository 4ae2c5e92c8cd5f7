"""Names and groups of devices: from a file, from dhcp.log, and in notices."""

from __future__ import annotations

import random
import re
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.network import Network
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.config import load
from flowprint_zeek.errors import ConfigError
from flowprint_zeek.stream.hosts import Host, Hosts, read_names
from flowprint_zeek.stream.kept import from_sections, sections
from flowprint_zeek.stream.phases import Learning
from flowprint_zeek.stream.replay import KINDS, Source, replay
from flowprint_zeek.zeek.columns import DHCP_LOG
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.leases import DHCP_COLUMNS, Leases
from flowprint_zeek.zeek.writer import write_frame
from tests.stream.sensor import Sensor
from tests.stream.small import (
    BATCH,
    DAY,
    MIDNIGHT,
    NOTHING,
    SECOND,
    Conn,
    conn,
    conn_log,
    feed,
    frame,
    pipeline,
    session,
    ssl,
)
from tests.stream.test_kept import outcomes
from tests.stream.test_live import Running, replayed, settings, written

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from flowprint_zeek.stream.notices import Row
    from flowprint_zeek.stream.pipeline import Pipeline
    from tests.stream.small import Found

ADDRESS = "10.0.0.1"
MAC = "02:00:5e:00:53:01"
STEADY = "10.20.0.3"
"""Device of the simulated network that a notice is of."""


def lease(seconds: float, name: str = "lt-4711", address: str = ADDRESS, mac: str = MAC) -> Row:
    """Return a row of dhcp.log at a time in seconds after `MIDNIGHT`."""
    ts = MIDNIGHT + round(seconds * SECOND)
    return {"ts": ts, "mac": mac, "host_name": name, "assigned_addr": address}


def give(line: Pipeline, *rows: Row) -> None:
    line.beside("dhcp", frame("dhcp", DHCP_COLUMNS, rows))


def called(found: Found) -> list[str]:
    """Return what notices of unseen apps call their devices."""
    messages = [str(row["msg"]) for row in found.noted("Unseen_App")]
    return [message.removeprefix("New app on ").partition(": ")[0] for message in messages]


def of_file(folder: Path, text: str, name: str = "names.txt", *leases: Row) -> Hosts:
    """Return hosts of a file with some lines and of a dhcp.log."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    told = Leases()
    told.add(frame("dhcp", DHCP_COLUMNS, leases))
    told.settle(MIDNIGHT + DAY)
    return Hosts(read_names(str(path)), told)


# The file


LINES = """\
\ufeff# who\tname groups
10.0.0.1 lt-4711 sales,floor-3  # Anna
10.0.0.2\t- sales

10.0.0.0/24 guest office
10.0.0.0/8 - site,office
02-00-5E-00-53-01 tablet
2001:DB8:0::1 srv\r
fe80::1%lo0 own
"""


@pytest.mark.parametrize(
    ("device", "name", "groups"),
    [
        ("10.0.0.1", "lt-4711", ("sales", "floor-3", "office", "site")),
        ("10.0.0.2", "guest", ("sales", "office", "site")),
        ("10.0.0.3", "guest", ("office", "site")),
        ("10.9.0.3", "", ("site", "office")),
        ("192.0.2.1", "", ()),
        ("02:00:5e:00:53:01", "tablet", ()),
        ("02:00:5e:00:53:02", "", ()),
        ("2001:db8::1", "srv", ()),
        ("fe80::1", "own", ()),
        ("100/10.0.0.1", "lt-4711", ("sales", "floor-3", "office", "site")),
        ("100.7/02:00:5e:00:53:01", "tablet", ()),
    ],
)
def test_the_closest_line_names_a_device(
    tmp_path: Path, device: str, name: str, groups: tuple[str, ...]
) -> None:
    """A name is that of the narrowest line with one; groups are those of all, narrow first."""
    hosts = of_file(tmp_path, LINES)
    assert hosts.host(device) == Host(name, groups)
    assert hosts.groups_of(device) == groups


def test_the_groups_of_a_file(tmp_path: Path) -> None:
    """Those of any line, whether a device is of it or not."""
    assert of_file(tmp_path, LINES).names.groups() == {"sales", "floor-3", "office", "site"}
    assert of_file(tmp_path, f"{MAC} - tablets").names.groups() == {"tablets"}


def test_the_file_goes_before_dhcp(tmp_path: Path) -> None:
    """What people wrote counts more than what a host says of itself; a - is no name."""
    leases = [lease(0, "said", f"10.0.0.{n}", f"02:00:5e:00:53:0{n}") for n in (1, 2, 3)]
    hosts = of_file(tmp_path, "10.0.0.1 written\n10.0.0.2 - sales", "names.txt", *leases)
    names = [hosts.host(f"10.0.0.{n}").name for n in (1, 2, 3)]
    assert names == ["written", "said", "said"]


def test_a_mac_names_the_address_that_it_got(tmp_path: Path) -> None:
    """A line of a MAC goes behind that of the address and before networks."""
    text = f"{MAC} tablet tablets\n10.0.0.0/24 guest office\n10.0.0.2 desk"
    other = lease(0, "said", "10.0.0.2", MAC)
    hosts = of_file(tmp_path, text, "names.txt", lease(0), other)
    assert hosts.host("10.0.0.1") == Host("tablet", ("tablets", "office"))
    assert hosts.host("10.0.0.2") == Host("desk", ("tablets", "office"))


@pytest.mark.parametrize("name", ["hosts", "site.hosts"])
def test_a_hosts_file_has_aliases(tmp_path: Path, name: str) -> None:
    """The first word is the name, the others are no groups; of several lines the first counts."""
    text = "127.0.0.1 localhost\n10.0.0.1 lt-4711.a.example lt-4711 anna,x # Anna\n10.0.0.1 other"
    hosts = of_file(tmp_path, f"{text}\n::1 localhost ip6-localhost ip6-loopback", name)
    assert hosts.host("10.0.0.1") == Host("lt-4711.a.example")
    assert hosts.host("::1") == Host("localhost")


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("10.0.0.1", ["an address, network or MAC address, a name or -", "'10.0.0.1'"]),
        ("10.0.0.1 a b c", ["'10.0.0.1 a b c'", "aliases", "hosts"]),
        ("lt-4711 10.0.0.1", ["must begin with an address", "not 'lt-4711'"]),
        ("10.0.0.1/24 a", ["without host bits", "'10.0.0.1/24'"]),
        ("02:00:5e:00:53:zz a", ["'02:00:5e:00:53:zz'"]),
        ("10.0.0.1 a b,,c", ["groups", "'b,,c'"]),
        ("10.0.0.9/32 a", ["10.0.0.9/32 stands there twice", "'first'"]),
        (f"{MAC.upper()} a", ["twice", "'mac'"]),
        (f"10.0.0.1 {100 * 'a '}", ["…"]),
    ],
)
def test_a_wrong_line_is_named(tmp_path: Path, line: str, named: list[str]) -> None:
    """An error tells file, line, what stands there, and what is allowed."""
    path = tmp_path / "names.txt"
    path.write_text(f"# who\n10.0.0.9 first\n{MAC} mac\n\n{line}\n")
    with pytest.raises(ConfigError, match=rf"^{re.escape(str(path))}:5: ") as caught:
        read_names(str(path))
    assert [part for part in named if part not in str(caught.value)] == []
    assert len(caught.value.message) < 320


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """No file, a folder, and bytes that are no text are errors of the settings."""
    with pytest.raises(ConfigError, match=r"none: cannot be read: No such file"):
        pipeline(device__names=str(tmp_path / "none"))
    with pytest.raises(ConfigError, match=r"cannot be read: Is a directory"):
        read_names(str(tmp_path))
    (tmp_path / "names").write_bytes(b"10.0.0.1 \xff\n")
    with pytest.raises(ConfigError, match=r"names: is not UTF-8"):
        read_names(str(tmp_path / "names"))


# In notices


def test_a_notice_names_the_device(tmp_path: Path) -> None:
    """Name and groups stand behind the device; the id is the same without them."""
    (tmp_path / "names").write_text("10.0.0.0/24 - sales\n")
    plain, bare = pipeline(NOTHING)
    named, found = pipeline(NOTHING, device__names=str(tmp_path / "names"))
    for line in (plain, named):
        feed(line, session("game", 0))
    give(named, lease(200))
    for line in (plain, named):
        line.finish()
    assert called(bare) == ["10.0.0.1"]
    assert called(found) == ["10.0.0.1 (lt-4711 of sales)"]
    assert found.notices[0]["sub"] == bare.notices[0]["sub"]
    assert found.verdicts == bare.verdicts


def test_a_name_counts_from_its_lease_on() -> None:
    """A batch has the names that were told up to its end and lateness, whatever came since."""
    line, found = pipeline(NOTHING, notice__repeat_after="0")
    flows = [one for number in range(4) for one in session("game", number * 300)]
    line.beside("ssl", ssl(*flows))
    line.conn(conn(*flows))
    give(line, lease(1_000, "late"), lease(361, "third"), lease(360, "second"), lease(0, "first"))
    line.finish()
    assert called(found) == [f"10.0.0.1 ({name})" for name in ("second", *["third"] * 2, "late")]


def test_a_name_is_forgotten_with_its_lease() -> None:
    """After `model.max_age` without a lease, and with the device."""
    for forgotten in (False, True):
        line, found = pipeline(NOTHING, model__max_age="1d")
        give(line, lease(0))
        feed(line, [Conn("C1", 0)])
        if forgotten:
            line.advance(MIDNIGHT + 2 * BATCH)
            line.forget_device(ADDRESS)
        feed(line, [*session("game", 80_000), *session("chat", 86_400 + 600)])
        line.finish()
        expected = ["10.0.0.1"] if forgotten else ["10.0.0.1 (lt-4711)"]
        assert called(found) == [*expected, "10.0.0.1"]


def test_a_flood_of_leases_is_counted() -> None:
    """Leases beyond an eighth of `stream.join_rows` go, and are told with other rows."""
    line, _ = pipeline(stream__join_rows=80)
    give(line, *(lease(at, "x", f"10.0.1.{at}", f"{at:012x}") for at in range(11)))
    feed(line, session("mail", 0))
    line.finish()
    assert line.names_dropped == 4


# Restarts, chunks, live


def dhcp_log(folder: Path, rows: Sequence[Row]) -> None:
    table = frame("dhcp", [name for name, _ in DHCP_LOG], rows)
    closed = MIDNIGHT + DAY
    write_frame(folder / "dhcp.log", "dhcp", DHCP_LOG, table, opened=MIDNIGHT, closed=closed)


@pytest.fixture(scope="module")
def logs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return logs of a network: one device tells a name once, the others each half minute anew."""
    folder = tmp_path_factory.mktemp("logs")
    network = Network(seed=3, devices=4, apps=6, days=0.25, start=MIDNIGHT, unseen_apps=2)
    simulated = simulate(network)
    write(simulated, folder, rotate=None)
    devices = sorted(set(simulated.conn["id.orig_h"].tolist()))
    dhcp_log(
        folder,
        [
            lease(half * 30 + 0.001 * at, f"h{half}", device, f"02:00:5e:00:00:{at:02x}")
            for half in range(6 * 120)
            for at, device in enumerate(devices)
            if half == 0 or device != STEADY
        ],
    )
    return folder


def test_restarts_and_chunks_keep_names(logs: Path) -> None:
    """A pipeline that restarts after every batch, and reads less at a time, names them alike."""
    config = load(None, environ={}, overrides={"log.rows": "all"})
    learning = Learning(duration=3 * 3_600 * SECOND)
    _, found, restarts = outcomes(logs, config, learning)
    assert restarts > 50
    names = called(found)
    assert len(names) >= 2
    assert all(re.fullmatch(r"[\d.]+ \(h\d+\)", one) for one in names)
    assert f"{STEADY} (h0)" in names


def test_live_names_devices_as_a_replay_does(logs: Path, tmp_path: Path) -> None:
    """Rows out of order, rotation and restarts change no name."""
    config = settings(tmp_path)
    expected = replayed(logs, tmp_path / "replayed", config)
    assert len(re.findall(rb"New app on [\d.]+ \(h\d+\): ", expected["notice.log"])) >= 2
    sensor, running = Sensor(logs, tmp_path, 1), Running(config)
    chance = random.Random(1)  # noqa: S311  a seeded sensor, no secret
    while not sensor.done:
        sensor.step()
        if chance.random() < 0.8:
            running.poll()
        if chance.random() < 0.02:
            running.stop()
    running.end()
    assert written(tmp_path / "out") == expected


def test_leases_are_kept_for_a_restart() -> None:
    """Also what a later batch will be told."""
    line, _ = pipeline(NOTHING)
    give(line, lease(0), lease(5_000, "later"))
    feed(line, session("game", 0))
    line.advance(MIDNIGHT + 3 * BATCH)
    again, _ = pipeline(NOTHING)
    again.restore(from_sections(sections(line.state())))
    assert again.hosts.host(ADDRESS) == Host("lt-4711")
    again.hosts.leases.settle(MIDNIGHT + DAY)
    assert again.hosts.host(ADDRESS) == Host("later")


def test_logs_of_old_bro_name_by_mac(tmp_path: Path) -> None:
    """Bro before 2.6 tells no names, but which MAC has an address."""
    (tmp_path / "logs").mkdir()
    conn_log(tmp_path / "logs", *session("game", 0))
    columns = (("ts", "time"), ("uid", "string"), ("mac", "string"), ("assigned_ip", "addr"))
    row = {"ts": MIDNIGHT, "uid": "C1", "mac": MAC, "assigned_ip": ADDRESS}
    table = frame("dhcp", [name for name, _ in columns], [row])
    path = tmp_path / "logs" / "dhcp.log"
    write_frame(path, "dhcp", columns, table, opened=MIDNIGHT, closed=MIDNIGHT)
    (tmp_path / "names").write_text(f"{MAC} tablet")
    line, found = pipeline(NOTHING, device__names=str(tmp_path / "names"))
    replay(Source(find_logs([tmp_path / "logs"], KINDS)), line)
    assert called(found) == ["10.0.0.1 (tablet)"]


def test_real_devices_have_their_names(shared_data: Path) -> None:
    """A phone whose dhcp.log tells its name is called by it."""
    line, found = pipeline(NOTHING)
    folder = shared_data / "apps" / "android71" / "reddit_cache03"
    replay(Source(find_logs([folder], KINDS)), line)
    assert set(called(found)) == {"10.0.2.11 (android-4847491b09978397)"}
