"""The clock that a test moves."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone

import pytest

from referral_engine import InvalidInput
from referral_engine.testing import FakeClock

START = datetime(2026, 3, 1, tzinfo=UTC)
CHINA = timezone(timedelta(hours=8))


@pytest.mark.parametrize(
    "start",
    [START, "2026-03-01T00:00:00Z", "2026-03-01T08:00:00+08:00", datetime(2026, 3, 1, 8, tzinfo=CHINA)],
    ids=str,
)
def test_it_starts_at_a_datetime_or_at_rfc_3339_text_and_tells_utc(start):
    now = FakeClock(start).now()
    assert now == START
    assert now.tzinfo is UTC


def test_it_stands_still_until_it_is_moved():
    clock = FakeClock(START)
    assert clock.now() == clock.now() == START
    assert START + timedelta(days=14, microseconds=1) == clock.advance(timedelta(days=14, microseconds=1))
    assert START + timedelta(days=14, microseconds=1) == clock.now()
    assert clock.now() == clock.advance(timedelta(0))


def test_it_can_be_set_also_back_as_a_machine_clock_may_jump():
    clock = FakeClock(START)
    assert START + timedelta(days=1) == clock.set("2026-03-02T00:00:00Z")
    assert START - timedelta(days=1) == clock.set(START - timedelta(days=1)) == clock.now()


@pytest.mark.parametrize(
    ("start", "problem"),
    [
        (datetime(2026, 3, 1), "naive"),  # noqa: DTZ001 - what is refused
        ("2026-03-01T00:00:00", "RFC 3339"),
        ("2026-03-01", "RFC 3339"),
        ("2026-02-30T00:00:00Z", "calendar"),
        (1_772_323_200, "aware datetime or RFC 3339"),
        (None, "aware datetime or RFC 3339"),
        (datetime(1969, 12, 31, tzinfo=UTC), "1970 to 2999"),
    ],
    ids=str,
)
def test_a_time_that_is_none_is_refused_at_the_start_and_when_set(start, problem):
    with pytest.raises(InvalidInput, match=problem):
        FakeClock(start)
    clock = FakeClock(START)
    with pytest.raises(InvalidInput, match=problem):
        clock.set(start)
    assert clock.now() == START


@pytest.mark.parametrize(
    ("delta", "problem"),
    [
        (timedelta(microseconds=-1), "negative"),
        (timedelta.max, "1970 to 2999"),
        (timedelta(days=366 * 1000), "1970 to 2999"),
        (14, "timedelta"),
        (None, "timedelta"),
    ],
    ids=str,
)
def test_it_refuses_to_advance_by_what_is_no_span_forward(delta, problem):
    clock = FakeClock(START)
    with pytest.raises(InvalidInput, match=problem):
        clock.advance(delta)
    assert clock.now() == START


def test_it_shows_the_time_it_stands_at():
    assert repr(FakeClock(START)) == "FakeClock('2026-03-01T00:00:00+00:00')"
