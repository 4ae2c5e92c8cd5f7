"""Periods of time, daily, weekly or once."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from flowprint_zeek.kinds import Period, RefusedError, period

MINUTE = 60_000_000


def at(text: str) -> int:
    """Return a time in UTC in µs."""
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * 1_000_000


def inside(text: str) -> list[str]:
    """Return the hours of two weeks that a period touches, as day of the month and hour."""
    one, start = Period.parse(text), at("2026-03-01")
    hours = [start + hour * 60 * MINUTE for hour in range(14 * 24)]
    met = [hour for hour in hours if one.touches(hour, hour + 60 * MINUTE)]
    return [datetime.fromtimestamp(hour / 1e6, UTC).strftime("%-d:%H") for hour in met]


def test_a_daily_period_is_there_every_day() -> None:
    """A time of day holds on each, and after midnight where it ends before it begins."""
    assert inside("02:00-03:00") == [f"{day}:02" for day in range(1, 15)]
    assert inside("23:00-00:30")[:5] == ["1:00", "1:23", "2:00", "2:23", "3:00"]
    assert len(inside("00:00-24:00")) == 14 * 24


def test_a_weekly_period_is_there_on_its_day() -> None:
    """The day is that on which it begins: 2026-03-01 was a Sunday."""
    assert inside("sun 02:00-04:00") == ["1:02", "1:03", "8:02", "8:03"]
    assert inside("tue 23:00-01:00") == ["3:23", "4:00", "10:23", "11:00"]
    assert inside("sat 23:00-01:00") == ["1:00", "7:23", "8:00", "14:23"]


def test_a_period_of_dates_is_there_once() -> None:
    """From a moment to another one, whatever lies between."""
    assert inside("2026-03-01 22:00-2026-03-02 01:30") == ["1:22", "1:23", "2:00", "2:01"]
    assert inside("2026-02-01 00:00-2026-03-01 01:00") == ["1:00"]
    assert inside("2026-03-15 00:00-2026-03-16 00:00") == []


@pytest.mark.parametrize(
    ("start", "end", "expected"),
    [
        ("01:55", "02:00", False),
        ("01:55", "02:01", True),
        ("02:59", "03:05", True),
        ("03:00", "03:05", False),
        ("01:00", "04:00", True),
    ],
)
def test_neither_end_belongs_to_it(start: str, end: str, *, expected: bool) -> None:
    """What ends when it begins, or begins when it ends, does not touch it."""
    span = at(f"2026-03-01 {start}"), at(f"2026-03-01 {end}")
    assert Period.parse("02:00-03:00").touches(*span) == expected
    assert Period.parse("2026-03-01 02:00-2026-03-01 03:00").touches(*span) == expected


@given(
    st.integers(0, 20_000_000), st.integers(1, 3_000), st.integers(0, 1_439), st.integers(1, 1_440)
)
def test_a_period_touches_what_shares_a_minute_with_it(
    first: int, width: int, begun: int, length: int
) -> None:
    """Spans of any width are touched if one of their minutes is inside."""
    one = Period(begun, length, 1_440)
    shared = any((minute - begun) % 1_440 < length for minute in range(first, first + width))
    assert one.touches(first * MINUTE, (first + width) * MINUTE) == shared


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        (" 02:00 - 03:00 ", "02:00-03:00"),
        ("SUN  02:00-04:00", "sun 02:00-04:00"),
        ("2026-12-24 00:00 - 2026-12-26 24:00", "2026-12-24 00:00-2026-12-26 24:00"),
    ],
)
def test_periods_are_canonical(text: str, canonical: str) -> None:
    """Blanks and capitals do not matter."""
    assert period().parse(text) == canonical


@pytest.mark.parametrize(
    "text",
    [
        *("", "02:00", "2:00-3:00", "02:00-02:00", "02:60-03:00", "24:00-03:00", "02:00-24:01"),
        *("sunday 02:00-04:00", "sun 02:00-mon 04:00", "02:00-2026-12-26 23:59"),
        *("2026-12-24 00:00-23:59", "2026-12-24 02:00-2026-12-24 02:00"),
        *("2026-12-24 02:00-2026-12-23 02:00", "2026-02-30 00:00-2026-03-02 00:00"),
    ],
)
def test_what_is_no_period_is_refused(text: str) -> None:
    """Times that there are not, spans without a length, and forms mixed are no periods."""
    with pytest.raises(RefusedError):
        period().parse(text)
