"""Whether vectors of flow2vec find the destinations of an app better than counting does.

Usage: python benchmarks/flow2vec.py simulated [--seeds N] [--epochs N] [--tokens FIELDS]
       python benchmarks/flow2vec.py apps APPS_DIR
       python benchmarks/flow2vec.py rows MILLIONS
       python benchmarks/flow2vec.py clusters TOKENS

``simulated``: simulated networks (20 devices, 30 apps, two days each) with the truth about every
connection. ``apps``: a folder of folders of captures, ``<device>/<app>_<run>/`` with Zeek's logs.
Both print how near the tokens of one app are to each other: purity of the five nearest, and mean
average precision of retrieving an app's other tokens. ``simulated`` prints also how often the app
of tokens that it is not known by is found: half of each app's own tokens are all that is known of
it, the other half asks. ``rows``: time and memory of fitting so many million rows of conn.log,
made of copies of a simulated day with other devices, in a folder that is deleted. ``clusters``:
time and memory of k-means over so many vectors that are drawn, k being a fifth.
"""

from __future__ import annotations

import argparse
import resource
import shutil
import sys
import tempfile
import time
from collections import Counter, defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.flow2vec.clusters import SHARE, clustered
from flowprint_zeek.analysis.flow2vec.cooccurrence import Cooccurrence
from flowprint_zeek.analysis.flow2vec.corpus import Corpus, Limits, collect
from flowprint_zeek.analysis.flow2vec.embedding import Embedding, Settings
from flowprint_zeek.analysis.flow2vec.nearest import Places
from flowprint_zeek.analysis.flow2vec.purity import judged, own_labels
from flowprint_zeek.analysis.flow2vec.reading import CONN, NAMING, Reading
from flowprint_zeek.analysis.flow2vec.sentences import Cut
from flowprint_zeek.analysis.flow2vec.tokens import Scheme
from flowprint_zeek.analysis.flow2vec.training import train
from flowprint_zeek.analysis.labelled import read_labels
from flowprint_zeek.analysis.simulate import Network, simulate
from flowprint_zeek.config import load
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.known import KnownApp
from flowprint_zeek.zeek.files import find_logs
from flowprint_zeek.zeek.reader import ReadStats, read_chunks

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from flowprint_zeek.core.arrays import Floats, Ints

    Likeness = Callable[[Ints], Floats]

NETWORK = Network(devices=20, apps=30, days=2)
DAY = replace(NETWORK, days=1)
OTHERS = ("background", "browser", "dns", "scan", "server")
"""Labels of the simulator that name no app."""

CUTS = {
    "60 s of a device": Cut(),
    "30 flows of a device": Cut(flows=30),
    "30 flows of all": Cut(flows=30, together=True),
}
"""Sentences; the last are those of the flow2vec document."""

TOKENS = ("element", "destination", "flow")
SPLITS = 20
"""Draws of which half of an app is known."""


@dataclass(frozen=True, slots=True)
class Figures:
    """What is printed of a method on one site."""

    purity: float
    precision: float
    chance: float
    tokens: int


def corpus_of(
    logs: Path, labels: Mapping[str, str], tokens: str, cut: Cut, folder: Path, min_count: int
) -> Corpus:
    """Return the corpus of some logs."""
    scheme = Scheme.parse(tokens)
    kinds = (CONN, *NAMING) if scheme.named else (CONN,)
    config = load(None, environ={}, overrides={})
    reading = Reading(find_logs([logs], kinds), config, named=scheme.named, labels=labels)
    return collect(reading, scheme, cut, folder, Limits(min_count=min_count))


def methods(corpus: Corpus, settings: Settings) -> dict[str, Likeness]:
    """Return what tells how like tokens are, by name."""
    counted, model = Cooccurrence(corpus), train(corpus, settings)
    return {
        "co-occurrence counts": counted.counts,
        "share of common sentences": counted.jaccard,
        "mutual information": counted.information,
        "flow2vec": lambda rows: (model.unit[rows] @ model.unit.T).astype(np.float64),
    }


def judge(
    logs: Path, labels: Mapping[str, str], tokens: str, cut: Cut, settings: Settings
) -> dict[str, Figures]:
    """Return the figures of each method on some logs."""
    settings = replace(settings, scheme=Scheme.parse(tokens), cut=cut)
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        corpus = corpus_of(logs, labels, tokens, cut, Path(folder), settings.min_count)
        own = own_labels(corpus.tokens, corpus.labels, corpus.counts, OTHERS)
        for name, likeness in methods(corpus, settings).items():
            one = judged(likeness, own)
            if one is not None:
                found[name] = Figures(one.purity, one.precision, one.chance, one.tokens)
    return found


