"""Rows that wait under a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.zeek.waiting import Waiting

if TYPE_CHECKING:
    from collections.abc import Sequence

Row = tuple[int, str]

NOTHING: Row = (0, "")


def filled(
    rows: Sequence[tuple[str, Row]], *, limit: int = 99, latest: bool = False
) -> Waiting[Row]:
    made: Waiting[Row] = Waiting(limit, latest=latest)
    add(made, rows)
    return made


def add(made: Waiting[Row], rows: Sequence[tuple[str, Row]]) -> None:
    made.add([key for key, _ in rows], [row for _, row in rows])


@given(
    rows=st.lists(
        st.tuples(
            st.sampled_from("kl"), st.tuples(st.integers(1, 3), st.sampled_from(["", "a", "b"]))
        ),
        max_size=8,
    ),
    cut=st.integers(0, 8),
    latest=st.booleans(),
    data=st.data(),
)
def test_the_least_or_greatest_row_of_a_key_counts(
    rows: list[tuple[str, Row]], cut: int, *, latest: bool, data: st.DataObject
) -> None:
    """In any order and any chunks."""
    shuffled = data.draw(st.permutations(rows))
    made = filled(shuffled[:cut], latest=latest)
    add(made, shuffled[cut:])
    choose = max if latest else min
    expected = [choose((row for k, row in rows if k == key), default=NOTHING) for key in "kl"]
    assert made.look_up("kl", NOTHING) == expected


def test_rows_without_a_key_are_left_out() -> None:
    """They belong to nothing."""
    assert len(filled([("", (1, "a"))])) == 0


@pytest.mark.parametrize("latest", [False, True])
def test_the_oldest_make_room_whatever_counts(*, latest: bool) -> None:
    """Of more than the limit, seven eighths stay: the newest."""
    made = filled([(f"k{n}", (n, "a")) for n in range(9)], limit=8, latest=latest)
    made.expire()
    assert (len(made), made.dropped) == (7, 2)
    assert made.look_up(["k1", "k2"], NOTHING) == [NOTHING, (2, "a")]


def test_a_row_that_is_seen_again_is_not_old() -> None:
    """Where the latest counts, what was seen lately stays."""
    rows = [(f"k{n}", (n, "a")) for n in range(9)]
    made = filled([*rows, ("k0", (9, "a"))], limit=8, latest=True)
    made.expire()
    assert made.look_up(["k0", "k1"], NOTHING) == [(9, "a"), NOTHING]


def test_expired_rows_are_gone() -> None:
    """A row from before the time is not found; one at the time is."""
    made = filled([("k", (4, "a")), ("l", (5, "a"))])
    made.expire(5)
    assert made.look_up("kl", NOTHING) == [NOTHING, (5, "a")]
    assert len(made) == 1
    assert made.dropped == 0


def test_what_is_forgotten_is_gone() -> None:
    """Keys that are done with, and those that never were."""
    made = filled([("k", (4, "a"))])
    assert made
    made.forget(["k", "x"])
    assert not made
