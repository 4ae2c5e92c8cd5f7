"""What a replay tells of itself."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from flowprint_zeek.core.devices import Dropped
    from flowprint_zeek.stream.pipeline import Pipeline
    from flowprint_zeek.stream.replay import Source
    from flowprint_zeek.zeek.files import LogFile

NO_SSL = "no ssl log: no server names and no certificates, only addresses"
NAMES_WITHOUT_SSL = "no ssl log: no server names and no certificates, names of http and dns only"
ONLY_QUIC = "no ssl log: no certificates, and server names of QUIC only"
NO_X509 = "no x509 log: of the certificates, ssl.log tells only the files they were in"

_TLS = {"ssl", "flowprint_ssl", "flowprint_conn"}
_FEW = 3
_SOME = 100


def report(source: Source, pipeline: Pipeline) -> dict[str, object]:
    """Return the figures of a finished replay, ready for JSON."""
    counts, detector = pipeline.counts, pipeline.detector
    kinds = sorted({log.kind for log in source.logs})
    return {
        "files": len(source.logs),
        "rows_read": {kind: source.stats.rows[kind] for kind in kinds},
        "rows_damaged": {kind: source.stats.damaged[kind] for kind in kinds},
        "rows_duplicate": counts.rows_duplicate,
        "rows_dropped": dict(sorted(pipeline.gathered.dropped.reasons.items())),
        "flows": counts.flows,
        "devices": len(counts.devices),
        "batches": counts.batches,
        "batches_learned": counts.learned,
        "batches_degraded": counts.degraded,
        "fingerprints": counts.fingerprints,
        "unseen": detector.unseen,
        "pending_apps": len(pipeline.pending),
        "notices": detector.notices,
        "unassigned": counts.unassigned,
        "late_slices": {"matched": pipeline.late.matched, "unmatched": pipeline.late.unmatched},
        "overdue": pipeline.gathered.overdue,
        "bounded_batches": counts.bounded_batches,
        "tls_rows_dropped": pipeline.gathered.tls_dropped,
        "name_rows_dropped": pipeline.names_dropped,
        "coverage": coverage(pipeline),
        "known": {"fingerprints": len(pipeline.site.known), "elements": len(pipeline.site.seen)},
    }


def coverage(pipeline: Pipeline) -> dict[str, float | None]:
    """Return shares of flows by what they tell of themselves; they may overlap."""
    counts = pipeline.counts
    parts = {
        "certificate": counts.with_certificate,
        "server_name": counts.with_server_name,
        "http_host": counts.with_http_host,
        "dns_name": counts.with_dns_name,
        "none": counts.with_neither,
    }
    if not counts.flows:
        return dict.fromkeys(parts)
    return {key: round(part / counts.flows, 4) for key, part in parts.items()}


def warnings(source: Source, pipeline: Pipeline) -> list[str]:
    """Return what a person should know about a finished replay, a sentence each."""
    found = list(source.stats.problems)
    found += lacking(source.logs, by_file=pipeline.gathered.by_file)
    if pipeline.counts.flows:
        found += foreign(pipeline.gathered.dropped, pipeline.counts.flows)
    if pipeline.gathered.overdue:
        found.append(overdue(_counted(pipeline.gathered.overdue, "row")))
    return found + waiting_dropped(pipeline) + learned_little(pipeline)


def overdue(rows: str) -> str:
    """Return a sentence on rows, so many in words, that came too late."""
    return (
        f"{rows} came after the batch had closed; if logs are not in the order of connection end, "
        "raise stream.disorder"
    )


def waiting_dropped(pipeline: Pipeline) -> list[str]:
    """Warn where more rows waited for their connections than may."""
    numbers = {
        "ssl, quic, x509 and flowprint_conn": pipeline.gathered.tls_dropped,
        "http and dns": pipeline.names_dropped,
    }
    return [
        f"{_counted(number, 'row')} of {logs} logs dropped: raise stream.join_rows"
        for logs, number in numbers.items()
        if number
    ]


def learned_little(pipeline: Pipeline) -> list[str]:
    """Warn where little was learned of a few batches."""
    learned, known = pipeline.counts.learned, len(pipeline.site.known)
    if not learned or not 0 < known < _SOME:
        return []
    few = f"{_counted(known, 'fingerprint')} in {_counted(learned, 'batch', 'es')}"
    return [f"learned only {few}: expect notices of apps that are merely rare"]


def lacking(logs: Sequence[LogFile], *, by_file: bool) -> list[str]:
    """Return which logs would tell more of the connections.

    Parameters
    ----------
    logs : sequence of LogFile
        Those that there are.
    by_file : bool
        Whether ssl.log named certificates by their files.
    """
    kinds = {log.kind for log in logs}
    found = []
    if not kinds & _TLS:
        others = NAMES_WITHOUT_SSL if kinds & {"http", "dns"} else NO_SSL
        found.append(ONLY_QUIC if "quic" in kinds else others)
    if by_file and not kinds & {"x509", "files"}:
        found.append(NO_X509)
    return found


def _counted(number: int, noun: str, plural: str = "s") -> str:
    return f"{number} {noun}{'' if number == 1 else plural}"


def foreign(dropped: Dropped, n_flows: int) -> list[str]:
    """Warn where under half of the connections that could be flows have a device."""
    strangers = dropped.reasons["not_local"]
    if n_flows >= strangers:
        return []
    return [f"under half of the flows have a device: {_add_networks(dropped)}"]


def no_flows(dropped: Dropped) -> str:
    """Return a sentence on why no row became a flow."""
    reasons = ", ".join(f"{count} {why}" for why, count in sorted(dropped.reasons.items()))
    text = f"no connection is a flow of a local device ({reasons or 'no rows'})"
    return f"{text}: {_add_networks(dropped)}" if dropped.foreign else text


def _add_networks(dropped: Dropped) -> str:
    prefixes = sorted(dropped.foreign.items(), key=lambda item: (-item[1], item[0]))[:_FEW]
    named = ", ".join(f"{prefix} ({count} rows)" for prefix, count in prefixes)
    return f"if these are yours, add them to device.local_networks: {named}"
