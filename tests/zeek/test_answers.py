"""Names that hosts' own lookups gave addresses."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.core.arrays import ints
from flowprint_zeek.zeek import answers
from flowprint_zeek.zeek.answers import DNS_COLUMNS, Answers
from flowprint_zeek.zeek.columns import objects
from flowprint_zeek.zeek.names import Naming
from tests.zeek.test_join import chunk

if TYPE_CHECKING:
    from random import Random

Row = tuple[int, str, str, tuple[str, ...]]
"""Time, host, query, answers."""


def add(made: Answers, *rows: Row, qtype: int = 1) -> None:
    held = [
        {"ts": ts, "id.orig_h": host, "query": query, "qtype": qtype, "answers": found}
        for ts, host, query, found in rows
    ]
    made.add(chunk("dns", DNS_COLUMNS, held))


def told(*rows: Row, limit: int = 99, keep: int = 1000, deny: tuple[str, ...] = ()) -> Answers:
    made = Answers(limit, keep, Naming(deny))
    add(made, *rows)
    return made


def name(made: Answers, host: str, address: str, start: int) -> str:
    (found,) = made.look_up(objects([host]), objects([address]), ints([start])).tolist()
    return str(found)


def test_the_name_is_what_was_asked_for() -> None:
    """Not the aliases on the way; each address of the answer has it, for who asked."""
    made = told((5, "h", "WWW.a.example.", ("x.cdn.example", "192.0.2.1", "2001:db8::a")))
    assert [name(made, "h", at, 5) for at in ("192.0.2.1", "2001:db8::a")] == ["www.a.example"] * 2
    assert name(made, "i", "192.0.2.1", 5) == name(made, "h", "192.0.2.2", 5) == ""
    assert name(made, "h", "x.cdn.example", 5) == ""


def test_the_newest_answer_before_the_flow_counts() -> None:
    """From its time until the next, and no longer than it is kept."""
    made = told(
        (5, "h", "a.example", ("192.0.2.1",)), (9, "h", "b.example", ("192.0.2.1",)), keep=7
    )
    found = [name(made, "h", "192.0.2.1", start) for start in (4, 5, 8, 9, 16, 17)]
    assert found == ["", "a.example", "a.example", "b.example", "b.example", ""]


@pytest.mark.parametrize(
    ("query", "found", "qtype"),
    [
        ("a.example", ("192.0.2.1",), 16),
        ("a.example", ("b.example", "192.0.2.1.example", "300.1.1.1", ""), 1),
        ("a.example", (), 1),
        ("", ("192.0.2.1",), 1),
        ("shared.example", ("192.0.2.1",), 28),
    ],
)
def test_what_names_no_address(query: str, found: tuple[str, ...], qtype: int) -> None:
    """Other questions, answers without addresses, no question, names that strangers share."""
    made = told(deny=("shared.example",))
    add(made, (1, "h", query, found), qtype=qtype)
    assert len(made) == 0
    assert not made


def test_hostile_queries_are_printable() -> None:
    """What stands in an element is what every other log would give."""
    made = told((1, "h", "a\n\udcff\\.example", ("192.0.2.1",)))
    assert name(made, "h", "192.0.2.1", 1) == r"a\x0a\xff\x5c.example"


def test_a_log_without_question_types_is_read() -> None:
    """The answers tell."""
    made = told()
    rows = [{"ts": 1, "id.orig_h": "h", "query": "a.example", "answers": ("192.0.2.1",)}]
    made.add(chunk("dns", DNS_COLUMNS, rows))
    assert name(made, "h", "192.0.2.1", 1) == "a.example"


@pytest.mark.parametrize("backwards", [False, True])
def test_beyond_the_limit_the_oldest_go(*, backwards: bool) -> None:
    """Down to seven eighths, by time, host and address, whatever came first; they are counted."""
    rows = [(1 + n // 9, f"h{n}", f"{n}.example", ("192.0.2.1",)) for n in range(9)]
    made = told(*rows[:: -1 if backwards else 1], limit=8)
    assert len(made) == 9
    made.expire(0)
    assert (len(made), made.dropped) == (7, 2)
    assert [bool(name(made, f"h{n}", "192.0.2.1", 5)) for n in range(9)] == [False] * 2 + [True] * 7


def test_old_answers_and_their_texts_go(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory holds what still counts; the rest is looked up as before."""
    monkeypatch.setattr(answers, "_FEW_WORDS", 4)
    made = told(*((n, f"h{n}", f"{n}.example", (f"192.0.2.{n}",)) for n in range(1, 9)))
    made.expire(7)
    assert len(made) == 2
    assert made.dropped == 0
    assert len(made._texts) == len(made._words) == 6
    assert [name(made, f"h{n}", f"192.0.2.{n}", 9) for n in (6, 7, 8)] == [
        "",
        "7.example",
        "8.example",
    ]
    add(made, (9, "h7", "new.example", ("192.0.2.8",)))
    assert name(made, "h7", "192.0.2.8", 9) == "new.example"


# Against a plain reading

small = st.integers(0, 12)
rows_of_dns = st.lists(
    st.tuples(
        small,
        st.sampled_from("hi"),
        st.sampled_from(["a.example", "b.example", "c.example"]),
        st.lists(st.sampled_from(["192.0.2.1", "192.0.2.2", "x.example"]), max_size=3).map(tuple),
    ),
    max_size=12,
)


def plain(rows: list[Row], host: str, address: str, start: int, keep: int) -> str:
    """Return a name as a person would read it off the rows."""
    fit = [
        (-ts, query)
        for ts, who, query, found in rows
        if who == host and address in found and start - keep <= ts <= start
    ]
    return min(fit)[1] if fit else ""


@given(rows_of_dns, st.integers(0, 12), st.lists(st.integers(0, 12), max_size=4), st.randoms())
def test_names_are_those_of_a_plain_reading(
    rows: list[Row], keep: int, cuts: list[int], chance: Random
) -> None:
    """In whatever order and portions rows arrive, and however often they are sorted in."""
    shuffled = list(rows)
    chance.shuffle(shuffled)
    made = Answers(99, keep, Naming())
    edges = [0, *sorted(min(cut, len(rows)) for cut in cuts), len(rows)]
    for low, high in pairwise(edges):
        add(made, *shuffled[low:high])
        if high % 2:
            made.expire(0)
    asked = [(host, f"192.0.2.{n}", at) for host in "hij" for n in (1, 2, 3) for at in range(14)]
    hosts, addresses, starts = zip(*asked, strict=True)
    found = made.look_up(objects(hosts), objects(addresses), np.array(starts))
    assert found.tolist() == [plain(rows, *one, keep) for one in asked]
