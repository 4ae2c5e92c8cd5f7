"""Learning: what is seen becomes known."""

from __future__ import annotations

from flowprint_zeek.known import KnownApps, Site
from tests.stream.small import BATCH, MIDNIGHT, Conn, moved, run, session, until

MAIL = tuple(f"name:n{number}.mail.example" for number in range(4))


def test_fingerprints_become_known_with_their_counts() -> None:
    """An app seen in two batches is one known app with the flows and times of both."""
    line, _ = run([*session("mail", 0), *session("mail", 600, flows=10)])
    ((_, app),) = line.site.known
    assert app.elements == MAIL
    assert (app.n_flows, app.n_batches) == (18, 2)
    assert (app.first, app.last) == (MIDNIGHT, MIDNIGHT + 2 * BATCH)
    assert app.label is None


def test_elements_become_seen_by_site_and_device() -> None:
    """The site knows when it saw an element, and a device which elements it met."""
    line, _ = run([*session("mail", 0), *session("mail", 600)])
    seen = line.site.seen
    assert list(seen) == [(name, MIDNIGHT, MIDNIGHT + 2 * BATCH, 2) for name in MAIL]
    assert list(seen.devices()) == [("10.0.0.1", list(MAIL))]


def test_elements_without_a_fingerprint_are_seen_too() -> None:
    """A flow alone in its batch makes no fingerprint, but the site saw where it went."""
    line, _ = run([Conn("C1", 0, name="alone.example")])
    assert len(line.site.known) == 0
    assert line.site.seen.on_site("name:alone.example")
    assert line.site.seen.on_device("10.0.0.1", "name:alone.example")
    assert line.counts.unassigned == 1


def test_certificates_are_seen_in_the_scheme_that_has_them() -> None:
    """In the scheme of the paper both the endpoint and the certificate of a flow are seen."""
    flows = [Conn("C1", 0, certificate="ab" * 32)]
    line, _ = run(flows, fingerprint__scheme="paper")
    assert [element for element, *_ in line.site.seen] == [
        "203.0.113.1:443",
        f"cert:{'ab' * 32}",
    ]


def test_devices_learn_apart() -> None:
    """Two devices with one app make one known app, each with its own elements."""
    flows = session("mail", 0)
    line, _ = run([*flows, *moved(flows[:2], "10.0.0.2")])
    held = dict(line.site.seen.devices())
    assert held["10.0.0.2"] == list(MAIL[:2])
    assert line.site.seen.n_devices(MAIL[0]) == 2
    assert line.site.seen.n_devices(MAIL[3]) == 1


def test_the_least_recently_seen_apps_go_first() -> None:
    """Beyond the bound the apps that were not seen for longest are forgotten."""
    flows = [one for at, app in enumerate(("a", "b", "a", "c")) for one in session(app, at * 600)]
    line, _ = run(flows, site=Site(KnownApps(2)))
    names = {app.elements[0] for _, app in line.site.known}
    assert names == {"name:n0.a.example", "name:n0.c.example"}
    assert line.site.known.forgotten == 1


def test_learning_raises_nothing() -> None:
    """While learning there are no verdicts and no notices."""
    line, found = run(session("mail", 0))
    assert (found.notices, found.verdicts) == ([], [])
    assert (line.counts.learned, line.detector.unseen) == (1, 0)


def test_learning_ends_with_the_batch_that_starts_at_its_end() -> None:
    """A batch that starts before the end is learned whole, the one that starts at it is not."""
    flows = [*session("a", 0), *session("b", 300), *session("c", 600)]
    line, found = run(flows, until(301))
    assert line.counts.learned == 2
    assert found.said("batch_start") == [MIDNIGHT + 2 * BATCH]
