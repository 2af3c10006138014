"""What the tests of the contract share: a clock set by hand, small programs, and a full dump of a memory store."""

from __future__ import annotations

from dataclasses import fields, is_dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from referral_engine import Board, Campaign, Event, Limit, Program, ReferralEngine, Reward, Rule, Unit, field
from referral_engine.storage import MemoryStore
from referral_engine.storage.memory.records import Records

if TYPE_CHECKING:
    from collections.abc import Iterable

    from referral_engine import Outcome, PythonRule

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
UNITS = {"points": Unit(scale=0), "usd": Unit(scale=2, kind="cash")}


class HandClock:
    """Tells the time that it was set to."""

    def __init__(self, start: datetime = START) -> None:
        self.time = start

    def now(self) -> datetime:
        return self.time

    def advance(self, by: timedelta) -> None:
        self.time += by


def first_order(**changes: Any) -> Rule:
    """The rule of the contract's example."""
    given = {
        "id": "first-order",
        "on": "purchase",
        "where": (field("event.amount") >= 2000) & (field("referee.count.purchase") == 1),
        "give": [
            Reward(to="referrer", unit="points", amount=500, hold=timedelta(days=14)),
            Reward(to="referee", unit="points", amount=200),
        ],
        "limits": [Limit(times=10, per="referrer", within="month")],
    }
    return Rule(**(given | changes))


def spring_program(*more: Rule | PythonRule, **changes: Any) -> Program:
    """The program of the contract's example, with more rules if given."""
    campaign = Campaign(
        id="spring",
        starts_at=datetime(2026, 3, 1, tzinfo=UTC),
        ends_at=datetime(2026, 6, 1, tzinfo=UTC),
        budget={"points": 1_000_000},
        rules=[first_order(), *more],
        boards=[Board(id="inviters", metric="referrals.qualified", period="month")],
    )
    return Program(**({"id": "acme", "units": UNITS, "timezone": "Asia/Shanghai", "campaigns": [campaign]} | changes))


def pays(amount: int = 100, *, to: str = "member", unit: str = "points", **changes: Any) -> Rule:
    """A rule with one reward, for purchases unless told otherwise."""
    given: dict[str, Any] = {"id": "pays", "on": "purchase", "give": [Reward(to=to, unit=unit, amount=amount)]}
    return Rule(**(given | changes))


def program_of(*rules: Rule | PythonRule, boards: Iterable[Board] = (), zone: str = "UTC", **campaign: Any) -> Program:
    """A program of one open campaign."""
    only = Campaign(id="spring", rules=list(rules), boards=list(boards), **campaign)
    return Program(id="acme", units=UNITS, campaigns=[only], timezone=zone)


class Stage:
    """An engine over a memory store, its clock, and short ways to make things happen; ids are counted."""

    def __init__(self, program: Program, *, store: MemoryStore | None = None, clock: HandClock | None = None) -> None:
        self.clock = HandClock() if clock is None else clock
        self.store = MemoryStore() if store is None else store
        self.engine = ReferralEngine(self.store, program, clock=self.clock)
        self._made = 0

    def event(self, kind: str, member: str, **more: Any) -> Event:
        self._made += 1
        return Event(**({"id": f"{kind}-{self._made}", "type": kind, "member": member} | more))

    def signup(self, member: str, by: str | None = None, **more: Any) -> Outcome:
        return self.engine.record(self.event("signup", member, referrer=by, **more))

    def buy(self, member: str, amount: int = 2500, **more: Any) -> Outcome:
        return self.engine.record(self.event("purchase", member, amount=amount, **more))

    def refund(self, member: str, of: str | None, amount: int | None = None, **more: Any) -> Outcome:
        return self.engine.record(self.event("refund", member, of=of, amount=amount, **more))

    def codes(self, outcome: Outcome) -> list[str]:
        return [reason.code for reason in outcome.reasons]

    def dump(self) -> Any:
        return dump(self.store)


def plain(value: object) -> Any:
    """Take a value apart into lists, tuples and scalars, every field of every record included."""
    if is_dataclass(value) and not isinstance(value, type):
        return type(value).__name__, [(part.name, plain(getattr(value, part.name))) for part in fields(value)]
    if isinstance(value, dict):
        return sorted(((plain(key), plain(one)) for key, one in value.items()), key=repr)
    if isinstance(value, set | frozenset):
        return sorted((plain(one) for one in value), key=repr)
    if isinstance(value, list | tuple):
        return [plain(one) for one in value]
    return value


def dump(store: MemoryStore) -> Any:
    """Everything that is kept, of every program, as comparable values; an empty program is like none."""
    return {name: plain(records) for name, records in store._programs.items() if records != Records()}
