"""Model: what the program of `spring` should do, said once more in plain words, for one thread and no database."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from referral_engine.events import Event
from referral_engine.testing.conformance.answers import Answer
from referral_engine.testing.conformance.spring import BUDGET, ENDS, HOLD, STARTS

Given = tuple[str, int, int, datetime | None]  # who is given how much, of how much wanted, held until when
Slot = tuple[tuple[str, ...], int, int]  # a limit's key, what is left of it, what this takes


@dataclass
class Gift:
    member: str
    amount: int
    due: datetime | None  # set as long as it is held
    taken: int = 0


@dataclass
class Kept:
    event: Event
    answer: Answer = Answer("accepted")
    gifts: list[Gift] = field(default_factory=list)
    charged: Counter[tuple[str, ...]] = field(default_factory=Counter)
    inviters: tuple[str, str, str] | None = None
    refunded: int = 0


class Model:
    def __init__(self) -> None:
        self.referrers: dict[str, str | None] = {}
        self.undone: set[str] = set()  # referees whose sign-up was refunded
        self.owners: dict[str, str | None] = {}  # by code, as are the next two
        self.uses_left: dict[str, float] = {}
        self.disabled: set[str] = set()
        self.kept: dict[str, Kept] = {}
        self.purses: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.purchases: Counter[str] = Counter()
        self.limits: Counter[tuple[str, ...]] = Counter()
        self.boards: defaultdict[tuple[str, str], dict[str, tuple[int, int]]] = defaultdict(dict)  # score, reached
        self.ticks = self.spent = self.held = 0

    def record(self, event: Event, now: datetime) -> Answer:
        if (known := self.kept.get(event.id)) is not None:
            same = known.event == event
            return replace(known.answer, status="duplicate") if same else Answer("rejected", ("idempotency_conflict",))
        at, kind, member = event.at or now, event.type, event.member
        inside, self.ticks = STARTS <= at < ENDS, self.ticks + 1
        if kind == "refund":
            return self._refund(event)
        if kind == "purchase" and inside and event.attributes.get("poison"):
            return Answer("rejected", ("rule_error",))
        kept = self.kept[event.id] = Kept(event)
        if kind == "signup" and member in self.referrers:
            kept.answer = Answer("accepted", ("already_member",))
            return kept.answer
        referrer, reason = self._attribute(event)
        self.referrers.setdefault(member, referrer)
        month = (at + timedelta(hours=8)).strftime("%Y-%m")
        if referrer is not None and inside:
            kept.inviters = ("inviters", month, referrer)
            self._score(*kept.inviters, 1)
        if kind == "purchase":
            self.purchases[member] += 1
            self._score("buyers", month, member, int(inside))
        rule, givens, slot = self._rewards(event, at, month) if inside else ("", [], None)
        if rule:
            reason = self._give(kept, givens, slot)
        given = tuple((rule, *one[:3]) for one in givens) if kept.gifts else ()
        kept.answer = Answer("accepted", (reason,) if reason else (), referrer, given)
        return kept.answer

    def _attribute(self, event: Event) -> tuple[str | None, str | None]:
        referrer, code = event.referrer, event.code
        if code is not None:
            if code not in self.owners:
                return None, "unknown_code" if code.isalnum() else "invalid_code"
            if code in self.disabled or not self.uses_left[code]:
                return None, "code_disabled" if code in self.disabled else "code_used_up"
            self.uses_left[code] -= 1
            referrer = self.owners[code]
        if referrer is None:
            return None, "no_referrer" if code else None
        if referrer not in self.referrers:
            return None, "self_referral" if referrer == event.member else "unknown_referrer"
        return referrer, None

    def _rewards(self, event: Event, at: datetime, month: str) -> tuple[str, list[Given], Slot | None]:
        member, amount, nth = event.member, event.amount or 0, self.purchases[event.member]
        if event.type == "checkin":
            key = ("daily", member, month)
            gift = min(70, 200 - self.limits[key])
            return "daily", [(member, gift, 70, None)], (key, gift, gift)
        if event.type == "purchase" and nth % 3 == 0:
            return "every_third", [(member, 1 + amount // 100, 1 + amount // 100, None)], None
        if event.type != "purchase" or nth > 1 or amount < 2000:
            return "", [], None
        if (referrer := self.referrers[member]) is None or member in self.undone:
            return "first-order", [], None
        key = ("first-order", referrer, month)
        return (
            "first-order",
            [(referrer, 500, 500, at + HOLD), (member, 200, 200, None)],
            (key, 2 - self.limits[key], 1),
        )

    def _give(self, kept: Kept, givens: list[Given], slot: Slot | None) -> str | None:
        if not givens or (slot is not None and slot[1] <= 0):
            return "limited" if givens else "no_referrer"
        if self.spent + self.held + sum(one[1] for one in givens) > BUDGET:
            return "budget_exhausted"
        if slot is not None:
            kept.charged[slot[0]] = slot[2]
            self.limits += kept.charged
        for member, amount, _, due in givens:
            kept.gifts.append(Gift(member, amount, due))
            self.ticks += 1
            self._score("earners", "lifetime", member, amount)
            self.held += amount
            self.purses[member]["held"] += amount
            if due is None:
                self._post(kept.gifts[-1])
        return None

    def _post(self, gift: Gift) -> None:
        purse, left = self.purses[gift.member], gift.amount - gift.taken
        owed = min(left, purse["debt"])
        purse.update(held=-left, lifetime=left, debt=-owed, available=left - owed)
        gift.due, self.held, self.spent = None, self.held - left, self.spent + left

    def _refund(self, event: Event) -> Answer:
        origin = self.kept.get(event.of or "")
        if origin is None or origin.event.member != event.member or origin.event.type == "refund":
            return Answer("rejected", ("unknown_event",))
        whole = origin.event.amount or 1
        amount = event.amount or whole - origin.refunded
        if not 0 < amount <= whole - origin.refunded or (event.amount and not origin.event.amount):
            return Answer("rejected", ("refund_exceeds",))
        origin.refunded += amount
        taken = [self._take(gift, -(-gift.amount * origin.refunded // whole) - gift.taken) for gift in origin.gifts]
        if origin.refunded == whole:
            self.limits -= origin.charged
            self.undone |= {event.member} if origin.answer.referrer else set()
            self._score(*origin.inviters or ("", "", ""), -1)
        answer = Answer("accepted", taken=tuple(sorted(one for one in taken if one[1])))
        self.kept[event.id] = Kept(event, answer)
        return answer

    def _take(self, gift: Gift, back: int) -> tuple[str, int, int, int]:
        purse, held = self.purses[gift.member], back if gift.due else 0
        paid = min(back - held, purse["available"])
        debt = back - held - paid
        purse.update(held=-held, available=-paid, debt=debt, lifetime=held - back)
        self.held, self.spent, gift.taken = self.held - held, self.spent + held - back, gift.taken + back
        gift.due = None if gift.taken == gift.amount else gift.due
        self._score("earners", "lifetime", gift.member, -back)
        return gift.member, back, held, debt

    def _score(self, board: str, period: str, member: str, by: int) -> None:
        before = self.boards[board, period].get(member, (0, 0))
        self.boards[board, period][member] = (before[0] + by, self.ticks if by else before[1])

    def release(self, now: datetime) -> int:
        due = [gift for kept in self.kept.values() for gift in kept.gifts if gift.due is not None and gift.due <= now]
        for gift in due:
            self._post(gift)
        return len(due)