def show(title: str, sites: list[dict[str, Figures]]) -> None:
    """Print the means over sites, with the least and the most of several."""
    tokens = sum(next(iter(one.values())).tokens for one in sites)
    chance = np.mean([next(iter(one.values())).chance for one in sites])
    print(f"\n{title}: {tokens} tokens of apps in {len(sites)} site(s), chance {chance:.3f}")
    for name in sites[0]:
        purity = [one[name].purity for one in sites]
        precision = [one[name].precision for one in sites]
        print(f"  {name:26} purity {_spread(purity)}  average precision {_spread(precision)}")


def _spread(values: list[float]) -> str:
    spread = f" ({min(values):.3f}-{max(values):.3f})" if len(values) > 1 else ""
    return f"{np.mean(values):.3f}{spread}"


def simulated(seeds: int, epochs: int, chosen: Sequence[str]) -> None:
    """Print the figures on simulated networks."""
    with tempfile.TemporaryDirectory() as folder:
        sites = []
        for seed in range(1, seeds + 1):
            site = Path(folder) / str(seed)
            write(simulate(replace(NETWORK, seed=seed)), site)
            sites.append((site, read_labels(site / "labels.tsv")))
        for tokens in chosen:
            for name, cut in CUTS.items():
                show(
                    f"tokens {tokens}, sentences of {name}",
                    [judge(*site, tokens, cut, Settings(epochs=epochs)) for site in sites],
                )
        hidden(sites)


def hidden(sites: list[tuple[Path, dict[str, str]]]) -> None:
    """Print how often the app is found that hidden tokens are of."""
    right: defaultdict[str, list[float]] = defaultdict(list)
    for logs, labels in sites:
        with tempfile.TemporaryDirectory() as folder:
            corpus = corpus_of(logs, labels, "element", Cut(), Path(folder), 2)
            own = own_labels(corpus.tokens, corpus.labels, corpus.counts, OTHERS)
            model = train(corpus, Settings(scheme=Scheme.parse("element")))
            counted = Cooccurrence(corpus)
        for seed in range(SPLITS):
            for name, share in _halved(corpus, own, model, counted, seed).items():
                right[name].append(share)
    print(
        f"\nthe app of its hidden half, first of all apps; {len(sites)} sites, {SPLITS} draws each"
    )
    for name, shares in right.items():
        print(f"  {name:26} {np.mean(shares):.3f}")


