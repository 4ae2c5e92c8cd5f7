"""How rows of logs that grow reach a pipeline, and where reading goes on after a restart."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.stream.batcher import Timing
from flowprint_zeek.stream.live import FOLLOWED, Live, Resume
from flowprint_zeek.zeek import follow, followed
from flowprint_zeek.zeek.follow import Follower
from flowprint_zeek.zeek.header import header_lines
from flowprint_zeek.zeek.join import COLUMNS
from flowprint_zeek.zeek.reader import ReadStats
from flowprint_zeek.zeek.tail import START, Position, Tail
from flowprint_zeek.zeek.writer import row_line, whole_lines
from tests.stream.small import BATCH, MIDNIGHT, SECOND, Conn
from tests.stream.small import COLUMNS as WRITTEN
from tests.stream.small import written as conn_row

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    import pandas as pd

HOUR = 3_600.0
DELAY = 150
"""Seconds from the end of a batch to its closing."""
SETTLE = 10.0


@dataclass
class Recorder:
    """A pipeline that writes down what it is given."""

    timing: Timing = field(
        default_factory=lambda: Timing(BATCH, 60 * SECOND, 90 * SECOND, 3_600 * SECOND)
    )
    parameters: Parameters = field(default_factory=Parameters)
    first_open: int | None = None
    next_closing: int | None = None
    said: list[str] = field(default_factory=list)

    def _say(self, what: str, rows: pd.DataFrame) -> None:
        self.said += [f"{what} {uid}" for uid in rows["uid"].tolist()]

    def conn(self, rows: pd.DataFrame) -> None:
        self._say("conn", rows)

    def again(self, rows: pd.DataFrame) -> None:
        self._say("again", rows)

    def beside(self, kind: str, rows: pd.DataFrame) -> None:
        self._say(kind, rows)

    def advance(self, watermark: int) -> None:
        first_open = -(-(watermark - self.timing.delay) // BATCH) - 1
        if self.first_open is None or first_open > self.first_open:
            self.said.append(f"open {first_open - MIDNIGHT // BATCH}")
            self.first_open = first_open

    def take(self) -> list[str]:
        """Return what was said since the last time."""
        said, self.said = self.said, []
        return said


class Feed:
    """A folder of logs, and what feeds a recorder from it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now = 0.0
        self.wall = MIDNIGHT + 10 * HOUR * SECOND
        self.pipeline = Recorder()
        self.stats = ReadStats()
        self.start({})

    def start(self, resumed: Mapping[str, Resume]) -> None:
        self.follower = Follower(
            [self.folder],
            [],
            {kind: COLUMNS[kind] for kind in FOLLOWED},
            positions={identity: one.position for identity, one in resumed.items()},
            stats=self.stats,
            clock=lambda: self.now,
            since=None,
            settle=SETTLE,
        )
        self.live = Live(
            self.follower,
            self.pipeline,  # type: ignore[arg-type]  # it has what is called
            resumed,
            skew=3_600 * SECOND,
            clock=lambda: round(self.wall),
        )

    def restart(self) -> None:
        """End it and go on from the positions, as a daemon does from those of its last commit."""
        positions = self.live.positions()
        self.follower.close()
        self.start(positions)

    def write(self, kind: str, *ends: float, prefix: str = "C", name: str = "") -> None:
        """Append rows that end at some seconds after midnight, named by them."""
        path = self.folder / (name or f"{kind}.log")
        lines = [] if path.exists() else header_lines(kind, WRITTEN[kind], MIDNIGHT)
        for end in ends:
            one = Conn(f"{prefix}{end:g}", end - 1)
            row = conn_row(one) if kind == "conn" else {"ts": one.end, "uid": one.uid}
            lines.append(row_line(row, WRITTEN[kind], tsv=True))
        with path.open("ab") as file:
            file.write(whole_lines(lines))

    def step(self) -> list[str]:
        """Look and take one step; return what came of it."""
        self.live.look()
        self.live.step()
        return self.pipeline.take()

    def read(self) -> list[str]:
        """Look and take all there is; return what came of it."""
        self.live.look()
        while self.live.step():
            pass
        return self.pipeline.take()

    def position(self, kind: str) -> Resume:
        """Return where reading the only log of a kind goes on."""
        (log,) = [one for one in self.live._logs.values() if one.log.log.kind == kind]
        return self.live.positions()[log.log.identity]


@pytest.fixture
def feed(tmp_path: Path) -> Iterator[Feed]:
    """Return what feeds from an empty folder, whose files are closed in the end."""
    made = Feed(tmp_path)
    yield made
    made.follower.close()


def rows(what: str, *ends: float) -> list[str]:
    return [f"{what} C{end:g}" for end in ends]


def chunks_of(monkeypatch: pytest.MonkeyPatch, size: int) -> None:
    monkeypatch.setattr(followed, "Tail", partial(Tail, chunk_bytes=size))


