"""A small site whose daemon is asked through the command line."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from flowprint_zeek.core.elements import fingerprint_id
from tests.stream.daemons import Site, in_order, small

if TYPE_CHECKING:
    from pathlib import Path

    from tests.cli.conftest import Cli, Outcome
    from tests.stream.small import Conn

GAME = tuple(f"name:n{at}.game.example" for at in range(4))
"""Elements of the first unseen app of the story."""
MAIL = fingerprint_id([f"name:n{at}.mail.example" for at in range(4)])
"""Id of the app that is known."""
CHESS = fingerprint_id([*GAME, *(f"name:n{at}.mail.example" for at in range(4))])
"""Id of the unseen app once it is known: it was seen beside the other."""
NOTICED = 1_900.0
"""Seconds after which the first unseen app of the story was noticed, and the next was not."""


@dataclass
class Asked:
    """A site with a file of settings, and the command line to ask its daemon."""

    site: Site
    settings: Path
    cli: Cli | None

    def run(self, *arguments: object) -> Outcome:
        """Run a command."""
        assert self.cli is not None
        return self.cli(*arguments)

    def __call__(self, *arguments: object) -> Outcome:
        """Run a command with the settings of the site."""
        return self.run(*arguments, "--config", self.settings)

    def ok(self, *arguments: object) -> str:
        """Return what a command says that must end well."""
        done = self(*arguments)
        assert (done.code, done.err) == (0, ""), done.err
        return done.out

    def name_devices(self, *lines: str) -> None:
        """Let a file name devices, for the commands."""
        path = self.settings.with_name("names.txt")
        path.write_text("\n".join(lines))
        content = json.loads(self.settings.read_text())
        content["device"]["names"] = str(path)
        self.settings.write_text(json.dumps(content))

    def add(self, *connections: Conn) -> None:
        """Let the sensor see more connections."""
        self.site.left = in_order([*self.site.left, *connections])

    def follow(self, until: float) -> None:
        """Let the daemon follow the sensor up to a time, and end."""
        self.site.follow(until)
        self.site.stop()


def asked(folder: Path, cli: Cli | None, **settings: object) -> Asked:
    """Return a site in a folder, its daemon not started."""
    folder.mkdir(parents=True, exist_ok=True)
    config = small(folder, **settings)
    path = folder / "config.yaml"
    path.write_text(json.dumps(config.to_dict()))
    return Asked(Site(folder, config), path, cli)


def listed(site: Asked, *options: str) -> Any:
    """Return what ``apps list`` tells."""
    return json.loads(site.ok("apps", "list", "--json", *options))


def exported(site: Asked) -> Path:
    """Return a model of what the site knows."""
    path = site.settings.parent / "model.json"
    site.ok("apps", "export", path)
    return path
