"""Corpora: sentences of logs."""

from __future__ import annotations

import gzip
from collections import Counter, defaultdict
from itertools import groupby
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from flowprint_zeek.analysis.flow2vec.choices import LONGEST
from flowprint_zeek.analysis.flow2vec.corpus import Limits
from flowprint_zeek.analysis.flow2vec.sentences import Cut
from flowprint_zeek.analysis.flow2vec.tokens import Scheme
from flowprint_zeek.config import load
from flowprint_zeek.core.flows import SECOND
from flowprint_zeek.stream.replay import Span
from tests.analysis.flow2vec.small import BEGIN, conn, made, sentences, token, two_apps, written

if TYPE_CHECKING:
    from pathlib import Path

    from tests.analysis.flow2vec.small import Row

BINETFLOW = (
    "StartTime,Dur,Proto,SrcAddr,Sport,Dir,DstAddr,Dport,State,sTos,dTos,TotPkts,TotBytes,SrcBytes,"
    "Label\n"
    "2023/11/14 22:14:00.000000,1.0,tcp,10.0.0.1,5,->,192.0.2.1,443,CON,0,0,2,9,4,flow=Botnet\n"
    "2023/11/14 22:14:02.000000,0.5,udp,10.0.0.1,5,<->,192.0.2.2,53,CON,0,0,2,9,4,flow=Normal\n"
)


def in_memory(rows: list[Row], span: int = 60, lateness: int = 60) -> list[list[str]]:
    """Return the sentences by time as a definition: all rows at once."""
    found: defaultdict[tuple[str, int], list[tuple[int, int, str, str]]] = defaultdict(list)
    for row in rows:
        start = round(row["ts"] * SECOND)
        end = start + round(row["duration"] * SECOND)
        window = max(start, end - lateness * SECOND) // (span * SECOND)
        word = f"{row['id.resp_h']},{row['id.resp_p']},{row['proto']}"
        found[row["id.orig_h"], window].append((start, end, row["uid"], word))
    return [[word for *_, word in sorted(each)] for each in found.values() if len(each) > 1]


# Sentences by time


def test_a_sentence_is_what_a_device_does_in_a_window(tmp_path: Path) -> None:
    """Flows of one minute and device are one sentence, by their start."""
    rows = [conn(1, 1, 5), conn(2, 2, 8), conn(3, 1, 4), conn(4, 2, 9), conn(61, 1, 7)]
    rows.append(conn(62, 1, 6))
    assert sentences(made(tmp_path, rows)) == [
        [token(5), token(4)],
        [token(8), token(9)],
        [token(7), token(6)],
    ]


def test_a_flow_is_where_it_begins(tmp_path: Path) -> None:
    """conn.log tells of a flow at its end; what began before stands before."""
    rows = [conn(10, 1, 5), conn(2, 1, 4, duration=30.0)]
    assert sentences(made(tmp_path, rows)) == [[token(4), token(5)]]


def test_a_long_flow_counts_a_lateness_before_its_end(tmp_path: Path) -> None:
    """Whoever lasted two hours is a neighbour of what ended a minute before it."""
    rows = [conn(7170, 1, 5), conn(7171, 1, 6), conn(0, 1, 4, duration=7235.0)]
    assert sentences(made(tmp_path, rows)) == [[token(4), token(5), token(6)]]


times = st.floats(0, 900).map(lambda at: round(at, 3))
flows = st.lists(
    st.tuples(
        times, st.integers(1, 3), st.integers(1, 4), st.sampled_from([0.0, 2.5, 70.0, 400.0])
    ),
    max_size=30,
    unique_by=lambda flow: flow[0],
)


