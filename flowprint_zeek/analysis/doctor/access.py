"""Whether this user may read and write what is needed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.doctor.finding import listed, note, ok, problem
from flowprint_zeek.analysis.doctor.host import barred_by, existing, is_folder, is_there, user_name

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowprint_zeek.analysis.doctor.finding import Finding
    from flowprint_zeek.analysis.doctor.scene import Scene


def check_user(scene: Scene) -> Iterator[Finding]:
    """Tell whose rights are looked at: what counts is the daemon's."""
    state, mine = Path(scene.config.run.state), scene.host.user
    owner = _owner(state)
    if owner is not None and owner != mine:
        name = user_name(owner)
        yield note(
            "user",
            f"rights are looked at as {user_name(mine)}, and {state} is of {name}",
            f"run `runuser -u {name} -- flowprint-zeek doctor` with the same options, and with "
            "`-G zeek` where its unit has SupplementaryGroups=zeek",
        )
    elif owner is None and mine == 0:
        yield note(
            "user",
            "rights are looked at as root, who may do everything",
            "run it as the user of the daemon: `runuser -u USER -- flowprint-zeek doctor`",
        )
    else:
        yield ok("user", f"rights are looked at as {user_name(mine)}")


def _owner(path: Path) -> int | None:
    try:
        return path.stat().st_uid
    except OSError:
        return None


def check_reading(scene: Scene) -> Iterator[Finding]:
    """Tell which logs and folders this user may not read."""
    name, host = user_name(scene.host.user), scene.host
    for text in (*scene.config.run.logs, *scene.config.run.archives):
        path = Path(text)
        if folder := barred_by(path):
            said = f"{name} may not look into {folder}, where {text} is"
            yield problem("reading", said, _let_read(folder, name))
        elif is_folder(path) and not host.access(path, os.R_OK | os.X_OK):
            yield problem("reading", f"{name} may not list {path}", _let_read(path, name))
    denied = [one.path for one in scene.logs if one.denied]
    if denied:
        shown = listed([str(path) for path in denied], 3)
        yield problem("reading", f"{name} may not read {shown}", _let_read(denied[0].parent, name))
    elif scene.logs:
        yield ok("reading", f"{name} may read all {len(scene.logs)} logs that were found")


def _let_read(folder: Path, name: str) -> str:
    try:
        group = folder.group()
    except (OSError, KeyError):
        group = "zeek"
    if group == "root":
        return f"run `setfacl -R -m u:{name}:rX -m d:u:{name}:rX {folder}`"
    return (
        f"run `usermod -aG {group} {name}` and start the daemon anew, or `chmod -R g+rX {folder}`"
    )


def check_writing(scene: Scene) -> Iterator[Finding]:
    """Tell whether what the daemon writes can be written; nothing is made for that."""
    run, host = scene.config.run, scene.host
    name, well = user_name(host.user), []
    folders = {"state": Path(run.state).parent, "output": Path(run.output)}
    if run.notices != "log":
        folders["outbox"] = Path(run.outbox).parent
    for key, folder in folders.items():
        there = existing(folder)
        command = f"run `install -d -o {name} {folder}`"
        if key == "outbox" and there != folder:
            said = f"run.outbox: the folder {folder} is not there"
            yield problem(f"writing.{key}", said, f"{command}, and let Zeek write there, too")
        elif not is_folder(there):
            yield problem(f"writing.{key}", f"run.{key}: {there} is no folder", f"set run.{key}")
        elif not host.access(there, os.W_OK | os.X_OK):
            yield problem(f"writing.{key}", f"run.{key}: {name} may not write to {there}", command)
        else:
            well.append(str(folder))
    state = Path(run.state)
    if is_there(state) and not host.access(state, os.R_OK | os.W_OK):
        said = f"run.state: {name} may not read and write {state}"
        yield problem("writing.state", said, f"run `chown {name} {state}`")
    yield from _apart(scene)
    if well:
        yield ok("writing", f"{name} may write to {', '.join(dict.fromkeys(well))}")


def _apart(scene: Scene) -> Iterator[Finding]:
    """Tell where what is written lies among what is read."""
    run = scene.config.run
    read = {Path(text).resolve() for text in run.logs}
    written = {"run.output": Path(run.output)}
    if run.notices != "log":
        written["run.outbox"] = Path(run.outbox).parent
    for key, folder in written.items():
        if folder.resolve() in read:
            yield problem(
                "writing.apart",
                f"{key} is in {folder}, which is among run.logs: it would be read as a log of Zeek",
                f"set {key} to another folder",
            )
