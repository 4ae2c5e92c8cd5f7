"""What a site and an estimator have learned."""

from __future__ import annotations

import sys
from collections import Counter

import numpy as np
import pytest

from flowprint_zeek.core.elements import fingerprint_id
from flowprint_zeek.core.matching import NO_MATCH
from flowprint_zeek.core.sets import Sets
from flowprint_zeek.known import KnownApp, KnownApps, Learned, labelled
from flowprint_zeek.seen import SeenElements

A, B, C = ("10.0.0.1:443", "name:a"), ("name:b", "name:c"), ("name:c", "name:d")


def known(bound: int = sys.maxsize) -> KnownApps:
    """Return three known apps, the first of most flows."""
    apps = KnownApps(bound)
    apps.add(A, 9, 100, "mail")
    apps.add(B, 3, 200)
    apps.add(C, 3, 300, "chat")
    return apps


class TestKnownApp:
    @pytest.mark.parametrize(
        ("labels", "expected"),
        [
            ({}, None),
            ({"a": 1, "b": 2}, "b"),
            ({"b": 2, "a": 2}, "a"),
            ({2: 1, 10: 1}, 2),
            ({"a": 1, 7: 1}, 7),
        ],
    )
    def test_majority(self, labels: dict[str | int, int], expected: str | int | None) -> None:
        """The majority label is that of most flows, ties go to the lowest, numbers first."""
        app = KnownApp(A, labels=Counter(labels))
        assert app.majority == expected
        assert app.label == (None if expected is None else str(expected))

    def test_fingerprint(self) -> None:
        """Its fingerprint has its elements and flows."""
        one = KnownApp(A, 4).fingerprint
        assert (one.elements, one.n_flows) == (A, 4)


class TestKnownApps:
    def test_counts_add_up(self) -> None:
        """The same elements again are the same app, with all flows, batches and labels."""
        apps = known()
        apps.add(A, 2, 50, "post")
        app = apps[fingerprint_id(A)]
        assert (app.n_flows, app.n_batches, app.first, app.last) == (11, 2, 50, 100)
        assert app.labels == Counter({"mail": 9, "post": 2})
        assert len(apps) == 3

    def test_an_app_given_is_not_kept_itself(self) -> None:
        """What is added later does not change the app that was given."""
        apps, given = KnownApps(9), KnownApp(A, 1, labels=Counter({"x": 1}))
        apps.put(given)
        apps.put(given)
        assert (given.n_flows, given.labels["x"]) == (1, 1)
        assert apps[fingerprint_id(A)].labels["x"] == 2

    def test_iteration_is_by_id(self) -> None:
        """Apps come by id, whatever the order they were added in."""
        assert [key for key, _ in known()] == sorted(map(fingerprint_id, (A, B, C)))

    def test_order(self) -> None:
        """The app of most flows is first, then the lowest id."""
        ids = [fingerprint_id(app.elements) for app in known().in_order()]
        assert ids == [fingerprint_id(A), *sorted(map(fingerprint_id, (B, C)))]

    def test_nearest_follows_changes(self) -> None:
        """What was added since it was last asked for is found, also when flows add up."""
        apps, sample = known(), Sets.from_iterables([[0], [1]])
        assert apps.nearest(["name:new"], Sets.from_iterables([[0]]))[1].tolist() == [NO_MATCH]
        for n_flows in (50, 70):
            apps.add(("name:new",), n_flows, 400)
        near, number, similarity = apps.nearest(["name:new", "name:other"], sample)
        assert [(app.elements, app.n_flows) for app in near] == [(("name:new",), 120)]
        assert number.tolist() == [0, NO_MATCH]
        assert similarity.tolist() == [1.0, 0.0]

    def test_prune(self) -> None:
        """Beyond the bound the least recently seen are forgotten and counted."""
        apps = known(bound=2)
        apps.seen(fingerprint_id(A), 400)
        apps.prune()
        assert {app.elements for _, app in apps} == {A, C}
        assert apps.forgotten == 1
        assert len(apps.index) == 2

    def test_prune_within_the_bound(self) -> None:
        """Within the bound nothing is forgotten."""
        apps = known(bound=3)
        apps.prune()
        assert (len(apps), apps.forgotten) == (3, 0)


