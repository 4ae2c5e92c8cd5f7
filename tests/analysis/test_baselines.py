"""The rivals of evaluation: new domains, and upstream."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import pytest

from flowprint_zeek.analysis.baselines import NewDomain
from flowprint_zeek.analysis.items import Items
from flowprint_zeek.analysis.upstream import NONE, Upstream, package, upstream_items
from flowprint_zeek.core.fingerprint import Parameters
from flowprint_zeek.core.matching import NO_MATCH
from flowprint_zeek.errors import UsageError
from tests.analysis.test_captures import captured, logs
from tests.stream.small import Conn, session

if TYPE_CHECKING:
    from pathlib import Path


class TestNewDomain:
    KNOWN = Items.of([(["name:www.mail.example", "192.0.2.1:443"], "mail", 1, 0)])

    @pytest.mark.parametrize(
        ("elements", "score"),
        [
            (["name:cdn.mail.example"], 0.0),
            (["name:cdn.mail.example", "name:www.chat.example"], 1.0),
            (["192.0.2.2:443", "cert:aa"], 0.0),
        ],
    )
    def test_a_new_registered_domain_is_unseen(self, elements: list[str], score: float) -> None:
        """Names below a known domain are not new, and what has no name cannot be."""
        method = NewDomain()
        method.fit(self.KNOWN)
        judged = method.judge(Items.of([(elements, "mail", 1, 0)]))
        assert (judged.score.tolist(), judged.label.tolist()) == ([score], [NO_MATCH])


class TestUpstream:
    A, B = "192.0.2.1:443", "192.0.2.2:443"
    C, D = "192.0.2.3:443", "192.0.2.4:443"

    @pytest.mark.parametrize(("saved", "score"), [(False, 1 - 1 / 5), (True, 1.0)])
    def test_strangers_without_certificates_share_none(self, saved: bool, score: float) -> None:
        """In memory two disjoint pairs are 0.2 alike, by their None; saved they are not."""
        method = Upstream(saved=saved)
        method.fit(Items.of([([self.A, self.B, NONE], "mail", 3, 0)]))
        judged = method.judge(Items.of([([self.C, self.D, NONE], "chat", 3, 0)]))
        assert judged.score.tolist() == [score]
        # Upstream names what is like nothing after the fingerprint of most flows.
        assert judged.label.tolist() == [0]

    @pytest.mark.parametrize("saved", [False, True])
    def test_equal_fingerprints_are_named(self, saved: bool) -> None:
        """What is known is no stranger."""
        rows = [([self.A, self.B, "cert:aa"], "mail", 3, 0), ([self.C, self.D], "chat", 1, 1)]
        method = Upstream(saved=saved)
        method.fit(Items.of(rows))
        judged = method.judge(Items.of(rows))
        assert (judged.score.tolist(), judged.label.tolist()) == ([0, 0], [1, 0])

    def test_it_fingerprints_captures(self, tmp_path: Path) -> None:
        """Each on its own, with None among the elements; a destination alone has no fingerprint."""
        logs(tmp_path, "a", *session("mail", 0, names=2))
        logs(tmp_path, "b", *session("mail", 0, names=2))
        logs(tmp_path, "c", Conn("C1", 0), Conn("C2", 9))
        captures = captured(tmp_path, ["a\tmail", "b\tmail", "c\tchat"])
        items, unassigned = upstream_items(
            captures, Parameters(), min_flows=1, advance=lambda: None
        )
        octet = sum(b"mail") % 250
        assert [[items.vocabulary[code] for code in one] for one in items.sets.lists()] == [
            [f"203.0.{octet}.0:443", f"203.0.{octet}.1:443", NONE]
        ] * 2
        assert (items.n_flows.tolist(), items.group.tolist(), unassigned) == ([8, 8], [0, 1], 2)

    def test_without_it_a_message_says_how_to_get_it(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """It is an optional dependency."""
        monkeypatch.setitem(sys.modules, "flowprint.flowprint", None)
        with pytest.raises(UsageError, match=r"pip install 'flowprint-zeek\[upstream\]'"):
            package()
