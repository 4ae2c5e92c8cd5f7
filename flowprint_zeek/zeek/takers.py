"""What turns the lines of a log into frames, one class for each format."""

from __future__ import annotations

from collections import deque
from dataclasses import replace
from typing import TYPE_CHECKING

from flowprint_zeek.errors import LogError
from flowprint_zeek.zeek import binetflow, jsonlines, tsv
from flowprint_zeek.zeek.columns import standard_types
from flowprint_zeek.zeek.files import head_of, header_of, without_indent
from flowprint_zeek.zeek.header import (
    Header,
    parse_header,
    split_head,
    stream_of,
    uniform,
    unnamed,
    with_unnamed,
)
from flowprint_zeek.zeek.jsonlines import filled_lines, is_blank
from flowprint_zeek.zeek.logformat import to_bytes
from flowprint_zeek.zeek.tsv import Damaged, shown

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    import pandas as pd

    from flowprint_zeek.zeek.files import LogFile
    from flowprint_zeek.zeek.reader import ReadStats

# More than a header has; an archive may become any number of lines.
_MOST_COMMENTS = 64
_LONGEST_COMMENT = 1 << 20
_NEEDED = {"ts", "uid", "id.orig_h", "id.resp_h", "id.resp_p", "proto"}
_NEEDED_BY_KIND: dict[str, set[str]] = {
    "conn": _NEEDED,
    "flowprint_conn": _NEEDED | {"batch_start", "batch", "window", "windows"},
}


def taker_of(log: LogFile, columns: Sequence[str], stats: ReadStats) -> Taker:
    """Return what reads a log's format."""
    takers = {"json": Json, "tsv": Tsv, "binetflow": Binetflow}
    return takers[log.format](log, columns, stats)


class Taker:
    """Turns a log's lines, portion by portion, into frames and counts what they are.

    Parameters
    ----------
    log : LogFile
        Where they come from.
    columns : sequence of str
        Columns of the frames.
    stats : ReadStats
        Where they are counted.

    Attributes
    ----------
    line : int
        Lines taken so far.
    """

    def __init__(self, log: LogFile, columns: Sequence[str], stats: ReadStats) -> None:
        self.log = log
        self.columns = columns
        self.stats = stats
        self.types = standard_types(log.kind)
        self.line = 0
        self.told: dict[str, tuple[int, str]] = {}

    def begin(self, block: bytes, beginning: bytes | None = None) -> bytes:  # noqa: ARG002  Tsv
        """Return the first block without what some tools put before the first character.

        Parameters
        ----------
        block : bytes
            First lines.
        beginning : bytes, optional
            What tells of the whole log, however long the first block is; by default some rows that
            are read for that.
        """
        clean = without_indent(block)
        self.line = block.count(b"\n", 0, len(block) - len(clean))
        return clean

    def kept(self) -> str:
        """Return what lines to come are read by and the log's beginning does not tell."""
        return ""

    def resume(self, beginning: bytes, kept: str, line: int) -> None:
        """Go on in the middle of a log.

        Parameters
        ----------
        beginning : bytes
            The log's lines up to the first row.
        kept : str
            What `kept` gave there.
        line : int
            Lines before.
        """
        raise NotImplementedError

    def take(self, piece: bytes) -> Iterator[pd.DataFrame]:
        """Yield the rows of a portion of whole lines."""
        raise NotImplementedError

    def give(self, frame: pd.DataFrame, damaged: list[Damaged]) -> Iterator[pd.DataFrame]:
        """Yield the rows of some lines, if any, and count them and what was none."""
        self.count(damaged)
        if len(frame):
            self.stats.rows[self.log.kind] += len(frame)
            yield frame

    def count(self, damaged: list[Damaged]) -> None:
        """Count lines that are no rows."""
        if damaged:
            self.stats.damaged[self.log.kind] += sum(part.count for part in damaged)
            first = min(damaged, key=lambda part: part.row)
            text = f"damaged line ({first.reason}): {first.text!r}"
            self.tell("damaged", text, self.line + first.row + 1)

    def skip(self, count: int, stream: str, line: int) -> None:
        """Count rows of other logs than that of a stream."""
        if not count:
            return
        self.stats.skipped[self.log.kind] += count
        self.tell("stream", f"rows of other logs than {stream} are skipped", line)

    def tell(self, about: str, text: str, line: int) -> None:
        """Record a problem, once a file."""
        self.told.setdefault(about, (line, text))

    def problems(self) -> list[str]:
        """Return what was told, by line."""
        return [f"{self.log.path}:{line}: {text}" for line, text in sorted(self.told.values())]


