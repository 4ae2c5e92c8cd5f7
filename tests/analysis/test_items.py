"""Labelled fingerprints and their flows."""

from __future__ import annotations

from flowprint_zeek.analysis.items import Items, Votes
from flowprint_zeek.core.arrays import ints

MAIL, CHAT = ["name:a", "name:b"], ["name:b", "name:c"]


def elements(items: Items) -> list[list[str]]:
    return [[items.vocabulary[code] for code in one] for one in items.sets.lists()]


def test_items_are_made_of_rows() -> None:
    """Elements, labels by number, flows and captures are kept."""
    items = Items.of([(MAIL, "mail", 3, 0), (CHAT, "chat", 2, 1)])
    assert elements(items) == [MAIL, CHAT]
    assert [items.labels[at] for at in items.label] == ["mail", "chat"]
    assert (items.n_flows.tolist(), items.group.tolist()) == ([3, 2], [0, 1])


def test_a_choice_keeps_numbers() -> None:
    """Vocabulary and labels of chosen fingerprints stay those of all."""
    items = Items.of([(MAIL, "mail", 3, 0), (CHAT, "chat", 2, 1)])
    chosen = items.where(items.n_flows < 3)
    assert elements(chosen) == [CHAT]
    assert chosen.labels == items.labels
    assert [chosen.labels[at] for at in chosen.present()] == ["chat"]


def test_labels_may_be_more_than_there_are() -> None:
    """Labels that no fingerprint has can be given, so that numbers agree with others'."""
    items = Items.of([(MAIL, "mail", 1, 0)], ["chat", "mail"])
    assert items.label.tolist() == [1]


def test_flows_of_one_fingerprint_are_one_voter() -> None:
    """Only flows with slices in several fingerprints vote one by one."""
    flow, item = ints([0, 0, 1, 2, 2, 2]), ints([0, 0, 0, 1, 0, 1])
    votes = Votes.of_slices(flow, item, 2)
    assert votes.weight.tolist() == [2, 1]
    assert list(zip(votes.voter.tolist(), votes.item.tolist(), strict=True)) == [
        (0, 0),
        (1, 1),
        (1, 0),
        (1, 1),
    ]


def test_votes_follow_a_choice() -> None:
    """Votes for fingerprints that are left out are gone, and numbers are those of the rest."""
    votes = Votes.of_slices(ints([0, 1, 1, 2]), ints([0, 0, 1, 2]), 3).where(
        ints([0, 1, 1]).astype(bool)
    )
    assert votes.weight.tolist() == [1, 1]
    assert votes.item.tolist() == [1, 0]


def test_without_votes_each_flow_is_of_one_fingerprint() -> None:
    """Fingerprints of files say only how many flows they have."""
    votes = Items.of([(MAIL, "mail", 3, 0), (CHAT, "chat", 2, 1)]).voting()
    assert (votes.item.tolist(), votes.weight.tolist()) == ([0, 1], [3, 2])
