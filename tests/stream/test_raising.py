"""When there is enough evidence of an unseen app to raise it."""

from __future__ import annotations

from dataclasses import replace

from flowprint_zeek.known import KnownApps, Site
from flowprint_zeek.zeek.names import HTTP_COLUMNS
from tests.stream.small import NOTHING, Conn, conn, frame, pipeline, run, session, until
from tests.stream.test_detection import HOUR, judged

DAY = 24 * HOUR
SURFED = 40


def lone(start: float, device: str = "10.0.0.1", flows: int = 3) -> list[Conn]:
    """Return flows of an app that has one name of its own, beside the mail that is known."""
    own = session("game", start, names=1, flows=flows, device=device)
    return [*own, Conn(f"CS{device}{start}", start, 60.0, device, name="n1.mail.example")]


def surf(start: float, client: str = "t13browser") -> list[Conn]:
    """Return flows of a browser to many sites, all active together."""
    return [
        Conn(f"CB{start}-{at}", start + at, 60.0, name=f"www.site{at}.example", client=client)
        for at in range(SURFED)
    ]


def visit(start: float, client: str = "t13browser") -> list[Conn]:
    """Return flows of a browser to one new site."""
    return [replace(one, client=client) for one in session("shopping", start)]


def test_one_new_name_is_raised_in_its_second_batch() -> None:
    """A single new element is no app until it comes back."""
    found = judged(*lone(HOUR), *lone(2 * HOUR))
    assert found.said("verdict") == ["too_little", "unseen_site"]
    assert len(found.noted("Unseen_App")) == 1


def test_one_new_name_may_come_back_on_another_device() -> None:
    """Evidence adds up over the devices of a site."""
    found = judged(*lone(HOUR), *lone(HOUR + 600, "10.0.0.2"))
    assert found.said("verdict")[-1] == "unseen_site"


def test_lone_batches() -> None:
    """By setting a single new element has to come back more often."""
    flows = [one for hour in (1, 2, 3) for one in lone(hour * HOUR)]
    found = judged(*flows, detect__lone_batches=3)
    assert found.said("verdict") == ["too_little", "too_little", "unseen_site"]


def test_flows_add_up() -> None:
    """Few flows in a batch become enough in several."""
    few = [session("game", hour * HOUR, flows=2, names=2) for hour in (1, 2, 3)]
    found = judged(*(one for part in few for one in part))
    assert found.said("verdict") == ["too_little", "too_little", "unseen_site"]


def bare(start: float) -> list[Conn]:
    """Return flows to two addresses that nothing names."""
    return [replace(one, name="") for one in session("game", start, names=2)]


def test_bare_addresses_have_to_come_back() -> None:
    """Addresses without any name are raised in their second batch."""
    found = judged(*bare(HOUR), *bare(2 * HOUR))
    assert found.said("verdict") == ["too_little", "unseen_site"]


def test_one_bare_address_is_never_enough() -> None:
    """A single address that comes back may be any service's."""
    lone = [replace(one, address="198.51.100.7") for at in (1, 2, 3) for one in bare(at * HOUR)]
    beside = [one for at in (1, 2, 3) for one in session("mail", at * HOUR, flows=2, names=2)]
    found = judged(*lone, *beside, detect__min_score=0.3)
    assert "unseen_site" not in found.said("verdict")


def test_addresses_of_a_known_network_are_not_new() -> None:
    """What lies behind one service changes its addresses."""
    learned = [replace(one, uid=f"{one.uid}b") for one in bare(HOUR)]
    other = [replace(one, address=one.address[:-1] + "99") for one in bare(3 * HOUR)]
    site = Site(KnownApps(1000))
    run([*learned], until(2 * HOUR), site=site)
    _, found = run(other, NOTHING, site=site, log__rows="all")
    assert "unseen_site" not in found.said("verdict")
    assert "too_little" not in found.said("verdict")


def test_min_batches() -> None:
    """By setting an app has to show itself in several batches before it is raised."""
    flows = [one for hour in (1, 2) for one in session("game", hour * HOUR)]
    found = judged(*flows, detect__min_batches=2)
    assert found.said("verdict") == ["too_little", "unseen_site"]


def test_other_names_of_the_same_app_are_not_the_same_evidence() -> None:
    """What has to come back are the new elements, not any that were met beside them."""
    first, second = session("game", HOUR), session("game", 2 * HOUR)
    second = [replace(one, name=one.name.replace("n", "m", 1)) for one in second]
    joined = [replace(second[0], name="n0.game.example"), *second[1:]]
    found = judged(*first, *joined, detect__min_batches=2)
    assert found.said("verdict") == ["too_little", "unseen_site"]
    found = judged(*first, *joined, detect__min_batches=2, detect__lone_batches=9)
    assert found.said("verdict") == ["too_little", "too_little"]


