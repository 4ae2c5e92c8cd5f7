"""What deploy/ holds fits the program: its metrics, settings, options and exit codes."""

from __future__ import annotations

import argparse
import importlib
import json
import re
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from flowprint_zeek.cli.exits import Exit
from flowprint_zeek.config import SETTINGS, load
from flowprint_zeek.settings import PREFIX
from flowprint_zeek.stream.metrics import COUNTERS, GAUGES
from flowprint_zeek.stream.outputs import NOTICES, VERDICTS

ROOT = Path(__file__).resolve().parents[1]
DEPLOY = ROOT / "deploy"
EXPORTED = (
    {f"flowprint_{metric.name}_total" for metric in COUNTERS}
    | {f"flowprint_{metric.name}" for metric in GAUGES}
    | {"flowprint_daemon_info"}
)
UNIT = "flowprint-zeek.service"


def text(name: str) -> str:
    return (DEPLOY / name).read_text(encoding="utf-8")


def alerts() -> list[dict[str, Any]]:
    """Return the rules of all groups."""
    groups = yaml.safe_load(text("prometheus-alerts.yaml"))["groups"]
    return [rule for group in groups for rule in group["rules"]]


def panels() -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(text("grafana-dashboard.json"))["panels"]
    return found


def named(*queries: str) -> set[str]:
    """Return the daemon's metrics that queries name."""
    return {name for query in queries for name in re.findall(r"\bflowprint_\w+", query)}


def unit() -> dict[str, list[str]]:
    """Return the values of section Service by their keys, each of which may come repeatedly."""
    values: dict[str, list[str]] = {}
    for line in text(UNIT).partition("[Service]")[2].partition("[Install]")[0].splitlines():
        if line and not line.startswith("#"):
            key, _, value = line.partition("=")
            values.setdefault(key, []).append(value)
    return values


def accepts(words: list[str]) -> bool:
    """Tell whether a command with its options is one of ours."""
    name, *options = words
    parser = argparse.ArgumentParser(exit_on_error=False)
    importlib.import_module(f"flowprint_zeek.cli.arguments.{name}").add_arguments(parser)
    return parser.parse_known_args(options)[1] == []


# Metrics


def test_alerts_go_by_what_is_exported() -> None:
    """Every metric that an alert names there is, and every alert names one."""
    expressions = [rule["expr"] for rule in alerts()]
    assert named(*expressions) <= EXPORTED
    assert all(named(each) or each.startswith("up{") for each in expressions)


def test_alerts_say_what_they_are() -> None:
    """Each has a name of its own, how bad it is, and what to do."""
    names = [rule["alert"] for rule in alerts()]
    assert len(set(names)) == len(names) == 9
    for rule in alerts():
        assert rule["labels"]["severity"] in {"warning", "critical"}
        assert rule["annotations"].keys() == {"summary", "description"}
        assert re.fullmatch(r"\d+[mh]", rule["for"])


def test_panels_go_by_what_is_exported() -> None:
    """Every metric that the dashboard names there is."""
    used = [target["expr"] for panel in panels() for target in panel["targets"]]
    data = json.loads(text("grafana-dashboard.json"))["templating"]["list"]
    assert named(*used, *(one["definition"] for one in data if "definition" in one)) <= EXPORTED
    assert all(each.count("(") == each.count(")") for each in used)


