"""Batches over time: what is late, what is overdue, and when a batch closes."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flowprint_zeek.stream.batcher import Batcher, ClosedBatch, Timing

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

Connection = tuple[str, int, int]

TIMING = Timing(batch=300, lateness=60, disorder=90, late_keep=3600)
SHOWN = ["uid", "start", "end", "batch", "home", "row_start", "row_end"]


def rows(*connections: Connection) -> pd.DataFrame:
    """Return connections of uid, start and end as the batcher takes them."""
    uid, start, end = zip(*connections, strict=True) if connections else ((), (), ())
    table = pd.DataFrame(
        {"start": list(start), "end": list(end), "orig_p": 40_000, "resp_p": 443, "n_bytes": 9},
        index=range(len(start)),
    ).astype("int64")
    texts = pd.DataFrame(
        {"uid": list(uid), "device": "10.0.0.1", "orig_h": "10.0.0.1", "resp_h": "203.0.113.1"}
    ).assign(proto="tcp")
    return pd.concat([texts.astype(object), table], axis=1)


def shown(batch: ClosedBatch) -> object:
    """Return all that a closed batch says."""
    return (
        batch.number,
        batch.slices[SHOWN].to_numpy().tolist(),
        batch.late[SHOWN].to_numpy().tolist(),
        batch.n_forgotten,
        batch.n_duplicates,
        batch.ended.tolist(),
    )


def closed(*connections: Connection, timing: Timing = TIMING) -> dict[int, ClosedBatch]:
    """Return all batches of connections that are given at once."""
    batcher = Batcher(timing)
    batcher.add(rows(*connections))
    return {batch.number: batch for batch in batcher.close_all()}


def spans(table: pd.DataFrame) -> list[list[int]]:
    held: list[list[int]] = table[["batch", "start", "end"]].to_numpy().tolist()
    return held


# Slices


def test_a_flow_is_cut_at_batch_edges() -> None:
    """A connection over an edge has a slice on both sides that ends a microsecond before it."""
    found = closed(("C1", 290, 310))
    assert spans(found[0].slices) == [[0, 290, 299]]
    assert spans(found[1].slices) == [[1, 300, 310]]


def test_an_end_on_an_edge_belongs_to_the_batch_after_it() -> None:
    """A connection that ends exactly on an edge is active in the batch that begins there."""
    found = closed(("C1", 290, 300))
    assert spans(found[1].slices) == [[1, 300, 300]]
    assert found[1].ended.tolist() == ["C1"]
    assert found[0].ended.tolist() == []


@pytest.mark.parametrize(("end", "late"), [(359, 0), (360, 0), (361, 1)])
def test_a_slice_is_late_when_its_batch_ended_over_lateness_before_its_row(
    end: int, late: int
) -> None:
    """Batch 0 ends at 300: with 60 of lateness it is in time for rows that end up to 360."""
    found = closed(("C1", 10, end))
    assert len(found[1].late) == late
    assert (0 in found) == (not late)


def test_lateness_does_not_depend_on_what_else_came() -> None:
    """A slice stays late though its batch is still open and has other rows."""
    found = closed(("C1", 10, 20), ("C2", 10, 361))
    assert found[0].slices["uid"].tolist() == ["C1"]
    assert spans(found[1].late) == [[0, 10, 299]]


def test_late_slices_come_with_the_batch_in_which_their_row_ends() -> None:
    """All late slices of a row are handed out when its last batch closes."""
    found = closed(("C1", 10, 1000))
    assert list(found) == [3]
    assert found[3].late["batch"].tolist() == [0, 1, 2]
    assert spans(found[3].slices) == [[3, 900, 1000]]


def test_late_slices_beyond_late_keep_are_only_counted() -> None:
    """Slices of batches that ended over `late_keep` before the row's end are not made."""
    found = closed(("C1", 0, 3000), timing=Timing(300, 60, 90, 600))
    assert found[10].late["batch"].tolist() == [7, 8]
    assert found[10].n_forgotten == 7
    assert found[9].n_forgotten == 0