def test_a_site_visited_with_a_browser_is_not_raised() -> None:
    """What a browser opens once is told as a browser's."""
    found = judged(*surf(600), *visit(HOUR))
    assert found.said("verdict") == ["browser"]
    assert found.notices == []


def test_the_same_without_telling_browsers_apart() -> None:
    """By setting browsers are apps like any other."""
    found = judged(*surf(600), *visit(HOUR), browser__apart=False)
    assert found.said("verdict") == ["unseen_site"]


def test_the_same_with_a_client_of_its_own() -> None:
    """An app beside the browser is raised at once."""
    found = judged(*surf(600), *visit(HOUR, "t13shopping"))
    assert found.said("verdict") == ["unseen_site"]


def test_what_stays_in_a_browser_is_raised() -> None:
    """A site that is open batch after batch is an app, also where it lives in a browser."""
    visits = [one for at in range(4) for one in visit(HOUR + 300 * at)]
    found = judged(*surf(600), *visits, browser__min_batches=4)
    assert found.said("verdict") == ["browser"] * 3 + ["unseen_site"]


def test_a_browsers_fingerprints_are_no_known_apps() -> None:
    """Of what a browser does while it is learned, the elements are kept and no fingerprint."""
    line, _ = run(surf(0))
    assert len(line.site.known) == 0
    assert line.site.seen.on_site("name:www.site1.example")


def test_what_never_had_enough_evidence_becomes_known() -> None:
    """New elements that did not come back within a day are as good as seen."""
    site = Site(KnownApps(1000))
    judged(*surf(600), *visit(HOUR), *session("mail", 3 * DAY), site=site)
    assert site.seen.on_site("name:n0.shopping.example")


def test_what_was_raised_does_not() -> None:
    """An app that waits for a person is not learned by waiting."""
    site = Site(KnownApps(1000))
    found = judged(*session("game", HOUR), *session("mail", 3 * DAY), site=site)
    assert len(found.noted("Unseen_App")) == 1
    assert not site.seen.on_site("name:n0.game.example")


def test_ageing() -> None:
    """An app that was not seen for long is new again."""
    late = [*session("news", 20 * DAY), *session("news", 21 * DAY + HOUR)]
    rest = session("mail", 29 * DAY)
    old = session("music", 31 * DAY)
    found = judged(*late, *rest, *old, model__max_age="10d")
    assert found.said("verdict")[-1] == "unseen_site"
    found = judged(*late, *rest, *old, model__max_age="60d")
    assert found.said("verdict")[-1] == "known"


def test_a_proxy_is_no_evidence_and_no_device_of_apps() -> None:
    """The endpoint of a proxy is not new, and what it fetches for others is told as shared."""
    asked = [Conn(f"CP{at}", HOUR + at, 60.0, address="10.0.0.99") for at in range(6)]
    request = {"id.resp_h": "10.0.0.99", "id.resp_p": 443, "method": "CONNECT", "status_code": 200}
    of = {"ts": asked[0].ts, "uid": "CP0", "uri": "n0.mail.example:443"}
    line, found = pipeline(NOTHING, log__rows="all")
    line.beside("http", frame("http", HTTP_COLUMNS, [request | of]))
    line.conn(conn(*asked, *session("game", HOUR, device="10.0.0.99")))
    line.finish()
    assert found.said("device") == ["10.0.0.1", "10.0.0.99"]
    assert found.said("verdict") == ["too_little", "shared_address"]
    assert found.said("novel")[0] == ("name:n0.mail.example",)
    assert found.notices == []


def burst(start: float, names: int) -> list[Conn]:
    """Return flows to many new registered domains at once, of no client."""
    own = session("news", start, names=names, flows=names, step=1.0)
    return [replace(one, name=f"www.new{at}.example") for at, one in enumerate(own)]


def test_many_new_domains_at_once_are_a_browsers() -> None:
    """Where no log tells the client, a burst of new registered domains is browsing."""
    assert judged(*burst(HOUR, 9)).said("verdict") == ["browser"]
    assert judged(*burst(HOUR, 8)).said("verdict") == ["unseen_site"]
    assert judged(*burst(HOUR, 9), browser__burst=9).said("verdict") == ["unseen_site"]


def test_many_new_names_of_one_domain_are_not() -> None:
    """An app may have many hosts."""
    game = session("game", HOUR, names=12, flows=12, step=1.0)
    assert judged(*game).said("verdict") == ["unseen_site"]
