"""Model: what the program of `spring` should do, said once more in plain words, for one thread and no database."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from referral_engine.events import Event
from referral_engine.testing.conformance._spring import BUDGET, ENDS, HOLD, MOST, STARTS
from referral_engine.testing.conformance.answers import Answer

Given = list[tuple[str, int, int, datetime | None]]  # who is given how much, of how much wanted, held until when
Slots = Counter[tuple[str, ...]]  # how much of each limit is used


@dataclass
class _Gift:
    member: str
    amount: int
    due: datetime | None  # set as long as it is held
    taken: int = 0


@dataclass
class _Kept:
    event: Event
    answer: Answer
    gifts: list[_Gift] = field(default_factory=list)
    charged: Slots = field(default_factory=Slots)
    inviters: tuple[str, str, str] = ("", "", "")
    refunded: int = 0


class Model:
    """All that is known. A code has an owner and uses left, -1 when disabled; a board has scores and when reached."""

    def __init__(self) -> None:
        self.referrers: dict[str, str | None] = {}
        self.codes: dict[str, tuple[str | None, float]] = {}
        self.kept: dict[str, _Kept] = {}
        self.purses: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.limits, self.undone = Slots(), set[str | None]()
        self.boards: defaultdict[tuple[str, str], dict[str, tuple[int, int]]] = defaultdict(dict)
        self.ticks = self.spent = self.held = 0

    def record(self, event: Event, now: datetime) -> Answer:
        """What should come of an event."""
        if (known := self.kept.get(event.id)) is not None:
            same = known.event == event
            return replace(known.answer, status="duplicate") if same else Answer("rejected", ("idempotency_conflict",))
        at, self.ticks = event.at or now, self.ticks + 1
        month = (at + timedelta(hours=8)).strftime("%Y-%m") if STARTS <= at < ENDS else ""
        if event.type == "refund":
            return self._refund(event)
        if event.type == "purchase" and month and event.attributes.get("poison"):
            return Answer("rejected", ("rule_error",))
        kept = self.kept[event.id] = _Kept(event, Answer("accepted"))
        kept.answer = self._happen(kept, event, at, month)
        return kept.answer

    def _happen(self, kept: _Kept, event: Event, at: datetime, month: str) -> Answer:
        if event.type == "signup" and event.member in self.referrers:
            return Answer("accepted", ("already_member",))
        referrer, reason = self._attribute(event)
        self.referrers.setdefault(event.member, referrer)
        if referrer is not None and month:
            kept.inviters = ("inviters", month, referrer)
            self._score(*kept.inviters, 1)
        rule, given, slots = self._rewards(event, at, month) if month else ("", [], Slots())
        reason = self._give(kept, given, slots) if rule else reason
        paid = tuple((rule, *one[:3]) for one in given if kept.gifts)
        return Answer("accepted", (reason,) if reason else (), referrer, paid)

    def _attribute(self, event: Event) -> tuple[str | None, str | None]:
        referrer, code = event.referrer, event.code
        if code is not None:
            referrer, left = self.codes.get(code, (None, -2 if code.isalnum() else -3))
            if left <= 0:
                return None, ("code_used_up", "code_disabled", "unknown_code", "invalid_code")[-int(left)]
            self.codes[code] = (referrer, left - 1)
        if referrer is None or referrer in self.referrers:
            return referrer, "no_referrer" if code and referrer is None else None
        return None, "self_referral" if referrer == event.member else "unknown_referrer"

    def _rewards(self, event: Event, at: datetime, month: str) -> tuple[str, Given, Slots]:
        member, amount = event.member, event.amount or 0
        nth = sum((one.event.member, one.event.type) == (member, "purchase") for one in self.kept.values())
        if event.type == "checkin":
            gift = min(70, MOST["daily"] - self.limits["daily", member, month])
            return "daily", [(member, gift, 70, None)], Slots({("daily", member, month): gift})
        if event.type == "purchase" and nth % 3 == 0:
            return "every_third", [(member, 1 + amount // 100, 1 + amount // 100, None)], Slots()
        if event.type != "purchase" or nth > 1 or amount < 2000:  # noqa: PLR2004 - as in the rule
            return "", [], Slots()
        referrer = "" if member in self.undone else self.referrers[member] or ""
        both: Given = [(referrer, 500, 500, at + HOLD), (member, 200, 200, None)]
        return "first-order", both if referrer else [], Slots({("first-order", referrer, month): 1})

    def _give(self, kept: _Kept, given: Given, slots: Slots) -> str | None:
        if not given or any(self.limits[key] >= MOST[key[0]] for key in slots):
            return "limited" if given else "no_referrer"
        if self.spent + self.held + sum(one[1] for one in given) > BUDGET:
            return "budget_exhausted"
        kept.charged, self.limits = slots, self.limits + slots
        for member, amount, _, due in given:
            kept.gifts.append(_Gift(member, amount, due))
            self.ticks, self.held = self.ticks + 1, self.held + amount
            self.purses[member]["held"] += amount
            self._score("earners", "lifetime", member, amount)
            if due is None:
                self._post(kept.gifts[-1])
        return None

    def _post(self, gift: _Gift) -> int:
        purse, left = self.purses[gift.member], gift.amount - gift.taken
        owed = min(left, purse["debt"])
        purse.update(held=-left, lifetime=left, debt=-owed, available=left - owed)
        gift.due, self.held, self.spent = None, self.held - left, self.spent + left
        return 1

    def _refund(self, event: Event) -> Answer:
        origin, taken = self.kept.get(event.of or ""), list[tuple[str, int, int, int]]()
        if origin is None or origin.event.member != event.member or origin.event.type == "refund":
            return Answer("rejected", ("unknown_event",))
        whole = origin.event.amount or 1
        amount = event.amount or whole - origin.refunded
        if not 0 < amount <= whole - origin.refunded or (event.amount and not origin.event.amount):
            return Answer("rejected", ("refund_exceeds",))
        origin.refunded += amount
        for gift in origin.gifts:
            purse, back = self.purses[gift.member], -(-gift.amount * origin.refunded // whole) - gift.taken
            held = back if gift.due else 0
            owed = max(0, back - held - purse["available"])
            purse.update(held=-held, available=held + owed - back, debt=owed, lifetime=held - back)
            self.held, self.spent, gift.taken = self.held - held, self.spent + held - back, gift.taken + back
            self._score("earners", "lifetime", gift.member, -back)
            taken += [(gift.member, back, held, owed)] if back else []
        if origin.refunded == whole:
            self.limits -= origin.charged
            self.undone.add(origin.answer.referrer and event.member)
            self._score(*origin.inviters, -1)
        return self.kept.setdefault(event.id, _Kept(event, Answer("accepted", taken=tuple(sorted(taken))))).answer

    def _score(self, board: str, period: str, member: str, by: int) -> None:
        before = self.boards[board, period].get(member, (0, 0))
        self.boards[board, period][member] = (before[0] + by, self.ticks if by else before[1])

    def release(self, now: datetime) -> int:
        """Post what is due, and tell how many holds that were."""
        held = [gift for kept in self.kept.values() for gift in kept.gifts if gift.due and gift.taken < gift.amount]
        return sum(self._post(gift) for gift in held if gift.due and gift.due <= now)
