"""Late slices: what long connections had in batches that closed before their row came."""

from __future__ import annotations

import pandas as pd
import pytest

from flowprint_zeek.core.fingerprint import Parameters, fingerprint
from flowprint_zeek.stream.batcher import Timing
from flowprint_zeek.stream.late import LateSlices
from tests.stream.small import NOTHING, Conn, run, session

TIMING = Timing(batch=300, lateness=60, disorder=90, late_keep=900)


def flows(*names: str, device: str = "d", batch: int = 0) -> pd.DataFrame:
    """Return flows to names, all active at the same time."""
    return pd.DataFrame(
        {
            "device": device,
            "start": 10,
            "end": 20,
            "resp_h": [f"203.0.113.{at}" for at, _ in enumerate(names)],
            "resp_p": 443,
            "certificate": "",
            "name": list(names),
            "batch": batch,
        }
    )


def late(*batches: int) -> LateSlices:
    """Return late slices that know of an app of names a and b in batches of device d."""
    slices = LateSlices("names", TIMING)
    found = fingerprint(flows("a", "b"), Parameters(scheme="names"))
    for number in batches:
        slices.remember(number, found)
    return slices


@pytest.mark.parametrize(
    ("slices", "matched"),
    [
        (flows("a", batch=5), 1),
        (flows("c", batch=5), 0),
        (flows("a", batch=4), 0),
        (flows("a", device="e", batch=5), 0),
        (flows("a", "b", "c", batch=5), 2),
    ],
    ids=["element", "other element", "other batch", "other device", "several"],
)
def test_a_late_slice_matches_its_devices_fingerprints_of_its_batch(
    slices: pd.DataFrame, matched: int
) -> None:
    """Only an element that this device's fingerprints held in this batch matches."""
    counted = late(5)
    counted.match(slices)
    assert (counted.matched, counted.unmatched) == (matched, len(slices) - matched)


def test_batches_are_remembered_as_long_as_slices_are_kept() -> None:
    """The oldest batch that a kept late slice can be of is still known, older ones are not."""
    counted = late(*range(11))
    counted.match(flows("a", batch=6))
    assert counted.matched == 1
    counted.match(flows("a", batch=5))
    assert counted.matched == 1
    assert len(counted._held) == 5


def test_no_late_slices_change_nothing() -> None:
    """Batches without late slices, and slices too old to be kept, are counted as they are."""
    counted = late(0)
    counted.match(flows())
    counted.forgotten(7)
    assert (counted.matched, counted.unmatched) == (0, 7)


def test_a_long_connection_of_an_app_matches_in_its_batches() -> None:
    """The slices of a connection of hours match where its device's app was seen meanwhile."""
    app = [*session("mail", 0), *session("mail", 300), *session("other", 600)]
    long = Conn("CL", 0, 1000, address="203.0.113.9", name="n1.mail.example")
    line, _ = run([*app, long])
    # Batches 0 and 1 held the name, batch 2 did not.
    assert (line.late.matched, line.late.unmatched) == (2, 1)


def test_late_slices_are_in_no_fingerprint() -> None:
    """A long connection changes nothing in batches that ended before its row."""
    app = session("mail", 0)
    _, alone = run(app, log__rows="all", learning=NOTHING)
    _, beside = run(
        [*app, Conn("CL", 0, 1000, name="x.example")], log__rows="all", learning=NOTHING
    )
    assert alone.verdicts
    assert beside.verdicts == alone.verdicts


def test_slices_older_than_late_keep_are_unmatched() -> None:
    """Beyond `late_keep` a slice counts as unmatched without being looked at."""
    app = [*session("mail", 0), *session("mail", 3000)]
    long = Conn("CL", 0, 3100, address="203.0.113.9", name="n1.mail.example")
    line, _ = run([*app, long], stream__late_keep="10m")
    assert (line.late.matched, line.late.unmatched) == (0, 10)