def _halved(
    corpus: Corpus, own: list[str], model: Embedding, counted: Cooccurrence, seed: int
) -> dict[str, float]:
    chance = np.random.default_rng(seed)
    places: dict[str, list[int]] = {}
    for at, label in enumerate(own):
        if label:
            places.setdefault(label, []).append(at)
    halves = {}
    for label, held in places.items():
        if len(held) > 1:
            drawn = chance.permutation(held).tolist()
            halves[label] = ints(drawn[: len(held) // 2]), ints(drawn[len(held) // 2 :])
    elements = {
        label: tuple(corpus.tokens[at] for at in known) for label, (known, _) in halves.items()
    }
    near = Places(model, [(label, KnownApp(names)) for label, names in elements.items()])
    right: Counter[str] = Counter()
    for label, (_, asked) in halves.items():
        found = near.near([corpus.tokens[at] for at in asked.tolist()], 1)
        right["flow2vec"] += found.apps[0].id == label
        for name, likeness in (
            ("share of common sentences", counted.jaccard),
            ("mutual information", counted.information),
        ):
            scores = likeness(asked)
            mean = {one: float(scores[:, known].mean()) for one, (known, _) in halves.items()}
            right[name] += max(mean, key=mean.__getitem__) == label
    return {name: count / len(halves) for name, count in right.items()}


def apps(folder: Path) -> None:
    """Print the figures on captures of one app each."""
    labels: dict[str, str] = {}
    for log in find_logs([folder], (CONN,)):
        for chunk in read_chunks(log, ("uid",), stats=ReadStats()):
            labels |= dict.fromkeys(chunk["uid"].tolist(), log.path.parent.name.partition("_")[0])
    for tokens in ("element", "destination"):
        for name, cut in CUTS.items():
            # There are few flows: more epochs make up for that.
            settings = Settings(epochs=100)
            show(
                f"tokens {tokens}, sentences of {name}",
                [judge(folder, labels, tokens, cut, settings)],
            )


def rows(millions: float) -> None:
    """Print the time and memory of fitting many rows."""
    with tempfile.TemporaryDirectory() as folder:
        made = copied(Path(folder) / "logs", round(millions * 1_000_000))
        begun, spool = time.monotonic(), Path(folder) / "corpus"
        spool.mkdir()
        corpus = corpus_of(Path(folder) / "logs", {}, "destination", Cut(), spool, 2)
        read, begun = time.monotonic() - begun, time.monotonic()
        size = sum(file.stat().st_size for file in spool.iterdir())
        train(corpus, Settings())
        trained = time.monotonic() - begun
    print(
        f"{made:,} rows, {corpus.n_flows:,} flows, {len(corpus.tokens):,} tokens, "
        f"{corpus.n_sentences:,} sentences: read in {read:.0f} s, trained in {trained:.0f} s "
        f"({Settings().epochs} epochs), peak {_peak():.0f} MiB, {size / 2**20:.0f} MiB on disk"
    )


def clusters(n_tokens: int) -> None:
    """Print the time and memory of clustering many vectors."""
    chance = np.random.default_rng(1)
    middles = chance.normal(size=(n_tokens // SHARE, Settings().size))
    vectors = middles[chance.integers(0, len(middles), n_tokens)]
    vectors = vectors + chance.normal(scale=0.3, size=vectors.shape)
    given = np.asarray(vectors, dtype=np.float32)
    names = tuple(f"t{at}" for at in range(n_tokens))
    model = Embedding(Settings(), names, np.ones(n_tokens, np.int64), given, given)
    before, begun = _peak(), time.monotonic()
    found = clustered(model)
    seconds = time.monotonic() - begun
    print(
        f"{n_tokens:,} tokens, {n_tokens // SHARE:,} clusters asked for, {found.k:,} with tokens: "
        f"{seconds:.0f} s, peak {_peak():.0f} MiB ({_peak() - before:.0f} MiB more than before); "
        f"all distances at once would be {n_tokens * (n_tokens // SHARE) * 4 / 2**30:.1f} GiB"
    )


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def copied(folder: Path, wanted: int, network: Network = DAY) -> int:
    """Write simulated logs again and again, each time with other devices; return the rows."""
    day = folder.parent / "day"
    write(simulate(network), day)
    logs = [log.path.read_bytes().split(b"\n") for log in find_logs([day], (CONN,))]
    shutil.rmtree(day)
    count = sum(sum(not line.startswith(b"#") for line in lines) - 1 for lines in logs)
    copies = -(-wanted // count)
    folder.mkdir()
    for number, lines in enumerate(logs):
        head = [line for line in lines if line.startswith(b"#") and not line.startswith(b"#close")]
        body = [line.split(b"\t") for line in lines if line and not line.startswith(b"#")]
        with (folder / f"conn.{number:02}.log").open("wb") as file:
            file.write(b"\n".join(head) + b"\n")
            for fields in body:
                file.writelines(_copies(fields, copies))
    return count * copies


def _copies(fields: list[bytes], copies: int) -> Iterable[bytes]:
    """Yield a row for each copy of its device: 10.20.x.y becomes 10.(20 + copy).x.y."""
    ts, uid, orig, rest = fields[0], fields[1], fields[2], b"\t".join(fields[3:])
    local = orig.startswith(b"10.20.")
    for copy in range(copies):
        # The second octet holds 200 copies, the third as many as are needed.
        octets = orig.split(b".") if local else []
        if local:
            octets[1] = b"%d" % (20 + copy % 200)
            octets[2] = b"%d" % (int(octets[2]) + 20 * (copy // 200))
        yield (
            b"\t".join((ts, b"%s%d" % (uid, copy), b".".join(octets) if local else orig, rest))
            + b"\n"
        )


def main(arguments: list[str]) -> int:
    """Print what is asked for."""
    parser = argparse.ArgumentParser(usage=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    site = actions.add_parser("simulated")
    site.add_argument("--seeds", type=int, default=3)
    site.add_argument("--epochs", type=int, default=Settings().epochs)
    site.add_argument("--tokens", nargs="+", choices=TOKENS, default=TOKENS)
    actions.add_parser("apps").add_argument("folder", type=Path)
    actions.add_parser("rows").add_argument("millions", type=float)
    actions.add_parser("clusters").add_argument("tokens", type=int)
    args = parser.parse_args(arguments)
    if args.action == "simulated":
        simulated(args.seeds, args.epochs, args.tokens)
    elif args.action == "apps":
        apps(args.folder)
    elif args.action == "rows":
        rows(args.millions)
    else:
        clusters(args.tokens)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
