"""The SIEM pages: what the products expect holds for our rows, and the patterns fit them."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ET
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from flowprint_zeek.config import load
from flowprint_zeek.stream import notices
from flowprint_zeek.stream.counts import Day
from flowprint_zeek.stream.outputs import NOTICES
from flowprint_zeek.zeek.columns import NOTICE_LOG
from flowprint_zeek.zeek.writer import LogWriter
from tests.pages import DOCS, ROOT, SIEM, block, conf, text
from tests.stream.small import MIDNIGHT
from tests.stream.test_notices import APP, FINDING, HOSTILE

if TYPE_CHECKING:
    from pathlib import Path

    from flowprint_zeek.stream.notices import Row
    from flowprint_zeek.zeek.writer import Format

TABLED = [*SIEM, DOCS / "guides" / "security-onion.md"]
"""Pages that say where each column of notice.log goes."""

COLUMNS = [name for name, _ in NOTICE_LOG]
SPLUNK = re.compile(r"(?:[a-zA-Z0-9_]+\.)?([a-zA-Z0-9_]+)\.log")
"""What Splunk's add-on takes a log's name from."""
MALCOLM = re.compile(
    r"^(.*?)(?:\((.*)\))?(?:\.\d{4}[_:-]?\d{2}[_:-]?\d{2}[_:-]?\d{2}[_:-]?\d{2}[_:-]?\d{2})?\.log",
    re.IGNORECASE,
)
"""What Malcolm takes a log's name and tags from."""
OURS = ["flowprint", "flowprint_ack", "flowprint_conn", "flowprint_ssl"]
"""Logs that only this project has."""
THEIRS = ["conn", "notice"]

of_tables = pytest.mark.parametrize("page", TABLED, ids=lambda page: page.stem)


def expression(pattern: str) -> re.Pattern[str]:
    """Return a pattern of PCRE as one of Python's."""
    return re.compile(re.sub(r"\(\?<(?![=!])", "(?P<", pattern))


def dissect(pattern: str) -> re.Pattern[str]:
    """Return a dissect pattern as a regular expression: each key up to what follows it."""
    parts = re.split(r"%\{([^}]*)\}", pattern)
    keys = [re.sub(r"\|.*", "", key).rpartition(".")[2] for key in parts[1::2]]
    groups = ["(.*?)" if key.startswith("?") else f"(?P<{key}>.*?)" for key in keys]
    texts = [re.escape(part) for part in parts[::2]]
    assert all(texts[1:-1])
    return re.compile(f"^{''.join(a + b for a, b in zip(texts, [*groups, '$'], strict=True))}")


# Rows that our own code makes


def finding(**changes: Any) -> notices.Finding:
    return replace(FINDING, **changes)


FINDINGS = [
    FINDING,
    finding(nearest=""),
    finding(nearest=HOSTILE, novel=(f"name:{HOSTILE}",), certificates=(HOSTILE,)),
    finding(novel=tuple(f"name:n{at}.{'x' * 40}.example" for at in range(40)), score=1.0),
    finding(novel=("[2001:db8::7]:443", "203.0.113.9:80"), certificates=(), uids=()),
]
DIGEST = notices.digest_notice([APP], MIDNIGHT, MIDNIGHT, 20)
STATUS = notices.status_notice(Day(MIDNIGHT), MIDNIGHT, "learn")


def unseen(one: notices.Finding) -> Row:
    return notices.unseen_notice(one, APP, None)


def written(folder: Path, *rows: Row, form: Format = "json") -> list[str]:
    """Return the lines of a notice.log with these rows."""
    path = folder / NOTICES
    with LogWriter(path, "notice", NOTICE_LOG, format=form, opened=MIDNIGHT) as log:
        log.write(rows)
    return path.read_text(encoding="utf-8").splitlines()


