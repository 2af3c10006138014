"""Calendar periods in a time zone: names, bounds, and what the clocks do to them."""

from __future__ import annotations

import copy
import io
import pickle
import struct
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import pytest

from referral_engine import periods
from referral_engine.errors import InvalidInput
from referral_engine.periods import Calendar, parse_period, zone_named


def calendar(name: str) -> Calendar:
    return Calendar(zone_named(name))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)


def hours(bounds: tuple[datetime, datetime] | None) -> float:
    assert bounds is not None
    return (bounds[1] - bounds[0]) / timedelta(hours=1)


@pytest.mark.parametrize(
    "name", ["UTC", "Asia/Shanghai", "America/Argentina/Buenos_Aires", "America/Port-au-Prince", "Etc/GMT+5", "EST5EDT"]
)
def test_a_known_zone_is_found(name):
    assert zone_named(name) == ZoneInfo(name)


@pytest.mark.parametrize(
    "name",
    [
        *("", " ", "UTC ", " UTC", "UTC\n", "UTC/", "/UTC", "UTC//", "./UTC", "..", "../x", "../../etc/passwd"),
        *("/etc/passwd", "/usr/share/zoneinfo/UTC", "C:\\Windows", "Europe\\London", "Europe//London", "Europe/../UTC"),
        *("America", "Europe/", "posix", "right", "posix/UTC", "right/UTC", "localtime", "posixrules", "Factory"),
        *("tzdata.zi", "zone.tab", "leapseconds", "Mars/Olympus_Mons", "+08:00", "UTC+8", "CST-8", "8", "-", "_"),
        *(
            "A" * 5_000,
            "A/" * 5_000,
            "A" * 10_000_000,
            "a" * 64,
            "a" * 65,
            "UTC\0",
            "U\0TC",
            "\0",
            "\ud800",
            "\u202eCTU",
        ),
        *("\uff35\uff34\uff23", "Asia/Shanghai\u200b", "\u0410sia/Shanghai", "UTC;", "%55TC", "*", "America/*"),
        *(None, 8, 8.0, True, b"UTC", ["UTC"], ("UTC",), {"UTC"}, UTC, ZoneInfo("UTC"), timezone(timedelta(hours=8))),
    ],
    ids=lambda name: ascii(name)[:30],
)
def test_anything_else_is_refused_with_a_hint(name):
    with pytest.raises(ValueError, match="Asia/Shanghai") as caught:
        zone_named(name)
    assert len(str(caught.value)) < 500


def test_a_machine_without_zone_data_is_told_what_to_install(monkeypatch):
    def missing(name: str) -> ZoneInfo:
        raise OSError(name)

    monkeypatch.setattr(periods, "ZoneInfo", missing)
    with pytest.raises(ValueError, match="tzdata"):
        zone_named("UTC")


@pytest.mark.parametrize(
    ("span", "key"),
    [
        ("day", "2026-03-01"),
        ("week", "2026-W09"),
        ("month", "2026-03"),
        ("quarter", "2026-Q1"),
        ("year", "2026"),
        ("lifetime", "lifetime"),
    ],
)
def test_the_local_date_names_the_period(span, key):
    assert calendar("Asia/Shanghai").key(span, utc(2026, 2, 28, 16)) == key


@pytest.mark.parametrize(
    ("at", "key"),
    [
        (utc(2024, 12, 30), "2025-W01"),
        (utc(2027, 1, 3), "2026-W53"),
        (utc(2026, 3, 2), "2026-W10"),
        (utc(1970, 1, 1), "1970-W01"),
        (utc(2999, 12, 31, 23, 59, 59, 999_999), "3000-W01"),
    ],
)
def test_weeks_are_those_of_iso_8601(at, key):
    assert calendar("UTC").key("week", at) == key


@pytest.mark.parametrize(
    ("month", "quarter"), [(1, 1), (2, 1), (3, 1), (4, 2), (5, 2), (6, 2), (7, 3), (9, 3), (10, 4), (12, 4)]
)
def test_quarters_are_of_three_months(month, quarter):
    assert calendar("UTC").key("quarter", utc(2026, month, 28)) == f"2026-Q{quarter}"


def test_a_time_in_another_zone_is_the_same_instant():
    at = utc(2026, 3, 31, 16)
    shanghai = calendar("Asia/Shanghai")
    elsewhere = [at.astimezone(ZoneInfo("America/New_York")), at.astimezone(timezone(timedelta(hours=-11)))]
    assert [shanghai.key("month", moment) for moment in [at, *elsewhere]] == ["2026-04"] * 3


