"""Events, file systems and disks."""

from __future__ import annotations

import pytest

from flowprint_zeek.analysis.doctor.system import check_disks, check_events, network_of
from tests.analysis.doctor.setups import Setup, of, space

LOCAL = "36 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw"


def test_a_local_disk_with_room(setup: Setup) -> None:
    """Both are well."""
    assert of(check_events(setup.scene()), "ok").keys() == {"events"}
    assert "50.0 GiB free (50%)" in of(check_disks(setup.scene()), "ok")["disk"]


def mount(kind: str, path: object) -> str:
    """Return a line of mountinfo."""
    written = str(path).replace(" ", r"\040")
    return f"40 36 0:50 / {written} rw,relatime shared:9 - {kind} server:/x rw"


@pytest.mark.parametrize("kind", ["nfs4", "cifs", "smb3", "fuse.sshfs", "9p", "ceph", "lustre"])
def test_logs_on_a_network_file_system(setup: Setup, kind: str) -> None:
    """It tells of no changes; the setting is named."""
    setup.mounted(LOCAL, mount(kind, setup.current))
    found = of(check_events(setup.scene()), "note")["events"]
    assert f"{setup.current} is on a network file system ({kind})" in found
    assert "run.events: polling" in found
    setup.given["run.events"] = "polling"
    assert of(check_events(setup.scene()), "ok").keys() == {"events"}


def test_the_nearest_mount_counts(setup: Setup) -> None:
    """A local disk may be mounted inside a network file system, with spaces in its path."""
    inside = setup.folder / "a b" / "c"
    inside.mkdir(parents=True)
    setup.mounted(LOCAL, mount("nfs", setup.folder), mount("xfs", setup.folder / "a b"))
    assert network_of(setup.host, inside) == ""
    assert network_of(setup.host, setup.folder / "out") == "nfs"
    setup.mounted("nonsense", "")
    assert network_of(setup.host, inside) == ""


def test_a_state_on_a_network_file_system(setup: Setup) -> None:
    """SQLite is not safe there."""
    setup.mounted(LOCAL, mount("nfs4", setup.folder / "state"))
    found = of(check_disks(setup.scene()), "problem")["disk.state"]
    assert "is on a network file system (nfs4)" in found


@pytest.mark.parametrize("name", ["max_user_watches", "max_user_instances", "max_queued_events"])
def test_limits_of_inotify(setup: Setup, name: str) -> None:
    """The file, its value and the line to add."""
    setup.inotify(**{name: 4})
    found = of(check_events(setup.scene()), "note")["events"]
    assert f"/sys/fs/inotify/{name} is 4" in found
    assert f"put `fs.inotify.{name} = " in found


def test_a_full_disk(setup: Setup) -> None:
    """Room, its share, and what to do."""
    setup.has(space=space(5 << 20))
    found = of(check_disks(setup.scene()), "problem")["disk"]
    assert f"{setup.folder}/state has 5 MiB free (0%); make room there" in found


def test_a_disk_that_becomes_full(setup: Setup) -> None:
    """Under a twentieth is a note."""
    setup.has(space=space(3 << 30))
    assert "3.0 GiB free (3%)" in of(check_disks(setup.scene()), "note")["disk"]


def test_no_inodes(setup: Setup) -> None:
    """Bytes are not all that is needed."""
    setup.has(space=space(files=0))
    assert "has no inodes left" in of(check_disks(setup.scene()), "problem")["disk"]