@pytest.fixture(params=range(len(FINDINGS)))
def told(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[notices.Finding, str]:
    """Return a finding and the line of JSON that is written of it."""
    one = FINDINGS[request.param]
    (line,) = written(tmp_path, unseen(one))
    return one, line


def expected(one: notices.Finding) -> tuple[str, str]:
    """Return the id and score as text."""
    return one.notice_id, f"{one.score:.2f}"


def first_of(one: notices.Finding) -> str:
    """Return the first part of `novel` as it stands in ``sub``."""
    return notices.escaped(one.novel[0].removeprefix("name:"))


# What SIEMs expect of the bytes


def test_json_is_one_object_a_line_with_nothing_unset(tmp_path: Path) -> None:
    """Seconds as a float, dotted id.*, no nulls, Zeek's columns and no others, in their order."""
    lines = written(tmp_path, *map(unseen, FINDINGS), DIGEST, STATUS)
    assert len(lines) == len(FINDINGS) + 2
    for line in lines:
        row = json.loads(line)
        assert type(row["ts"]) is float
        assert line.startswith('{"ts":')
        assert None not in row.values()
        assert list(row) == [name for name in COLUMNS if name in row]
        assert row["actions"] == ["Notice::ACTION_LOG"]
        assert row["suppress_for"] == 3600.0
    assert {"uid", "id.orig_h", "id.orig_p", "id.resp_h", "id.resp_p"} <= json.loads(
        lines[0]
    ).keys()


@pytest.mark.parametrize("form", ["json", "tsv"])
def test_malcolm_takes_either_form(tmp_path: Path, form: Format) -> None:
    """JSON by what a line begins and ends with; TSV by position, 26 columns of its 27."""
    row = unseen(FINDING)
    lines = [line for line in written(tmp_path, row, form=form) if not line.startswith("#")]
    (line,) = lines
    if form == "json":
        assert re.match(r"^{.*}$", line)
        return
    found = dict(zip([*COLUMNS, "community_id"], line.split("\t"), strict=False))
    assert len(found) == 26
    assert (found["note"], found["msg"]) == (notices.UNSEEN_APP, row["msg"])
    assert (found["src"], found["p"], found["actions"]) == ("10.0.0.1", "443", "Notice::ACTION_LOG")
    # `-` is unset for Malcolm.
    assert found["remote_location.longitude"] == "-"


@pytest.mark.parametrize(
    ("name", "kind", "tags"),
    [
        (NOTICES, "notice", None),
        ("notice(flowprint).log", "notice", "flowprint"),
        ("notice(flowprint,1772501250).log", "notice", "flowprint,1772501250"),
        ("notice.2026-03-03-01-00-00.log", "notice", None),
    ],
)
def test_names_that_malcolm_knows(name: str, kind: str, tags: str | None) -> None:
    """As its guide says."""
    found = MALCOLM.match(name)
    assert found is not None
    assert found.groups() == (kind, tags)


def test_names_that_splunk_knows() -> None:
    """What its page says of names: the last word before .log, anywhere in the path."""
    output = load(None, environ={}, overrides={}).run.output
    for name in (NOTICES, f"flowprint.{NOTICES}", f"{NOTICES}.1"):
        found = SPLUNK.search(f"{output}/{name}")
        assert found is not None
        assert found[1] == "notice"
    assert SPLUNK.search(f"{output}/notice(flowprint).log") is None


def test_a_monitor_of_all_of_zeeks_logs_leaves_ours_out() -> None:
    """Splunk's list takes all of ours, and none of Zeek's."""
    stanza = conf(block("siem/splunk.md", "ini", "blacklist"))
    wrong = re.compile(stanza["monitor:///opt/zeek/logs/current"]["blacklist"])
    assert all(wrong.search(f"/opt/zeek/logs/current/{name}.log") for name in OURS)
    assert not any(
        wrong.search(f"/opt/zeek/logs/current/{name}.log") for name in ("conn", "notice")
    )


@pytest.mark.parametrize("form", [r"{}.log$", r"({})(\..+)?\.log$"])
def test_security_onion_leaves_ours_out(form: str) -> None:
    """As older and newer releases put the list together."""
    excluded = yaml.safe_load(block("guides/security-onion.md", "yaml", "- flowprint_ack"))
    wrong = re.compile(form.format("|".join(excluded)))
    assert all(wrong.search(f"/nsm/zeek/logs/current/{name}.log") for name in OURS)
    assert not any(
        wrong.search(f"/nsm/zeek/logs/current/{name}.log") for name in ("conn", "notice")
    )


def test_jinja_has_nothing_to_do_in_the_scripts() -> None:
    """Security Onion renders them as templates."""
    for path in sorted((ROOT / "zeek_scripts").glob("*.zeek")):
        assert not re.search(r"\{[{%#]", text(path))


def test_filestream_reads_a_file_of_one_row(tmp_path: Path) -> None:
    """The fingerprint is shorter than any row, and longer than a row's time."""
    stanza = yaml.safe_load(block("siem/elastic.md", "yaml", "filestream"))
    (source,) = stanza["filebeat.inputs"]
    length = source["prospector"]["scanner"]["fingerprint"]["length"]
    least = replace(FINDING, novel=("name:a.b",), shared=(), certificates=(), uids=(), nearest="")
    rows = [unseen(least), DIGEST, STATUS]
    lines = written(tmp_path, *rows)
    assert 64 <= length <= min(map(len, lines))
    assert "ts" in lines[0][:length]
    # The trap that it is there for.
    assert len(written(tmp_path, STATUS)[0]) < 1024
    output = load(None, environ={}, overrides={}).run.output
    assert source["paths"] == [f"{output}/{NOTICES}*"]


# Patterns


def test_dissect_patterns_of_elastic(told: tuple[notices.Finding, str]) -> None:
    """Of Filebeat, of the ingest pipeline and of ES|QL."""
    one, line = told
    page = text(DOCS / "siem" / "elastic.md")
    patterns = re.findall(r"id=%\{[^\n]*%\{\?rest\}", page)
    assert len(patterns) == 3
    for pattern in patterns:
        found = dissect(pattern).match(json.loads(line)["sub"])
        assert found is not None
        assert (found["id"], found["score"]) == expected(one)
        assert found["novel"].split("|")[0] == first_of(one)


def test_the_grok_pattern(told: tuple[notices.Finding, str]) -> None:
    """Logstash's, with its names of patterns as what they stand for."""
    one, line = told
    (pattern,) = re.findall(r'=> "(\^id=[^"]*)"', block("siem/elastic.md", "logstash", "grok"))
    kinds = {"WORD": r"\b\w+\b", "NUMBER": r"[+-]?[0-9]+(?:\.[0-9]+)?", "NOTSPACE": r"\S+"}
    plain = re.sub(
        r"%\{(\w+):\[flowprint\]\[(\w+)\](?::\w+)?\}",
        lambda found: f"(?P<{found[2]}>{kinds[found[1]]})",
        pattern,
    )
    assert "%" not in plain
    found = re.search(plain, json.loads(line)["sub"])
    assert found is not None
    assert (found["id"], found["score"]) == expected(one)
    assert found["novel"].split("|")[0] == first_of(one)


def test_expressions_of_splunk(told: tuple[notices.Finding, str]) -> None:
    """Those of props.conf on the event as it is, rex on the field."""
    one, line = told
    page = text(DOCS / "siem" / "splunk.md")
    of_events = re.findall(r"(?m)^EXTRACT-flowprint = (.*)$", page)
    (of_field,) = re.findall(r'rex field=sub "(.*novel.*)"', page)
    assert len(of_events) == 2
    for pattern, subject in [*((each, line) for each in of_events), (of_field, None)]:
        found = expression(pattern).search(subject or json.loads(line)["sub"])
        assert found is not None
        assert (found["fp_id"], found["fp_score"]) == expected(one)
        novel = found["fp_novel"].split("|")[0]
        # In the event itself a backslash is written twice.
        assert (novel.replace("\\\\", "\\") if subject else novel) == first_of(one)


def decoded(line: str) -> dict[str, str]:
    """Return what the decoders of Wazuh's page make of a line."""
    decoders = ET.fromstring(f"<all>{block('siem/wazuh.md', 'xml', '<decoder')}</all>")  # noqa: S314
    root, *siblings = decoders
    (mark,) = ET.fromstring(block("siem/wazuh.md", "xml", "out_format")).iter("out_format")  # noqa: S314
    event = (mark.text or "").replace("$(log)", line)
    assert re.search(root.findtext("prematch", ""), event)
    found: dict[str, str] = {}
    for each in siblings:
        assert each.findtext("parent") == root.get("name")
        if match := re.search(each.findtext("regex", ""), event):
            names = each.findtext("order", "").split(",")
            found |= dict(zip(names, match.groups(), strict=True))
    return found


def test_decoders_of_wazuh(told: tuple[notices.Finding, str]) -> None:
    """The connection and the parts of sub, none under a name that the index holds otherwise."""
    one, line = told
    found = decoded(line)
    assert (found["flowprint.id"], found["flowprint.score"]) == expected(one)
    assert found["flowprint.novel"].split("|")[0].replace("\\\\", "\\") == first_of(one)
    ends = [found[key] for key in ("srcip", "srcport", "dstip", "dstport", "protocol")]
    assert ends == ["10.0.0.1", "40000", "203.0.113.7", "443", "tcp"]
    assert json.loads(f'"{found["flowprint.msg"]}"') == json.loads(line)["msg"]
    assert (found["flowprint.note"], found["flowprint.uid"]) == (notices.UNSEEN_APP, "C1")
    assert found["flowprint.n"] == "2"
    assert not any(name.startswith("id.") for name in found)


@pytest.mark.parametrize("row", [DIGEST, STATUS], ids=["digest", "status"])
def test_wazuh_decodes_what_has_no_connection(tmp_path: Path, row: Row) -> None:
    """Kind and sentence are there."""
    (line,) = written(tmp_path, row)
    found = decoded(line)
    assert (found["flowprint.note"], found["flowprint.msg"]) == (row["note"], row["msg"])
    assert "srcip" not in found


def test_rules_of_wazuh() -> None:
    """Each of our kinds has one, with an id of its own, and the command's mark is what is asked."""
    rules = ET.fromstring(block("siem/wazuh.md", "xml", "<rule"))  # noqa: S314  our own page
    ids = [rule.get("id") for rule in rules]
    assert len(set(ids)) == len(ids)
    kinds = {(rule.findtext("field") or "").strip("^$") for rule in rules} - {""}
    assert kinds == {notices.UNSEEN_APP, notices.DIGEST, notices.STATUS}
    asking = ET.fromstring(block("siem/wazuh.md", "xml", "<command>"))  # noqa: S314
    mark = f"ossec: output: '{asking.findtext('alias')}': dead"
    assert f"^{mark}" in {rule.findtext("match") for rule in rules}


@pytest.mark.parametrize("page", SIEM, ids=lambda page: page.stem)
def test_each_siem_watches_all_kinds(page: Path) -> None:
    """New apps, digests, and the heartbeat that is missed after 26 hours."""
    for kind in (notices.UNSEEN_APP, notices.DIGEST, notices.STATUS):
        assert kind in text(page)
    assert re.search(r"26 ?h", text(page))
    assert "## Double counting" in text(page)


# Where each column goes


def rows_of(page: Path) -> list[list[str]]:
    """Return the cells of the table of fields."""
    (section,) = re.findall(r"(?s)\n## Fields\n(.*?)(?=\n## |\Z)", text(page))
    lines = [line for line in section.splitlines() if line.startswith("|")][2:]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


@of_tables
def test_each_column_is_accounted_for_once(page: Path) -> None:
    """All 26, in some order, and no other."""
    named = [name for first, *_ in rows_of(page) for name in re.findall(r"`([^`]+)`", first)]
    assert sorted(named) == sorted(COLUMNS)


@pytest.mark.parametrize("page", SIEM, ids=lambda page: page.stem)
def test_what_is_said_to_be_set_is_set(page: Path) -> None:
    """`yes` are the columns of a new app; the others have none of ours."""
    said = {
        name: cells[2] for cells in rows_of(page) for name in re.findall(r"`([^`]+)`", cells[0])
    }
    row = unseen(FINDING)
    assert {name for name, when in said.items() if when == "yes"} == row.keys() & set(COLUMNS)
    assert set(said.values()) <= {
        "yes",
        "never",
        "where Zeek raises it",
        "where a cluster raises it",
    }