@hypothesis_settings(max_examples=30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(flows=flows, chunk=st.integers(1, 40))
def test_streaming_equals_memory(
    tmp_path: Path, flows: list[tuple[float, int, int, float]], chunk: int
) -> None:
    """However few rows are read at a time, the sentences are those of all rows at once."""
    rows = [conn(at, device, one, duration=lasts) for at, device, one, lasts in flows]
    rows.sort(key=lambda row: float(row["ts"] + row["duration"]))
    rows.append(conn(9999, 9, 9))
    config = load(None, environ={}, overrides={"stream.chunk_rows": chunk})
    found = made(tmp_path, rows, config=config)
    assert sorted(sentences(found)) == sorted(in_memory(rows))
    assert found.n_flows == len(rows)
    assert found.overdue == 0


def test_files_and_formats_are_any_mix(tmp_path: Path) -> None:
    """Rows over several files, one of them compressed, make the corpus of one file."""
    rows = two_apps(minutes=9)
    whole = sentences(made(tmp_path, rows))
    first = written(tmp_path / "conn.a.log", rows[::2])
    other = written(tmp_path / "conn.b.log", rows[1::2])
    (tmp_path / "conn.b.log.gz").write_bytes(gzip.compress(other.read_bytes()))
    other.unlink()
    found = made(tmp_path, [first, tmp_path / "conn.b.log.gz"])
    assert sentences(found) == whole
    assert found.n_words == sum(map(len, whole))


def test_since_and_until_cut(tmp_path: Path) -> None:
    """Only connections that end between are flows."""
    rows = [conn(at, 1, at) for at in range(1, 9)]
    span = Span((BEGIN + 3) * SECOND, (BEGIN + 6) * SECOND)
    assert sentences(made(tmp_path, rows, span=span)) == [[token(2), token(3), token(4)]]


def test_a_row_that_comes_too_late_is_counted(tmp_path: Path) -> None:
    """Where a file is out of order by more than the disorder, the flow is left out."""
    rows = [*two_apps(minutes=30), conn(1, 7, 7)]
    found = made(tmp_path, rows)
    assert (found.overdue, found.n_flows) == (1, len(rows) - 1)


def test_a_row_written_twice_is_one_flow(tmp_path: Path) -> None:
    """The same uid and start make no second word; the longer row counts."""
    rows = [conn(1, 1, 1, duration=0.5), conn(1, 1, 1), conn(2, 1, 2)]
    found = made(tmp_path, rows)
    assert (sentences(found), found.twice) == ([[token(1), token(2)]], 1)


def test_no_sentence_is_too_long_for_gensim(tmp_path: Path) -> None:
    """A window with more flows than gensim takes is several sentences."""
    rows = [conn(at / 1000, 1, at % 2) for at in range(LONGEST + 5)]
    assert list(map(len, made(tmp_path, rows).sentences())) == [LONGEST, 5]


# Sentences by count


def test_sentences_by_count_are_of_one_device(tmp_path: Path) -> None:
    """So many flows of a device in a row; what is left at the end is a shorter one."""
    rows = [conn(at * 100, 1 + at % 2, at) for at in range(10)]
    found = made(tmp_path, rows, cut=Cut(flows=3))
    assert sentences(found) == [
        *([token(0), token(2), token(4)], [token(1), token(3), token(5)]),
        *([token(6), token(8)], [token(7), token(9)]),
    ]


def test_sentences_of_all_together_are_the_documents(tmp_path: Path) -> None:
    """By count and over all devices: the flows of the capture, cut into equal parts."""
    rows = two_apps(minutes=7)
    words = [f"{row['id.resp_h']},443,tcp" for row in rows]
    found = made(tmp_path, rows, cut=Cut(flows=10, together=True))
    assert sentences(found) == [words[at : at + 10] for at in range(0, len(words), 10)]


# Labels


def test_labels_stand_beside_tokens(tmp_path: Path) -> None:
    """The column label is counted by token, and in no token."""
    found = made(tmp_path, two_apps(minutes=4, devices=2))
    assert found.labels[token(1)] == {"chess": 4}
    assert found.labels[token(99)] == {"chess": 4, "mail": 4}
    assert not any("chess" in word or "mail" in word for word in found.tokens)


def test_labels_change_no_sentence(tmp_path: Path) -> None:
    """With other labels, or none, tokens and sentences are the same."""
    rows = two_apps(minutes=6)
    other = [row | {"label": f"x{at % 3}"} for at, row in enumerate(rows)]
    bare = [{key: value for key, value in row.items() if key != "label"} for row in rows]
    found = [made(tmp_path, each) for each in (rows, other, bare)]
    assert sentences(found[0]) == sentences(found[1]) == sentences(found[2])
    assert found[2].labels == {}


def test_labels_by_uid_come_before_the_logs(tmp_path: Path) -> None:
    """Labels of a file are those of its uids, and no others."""
    rows = [conn(1, 1, 1, label="log"), conn(2, 1, 2, label="log")]
    found = made(tmp_path, rows, labels={rows[0]["uid"]: "file"})
    assert found.labels == {token(1): {"file": 1}}


def test_binetflow_is_read_with_its_labels(tmp_path: Path) -> None:
    """Argus's flows have tokens as in the document and labels beside; commas or tabs part them."""
    found = []
    for name, text in (("a", BINETFLOW), ("b", BINETFLOW.replace(",", "\t"))):
        path = tmp_path / f"{name}.binetflow"
        path.write_text(text)
        found.append(made(tmp_path, [path], scheme=Scheme.parse("flow")))
    said = ["10.0.0.1,192.0.2.1,443,tcp", "10.0.0.1,192.0.2.2,53,udp"]
    assert [sentences(one) for one in found] == [[said], [said]]
    assert found[1].labels == {said[0]: {"flow=Botnet": 1}, said[1]: {"flow=Normal": 1}}


# Vocabulary


def test_the_vocabulary_is_by_frequency(tmp_path: Path) -> None:
    """Most frequent first, equally frequent ones by name; counts are of flows."""
    rows = [conn(at, 1, server) for at, server in enumerate((3, 2, 2, 1, 3, 3))]
    found = made(tmp_path, rows)
    assert found.tokens == [token(3), token(2), token(1)]
    assert found.counts.tolist() == [3, 2, 1]


def test_rare_tokens_are_no_words(tmp_path: Path) -> None:
    """What comes too seldom stands in no sentence, but for tokens that are known already."""
    rows = [conn(at, 1, server) for at, server in enumerate((3, 2, 2, 1, 3, 3))]
    found = made(tmp_path, rows, limits=Limits(min_count=3, also=(token(1),)))
    assert sentences(found) == [[token(3), token(1), token(3), token(3)]]


def test_memory_holds_a_bounded_vocabulary(tmp_path: Path) -> None:
    """Beyond the most tokens the rarest go, and their flows are counted."""
    rows = []
    for at in range(200):
        rows += [conn(60 * at, 1, 250), conn(60 * at + 1, 1, at), conn(60 * at + 2, 1, 251)]
    found = made(tmp_path, rows, limits=Limits(min_count=1, most=20))
    assert found.tokens[:2] == [token(250), token(251)]
    assert len(found.tokens) <= 20
    assert found.pruned > 150
    words = Counter(word for sentence in found.sentences() for word in sentence)
    assert words[token(250)] == 200


def test_names_replace_addresses_in_elements(tmp_path: Path) -> None:
    """ssl.log names the flow of its uid; a flow without a name keeps its endpoint."""
    rows = [conn(1, 1, 1), conn(2, 1, 2)]
    ssl = {key: rows[0][key] for key in rows[0] if key.startswith(("ts", "uid", "id."))}
    written(tmp_path / "ssl.log", [ssl | {"server_name": "WWW.example.com", "version": "TLSv12"}])
    log = written(tmp_path / "conn.log", rows)
    found = made(tmp_path, [log, tmp_path / "ssl.log"], scheme=Scheme.parse("element"))
    assert sentences(found) == [["name:www.example.com", "192.0.2.2:443"]]


def test_everyone_counts_where_that_is_asked(tmp_path: Path) -> None:
    """Unanswered, foreign and ICMP connections are flows of whoever opened them."""
    rows = [
        conn(1, 1, 1),
        conn(2, 1, 2, conn_state="S0", resp_pkts=0),
        conn(3, 1, 3) | {"id.orig_h": "10.0.0.1", "proto": "icmp"},
        conn(4, 1, 4) | {"id.orig_h": "203.0.113.9"},
        conn(5, 1, 5) | {"id.orig_h": "203.0.113.9"},
    ]
    assert made(tmp_path, rows).n_words == 0
    found = sentences(made(tmp_path, rows, everyone=True))
    assert list(map(len, found)) == [3, 2]


@pytest.mark.parametrize(("begin", "end"), [(0, None), (3, 7), (5, 5), (2, None)])
def test_a_part_of_the_sentences_can_be_read(tmp_path: Path, begin: int, end: int | None) -> None:
    """Sentences from one number to another are those of the whole."""
    corpus = made(tmp_path, two_apps(minutes=5))
    assert list(corpus.sentences(begin, end)) == sentences(corpus)[begin:end]


def test_no_corpus_holds_what_is_in_no_window_yet(tmp_path: Path) -> None:
    """At the end all windows close: no flow of the last minute is lost."""
    rows = two_apps(minutes=3)
    last = [list(each) for _, each in groupby(rows, key=lambda row: row["ts"] // 60)][-1]
    found = made(tmp_path, rows)
    assert found.n_flows == len(rows)
    assert sum(map(len, sentences(found)[-3:])) == len(last)