def test_without_late_keep_nothing_late_is_kept() -> None:
    """With nothing kept every late slice is counted as forgotten."""
    found = closed(("C1", 0, 1000), timing=Timing(300, 60, 90, 0))
    assert found[3].late.empty
    assert found[3].n_forgotten == 3


def test_slices_are_sorted_by_start_and_uid() -> None:
    """The order of slices does not tell the order of rows."""
    found = closed(("C3", 20, 30), ("C2", 10, 90), ("C1", 20, 21))
    assert found[0].slices["uid"].tolist() == ["C2", "C1", "C3"]


# Closing


def test_a_batch_closes_when_the_watermark_passes_its_delay() -> None:
    """Batch 0 closes after 300 + 60 + 90, not at it."""
    batcher = Batcher(TIMING)
    batcher.add(rows(("C1", 10, 20)))
    assert list(batcher.close(450)) == []
    assert [batch.number for batch in batcher.close(451)] == [0]


def test_batches_close_in_order_and_once() -> None:
    """A watermark far ahead closes all batches before it by number; nothing closes again."""
    batcher = Batcher(TIMING)
    batcher.add(rows(("C3", 950, 960), ("C1", 10, 20), ("C2", 400, 410)))
    assert [batch.number for batch in batcher.close(5000)] == [0, 1, 3]
    assert list(batcher.close(5000)) == []
    assert list(batcher.close_all()) == []


def test_a_smaller_watermark_opens_nothing_again() -> None:
    """A batch that closed stays closed though a smaller watermark is given later."""
    batcher = Batcher(TIMING)
    list(batcher.close(1000))
    list(batcher.close(10))
    batcher.add(rows(("C1", 10, 20)))
    assert batcher.overdue == 1


def test_no_rows_make_no_batch() -> None:
    """An empty table is taken and closes nothing."""
    batcher = Batcher(TIMING)
    batcher.add(rows())
    assert list(batcher.close(1000)) == []
    assert list(batcher.close_all()) == []


# Overdue rows


def test_a_row_of_a_closed_batch_is_overdue_and_dropped() -> None:
    """What comes after its batch closed is counted and in no batch."""
    batcher = Batcher(TIMING)
    list(batcher.close(451))
    batcher.add(rows(("C1", 10, 20)))
    assert batcher.overdue == 1
    assert list(batcher.close_all()) == []


def test_what_is_still_open_of_an_overdue_row_counts() -> None:
    """A row whose first batch closed but whose last is open keeps its slice there."""
    batcher = Batcher(TIMING)
    list(batcher.close(451))
    batcher.add(rows(("C1", 290, 310)))
    assert batcher.overdue == 1
    assert [spans(batch.slices) for batch in batcher.close_all()] == [[[1, 300, 310]]]


def test_a_long_connection_is_not_overdue() -> None:
    """Late slices of closed batches are no reason to call their row overdue."""
    batcher = Batcher(TIMING)
    list(batcher.close(1000))
    batcher.add(rows(("C1", 10, 1000)))
    assert batcher.overdue == 0
    assert [batch.late["batch"].tolist() for batch in batcher.close_all()] == [[0, 1, 2]]


def test_rows_before_the_epoch_are_batched() -> None:
    """Times below zero, which a wrong clock gives, have batches of their own."""
    found = closed(("C1", -400, -390), ("C2", -200, -190), ("C3", 10, 20))
    assert [(number, len(batch.slices)) for number, batch in found.items()] == [
        (-2, 1),
        (-1, 1),
        (0, 1),
    ]


def test_batches_are_closed_for_good_at_the_end() -> None:
    """Closing all batches makes rows for them overdue."""
    batcher = Batcher(TIMING)
    batcher.add(rows(("C1", 10, 20)))
    list(batcher.close_all())
    batcher.add(rows(("C2", 10, 20)))
    assert batcher.overdue == 1


# Duplicates


def test_a_row_written_twice_is_one_flow() -> None:
    """Of rows with the same uid and start one counts, and the other is counted as duplicate."""
    found = closed(("C1", 10, 20), ("C2", 10, 20), ("C1", 10, 20))
    assert found[0].slices["uid"].tolist() == ["C1", "C2"]
    assert found[0].n_duplicates == 1


