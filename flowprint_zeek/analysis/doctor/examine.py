"""All checks of a set-up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.doctor.access import check_reading, check_user, check_writing
from flowprint_zeek.analysis.doctor.columns import check_columns, check_damage, check_times
from flowprint_zeek.analysis.doctor.coverage import check_coverage
from flowprint_zeek.analysis.doctor.daemon import check_daemon
from flowprint_zeek.analysis.doctor.finding import LEVELS, Finding, problem
from flowprint_zeek.analysis.doctor.growth import check_clock, check_growth
from flowprint_zeek.analysis.doctor.handback import check_handback, check_siem
from flowprint_zeek.analysis.doctor.places import check_kinds, check_places
from flowprint_zeek.analysis.doctor.program import check_program
from flowprint_zeek.analysis.doctor.scene import Scene
from flowprint_zeek.analysis.doctor.scripts import check_scripts
from flowprint_zeek.analysis.doctor.system import check_disks, check_events
from flowprint_zeek.errors import FlowPrintError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from flowprint_zeek.analysis.doctor.host import Host
    from flowprint_zeek.config import Config

_logger = logging.getLogger(__name__)

CHECKS: dict[str, Callable[[Scene], Iterator[Finding]]] = {
    "user": check_user,
    "zeek": check_program,
    "logs": check_places,
    "kinds": check_kinds,
    "scripts": check_scripts,
    "columns": check_columns,
    "times": check_times,
    "damage": check_damage,
    "growth": check_growth,
    "clock": check_clock,
    "reading": check_reading,
    "writing": check_writing,
    "events": check_events,
    "disk": check_disks,
    "coverage": check_coverage,
    "daemon": check_daemon,
    "handback": check_handback,
    "siem": check_siem,
}
"""Every check by its name, in the order in which they are done."""


def examine(
    config: Config,
    host: Host,
    zeek: str | None = None,
    on_check: Callable[[], None] = lambda: None,
) -> list[Finding]:
    """Return what is to be said of a set-up, what is most urgent first; nothing is changed.

    Parameters
    ----------
    config : Config
        Settings, of which section ``run`` names what is looked at.
    host : Host
        The host.
    zeek : str or None
        The program Zeek; None looks for it. It is asked for its version, and runs no script.
    on_check : callable
        Called after each check.

    Returns
    -------
    list of Finding
        At least one of each check that applies. A check that fails is a problem, and the others
        go on.
    """
    scene = Scene(config, host, zeek)
    found: list[Finding] = []
    for name, check in CHECKS.items():
        try:
            found.extend(check(scene))
        except FlowPrintError as error:
            found.append(problem(name, str(error), "put right what it names"))
        except Exception as error:
            _logger.debug("check %s", name, exc_info=True)
            found.append(_failed(name, error))
        on_check()
    return sorted(dict.fromkeys(found), key=lambda one: LEVELS.index(one.level))


def _failed(name: str, error: Exception) -> Finding:
    return problem(
        name,
        f"this could not be checked: {type(error).__name__}: {error}",
        "run doctor with -vv for the traceback",
    )
