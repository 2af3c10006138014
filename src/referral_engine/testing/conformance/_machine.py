"""Machine: random histories, played on an engine over the store under test and on the model, compared step by step."""

from __future__ import annotations

from collections import Counter
from dataclasses import asdict
from datetime import datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from referral_engine.errors import IdempotencyConflict, InsufficientBalance, UnknownMember
from referral_engine.events import Event
from referral_engine.testing.conformance._model import Model
from referral_engine.testing.conformance._spring import BUDGET, MOST, HandClock, an_engine
from referral_engine.testing.conformance.answers import answer_of

if TYPE_CHECKING:
    from referral_engine.ledger.transfer import Transfer
    from referral_engine.ports import BlockingStore

PEOPLE = ["alice", "bob", "carol", "dave", "erin", "Bob"]
PAGE = 1_000

_people = st.sampled_from(PEOPLE)
_amounts = st.sampled_from([2000, 100, 299, 3000, 4999])
_spans = st.sampled_from([None, 0, 3, None, 30, -1, -40, -400])
_places = st.integers(0, 2**16)


class Histories(RuleBasedStateMachine):
    """One history. After each step, or every `every` steps, all that can be read must be what the model says."""

    def __init__(self, store: BlockingStore, program: str, every: int) -> None:
        super().__init__()
        self.store, self.program, self.every = store, program, every
        self.engine = an_engine(store, program)
        self.clock: HandClock = self.engine.clock  # type: ignore[assignment]
        self.model = Model()
        self.people = list(PEOPLE)
        self.sent: list[Event] = []
        self.keys: dict[str, tuple[str, int]] = {}
        self.texts = ["no code!", "23456789BCF"]
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
        outcomes = [self.engine.record(events[0])] if len(events) == 1 else self.engine.record_many(events)
        assert expected == [answer_of(outcome) for outcome in outcomes]
        assert before is None or before == self._dump(), "a rejected event changed something"

    def _dump(self) -> dict[str, Any]:
        engine = self.engine
        boards = {name: engine.board(name, period=period).top(PAGE) for name, period in self._periods()}
        return {
            "members": [engine.member(one) for one in self.people],
            "balances": [engine.balance(one) for one in self.people],
            "budget": engine.budget("spring", "points"),
            "boards": boards,
            "messages": len(engine.messages(after=0, limit=PAGE)),
        }

    def _periods(self) -> list[tuple[str, str]]:
        return [(board, period) for board, period in self.model.boards if board]

    # What happens

    @initialize(held=st.booleans())
    def begin(self, held: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """Alice is there, and often a friend of hers with a first order on hold."""
        self.engine.join("alice")
        self.model.referrers["alice"] = None
        if held:
            self.bring_a_friend(0, 2000, None)

    @rule(member=_people, way=st.integers(0, 4), place=_places, span=_spans)
    def sign_up(self, member: str, way: int, place: int, span: int | None) -> None:
        """By code, by referrer, by oneself, by nobody."""
        content: dict[str, Any] = {"code": self.texts[-1 - place % len(self.texts)]}
        if way > 0:
            content = [{"referrer": PEOPLE[place % 5]}, {"referrer": "nobody"}, {"referrer": member}, {}][way - 1]
        self._deliver([self._event("signup", member, span, **content)])

    @rule(place=_places, amount=_amounts, span=_spans)
    def bring_a_friend(self, place: int, amount: int, span: int | None) -> None:
        """A member whom nobody has seen signs up under a known one, and buys."""
        friend, known = f"friend-{len(self.people)}", sorted(self.model.referrers)
        self.people.append(friend)
        way = {"code": self.texts[-1]} if place % 3 == 1 else {"referrer": known[place % len(known)]}
        signup = self._event("signup", friend, span, **way)
        self._deliver([signup, self._event("purchase", friend, span, amount=amount)])

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

    @rule(place=_places, amount=_amounts, span=_spans)
    def purchase(self, place: int, amount: int, span: int | None) -> None:
        """A purchase; some make a rule fail."""
        member = self.people[place % len(self.people)]
        attributes = {"poison": True} if place % 7 == 6 else {}  # noqa: PLR2004 - one in seven
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

    @precondition(lambda self: any(event.amount for event in self.sent))
    @rule(place=_places)
    def refund_in_thirds(self, place: int) -> None:
        """Three times a third of a purchase, rounded down, then what is left, then once more."""
        paid = [event for event in self.sent if event.amount and event.type == "purchase"]
        origin = paid[-1 - place % len(paid)]
        third = (origin.amount or 0) // 3
        for amount in (third, third, third, None, None):
            self._deliver([self._event("refund", origin.member, None, of=origin.id, amount=amount)])

    def _a_refund(self, place: int, part: int | None, who: int) -> Event:
        kind = ("", "signup", "purchase", "purchase")[place % 4]
        among = [event for event in self.sent if event.type == kind] or self.sent
        origin = among[-1 - place % len(among)]
        amount = part if part is None else max(1, (origin.amount or 3) // part if part < PAGE else part)
        member = PEOPLE[place % 5] if who == 0 else origin.member
        return self._event("refund", member, None, of="unknown" if who == 1 else origin.id, amount=amount)

    @precondition(lambda self: self.sent)
    @rule(place=_places, changed=st.booleans())
    def deliver_again(self, place: int, changed: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """The same event once more, or its id with other content."""
        event = self.sent[place % len(self.sent)]
        if changed:
            event = Event(**{**event.model_dump(), "attributes": {"changed": True}})
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

    @rule(who=_places, amount=st.sampled_from([200, 69, 1, 500]), place=st.integers(0, 9))
    def redeem(self, who: int, amount: int, place: int) -> None:
        """Spend what is available and nothing of what is held, once for a key."""
        member = self.people[-1 - who % len(self.people)]
        key, purse = f"key-{place}", self.model.purses[member]
        known = self.keys.get(key)
        try:
            made = self.engine.redeem(member, amount, key=key)
        except IdempotencyConflict:
            assert known not in {None, (member, amount)}
        except UnknownMember:
            assert (known, member in self.model.referrers) == (None, False)
        except InsufficientBalance:
            assert known is None
            assert purse["available"] < amount
        else:
            assert known in {None, (member, amount)}
            assert (member, amount) == (made.member, made.amount)
            if known is None:
                self.keys[key] = (member, amount)
                purse.update(available=-amount, redeemed=amount)

    @rule(days=st.sampled_from([14, 0, 1, 7]))
    def release(self, days: int) -> None:
        """Time passes, and what is due is posted."""
        self.clock.at += timedelta(days=days)
        assert self.model.release(self._now()) == self.engine.release_due().holds

    # What must hold

    @invariant()
    def the_program_is_healthy(self) -> None:
        """All figures add up, and are the model's."""
        self.steps += 1
        if self.steps % self.every == 0:
            self._healthy()

    def teardown(self) -> None:
        """Look once more at the end, whatever `every` is."""
        self._healthy()

    def _healthy(self) -> None:
        assert self.engine.verify() == []
        self._budget_and_limits()
        self._forest()
        self._ledger()
        self._boards()

    def _budget_and_limits(self) -> None:
        budget = self.engine.budget("spring", "points")
        assert (self.model.spent, self.model.held) == (budget.spent, budget.held)
        assert budget.spent + budget.held <= BUDGET
        assert all(used <= MOST[key[0]] for key, used in self.model.limits.items())

    def _forest(self) -> None:
        """One referrer for each member, no cycle, and the referrals of each as the model has them."""
        model, engine = self.model, self.engine
        for member in self.people:
            kept, referral = engine.member(member), engine.referral(member)
            assert (member in model.referrers) == (kept is not None)
            if kept is None:
                assert referral is None
                continue
            line = [member]
            while (above := model.referrers[line[-1]]) is not None:
                line.append(above)
            assert (model.referrers[member], line[-1], len(line) - 1) == (kept.referrer, kept.root, kept.depth)
            assert len(line) == len(set(line))
            assert kept.referrer == (None if referral is None else referral.referrer)
            referees = {one for one, referrer in model.referrers.items() if referrer == member}
            rows = engine.referrals(member)
            assert referees == {row.referee for row in rows}
            assert referees - model.undone == {row.referee for row in engine.referrals(member, state="qualified")}
            assert (len(referees), len(referees - model.undone)) == (kept.referrals_total, kept.referrals_qualified)

    def _ledger(self) -> None:
        """Every account is the sum of its transfers; over all accounts they come to zero."""
        accounts: Counter[str] = Counter()
        for member in self.people:
            purse, balance = self.model.purses[member], asdict(self.engine.balance(member))
            assert {name: purse[name] for name in balance} == balance
            sums: Counter[str] = Counter()
            for transfer in self._transfers(member):
                sums[transfer.debit] -= transfer.amount
                sums[transfer.credit] += transfer.amount
            assert (sums["available"], sums["held"]) == (balance["available"], balance["held"])
            assert (sums["redeemed"], -sums["debt"]) == (balance["redeemed"], balance["debt"])
            accounts.update(sums)
        assert sum(accounts.values()) == 0
        assert -(self.model.spent + self.model.held) == accounts["campaign"]

    def _transfers(self, member: str) -> list[Transfer]:
        return self.store.transfers(self.program, member, "points", None, PAGE)

    def _boards(self) -> None:
        """Scores, order and ranks are the model's; who was first among those that one refund lowered is not said."""
        for board, period in self._periods():
            scores = {one: row for one, row in self.model.boards[board, period].items() if row[0] > 0}
            rows = self.engine.board(board, period=period).top(PAGE)
            assert {one: row[0] for one, row in scores.items()} == {row.member: row.score for row in rows}
            order = [(-scores[row.member][0], scores[row.member][1]) for row in rows]
            assert sorted(order) == order
            assert [1 + sum(row[0] > one.score for row in scores.values()) for one in rows] == [
                one.rank for one in rows
            ]
