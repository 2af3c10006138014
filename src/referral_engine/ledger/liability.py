"""Liability: what is owed to the members in one unit, and when some of it will have expired."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from referral_engine.validation import FrozenDict

if TYPE_CHECKING:
    from referral_engine.ledger.balance import Balance
    from referral_engine.periods import Calendar


@dataclass(frozen=True, slots=True)
class Liability:
    """What all members together have in one unit at `at`, in minor units.

    `outstanding` may be spent now; `held` may come to it; `paying` is asked for as payouts; `debt` is owed to the
    program. `expiring` is the part of `outstanding` that expires, by the local month ("2027-02") of its last day, in
    the order of time; `lasting` is the part that never does.
    """

    unit: str
    at: datetime
    outstanding: int
    held: int
    paying: int
    debt: int
    expiring: Mapping[str, int]
    lasting: int


def liability_of(
    unit: str, total: Balance, lots: Iterable[tuple[datetime, int]], at: datetime, calendar: Calendar
) -> Liability:
    """Report from the sum of all balances and what is left in the lots by expiry; lots due by `at` are left out."""
    gone = 0
    months: dict[str, int] = {}
    for expires_at, remaining in sorted(lots):
        if expires_at <= at:
            gone += remaining
        else:
            last_day = (expires_at - timedelta(microseconds=1)).astimezone(calendar.zone).date()
            month = last_day.isoformat()[:7]
            months[month] = months.get(month, 0) + remaining
    return Liability(
        unit=unit,
        at=at,
        outstanding=total.available - gone,
        held=total.held,
        paying=total.paying,
        debt=total.debt,
        expiring=FrozenDict(months),
        lasting=total.available - total.expiring,
    )
