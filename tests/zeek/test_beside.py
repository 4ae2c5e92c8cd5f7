"""What rows of flowprint_conn.log say of themselves, and what other logs add to it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from flowprint_zeek.core.flows import DNS_NAME, EXPORTED, HTTP_HOST, SERVER_NAME
from flowprint_zeek.zeek.beside import Beside
from flowprint_zeek.zeek.exported import exported_rows
from flowprint_zeek.zeek.join import COLUMNS, FLOWPRINT_CONN_COLUMNS
from tests.stream import exports
from tests.stream.exports import talk
from tests.stream.small import MIDNIGHT, SECOND, frame

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

TOLD = {"cert_sha256": "0f", "server_name": "A.example.", "client_fp": "ja4:own"}


def rows(*seconds: float, **told: object) -> pd.DataFrame:
    """Return the rows of a connection that say more of it."""
    made = [row | told for row in exports.exported_rows([talk("C1", *seconds)])]
    return exported_rows(frame("flowprint_conn", FLOWPRINT_CONN_COLUMNS, made))


def beside(*deny: str, **logs: Mapping[str, object]) -> Beside:
    """Return what a row of each of some logs said of the connection."""
    made = Beside(deny=deny)
    for kind, row in logs.items():
        made.take(kind, frame(kind, COLUMNS[kind], [{"ts": MIDNIGHT, "uid": "C1", **row}]))
    return made


def joined(made: Beside, flows: pd.DataFrame) -> dict[str, Any]:
    """Return the last of some flows, joined."""
    row = made.join(flows.drop(columns="proxied"), made.proxies).iloc[-1]
    return {name: row[name] for name in ("certificate", "name", "client", "named_by", "proxied")}


def test_a_row_tells_all_by_itself() -> None:
    """Its name is normalised as those of other logs are."""
    assert joined(beside(), rows(10, **TOLD)) == {
        "certificate": "0f",
        "name": "a.example",
        "client": "ja4:own",
        "named_by": SERVER_NAME,
        "proxied": False,
    }


def test_what_a_row_tells_goes_before_other_logs() -> None:
    """They may be read or not."""
    other = {"server_name": "b.example", "cert_chain_fps": ("1e",)}
    made = beside(ssl=other | {"ja4": "other"}, flowprint_ssl=other, http={"host": "c.example"})
    found = joined(made, rows(10, **TOLD))
    assert (found["certificate"], found["name"], found["client"]) == ("0f", "a.example", "ja4:own")


def test_other_logs_tell_what_a_row_does_not() -> None:
    """Each what it knows."""
    made = beside(
        ssl={"ja4": "other"},
        flowprint_ssl={"cert_chain_fps": ("1e",)},
        http={"host": "c.example", "user_agent": "agent"},
    )
    assert joined(made, rows(10)) == {
        "certificate": "1e",
        "name": "c.example",
        "client": "ja4:other",
        "named_by": HTTP_HOST,
        "proxied": False,
    }


@pytest.mark.parametrize(
    ("host", "name"),
    [
        ("c.example:443", "c.example"),
        ("C.example", "c.example"),
        ("192.0.2.7:443", ""),
        ("shared.example", ""),
    ],
)
def test_hosts_asked_for_are_names(host: str, name: str) -> None:
    """Without port, and addresses and names that strangers share are none."""
    found = joined(beside("shared.example"), rows(10, http_host=host))
    assert (found["name"], found["named_by"]) == (name, HTTP_HOST if name else 0)


def test_names_that_strangers_share_are_none() -> None:
    """Nor hide what others tell."""
    found = joined(beside("a.example", http={"host": "c.example"}), rows(10, **TOLD))
    assert (found["name"], found["named_by"]) == ("c.example", HTTP_HOST)


def test_a_lookup_counts_if_it_was_before_the_connection() -> None:
    """Not before the batch at hand: a later one was for another connection."""
    made = Beside()
    asked = {"id.orig_h": "10.0.0.1", "qtype": 1, "answers": ("203.0.113.1",)}
    for at, query in ((5, "before.example"), (900, "later.example")):
        row = {"ts": MIDNIGHT + at * SECOND, "query": query} | asked
        made.take("dns", frame("dns", COLUMNS["dns"], [row]))
    found = joined(made, rows(10, 1_000))
    assert (found["name"], found["named_by"]) == ("before.example", DNS_NAME)


def test_a_row_shows_an_explicit_proxy() -> None:
    """From the end of its batch on."""
    made, flows = Beside(), rows(10, http_host="c.example:443", proxied=1)
    made.take_proxies(flows)
    assert made.proxies == {"203.0.113.1:443"}
    assert joined(made, flows)["proxied"]
    assert not made.proxies_by(MIDNIGHT + 299 * SECOND)
    assert made.proxies_by(MIDNIGHT + 300 * SECOND) == made.proxies


def test_rows_that_show_no_proxy_tell_of_none() -> None:
    """Nor do those without an address."""
    made = Beside()
    made.take_proxies(rows(10))
    made.take_proxies(rows(10, proxied=1).assign(resp_h=""))
    assert not made.proxies


def test_what_was_joined_is_told_once() -> None:
    """Of what rows said of themselves only the windows are left."""
    table = beside().join(rows(10, **TOLD).drop(columns="proxied"))
    assert set(EXPORTED) & set(table.columns) == {"windows"}
    assert table.columns.is_unique
