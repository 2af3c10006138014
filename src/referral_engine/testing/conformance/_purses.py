"""Purses: the money of the model: what members have, which of it expires when, and what campaigns gave."""

from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from referral_engine.ledger import Balance
from referral_engine.testing.conformance._spring import BUDGET, CASH_BUDGET, LIFE_DAYS

Lot = tuple[date | None, int]  # how much of it lives through which day; None is for ever
TOTALS = {"spring": BUDGET, "cashback": CASH_BUDGET}

_SHANGHAI = timedelta(hours=8)
_DAY = timedelta(days=1)


def _is_over(day: date, now: datetime) -> bool:
    return (now + _SHANGHAI).date() > day


@dataclass
class Gift:
    """What a rule gave. `due` is set as long as it is held; `lot` is the last day of what was posted."""

    rule: str
    campaign: str
    member: str
    unit: str
    amount: int
    wanted: int
    due: datetime | None
    taken: int = 0
    waived: int = 0
    lot: date | None = None

    @property
    def held(self) -> bool:
        """Whether something of it waits."""
        return self.due is not None and self.taken < self.amount


class Purses:
    """Figures by member and unit, lots of points by member and last day, what campaigns spent and hold, alarms."""

    def __init__(self) -> None:
        self.figures: defaultdict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.lots: defaultdict[str, Counter[date]] = defaultdict(Counter)
        self.spent, self.held = Counter[str](), Counter[str]()
        self.alarms: list[tuple[str, int, int]] = []
        self.payouts: dict[str, tuple[str, int, str]] = {}

    def balance(self, member: str, unit: str, now: datetime) -> Balance:
        """What is to be seen: what has come to its end is gone, whether or not somebody wrote it down."""
        lots = self.lots[member].items() if unit == "points" else ()
        gone = sum(left for day, left in lots if _is_over(day, now))
        expiring = sum(left for day, left in lots) - gone
        return Balance(**{**self.figures[member, unit], "expiring": expiring}).plus(Balance(-gone, expired=gone))

    def shown_lots(self, member: str, now: datetime) -> list[tuple[datetime, int]]:
        """When what expires does, and how much of it, the soonest first."""
        midnight = datetime.min.time()
        return [
            (datetime.combine(day + _DAY, midnight, UTC) - _SHANGHAI, left)
            for day, left in sorted(self.lots[member].items())
            if left and not _is_over(day, now)
        ]

    # Campaigns give and take back

    def left(self, campaign: str) -> int:
        """What a campaign may still give."""
        return TOTALS[campaign] - self.spent[campaign] - self.held[campaign]

    def give(self, gift: Gift, at: datetime) -> None:
        """Hold it; what is not to be held is posted at once."""
        total, before = TOTALS[gift.campaign], TOTALS[gift.campaign] - self.left(gift.campaign)
        self.held[gift.campaign] += gift.amount
        for percent in (50, 80, 100):
            if 100 * before < percent * total <= 100 * (before + gift.amount):
                self.alarms.append((gift.campaign, percent, before + gift.amount))
        self.figures[gift.member, gift.unit]["held"] += gift.amount
        if gift.due is None:
            self.post(gift, at)

    def post(self, gift: Gift, at: datetime) -> None:
        """Make what is left of it available; its days are counted from `at`."""
        left = gift.amount - gift.taken
        self.held[gift.campaign] -= left
        self.spent[gift.campaign] += left
        self.figures[gift.member, gift.unit].update(held=-left, lifetime=left)
        gift.due, gift.lot = None, self.credit(gift.member, gift.unit, left, at)

    def take_back(self, gift: Gift, back: int, now: datetime) -> tuple[str, int, int, int, int]:
        """From the hold, or else from what is there, its own lot first; spring is owed the rest, cashback waives it."""
        figures, held = self.figures[gift.member, gift.unit], back if gift.held else 0
        if not held and gift.unit == "points":
            self.expire(gift.member, now)
        paid = min(back - held, figures["available"])
        owed = back - held - paid if gift.campaign == "spring" else 0
        taken = held + paid + owed
        gift.taken, gift.waived = gift.taken + taken, gift.waived + back - taken
        self._draw(gift.member, gift.unit, paid, gift.lot)
        figures.update(held=-held, debt=owed, lifetime=held - taken)
        self.held[gift.campaign] -= held
        self.spent[gift.campaign] -= taken - held
        return gift.member, taken, held, owed, back - taken

    # Members get, spend and lose

    def credit(self, member: str, unit: str, amount: int, at: datetime | None) -> date | None:
        """Repay what is owed, and make the rest available; points live through a number of days after that of `at`."""
        figures = self.figures[member, unit]
        owed = min(amount, figures["debt"])
        figures.update(debt=-owed, available=amount - owed)
        if unit != "points" or at is None or owed == amount:
            return None
        day = (at + _SHANGHAI).date() + LIFE_DAYS * _DAY
        self.lots[member][day] += amount - owed
        return day

    def spend(self, member: str, unit: str, amount: int, now: datetime) -> list[Lot]:
        """Take what is still good, and is known to be enough, the soonest to expire first."""
        self.expire(member, now)
        return self._draw(member, unit, amount, None)

    def _draw(self, member: str, unit: str, amount: int, own: date | None) -> list[Lot]:
        self.figures[member, unit]["available"] -= amount
        lots, found = self.lots[member] if unit == "points" else Counter[date](), list[Lot]()
        for day in sorted(lots, key=lambda day: (day != own, day)):
            if part := min(amount, lots[day]):
                found.append((day, part))
                lots[day], amount = lots[day] - part, amount - part
        return [*found, (None, amount)]

    def pass_on(self, member: str, to: str, amount: int, now: datetime) -> None:
        """Points keep their days; what the receiver owes is repaid by the soonest to expire of them."""
        lots = self.spend(member, "points", amount, now)
        self.expire(to, now)
        owed = self.figures[to, "points"]["debt"]
        self.credit(to, "points", amount, None)
        for day, part in lots:
            repaid = min(part, owed)
            owed -= repaid
            if day is not None:
                self.lots[to][day] += part - repaid

    def expire(self, member: str, now: datetime) -> int:
        """Write down what has come to its end, and tell how many lots that were."""
        over = [day for day, left in self.lots[member].items() if left and _is_over(day, now)]
        for day in over:
            left = self.lots[member].pop(day)
            self.figures[member, "points"].update(available=-left, expired=left)
        return len(over)

    def settle(self, payout_id: str, state: str, now: datetime) -> None:
        """The money has left, or is back."""
        member, amount, _ = self.payouts[payout_id]
        self.payouts[payout_id] = (member, amount, state)
        self.figures[member, "usd"].update(paying=-amount, redeemed=amount if state == "paid" else 0)
        if state != "paid":
            self.credit(member, "usd", amount, now)
