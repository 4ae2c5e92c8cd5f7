"""What a notice says, and that nothing from traffic can bend it."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from flowprint_zeek.core.elements import NAME, normalise_name
from flowprint_zeek.stream.counts import Day
from flowprint_zeek.stream.hosts import Host
from flowprint_zeek.stream.notices import (
    MAX_SUB,
    Finding,
    Row,
    digest_notice,
    status_notice,
    unseen_notice,
)
from flowprint_zeek.stream.outputs import Outputs
from flowprint_zeek.stream.pending import PendingApp
from flowprint_zeek.zeek.columns import NOTICE_LOG
from flowprint_zeek.zeek.logformat import unescape
from tests.stream.small import BATCH, DAY, MIDNIGHT, SECOND

if TYPE_CHECKING:
    from pathlib import Path

PIVOT: Row = {
    "uid": "C1",
    "orig_h": "10.0.0.1",
    "orig_p": 40_000,
    "resp_h": "203.0.113.7",
    "resp_p": 443,
    "proto": "tcp",
}
FINDING = Finding(
    closed=MIDNIGHT + BATCH + 150 * SECOND,
    batch_start=MIDNIGHT,
    batch=BATCH,
    device="10.0.0.1",
    host=Host(),
    elements=("198.51.100.1:53", "name:a.example", "name:b.example"),
    novel=("name:a.example", "name:b.example"),
    shared=("198.51.100.1:53",),
    score=0.912,
    nearest="mail",
    similarity=0.044,
    n_bytes=1_900_000,
    uids=("C1", "C2"),
    certificates=("CN=*.a.example",),
    pivot=PIVOT,
)
APP = PendingApp(
    0, {"name:a.example": 1}, MIDNIGHT + 3600 * SECOND, {"10.0.0.1", "10.0.0.2"}, 12, 2
)
KEYS = ["id", "score", "nearest", "novel", "shared", "cert", "bytes", "uids"]
ALL = [*KEYS[:6], "near", "around", *KEYS[6:]]
PART = re.compile(r"([a-z]+)=('[^']*'(?:\|(?:'[^']*'|\+\d+))*|[^ ='\"]+)(?: |$)")
HOSTILE = "a b|c,d=e'f\"g\\h\x1b[31m\n\r\té\udcff uids=Cfake"


def notice(finding: Finding = FINDING, *, since: int | None = None) -> Row:
    return unseen_notice(finding, APP, since)


def parts(sub: object) -> dict[str, str]:
    """Return the keys and values of ``sub``; all of it has to be keys and values, in order."""
    found = PART.findall(str(sub))
    assert "".join(match[0] for match in PART.finditer(str(sub))) == sub
    keys = [key for key, _ in found]
    assert keys == [key for key in ALL if key in keys]
    return dict(found)


def written(tmp_path: Path, row: Row, *, as_json: bool) -> list[str]:
    """Return the lines of a notice.log with one row."""
    with Outputs(tmp_path, as_json=as_json, opened=MIDNIGHT) as outputs:
        outputs.notice(row)
    lines = (tmp_path / "notice.log").read_bytes().decode().split("\n")
    assert lines.pop() == ""
    return lines


# The row


def test_a_notice_has_zeeks_columns_in_order(tmp_path: Path) -> None:
    """The log has the 26 columns of Zeek's notice.log and the row a field for each."""
    lines = written(tmp_path, notice(), as_json=False)
    names = lines[6].split("\t")[1:]
    assert names == [name for name, _ in NOTICE_LOG]
    assert len(names) == 26
    assert len(lines[8].split("\t")) == 26


def test_a_notice_names_one_connection_to_pivot_to(tmp_path: Path) -> None:
    """The connection stands in uid, id.*, src, dst, p and proto; `n` is the number of devices."""
    row = json.loads(written(tmp_path, notice(), as_json=True)[0])
    assert (row["uid"], row["id.orig_h"], row["id.orig_p"]) == ("C1", "10.0.0.1", 40_000)
    assert (row["id.resp_h"], row["id.resp_p"], row["proto"]) == ("203.0.113.7", 443, "tcp")
    assert (row["src"], row["dst"], row["p"], row["n"]) == ("10.0.0.1", "203.0.113.7", 443, 2)