class Json(Taker):
    """Takes JSON lines."""

    def __init__(self, log: LogFile, columns: Sequence[str], stats: ReadStats) -> None:
        super().__init__(log, columns, stats)
        self.parser = jsonlines.Parser(columns, self.types, log.stream, unclaimed=log.unclaimed)
        self.first = log.stream

    def begin(self, block: bytes, beginning: bytes | None = None) -> bytes:
        """Return the first block as any, having learned what the file's beginning tells."""
        if not self.first and beginning is not None:
            lines = jsonlines.lines_of(without_indent(beginning), "", unclaimed=False)
            rows = (jsonlines.row_of(line) or {} for _, line in lines)
            self.first = next(filter(None, map(jsonlines.stream_in, rows)), "")
        return super().begin(block, beginning)

    def kept(self) -> str:
        """Return what log the rows are of, where only later rows tell."""
        return "" if self.parser.stream == self.first else self.parser.stream

    def resume(self, beginning: bytes, kept: str, line: int) -> None:
        """Go on in the middle of a log."""
        self.begin(beginning, beginning)
        self.parser.stream = kept or self.first
        self.line = line

    def take(self, piece: bytes) -> Iterator[pd.DataFrame]:
        """Yield the rows of a portion of whole lines."""
        frame, damaged, foreign = self.parser.parse(piece)
        self.skip(len(foreign), self.parser.stream, self.line + (foreign or [0])[0] + 1)
        yield from self.give(frame, damaged)
        self.line += piece.count(b"\n")


class Binetflow(Taker):
    """Takes flows of Argus: a header line and rows."""

    def begin(self, block: bytes, beginning: bytes | None = None) -> bytes:
        """Return the first block without the header."""
        clean = super().begin(block, beginning)
        header = binetflow.header_of(clean)
        if header is None:
            raise LogError("has no header of binetflow", path=self.log.path)
        self.parser = binetflow.Parser(header, self.columns)
        self.line += 1
        return clean.partition(b"\n")[2]

    def resume(self, beginning: bytes, kept: str, line: int) -> None:  # noqa: ARG002  one header
        """Go on in the middle of a log."""
        self.begin(beginning)
        self.line = line

    def take(self, piece: bytes) -> Iterator[pd.DataFrame]:
        """Yield the rows of a portion of whole lines."""
        yield from self.give(*self.parser.parse(piece))
        self.line += piece.count(b"\n")


