"""Ledger: "31 January + 1 month = 28 or 29 February, through the end of that day in the program's zone".

Leap years, days on which clocks change, and days that were skipped are among them.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.ledger.stage import calendar, idle, program_of, rolling

MONTHS = [
    ("2026-01-31", 1, "2026-02-28"),
    ("2028-01-31", 1, "2028-02-29"),
    ("2100-01-31", 1, "2100-02-28"),
    ("2000-01-31", 1, "2000-02-29"),
    ("2026-01-30", 1, "2026-02-28"),
    ("2028-01-30", 1, "2028-02-29"),
    ("2026-01-28", 1, "2026-02-28"),
    ("2026-02-28", 1, "2026-03-28"),
    ("2028-02-29", 1, "2028-03-29"),
    ("2028-02-29", 12, "2029-02-28"),
    ("2028-02-29", 48, "2032-02-29"),
    ("2026-03-31", 1, "2026-04-30"),
    ("2026-08-31", 6, "2027-02-28"),
    ("2026-12-31", 2, "2027-02-28"),
    ("2026-12-31", 1, "2027-01-31"),
    ("2026-10-31", 1200, "2126-10-31"),
]
CALENDAR = [
    ("2028-01-31", calendar("month", 1), "2028-02-29"),
    ("2026-12-15", calendar("month", 2), "2027-02-28"),
    ("2026-12-31", calendar("quarter"), "2026-12-31"),
    ("2026-12-31", calendar("quarter", 1), "2027-03-31"),
    ("2026-01-31", calendar("quarter", 1), "2026-03-31"),
    ("2026-08-31", calendar("quarter", 6), "2027-03-31"),
    ("2026-01-01", calendar("year"), "2026-12-31"),
    ("2026-12-31", calendar("year", 1), "2027-12-31"),
    ("2028-02-28", rolling(1), "2028-02-29"),
    ("2026-02-28", rolling(1), "2026-03-01"),
    ("2028-01-31", idle(months=1), "2028-02-29"),
    ("2027-12-31", rolling(366), "2028-12-31"),
]
EVERY = [*[(day, rolling(months=months), last) for day, months, last in MONTHS], *CALENDAR]
ENDS = [
    ("UTC", "2026-01-31T00:00:00", rolling(months=1), "2026-03-01T00:00:00Z"),
    ("UTC", "2026-01-31T23:59:59", rolling(months=1), "2026-03-01T00:00:00Z"),
    ("Asia/Shanghai", "2026-01-31T00:00:00", rolling(months=1), "2026-02-28T16:00:00Z"),
    ("Asia/Shanghai", "2026-01-31T23:59:59", rolling(months=1), "2026-02-28T16:00:00Z"),
    ("Asia/Kathmandu", "2026-01-31T12:00:00", rolling(months=1), "2026-02-28T18:15:00Z"),
    # The day of 23 hours and the one of 25: each ends when the next begins.
    ("America/New_York", "2026-03-07T12:00:00", rolling(1), "2026-03-09T04:00:00Z"),
    ("America/New_York", "2026-03-06T12:00:00", rolling(1), "2026-03-08T05:00:00Z"),
    ("America/New_York", "2026-10-31T12:00:00", rolling(1), "2026-11-02T05:00:00Z"),
    ("America/New_York", "2026-10-30T12:00:00", rolling(1), "2026-11-01T04:00:00Z"),
    ("Europe/London", "2026-02-28T12:00:00", rolling(months=1), "2026-03-29T00:00:00Z"),
    ("Europe/London", "2026-02-28T12:00:00", rolling(29), "2026-03-29T23:00:00Z"),
    # Clocks go forward over midnight: the day before ends at the instant at which they do.
    ("Africa/Cairo", "2026-04-22T12:00:00", rolling(1), "2026-04-23T22:00:00Z"),
    ("Africa/Cairo", "2026-04-23T12:00:00", rolling(1), "2026-04-24T21:00:00Z"),
    # Clocks go back at midnight: the day before goes on for an hour; a minute after it: the new day has begun.
    ("Africa/Cairo", "2026-10-28T12:00:00", rolling(1), "2026-10-29T22:00:00Z"),
    ("Africa/Cairo", "2026-10-29T12:00:00", rolling(1), "2026-10-30T22:00:00Z"),
    ("America/St_Johns", "2010-11-05T12:00:00", rolling(1), "2010-11-07T02:30:00Z"),
    # 30 December 2011 was skipped in Apia: it is where 31 December began.
    ("Pacific/Apia", "2011-12-28T12:00:00", rolling(1), "2011-12-30T10:00:00Z"),
    ("Pacific/Apia", "2011-12-29T12:00:00", rolling(1), "2011-12-30T10:00:00Z"),
    ("Pacific/Apia", "2011-12-29T12:00:00", rolling(2), "2011-12-31T10:00:00Z"),
    ("Pacific/Apia", "2011-11-30T12:00:00", rolling(months=1), "2011-12-30T10:00:00Z"),
    ("Pacific/Apia", "2011-12-29T12:00:00", calendar("month"), "2011-12-31T10:00:00Z"),
    ("Pacific/Apia", "2011-12-31T12:00:00", rolling(1), "2012-01-01T10:00:00Z"),
]


@pytest.mark.parametrize(("day", "expires", "last"), EVERY, ids=[f"{day}+{kind.text}" for day, kind, _ in EVERY])
def test_the_last_day_by_the_calendar(day, expires, last, books):
    """31 January + 1 month is 28 or 29 February."""
    opened = books(program_of(expires=expires))
    opened.earn("bob", 100, at=f"{day}T13:00:00Z")
    (transfer,) = opened.transfers()
    end = datetime.fromisoformat(f"{last}T00:00:00+00:00") + timedelta(days=1)
    for moment, available in ((end - timedelta(microseconds=1), 100), (end, 0)):
        opened.clock.set(moment)
        assert opened.engine.balance("bob").available == available
    assert (transfer.at.isoformat(), opened.engine.release_due().lots) == (f"{day}T13:00:00+00:00", 1)
    assert opened.transfers()[1].at == end


@pytest.mark.parametrize(
    ("zone", "local", "expires", "end"), ENDS, ids=[f"{zone} {local[:10]}+{kind.text}" for zone, local, kind, _ in ENDS]
)
def test_through_the_end_of_that_day_in_the_programs_zone(zone, local, expires, end, books):
    opened = books(program_of(expires=expires, zone=zone))
    opened.clock.set(datetime.fromisoformat(local).replace(tzinfo=ZoneInfo(zone)))
    opened.earn("bob", 100)
    (lot,) = opened.engine.lots("bob")
    assert f"{lot.expires_at:%Y-%m-%dT%H:%M:%SZ}" == end
    opened.clock.set(lot.expires_at - timedelta(microseconds=1))
    assert opened.figures() == {"available": 100, "lifetime": 100, "expiring": 100}
    opened.clock.set(lot.expires_at)
    assert opened.figures() == {"lifetime": 100, "expired": 100}


def test_one_instant_is_two_days_in_two_zones(shelf):
    ends = []
    for zone in ("Pacific/Kiritimati", "Etc/GMT+12"):
        opened = shelf.open(program_of(expires=rolling(1), zone=zone, named=zone.replace("/", ".").replace("+", "-")))
        opened.earn("bob", 10)
        ends += [lot for lot, _ in opened.lots()]
    assert ends == ["2026-03-04T10:00Z", "2026-03-04T12:00Z"]