def test_a_duplicate_over_two_batches_counts_once() -> None:
    """A row written twice is one duplicate however many batches it is cut into."""
    found = closed(("C1", 290, 310), ("C1", 290, 310))
    assert [len(found[number].slices) for number in (0, 1)] == [1, 1]
    assert [found[number].n_duplicates for number in (0, 1)] == [0, 1]


def test_of_a_row_written_twice_the_longer_stays() -> None:
    """The longer of two rows with the same uid and start counts, whichever comes first."""
    for order in ([20, 90], [90, 20]):
        found = closed(*(("C1", 10, end) for end in order))
        assert spans(found[0].slices) == [[0, 10, 90]]


@pytest.mark.parametrize("uid", ["", "C1"])
@pytest.mark.parametrize("column", ["orig_p", "n_bytes"])
def test_rows_of_one_time_and_uid_do_not_depend_on_their_order(uid: str, column: str) -> None:
    """What rows of one time and uid differ in decides between them, not which came first."""
    one, other = rows((uid, 10, 20)), rows((uid, 10, 20)).assign(**{column: 7})

    def batched(*parts: pd.DataFrame) -> list[object]:
        batcher = Batcher(TIMING)
        for part in parts:
            batcher.add(part)
        (batch,) = batcher.close_all()
        return [batch.slices[column].tolist(), batch.n_duplicates]

    assert batched(one, other) == batched(other, one)


def test_another_start_is_another_flow() -> None:
    """The same uid at another time is not a duplicate."""
    found = closed(("C1", 10, 20), ("C1", 11, 20))
    assert len(found[0].slices) == 2
    assert found[0].n_duplicates == 0


def test_late_slices_of_a_row_written_twice_count_once() -> None:
    """Duplicates are dropped among late slices too."""
    found = closed(("C1", 10, 1000), ("C1", 10, 1000))
    assert found[3].late["batch"].tolist() == [0, 1, 2]


# Order and chunks


@st.composite
def arriving(draw: st.DrawFn) -> list[list[Connection]]:
    """Draw connections in any order within the disorder, cut into chunks anywhere."""
    numbers = st.integers(0, 2000)
    lengths = st.one_of(st.integers(0, 400), st.integers(0, 6000))
    pairs = draw(st.lists(st.tuples(numbers, lengths), min_size=1, max_size=30))
    connections = [(f"C{at}", start, start + more) for at, (start, more) in enumerate(pairs)]
    connections += draw(st.lists(st.sampled_from(connections), max_size=4))
    delay = draw(
        st.lists(
            st.integers(0, TIMING.disorder),
            min_size=len(connections),
            max_size=len(connections),
        )
    )
    keyed = sorted(zip(connections, delay, strict=True), key=lambda pair: pair[0][2] + pair[1])
    ordered = [connection for connection, _ in keyed]
    cuts = sorted(draw(st.sets(st.integers(1, len(ordered)), max_size=8)))
    edges = [0, *cuts, len(ordered)]
    return [ordered[low:high] for low, high in pairwise(edges)]


def streamed(chunks: Iterable[Sequence[Connection]]) -> tuple[list[object], int]:
    """Return what the batches say when they close by the watermark, and the overdue rows."""
    batcher, latest, found = Batcher(TIMING), 0, []
    for chunk in chunks:
        batcher.add(rows(*chunk))
        latest = max([latest, *(end for _, _, end in chunk)])
        found += [shown(batch) for batch in batcher.close(latest)]
    found += [shown(batch) for batch in batcher.close_all()]
    return found, batcher.overdue


@settings(deadline=None, max_examples=60)
@given(arriving())
def test_any_order_within_the_disorder_gives_the_same_batches(
    chunks: list[list[Connection]],
) -> None:
    """However rows are chunked and, within the disorder, ordered, all batches are the same."""
    together = [connection for chunk in chunks for connection in chunk]
    found, overdue = streamed(chunks)
    assert overdue == 0
    assert found == [shown(batch) for batch in closed(*sorted(together)).values()]
