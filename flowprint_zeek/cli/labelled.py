"""What ``evaluate`` is given: captures of a manifest, or files of labelled fingerprints."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from flowprint_zeek.analysis.captures import labelled_items, read_captures
from flowprint_zeek.analysis.items import Items
from flowprint_zeek.analysis.manifest import SPLITS, read_manifest
from flowprint_zeek.analysis.upstream import upstream_items
from flowprint_zeek.cli import matching, options
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.errors import LogError, ModelError, UsageError
from flowprint_zeek.store import is_model
from flowprint_zeek.stream.configured import parameters_of
from flowprint_zeek.stream.replay import Span

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from flowprint_zeek.analysis.captures import Captures, Counts
    from flowprint_zeek.cli.terminal import Terminal
    from flowprint_zeek.core.arrays import Ints
    from flowprint_zeek.core.fingerprint import Parameters
    from flowprint_zeek.known import KnownApp
    from flowprint_zeek.store import Model

SUMS = ("flows", "unassigned", "left_out", "fingerprints", "fingerprints_left_out")
"""What is counted of each capture and added up."""


@dataclass(frozen=True, slots=True)
class Labelled:
    """Labelled fingerprints, and what is told of where they come from.

    Attributes
    ----------
    items : Items
        Fingerprints.
    label : ndarray of shape (n_captures,)
        Label of each capture.
    split : list of str
        What each is for, "" for cross-validation.
    captures : list of dict
        What is told of each.
    totals : dict
        Their sums.
    parameters : Parameters
        Parameters of fingerprinting.
    threshold : float
        Similarity below which a fingerprint is unseen to plain Jaccard.
    upstream : Items or None
        What upstream makes of the same flows, where that was asked.
    warnings : list of str
        What a person should know.
    read : Captures or None
        The captures' flows, where they come from captures.
    """

    items: Items
    label: Ints
    split: list[str]
    captures: list[dict[str, object]]
    totals: dict[str, int]
    parameters: Parameters
    threshold: float
    upstream: Items | None = None
    warnings: list[str] = field(default_factory=list)
    read: Captures | None = None


def of_manifest(args: Namespace, terminal: Terminal) -> Labelled:
    """Read and fingerprint the captures of a manifest.

    Raises
    ------
    LogError
        The manifest or a capture is not as it must be, or nothing is left to test.
    UsageError
        An option does not go with the manifest's column split.
    """
    config = options.settings(args)
    rows = read_manifest(args.manifest)
    _check_split(args, divided=bool(rows[0].split))
    with terminal.progress("read captures", total=len(rows)) as advance:
        captures = read_captures(
            args.manifest,
            rows,
            config,
            Span(*options.times(args)),
            certificates=not args.strip_certificates,
            advance=advance,
        )
    parameters = parameters_of(config)
    items, counts = labelled_items(captures, parameters, min_flows=args.min_flows)
    split = [row.split for row in rows]
    _check_left(counts.fingerprints.tolist(), split, args.manifest)
    totals = {name: int(getattr(counts, name).sum()) for name in SUMS}
    upstream = None
    if args.baselines:
        with terminal.progress("upstream", total=len(rows)) as advance:
            upstream, totals["unassigned_upstream"] = upstream_items(
                captures, parameters, min_flows=args.min_flows, advance=advance
            )
    threshold, told = config.detect.threshold, _told(captures, counts)
    return Labelled(
        items,
        captures.label,
        split,
        told,
        totals,
        parameters,
        threshold,
        upstream,
        captures.warnings,
        captures,
    )


def _check_split(args: Namespace, *, divided: bool) -> None:
    if divided and args.folds is not None:
        raise UsageError("--folds and the column split contradict each other")
    if not divided and args.both_ways:
        raise UsageError("--both-ways needs the column split")


def _told(captures: Captures, counts: Counts) -> list[dict[str, object]]:
    return [
        {"path": row.path, "label": row.label, "split": row.split or None, "device": device or None}
        | {name: int(getattr(counts, name)[at]) for name in SUMS}
        for at, (row, device) in enumerate(zip(captures.rows, captures.devices, strict=True))
    ]


def _check_left(counts: Iterable[object], split: Sequence[str], path: Path) -> None:
    """Raise LogError if there is nothing to train on or to test."""
    left = {part for part, n in zip(split, counts, strict=True) if n}
    for part in sorted(set(split) - left, reverse=True):
        what = f"{part} captures" if part else "captures"
        raise LogError(f"no fingerprint is left of the {what}", path=path)


def of_files(args: Namespace, terminal: Terminal) -> Labelled:
    """Read labelled fingerprint files; a capture is all that a file has of one label.

    Raises
    ------
    ModelError
        A file is damaged, contradicts another one or an option, or has no label.
    """
    model = matching.trained(args, threshold=True)
    config = matching.with_parameters(options.settings(args), model, args, args.train[0])
    files = _Files()
    files.add("train", "", model.apps, args.min_flows)
    with terminal.progress("read fingerprints", total=len(args.test)) as advance:
        for path in args.test:
            if path.exists() and not is_model(path):
                raise ModelError("is no fingerprint file", path=path)
            apps = matching.tested(str(path), args, config, model, terminal)
            files.add("test", str(path), apps, args.min_flows)
            advance()
    for split, paths in (("train", args.train), ("test", args.test)):
        if not any(key[0] == split for key in files.captures):
            raise ModelError("no fingerprint with a label and enough flows", path=paths[0])
    return files.labelled(model)


def of_model(model: Model, path: Path) -> Labelled:
    """Return the labelled fingerprints of a model, the first seen first.

    Raises
    ------
    ModelError
        None has a label.
    """
    files = _Files()
    files.add("train", "", sorted(model.apps, key=lambda app: app.first), 1)
    if not files.captures:
        raise ModelError("no fingerprint with a label", path=path)
    return files.labelled(model)


@dataclass(slots=True)
class _Files:
    """Labelled fingerprints of files, as they come.

    Attributes
    ----------
    captures : dict
        Number, flows and fingerprints of what a source has of one label, by split, path and label.
    rows : list
        Elements, label, flows and capture of each fingerprint that counts.
    left_out : int
        Fingerprints with too few flows.
    unlabelled : dict
        Fingerprints without a label, by split.
    """

    captures: dict[tuple[str, str, str], dict[str, int]] = field(default_factory=dict)
    rows: list[tuple[Sequence[str], str, int, int]] = field(default_factory=list)
    left_out: int = 0
    unlabelled: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SPLITS, 0))

    def add(self, split: str, path: str, apps: Iterable[KnownApp], min_flows: int) -> None:
        """Take the fingerprints of a source."""
        for app in apps:
            # What does not say its flows has had one.
            n_flows = max(app.n_flows, 1)
            if app.label is None:
                self.unlabelled[split] += 1
            elif n_flows < min_flows:
                self.left_out += 1
            else:
                new = {"number": len(self.captures), "flows": 0, "fingerprints": 0}
                capture = self.captures.setdefault((split, path, app.label), new)
                capture["flows"] += n_flows
                capture["fingerprints"] += 1
                self.rows.append((app.elements, app.label, n_flows, capture["number"]))

    def labelled(self, model: Model) -> Labelled:
        """Return them all, training by a model's parameters."""
        items = Items.of(self.rows)
        number = {label: at for at, label in enumerate(items.labels)}
        counted = ("flows", "fingerprints")
        told: list[dict[str, object]] = [
            {"path": path or None, "label": label, "split": split}
            | {name: capture[name] for name in counted}
            for (split, path, label), capture in sorted(
                self.captures.items(), key=lambda one: one[0][1:]
            )
        ]
        totals = {name: sum(one[name] for one in self.captures.values()) for name in counted}
        totals["fingerprints_left_out"] = self.left_out
        totals |= {f"unlabelled_{split}": count for split, count in self.unlabelled.items()}
        return Labelled(
            items,
            ints([number[label] for _, _, label in self.captures]),
            [split for split, _, _ in self.captures],
            told,
            totals,
            model.parameters,
            model.threshold,
            warnings=[
                f"{count} fingerprints of --{split} have no label and are left out"
                for split, count in self.unlabelled.items()
                if count
            ],
        )
