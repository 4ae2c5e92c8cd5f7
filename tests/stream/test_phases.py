"""When phases begin and end."""

from __future__ import annotations

from flowprint_zeek.stream.phases import LONGEST_SILENCE, Learning


def test_learning_lasts_from_the_first_batch_on() -> None:
    """And shadow from there."""
    learning = Learning(duration=600, shadow=300)
    assert learning.span("learn", 100) == (100, 700)
    assert learning.span("shadow", 100) == (700, 1_000)


def test_the_later_of_two_ends_counts() -> None:
    """Of a time and a duration."""
    assert Learning(until=500, duration=600).span("learn", 100) == (100, 700)
    assert Learning(until=900, duration=600).span("learn", 100) == (100, 900)


def test_detecting_does_not_end() -> None:
    """Nor does what is done for good, or what was never learned."""
    assert Learning(duration=600).span("detect", 100) is None
    assert Learning(duration=600, always="learn").span("learn", 100) is None
    assert Learning(shadow=300).span("shadow", 100) is None
    assert Learning(duration=600).span(None, 100) is None


def test_a_long_silence_is_not_learned() -> None:
    """A day of it, or as much as learning lasts; a shorter one counts."""
    week = Learning(duration=7 * LONGEST_SILENCE)
    assert week.begun(100, LONGEST_SILENCE - 1) == 100
    assert week.begun(100, LONGEST_SILENCE) == 100 + LONGEST_SILENCE
    assert Learning(duration=600).begun(100, 599) == 100
    assert Learning(duration=600).begun(100, 600) == 700
    assert Learning(until=0).begun(100, LONGEST_SILENCE) == 100 + LONGEST_SILENCE
