"""Periods tile time in every zone, and each time lies in the period it is named for."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import get_args

from hypothesis import given, settings
from hypothesis import strategies as st

from referral_engine.errors import InvalidInput
from referral_engine.periods import Calendar, Span, parse_period, zone_named

ZONES = [
    *("UTC", "Asia/Shanghai", "Asia/Kathmandu", "Europe/London", "America/New_York", "Australia/Lord_Howe"),
    *("Africa/Cairo", "America/Sao_Paulo", "Asia/Beirut", "America/Havana", "Asia/Gaza", "Africa/Casablanca"),
    *("Pacific/Apia", "Pacific/Kwajalein", "Pacific/Kiritimati", "Etc/GMT+12", "Africa/Monrovia", "Asia/Pyongyang"),
    *("America/St_Johns", "America/Goose_Bay", "Antarctica/Casey", "Antarctica/Troll", "Asia/Manila"),
]
BY_NAME = {name: Calendar(zone_named(name)) for name in ZONES}
DATED = [span for span in get_args(Span) if span != "lifetime"]

# Near the days on which clocks were changed, and anywhere.
ODD_DAYS = [
    *(datetime(2011, 12, 30, tzinfo=UTC), datetime(1993, 8, 21, tzinfo=UTC), datetime(2010, 3, 5, tzinfo=UTC)),
    *(datetime(2010, 11, 7, tzinfo=UTC), datetime(2018, 11, 4, tzinfo=UTC), datetime(2018, 2, 18, tzinfo=UTC)),
    *(datetime(2026, 4, 24, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), datetime(1972, 1, 7, tzinfo=UTC)),
    *(datetime(1995, 1, 1, tzinfo=UTC), datetime(2022, 3, 27, tzinfo=UTC), datetime(2015, 8, 15, tzinfo=UTC)),
]
calendars = st.sampled_from(ZONES).map(BY_NAME.__getitem__)
moments = st.one_of(
    st.datetimes(datetime(1970, 1, 1), datetime(2999, 12, 31, 23, 59, 59, 999_999), timezones=st.just(UTC)),  # noqa: DTZ001
    st.builds(
        lambda day, minutes: day + timedelta(minutes=minutes), st.sampled_from(ODD_DAYS), st.integers(-2_880, 2_880)
    ),
)


@settings(max_examples=1_500, deadline=None)
@given(calendars, st.sampled_from(DATED), moments)
def test_a_time_lies_in_its_period_and_the_next_begins_where_it_ends(calendar, span, at):
    key = calendar.key(span, at)
    bounds = calendar.bounds(key)
    assert bounds is not None
    start, end = bounds
    assert start <= at < end
    assert parse_period(key) == span
    assert calendar.key(span, start) == key
    assert calendar.key(span, end - timedelta(microseconds=1)) == key
    following = calendar.key(span, end)
    assert following > key
    assert (calendar.bounds(following) or ())[0] == end


@settings(max_examples=500, deadline=None)
@given(calendars, moments)
def test_a_period_begins_at_the_first_instant_of_its_local_dates(calendar, at):
    key = calendar.key("day", at)
    start, _ = calendar.bounds(key) or (at, at)
    local = [(start + timedelta(hours=step)).astimezone(calendar.zone).date().isoformat() for step in range(-30, 1)]
    assert local[-1] == key
    assert max(local[:-1]) < key


@settings(max_examples=500, deadline=None)
@given(calendars, moments, moments)
def test_periods_come_in_the_order_of_time(calendar, one, other):
    first, second = sorted([one, other])
    assert all(calendar.key(span, first) <= calendar.key(span, second) for span in DATED)


@settings(max_examples=500, deadline=None)
@given(calendars, moments)
def test_days_lie_inside_months_inside_quarters_inside_years(calendar, at):
    bounds = [calendar.bounds(calendar.key(span, at)) or (at, at) for span in ("day", "month", "quarter", "year")]
    starts, ends = zip(*bounds, strict=True)
    assert list(starts) == sorted(starts, reverse=True)
    assert list(ends) == sorted(ends)


@settings(max_examples=500, deadline=None)
@given(calendars, st.sampled_from(DATED), moments)
def test_a_used_calendar_answers_as_a_new_one(calendar, span, at):
    assert calendar.key(span, at) == Calendar(calendar.zone).key(span, at)


@settings(max_examples=500, deadline=None)
@given(st.one_of(st.text(max_size=12), st.from_regex(r"[0-9]{4}-?[WQ0-9-]{0,6}", fullmatch=True)))
def test_any_text_is_a_period_or_refused(text):
    try:
        span = parse_period(text)
    except InvalidInput:
        return
    calendar = BY_NAME["UTC"]
    start, _ = calendar.bounds(text) or (datetime(2026, 1, 1, tzinfo=UTC), None)
    assert calendar.key(span, start) == text