def test_panels_lie_beside_each_other() -> None:
    """None covers another, and each has its number."""
    cells = [
        (x, y)
        for at in (panel["gridPos"] for panel in panels())
        for x in range(at["x"], at["x"] + at["w"])
        for y in range(at["y"], at["y"] + at["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) < 24
    assert len({panel["id"] for panel in panels()}) == len(panels())


def test_the_dashboard_shows_nearly_everything() -> None:
    """Times are left to alerts and to its lag."""
    used = named(*(target["expr"] for panel in panels() for target in panel["targets"]))
    left = {name for name in EXPORTED - used if "timestamp" not in name}
    assert left == {"flowprint_daemon_info", "flowprint_logs_followed"}


def test_the_documentation_lists_what_is_exported() -> None:
    """All of it, and nothing else."""
    page = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
    rows = [line for line in page.splitlines() if line.startswith("| `flowprint_")]
    assert named(*rows) == EXPORTED


# systemd


def systemd(program: str) -> int:
    """Return the version of systemd."""
    said = subprocess.run([program, "--version"], capture_output=True, text=True, check=True)
    return int(said.stdout.split()[1])


def test_the_unit_starts_what_there_is() -> None:
    """Its command line is accepted, and its settings are where the guide puts them."""
    (command,) = unit()["ExecStart"]
    program, *words = shlex.split(command)
    assert program.endswith("/bin/flowprint-zeek")
    assert accepts(words)
    assert words[-1] in text("README.md")


def test_the_unit_does_not_restart_what_is_wrong_again() -> None:
    """Wrong options, settings and models; a state that is in use for a moment is another thing."""
    (codes,) = unit()["RestartPreventExitStatus"]
    assert [int(code) for code in codes.split()] == [Exit.USAGE, Exit.CONFIG, Exit.MODEL]


def test_the_unit_lets_the_defaults_be_written() -> None:
    """State and logs lie where systemd makes folders for them."""
    run = load(None, environ={}, overrides={}).run
    (state,), (logs,) = unit()["StateDirectory"], unit()["LogsDirectory"]
    assert Path(run.state).parent == Path("/var/lib") / state
    assert Path(run.output) == Path("/var/log") / logs


def test_the_unit_is_one_that_systemd_knows(tmp_path: Path) -> None:
    """Where systemd is installed it finds nothing wrong, and little exposed."""
    program = shutil.which("systemd-analyze") or ""
    if not program or systemd(program) < 250:
        pytest.skip("no systemd that judges a file")
    # The commands have to be there.
    path = tmp_path / UNIT
    path.write_text(re.sub(r"(?m)^(Exec\w+)=\S+", r"\1=/bin/true", text(UNIT)))
    checked = subprocess.run(
        [program, "verify", str(path)], capture_output=True, text=True, check=False
    )
    assert (checked.stderr, checked.returncode) == ("", 0)
    argv = [program, "security", "--offline=true", "--threshold=20", str(path)]
    exposed = subprocess.run(argv, capture_output=True, text=True, check=False)
    assert exposed.returncode == 0, exposed.stdout + exposed.stderr


def test_logs_are_rotated_where_they_are_written() -> None:
    """Those of the daemon, and never by copying."""
    rules = text("logrotate.conf")
    folder = load(None, environ={}, overrides={}).run.output
    assert f"\n{folder}/*.log {{\n" in rules
    assert all(Path(name).match("*.log") for name in (NOTICES, VERDICTS))
    words = [line.split()[0] for line in rules.splitlines() if line.startswith("    ")]
    assert {"create", "delaycompress", "su"} <= set(words)
    assert "copytruncate" not in words


# Containers


def test_containers_are_set_by_settings_that_there_are() -> None:
    """Each variable is one, and its value is allowed."""
    service = yaml.safe_load(text("compose.yaml"))["services"]["flowprint-zeek"]
    environ = {key: str(value) for key, value in service["environment"].items()}
    assert environ.keys() <= {setting.variable for setting in SETTINGS.values()}
    assert all(key.startswith(PREFIX) for key in environ)
    run = load(None, environ=environ, overrides={}).run
    mounted = [volume.split(":")[1] for volume in service["volumes"]]
    assert run.logs[0] in mounted
    assert {str(Path(run.state).parent), run.output} <= set(mounted)
    assert accepts(service["command"])


def test_the_container_reads_what_zeek_writes() -> None:
    """And may not change it."""
    services = yaml.safe_load(text("compose.yaml"))["services"]
    (zeek,) = services["zeek"]["volumes"]
    volume, folder = zeek.split(":")
    assert services["zeek"]["working_dir"] == folder
    assert f"{volume}:/zeek:ro" in services["flowprint-zeek"]["volumes"]


def test_metrics_are_published_to_the_host_only() -> None:
    """By the port that the container serves them on."""
    service = yaml.safe_load(text("compose.yaml"))["services"]["flowprint-zeek"]
    port = service["environment"]["FLOWPRINT_RUN_METRICS"].rpartition(":")[2]
    assert service["ports"] == [f"127.0.0.1:{port}:{port}"]


def test_the_image_checks_health_by_what_there_is() -> None:
    """And starts what there is, not as root."""
    image = text("Dockerfile")
    health, start = re.findall(r"CMD (\[.*\])", image)
    program, *words = json.loads(health)
    assert program == json.loads(re.findall(r"ENTRYPOINT (\[.*\])", image)[0])[0]
    assert accepts(words)
    assert accepts(json.loads(start))
    assert re.findall(r"(?m)^USER (.*)$", image) == ["10001:10001"]


def test_the_image_is_made_of_what_there_is() -> None:
    """Whatever it copies is in the repository, and is sent to the build."""
    copied = re.findall(r"(?m)^COPY (?!--from)(.*) \S+$", text("Dockerfile"))
    names = {name for line in copied for name in line.split()}
    assert all((ROOT / name).exists() for name in names)
    sent = [line[1:] for line in text("Dockerfile.dockerignore").splitlines() if line[0] == "!"]
    assert set(sent) == names


def test_the_guide_names_files_that_there_are() -> None:
    """All of deploy/, and nothing else."""
    told = set(re.findall(r"`([\w.-]+)`", text("README.md").partition("## systemd")[0]))
    files = {path.name for path in DEPLOY.iterdir()} - {"README.md", "Dockerfile.dockerignore"}
    assert files == told - {"run.metrics"}
