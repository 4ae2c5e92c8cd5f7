"""Fields as text, one by one, in one piece, or each distinct one once."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.zeek import texts
from flowprint_zeek.zeek.header import Header
from flowprint_zeek.zeek.texts import SHORT, distinct
from flowprint_zeek.zeek.tsv import table_of

HEADER = Header(fields=("first", "middle", "last"))
FIELDS = st.one_of(
    st.sampled_from([b"", b"-", b"tcp", b"192.0.2.1", b"192.0.2.11", b"2001:db8::1", b"\xff"]),
    st.sampled_from([b"x" * size for size in (7, 8, 9, 16, SHORT - 1, SHORT, SHORT + 1, 200)]),
    st.binary(max_size=12),
).map(lambda raw: raw.translate(None, b"\t\n\r\0"))


def column(fields: list[bytes], place: int) -> tuple[bool, list[str]]:
    """Return whether equal fields were looked for in a column, and its texts line by line."""
    rows = [[b"a", b"b", b"c"] for _ in fields]
    for row, field in zip(rows, fields, strict=True):
        row[place] = field
    block = b"".join(b"\t".join(row) + b"\n" for row in rows)
    codes, found = distinct(table_of(block, HEADER)[0], place)
    if codes is None:
        return False, found
    assert len(set(found)) == len(found)
    return True, [found[code] for code in codes]


def decoded(fields: list[bytes]) -> list[str]:
    return [field.decode("utf-8", "surrogateescape") for field in fields]


@given(st.lists(FIELDS, max_size=40), st.integers(0, 2))
def test_texts_are_the_fields(fields: list[bytes], place: int) -> None:
    """Whatever they hold, in whatever column."""
    assert column(fields, place)[1] == decoded(fields)


@pytest.mark.parametrize("size", [0, 3, 8, SHORT, SHORT + 1, 500])
def test_fields_that_differ_are_taken_one_by_one(size: int) -> None:
    """Looking for equal ones would only cost."""
    fields = [b"%d" % row + b"x" * size for row in range(1000)]
    assert column(fields, 1) == (False, decoded(fields))


@pytest.mark.parametrize("size", [0, 3, 8, SHORT, SHORT + 1, 500])
def test_fields_that_are_alike_are_made_once(size: int) -> None:
    """The same object serves all rows."""
    fields = [b"%d" % (row % 5) + b"x" * size for row in range(1000)]
    looked, found = column(fields, 1)
    assert looked
    assert found == decoded(fields)
    assert len(set(map(id, found))) == 5


def test_short_and_long_fields_in_one_column() -> None:
    """A prefix of a long field is another field."""
    fields = [b"x" * size for size in (SHORT, SHORT + 1, SHORT + 8, 0, 8)] * 50
    assert column(fields, 2) == (True, decoded(fields))


def test_fields_that_are_mixed_into_one_number(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are told apart all the same."""
    monkeypatch.setattr(texts, "_ODD", np.uint64(0))
    fields = [b"%08d12345678" % (row % 7) for row in range(300)]
    assert column(fields, 0) == (True, decoded(fields))