def test_a_notice_in_json_has_no_nulls_and_no_other_columns(tmp_path: Path) -> None:
    """JSON holds epoch seconds, the actions as a list, and only what is set."""
    row = json.loads(written(tmp_path, notice(), as_json=True)[0])
    assert row["ts"] == 1_767_226_050.0
    assert row["actions"] == ["Notice::ACTION_LOG"]
    assert row["suppress_for"] == 3600.0
    assert None not in row.values()
    assert set(row) <= {name for name, _ in NOTICE_LOG}


# The message


def test_the_message_is_a_sentence_with_numbers() -> None:
    """It says the device, what is new by name, how much there was of it and since when."""
    assert notice(since=MIDNIGHT - 3 * DAY)["msg"] == (
        "New app on 10.0.0.1: a.example, b.example, not seen at this site in 3 days; "
        "12 flows in 2 batches since 01:00Z; 2 devices so far"
    )


def test_the_message_tells_no_days_before_there_is_one() -> None:
    """A site that has seen nothing, or for less than a day, has no number of days to tell."""
    for since in (None, MIDNIGHT - 3600 * SECOND):
        assert "not seen at this site before;" in str(notice(since=since)["msg"])


def test_the_message_tells_the_date_of_another_day() -> None:
    """An app that is raised again a day later says the day on which it began."""
    later = replace(FINDING, closed=FINDING.closed + DAY, batch_start=FINDING.batch_start + DAY)
    assert "in 2 batches since 2026-01-01 01:00Z;" in str(notice(later)["msg"])


CALLED = [
    (Host("lt-4711"), "(lt-4711)"),
    (Host("lt-4711", ("sales",)), "(lt-4711 of sales)"),
    (Host("", ("sales", "floor-3")), "(of sales, floor-3)"),
    (Host("", tuple("abcde")), "(of a, b, c and 2 more)"),
    (Host("x): a, b(", ("c d",)), "(x\\x29:\\x20a\\x2c\\x20b\\x28 of c\\x20d)"),
    (Host("Büro"), "(B\\xc3\\xbcro)"),
]


@pytest.mark.parametrize(("host", "shown"), CALLED)
def test_the_message_calls_the_device_by_its_name(host: Host, shown: str) -> None:
    """Name and groups stand in brackets behind the device, and cannot close them."""
    called = notice(replace(FINDING, host=host))
    assert str(called["msg"]).startswith(f"New app on 10.0.0.1 {shown}: a.example, b.example, ")
    assert called["sub"] == notice()["sub"]


def test_the_message_names_three_and_counts_the_rest() -> None:
    """Names come before addresses; of many elements three are named."""
    novel = ("203.0.113.9:443", *(f"name:{one}.example" for one in "abcd"))
    message = str(notice(replace(FINDING, novel=novel))["msg"])
    assert ": a.example, b.example, c.example and 2 more, not seen" in message


def test_the_message_stays_short_with_names_of_any_length() -> None:
    """A name of 10 kB is cut, and no escape in it is cut in half."""
    novel = tuple(f"name:{at * 'x'}{100 * chr(124)}{10_000 * 'x'}" for at in range(3))
    host = Host(1_000 * "x|", (10_000 * "y",))
    message = str(notice(replace(FINDING, novel=novel, host=host))["msg"])
    assert len(message) < 700
    assert re.sub(r"\\x[0-9a-f]{2}", "", message).count("\\") == 0


# The details


def test_sub_is_keys_and_values() -> None:
    """All details stand in `sub` under their keys."""
    assert parts(notice()["sub"]) == {
        "id": FINDING.notice_id,
        "score": "0.91",
        "nearest": "mail:0.04",
        "novel": "a.example|b.example",
        "shared": "198.51.100.1:53",
        "cert": "'CN=*.a.example'",
        "bytes": "1.9M",
        "uids": "C1,C2",
    }


