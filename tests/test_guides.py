"""The guides and SIEM pages: stanzas parse, and what they name is there."""

from __future__ import annotations

import argparse
import importlib
import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from flowprint_zeek.config import SETTINGS, load
from flowprint_zeek.stream.outputs import NOTICES
from flowprint_zeek.zeek.ownlogs import FLOWPRINT_CONN_LOG
from tests.pages import ANALYST, PAGES, ROOT, block, blocks, conf, of_pages, text

if TYPE_CHECKING:
    from collections.abc import Iterator

SECTIONS = {name.partition(".")[0] for name in SETTINGS}


def prose(page: Path) -> str:
    """Return a page without the names of fields that others give."""
    return re.sub(r"(?s)\n## Fields\n.*?(?=\n## |\Z)", "", text(page))


def slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


# What parses


@of_pages
def test_stanzas_parse(page: Path) -> None:
    """Every block of YAML, JSON, XML and INI is one."""
    for one in blocks(page, "yaml"):
        assert yaml.safe_load(one)
    for one in blocks(page, "json"):
        assert json.loads(one)
    for one in blocks(page, "xml"):
        assert len(ET.fromstring(f"<all>{one}</all>"))  # noqa: S314  our own pages
    for one in blocks(page, "ini"):
        assert conf(one).sections()


@of_pages
def test_fences_are_closed_and_of_a_known_kind(page: Path) -> None:
    """No block swallows the rest of its page, and none escapes the checks by its name."""
    fences = re.findall(r"(?m)^ *```(.*)$", text(page))
    known = {"yaml", "json", "xml", "ini", "zeek", "logstash", "kql", "esql", "spl"}
    assert set(fences[::2]) <= known
    assert set(fences[1::2]) <= {""}
    assert len(fences) % 2 == 0


# What is named is there


@of_pages
def test_settings_in_examples_are_allowed(page: Path, tmp_path: Path) -> None:
    """Examples of config.yaml are taken as they stand."""
    for one in blocks(page, "yaml"):
        content = yaml.safe_load(one)
        if isinstance(content, dict) and content.keys() <= SECTIONS:
            path = tmp_path / "config.yaml"
            path.write_text(one)
            assert load(path, environ={}, overrides={})


@of_pages
def test_settings_that_are_named_there_are(page: Path) -> None:
    """In the text: what has the name of a section before a dot."""
    files = {NOTICES, "model.json"}
    named = set(re.findall(rf"`((?:{'|'.join(SECTIONS)})\.[a-z_]+)", prose(page)))
    # An event of Zeek's and an expression of a SIEM's begin alike.
    assert named - files <= SETTINGS.keys()


@of_pages
def test_variables_that_are_named_there_are(page: Path) -> None:
    """Of the environment; `*` stands for several."""
    variables = {setting.variable for setting in SETTINGS.values()}
    named = re.findall(r"FLOWPRINT_[A-Z_]+\*?", text(page))
    for name in named:
        assert any(each.startswith(name.rstrip("*")) for each in variables)
        assert name.endswith("*") or name in variables


@of_pages
def test_options_of_zeek_that_are_named_there_are(page: Path) -> None:
    """Whatever is called FlowPrint:: is declared in zeek_scripts."""
    scripts = "".join(text(path) for path in sorted((ROOT / "zeek_scripts").glob("*.zeek")))
    declared = set(re.findall(r"(?:const|option|global|type) (\w+)", scripts))
    declared |= set(re.findall(r"(?m)^\s+(\w+),?$", scripts))
    assert set(re.findall(r"FlowPrint::(\w+)", text(page))) <= declared


def commands(page: Path) -> Iterator[list[str]]:
    """Return the command lines of ours in a page: in backquotes, indented, or in blocks."""
    code = re.findall(r"`([^`\n]+)`", text(page))
    code += re.findall(r"(?m)^    (.*)$", text(page))
    code += re.findall(r"<command>(.*)</command>", text(page))
    for line in code:
        for words in re.findall(r"flowprint-zeek ([a-z]+(?: [^|>&,]*)?)(?=$|[|>&,])", line):
            yield words.split()