# Order


def test_a_batch_closes_between_what_it_may_see_and_what_it_may_not(feed: Feed) -> None:
    """Rows of other logs come up to the closing, then it closes, then come those behind it."""
    feed.write("conn", 200, 300, 460, 470, 800)
    feed.write("ssl", 199, 440, 455, 790)
    assert feed.step() == ["open 0", *rows("ssl", 199, 440), *rows("conn", 200, 300)]
    assert feed.step() == ["open 1", *rows("ssl", 455), *rows("conn", 460, 470)]
    assert feed.step() == ["open 2", *rows("ssl", 790), *rows("conn", 800)]
    assert feed.step() == []


def test_what_was_written_before_the_closing_row_is_found_before_it_closes(feed: Feed) -> None:
    """Also where it is in a log that nobody had looked for yet."""
    feed.write("conn", 200, 460)
    assert feed.step() == ["open 0", *rows("conn", 200)]
    feed.write("conn", 440, name="conn.logger-2.log", prefix="D")
    feed.live.step()
    feed.live.step()
    assert feed.pipeline.take() == ["conn D440", "open 1", "conn C460"]


def test_rows_out_of_order_arrive_with_the_latest_before_them(feed: Feed) -> None:
    """They come when they are read, and close nothing."""
    feed.write("conn", 200, 460, 220, 230)
    assert feed.read() == ["open 0", *rows("conn", 200), "open 1", *rows("conn", 460, 220, 230)]
    assert feed.live.watermark == MIDNIGHT + 460 * SECOND


def test_a_silence_closes_what_rows_would_have_closed(feed: Feed) -> None:
    """Log time goes on from the newest row; other logs are seen up to the closing."""
    feed.write("conn", 200)
    feed.read()
    feed.write("ssl", 440, 455)
    feed.live.look()
    feed.live.pass_time(250 * SECOND)
    assert feed.pipeline.take() == []
    feed.live.pass_time(251 * SECOND)
    assert feed.pipeline.take() == [*rows("ssl", 440), "open 1"]
    feed.live.pass_time(550 * SECOND)
    assert feed.pipeline.take() == []


def test_a_chunk_of_each_log_is_held_at_most(feed: Feed, monkeypatch: pytest.MonkeyPatch) -> None:
    """However much there is to catch up with: what is not due yet stays in its file."""
    chunks_of(monkeypatch, 500)
    feed.write("conn", *range(100, 4_000, 10))
    feed.write("ssl", *range(90, 4_000, 10))
    feed.live.look()
    given = 0
    while feed.live.step():
        given += sum(not said.startswith("open") for said in feed.pipeline.take())
        held = [len(log.rows) for log in feed.live._logs.values() if log.rows is not None]
        assert max(held, default=0) <= 15
        assert feed.stats.rows.total() == given + sum(held)
    assert feed.stats.rows == {"conn": 390, "ssl": 391}


# Restarts


def test_rows_of_open_batches_come_again(feed: Feed) -> None:
    """Those that batches which closed had are not read a second time."""
    feed.write("conn", 200, 210)
    feed.write("ssl", 199, 205)
    feed.read()
    assert feed.position("conn").position == START
    feed.restart()
    assert feed.read() == rows("again", 200, 210)
    feed.write("conn", 460, 470)
    feed.write("ssl", 455)
    assert feed.read() == ["open 1", *rows("ssl", 455), *rows("conn", 460, 470)]
    feed.restart()
    assert feed.read() == rows("again", 460, 470)


def test_a_chunk_that_was_partly_taken(feed: Feed) -> None:
    """It is read again from its beginning, and what was taken of it is told from the rest."""
    feed.write("conn", 200, 210, 460, 800)
    feed.write("ssl", 199, 440, 455, 790)
    feed.step()
    conn, ssl = feed.position("conn"), feed.position("ssl")
    assert (conn.position, conn.taken) == (START, 2)
    assert (ssl.position, ssl.taken) == (START, 2)
    feed.restart()
    assert feed.step() == rows("again", 200, 210)
    assert feed.step() == ["open 1", *rows("ssl", 455), *rows("conn", 460)]


def test_a_chunk_that_was_read_and_not_taken(feed: Feed) -> None:
    """Nothing of it was taken."""
    feed.write("conn", 100)
    feed.write("ssl", 4_000)
    feed.read()
    assert (feed.position("ssl").position, feed.position("ssl").taken) == (START, 0)
    feed.restart()
    feed.write("conn", 4_100)
    assert feed.read() == [*rows("again", 100), "ssl C4000", "open 13", "conn C4100"]


