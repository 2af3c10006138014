"""Machine: random histories, played on an engine over the store under test and on the model, compared step by step."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import count
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from referral_engine.errors import IdempotencyConflict, InsufficientBalance, UnknownMember
from referral_engine.events import Event
from referral_engine.ledger.transfer import Transfer
from referral_engine.ports import BlockingStore
from referral_engine.testing.conformance.answers import answer_of
from referral_engine.testing.conformance.model import Model
from referral_engine.testing.conformance.spring import BUDGET, HandClock, MOST, STARTS, an_engine

PEOPLE = ["alice", "bob", "carol", "dave", "erin", "Bob"]
PAGE = 1_000

_people = st.sampled_from(PEOPLE)
_amounts = st.sampled_from([100, 299, 2000, 3000, 4999])
_spans = st.sampled_from([None, -400, -40, -1, 0, 3, 30])
_places = st.integers(0, 2**16)


class Histories(RuleBasedStateMachine):
    """One history. After each step, or every `every` steps, all that can be read must be what the model says."""

    def __init__(self, store: BlockingStore, program: str, every: int) -> None:
        super().__init__()
        self.store, self.program, self.every = store, program, every
        self.engine = an_engine(store, program)
        self.clock: HandClock = self.engine.clock  # type: ignore[assignment]
        self.model = Model()
        self.sent: list[Event] = []
        self.keys: dict[str, tuple[str, int]] = {}
        self.texts = ["no code!", "23456789BCR"]
        self.ids = (f"e{n}" for n in count())
        self.steps = 0

    # What the rules are made of

    def _now(self) -> datetime:
        return self.clock.at

    def _event(self, kind: str, member: str, span: int | None, **content: Any) -> Event:
        at = None if span is None else self._now() + timedelta(days=span)
        return Event(id=next(self.ids), type=kind, member=member, at=at, **content)

    def _deliver(self, events: list[Event]) -> None:
        """Send the events, in one batch, and hold each outcome to the model's answer."""
        expected = [self.model.record(event, self._now()) for event in events]
        self.sent += events
        refused = all(answer.status == "rejected" for answer in expected)
        before = self._dump() if refused else None
        if len(events) == 1:
            outcomes = [self.engine.record(events[0])]
        else:
            outcomes = self.engine.record_many(events)
        assert expected == [answer_of(outcome) for outcome in outcomes]
        assert before is None or before == self._dump(), "a rejected event changed something"

    def _dump(self) -> dict[str, Any]:
        engine = self.engine
        boards = {name: engine.board(name, period=period).top(PAGE) for name, period in self._periods()}
        return {
            "members": [engine.member(one) for one in PEOPLE],
            "balances": [engine.balance(one) for one in PEOPLE],
            "budget": engine.budget("spring", "points"),
            "boards": boards,
            "messages": len(engine.messages(after=0, limit=PAGE)),
        }

    def _periods(self) -> list[tuple[str, str]]:
        return [(board, period) for board, period in self.model.boards if board]

    # What happens

    @rule(member=_people, way=st.integers(0, 9), place=_places, span=_spans)
    def sign_up(self, member: str, way: int, place: int, span: int | None) -> None:
        """By code, by referrer, by oneself, by nobody."""
        content: dict[str, Any] = {"code": self.texts[place % len(self.texts)]}
        if way > 5:  # noqa: PLR2004 - the other ways
            content = [{}, {"referrer": "nobody"}, {"referrer": member}, {"referrer": PEOPLE[place % 5]}][way - 6]
        self._deliver([self._event("signup", member, span, **content)])

    @rule(member=_people)
    def invite(self, member: str) -> None:
        """The code of a member, which is the same one each time."""
        text = self.engine.invite_code(member).text
        self.model.referrers.setdefault(member, None)
        assert (text in self.texts) == (text in self.model.codes)
        if text not in self.model.codes:
            self.model.codes[text] = (member, float("inf"))
            self.texts.append(text)
        assert self.model.codes[text][0] == member

    @rule(place=_places, uses=st.sampled_from([0, 1, 2]), owned=st.booleans())
    def issue(self, place: int, uses: int, owned: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """A code with a few uses, of a member or of nobody."""
        members = sorted(self.model.referrers)
        owner = members[place % len(members)] if owned and members else None
        text = self.engine.issue_codes(1, owner=owner, max_uses=uses)[0].text
        self.model.codes[text] = (owner, uses)
        self.texts.append(text)

    @precondition(lambda self: self.model.codes)
    @rule(place=_places)
    def disable(self, place: int) -> None:
        """A code is taken out of use."""
        text = list(self.model.codes)[place % len(self.model.codes)]
        self.engine.disable_code(text)
        self.model.codes[text] = (self.model.codes[text][0], -1)

    @rule(member=_people, amount=_amounts, span=_spans, poison=st.integers(0, 9))
    def purchase(self, member: str, amount: int, span: int | None, poison: int) -> None:
        """A purchase; one in ten makes a rule fail."""
        attributes = {"poison": True} if poison == 0 else {}
        self._deliver([self._event("purchase", member, span, amount=amount, attributes=attributes)])

    @rule(member=_people, span=_spans)
    def check_in(self, member: str, span: int | None) -> None:
        """An event without an amount."""
        self._deliver([self._event("checkin", member, span)])

    @precondition(lambda self: self.sent)
    @rule(place=_places, part=st.sampled_from([None, None, 1, 3, 10_000]), who=st.integers(0, 19))
    def refund(self, place: int, part: int | None, who: int) -> None:
        """All that is left, a part, too much; of an event that is known or not, of the member or of another."""
        self._deliver([self._a_refund(place, part, who)])

    def _a_refund(self, place: int, part: int | None, who: int) -> Event:
        origin = self.sent[place % len(self.sent)]
        amount = part if part is None else max(1, (origin.amount or 3) // part if part < PAGE else part)
        member = PEOPLE[place % 5] if who == 0 else origin.member
        return self._event("refund", member, None, of="unknown" if who == 1 else origin.id, amount=amount)

    @precondition(lambda self: self.sent)
    @rule(place=_places, changed=st.booleans())
    def deliver_again(self, place: int, changed: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """The same event once more, or its id with other content."""
        event = self.sent[place % len(self.sent)]
        if changed:
            event = event.model_copy(update={"attributes": {"changed": True}})
        self._deliver([event])

    @rule(data=st.data(), makes=st.lists(st.tuples(_people, _amounts, _spans, _places), min_size=2, max_size=6))
    def batch(self, data: st.DataObject, makes: list[tuple[str, int, int | None, int]]) -> None:
        """Several events at once, in any order, some of them twice."""
        events: list[Event] = []
        for member, amount, span, place in makes:
            kind = place % 4
            if kind == 0:
                events.append(self._event("signup", member, span, referrer=PEOPLE[amount % 5]))
            elif kind == 1 and self.sent:
                events.append(self._a_refund(place // 4, None, place % 20))
            elif kind == 2:  # noqa: PLR2004 - the third kind
                events += [self._event("checkin", member, span)] * 2
            else:
                events.append(self._event("purchase", member, span, amount=amount))
        self._deliver(data.draw(st.permutations(events)))

    @rule(member=_people, amount=_amounts, span=_spans)
    def preview_then_record(self, member: str, amount: int, span: int | None) -> None:
        """A preview says what recording will say, and changes nothing."""
        event = self._event("purchase", member, span, amount=amount)
        before = self._dump()
        shown = self.engine.preview(event)
        assert before == self._dump(), "a preview changed something"
        assert answer_of(shown) == self.model.record(event, self._now())
        assert shown == self.engine.record(event)
        self.sent.append(event)

    @rule(member=_people, amount=st.sampled_from([1, 69, 200, 500]), place=st.integers(0, 5))
    def redeem(self, member: str, amount: int, place: int) -> None:
        """Spend what is available and nothing of what is held, once for a key."""
        key, purse = f"key-{place}", self.model.purses[member]
        try:
            made = self.engine.redeem(member, amount, key=key)
        except IdempotencyConflict:
            assert self.keys[key] != (member, amount)
        except UnknownMember:
            assert (key in self.keys, member in self.model.referrers) == (False, False)
        except InsufficientBalance as exc:
            assert (key in self.keys, exc.available) == (False, purse["available"])
            assert purse["available"] < amount
        else:
            assert (member, amount) == (made.member, made.amount) == self.keys.setdefault(key, (member, amount))
            if len(self.keys) > purse["keys"]:
                self._redeemed(member, amount)

    def _redeemed(self, member: str, amount: int) -> None:
        self.model.purses[member].update(available=-amount, redeemed=amount)

    @rule(days=st.sampled_from([0, 1, 7, 14]))
    def release(self, days: int) -> None:
        """Time passes, and what is due is posted."""
        self.clock.at += timedelta(days=days)
        assert self.model.release(self._now()) == self.engine.release_due().holds