def test_sub_lists_what_lies_near() -> None:
    """Escaped as all of traffic, and within the bytes of the rest."""
    near = {"near": ["mail:0.93", "a b|c:0.10"], "around": [f"n{n}.example:0.5" for n in range(99)]}
    row = unseen_notice(FINDING, APP, None, near)
    found = parts(row["sub"])
    assert found["near"] == r"mail:0.93|a\x20b\x7cc:0.10"
    assert re.fullmatch(r"n0\.example:0\.5\|.*\|\+\d+", found["around"])
    assert len(str(row["sub"])) <= MAX_SUB
    assert unseen_notice(FINDING, APP, None, {}) == notice()


def test_sub_leaves_out_what_there_is_none_of() -> None:
    """Without anything known there is no nearest app, nothing shared and no certificate."""
    bare = replace(FINDING, nearest="", similarity=0.0, shared=(), certificates=())
    found = parts(notice(bare)["sub"])
    assert found["nearest"] == "-"
    assert "shared" not in found
    assert "cert" not in found


def test_sub_counts_what_does_not_fit() -> None:
    """Lists that are too long end with the number of entries left out, within 1,000 bytes."""
    names = tuple(f"name:destination-{number:04d}.example.com" for number in range(300))
    uids = tuple(f"C{number:017d}" for number in range(200))
    sub = str(notice(replace(FINDING, novel=names, shared=names, uids=uids))["sub"])
    found = parts(sub)
    assert len(sub) <= 1000
    for key, separator, size in (("novel", "|", 300), ("shared", "|", 300), ("uids", ",", 200)):
        *listed, rest = found[key].split(separator)
        assert len(listed) + int(rest.removeprefix("+")) == size
        assert listed


def test_sub_counts_a_flood_of_flows() -> None:
    """Of 100,000 flows in a batch only as many are tried as could fit."""
    uids = tuple(f"C{number}" for number in range(100_000))
    *listed, rest = parts(notice(replace(FINDING, uids=uids))["sub"])["uids"].split(",")
    assert len(listed) + int(rest.removeprefix("+")) == len(uids)


def test_sub_counts_a_list_of_which_nothing_fits() -> None:
    """A name of 10 kB is not shown in part: it is counted."""
    found = parts(notice(replace(FINDING, novel=(f"name:{10_000 * 'x'}",)))["sub"])
    assert found["novel"] == "+1"


def test_a_long_label_does_not_push_out_the_rest() -> None:
    """The label of the nearest app is cut; the other details stay."""
    found = parts(notice(replace(FINDING, nearest=5000 * "n "))["sub"])
    assert list(found) == KEYS


# Hostile text

TEXT = st.one_of(
    st.text(max_size=40),
    st.text(alphabet=" |,='\"\\\n\r\t\x1b\0-+x2é\udcff", max_size=40),
    st.sampled_from([HOSTILE, 10_000 * "x", 3000 * "é", 2000 * "|", "-", "(empty)", "#"]),
)


@settings(deadline=None, max_examples=80)
@example([HOSTILE], [HOSTILE], [HOSTILE], HOSTILE)
@given(
    st.lists(TEXT, min_size=1, max_size=8),
    st.lists(TEXT, max_size=5),
    st.lists(TEXT, max_size=5),
    TEXT,
)
def test_no_text_breaks_the_details(
    names: list[str], certificates: list[str], uids: list[str], label: str
) -> None:
    """Whatever names, certificates, uids and labels hold, keys and values stay what they are."""
    elements = tuple(NAME + normalise_name(name) for name in names)
    finding = replace(
        FINDING,
        elements=elements,
        novel=elements,
        shared=elements,
        certificates=certificates,
        uids=[uid for uid in uids if uid],
        nearest=label,
    )
    sub = str(notice(finding)["sub"])
    assert len(sub.encode()) <= 1000
    assert sub.isascii()
    assert sub.isprintable()
    # a name that is empty is an empty entry of its list
    if all(normalise_name(name) for name in names):
        assert parts(sub)["id"] == finding.notice_id


