"""Model: what the program of `spring` should do, said once more in plain words, for one thread and no database."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from referral_engine.events import Event
from referral_engine.testing.conformance._purses import Gift, Purses
from referral_engine.testing.conformance._spring import CASHBACK, ENDS, HOLD, MOST, STARTS
from referral_engine.testing.conformance.answers import Answer

Given = list[tuple[str, int, int, datetime | None]]  # who is given how much, of how much wanted, held until when
Slots = Counter[tuple[str, ...]]  # how much of each limit is used


@dataclass
class _Kept:
    event: Event
    answer: Answer
    gifts: list[Gift] = field(default_factory=list)
    charged: Slots = field(default_factory=Slots)
    inviters: tuple[str, str, str] = ("", "", "")
    refunded: int = 0


class Model:
    """All that is known. A code has an owner and uses left, -1 when disabled; a board has scores and when reached."""

    def __init__(self) -> None:
        self.referrers: dict[str, str | None] = {}
        self.codes: dict[str, tuple[str | None, float]] = {}
        self.kept: dict[str, _Kept] = {}
        self.purses = Purses()
        self.limits, self.undone = Slots(), set[str | None]()
        self.boards: defaultdict[tuple[str, str], dict[str, tuple[int, int]]] = defaultdict(dict)
        self.ticks = 0

    def record(self, event: Event, now: datetime) -> Answer:
        """What should come of an event."""
        if (known := self.kept.get(event.id)) is not None:
            same = known.event == event
            return replace(known.answer, status="duplicate") if same else Answer("rejected", ("idempotency_conflict",))
        at, self.ticks = event.at or now, self.ticks + 1
        month = (at + timedelta(hours=8)).strftime("%Y-%m") if STARTS <= at < ENDS else ""
        origin = self.kept.get(event.of or "")
        if event.of is not None and (
            origin is None or origin.event.member != event.member or origin.event.type == "refund"
        ):
            return Answer("rejected", ("unknown_event",))
        if event.type == "purchase" and month and event.attributes.get("poison"):
            return Answer("rejected", ("rule_error",))
        kept = _Kept(event, Answer("accepted"))
        if event.type == "refund" and origin is not None:
            kept.answer = self._refund(origin, event, now)
        elif event.type == "stay" and origin is not None:
            kept.answer = self._confirm(origin, at)
        else:
            self.kept[event.id] = kept
            kept.answer = self._happen(kept, event, at, month)
        if kept.answer.status == "accepted":
            self.kept[event.id] = kept
        return kept.answer

    def _happen(self, kept: _Kept, event: Event, at: datetime, month: str) -> Answer:
        if event.type == "signup" and event.member in self.referrers:
            return Answer("accepted", ("already_member",))
        referrer, reason = self._attribute(event)
        self.referrers.setdefault(event.member, referrer)
        if referrer is not None and month:
            kept.inviters = ("inviters", month, referrer)
            self._score(*kept.inviters, 1)
        rule, given, slots = self._rewards(event, at, month)
        reason = self._give(kept, at, rule, given, slots) if rule else reason
        paid = tuple((one.rule, one.member, one.amount, one.wanted) for one in kept.gifts)
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
        if event.type == "booking":
            return "cashback", [(member, min(CASHBACK, self.purses.left("cashback")), CASHBACK, at + HOLD)], Slots()
        nth = sum((one.event.member, one.event.type) == (member, "purchase") for one in self.kept.values())
        if event.type == "checkin" and month:
            gift = min(70, MOST["daily"] - self.limits["daily", member, month])
            return "daily", [(member, gift, 70, None)], Slots({("daily", member, month): gift})
        if event.type != "purchase" or not month:
            return "", [], Slots()
        if nth % 3 == 0:
            return "every_third", [(member, 1 + amount // 100, 1 + amount // 100, None)], Slots()
        if nth > 1 or amount < 2000:  # noqa: PLR2004 - as in the rule
            return "", [], Slots()
        referrer = "" if member in self.undone else self.referrers[member] or ""
        both: Given = [(referrer, 500, 500, at + HOLD), (member, 200, 200, None)]
        return "first-order", both if referrer else [], Slots({("first-order", referrer, month): 1})

    def _give(self, kept: _Kept, at: datetime, rule: str, given: Given, slots: Slots) -> str | None:
        if not given or any(self.limits[key] >= MOST[key[0]] for key in slots):
            return "limited" if given else "no_referrer"
        campaign, unit = ("cashback", "usd") if rule == "cashback" else ("spring", "points")
        if not 0 < sum(one[1] for one in given) <= self.purses.left(campaign):
            return "budget_exhausted"
        kept.charged, self.limits = slots, self.limits + slots
        for member, amount, wanted, due in given:
            kept.gifts.append(Gift(rule, campaign, member, unit, amount, wanted, due))
            self.purses.give(kept.gifts[-1], at)
            self.ticks += 1
            self._earn(kept.gifts[-1], amount)
        return None

    def _earn(self, gift: Gift, by: int) -> None:
        if gift.unit == "points":
            self._score("earners", "lifetime", gift.member, by)

    def _confirm(self, origin: _Kept, at: datetime) -> Answer:
        waiting = [gift for gift in origin.gifts if gift.rule == "cashback" and gift.held]
        for gift in waiting:
            self.purses.post(gift, at)
        short = tuple((gift.rule, gift.member, gift.amount, gift.wanted) for gift in waiting)
        return Answer("accepted", confirmed=short)

    def _refund(self, origin: _Kept, event: Event, now: datetime) -> Answer:
        whole = origin.event.amount or 1
        amount = event.amount or whole - origin.refunded
        if not 0 < amount <= whole - origin.refunded or (event.amount and not origin.event.amount):
            return Answer("rejected", ("refund_exceeds",))
        origin.refunded += amount
        taken = list[tuple[str, int, int, int, int]]()
        for gift in origin.gifts:
            back = -(-gift.amount * origin.refunded // whole) - gift.taken - gift.waived
            if back > 0:
                taken.append(self.purses.take_back(gift, back, now))
                self._earn(gift, -taken[-1][1])
        if origin.refunded == whole:
            self.limits -= origin.charged
            self.undone.add(origin.answer.referrer and event.member)
            self._score(*origin.inviters, -1)
        return Answer("accepted", taken=tuple(sorted(taken)))

    def _score(self, board: str, period: str, member: str, by: int) -> None:
        before = self.boards[board, period].get(member, (0, 0))
        self.boards[board, period][member] = (before[0] + by, self.ticks if by else before[1])

    def release(self, now: datetime) -> tuple[int, int]:
        """Post what is due, then let expire what is over, and tell how many holds and lots that were."""
        gifts = [gift for kept in self.kept.values() for gift in kept.gifts]
        due = [gift for gift in gifts if gift.held and gift.due is not None and gift.due <= now]
        for gift in due:
            self.purses.post(gift, now)
        return len(due), sum(self.purses.expire(member, now) for member in list(self.purses.lots))