@pytest.mark.parametrize("span", ["day", "month", "lifetime"])
def test_a_naive_time_is_an_error_and_never_taken_for_local(span):
    naive = datetime(2026, 3, 1)  # noqa: DTZ001
    with pytest.raises(TypeError):
        calendar("Asia/Shanghai").key(span, naive)


@pytest.mark.parametrize("year", [1, 1968, 3001, 9998])
def test_a_time_far_outside_has_no_period(year):
    with pytest.raises(InvalidInput):
        calendar("UTC").key("month", utc(year, 6, 1))


@pytest.mark.parametrize(
    ("key", "start", "end"),
    [
        ("2026-03-01", utc(2026, 2, 28, 16), utc(2026, 3, 1, 16)),
        ("2026-W10", utc(2026, 3, 1, 16), utc(2026, 3, 8, 16)),
        ("2026-02", utc(2026, 1, 31, 16), utc(2026, 2, 28, 16)),
        ("2024-12", utc(2024, 11, 30, 16), utc(2024, 12, 31, 16)),
        ("2026-Q4", utc(2026, 9, 30, 16), utc(2026, 12, 31, 16)),
        ("2026", utc(2025, 12, 31, 16), utc(2026, 12, 31, 16)),
    ],
)
def test_bounds_are_utc_and_half_open(key, start, end):
    found = calendar("Asia/Shanghai").bounds(key)
    assert found == (start, end)
    assert found is not None
    assert [moment.tzinfo for moment in found] == [UTC, UTC]


def test_lifetime_has_no_bounds():
    assert calendar("UTC").bounds("lifetime") is None


def test_the_end_belongs_to_the_next_period():
    shanghai = calendar("Asia/Shanghai")
    end = utc(2026, 3, 31, 16)
    keys = [shanghai.key("month", at) for at in (end - timedelta(microseconds=1), end, end - timedelta(microseconds=1))]
    assert keys == ["2026-03", "2026-04", "2026-03"]


@pytest.mark.parametrize(
    ("zone", "key", "length_h"),
    [
        ("Europe/London", "2026-03-29", 23),
        ("Europe/London", "2026-10-25", 25),
        ("Europe/London", "2026-10-24", 24),
        ("Africa/Cairo", "2026-04-24", 23),
        ("America/Sao_Paulo", "2018-11-04", 23),
        ("America/Sao_Paulo", "2018-02-17", 25),
        ("Australia/Lord_Howe", "2026-04-05", 24.5),
        ("Pacific/Apia", "2011-12-30", 0),
        ("Pacific/Apia", "2011-12", 30 * 24),
        ("Pacific/Kwajalein", "1993-08-21", 0),
    ],
)
def test_a_day_is_as_long_as_the_clocks_make_it(zone, key, length_h):
    assert hours(calendar(zone).bounds(key)) == length_h


@pytest.mark.parametrize(
    ("zone", "key", "start"),
    [
        ("Africa/Cairo", "2026-04-24", utc(2026, 4, 23, 22)),
        ("America/Sao_Paulo", "2018-11-04", utc(2018, 11, 4, 3)),
        ("Asia/Beirut", "2022-03-27", utc(2022, 3, 26, 22)),
        ("America/Havana", "2026-11-01", utc(2026, 11, 1, 4)),
    ],
)
def test_a_day_whose_midnight_is_missing_or_twice_begins_at_its_first_instant(zone, key, start):
    here = calendar(zone)
    bounds = here.bounds(key)
    assert bounds is not None
    assert bounds[0] == start
    assert [here.key("day", start - timedelta(microseconds=1)) < key, here.key("day", start)] == [True, key]


def ruled(rule: str) -> ZoneInfo:
    """Make a zone that follows one POSIX rule, as the last line of a zone file gives it."""
    header = b"TZif2" + bytes(15) + struct.pack(">6l", 0, 0, 0, 0, 1, 4)
    kind = struct.pack(">lbb", 0, 0, 0) + b"AAA\0"
    return ZoneInfo.from_file(io.BytesIO((header + kind) * 2 + b"\n" + rule.encode() + b"\n"), key="Made/Up")


@pytest.mark.parametrize("at", ["22:00", "23:00:01", "23:17", "23:30", "23:59:59", "24:00"])
def test_a_day_begins_when_clocks_jump_over_its_midnight(at):
    """No zone has done so since 1970 but at midnight itself; a government may decide it any year."""
    parts = [int(part) for part in at.split(":")]
    jump = utc(2026, 3, 28) + timedelta(hours=parts[0] + 8, minutes=sum(parts[1:2]), seconds=sum(parts[2:3]))
    here = Calendar(ruled(f"AAA8BBB6,M3.4.6/{at},M11.1.0"))
    start, _ = here.bounds("2026-03-29") or (None, None)
    assert start == jump
    assert here.key("day", jump - timedelta(microseconds=1)) == "2026-03-28"


