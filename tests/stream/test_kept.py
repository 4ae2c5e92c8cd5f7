"""What a pipeline keeps for a restart: nothing that matters is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from flowprint_zeek.analysis.archive import write
from flowprint_zeek.analysis.network import Network
from flowprint_zeek.analysis.simulate import simulate
from flowprint_zeek.config import Config, load
from flowprint_zeek.core.arrays import ints
from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.stream.kept import basis, from_sections, sections
from flowprint_zeek.stream.phases import Learning
from flowprint_zeek.stream.pipeline import Pipeline
from flowprint_zeek.stream.replay import KINDS, Source, replay
from flowprint_zeek.zeek.files import find_logs
from tests.stream.small import MIDNIGHT, SECOND, Found, run, session

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd

    from flowprint_zeek.core.fingerprint import Parameters
    from flowprint_zeek.stream.batcher import Timing

NETWORK = Network(seed=3, devices=4, apps=6, days=1.2, start=MIDNIGHT, unseen_apps=2)


class Restarting:
    """Stands for a pipeline that goes down after every batch and comes up from what it kept."""

    def __init__(self, config: Config, learning: Learning, sink: Found) -> None:
        self.made = config, learning, sink
        self.pipeline = self.new()
        self.rows: list[pd.DataFrame] = []
        self.restarts = 0

    def new(self) -> Pipeline:
        config, learning, sink = self.made
        return Pipeline(config, Site(KnownApps(1000)), learning, sink)

    @property
    def timing(self) -> Timing:
        return self.pipeline.timing

    @property
    def parameters(self) -> Parameters:
        return self.pipeline.parameters

    @property
    def next_closing(self) -> int | None:
        return self.pipeline.next_closing

    def beside(self, kind: str, chunk: pd.DataFrame) -> None:
        self.pipeline.beside(kind, chunk)

    def conn(self, chunk: pd.DataFrame) -> None:
        self.rows.append(chunk)
        self.pipeline.conn(chunk)

    def advance(self, watermark: int) -> None:
        before = self.pipeline.counts.batches
        self.pipeline.advance(watermark)
        if self.pipeline.counts.batches != before:
            self.restart()

    def restart(self) -> None:
        """Forget everything but what was kept, and get the rows of open batches again."""
        kept, first_open = sections(self.pipeline.state()), self.pipeline.first_open or 0
        self.pipeline = self.new()
        self.pipeline.restore(from_sections(kept))
        self.restarts += 1
        batch = self.timing.batch
        self.rows = [one for one in self.rows if ints(one["end"]).max() // batch >= first_open]
        for part in self.rows:
            self.pipeline.again(part)

    def finish(self) -> None:
        self.pipeline.finish()


def outcomes(folder: Path, config: Config, learning: Learning) -> tuple[Pipeline, Found, int]:
    """Compare what a replay finds with and without restarts, and return the one without."""
    once, often = Found(), Found()
    whole = Pipeline(config, Site(KnownApps(1000)), learning, once)
    replay(Source(find_logs([folder], KINDS)), whole)
    restarting = Restarting(config, learning, often)
    replay(Source(find_logs([folder], KINDS), 500), cast("Pipeline", restarting))
    assert often.verdicts == once.verdicts
    assert often.notices == once.notices
    assert restarting.pipeline.counts == whole.counts
    assert restarting.pipeline.gathered.dropped == whole.gathered.dropped
    assert restarting.pipeline.gathered.overdue == whole.gathered.overdue
    late = restarting.pipeline.late
    assert (late.matched, late.unmatched) == (whole.late.matched, whole.late.unmatched)
    assert sections(restarting.pipeline.state()).keys() == sections(whole.state()).keys()
    return whole, once, restarting.restarts


def test_restarts_change_nothing(tmp_path: Path) -> None:
    """A pipeline that restarts after every batch learns, judges and counts as one that does not."""
    write(simulate(NETWORK), tmp_path, rotate=None)
    config = load(None, environ={}, overrides={"log.rows": "all"})
    learning = Learning(duration=36_000 * SECOND, shadow=7_200 * SECOND)
    whole, found, restarts = outcomes(tmp_path, config, learning)
    assert restarts > 100
    assert len(found.noted("Unseen_App")) >= 2
    assert len(found.noted("Status")) == 1
    assert {"known", "unseen_site", "unseen_device"} <= set(found.said("verdict"))
    assert whole.late.matched


def test_restarts_change_nothing_on_real_logs(shared_data: Path) -> None:
    """Of certificates, names of every kind, browsers and proxies nothing is forgotten."""
    config = load(None, environ={}, overrides={"log.rows": "all", "fingerprint.batch": "2m"})
    for folder in ("proxy_rolling_tsv_gz", "json_relative_ts", "bro_old_tsv"):
        outcomes(shared_data / "zeek-logs" / folder, config, Learning(duration=900 * SECOND))


@pytest.mark.parametrize("name", ["known", "beside", "clock"])
def test_damage_is_named(name: str) -> None:
    """A section that is missing or holds something else is an error that names it."""
    line, _ = run(session("mail", 0))
    kept = sections(line.state())
    with pytest.raises(ValueError, match=f"lacks {name}"):
        from_sections({key: data for key, data in kept.items() if key != name})
    for data in (b"", kept[name][:-1], b"\x01", kept["pending"] + b"\x00"):
        with pytest.raises(ValueError, match=f"{name} is damaged"):
            from_sections(kept | {name: data})


def test_a_state_from_before_the_zeek_package_is_read() -> None:
    """It knows of no connection that was told of exactly."""
    line, _ = run(session("mail", 0))
    kept = sections(line.state())
    del kept["exported"]
    assert from_sections(kept) == from_sections(sections(line.state()))


def test_what_it_was_learned_with_may_be_damaged_too() -> None:
    """A state that does not tell is not taken for one of these settings."""
    with pytest.raises(ValueError, match="lacks parameters"):
        basis({})
    with pytest.raises(ValueError, match="parameters is damaged"):
        basis({"parameters": b"\xc1"})
