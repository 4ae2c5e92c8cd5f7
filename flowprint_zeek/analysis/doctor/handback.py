"""Whether notices come to where they are waited for: to Zeek, and to a SIEM."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.doctor.finding import note, ok, problem, span
from flowprint_zeek.analysis.doctor.host import barred_by, is_there
from flowprint_zeek.errors import LogError
from flowprint_zeek.stream.handback import ACKS, AGAIN
from flowprint_zeek.stream.outputs import NOTICES
from flowprint_zeek.zeek.files import LogFile
from flowprint_zeek.zeek.ownlogs import OUTBOX
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from flowprint_zeek.analysis.doctor.finding import Finding
    from flowprint_zeek.analysis.doctor.scene import Scene

_RAISED = 60.0
"""Seconds within which Zeek raises a notice and says so."""

_LEAST = 1_024
"""Bytes of a file under which Filebeat's filestream does not read it."""


def check_handback(scene: Scene) -> Iterator[Finding]:
    """Tell whether Zeek takes the notices that are handed to it."""
    run = scene.config.run
    if run.notices == "log":
        return
    outbox = Path(run.outbox)
    option = f'`redef FlowPrint::outbox = "{outbox}";`'
    if not is_there(outbox) and not barred_by(outbox):
        yield problem(
            "handback",
            f"run.notices is {run.notices}, and there is no {outbox}: no daemon has run with it",
            f"start the daemon; local.zeek needs {option}",
        )
    elif not scene.host.access(outbox, os.R_OK):
        said = f"run.outbox: {outbox} cannot be read by this user"
        yield note("handback", said, "run doctor as the user of the daemon")
    elif is_there(Path(f"{outbox}.raised")) or scene.last(ACKS) is not None:
        yield _raised(scene, outbox)
    else:
        yield problem(
            "handback",
            f"{len(_waiting(outbox))} notices wait in {outbox}, and Zeek has not made "
            f"{outbox}.raised beside it: it does not read the outbox, may not write there, or "
            "remembers elsewhere (FlowPrint::raised_file) and has raised nothing yet",
            f"put {option} into local.zeek behind the `@load` of the Zeek package, let Zeek's user "
            f"write to {outbox.parent}, and run `zeekctl deploy`",
        )


def _raised(scene: Scene, outbox: Path) -> Finding:
    """Tell how many notices wait for a Zeek that has read the outbox."""
    waiting = _waiting(outbox)
    late = scene.host.now() - min(waiting, default=scene.host.now())
    waits = f"{len(waiting)} notices wait in {outbox}, the first for {span(late)}"
    if late > _RAISED and scene.last(ACKS) is None:
        return problem(
            "handback",
            f"{waits}, and no flowprint_ack.log in run.logs says that Zeek raised any",
            "look in reporter.log; and is the folder of Zeek's flowprint_ack.log among run.logs?",
        )
    if late > AGAIN:
        return problem("handback", waits, "look in reporter.log for what Zeek says of FlowPrint")
    return ok("handback", f"Zeek takes notices from {outbox}: {len(waiting)} wait")


def _waiting(outbox: Path) -> list[float]:
    """Return when the daemon asked for each row of the outbox, s since the epoch.

    Raises
    ------
    LogError
        It is no outbox.
    """
    log, columns = LogFile(outbox, "flowprint_outbox", "tsv"), [name for name, _ in OUTBOX]
    found: list[float] = []
    for rows in read_chunks(log, columns, stats=ReadStats()):
        for text in rows["asked"].tolist():
            try:
                found.append(float(text))
            except ValueError as error:
                raise LogError("is no outbox", path=outbox) from error
    return found


def check_siem(scene: Scene) -> Iterator[Finding]:
    """Tell what keeps a SIEM from reading notice.log."""
    run, form = scene.config.run, scene.config.notice.format
    if run.notices == "zeek":
        return
    path = Path(run.output) / NOTICES
    try:
        size = path.stat().st_size
    except OSError:
        return
    if form == "tsv":
        yield note(
            "siem",
            f"{path} is TSV: Elastic's integration, Filebeat and Security Onion take JSON only",
            "nothing without these; else set notice.format: json, with the old file moved away",
        )
    elif 0 < size < _LEAST:
        yield note(
            "siem",
            f"{path} has {size} bytes: Filebeat's filestream does not read a file below 1024",
            "wait for more rows (each day has a status), or set "
            "`prospector.scanner.fingerprint.length: 256` in Filebeat's input",
        )
    elif size:
        yield ok("siem", f"{path} has {size} bytes")