def test_the_day_that_apia_skipped_is_empty_and_its_neighbours_meet():
    apia = calendar("Pacific/Apia")
    meeting = utc(2011, 12, 30, 10)
    assert apia.bounds("2011-12-30") == (meeting, meeting)
    assert [apia.key("day", meeting - timedelta(seconds=1)), apia.key("day", meeting)] == ["2011-12-29", "2011-12-31"]


def test_a_day_that_has_begun_goes_on_when_clocks_go_back_over_midnight():
    """St John's went from 00:01 back to 23:01: the minutes of the day before, read again, are of the new day."""
    here = calendar("America/St_Johns")
    start = utc(2010, 11, 7, 2, 30)
    assert here.bounds("2010-11-07") == (start, utc(2010, 11, 8, 3, 30))
    again = start + timedelta(minutes=30)
    assert again.astimezone(here.zone).day == 6
    assert here.key("day", again) == "2010-11-07"


def test_equal_questions_have_equal_answers_whatever_was_asked_before():
    used, moments = calendar("Africa/Cairo"), [utc(2026, 1, 1) + timedelta(hours=7 * n) for n in range(2_000)]
    forth = [used.key("day", at) for at in moments]
    back = [used.key("day", at) for at in reversed(moments)]
    assert forth == back[::-1]
    assert forth == [calendar("Africa/Cairo").key("day", at) for at in moments]


def test_threads_may_share_a_calendar():
    shared, moments = calendar("Asia/Shanghai"), [utc(2026, 1, 1) + timedelta(hours=11 * n) for n in range(3_000)]
    expected = [calendar("Asia/Shanghai").key("month", at) for at in moments]
    interval = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(4) as pool:
            found = list(pool.map(lambda _: [shared.key("month", at) for at in moments], range(8)))
    finally:
        sys.setswitchinterval(interval)
    assert found == [expected] * 8


def test_a_calendar_can_be_copied_and_sent():
    at = utc(2026, 3, 1)
    here = calendar("Asia/Shanghai")
    copies = [copy.copy(here), copy.deepcopy(here), pickle.loads(pickle.dumps(here))]  # noqa: S301
    assert [one.key("month", at) for one in copies] == ["2026-03"] * 3


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2026-03-01", "day"),
        ("2024-02-29", "day"),
        ("2026-W10", "week"),
        ("2026-W53", "week"),
        ("2026-03", "month"),
        ("2026-Q1", "quarter"),
        ("2026", "year"),
        ("1969", "year"),
        ("3000-12-31", "day"),
        ("lifetime", "lifetime"),
    ],
)
def test_the_text_of_a_period_tells_its_span(text, span):
    assert parse_period(text) == span


NO_PERIODS = [
    *("", " ", "2026-13", "2026-00", "2026-3", "2026-003", "202603", "2026-1-1", "2026-02-30", "2026-02-29"),
    *("2026-04-31", "2026-03-00", "2026-03-32", "2026-W00", "2026-W54", "2027-W53", "2026-W1", "2026W10", "2026-w10"),
    *("2026-W10-1", "2026-Q0", "2026-Q5", "2026-q1", "2026-Q01", "26", "20266", "-2026", "+2026", "2026-", "0000"),
    *("0001", "1968", "3001", "9999", "9999-12-31", "Lifetime", "LIFETIME", "lifetime ", "week", "month", "now"),
    *(" 2026", "2026 ", "2026\n", "2026-03\n", "2026\0", "2026-03-01T00:00:00Z", "2026/03", "2026.03", "2026_03"),
    *(
        "\uff12\uff10\uff12\uff16",
        "2026-\uff10\uff13",
        "\u0662\u0660\u0662\u0666",
        "2026\u201003",
        "\ud800",
        "\u202e2026",
    ),
    *("9" * 10_000_000, "lifetime" * 1_000_000, "2026-Q\u00b2"),
    *(None, 2026, 2026.0, True, b"2026", ["2026"], ("2026",), {"2026"}, utc(2026, 3, 1), utc(2026, 3, 1).date()),
]


@pytest.mark.parametrize("text", NO_PERIODS, ids=lambda text: ascii(text)[:30])
def test_what_is_no_period_is_refused_by_name(text):
    with pytest.raises(InvalidInput) as caught:
        parse_period(text)
    assert caught.value.name == "period"
    with pytest.raises(InvalidInput):
        calendar("UTC").bounds(text)
