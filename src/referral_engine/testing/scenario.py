"""Scenario: a program lived through in a unit test, event by event, under a clock that the test moves."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from referral_engine.codes import InviteCode
from referral_engine.engine import ReferralEngine, Released
from referral_engine.errors import InvalidInput
from referral_engine.events import REFUND, SIGNUP, Event
from referral_engine.ids import derived_id, id_problem, require_id
from referral_engine.outcomes import Outcome
from referral_engine.storage.memory import MemoryStore
from referral_engine.testing.clock import FakeClock
from referral_engine.testing.telling import Moved, Recorded, Redeemed, Step, story_of, why_of

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from referral_engine.engine import BoardView, EventInput
    from referral_engine.ledger import Balance, Budget, Transfer
    from referral_engine.ports import BlockingStore
    from referral_engine.program import Program

_PAGE = 1_000


class Scenario:
    """Lives through a program: sign-ups, the host's own events, refunds, redemptions, and time passing.

    The program, its rules and the decisions are those of production; only the clock is the test's. Each event happens
    at the clock's time, has an id made from its type and member (`signup-bob`, `purchase-bob-1`, `purchase-bob-2`), and
    is answered with its Outcome, also when it is rejected. `start` is an aware datetime or RFC 3339 text; `store` is
    a new MemoryStore, or any other blocking one, whose schema is created.
    """

    def __init__(self, program: Program, *, start: datetime | str, store: BlockingStore | None = None) -> None:
        self._clock = FakeClock(start)
        self._engine = ReferralEngine(MemoryStore() if store is None else store, program, clock=self._clock)
        self._engine.store.create_schema()
        self._steps: list[Step] = []
        self._members: dict[str, str] = {}
        self._last: Counter[str] = Counter()

    @property
    def engine(self) -> ReferralEngine:
        """The engine underneath, for all that has no short form here; the story tells nothing of events given to it."""
        return self._engine

    @property
    def clock(self) -> FakeClock:
        """The clock; `advance` of the scenario moves it and releases what is due."""
        return self._clock

    @property
    def outcomes(self) -> list[Outcome]:
        """What came of every event so far, in order."""
        return [step.outcome for step in self._steps if isinstance(step, Recorded)]

    def __repr__(self) -> str:
        """Show the program, the time and how the events were answered."""
        statuses = Counter(outcome.status for outcome in self.outcomes)
        shown = ", ".join(f"{n} {status}" for status, n in statuses.items()) or "no events"
        return f"<Scenario {self._engine.program.id} at {self._clock.now().isoformat()}: {shown}>"

    def record(self, event: EventInput) -> Outcome:
        """Record an event of your own making, such as one delivered twice, late or malformed."""
        outcome = self._engine.record(event)
        given = event.model_dump() if isinstance(event, Event) else event if isinstance(event, Mapping) else {}
        event_type, event_id, member = (str(given.get(name)) for name in ("type", "id", "member"))
        referrer = given.get("referrer")
        self._steps.append(Recorded(event_type, event_id, member, None if referrer is None else str(referrer), outcome))
        if outcome.event_id is not None and (outcome.status == "accepted" or event_id not in self._members):
            self._members[event_id] = member
        return outcome

    def signup(
        self,
        member: str,
        *,
        by: str | None = None,
        code: InviteCode | str | None = None,
        at: datetime | str | None = None,
        event_id: str | None = None,
    ) -> Outcome:
        """Sign a member up: of its own accord, brought `by` a member, or with a code."""
        text = code.text if isinstance(code, InviteCode) else code
        return self._happen(SIGNUP, member, at, event_id, referrer=by, code=text)

    def do(
        self,
        member: str,
        event_type: str,
        /,
        *,
        amount: int | None = None,
        at: datetime | str | None = None,
        event_id: str | None = None,
        attributes: Mapping[str, object] | None = None,
        **more: object,
    ) -> Outcome:
        """Let a member do something: `s.do("bob", "purchase", amount=2500, country="CN")`.

        Keywords that are not named here are attributes of the event; `attributes` takes those that cannot be keywords.
        """
        return self._happen(event_type, member, at, event_id, amount=amount, attributes={**(attributes or {}), **more})

    def refund(
        self,
        what: Event | Outcome | str,
        amount: int | None = None,
        *,
        at: datetime | str | None = None,
        event_id: str | None = None,
    ) -> Outcome:
        """Refund an event, its outcome or its id, in part or, without an amount, all that is left.

        Raises InvalidInput for an event that was never given.
        """
        named = what.id if isinstance(what, Event) else what.event_id if isinstance(what, Outcome) else what
        origin = require_id("what", named)
        member = self._members.get(origin) or self._engine.explain(origin).member
        return self._happen(REFUND, member, at, event_id, of=origin, amount=amount)

    def redeem(
        self, member: str, amount: int, unit: str | None = None, *, key: str | None = None, memo: str | None = None
    ) -> Transfer:
        """Spend what a member has available, under a new key unless one is given. Raises as `engine.redeem` does."""
        kind = self._unit(unit)
        chosen = self._new_id("redemption", member, set(self._references(member, kind))) if key is None else key
        transfer = self._engine.redeem(member, amount, kind, key=chosen, memo=memo)
        self._steps.append(Redeemed(transfer))
        return transfer

    def advance(
        self, delta: timedelta | None = None, /, *, weeks: int = 0, days: int = 0, hours: int = 0, minutes: int = 0
    ) -> Released:
        """Let time pass, zero or more, then release all that is due by the new time.

        Takes a timedelta, or its parts by name, or both: `s.advance(days=14)`. Raises InvalidInput.
        """
        try:
            span = timedelta(weeks=weeks, days=days, hours=hours, minutes=minutes) + (delta or timedelta(0))
        except (OverflowError, TypeError) as exc:
            raise InvalidInput("delta", f"is no span of time ({exc}); write advance(days=14)") from exc
        now = self._clock.advance(span)
        released = self._release_all()
        self._steps.append(Moved(now, released))
        return released

    def balance(self, member: str, unit: str | None = None) -> Balance:
        """What a member has, in `points` or the only unit unless another is named; zeros for a stranger."""
        return self._engine.balance(member, self._unit(unit))

    def budget(self, campaign: str, unit: str | None = None) -> Budget:
        """What a campaign may give and has given, in `points` or the only unit unless another is named."""
        return self._engine.budget(campaign, self._unit(unit))

    def board(self, board_id: str, *, period: str | None = None) -> BoardView:
        """A board in a period, the clock's unless another is named."""
        return self._engine.board(board_id, period=period)

    def why(self, member: str, rule: str | None = None) -> str:
        """Tell, for people, why a member was paid or was not: every decision of a rule, or of all, about her.

        About her are the events of her own, those of members she referred, and those that gave to her, took from her
        or named her as referrer. Raises InvalidInput for a rule that the program does not have.
        """
        known = [one.id for campaign in self._engine.program.campaigns for one in campaign.rules]
        if rule is not None and rule not in known:
            names = ", ".join(known) or "none"
            raise InvalidInput("rule", f"the program has no rule {str(rule)[:80]!r}; it has: {names}")
        return why_of(self._engine, self._steps, require_id("member", member), rule)

    def story(self) -> str:
        """Tell, for people, everything that happened, in order, with why each rule paid or did not."""
        return story_of(self._engine, self._steps)

    def _release_all(self) -> Released:
        released = self._engine.release_due()
        holds, lots = released.holds, released.lots
        while released.more and (released.holds or released.lots):
            released = self._engine.release_due()
            holds, lots = holds + released.holds, lots + released.lots
        return replace(released, holds=holds, lots=lots)

    def _happen(
        self, event_type: str, member: str, at: datetime | str | None, event_id: str | None, **fields: object
    ) -> Outcome:
        chosen = self._new_id(event_type, member) if event_id is None else event_id
        moment = self._clock.now() if at is None else at
        return self.record({"id": chosen, "type": event_type, "member": member, "at": moment, **fields})

    def _new_id(self, kind: str, member: str, taken: set[str] | None = None) -> str:
        """The first id that is free, of purchase-bob-1, purchase-bob-2, …; the first sign-up goes without a number.

        Where no id can be made of the names, which are perhaps what the test is about, it is derived from them.
        """
        stem = ascii(f"{kind}-{member}")[1:-1]
        while True:
            self._last[stem] += 1
            n = self._last[stem]
            text = stem if kind == SIGNUP and n == 1 else f"{stem}-{n}"
            name = derived_id(stem, n) if id_problem(text) else text
            if not (self._recorded(name) if taken is None else name in taken):
                return name

    def _recorded(self, event_id: str) -> bool:
        """Whether an event of that id was given here, or is in the store from before."""
        if event_id in self._members:
            return True
        try:
            self._engine.explain(event_id)
        except InvalidInput:
            return False
        return True

    def _references(self, member: str, unit: str) -> Iterator[str]:
        """What the entries of a member's statement were made for; the keys of redemptions are among them."""
        page = self._engine.statement(member, unit, limit=_PAGE)
        while page:
            yield from (entry.reference for entry in page)
            page = self._engine.statement(member, unit, after=page[-1].cursor, limit=_PAGE)

    def _unit(self, unit: str | None) -> str:
        units = self._engine.program.units
        if unit is not None:
            return unit
        if "points" in units:
            return "points"
        if len(units) > 1:
            raise InvalidInput("unit", f"the program has several; name one of {', '.join(sorted(units))}")
        return next(iter(units))