def parser_of(name: str) -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser()
    importlib.import_module(f"flowprint_zeek.cli.arguments.{name}").add_arguments(parser)
    return parser


def parts_of(parser: argparse.ArgumentParser) -> dict[str, argparse.ArgumentParser]:
    """Return the commands within a command, such as ``apps label``."""
    found: dict[str, argparse.ArgumentParser] = {}
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            found |= action.choices
    return found


@of_pages
def test_commands_that_are_named_there_are(page: Path) -> None:
    """With every option that is given to them."""
    for name, *words in commands(page):
        parser = parser_of(name)
        if words and (parts := parts_of(parser)):
            parser = parts[words[0]]
        given = {word for word in words if re.fullmatch(r"--[a-z-]+|-[a-z]", word)}
        assert given <= parser._option_string_actions.keys() | {"-q", "-v"}


def test_every_page_with_commands_is_looked_at() -> None:
    """The check above would not notice if it found none."""
    found = {name for page in PAGES for name, *_ in commands(page)}
    assert {"run", "status", "explain", "apps", "pcap", "replay", "simulate"} <= found


@of_pages
def test_links_lead_somewhere(page: Path) -> None:
    """Files are there, and headings in them."""
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", text(page)):
        path = (page.parent / target).resolve() if target else page
        assert path.is_relative_to(ROOT)
        assert path.exists()
        if anchor:
            headings = re.findall(r"(?m)^#+ (.*)$", text(path))
            assert anchor in {slug(heading) for heading in headings}


def test_all_pages_are_linked() -> None:
    """From the README, and each other page from somewhere."""
    linked = set(re.findall(r"\]\((docs/[^)#]+)\)", text(ROOT / "README.md")))
    assert {str(page.relative_to(ROOT)) for page in PAGES} <= linked


@of_pages
def test_files_of_the_repository_that_are_named_there_are(page: Path) -> None:
    """In backquotes or copied from."""
    named = re.findall(r"`((?:deploy|docs|zeek_scripts)(?:/[\w.-]+)*)`", text(page))
    named += re.findall(r"(?:cp -r|install [^\n]*) (zeek_scripts|deploy/\S+)", text(page))
    made = {"deploy/compose.flowprint.yaml"}
    assert all((ROOT / name).exists() for name in set(named) - made)


@of_pages
def test_our_folders_are_those_of_the_defaults(page: Path) -> None:
    """Paths below /var that bear our name."""
    run = load(None, environ={}, overrides={}).run
    folders = {run.output, str(Path(run.outbox).parent), str(Path(run.state).parent)}
    named = re.findall(r"/var/\w+/flowprint-zeek", text(page))
    assert set(named) <= folders


# Containers


def test_the_compose_file_extends_ours() -> None:
    """Same services, volumes that there are, and Zeek's command with nothing left out."""
    ours = yaml.safe_load(text(ROOT / "deploy" / "compose.yaml"))
    more = yaml.safe_load(block("guides/docker.md", "yaml", "services:"))
    assert more["services"].keys() <= ours["services"].keys()
    before, after = (each["services"]["zeek"]["command"] for each in (ours, more))
    assert [word for word in after if word in before] == before
    sources = [
        volume.split(":")[0] for one in more["services"].values() for volume in one["volumes"]
    ]
    assert {name for name in sources if "/" not in name} <= more["volumes"].keys()
    environ = more["services"]["flowprint-zeek"]["environment"]
    config = load(None, environ=environ, overrides={})
    assert f"FlowPrint::outbox={config.run.outbox}" in after
    assert str(Path(config.run.outbox).parent) in {
        volume.split(":")[1] for one in more["services"].values() for volume in one["volumes"]
    }


def test_the_analyst_is_shown_columns_that_there_are() -> None:
    """Those of flowprint_conn.log."""
    (asked,) = re.findall(r"zeek-cut (uid batch_start [\w ]+) <", text(ANALYST))
    assert set(asked.split()) <= {name for name, _ in FLOWPRINT_CONN_LOG}
