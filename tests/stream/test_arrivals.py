"""Rows in the order in which a live sensor would have read them."""

from __future__ import annotations

from functools import partial
from itertools import count
from typing import TYPE_CHECKING

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from flowprint_zeek.stream.arrivals import Archived, Arrivals, in_order_of_end

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence


def chunks(name: str, times: Sequence[int], size: int, opened: list[str]) -> Iterator[pd.DataFrame]:
    opened.append(name)
    for low in range(0, len(times), size):
        part = list(times[low : low + size])
        names = [f"{name}{at}" for at, _ in zip(count(low), part, strict=False)]
        yield pd.DataFrame({"end": part, "uid": names})


def arrivals(*files: Sequence[int], size: int = 2, opened: list[str] | None = None) -> Arrivals:
    """Return the arrivals of files a, b, … that hold rows with such times."""
    kept: list[str] = [] if opened is None else opened
    made = [
        Archived(times[0], partial(chunks, name, times, size, kept), "end")
        for name, times in zip("abcdef", files, strict=False)
    ]
    return Arrivals(made)


def taken(source: Arrivals, limit: int) -> list[str]:
    return [uid for rows in source.take(limit) for uid in rows["uid"].tolist()]


def read(source: Arrivals) -> list[tuple[int, list[str]]]:
    """Return each time at which rows arrive, with the rows."""
    found = []
    while (at := source.next()) is not None:
        found.append((at, sorted(taken(source, at))))
    return found


def test_files_are_merged_by_time() -> None:
    """Rows of several files come in the order of their times."""
    found = read(arrivals([10, 30, 50], [20, 40]))
    assert found == [(10, ["a0"]), (20, ["b0"]), (30, ["a1"]), (40, ["b1"]), (50, ["a2"])]


def test_a_row_behind_a_later_one_arrives_with_it() -> None:
    """In an unsorted file a row arrives when the file has reached its place."""
    assert read(arrivals([10, 30, 20, 40])) == [(10, ["a0"]), (30, ["a1", "a2"]), (40, ["a3"])]


def test_disorder_holds_up_only_its_own_file() -> None:
    """A late row of one file does not move rows of another."""
    assert read(arrivals([10, 30, 20], [25])) == [(10, ["a0"]), (25, ["b0"]), (30, ["a1", "a2"])]


def test_a_limit_is_inside() -> None:
    """Rows that arrive exactly at the limit are taken, later ones are not."""
    source = arrivals([10, 20, 21])
    assert taken(source, 20) == ["a0", "a1"]
    assert taken(source, 20) == []
    assert source.next() == 21


def test_a_limit_before_all_rows_takes_nothing() -> None:
    """Nothing is taken before the first row arrives, and nothing is lost by asking."""
    source = arrivals([10, 20])
    assert taken(source, 9) == []
    assert taken(source, 100) == ["a0", "a1"]


def test_a_file_is_not_opened_before_its_time() -> None:
    """A file is opened when the time of its first row has come, not earlier."""
    opened: list[str] = []
    source = arrivals([10, 20, 90], [50, 60], opened=opened)
    assert opened == []
    source.next()
    taken(source, 49)
    assert opened == ["a"]
    taken(source, 50)
    assert opened == ["a", "b"]


def test_the_next_time_may_be_in_a_file_that_is_not_open() -> None:
    """Asking for the next time opens the file that has it."""
    opened: list[str] = []
    source = arrivals([10], [50], opened=opened)
    taken(source, 10)
    assert source.next() == 50
    assert opened == ["a", "b"]


def test_files_are_opened_by_time_not_by_place() -> None:
    """The order in which files are given does not matter."""
    assert read(arrivals([50, 60], [10, 20])) == [
        (10, ["b0"]),
        (20, ["b1"]),
        (50, ["a0"]),
        (60, ["a1"]),
    ]


def test_no_files_have_no_rows() -> None:
    """Without files there is no next time and nothing to take."""
    source = Arrivals()
    assert source.next() is None
    assert taken(source, 100) == []


