"""explain: what a notice rests on, what became of it, and commands that find its connections."""

from __future__ import annotations

import gzip
import json
import shutil
import sqlite3
import subprocess
from contextlib import closing
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.cli.exits import Exit
from tests.cli.sensors import CHESS, NOTICED, Asked, asked, exported
from tests.stream.small import session
from tests.stream.test_hosts import MAC, dhcp_log, lease

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.cli.conftest import Cli

UIDS = [one.uid for one in session("game", 1_220.0)]
SHELL = shutil.which("sh") or ""


def notice_id(site: Asked) -> str:
    (notice,) = json.loads(site.ok("explain", "--json"))["notices"]
    return str(notice["id"])


def explained(site: Asked, *arguments: object) -> Any:
    return json.loads(site.ok("explain", notice_id(site), "--json", *arguments))


def found_by(command: str) -> list[str]:
    """Return the lines that a command of the shell writes, with nothing on stderr."""
    done = subprocess.run([SHELL, "-c", command], capture_output=True, text=True, check=False)
    assert done.stderr == ""
    return done.stdout.splitlines()


def with_uids(lines: list[str]) -> dict[str, int]:
    """Return how many lines are of each connection."""
    return {
        uid: sum(f"\t{uid}\t" in line for line in lines)
        for uid in {part for line in lines for part in line.split("\t") if part.startswith("C")}
    }


# Which notice


def test_without_an_id_the_last_notices_are_listed(site: Asked) -> None:
    """With the ids that it takes, and the sentences of the notices."""
    text = site.ok("explain").splitlines()
    assert text[0] == "Last notices"
    assert text[1].split() == ["id", "time", "note", "message"]
    assert text[2].split()[:4] == [notice_id(site), "2026-01-01", "00:27Z", "Unseen_App"]
    assert "New app on 10.0.0.1: n0.game.example" in text[2]


def test_the_newest_notices_come_first(tmp_path: Path, cli: Cli) -> None:
    """Also those that are of no app, which have no id."""
    site = asked(tmp_path, cli)
    site.add(*session("late", 86_400.0 + 10))
    site.site.follow(87_000.0, step=3_000.0)
    site.site.end()
    found = json.loads(site.ok("explain", "--json"))["notices"]
    kinds = [(row["note"].partition("::")[2], bool(row["id"])) for row in found]
    assert kinds == [("Unseen_App", True), ("Status", False), *[("Unseen_App", True)] * 3]
    assert site.ok("explain").splitlines()[3].split()[0] == "-"


@pytest.mark.parametrize("cut", [4, 9, 16])
def test_an_id_may_be_cut(site: Asked, cut: int) -> None:
    """To four digits or more, in either case."""
    key = notice_id(site)
    assert explained(site)["explained"]["id"] == key
    for given in (key[:cut], key[:cut].upper()):
        assert json.loads(site.ok("explain", given, "--json"))["explained"]["id"] == key


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("abc", "'abc' is no notice id: it has 4 to 16 hexadecimal digits"),
        ("0123456789abcdef0", "'0123456789abcdef0' is no notice id"),
        ("p1", "'p1' is no notice id"),
        ("*" * 4, "'****' is no notice id"),
        ("\x1b[31m", r"'\x1b[31m' is no notice id"),
        ("", "'' is no notice id"),
        ("0123456789abcdef", "no notice 0123456789abcdef in "),
    ],
)
def test_ids_of_no_notice(site: Asked, given: str, said: str) -> None:
    """One error that says what an id is, or where it was looked for."""
    done = site("explain", given)
    assert (done.code, done.out) == (Exit.USAGE, "")
    assert done.err.startswith(f"flowprint-zeek: error: {said}")
    assert done.err.count("\n") == 1


def test_an_id_that_is_cut_too_short(tmp_path: Path, cli: Cli) -> None:
    """It lists some of those that begin so."""
    site = asked(tmp_path, cli)
    site.site.end()
    with closing(sqlite3.connect(site.site.config.run.state)) as db:
        for number in (1, 2):
            key = f"abcd{number:012d}"
            db.execute("UPDATE notice SET id = ? WHERE number = ?", (key, number))
        db.commit()
    done = site("explain", "abcd")
    assert done.code == Exit.USAGE
    assert done.err == (
        "flowprint-zeek: error: 2 notices begin with abcd, the last are abcd000000000001, "
        "abcd000000000002: give more\n"
    )
    assert site("explain", "abcd000000000002").code == Exit.OK


def test_without_a_state(tmp_path: Path, cli: Cli) -> None:
    """One error that names it."""
    done = asked(tmp_path, cli)("explain")
    assert done.code == Exit.STATE
    assert done.err.endswith("state.sqlite: there is no state: no daemon has run with it yet\n")


# What it tells


