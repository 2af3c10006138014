"""Machine: random histories, played on an engine over the store under test and on the model, compared step by step."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from referral_engine.events import Event
from referral_engine.testing.conformance._looking import PAGE, PEOPLE
from referral_engine.testing.conformance._spending import Spending
from referral_engine.testing.conformance._spring import UNITS, an_engine
from referral_engine.testing.conformance.answers import answer_of

__all__ = ["PEOPLE", "Histories"]

_people = st.sampled_from(PEOPLE)
_amounts = st.sampled_from([2000, 100, 299, 3000, 4999])
_spans = st.sampled_from([None, 0, 3, None, 30, -1, -40, -400])
_places = st.integers(0, 2**16)


class Histories(Spending):
    """One history: who comes, what they do, and what is taken back. What they spend is in Spending."""

    # What the rules are made of

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

    # What happens

    @initialize(held=st.booleans())
    def begin(self, held: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """Alice is there with cash and with points for ever, and often a friend of hers with a first order on hold."""
        self.engine.join("alice")
        self.model.referrers["alice"] = None
        earlier = an_engine(self.store, self.program, expiring=False)
        for unit in UNITS:
            earlier.adjust("alice", 200, unit, key=f"welcome-{unit}", actor="staff", memo="from before points expired")
            self.audited.append(("adjust", "alice"))
            self.model.purses.figures["alice", unit].update(available=200, lifetime=200)
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

    @rule(member=_people, amount=_amounts, span=_spans)
    def book(self, member: str, amount: int, span: int | None) -> None:
        """A booking, whose cash back waits for the stay."""
        self._deliver([self._event("booking", member, span, amount=amount)])

    @precondition(lambda self: self.sent)
    @rule(place=_places, who=st.integers(0, 9), span=_spans)
    def stay(self, place: int, who: int, span: int | None) -> None:
        """What a booking, or something else, was for; of the member or of another, and perhaps once more."""
        self._deliver([self._a_stay(place, who, span)])

    def _a_stay(self, place: int, who: int, span: int | None) -> Event:
        among = [event for event in self.sent if event.type == "booking" or place % 5 == 0] or self.sent
        origin = among[-1 - place % len(among)]
        return self._event("stay", PEOPLE[place % 5] if who == 0 else origin.member, span, of=origin.id)

    @precondition(lambda self: self.sent)
    @rule(place=_places, part=st.sampled_from([None, None, 1, 3, 10_000]), who=st.integers(0, 19))
    def refund(self, place: int, part: int | None, who: int) -> None:
        """All that is left, a part, too much; of an event that is known or not, of the member or of another."""
        self._deliver([self._a_refund(place, part, who)])

    @precondition(lambda self: any(event.type == "purchase" for event in self.sent))
    @rule(place=_places)
    def refund_in_thirds(self, place: int) -> None:
        """Three times a third of a purchase, rounded down, then what is left, then once more."""
        paid = [event for event in self.sent if event.type == "purchase"]
        origin = paid[-1 - place % len(paid)]
        third = (origin.amount or 0) // 3
        for amount in (third, third, third, None, None):
            self._deliver([self._event("refund", origin.member, None, of=origin.id, amount=amount)])

    @precondition(lambda self: any(kept.gifts for kept in self.model.kept.values()))
    @rule(place=_places, half=st.booleans())
    def refund_what_was_spent(self, place: int, half: bool) -> None:  # noqa: FBT001 - drawn by hypothesis
        """Who was paid for an event, perhaps after the stay, spends all; then it is refunded, in half or whole."""
        paying = [kept for kept in self.model.kept.values() if kept.gifts]
        origin = paying[-1 - place % len(paying)]
        if origin.event.type == "booking":
            self._deliver([self._event("stay", origin.event.member, None, of=origin.event.id)])
        for gift in origin.gifts:
            self._spend_all(gift.member, gift.unit)
        amount = (origin.event.amount or 0) // 2 if half else 0
        self._deliver([self._event("refund", origin.event.member, None, of=origin.event.id, amount=amount or None)])

    def _a_refund(self, place: int, part: int | None, who: int) -> Event:
        kind = ("", "signup", "purchase", "booking")[place % 4]
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
            kind = place % 6
            if kind == 0:
                events.append(self._event("signup", member, span, referrer=PEOPLE[amount % 5]))
            elif kind == 1 and self.sent:
                events.append(self._a_refund(place // 6, None, place % 20))
            elif kind == 2:  # noqa: PLR2004 - the third kind
                events += [self._event("checkin", member, span)] * 2
            elif kind == 3:  # noqa: PLR2004 - the fourth kind
                booking = self._event("booking", member, span, amount=amount)
                events += [booking, self._event("stay", member, span, of=booking.id)]
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
