"""``evaluate --site``: false notices and planted apps found on a whole site."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.archive import write_logs
from flowprint_zeek.cli.exits import Exit
from tests.analysis.recorded import BROWSING, composed

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli


@pytest.fixture
def site(tmp_path: Path) -> Path:
    """Return the folder of a composed site with a browsing user."""
    made = composed(BROWSING)
    write_logs(made.logs, made.truth, tmp_path / "site")
    return tmp_path / "site"


def test_each_setting_has_its_figures(cli: Cli, site: Path) -> None:
    """--json has the settings as given and each variant, by the words of its --vary."""
    varied = ("detect.min_flows=100000", "detect.min_score=0.6")
    told = cli("evaluate", "--site", site, "--vary", *varied, "--json").json
    assert told["parameters"]["detect"]["min_score"] == 0.7
    given, strict = told["settings"]["as given"], told["settings"][" ".join(varied)]
    assert given["apps"]["found"] == 1
    assert given["false_notices"]["by_label"].keys() == {"browsing"}
    assert given["planted"][0]["app"] == "bank"
    assert len(given["planted_by_device"]) == given["apps_by_device"]["planted"] == 4
    assert (strict["apps"]["found"], strict["false_notices"]["number"]) == (0, 0)


def test_people_get_a_line_for_each_setting(cli: Cli, site: Path) -> None:
    """The table has each variant, and what false notices were of."""
    lines = cli.ok("evaluate", "--site", site, "--vary", "detect.min_score=0.6").out.splitlines()
    assert lines[0] == "5 devices, 0.5 hours of detection"
    assert [line.split("  ")[0].strip() for line in lines[2:4]] == [
        "as given",
        "detect.min_score=0.6",
    ]
    assert any(line.startswith(" browsing") for line in lines)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--site", "x", "manifest.tsv"), "MANIFEST does not go with --site"),
        (("--site", "x", "--folds", 3), "--folds does not go with --site"),
        (("--site", "x", "--method", "jaccard"), "--method does not go with --site"),
        (("--site", "x", "--vary", "detect.min_score"), "--vary needs KEY=VALUE"),
        (("manifest.tsv", "--vary", "detect.min_score=1"), "--vary needs --site DIR"),
    ],
)
def test_options_that_do_not_go_with_a_site_are_refused(
    cli: Cli, arguments: tuple[object, ...], message: str
) -> None:
    """The option is named."""
    done = cli("evaluate", *arguments)
    assert done.code == Exit.USAGE
    assert message in done.err
