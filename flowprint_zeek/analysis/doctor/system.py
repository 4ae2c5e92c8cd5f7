"""What the system gives: events of files, kinds of file systems, room on disks."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.doctor.finding import note, ok, problem
from flowprint_zeek.analysis.doctor.host import existing

if TYPE_CHECKING:
    import os
    from collections.abc import Iterator

    from flowprint_zeek.analysis.doctor.finding import Finding
    from flowprint_zeek.analysis.doctor.host import Host
    from flowprint_zeek.analysis.doctor.scene import Scene

_NETWORK = re.compile(
    r"nfs\d?|cifs|smb\d?|smbfs|9p|afs|gpfs|lustre|ceph|glusterfs|beegfs|ocfs2|gfs2|fuse\..+"
)
_ESCAPE = re.compile(r"\\([0-7]{3})")

_LEAST = {"max_user_instances": 16, "max_user_watches": 1_024, "max_queued_events": 1_024}
"""Limits under which other programs of the user are likely to use them up."""

_ADVISED = {"max_user_instances": 512, "max_user_watches": 65_536, "max_queued_events": 16_384}

_NO_ROOM = 256 << 20
_LITTLE_ROOM = 0.05
_ENOUGH_ROOM = 20 << 30


def check_events(scene: Scene) -> Iterator[Finding]:
    """Tell whether the system can tell of changes of logs, where the daemon asks it to."""
    events = scene.config.run.events
    folders = scene.folders
    remote = {folder: kind for folder in folders if (kind := network_of(scene.host, folder))}
    if events != "native":
        yield ok(
            "events",
            f"run.events is {events}: logs are looked at every {scene.config.run.scan:g} s",
        )
        return
    for folder, kind in remote.items():
        yield note(
            "events",
            f"{folder} is on a network file system ({kind}), which tells of no changes: logs are "
            f"found by looking every {scene.config.run.scan:g} s only",
            "set run.events: polling (or none) in the file of --config",
        )
    low = False
    for name, least in _LEAST.items():
        text = scene.host.text(f"sys/fs/inotify/{name}").strip()
        if text.isdecimal() and int(text) < max(least, len(folders)):
            low = True
            yield note(
                "events",
                f"{scene.host.proc}/sys/fs/inotify/{name} is {text}: other programs may leave "
                "nothing of it to the daemon, which then finds changes by looking only",
                f"put `fs.inotify.{name} = {_ADVISED[name]}` into /etc/sysctl.d/90-inotify.conf "
                "and run `sysctl --system`",
            )
    if folders and not remote and not low:
        yield ok("events", "run.events is native, and the system tells of changes")


def network_of(host: Host, path: Path) -> str:
    """Return the kind of the network file system that a path is on, "" for none."""
    best, kind = -1, ""
    place = existing(path).resolve()
    for line in host.text("self/mountinfo").splitlines():
        fields = line.split(" ")
        if len(fields) < 10 or "-" not in fields[6:]:
            continue
        mounted = Path(_ESCAPE.sub(lambda match: chr(int(match[1], 8)), fields[4]))
        # A later line hides an earlier one.
        if place.is_relative_to(mounted) and len(mounted.parts) >= best:
            best, kind = len(mounted.parts), fields[fields.index("-", 6) + 1]
    return kind if _NETWORK.fullmatch(kind) else ""


def check_disks(scene: Scene) -> Iterator[Finding]:
    """Tell whether there is room, and whether the state is on a disk of this host."""
    run = scene.config.run
    paths = {
        "run.state": Path(run.state).parent,
        "run.output": Path(run.output),
    }
    paths |= dict(zip(["run.logs"], scene.folders, strict=False))
    told: dict[tuple[int, ...], str] = {}
    for key, path in paths.items():
        there = existing(path)
        space = scene.host.space(there)
        room = space.f_bavail * space.f_frsize
        size = max(space.f_blocks * space.f_frsize, 1)
        mark = (there.stat().st_dev, room, size)
        if mark in told:
            continue
        told[mark] = key
        yield _room(key, there, space, room, size)
    if kind := network_of(scene.host, Path(run.state).parent):
        yield problem(
            "disk.state",
            f"run.state: {run.state} is on a network file system ({kind}): no place for SQLite",
            "set run.state to a file on a disk of this host",
        )


def _room(key: str, path: Path, space: os.statvfs_result, room: int, size: int) -> Finding:
    share = room / size
    said = f"{key}: {path} has {_bytes(room)} free ({share:.0%})"
    do = f"make room there (`du -xh {path} | sort -h | tail`), or set {key} to another disk"
    if space.f_files and not space.f_favail:
        return problem("disk", f"{key}: {path} has no inodes left", do)
    if room < _NO_ROOM:
        return problem("disk", said, do)
    if share < _LITTLE_ROOM and room < _ENOUGH_ROOM:
        return note("disk", said, do)
    return ok("disk", said)


def _bytes(number: int) -> str:
    """Return a number of bytes as people read it.

    >>> _bytes(5 << 20), _bytes(3 << 30)
    ('5 MiB', '3.0 GiB')
    """
    return f"{number >> 20} MiB" if number < 1 << 30 else f"{number / (1 << 30):.1f} GiB"