def test_what_it_tells_people(site: Asked) -> None:
    """The sentence of the notice, score, elements, connections, and what to do."""
    lines = site.ok("explain", notice_id(site)).splitlines()
    assert lines[0].startswith("New app on 10.0.0.1: n0.game.example")
    assert lines[1] == (
        "Score 0.90 (from 0.7 on it counts); pending app p1 with 16 flows in 1 batches on 1 "
        "devices so far"
    )
    elements = [line.split() for line in lines[4:12]]
    assert elements[0][:5] == ["n0.game.example", "new,", "of", "a", "new"]
    assert elements[4][:3] == ["n0.mail.example", "seen", "before"]
    text = "\n".join(lines)
    assert f"Connections to what is new: {' '.join(UIDS)}" in text
    assert lines[-1] == (
        "Decide: flowprint-zeek apps label p1 --as NAME, or apps dismiss p1 --reason TEXT"
    )


def test_what_it_tells_as_json(site: Asked) -> None:
    """The row of notice.log, what it rests on, what became of it, and commands."""
    told = explained(site)
    assert list(told) == ["notice", "explained", "now", "pivots"]
    assert told["notice"]["note"] == "FlowPrint::Unseen_App"
    assert told["explained"]["uids"] == UIDS
    assert list(told["explained"]["elements"][0]) == [
        *("element", "novel", "fresh", "weight", "first", "last", "sightings", "devices"),
    ]
    assert told["now"] == {"pending": True, "known": None, "label": None, "dismissal": None}
    assert len(told["pivots"]) == 2


def last_line(site: Asked, key: str) -> str:
    return site.ok("explain", key).splitlines()[-1]


def test_a_notice_of_an_app_that_was_labelled_since(site: Asked) -> None:
    """It says as what it is known now; what it rested on is as it was."""
    before = explained(site)
    site.ok("apps", "label", "p1", "--as", "Chess")
    told = explained(site)
    assert told["now"] == {
        "pending": False,
        "known": CHESS,
        "label": "Chess",
        "dismissal": None,
    }
    assert (told["notice"], told["explained"]) == (before["notice"], before["explained"])
    assert last_line(site, notice_id(site)) == (f"Decided: known as {CHESS}, labelled Chess")


@pytest.mark.parametrize(
    ("decided", "said"),
    [
        (["dismiss", "p1"], "Decided: dismissal 1 (take it back: apps allow 1)"),
        (["dismiss", "--names", "*.game.example"], "Decided: dismissal 1"),
        (["dismiss", "--devices", "10.0.0.0/8"], "Decided: dismissal 1"),
        (["forget", "p1"], "p1 is pending no more: it was forgotten, or what was new has become"),
    ],
)
def test_a_notice_of_an_app_that_was_decided_on(site: Asked, decided: list[str], said: str) -> None:
    """By whatever dismissal covers it now."""
    key = notice_id(site)
    site.ok("apps", *decided)
    assert last_line(site, key).startswith(said)


def test_a_notice_of_a_device_of_a_dismissed_group(site: Asked) -> None:
    """As groups are now: a device that left one is not dismissed with it."""
    key = notice_id(site)
    site.name_devices("10.0.0.1 - sales", "10.0.0.0/24 - office")
    site.ok("apps", "dismiss", "--groups", "sales")
    assert explained(site)["now"]["dismissal"] == 1
    site.name_devices("10.0.0.2 - sales", "10.0.0.0/24 - office")
    assert explained(site)["now"]["dismissal"] is None
    site.ok("apps", "dismiss", "--groups", "office")
    assert last_line(site, key).startswith("Decided: dismissal 2 ")


def test_a_notice_of_a_device_that_dhcp_puts_into_a_dismissed_group(
    tmp_path: Path, cli: Cli
) -> None:
    """By the MAC of whoever has its address."""
    site = asked(tmp_path, cli)
    dhcp_log(site.site.current, [lease(0, "", "10.0.0.1", MAC)])
    site.follow(NOTICED)
    site.name_devices(f"{MAC} - sales")
    assert site.ok("apps", "dismiss", "--groups", "sales") == "dismissal 1; pending no more: p1\n"
    assert explained(site)["now"]["dismissal"] == 1


def test_a_file_of_names_that_cannot_be_read(site: Asked) -> None:
    """It is an error where a group is dismissed; nothing else depends on it."""
    site.ok("apps", "dismiss", "p1")
    site.name_devices("no line")
    assert explained(site)["now"]["dismissal"] == 1
    site.name_devices()
    site.ok("apps", "dismiss", "--groups", "sales")
    site.ok("apps", "allow", "1")
    site.name_devices("no line")
    done = site("explain", notice_id(site))
    assert (done.code, done.out) == (Exit.CONFIG, "")
    assert "names.txt:1: a line must begin with" in done.err


def test_a_notice_of_an_app_that_became_known_without_a_label(
    site: Asked, tmp_path: Path, cli: Cli
) -> None:
    """By a model of another site."""
    other = asked(tmp_path / "other", cli, run__learn_for="1d")
    other.follow(3_000.0)
    site.ok("apps", "import", exported(other))
    assert last_line(site, notice_id(site)).startswith("Decided: known as ")
    assert last_line(site, notice_id(site)).endswith(", without a label")


def test_the_notices_of_a_forgotten_device_cannot_be_explained(site: Asked) -> None:
    """They are gone with it."""
    key = notice_id(site)
    site.ok("apps", "forget", "--device", "10.0.0.1")
    assert site("explain", key).code == Exit.USAGE


