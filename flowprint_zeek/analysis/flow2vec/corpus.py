"""A corpus: the sentences of logs, kept on disk.

Logs are read once. What is trained on is read from a file of numbers as often as it takes, so
memory holds the vocabulary and the flows of the windows that are open, however long the logs are.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, BinaryIO

import numpy as np

from flowprint_zeek.analysis.flow2vec.choices import MOST_COUNTED
from flowprint_zeek.analysis.flow2vec.reading import LABEL
from flowprint_zeek.analysis.flow2vec.sentences import Cut, Sentences, Windows
from flowprint_zeek.analysis.flow2vec.vocabulary import Vocabulary
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.core.flows import microseconds
from flowprint_zeek.errors import OutputError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from flowprint_zeek.analysis.flow2vec.reading import Reading
    from flowprint_zeek.analysis.flow2vec.tokens import Scheme
    from flowprint_zeek.core.arrays import Ints

_BLOCK = 1 << 16
"""Sentences that are read at a time."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Which tokens a corpus holds.

    Parameters
    ----------
    min_count : int
        Flows that a token has at least.
    also : collection of str
        Tokens that are held however rare: those of a model that is trained on.
    most : int
        Tokens that are counted at a time; see `Vocabulary`.
    """

    min_count: int = 2
    also: Collection[str] = ()
    most: int = MOST_COUNTED


@dataclass(slots=True)
class Corpus:
    """Sentences on disk; words are places in `tokens`.

    Attributes
    ----------
    folder : Path
        Where its files are; they are of no use without it.
    tokens : list of str
        Vocabulary, most frequent first.
    counts : ndarray of int, shape (n_tokens,)
        Flows of each token.
    labels : mapping of str to mapping
        By token, how many flows have which label.
    n_flows : int
        Flows that were read.
    n_words, n_sentences : int
        What is left in sentences of two or more tokens of the vocabulary.
    overdue, twice, pruned : int
        Flows left out; see `Windows` and `Vocabulary`.
    """

    folder: Path
    tokens: list[str]
    counts: Ints
    labels: Mapping[str, Mapping[str, int]]
    n_flows: int = 0
    n_words: int = 0
    n_sentences: int = 0
    overdue: int = 0
    twice: int = 0
    pruned: int = 0

    def blocks(self, begin: int = 0, end: int | None = None) -> Iterator[tuple[Ints, Ints]]:
        """Yield the words of some sentences in a row, and how many words each has.

        Parameters
        ----------
        begin, end : int, optional
            Numbers of sentences; by default all.
        """
        end = self.n_sentences if end is None else end
        with self._open(_WORDS) as words, self._open(_LENGTHS) as ends:
            for at in range(0, end, _BLOCK):
                lengths = _numbers(ends, min(_BLOCK, end - at), np.int32)
                word = _numbers(words, int(lengths.sum()), np.int32)
                skipped = min(max(begin - at, 0), lengths.size)
                yield word[int(lengths[:skipped].sum()) :], lengths[skipped:]

    def _open(self, name: str) -> BinaryIO:
        return (self.folder / name).open("rb")

    def sentences(self, begin: int = 0, end: int | None = None) -> Iterator[list[str]]:
        """Yield the tokens of each sentence; as `blocks`."""
        tokens = np.array([*self.tokens, ""], dtype=object)
        for word, lengths in self.blocks(begin, end):
            text, at = tokens[word].tolist(), 0
            for length in lengths.tolist():
                yield text[at : at + length]
                at += length


_WORDS, _LENGTHS = "words", "lengths"


@dataclass(slots=True)
class _Spool:
    """Numbers of words and lengths of sentences, as they come, in files."""

    folder: Path
    words: IO[bytes] = field(init=False)
    lengths: IO[bytes] = field(init=False)

    def __enter__(self) -> _Spool:
        self.words = (self.folder / f"raw-{_WORDS}").open("w+b")
        self.lengths = (self.folder / f"raw-{_LENGTHS}").open("w+b")
        return self

    def __exit__(self, *_: object) -> None:
        for file, name in ((self.words, _WORDS), (self.lengths, _LENGTHS)):
            file.close()
            (self.folder / f"raw-{name}").unlink()

    def write(self, words: Ints, lengths: Ints) -> None:
        self.words.write(words.tobytes())
        self.lengths.write(lengths.astype(np.int32).tobytes())


def collect(
    reading: Reading, scheme: Scheme, cut: Cut, folder: Path, limits: Limits | None = None
) -> Corpus:
    """Read logs into a corpus.

    Parameters
    ----------
    reading : Reading
        Logs.
    scheme : Scheme
        What tokens are made of.
    cut : Cut
        Where sentences begin and end.
    folder : Path
        Empty folder for its files: eight bytes a flow while it is made, four and a little then.
    limits : Limits, optional
        Which tokens it holds.

    Raises
    ------
    LogError
        As `flowprint_zeek.zeek.reader.read_chunks`.
    OutputError
        The folder cannot be written to.
    """
    chosen = Limits() if limits is None else limits
    stream = reading.config.stream
    windows = Windows(cut, microseconds(stream.lateness), microseconds(stream.disorder))
    made, vocabulary = Sentences(cut), Vocabulary(chosen.most)
    n_flows = 0
    try:
        with _Spool(folder) as spool:
            for closed in _closed(reading, windows):
                n_flows += len(closed)
                if len(closed):
                    code, tokens = scheme.tokens(closed)
                    word = vocabulary.take(code, tokens, closed[LABEL])
                    spool.write(*made.take(closed, word))
            spool.write(*made.rest())
            tokens = vocabulary.chosen(chosen.min_count, chosen.also)
            corpus = Corpus(
                folder, tokens, vocabulary.counts(tokens), vocabulary.labels(tokens), n_flows
            )
            corpus.overdue, corpus.twice = windows.overdue, windows.twice
            corpus.pruned = vocabulary.pruned
            _write(spool, corpus, vocabulary.numbers(tokens))
    except OSError as error:
        raise OutputError(f"cannot be written: {error.strerror or error}", path=folder) from error
    return corpus


def _closed(reading: Reading, windows: Windows) -> Iterator[pd.DataFrame]:
    for limit, flows in reading.flows():
        windows.add(flows)
        yield windows.close(limit)
    yield windows.close_all()


def _write(spool: _Spool, corpus: Corpus, numbers: Ints) -> None:
    """Write what was spooled as places in the vocabulary, without what is not in it."""
    order = np.argsort(numbers)
    known = numbers[order]
    spool.words.seek(0)
    spool.lengths.seek(0)
    with (
        (corpus.folder / _WORDS).open("wb") as words,
        (corpus.folder / _LENGTHS).open("wb") as ends,
    ):
        while (lengths := _numbers(spool.lengths, _BLOCK, np.int32)).size:
            number = _numbers(spool.words, int(lengths.sum()), np.int64)
            at = np.minimum(np.searchsorted(known, number), max(known.size - 1, 0))
            kept = known[at] == number if known.size else np.zeros(number.size, dtype=np.bool_)
            sentence = np.repeat(np.arange(lengths.size), lengths)
            left = np.bincount(sentence[kept], minlength=lengths.size)
            # A word alone has no neighbours.
            kept &= left[sentence] > 1
            left = left[left > 1]
            words.write(order[at[kept]].astype(np.int32).tobytes())
            ends.write(left.astype(np.int32).tobytes())
            corpus.n_words += int(left.sum())
            corpus.n_sentences += left.size


def _numbers(file: IO[bytes], count: int, kind: type[np.int32 | np.int64]) -> Ints:
    """Return the next numbers of a file, fewer at its end."""
    read: NDArray[np.int32 | np.int64] = np.frombuffer(
        file.read(count * np.dtype(kind).itemsize), dtype=kind
    )
    return ints(read)
