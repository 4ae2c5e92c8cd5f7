"""JSON lines as Zeek writes them are read at once, others one by one: with one result."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pandas.testing import assert_frame_equal

from flowprint_zeek.zeek.columns import standard_types
from flowprint_zeek.zeek.join import CONN_COLUMNS, SSL_COLUMNS
from flowprint_zeek.zeek.jsonlines import Parser

CONN = {
    "ts": 1772438401.367081,
    "uid": "CHesC96886xVnwli80",
    "id.orig_h": "10.20.2.78",
    "id.orig_p": 54279,
    "id.resp_h": "2001:db8::7",
    "id.resp_p": 443,
    "proto": "tcp",
    "duration": 0.336766,
    "conn_state": "SF",
    "local_orig": True,
}
SSL = {
    "ts": 1772438401.4,
    "uid": "CHesC96886xVnwli80",
    "server_name": "www.exämple.com",
    "cert_chain_fps": ["5f3a", "9c01"],
}
ODD = [
    b"",
    b" \r",
    b"[1]",
    b'{"ts":1772438401.0,"uid":"C1"',
    b'{"ts":1772438401.0} {"ts":1772438402.0}',
    b'{"ts":NaN,"uid":"C2"}',
    b'{"ts":1e400,"uid":"C3"}',
    b'{"ts":1772438401.0,"uid":"\\ud800"}',
    b'{"ts":1772438401.0,"uid":"\\u00e9"}',
    b'{"ts":1772438401.0,"uid":"\xff"}',
    b'{"ts":1772438401.0,"other":"\xff"}',
    b'{"ts":1772438401.0,"uid":"C4"}\r',
    b'{"ts":"2026-03-02T08:00:01Z","uid":5}',
    b'{"ts":1772438401.0,"id.resp_p":123456789012345678901234567890}',
    b'{"ts":1772438401.0,"uid":"C5","uid":"C6"}',
    b'{"ts":1772438401.0,"id":{"orig_h":"10.0.0.1","ctx":{"vlan":7}}}',
    b'{"ts":1772438401.0,"id":"none"}',
    b'{"ts":1772438401.0,"id_orig_h":"10.0.0.2"}',
    b'{"ts":1772438401.0,"_path":"ssl"}',
    b'{"ts":1772438401.0,"_path":["conn"]}',
    b'{"ts":1772438401.0,"\\u0075id":"C7"}',
    b'{"ts":null,"uid":null}',
]


def lines(*rows: dict[str, object]) -> bytes:
    return b"".join(json.dumps(row, ensure_ascii=False).encode() + b"\n" for row in rows)


class OneByOne(Parser):
    """A parser that looks at every line."""

    def _plain(self, _block: bytes) -> None:
        return None


def same(blocks: list[bytes], kind: str, columns: tuple[str, ...]) -> None:
    """Check that a parser gives what one gives that looks at every line."""
    ours, other = (make(columns, standard_types(kind)) for make in (Parser, OneByOne))
    for block in blocks:
        found, expected = ours.parse(block), other.parse(block)
        assert_frame_equal(found[0], expected[0])
        assert found[1:] == expected[1:]
        assert ours.stream == other.stream


@pytest.mark.parametrize(("kind", "row"), [("conn", CONN), ("ssl", SSL)])
def test_rows_as_zeek_writes_them_are_read_at_once(kind: str, row: dict[str, object]) -> None:
    """With any of their columns, and whether they say what log they are of."""
    columns = {"conn": CONN_COLUMNS, "ssl": SSL_COLUMNS}[kind]
    block = lines(row, row | {"_path": kind}, {"ts": 1.5}, row | {"uid": None})
    assert Parser(columns, standard_types(kind))._plain(block) is not None
    same([block], kind, columns)


@pytest.mark.parametrize("odd", ODD)
def test_a_line_that_is_not(odd: bytes) -> None:
    """The rows around it are read as ever."""
    same([lines(CONN), lines(CONN) + odd + b"\n" + lines(CONN)], "conn", CONN_COLUMNS)


@given(
    st.lists(
        st.lists(
            st.one_of(
                st.sampled_from(ODD),
                st.builds(
                    lambda more: lines(CONN | more)[:-1],
                    st.dictionaries(
                        st.sampled_from([*CONN, "_path", "id", "vlan", "history", "id_resp_h"]),
                        st.one_of(
                            st.none(),
                            st.booleans(),
                            st.integers(),
                            st.floats(),
                            st.text(max_size=5),
                            st.lists(st.integers(), max_size=2),
                            st.just("conn"),
                        ),
                        max_size=2,
                    ),
                ),
            ),
            max_size=4,
        ),
        max_size=3,
    )
)
def test_any_lines(blocks: list[list[bytes]]) -> None:
    """Rows, what is damaged, what is of another log, and what log it is."""
    same([b"".join(line + b"\n" for line in block) for block in blocks], "conn", CONN_COLUMNS)
