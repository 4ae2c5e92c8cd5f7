"""Why the logs of the Zeek package do not appear."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.doctor.scripts import check_scripts
from tests.analysis.doctor.setups import NOW, Setup, aged, install, of
from tests.stream.exports import Talk, exported_rows, write_logs

if TYPE_CHECKING:
    from pathlib import Path

LOADED = "/opt/zeek/share/zeek/site/packages/./flowprint_zeek/./main.zeek"


def loaded(setup: Setup, *scripts: str) -> Path:
    """Write what Zeek says that it loaded."""
    lines = ["#fields\tname", "/opt/zeek/share/zeek/base/init-bare.zeek", *scripts]
    path = setup.current / "loaded_scripts.log"
    return setup.write(path, "".join(f"  {one}\n" for one in lines))


def said(setup: Setup) -> str:
    """Return what is noted, which is one thing."""
    (found,) = check_scripts(setup.scene())
    assert found.level == "note"
    assert found.found.startswith(("no flowprint_conn.log: ", str(setup.current)))
    return f"{found.found}; {found.do}"


def test_not_installed(setup: Setup) -> None:
    """How to install them is said."""
    site = setup.zeek()
    assert f"the Zeek package is not installed in {site}; run `zkg install" in said(setup)


def test_installed_but_not_loaded(setup: Setup) -> None:
    """The line that local.zeek lacks; one that is a comment does not count."""
    site = setup.zeek()
    install(site)
    assert said(setup) == (
        "no flowprint_conn.log: the Zeek package is installed, but not loaded: "
        f"{site}/local.zeek lacks `@load packages`; put `@load packages` into {site}/local.zeek "
        "and run `zeekctl deploy`"
    )


def test_copied_but_not_loaded(setup: Setup) -> None:
    """A folder beside local.zeek is loaded by its name."""
    site = setup.zeek(local="@load packages")
    install(site, "flowprint")
    assert f"put `@load flowprint` into {site}/local.zeek" in said(setup)


def test_installed_but_unloaded_by_zkg(setup: Setup) -> None:
    """The package manager has a list of what is loaded."""
    site = setup.zeek(local="@load packages")
    install(site)
    setup.write(site / "packages" / "packages.zeek", "@load ./ja4\n")
    assert "packages.zeek does not name it; run `zkg load flowprint_zeek`" in said(setup)


def test_loaded_since_zeek_was_started(setup: Setup) -> None:
    """Zeek itself says that it runs without."""
    install(setup.zeek(local="@load packages"))
    told = loaded(setup)
    assert f"but {told} does not name it; run `zeekctl deploy`" in said(setup)


def test_nothing_tells_whether_they_are_loaded(setup: Setup) -> None:
    """The script that would is named."""
    install(setup.zeek(local="@load packages"))
    assert "`@load misc/loaded-scripts`" in said(setup)


@pytest.mark.parametrize("archived", [False, True])
def test_loaded_but_no_traffic_of_local_hosts(setup: Setup, archived: bool) -> None:
    """Zeek does not know that the networks are its own: the line names them."""
    setup.edit("conn", lambda row: row | {"local_orig": "F"})
    told = loaded(setup, LOADED)
    if archived:
        day = setup.folder / "archive" / "2026-03-02"
        day.mkdir()
        told = told.rename(day / "loaded_scripts.01:00:00-02:00:00.log")
    (found,) = check_scripts(setup.scene())
    assert found.found.startswith(f"{told} names the scripts of the Zeek package, but ")
    assert "Site::local_nets" in found.found
    assert "`redef Site::local_nets += { 10.20.0.0/24" in found.do


def test_loaded_but_no_log(setup: Setup) -> None:
    """It may be in a folder that is not looked at."""
    loaded(setup, "  ./zeek_scripts/./activity.zeek")
    (found,) = check_scripts(setup.scene())
    assert "there is no flowprint_conn.log in run.logs" in found.found
    assert "FlowPrint::log_dir" in found.do


@pytest.mark.parametrize("name", ["/x/myflowprint/main.zeek", "/x/flowprint/other.zeek"])
def test_scripts_of_others(setup: Setup, name: str) -> None:
    """Not every main.zeek is of the package."""
    loaded(setup, name)
    assert "does not name them" in said(setup)


def exported(setup: Setup, until: float, batch: float = 300.0) -> Path:
    """Write a flowprint_conn.log whose last row ends at a time."""
    talks = [Talk("C1", tuple(round((until - ago) * 1e6) for ago in (500, 40, 0)))]
    rows = exported_rows(talks, round(batch * 1e6))
    write_logs(setup.current, {"flowprint_conn": rows})
    aged(setup.log("flowprint_conn"))
    return setup.log("flowprint_conn")


def test_a_log_that_grows(setup: Setup) -> None:
    """That is all that is needed."""
    path = exported(setup, NOW - 60)
    assert of(check_scripts(setup.scene()), "ok") == {
        "scripts": f"the Zeek package is loaded: {path}; "
    }


def test_a_log_that_stopped(setup: Setup) -> None:
    """The package was loaded once."""
    exported(setup, NOW - 7_200)
    assert "the scripts of the Zeek package are not loaded any more" in said(setup)


def test_widths_that_do_not_fit(setup: Setup) -> None:
    """The lines for local.zeek have what the settings say."""
    path = exported(setup, NOW - 60, batch=600.0)
    found = of(check_scripts(setup.scene()), "problem")["scripts"]
    assert f"{path} has batches of 600 s and windows of 30 s" in found
    assert "`redef FlowPrint::batch = 300sec;` and `redef FlowPrint::window = 30sec;`" in found


def test_notices_that_are_handed_to_zeek_need_them(setup: Setup) -> None:
    """Then it is a problem that they are not loaded."""
    setup.given["run.notices"] = "both"
    setup.zeek()
    assert of(check_scripts(setup.scene()), "problem").keys() == {"scripts"}