@pytest.mark.parametrize("as_json", [False, True])
@pytest.mark.parametrize("text", [HOSTILE, 10_000 * "x\t", "\x1b]0;owned\x07", "\u2028\u202eé"])
def test_no_text_breaks_the_line(tmp_path: Path, text: str, *, as_json: bool) -> None:
    """A notice is one line of 26 fields, or one JSON object, and reads back as it was."""
    elements = (NAME + normalise_name(text), "name:b.example")
    finding = replace(FINDING, host=Host(text, (text,)), novel=elements)
    row = notice(replace(finding, certificates=[text], nearest=text, uids=[text]))
    lines = [line for line in written(tmp_path, row, as_json=as_json) if not line.startswith("#")]
    assert len(lines) == 1
    assert lines[0].isprintable() or not as_json
    if as_json:
        found = json.loads(lines[0])
    else:
        fields = [unescape(one) for one in lines[0].split("\t")]
        found = dict(zip((name for name, _ in NOTICE_LOG), fields, strict=True))
    assert (found["msg"], found["sub"]) == (row["msg"], row["sub"])
    assert re.fullmatch(r"[\x20-\x7e]*", str(found["msg"]) + str(found["sub"]))


# Ids


def test_the_id_is_of_format_device_batch_and_elements() -> None:
    """Nothing else changes it: not labels, counts, novelty or when the batch closed."""
    other = replace(
        FINDING,
        closed=0,
        host=Host("lt-4711", ("sales",)),
        novel=(),
        shared=(),
        score=0.1,
        nearest="other",
        similarity=0.9,
        n_bytes=1,
        uids=(),
        certificates=(),
        pivot=PIVOT | {"uid": "C9"},
    )
    assert other.notice_id == FINDING.notice_id
    assert re.fullmatch("[0-9a-f]{16}", FINDING.notice_id)


@pytest.mark.parametrize(
    "other",
    [
        replace(FINDING, device="10.0.0.2"),
        replace(FINDING, batch_start=MIDNIGHT + BATCH),
        replace(FINDING, batch=2 * BATCH),
        replace(FINDING, elements=FINDING.elements[1:]),
    ],
)
def test_the_id_changes_with_each_of_its_parts(other: Finding) -> None:
    """Another device, batch, width or set of elements is another notice."""
    assert other.notice_id != FINDING.notice_id


# Digest and status


def test_a_digest_names_three_apps_and_counts_the_rest() -> None:
    """The digest of a day says how many apps were withheld and names the oldest."""
    apps = [PendingApp(at, {f"name:{at}.example": 1, "name:z": 1}, 0, {"d"}) for at in range(5)]
    row = digest_notice(apps, MIDNIGHT, MIDNIGHT + DAY, 20)
    assert row["note"] == "FlowPrint::Digest"
    assert row["ts"] == MIDNIGHT + DAY
    assert row["n"] == 5
    assert row["sub"] == "withheld=5"
    assert row["msg"] == (
        "5 more new apps on 2026-01-01, beyond 20 notices a day: 0.example and 1 more on 1 device; "
        "1.example and 1 more on 1 device; 2.example and 1 more on 1 device; and 2 more"
    )


def test_a_status_has_the_numbers_of_a_day() -> None:
    """The heartbeat says in words and as keys and values what the day had."""
    day = Day(MIDNIGHT, batches=1, flows=30, notices=1, devices={"10.0.0.1", "10.0.0.2"})
    row = status_notice(day, MIDNIGHT + DAY, "detect")
    assert row["msg"] == (
        "2026-01-01: 1 batch, 2 devices, 30 flows, 0 unseen fingerprints, 1 notice"
    )
    counts = "devices=2 batches=1 flows=30 unseen=0 notices=1 degraded=0 held=0"
    assert row["sub"] == f"mode=detect {counts}"


def test_a_status_tells_what_was_held_back_and_what_was_missing() -> None:
    """Of a shadow mode the most frequent causes; of batches that were not trusted their number."""
    held = Counter({"a.example": 2, "b example": 3, "c.example": 1, "d.example": 1})
    row = status_notice(Day(MIDNIGHT, degraded=1, held=held), MIDNIGHT + DAY, "shadow")
    assert str(row["msg"]).endswith(
        "0 notices; 1 degraded batch; 7 notices held back, most of "
        "b\\x20example (3), a.example (2), c.example (1)"
    )
    assert str(row["sub"]).endswith("degraded=1 held=7")
