"""Expiry: how long points live after they were activated."""

from __future__ import annotations

import re
from datetime import timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_core import PydanticCustomError

from referral_engine.errors import InvalidProgram
from referral_engine.periods import months_after
from referral_engine.validation import Part

if TYPE_CHECKING:
    from datetime import date, datetime

    from referral_engine.periods import Calendar

IDLE = "idle"
"""The slot of the one lot that a member has in a unit whose points expire by inactivity."""

MONTHS_MAX = 1200
DAYS_MAX = 36_525

_TEXT = re.compile(
    r"(?P<kind>[a-z]+)(:(?P<period>month|quarter|year))?(:(?P<months>\d+)m)?(:(?P<days>\d+)d)?", re.ASCII
)


class Expiry(Part):
    """When points expire, counted from their activation: when they were posted, not when they were earned.

    - `rolling`: `months` or `days` after it. A month later is the same day of the month, or its last one: 31 January
      + 1 month is 28 or 29 February.
    - `calendar`: at the end of the `period` that holds it, or of that which holds the day `months` after it.
    - `inactivity`: `months` or `days` after the member last got or spent points of the unit; all expire together.

    Points live through the end of their last day in the program's zone. What was fixed at the grant is never shortened.
    """

    kind: Literal["rolling", "calendar", "inactivity"]
    months: Annotated[int, Field(ge=0, le=MONTHS_MAX)] | None = None
    days: Annotated[int, Field(ge=1, le=DAYS_MAX)] | None = None
    period: Literal["month", "quarter", "year"] | None = None

    @model_validator(mode="after")
    def _one_measure(self) -> Self:
        if self.kind == "calendar":
            if self.period is None or self.days is not None:
                raise PydanticCustomError("expiry", "calendar expiry takes period=, and months= at most")
        elif self.period is not None or (not self.months) == (self.days is None):
            raise PydanticCustomError("expiry", "{kind} expiry takes months= or days=", {"kind": self.kind})
        return self

    @property
    def text(self) -> str:
        """The expiry in short, such as `rolling:12m`: how it is kept with a grant."""
        months = f"{self.months}m" if self.months else None
        days = None if self.days is None else f"{self.days}d"
        return ":".join(part for part in (self.kind, self.period, months, days) if part)

    def last_day(self, activated: date) -> date:
        """The last local date on which points activated on a local date can be spent."""
        if self.days is not None:
            return activated + timedelta(days=self.days)
        later = months_after(activated, self.months or 0)
        if self.period is None:
            return later
        length = {"month": 1, "quarter": 3, "year": 12}[self.period]
        first = later.replace(day=1, month=(later.month - 1) // length * length + 1)
        return months_after(first, length) - timedelta(days=1)

    def lot(self, activated: datetime, calendar: Calendar) -> tuple[str, datetime]:
        """Name the lot that points go to and when it expires: the end of its last day, which is no longer in it."""
        return _lot(self, calendar, calendar.day(activated))


@lru_cache(maxsize=4096)
def _lot(expiry: Expiry, calendar: Calendar, day: date) -> tuple[str, datetime]:
    last = expiry.last_day(day)
    return IDLE if expiry.kind == "inactivity" else last.isoformat(), calendar.end_of(last)


@lru_cache(maxsize=1024)
def expiry_named(text: str) -> Expiry:
    """Read what `Expiry.text` wrote. Raises ValueError for anything else."""
    msg = f"{text!r} is no expiry"
    match = _TEXT.fullmatch(text)
    if match is None:
        raise ValueError(msg)
    months, days = match["months"], match["days"]
    try:
        return Expiry.model_validate(
            {
                "kind": match["kind"],
                "period": match["period"],
                "months": None if months is None else int(months),
                "days": None if days is None else int(days),
            }
        )
    except InvalidProgram as exc:
        raise ValueError(msg) from exc