# Commands that find its connections


STRANGE = "logs of 'my' $HOME [1] a*b"


@pytest.fixture(params=["plain", STRANGE])
def placed(request: pytest.FixtureRequest, tmp_path: Path, cli: Cli) -> Iterator[Asked]:
    """Return a site in a folder with such a name."""
    made = asked(tmp_path / request.param, cli)
    made.follow(NOTICED)
    yield made
    made.site.stop()


def test_what_finds_the_connections_in_the_logs_at_hand(placed: Asked) -> None:
    """Each in conn.log and in ssl.log, and no others."""
    lines = found_by(explained(placed)["pivots"][0])
    assert with_uids(lines) == dict.fromkeys(UIDS, 2)


def test_what_finds_the_connections_in_the_archive(placed: Asked) -> None:
    """Compressed and in the folder of the day, as zeekctl leaves them."""
    day = placed.site.folder / "archive" / "2026-01-01"
    day.mkdir()
    for path in placed.site.current.iterdir():
        with gzip.open(day / f"{path.stem}.00:00:00-01:00:00.log.gz", "wb") as file:
            file.write(path.read_bytes())
    lines = found_by(explained(placed)["pivots"][1])
    assert with_uids(lines) == dict.fromkeys(UIDS, 2)


def test_an_archive_of_connections_only(placed: Asked) -> None:
    """No log is asked for that is not there: zgrep would complain."""
    day = placed.site.folder / "archive" / "2026-01-01"
    day.mkdir()
    shutil.copy(placed.site.current / "conn.log", day / "conn.00:00:00-01:00:00.log")
    lines = found_by(explained(placed)["pivots"][1])
    assert with_uids(lines) == dict.fromkeys(UIDS, 1)


def test_an_archive_without_folders(placed: Asked) -> None:
    """As logrotate makes it: all its logs are looked through."""
    archive = placed.site.folder / "archive"
    for path in placed.site.current.iterdir():
        shutil.copy(path, archive / f"{path.name}.1")
    lines = found_by(explained(placed)["pivots"][1])
    assert with_uids(lines) == dict.fromkeys(UIDS, 2)


def test_an_archive_that_does_not_hold_the_day_yet(site: Asked) -> None:
    """The command names where zeekctl will put it."""
    archive = site.site.folder / "archive"
    day = f"{archive}/2026-01-01"
    assert explained(site)["pivots"][1].endswith(f" {day}/*conn* {day}/*ssl*")


@pytest.mark.parametrize("place", ["current/*.log", "cur*", "c[u]rrent", "current/conn.log"])
def test_places_that_are_files_or_patterns(site: Asked, place: str) -> None:
    """A pattern is left to the shell, also where it is of folders."""
    folder = site.site.folder
    told = explained(site, "--state", site.site.config.run.state)
    assert told["pivots"]
    content = json.loads(site.settings.read_text())
    content["run"]["logs"] = [str(folder / place)]
    content["run"]["archives"] = []
    site.settings.write_text(json.dumps(content))
    (command,) = explained(site)["pivots"]
    assert with_uids(found_by(command)) == dict.fromkeys(UIDS, 1 if "conn" in place else 2)


def test_what_the_zeek_package_tells_of_the_connections_is_found(placed: Asked) -> None:
    """In the logs at hand and in the archive, each line with the name of its log."""
    day = placed.site.folder / "archive" / "2026-01-01"
    day.mkdir()
    for name in ("flowprint_conn", "flowprint_ssl", "dns"):
        text = "".join(f"1767226820.000000\t{uid}\t10.0.0.1\n" for uid in UIDS)
        (placed.site.current / f"{name}.log").write_text(text)
        with gzip.open(day / f"{name}.00:00:00-01:00:00.log.gz", "wt") as file:
            file.write(text)
    at_hand, archived = map(found_by, explained(placed)["pivots"])
    assert with_uids(at_hand) == dict.fromkeys(UIDS, 4)
    assert with_uids(archived) == dict.fromkeys(UIDS, 2)
    current = {line.partition(":")[0] for line in at_hand}
    kinds = ("conn", "ssl", "flowprint_conn", "flowprint_ssl")
    assert current == {str(placed.site.current / f"{kind}.log") for kind in kinds}
    assert {line.split(".log.gz:")[0] for line in archived} == {
        str(day / f"{kind}.00:00:00-01:00:00") for kind in kinds[2:]
    }


def test_connections_whose_ids_begin_alike_are_told_apart(site: Asked) -> None:
    """C1 is not C12, and no sign in it is one of a pattern."""
    path = site.site.current / "conn.log"
    line = next(line for line in path.read_text().splitlines() if UIDS[1] in line)
    alike = [UIDS[1] + "2", "X" + UIDS[1], UIDS[1].replace(".", "x")]
    with path.open("a") as file:
        file.writelines(line.replace(UIDS[1], uid) + "\n" for uid in alike)
    lines = found_by(explained(site)["pivots"][0])
    assert with_uids(lines) == dict.fromkeys(UIDS, 2)