def test_a_restart_before_all_that_was_taken_is_read_again(feed: Feed) -> None:
    """What was not reached yet is not lost sight of."""
    feed.write("conn", 100, 200, 210)
    feed.write("ssl", 99, 190)
    feed.read()
    feed.restart()
    feed.live.look()
    feed.restart()
    assert feed.read() == rows("again", 100, 200, 210)


def test_chunks_behind_one_that_is_needed_are_needed_too(
    feed: Feed, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reading goes on at the first chunk with a row of an open batch."""
    chunks_of(monkeypatch, 400)
    feed.write("conn", *range(10, 700, 10))
    feed.read()
    at = feed.position("conn")
    assert at.position.offset > 0
    feed.restart()
    again = feed.read()
    assert again[-40:] == rows("again", *range(300, 700, 10))
    assert at.taken == len(again) < 50


def test_times_before_the_place_where_reading_goes_on_count(feed: Feed) -> None:
    """The order of rows is that of one who read the log from its beginning."""
    feed.write("ssl", 99, 460)
    feed.write("conn", 100, 470)
    feed.read()
    feed.restart()
    feed.write("ssl", 120)
    feed.write("conn", 480)
    feed.read()
    assert feed.position("ssl").latest == MIDNIGHT + 460 * SECOND


def test_a_log_that_is_not_there_yet_is_not_forgotten(feed: Feed) -> None:
    """It may be on its way to an archive while the daemon restarts, even twice."""
    feed.write("conn", 100, 200)
    feed.read()
    log = feed.folder / "conn.log"
    away = log.rename(feed.folder.parent / f"{feed.folder.name}.aside")
    feed.restart()
    assert feed.read() == []
    feed.restart()
    away.rename(log)
    assert feed.read() == rows("again", 100, 200)


def test_a_log_that_is_gone_for_good_is_forgotten(feed: Feed) -> None:
    """As long as it may come back its place is kept, and no longer: there are always new logs."""
    gone = Resume(Position(1_000, 9), 3, MIDNIGHT)
    feed.follower.close()
    feed.start({"0123456789abcdef": gone})
    feed.live.look()
    feed.live.committed()
    assert feed.live.positions() == {"0123456789abcdef": gone}
    feed.now += follow.KEEP + 1
    feed.live.look()
    feed.live.committed()
    assert feed.live.positions() == {}


def test_a_log_that_was_read_to_its_end_is_let_go(feed: Feed) -> None:
    """After the commit; should it grow all the same it is read on from there."""
    feed.write("conn", 200)
    feed.write("ssl", 199)
    feed.read()
    (feed.folder / "ssl.log").rename(feed.folder / "ssl.2026-01-01-00-00-00.log")
    for _ in range(3):
        feed.now += SETTLE
        feed.live.look()
        feed.live.pass_time(0)
        feed.live.positions()
        feed.live.committed()
    assert len(feed.live._logs) == len(feed.live.positions()) == 1
    feed.write("ssl", 220, name="ssl.2026-01-01-00-00-00.log")
    feed.write("conn", 230)
    assert feed.read() == [*rows("ssl", 220), *rows("conn", 230)]


# Clocks


def test_rows_that_cannot_be_are_left_out_and_counted(feed: Feed) -> None:
    """Of every log; those behind them come as if nothing had been."""
    feed.write("conn", 200, 1e6, 210)
    feed.write("ssl", 199, 1e6, 205)
    feed.write("conn", 460)
    feed.write("ssl", 450)
    assert feed.read() == [
        *("open 0", *rows("ssl", 199, 205, 450), *rows("conn", 200, 210)),
        *("open 1", *rows("conn", 460)),
    ]
    assert feed.live.future == 2
    assert feed.live.watermark == MIDNIGHT + 460 * SECOND


def test_rows_may_be_somewhat_ahead_of_the_clock(feed: Feed) -> None:
    """Up to run.skew."""
    feed.wall = float(MIDNIGHT)
    feed.write("conn", 100, HOUR, HOUR + 1)
    assert feed.read()[-1] == "conn C3600"
    assert feed.live.future == 1


def test_a_row_that_is_the_first_and_cannot_be(feed: Feed) -> None:
    """Its log is read all the same."""
    feed.write("ssl", 1e6, 199)
    feed.write("conn", 1e6, 200)
    assert feed.read() == ["open 0", *rows("ssl", 199), *rows("conn", 200)]
    assert feed.live.future == 2


def test_a_chunk_that_waits_until_its_rows_can_be(feed: Feed) -> None:
    """Rows are judged when they are taken too: what the clock has reached meanwhile is taken."""
    feed.write("conn", 100, 20 * HOUR)
    feed.live.look()
    conn = feed.live._connections
    assert conn.next() == MIDNIGHT + 100 * SECOND
    feed.wall += 10 * HOUR * SECOND
    assert "conn C72000" in feed.read()
    assert feed.live.future == 0
    assert feed.live.watermark >= MIDNIGHT + 100 * SECOND
