"""Half-open calendar periods in a time zone: day, ISO week, month, quarter, year and lifetime."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Literal
from zoneinfo import ZoneInfo

from referral_engine.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable

Span = Literal["day", "week", "month", "quarter", "year", "lifetime"]
"""How long a period is; weeks are those of ISO 8601, from Monday."""

LIFETIME = "lifetime"
"""The text of the one period without bounds."""

YEAR_MIN = 1969
YEAR_MAX = 3000
"""The years whose periods have a text: the local years of every time from 1970 to 2999, in any zone."""

ZONE_LENGTH_MAX = 64
"""The longest zone name, in characters, that is looked up."""

PERIOD_FORM = "2026-03-01, 2026-W10, 2026-03, 2026-Q1, 2026 or lifetime"

_BOUNDS_CACHED_MAX = 4096
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+-]*(/[A-Za-z0-9_+-]+)*", re.ASCII)
_MACHINE_ZONES = frozenset({"localtime", "posixrules", "Factory"})
_LEAP_FOLDERS = ("posix/", "right/")
_PERIOD = re.compile(
    r"(?P<year>\d{4})(-(?P<month>\d\d)(-(?P<day>\d\d))?|-W(?P<week>\d\d)|-Q(?P<quarter>[1-4]))?", re.ASCII
)
_NEVER = datetime(1, 1, 1, tzinfo=UTC)
_ALWAYS = datetime.max.replace(tzinfo=UTC)


def zone_named(name: str) -> ZoneInfo:
    """Find a zone of the IANA database, such as Asia/Shanghai.

    Names that mean something else on each machine (`localtime`) are refused. Raises ValueError for anything that is no
    such name, and when the machine has no zone data.
    """
    if not _has_zone_form(name):
        msg = f"{_shown(name)} is no time zone name; use one such as 'Asia/Shanghai' or 'UTC'"
        raise ValueError(msg)
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError) as exc:
        msg = f"no time zone {name!r} here; use a name such as 'Asia/Shanghai', or install the package tzdata"
        raise ValueError(msg) from exc


def _has_zone_form(name: object) -> bool:
    return (
        isinstance(name, str)
        and len(name) <= ZONE_LENGTH_MAX
        and _ZONE.fullmatch(name) is not None
        and name not in _MACHINE_ZONES
        and not name.startswith(_LEAP_FOLDERS)
    )


def _shown(name: object) -> str:
    return ascii(name[:ZONE_LENGTH_MAX]) if isinstance(name, str) else f"a value of type {type(name).__name__}"


def _day(day: date) -> str:
    return day.isoformat()


def _week(day: date) -> str:
    year, week, _ = day.isocalendar()
    return f"{year}-W{week:02}"


def _month(day: date) -> str:
    return day.isoformat()[:7]


def _quarter(day: date) -> str:
    return f"{day.year}-Q{(day.month + 2) // 3}"


def _year(day: date) -> str:
    return str(day.year)


_WRITE: dict[Span, Callable[[date], str]] = {
    "day": _day,
    "week": _week,
    "month": _month,
    "quarter": _quarter,
    "year": _year,
}


def _following_month(year: int, month: int) -> date:
    return date(year + month // 12, month % 12 + 1, 1)


def _dates(text: str) -> tuple[Span, date, date]:
    """The span of a period's text, its first local date and that of the period after it.

    Raises ValueError for a text that is no period.
    """
    if text == LIFETIME:
        return "lifetime", date.min, date.max
    match = _PERIOD.fullmatch(text)
    if match is None or not YEAR_MIN <= (year := int(match["year"])) <= YEAR_MAX:
        msg = "not the form of a period"
        raise ValueError(msg)
    if match["day"]:
        first = date(year, int(match["month"]), int(match["day"]))
        return "day", first, first + timedelta(days=1)
    if match["week"]:
        first = date.fromisocalendar(year, int(match["week"]), 1)
        return "week", first, first + timedelta(days=7)
    if match["month"]:
        month = int(match["month"])
        return "month", date(year, month, 1), _following_month(year, month)
    if match["quarter"]:
        last_month = 3 * int(match["quarter"])
        return "quarter", date(year, last_month - 2, 1), _following_month(year, last_month)
    return "year", date(year, 1, 1), date(year + 1, 1, 1)


def _read(text: object) -> tuple[Span, date, date]:
    if isinstance(text, str) and len(text) <= len("2026-03-01"):
        try:
            return _dates(text)
        except ValueError:
            pass
    raise InvalidInput("period", f"no period of the calendar in {YEAR_MIN} to {YEAR_MAX}; write {PERIOD_FORM}")


def parse_period(text: object) -> Span:
    """Say which span the text of a period is of: `2026-W10` is a week.

    Raises InvalidInput for anything that is not a period of the calendar, such as `2026-02-30`.
    """
    span, _, _ = _read(text)
    return span


def _first_instant(zone: ZoneInfo, day: date) -> datetime:
    """The first instant, in UTC, whose local date is `day` or later.

    That is midnight, the earlier one where clocks go back over it; where clocks go forward over it, it is the instant
    at which they do, found by bisection between the readings of that midnight on the clock before and after.
    """
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    instant = midnight.astimezone(UTC)
    if instant.astimezone(zone).replace(tzinfo=None) == midnight.replace(tzinfo=None):
        return instant
    before = midnight.replace(fold=1).astimezone(UTC)
    seconds_before, seconds_after = 0, int((instant - before).total_seconds())
    while seconds_after - seconds_before > 1:
        middle = (seconds_before + seconds_after) // 2
        if (before + timedelta(seconds=middle)).astimezone(zone).date() >= day:
            seconds_after = middle
        else:
            seconds_before = middle
    return before + timedelta(seconds=seconds_after)


@lru_cache(maxsize=_BOUNDS_CACHED_MAX)
def _bounds(zone: ZoneInfo, text: str) -> tuple[datetime, datetime]:
    _, first, following = _read(text)
    return _first_instant(zone, first), _first_instant(zone, following)


def months_after(day: date, months: int) -> date:
    """The day of the month as many months later; where that month is too short, its last day."""
    place = day.year * 12 + day.month - 1 + months
    year, month = place // 12, place % 12 + 1
    last = (_following_month(year, month) - timedelta(days=1)).day
    return date(year, month, min(day.day, last))


class Calendar:
    """The periods of one zone.

    A period begins at the first instant whose local date lies in it and ends where the next one begins: periods tile
    time, whatever the clocks do. A day of 23 or 25 hours is one period; a day that was skipped is an empty one; where
    clocks go back from just after midnight into the day before, the new day has begun and goes on.
    """

    __slots__ = ("_last", "zone")

    def __init__(self, zone: ZoneInfo) -> None:
        self.zone: ZoneInfo = zone
        self._last: dict[Span, tuple[datetime, datetime, str]] = dict.fromkeys(_WRITE, (_NEVER, _NEVER, ""))
        self._last["lifetime"] = (_NEVER, _ALWAYS, LIFETIME)

    def key(self, span: Span, at: datetime) -> str:
        """Name the period of `span` that holds `at`, an aware datetime of the years 1970 to 2999.

        Raises TypeError for a naive datetime, InvalidInput for one whose local year has no periods.
        """
        start, end, text = self._last[span]
        if start <= at < end:
            return text
        return self._find(span, at)

    def _find(self, span: Span, at: datetime) -> str:
        """Find the period and remember it, in one assignment, so that threads see either the old or the new one."""
        write = _WRITE[span]
        text = write(at.astimezone(self.zone).date())
        while True:
            start, end = _bounds(self.zone, text)
            if at < end:
                self._last[span] = (start, end, text)
                return text
            text = write(end.astimezone(self.zone).date())

    def day(self, at: datetime) -> date:
        """The local date, as `key("day", at)` names it: it never goes back."""
        return date.fromisoformat(self.key("day", at))

    def end_of(self, day: date) -> datetime:
        """The first instant, in UTC, after a local date; that of a skipped day is where it would have begun."""
        return _first_instant(self.zone, day + timedelta(days=1))

    def bounds(self, key: str) -> tuple[datetime, datetime] | None:
        """The start, and the end that is no longer in it, of a period, in UTC; None for lifetime.

        Raises InvalidInput for a text that is no period.
        """
        return None if parse_period(key) == LIFETIME else _bounds(self.zone, key)