class Tsv(Taker):
    """Takes TSV: header lines, which may come anywhere, and rows.

    Attributes
    ----------
    own : Header or None
        The last header of the log itself; a file may hold others.
    """

    def __init__(self, log: LogFile, columns: Sequence[str], stats: ReadStats) -> None:
        super().__init__(log, columns, stats)
        self.header: Header | None = None
        self.own: Header | None = None
        self.stream = log.stream
        self.parser: tsv.Parser | None = None
        self.comments: deque[str] = deque(maxlen=_MOST_COMMENTS)
        self.prefix, self.unnamed = b"#", 0
        self.changes: deque[list[str]] = deque(maxlen=_MOST_COMMENTS)
        self.naming: list[list[str]] = []
        self.settled = False

    def begin(self, block: bytes, beginning: bytes | None = None) -> bytes:
        """Return the first block as any, having learned what the file's beginning tells."""
        # From a fixed part of the file, so that rows do not depend on the size of blocks.
        head = without_indent(head_of(self.log.path) if beginning is None else beginning)
        if head:
            header = header_of(head, self.log.path)
            _, rows = split_head(uniform(header, head), header.prefix)
            self.prefix, self.unnamed = to_bytes(header.prefix), unnamed(header, rows)
        return super().begin(block)

    def kept(self) -> str:
        """Return the header lines that came after the log's first header and still say something.

        What was taken over at once is a paragraph; the last is not taken over yet.
        """
        waiting = [] if all(map(self._says("close"), self.comments)) else self.comments
        paragraphs = [*self.naming, *self.changes, waiting]
        text = "\n\n".join("\n".join(line.rstrip("\r\n") for line in p) for p in paragraphs)
        # Each byte as a character, so that it can be kept wherever text can.
        return to_bytes(text).decode("latin-1")

    def resume(self, beginning: bytes, kept: str, line: int) -> None:
        """Go on in the middle of a log."""
        self.begin(beginning, beginning)
        prefix = self.prefix.decode("utf-8", "surrogateescape")
        lines, _ = split_head(without_indent(beginning), prefix)
        text = kept.encode("latin-1").decode("utf-8", "surrogateescape")
        for paragraph in [lines, *(part.split("\n") for part in text.split("\n\n") if text)]:
            self._settle()
            self.comments.extend(filter(None, paragraph))
        if not text:
            self._settle()
        # All of that was told when it was read.
        self.told.clear()
        self.line = line

    def take(self, piece: bytes) -> Iterator[pd.DataFrame]:
        """Yield the rows of a portion of whole lines."""
        begins = b"\n" + self.prefix
        plain = self.prefix not in piece
        at = 0
        while at < len(piece):
            if piece.startswith(self.prefix, at):
                end = piece.index(b"\n", at) + 1
                line = piece[at : min(end, at + _LONGEST_COMMENT)]
                self.comments.append(line.decode("utf-8", "surrogateescape"))
                self.line += 1
            else:
                end = len(piece) if plain else piece.find(begins, at) + 1 or len(piece)
                yield from self._rows(piece[at:end])
                self.line += piece.count(b"\n", at, end)
            at = end

    def _rows(self, lines: bytes) -> Iterator[pd.DataFrame]:
        self._settle()
        if is_blank(lines):
            return
        if self.header is None or self.parser is None:
            lines, numbers = without_blank(lines)
            first, text = next(iter(numbers or ()), 0), shown(lines[: lines.find(b"\n")])
            if lines:
                self.count([Damaged(lines.count(b"\n"), first, text, "no usable header")])
        elif stream_of(self.header.path) == self.stream:
            yield from self.give(*_parsed(self.parser, uniform(self.header, lines)))
        elif not self.log.stream or (self.log.unclaimed and not self.header.path):
            lines, numbers = without_blank(lines)
            first = next(iter(numbers or ()), 0)
            self.skip(lines.count(b"\n"), self.stream, self.line + first + 1)

    def _settle(self) -> None:
        """Take over what comment lines before these rows say of them."""
        comments = list(self.comments)
        if not comments:
            return
        self.comments.clear()
        before = self.line - len(comments)
        old, stream = self.header, self.stream
        try:
            self.header = parse_header(comments, old)
        except LogError as error:
            self.header = None
            self.tell("header", error.message, before + (error.line or len(comments)))
        if self.header is not None and self.header != old:
            self._use(self.header)
        if self.settled and self.header != old:
            self._note(comments, stream)
        self.settled = True

    def _note(self, comments: list[str], stream: str) -> None:
        """Note what changed the header, and forget what it replaces."""
        if self.header is not None and any(map(self._says("separator "), comments)):
            self.changes.clear()
        self.changes.append(comments)
        if stream != self.stream:
            self.naming = list(self.changes)
            self.changes.clear()

    def _says(self, word: str) -> Callable[[str], bool]:
        """Return what tells whether a header line says something."""
        beginning = self.prefix.decode("utf-8", "surrogateescape") + word
        return lambda line: line.startswith(beginning)

    def _use(self, header: Header) -> None:
        self.stream = self.stream or stream_of(header.path)
        columns = tsv.wanted(header, self.columns, self.types)
        self.parser = tsv.Parser(with_unnamed(header, self.unnamed), columns)
        if stream_of(header.path) == self.stream:
            self.own = header
            self._tell_of(header, columns)

    def _tell_of(self, header: Header, columns: Sequence[tsv.Wanted]) -> None:
        if header.oddity:
            self.tell("oddity", header.oddity, self.line)
        if self.unnamed:
            text = f"rows have fields that the header does not name ({self.unnamed}): left out"
            self.tell("unnamed", text, self.line + 1)
        needed = _NEEDED_BY_KIND.get(self.log.kind, ())
        missing = [column.name for column in columns if column.place < 0 and column.name in needed]
        if missing:
            self.tell("missing", f"has no column {', '.join(missing)}", self.line)


def _parsed(parser: tsv.Parser, lines: bytes) -> tuple[pd.DataFrame, list[Damaged]]:
    frame, damaged = parser.parse(lines)
    if not damaged:
        return frame, damaged
    # Blank lines are no damage. Looking for them costs, so it is done where something is wrong.
    lines, numbers = without_blank(lines)
    if numbers is None:
        return frame, damaged
    frame, damaged = parser.parse(lines)
    return frame, [replace(part, row=numbers[part.row]) for part in damaged]


def without_blank(lines: bytes) -> tuple[bytes, list[int] | None]:
    """Return lines without blank ones, and the numbers of those left; None where all are left."""
    if b"\n\n" not in lines and b"\n\r\n" not in lines and lines[:1] not in (b"\n", b"\r"):
        return lines, None
    filled = [(number, part) for number, part in filled_lines(lines) if part != b"\r"]
    return b"".join(part + b"\n" for _, part in filled), [number for number, _ in filled]
