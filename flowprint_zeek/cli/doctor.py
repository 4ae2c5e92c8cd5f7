"""``doctor``: whether the sensor, its logs and this host are as the daemon needs them."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.doctor.examine import CHECKS, examine
from flowprint_zeek.analysis.doctor.host import Host
from flowprint_zeek.cli import options
from flowprint_zeek.cli.exits import Exit

if TYPE_CHECKING:
    from argparse import Namespace

    from flowprint_zeek.analysis.doctor.finding import Finding
    from flowprint_zeek.cli.terminal import Terminal


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    config = options.settings(args)
    with terminal.progress("doctor", total=len(CHECKS)) as advance:
        findings = examine(config, Host(), args.zeek, advance)
    problems = sum(one.level == "problem" for one in findings)
    if args.json:
        found = {"findings": [asdict(one) for one in findings], "problems": problems}
        terminal.json({"parameters": config.to_dict()} | found)
    else:
        _show(findings, terminal)
    return Exit.PROBLEMS if args.strict and problems else Exit.OK


def _show(findings: list[Finding], terminal: Terminal) -> None:
    counts = [
        _counted(sum(one.level == "problem" for one in findings), "problem"),
        _counted(sum(one.level == "note" for one in findings), "note"),
        f"{sum(one.level == 'ok' for one in findings)} well",
    ]
    terminal.line(", ".join(counts))
    for one in findings:
        terminal.line(f"{one.level}: {one.check}: {one.found}")
        if one.do:
            terminal.line(f"    do: {one.do}")


def _counted(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