class TestSeenElements:
    def test_times(self) -> None:
        """An element has the first and last time it was seen, in any order."""
        seen = SeenElements()
        for first, last in ((5, 7), (2, 3), (6, 9)):
            seen.put("name:a", first, last)
        assert list(seen) == [("name:a", 2, 9, 3)]
        assert (seen.since, len(seen)) == (2, 1)

    def test_before_anything(self) -> None:
        """A site that saw nothing has no first time."""
        assert SeenElements().since is None
        assert not SeenElements().on_site("name:a")

    def test_unknown_times(self) -> None:
        """Elements of unknown time, as upstream's files have them, are not from 1970."""
        seen = SeenElements()
        seen.put("name:a", 0, 0)
        assert seen.since is None
        seen.put("name:b", 5, 7)
        assert seen.since == 5

    def test_devices(self) -> None:
        """Elements are known on the devices that saw them, each counted once."""
        seen = SeenElements()
        seen.put_device("b", ["name:a", "name:b"])
        seen.put_device("b", ["name:a"])
        seen.put_device("a", ["name:a"])
        assert list(seen.devices()) == [("a", ["name:a"]), ("b", ["name:a", "name:b"])]
        assert (seen.n_devices("name:a"), seen.n_devices("name:z")) == (2, 0)
        assert seen.on_device("b", "name:b")
        assert not seen.on_device("a", "name:b")
        assert not seen.on_device("z", "name:a")

    def test_update(self) -> None:
        """All that another saw is noted."""
        one, other = SeenElements(), SeenElements()
        one.put("name:a", 5, 5)
        other.put("name:a", 1, 9)
        other.put_device("d", ["name:a"], 9)
        one.update(other)
        assert list(one) == [("name:a", 1, 9, 2)]
        assert one.on_device("d", "name:a")
        assert one.last_on("d", "name:a") == 9

    def test_sightings(self) -> None:
        """Names count by themselves, endpoints with those of their network and port."""
        seen = SeenElements()
        seen.put("name:a.example", 1, 1, 3)
        seen.put("198.51.100.1:443", 1, 1, 2)
        seen.put("198.51.100.2:443", 1, 1)
        asked = ["name:a.example", "name:b.example", "198.51.100.9:443", "198.51.100.9:80"]
        assert seen.sightings(asked).tolist() == [3, 0, 3, 0]
        assert not seen.on_site("198.51.100.9:443")

    def test_fresh_names(self) -> None:
        """A name is fresh while nothing of its registered domain was seen."""
        seen = SeenElements()
        seen.put("name:a.example.com", 1, 1)
        fresh = [seen.is_fresh(f"name:{name}") for name in ("b.example.com", "b.example.org")]
        assert fresh == [False, True]
        assert not seen.is_fresh("198.51.100.1:443")
        seen.expire(2)
        assert seen.is_fresh("name:b.example.com")

    def test_ageing(self) -> None:
        """What was last seen before a time is forgotten on the site and on every device."""
        seen = SeenElements()
        for element, first, last in (("name:a", 1, 4), ("name:b", 2, 5), ("name:c", 0, 0)):
            seen.put(element, first, last)
        seen.put_device("d", ["name:a", "name:b"])
        seen.put_device("e", ["name:a"])
        assert seen.expire(5) == 1
        assert list(seen) == [("name:b", 2, 5, 1), ("name:c", 0, 0, 1)]
        assert list(seen.devices()) == [("d", ["name:b"])]
        assert (seen.n_devices("name:a"), seen.n_devices("name:b")) == (0, 1)
        seen.put_device("e", ["name:a"])
        assert seen.n_devices("name:a") == 1

    def test_ageing_on_a_device(self) -> None:
        """A device forgets what others still see, not what it saw at an unknown time."""
        seen = SeenElements()
        seen.put("name:a", 1, 9)
        for device, last in (("gone", 4), ("unknown", 0), ("back", 4), ("back", 6), ("back", 5)):
            seen.put_device(device, ["name:a"], last)
        assert seen.expire(5) == 0
        assert [device for device, _ in seen.devices()] == ["back", "unknown"]
        assert seen.n_devices("name:a") == 2
        assert [seen.last_on(device, "name:a") for device in ("back", "unknown")] == [6, 0]

    def test_a_device_that_saw_nothing(self) -> None:
        """It is none yet."""
        seen = SeenElements()
        seen.put_device("d", [], 5)
        assert list(seen.devices()) == []


class TestLearned:
    def test_known_elements_count_as_seen(self) -> None:
        """Elements of known apps were seen; better knowledge of when is kept."""
        learned, news = Learned(), SeenElements()
        learned.add([KnownApp(A, 1, 1, Counter(), 0, 0)], None)
        news.put("name:a", 5, 6)
        learned.see([news])
        assert learned.seen is not None
        assert list(learned.seen) == [("10.0.0.1:443", 0, 0, 1), ("name:a", 5, 6, 1)]

    def test_the_first_kind_of_certificates_stays(self) -> None:
        """What certificates are told apart by is known from the first that have some."""
        learned = Learned()
        for kind in (None, "serial", None, "sha256"):
            learned.add([], kind)
        assert learned.certificate == "serial"


class TestLabelled:
    def test_none_are_none(self) -> None:
        """Without labels no flow has one."""
        codes, labels = labelled(None, 3)
        assert (codes.tolist(), labels) == ([-1, -1, -1], [])

    def test_missing_ones(self) -> None:
        """None and NaN are no labels, and mixed kinds stay what they are."""
        codes, labels = labelled(["a", None, 3, float("nan"), np.str_("a")], 5)
        assert (codes.tolist(), labels) == ([0, -1, 1, -1, 0], ["a", 3])
        assert [type(label) for label in labels] == [str, int]
