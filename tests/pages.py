"""The guides and SIEM pages as text, and the stanzas in them."""

from __future__ import annotations

import configparser
import re
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
DOCS = ROOT / "docs"
GUIDES = sorted((DOCS / "guides").glob("*.md"))
SIEM = sorted((DOCS / "siem").glob("*.md"))
ANALYST = DOCS / "analyst.md"
PAGES = [*GUIDES, *SIEM, ANALYST]

of_pages = pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)


@cache
def text(page: Path) -> str:
    """Return a page."""
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str) -> list[str]:
    """Return the blocks of a page in a language."""
    return re.findall(rf"(?s)```{language}\n(.*?)```", text(page))


def block(name: str, language: str, holding: str) -> str:
    """Return the one block of a page that holds a word."""
    (found,) = [one for one in blocks(DOCS / name, language) if holding in one]
    return found


def conf(stanzas: str) -> configparser.ConfigParser:
    """Return stanzas of an INI file, with their keys as written."""
    parser = configparser.ConfigParser(interpolation=None, delimiters=("=",))
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # as documented: keeps case
    parser.read_string(stanzas)
    return parser
