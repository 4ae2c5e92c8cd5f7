"""``calibrate``: thresholds of labelled captures and files, and the forecast for a site."""

from __future__ import annotations

import json
import signal
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek import store
from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.known import KnownApp
from flowprint_zeek.stream import replay as replaying
from tests.stream.small import MIDNIGHT, SECOND, Conn, conn_log, session

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli

APPS = ("chat", "game", "mail")
METHODS = ["jaccard", "resemblance"]


@pytest.fixture(scope="session")
def manifest(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write two training captures of each of three apps and a test capture of a fourth."""
    folder = tmp_path_factory.mktemp("captures")
    lines = ["path\tlabel\tsplit"]
    for run, app in [*((run, app) for run in (0, 1) for app in APPS), (2, "bank")]:
        name = f"{app}{run}"
        (folder / name).mkdir()
        shared = [Conn(f"Cp{name}", 8, 50, name="push.example")]
        conn_log(folder / name, *session(app, run, flows=12, names=6 - run), *shared)
        lines.append(f"{name}\t{app}\t{'test' if app == 'bank' else 'train'}")
    path = folder / "manifest.tsv"
    path.write_text("\n".join(lines))
    return path


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Write logs of a known app for an hour, and of a new one after it."""
    folder = tmp_path_factory.mktemp("site")
    known = [one for at in range(12) for one in session("mail", at * 300)]
    conn_log(folder, *known, *session("mail", 3600), *session("game", 3900))
    return folder


def files(folder: Path) -> Path:
    """Write labelled fingerprints of three apps, two a label, the later one first in the file."""
    known = [
        KnownApp(
            tuple(f"name:{n}.{app}" for n in range(run, 6)), 5, 1, Counter({app: 5}), run, run + 1
        )
        for app in APPS
        for run in (1, 0)
    ]
    path = folder / "known.json"
    store.write(path, store.Model(Parameters(scheme="names"), apps=known))
    return path


def test_a_table_tells_what_each_false_rate_costs(cli: Cli, manifest: Path) -> None:
    """For both methods, with the chosen threshold and how many were held out."""
    lines = cli.ok("calibrate", manifest).out.splitlines()
    title = "resemblance, per fingerprint (6 held out of known apps, 6 of left-out apps)"
    assert lines[0] == title
    assert lines[1].split("  ")[-2:] == ["score from", "detection rate"]
    assert sum(line.endswith("chosen") for line in lines) == 2
    assert lines[-1].startswith("jaccard: unseen below a similarity of 0.")


def test_json_has_thresholds_rates_and_curves(cli: Cli, manifest: Path) -> None:
    """Test captures have no part in any of it."""
    told = cli("calibrate", manifest, "--json").json
    assert told["parameters"]["false_rate"] == 0.05
    assert told["apps"] == [*APPS]
    assert sorted(told["methods"]) == METHODS
    for one in told["methods"].values():
        assert (one["false_rate"], one["detection_rate"], one["known"]) == (0, 1, 6)
        chosen = {key: one[key] for key in ("threshold", "false_rate", "detection_rate")}
        assert chosen in one["curve"]
    assert told["similarity"] == 1 - told["methods"]["jaccard"]["threshold"]
    assert cli("calibrate", manifest, "--json").json == told


@pytest.mark.parametrize(
    ("argv", "wanted", "per"),
    [
        (("--best-f1",), None, "fingerprint"),
        (("--false-rate", "0.5", "--per", "flow"), 0.5, "flow"),
        (("--per", "capture", "--strip-certificates"), 0.05, "capture"),
    ],
)
def test_the_goal_can_be_said(
    cli: Cli, manifest: Path, argv: tuple[str, ...], wanted: float | None, per: str
) -> None:
    """A false rate or the best F1, per flow, fingerprint or capture."""
    told = cli("calibrate", manifest, *argv, "--json").json
    assert (told["parameters"]["false_rate"], told["parameters"]["per"]) == (wanted, per)
    assert told["methods"]["resemblance"]["known"] == {"flow": 78}.get(per, 6)


def test_the_model_goes_by_the_threshold(cli: Cli, manifest: Path, tmp_path: Path) -> None:
    """It holds what trains, what detect goes by, and both calibrated thresholds."""
    path = tmp_path / "model.json"
    told = cli("calibrate", manifest, "-o", path, "--json").json
    model = store.read(path)
    assert told["output"] == str(path)
    assert model.threshold == told["similarity"]
    assert sorted(model.calibrated) == METHODS
    assert model.calibrated["jaccard"].threshold == told["methods"]["jaccard"]["threshold"]
    assert {app.label for app in model.apps} == {*APPS}
    tested = [manifest.parent / name for name in ("bank2", "mail1")]
    found = cli("detect", "-t", path, "-e", *tested, "--json").json
    assert found["parameters"]["threshold"] == model.threshold


def test_fingerprint_files_are_calibrated(cli: Cli, tmp_path: Path) -> None:
    """In the order of time; what else the file says stays."""
    path, output = files(tmp_path), tmp_path / "calibrated.json"
    told = cli("calibrate", "--fingerprints", path, "-o", output, "--json").json
    assert told["methods"]["jaccard"]["known"] == 6
    before, after = store.read(path), store.read(output)
    assert (after.apps, after.parameters) == (before.apps, before.parameters)
    assert after.threshold == told["similarity"] != before.threshold


def test_unlabelled_fingerprints_are_left_out(cli: Cli, tmp_path: Path) -> None:
    """With a warning; where no other is, it is an error."""
    path = files(tmp_path)
    model = store.read(path)
    model.apps.append(KnownApp(("name:x", "name:y"), 1, 1, Counter()))
    store.write(path, model)
    done = cli.ok("calibrate", "--fingerprints", path)
    assert "warning: 1 fingerprints have no label and are left out" in done.err
    model.apps = model.apps[-1:]
    store.write(path, model)
    done = cli("calibrate", "--fingerprints", path)
    assert (done.code, "no fingerprint with a label" in done.err) == (Exit.MODEL, True)


def test_one_app_has_no_detection_rate(cli: Cli, manifest: Path, tmp_path: Path) -> None:
    """A false rate can be held, and a warning says that nothing was left out."""
    path = tmp_path / "one.tsv"
    path.write_text("\n".join(f"{manifest.parent}/mail{run}\tmail" for run in (0, 1)))
    done = cli.ok("calibrate", path)
    assert "one app: none can be left out" in done.err
    done = cli("calibrate", path, "--best-f1")
    assert (done.code, "has one app only" in done.err) == (Exit.LOGS, True)


def test_a_forecast_tells_notices_at_each_threshold(cli: Cli, site: Path) -> None:
    """Two hours of logs: one new app in the part that is watched, and what it is of."""
    done = cli.ok("calibrate", site, "--learn-for", "1h", "--max-per-day", "300")
    lines = done.out.splitlines()
    assert lines[0] == "Notices in 0.01 days"
    assert lines[2].split() == ["0.5", "1", "144.0", "144.0", "1", "chosen"]
    assert "The lowest that stays under 300 a day: 0.5" in lines
    assert " game.example  1" in lines
    assert "0.2 hours were watched: notices a day are a guess" in done.err


def test_a_forecast_says_where_no_threshold_is_quiet_enough(cli: Cli, site: Path) -> None:
    """Ten minutes with one notice are 144 a day."""
    done = cli.ok("calibrate", site, "--learn-until", str(MIDNIGHT // SECOND + 3600))
    assert "No threshold stays under 20 notices on every day: learn longer" in done.out


def test_a_forecast_as_json(cli: Cli, site: Path) -> None:
    """Every threshold with its causes, the chosen one, and what was replayed."""
    argv = ("calibrate", site, "--learn-for", "1h", "--max-per-day", "300", "-q", "--json")
    told = cli(*argv).json
    assert [one["min_score"] for one in told["thresholds"]][:2] == [0.5, 0.55]
    first = told["thresholds"][0]
    assert (first["notices"], first["apps"]) == (1, 1)
    assert first["causes"]["devices"] == {"10.0.0.1": 1}
    assert (told["min_score"], told["candidates"], told["candidates_dropped"]) == (0.5, 1, 0)
    assert told["replay"]["batches"] == 14


@pytest.mark.parametrize(
    ("argv", "code", "said"),
    [
        ((), Exit.USAGE, "give MANIFEST, --fingerprints or LOGS"),
        (("a", "b"), Exit.USAGE, "LOGS need --learn-until TIME or --learn-for DURATION"),
        (("SITE",), Exit.USAGE, "is a folder, no MANIFEST"),
        (("MANIFEST", "--fingerprints", "x"), Exit.USAGE, "contradict each other"),
        (("--fingerprints", "x", "--per", "capture"), Exit.USAGE, "needs captures"),
        (("--fingerprints", "x", "--strip-certificates"), Exit.USAGE, "need captures"),
        (("--fingerprints", "none.json"), Exit.MODEL, "none.json: cannot be read"),
        (("none.tsv",), Exit.LOGS, "none.tsv: cannot be read"),
        (("MANIFEST", "--false-rate", "2"), Exit.USAGE, "'2' is not a number from 0 to 1"),
        (("MANIFEST", "--false-rate", "0", "--best-f1"), Exit.USAGE, "not allowed with"),
        (("--learn-for", "1h"), Exit.USAGE, "give MANIFEST, --fing"),
        (("SITE", "--learn-for", "1h", "-o", "x"), Exit.USAGE, "need labels"),
        (("SITE", "--learn-for", "1h", "--learn-until", "5"), Exit.USAGE, "contradict each other"),
        (("SITE", "--learn-for", "9d"), Exit.LOGS, "nothing is left to watch; learn less"),
        (("SITE", "--learn-until", "5"), Exit.LOGS, "nothing is known: no fingerprint in 0 of 14"),
        (("SITE", "--learn-for", "1h", "--until", "5"), Exit.LOGS, "--until leave out"),
    ],
)
def test_what_cannot_be_done_is_one_line(
    cli: Cli, manifest: Path, site: Path, argv: tuple[str, ...], code: Exit, said: str
) -> None:
    """Each says what is wrong and what to give."""
    places = {"MANIFEST": str(manifest), "SITE": str(site)}
    done = cli("calibrate", "-q", *(places.get(one, one) for one in argv))
    assert (done.code, done.out, done.err.count("\n")) == (code, "", 1)
    assert said in done.err


@pytest.mark.parametrize("output", [True, False])
def test_a_file_that_cannot_be_written_is_an_error(
    cli: Cli, manifest: Path, tmp_path: Path, output: bool
) -> None:
    """Nothing is told as done."""
    path = tmp_path / "none" / "model.json"
    done = cli("calibrate", manifest, *(["-o", path] if output else []))
    assert done.code == (Exit.OUTPUT if output else Exit.OK)
    assert bool(done.out) != output


def test_ctrl_c_ends_with_one_line(cli: Cli, site: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """While logs are read: the code 130, and nothing on stdout."""

    def interrupted(*_: Any, **__: Any) -> None:
        signal.raise_signal(signal.SIGINT)

    monkeypatch.setattr(replaying, "read_chunks", interrupted)
    done = cli("calibrate", site, "--learn-for", "1h")
    assert (done.code, done.out) == (Exit.INTERRUPTED, "")
    assert done.err == "flowprint-zeek: interrupted\n"


def test_evaluate_calibrates_on_what_trains(cli: Cli, manifest: Path) -> None:
    """The threshold told of is the calibrated one, and the figures are at it."""
    plain = cli("evaluate", manifest, "--leave-one-out", "--json").json
    told = cli("evaluate", manifest, "--leave-one-out", "--calibrate", "--json").json
    assert plain["unseen"]["flow"]["threshold"] == 0.7
    assert told["unseen"]["flow"]["threshold"] != 0.7
    assert told["methods"]["resemblance"]["threshold"] == told["unseen"]["flow"]["threshold"]
    assert (told["parameters"]["calibrate"], plain["parameters"]["calibrate"]) == (True, False)
    same = ("average_precision", "roc_auc", "best_f1")
    assert [told["unseen"]["flow"][key] for key in same] == [
        plain["unseen"]["flow"][key] for key in same
    ]


def test_a_false_rate_without_calibration_is_an_error(cli: Cli, manifest: Path) -> None:
    """It would have no effect."""
    done = cli("evaluate", manifest, "--false-rate", "0.1")
    assert (done.code, "--false-rate needs --calibrate" in done.err) == (Exit.USAGE, True)
    strict = cli("evaluate", manifest, "--calibrate", "--false-rate", "0", "--json").json
    assert json.dumps(strict["parameters"]["false_rate"]) == "0.0"
