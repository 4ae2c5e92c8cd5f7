"""``flow2vec``: flows as words, and what lies near what."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from flowprint_zeek import store
from flowprint_zeek.analysis.flow2vec import modelfile
from flowprint_zeek.analysis.flow2vec.clusters import by_silhouette, candidates, clustered
from flowprint_zeek.analysis.flow2vec.page import write_html
from flowprint_zeek.analysis.flow2vec.picture import STEPS, available, drawn, write_png
from flowprint_zeek.aside import replacing
from flowprint_zeek.cli import embedded, fitting
from flowprint_zeek.cli.arguments.flow2vec import LISTED
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.core.elements import printable
from flowprint_zeek.errors import UsageError

if TYPE_CHECKING:
    from argparse import Namespace
    from pathlib import Path

    from flowprint_zeek.analysis.flow2vec.clusters import Clusters
    from flowprint_zeek.analysis.flow2vec.embedding import Embedding
    from flowprint_zeek.analysis.flow2vec.nearest import Nearness
    from flowprint_zeek.cli.terminal import Terminal

_FEW = 3


def execute(args: Namespace, terminal: Terminal) -> int:
    """Run the command."""
    _DOES[args.action](args, terminal)
    return Exit.OK


def _similar(args: Namespace, terminal: Terminal) -> None:
    model = modelfile.read(args.model)
    near: Nearness | None = None
    if args.known is None:
        found = model.similar(args.tokens, args.n)
    else:
        near = _near(model, args)
        found = list(near.destinations)
    rows = [_token_row(model, token) | {"cosine": cosine} for token, cosine in found]
    if args.json:
        said: dict[str, Any] = {"parameters": {"model": args.model, "n": args.n}}
        said |= {"tokens": args.tokens, "similar": rows}
        if near is not None:
            said |= embedded.apps_json(near)
        terminal.json(said)
        return
    terminal.table(
        f"Nearest to {' '.join(args.tokens)}",
        ("token", "cosine", "flows", "label"),
        [(row["token"], row["cosine"], row["flows"], row["label"]) for row in rows],
    )
    if near is not None:
        embedded.show_apps(near, terminal)
        if near.unplaced:
            terminal.line(f"Without a vector: {' '.join(near.unplaced)}")


def _near(model: Embedding, args: Namespace) -> Nearness:
    apps = store.read(args.known).apps
    near = embedded.near(args.model, model, args.tokens, apps, args.n)
    if not near.placed:
        raise UsageError(f"no vector for any of {' '.join(args.tokens)}")
    return near


def _token_row(model: Embedding, token: str) -> dict[str, Any]:
    count = int(model.counts[model.places[token]])
    return {"token": token, "flows": count, "label": model.label(token) or None}


def _cluster(args: Namespace, terminal: Terminal) -> None:
    model = modelfile.read(args.model)
    if args.silhouette:
        with terminal.progress("cluster", total=len(candidates(len(model.tokens)))) as advance:
            clusters = by_silhouette(model, advance)
    else:
        clusters = clustered(model, args.k)
    if args.output is not None:
        _write_clusters(args.output, model, clusters)
    rows = _cluster_rows(model, clusters)
    if args.json:
        chosen = {"model": args.model, "k": args.k, "silhouette": args.silhouette}
        found = {"k": clusters.k, "silhouettes": clusters.silhouettes, "output": args.output}
        terminal.json({"parameters": chosen} | found | {"clusters": rows})
        return
    if clusters.silhouettes:
        tried = sorted(clusters.silhouettes.items())
        terminal.table("Mean silhouette by k", ("k", "silhouette"), tried)
    most = len(rows) if args.all else LISTED
    more = f", {len(rows) - most} more with --all" if len(rows) > most else ""
    terminal.table(
        f"{clusters.k} clusters of {len(model.tokens)} tokens{more}",
        ("cluster", "tokens", "flows", "label of most", "share", "nearest to its middle"),
        [_cluster_cells(row) for row in rows[:most]],
    )


def _cluster_rows(model: Embedding, clusters: Clusters) -> list[dict[str, Any]]:
    held: list[list[int]] = [[] for _ in range(clusters.k)]
    for at in (-clusters.nearness).argsort(kind="stable").tolist():
        held[int(clusters.number[at])].append(at)
    rows = []
    for number, places in enumerate(held):
        labels = Counter(label for at in places if (label := model.label(model.tokens[at])))
        rows.append(
            {
                "cluster": number,
                "flows": int(model.counts[places].sum()),
                "labels": dict(sorted(labels.items(), key=lambda item: (-item[1], item[0]))),
                "tokens": [model.tokens[at] for at in places],
            }
        )
    return rows


def _cluster_cells(row: dict[str, Any]) -> tuple[object, ...]:
    tokens: list[str] = row["tokens"]
    label, count = next(iter(row["labels"].items()), (None, 0))
    more = f" +{len(tokens) - _FEW}" if len(tokens) > _FEW else ""
    share = None if label is None else f"{count / len(tokens):.0%}"
    return row["cluster"], len(tokens), row["flows"], label, share, " ".join(tokens[:_FEW]) + more


def _write_clusters(path: Path, model: Embedding, clusters: Clusters) -> None:
    with replacing(path) as file:
        file.write(b"token\tcluster\tcosine\tflows\tlabel\n")
        rows = zip(
            model.tokens,
            clusters.number.tolist(),
            clusters.nearness.tolist(),
            model.counts.tolist(),
            strict=True,
        )
        for token, number, cosine, count in rows:
            label = printable(model.label(token))
            file.write(f"{token}\t{number}\t{cosine:.6f}\t{count}\t{label}\n".encode())


def _plot(args: Namespace, terminal: Terminal) -> None:
    available()
    for path in filter(None, (args.output, args.png)):
        fitting.check_output(path)
    model = modelfile.read(args.model)
    by_cluster = args.colours == "cluster"
    with terminal.progress("t-SNE", total=STEPS) as advance:
        picture = drawn(model, args.most, by_cluster=by_cluster, advance=advance)
    write_html(args.output, picture, f"flow2vec: {args.model.name}")
    if args.png is not None:
        write_png(args.png, picture)
    groups = [{"name": one.name, "tokens": one.size} for one in picture.groups]
    if args.json:
        chosen = {"model": args.model, "most": args.most, "colours": args.colours}
        found = {"tokens": len(picture.tokens), "output": args.output, "png": args.png}
        terminal.json({"parameters": chosen} | found | {"groups": groups})
        return
    for path in filter(None, (args.output, args.png)):
        terminal.line(f"plot: {path}")


_DOES = {
    "fit": fitting.fit,
    "similar": _similar,
    "cluster": _cluster,
    "plot": _plot,
    "search": fitting.searched,
}
"""The function of each action."""
