"""What settings mean to the parts of the pipeline."""

from __future__ import annotations

import ipaddress
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from flowprint_zeek.core.devices import Network, Selection, is_mac
from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.core.novelty import Rule
from flowprint_zeek.errors import ConfigError
from flowprint_zeek.kinds import Period
from flowprint_zeek.stream.batcher import Timing
from flowprint_zeek.stream.hosts import Hosts, read_names
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS
from flowprint_zeek.stream.pending import NoticeRule
from flowprint_zeek.stream.phases import Learning
from flowprint_zeek.zeek.beside import Beside
from flowprint_zeek.zeek.leases import Leases
from flowprint_zeek.zeek.ownlogs import OUTBOX_PATH

if TYPE_CHECKING:
    from flowprint_zeek.config import Config

_HEAD = 512
"""Bytes at the beginning of a file that tell whether it is an outbox."""


def parameters_of(config: Config) -> Parameters:
    """Return the parameters of fingerprinting that settings hold."""
    chosen = config.fingerprint
    return Parameters(
        chosen.batch,
        chosen.window,
        chosen.correlation,
        chosen.similarity,
        chosen.scheme,
        chosen.activity,
        chosen.clique_budget,
    )


def basis_of(config: Config) -> dict[str, float | str]:
    """Return the settings that what was learned depends on."""
    chosen = {f"fingerprint.{key}": value for key, value in asdict(config.fingerprint).items()}
    del chosen["fingerprint.clique_budget"]
    return chosen | {"device.key": config.device.key}


def learning_of(config: Config) -> Learning:
    """Return what is done with batches, as settings of the daemon say."""
    run = config.run
    if run.mode != "auto":
        return Learning(always=run.mode)
    return Learning(duration=microseconds(run.learn_for), shadow=microseconds(run.shadow_for))


def selection_of(config: Config) -> Selection:
    """Return which connections become flows, as settings say."""
    chosen = config.device
    return Selection(
        local_networks=_networks(chosen.local_networks),
        protocols=chosen.protocols,
        by_mac=chosen.key == "mac",
        inbound=chosen.inbound,
        unanswered=chosen.unanswered,
        flipped=chosen.flipped,
        ignored_destinations=_networks(config.ignore.destinations),
        ignored_devices=_networks(config.ignore.devices),
        ignored_macs=frozenset(one for one in config.ignore.devices if is_mac(one)),
    )


def beside_of(config: Config) -> Beside:
    """Return what joins other logs to connections, as settings say."""
    stream = config.stream
    return Beside(
        stream.join_rows,
        config.ignore.shared_names,
        join_keep=microseconds(stream.join_keep),
        dns_keep=microseconds(stream.dns_keep),
    )


def hosts_of(config: Config) -> Hosts:
    """Return what devices are called, as settings say.

    Raises
    ------
    ConfigError
        The file of names cannot be read, or a line of it is wrong.
    """
    # An eighth, as of certificates: there are fewer hosts than connections.
    limit = max(config.stream.join_rows // 8, 1)
    return Hosts(read_names(config.device.names), Leases(limit))


def maintenance_of(config: Config) -> dict[str, Period]:
    """Return the maintenance windows that settings hold, by what they are called."""
    return {text: Period.parse(text) for text in config.detect.maintenance}


def timing_of(config: Config) -> Timing:
    """Return the widths and delays of batches that settings hold."""
    stream = config.stream
    return Timing(
        microseconds(config.fingerprint.batch),
        microseconds(stream.lateness),
        microseconds(stream.disorder),
        microseconds(stream.late_keep),
    )


def notice_rule_of(config: Config) -> NoticeRule:
    """Return when notices are raised, as settings say."""
    notice = config.notice
    return NoticeRule(
        microseconds(notice.repeat_after), notice.max_per_day, notice.per_device, notice.milestones
    )


def rule_of(config: Config) -> Rule:
    """Return when a fingerprint is unseen, as settings say."""
    detect, browser = config.detect, config.browser
    return Rule(
        by=detect.by,
        threshold=detect.threshold,
        weighted=detect.weights == "rarity",
        min_score=detect.min_score,
        min_novel=detect.min_novel,
        min_flows=detect.min_flows,
        min_batches=detect.min_batches,
        lone_batches=detect.lone_batches,
        browser_batches=browser.min_batches,
        burst=browser.burst,
    )


def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts if not is_mac(text))


def check_outputs(config: Config) -> None:
    """Raise ConfigError where what the daemon writes would lie where something else does."""
    run = config.run
    outputs = {"run.output": (run.output, Path(run.output))}
    if run.notices != "log":
        outputs["run.outbox"] = (run.outbox, Path(run.outbox).parent)
        _check_outbox(config)
    for place in map(Path, run.logs):
        followed = (place.resolve(), place.parent.resolve() if place.suffix else None)
        for key, (value, folder) in outputs.items():
            if folder.resolve() in followed:
                said = f"{key} is {value}, where logs are followed"
                raise ConfigError(f"{said}: Zeek's own notice.log is there; name another folder")


def _check_outbox(config: Config) -> None:
    """Raise ConfigError where the outbox would replace something else."""
    run, outbox = config.run, Path(config.run.outbox)
    own = [Path(run.state), *(Path(run.output) / name for name in (NOTICES, VERDICTS))]
    head = b""
    # What cannot be read now is told of when it is to be written.
    with suppress(OSError), outbox.open("rb") as file:
        head = file.read(_HEAD)
    foreign = head and f"#path\t{OUTBOX_PATH}\n".encode() not in head
    if foreign or outbox.resolve() in [path.resolve() for path in own]:
        raise ConfigError(f"run.outbox is {run.outbox}, a file of something else: name another")
