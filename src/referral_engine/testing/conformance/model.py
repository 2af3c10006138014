"""Model: what the program of `spring` should do, said once more in plain words, for one thread and no database."""

from collections import Counter, defaultdict
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from referral_engine.events import Event
from referral_engine.testing.conformance.answers import Answer
from referral_engine.testing.conformance.spring import BUDGET, ENDS, HOLD, STARTS

Given = list[tuple[str, int, int, datetime | None]]  # who is given how much, of how much wanted, held until when
Slots = Counter[tuple[str, ...]]  # how much of each limit is used
MOST = {"daily": 200, "first-order": 2}
RESERVED = {0: "code_used_up", -1: "code_disabled"}


@dataclass
class Gift:
    """A grant; `due` is set as long as it is held."""

    member: str
    amount: int
    due: datetime | None
    taken: int = 0


@dataclass
class Kept:
    """An accepted event and what it led to."""

    event: Event
    answer: Answer = Answer("accepted")
    gifts: list[Gift] = field(default_factory=list)
    charged: Slots = field(default_factory=Slots)
    inviters: tuple[str, str, str] = ("", "", "")
    refunded: int = 0


class Model:
    """All that is known; `uses_left` of a code is -1 when it is disabled; `boards` hold scores and when reached."""

    def __init__(self) -> None:
        self.referrers: dict[str, str | None] = {}
        self.undone: set[str] = set()
        self.owners: dict[str, str | None] = {}
        self.uses_left: dict[str, float] = {}
        self.kept: dict[str, Kept] = {}
        self.purses: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.purchases: Counter[str] = Counter()
        self.limits = Slots()
        self.boards: defaultdict[tuple[str, str], dict[str, tuple[int, int]]] = defaultdict(dict)
        self.ticks = self.spent = self.held = 0

    def record(self, event: Event, now: datetime) -> Answer:
        """What should come of an event."""
        if (known := self.kept.get(event.id)) is not None:
            same = known.event == event
            return replace(known.answer, status="duplicate") if same else Answer("rejected", ("idempotency_conflict",))
        at, self.ticks = event.at or now, self.ticks + 1
        inside = STARTS <= at < ENDS
        if event.type == "refund":
            return self._refund(event)
        if event.type == "purchase" and inside and event.attributes.get("poison"):
            return Answer("rejected", ("rule_error",))
        kept = self.kept[event.id] = Kept(event)
        kept.answer = self._happen(kept, event, (at + timedelta(hours=8)).strftime("%Y-%m") if inside else "", at)
        return kept.answer

    def _happen(self, kept: Kept, event: Event, month: str, at: datetime) -> Answer:
        if event.type == "signup" and event.member in self.referrers:
            return Answer("accepted", ("already_member",))
        referrer, reason = self._attribute(event)
        self.referrers.setdefault(event.member, referrer)
        self.purchases[event.member] += event.type == "purchase"
        if referrer is not None and month:
            kept.inviters = ("inviters", month, referrer)
            self._score(*kept.inviters, 1)
        rule, given, slots = self._rewards(event, at, month) if month else ("", Given(), Slots())
        if rule and (reason := self._give(kept, given, slots)) is not None:
            given = []
        return Answer("accepted", (reason,) if reason else (), referrer, tuple((rule, *one[:3]) for one in given))

    def _attribute(self, event: Event) -> tuple[str | None, str | None]:
        referrer, code = event.referrer, event.code
        if code is not None:
            if (left := self.uses_left.get(code, -2)) <= 0:
                return None, RESERVED.get(int(left), "unknown_code" if code.isalnum() else "invalid_code")
            self.uses_left[code] -= 1
            referrer = self.owners[code]
        if referrer is None or referrer in self.referrers:
            return referrer, "no_referrer" if code and referrer is None else None
        return None, "self_referral" if referrer == event.member else "unknown_referrer"

    def _rewards(self, event: Event, at: datetime, month: str) -> tuple[str, Given, Slots]:
        member, amount, nth = event.member, event.amount or 0, self.purchases[event.member]
        if event.type == "checkin":
            key = ("daily", member, month)
            gift = min(70, MOST["daily"] - self.limits[key])
            return "daily", [(member, gift, 70, None)], Slots({key: gift})
        if event.type != "purchase" or not (nth % 3 == 0 or (nth == 1 and amount >= 2000)):
            return "", [], Slots()
        if nth % 3 == 0:
            return "every_third", [(member, 1 + amount // 100, 1 + amount // 100, None)], Slots()
        referrer = None if member in self.undone else self.referrers[member]
        both: Given = [(referrer or "", 500, 500, at + HOLD), (member, 200, 200, None)]
        return "first-order", both if referrer else [], Slots({("first-order", referrer or "", month): 1})

    def _give(self, kept: Kept, given: Given, slots: Slots) -> str | None:
        if not given or any(self.limits[key] >= MOST[key[0]] for key in slots):
            return "limited" if given else "no_referrer"
        if self.spent + self.held + sum(one[1] for one in given) > BUDGET:
            return "budget_exhausted"
        kept.charged, self.limits = slots, self.limits + slots
        for member, amount, _, due in given:
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
            self._score(*origin.inviters, -1)
        self.kept[event.id] = Kept(event, Answer("accepted", taken=tuple(sorted(one for one in taken if one[1]))))
        return self.kept[event.id].answer

    def _take(self, gift: Gift, back: int) -> tuple[str, int, int, int]:
        purse, held = self.purses[gift.member], back if gift.due else 0
        paid = min(back - held, purse["available"])
        purse.update(held=-held, available=-paid, debt=back - held - paid, lifetime=held - back)
        self.held, self.spent, gift.taken = self.held - held, self.spent + held - back, gift.taken + back
        gift.due = None if gift.taken == gift.amount else gift.due
        self._score("earners", "lifetime", gift.member, -back)
        return gift.member, back, held, back - held - paid

    def _score(self, board: str, period: str, member: str, by: int) -> None:
        before = self.boards[board, period].get(member, (0, 0))
        self.boards[board, period][member] = (before[0] + by, self.ticks if by else before[1])

    def release(self, now: datetime) -> int:
        """Post what is due, and tell how many holds that were."""
        due = [gift for kept in self.kept.values() for gift in kept.gifts if gift.due is not None and gift.due <= now]
        return len([self._post(gift) for gift in due])
