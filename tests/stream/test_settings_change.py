"""A daemon that starts on the state of other settings: what is not refused holds from then on."""

from __future__ import annotations

import json

import pytest

from flowprint_zeek.errors import StateError
from flowprint_zeek.stream.daemon import Daemon
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS
from tests.stream.daemons import Site, ends_as, in_order, small, story
from tests.stream.small import session

HALF = 2_000.0


def changed(site: Site, **given: object) -> None:
    """End the daemon; the next one has other settings."""
    site.stop()
    site.config = small(site.folder, **given)


def verdicts(site: Site) -> list[str]:
    """Return what was said of the fingerprints, in order."""
    rows = (site.out / VERDICTS).read_text().splitlines()
    return [json.loads(row)["verdict"] for row in rows]


def known(site: Site) -> str:
    """Return the apps of which a fingerprint is known."""
    names = (app.elements[0].split(".")[1] for _, app in site.running.pipeline.site.known)
    return " ".join(sorted(names))


def test_a_threshold_holds_from_the_next_batch_on(site: Site) -> None:
    """What was said before stays."""
    changed(site, detect__by="similarity", detect__threshold="0")
    site.follow(HALF)
    before = verdicts(site)
    assert "unseen_site" not in before
    changed(site, detect__by="similarity", detect__threshold="1")
    site.end()
    after = verdicts(site)
    assert after[: len(before)] == before
    assert "unseen_site" in after[len(before) :]


def test_a_lower_bound_of_fingerprints_holds_at_once(site: Site) -> None:
    """Those that were seen last stay, also where nothing is learned any more."""
    site.left = in_order([*story(), *session("wiki", 320.0, device="10.0.0.3")])
    site.follow(HALF)
    assert "wiki" in known(site)
    changed(site, model__max_fingerprints="1")
    assert known(site) == "mail"


def test_learning_for_longer_goes_on_from_its_beginning(site: Site) -> None:
    """It is counted from the first batch, also where it had ended."""
    site.follow(HALF)
    assert site.running.pipeline.phase == "detect"
    changed(site, run__learn_for="50m")
    site.follow(HALF + 700)
    assert site.running.pipeline.phase == "learn"
    site.end()
    assert site.outputs()[NOTICES].count(b"radio.example") == 0


def test_another_format_while_lines_of_the_old_one_are_due(
    site: Site, replay: dict[str, bytes]
) -> None:
    """It is refused, as the log would hold both; the lines are written when it is set back."""
    site.follow(HALF)
    for name in (NOTICES, VERDICTS):
        (site.out / name).rename(site.folder / name)
        (site.out / name).mkdir()
    site.follow(HALF + 800)
    site.stop()
    for name in (NOTICES, VERDICTS):
        (site.out / name).rmdir()
    said = r"state.sqlite: holds lines of notice\.log that are not written yet as json: set notice"
    with pytest.raises(StateError, match=rf"{said}\.format to json until they are"):
        Daemon(small(site.folder, notice__format="tsv"))
    for name in (NOTICES, VERDICTS):
        (site.folder / name).rename(site.out / name)
    assert ends_as(site, replay)


def test_another_format_once_the_logs_are_moved_away(site: Site) -> None:
    """What comes is written in it to new files."""
    site.follow(HALF)
    site.stop()
    for name in (NOTICES, VERDICTS):
        (site.out / name).rename(site.folder / name)
    changed(site, notice__format="tsv")
    site.end()
    assert (site.out / NOTICES).read_bytes().startswith(b"#separator")
    lines = (site.out / NOTICES).read_text().splitlines()
    assert sum("Unseen_App" in one for one in lines) == 3 - (
        (site.folder / NOTICES).read_text().count("Unseen_App")
    )