def test_files_whose_rows_are_all_left_out_are_passed_over() -> None:
    """A file of which every chunk is empty does not hide the files behind it."""
    empty = pd.DataFrame({"end": [], "uid": []}, dtype="int64")
    opened: list[str] = []
    source = Arrivals(
        [
            Archived(10, lambda: iter([empty, empty]), "end"),
            Archived(20, partial(chunks, "b", [20], 1, opened), "end"),
            Archived(30, lambda: iter(()), "end"),
        ]
    )
    assert source.next() == 20
    assert taken(source, 100) == ["b0"]
    assert source.next() is None


def test_an_empty_chunk_is_not_the_end_of_a_file() -> None:
    """Rows behind a chunk without any are read."""
    empty = pd.DataFrame({"end": [], "uid": []}, dtype="int64")
    full = pd.DataFrame({"end": [15], "uid": ["a0"]})
    source = Arrivals([Archived(10, lambda: iter([empty, full]), "end")])
    assert read(source) == [(15, ["a0"])]


TIMES = st.lists(st.integers(0, 60), min_size=1, max_size=12)


@settings(deadline=None, max_examples=60)
@given(st.lists(TIMES, min_size=1, max_size=3), st.integers(1, 13))
def test_arrival_does_not_depend_on_the_size_of_chunks(files: list[list[int]], size: int) -> None:
    """However many rows are read at a time, each arrives at the same time."""
    assert read(arrivals(*files, size=size)) == read(arrivals(*files, size=100))


@settings(deadline=None, max_examples=60)
@given(st.lists(TIMES, min_size=1, max_size=3), st.lists(st.integers(0, 60), max_size=5))
def test_taking_in_steps_loses_nothing(files: list[list[int]], limits: list[int]) -> None:
    """Whatever limits are asked for, every row is taken once."""
    source = arrivals(*files)
    found = [uid for limit in [*sorted(limits), 1000] for uid in taken(source, limit)]
    assert sorted(found) == sorted(uid for _, uids in read(arrivals(*files)) for uid in uids)


# Files in the order of start

FLOWS = st.lists(st.tuples(st.integers(0, 30), st.integers(0, 20)), max_size=12)


def ended(flows: Sequence[tuple[int, int]], size: int) -> list[str]:
    """Return the names of flows of some start and length in the order in which they are given."""
    rows = [
        {"start": start, "end": start + length, "uid": f"a{number}"}
        for number, (start, length) in enumerate(flows)
    ]
    parts = [pd.DataFrame(rows[low : low + size]) for low in range(0, len(rows), size)]
    return [uid for part in in_order_of_end(iter(parts)) for uid in part.get("uid", [])]


def test_rows_in_order_of_start_come_in_order_of_end() -> None:
    """A long flow comes behind those that began later and ended before."""
    assert ended([(0, 100), (10, 5), (20, 5), (30, 70), (31, 1)], 2) == [
        "a1",
        "a2",
        "a4",
        "a0",
        "a3",
    ]


@settings(deadline=None, max_examples=60)
@given(FLOWS)
def test_every_row_in_order_of_start_comes_by_its_end(flows: list[tuple[int, int]]) -> None:
    """Ends only rise, rows that end together keep their order, and none is lost."""
    flows = sorted(flows)
    order = sorted(range(len(flows)), key=lambda at: (sum(flows[at]), at))
    assert ended(flows, 3) == [f"a{at}" for at in order]


@settings(deadline=None, max_examples=60)
@given(FLOWS, st.integers(1, 13))
def test_the_order_of_ends_does_not_depend_on_the_size_of_chunks(
    flows: list[tuple[int, int]], size: int
) -> None:
    """Also where the file is in no order."""
    assert ended(flows, size) == ended(flows, 100)


def test_only_rows_that_overlap_are_held() -> None:
    """What has ended by the time of the file is given at once."""
    parts = (pd.DataFrame({"start": [at], "end": [at + 1], "uid": ["a"]}) for at in range(0, 10, 2))
    assert [len(part) for part in in_order_of_end(parts)] == [0, 1, 1, 1, 1, 1]
