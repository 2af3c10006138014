"""A model of purses: lots, holds, debts; everything expires the moment it is due. Days are those of UTC."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from typing import Any

LONG_AGO, NEVER = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
IDLE = "idle"


class Short(Exception):
    """More was asked for than there is."""


@dataclass
class Purse:
    """What one member has in one unit; a lot is the time at which it ends, or idle."""

    lots: Counter[Any] = field(default_factory=Counter)
    idle_until: datetime = LONG_AGO
    figures: Counter[str] = field(default_factory=Counter)

    def end(self, lot: Any) -> datetime:
        return self.idle_until if lot == IDLE else lot

    def left(self) -> dict[Any, int]:
        return {lot: self.lots[lot] for lot in sorted(self.lots, key=self.end) if self.lots[lot]}

    def take(self, amount: int, own: Any = None) -> list[tuple[Any, datetime, int]]:
        """Take an amount, the own lot and then the soonest to expire first; answers what came out of each lot."""
        lots, parts = self.left(), []
        for lot in sorted(lots, key=lambda lot: own is not None and lot != own):
            part = min(amount, lots[lot])
            self.lots[lot] -= part
            amount -= part
            parts += [(lot, self.end(lot), part)] if part else []
        return parts


@dataclass
class Gift:
    """A grant: held until a time or an event, how much is back or was waived, and the lot it went to."""

    member: str
    amount: int
    policy: str
    until: datetime | None
    held: bool
    back: int = 0
    waived: int = 0
    lot: Any = None


class Model:
    """The purses of a program; its points expire as `expiry`, None, rolling or idle, says, `days` after."""

    def __init__(self, expiry: str | None, days: int) -> None:
        self.expiry, self.days = expiry, days
        self.purses: defaultdict[tuple[str, str], Purse] = defaultdict(Purse)
        self.gifts: dict[str, Gift] = {}
        self.given: Counter[str] = Counter()
        self.refunded: Counter[str] = Counter()

    def expire(self, now: datetime) -> None:
        for purse in self.purses.values():
            for lot, amount in purse.left().items():
                if purse.end(lot) <= now:
                    purse.lots[lot] = 0
                    purse.figures["expired"] += amount

    def _end(self, day: datetime) -> datetime:
        return datetime.combine(day.date() + timedelta(days=self.days + 1), time(), UTC)

    def _active(self, purse: Purse, now: datetime) -> None:
        if purse.lots[IDLE]:
            purse.idle_until = self._end(now)

    def credit(self, member: str, unit: str, amount: int, at: datetime) -> Any:
        """Repay what is owed, and put the rest into a lot, which is answered."""
        purse, lot = self.purses[member, unit], NEVER
        owed = min(amount, purse.figures["debt"])
        purse.figures["debt"] -= owed
        if self.expiry is not None and unit == "points" and amount > owed:
            lot = IDLE if self.expiry == "idle" else self._end(at)
            purse.idle_until = max(purse.idle_until, self._end(at)) if lot == IDLE else purse.idle_until
        purse.lots[lot] += amount - owed
        return lot

    def spend(self, member: str, unit: str, amount: int, now: datetime, to: str | None) -> list[Any]:
        """Take an amount out of a purse, into one of its other figures if named."""
        purse = self.purses[member, unit]
        if sum(purse.lots.values()) < amount:
            raise Short
        purse.figures.update({to: amount} if to else {})
        parts = purse.take(amount)
        self._active(purse, now)
        return parts

    def transfer(self, member: str, to: str, amount: int, now: datetime) -> None:
        purse = self.purses[to, "points"]
        for lot, end, whole in self.spend(member, "points", amount, now, None):
            owed = min(whole, purse.figures["debt"])
            purse.figures["debt"] -= owed
            purse.lots[lot] += whole - owed
            purse.idle_until = max(purse.idle_until, end) if lot == IDLE and whole > owed else purse.idle_until
        self._active(purse, now)

    def grant(self, event: str, gift: Gift, at: datetime, campaign: str, budget: float) -> int:
        gift.amount = int(min(gift.amount, budget - self.given[campaign]))
        if gift.amount:
            self.gifts[event] = gift
            self.given[campaign] += gift.amount
            self.purses[gift.member, "points"].figures["held"] += gift.amount * gift.held
            if not gift.held:
                self._post(gift, at)
        return gift.amount

    def _post(self, gift: Gift, at: datetime) -> None:
        left, gift.held = gift.amount - gift.back, False
        self.purses[gift.member, "points"].figures["lifetime"] += left
        gift.lot = self.credit(gift.member, "points", left, at)

    def release(self, event: str, at: datetime) -> bool:
        """Post a gift that is held still."""
        if (gift := self.gifts.get(event)) and gift.held:
            self.purses[gift.member, "points"].figures["held"] -= gift.amount - gift.back
            self._post(gift, at)
            return True
        return False

    def refund(self, event: str, paid: int, amount: int, campaign: str) -> list[tuple[int, int, int, int]]:
        """Answers amount, from_held, debt and waived, where anything was asked back."""
        self.refunded[event] += amount
        gift = self.gifts.get(event) or Gift("", 0, "debt", None, held=False)
        asked = -(-gift.amount * self.refunded[event] // paid) - gift.back - gift.waived
        purse, held, debt, waived = self.purses[gift.member, "points"], 0, 0, 0
        if gift.held:
            held = asked
            purse.figures["held"] -= asked
            gift.held = gift.back + asked < gift.amount
        elif asked:
            there = 0 if gift.policy == "held_only" else min(asked, sum(purse.lots.values()))
            purse.take(there, gift.lot)
            debt, waived = (asked - there, 0) if gift.policy == "debt" else (0, asked - there)
            purse.figures.update(debt=debt, lifetime=waived - asked)
        gift.back, gift.waived = gift.back + asked - waived, gift.waived + waived
        self.given[campaign] -= asked - waived
        return [(asked - waived, held, debt, waived)] if asked else []
