"""What the tests of the ledger share: small programs, and books that count their events and check themselves."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

from referral_engine import Campaign, Event, Expiry, Program, ReferralEngine, Reward, Rule, Unit, rule
from referral_engine.facts import Wanted
from referral_engine.ledger import NOTHING
from referral_engine.testing import FakeClock

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from referral_engine import Outcome, PythonRule, Transfer
    from referral_engine.ports import BlockingStore

START = datetime(2026, 3, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)
MEMBERS = ("alice", "bob", "carol")
ACCOUNTS = ("available", "held", "debt", "paying", "redeemed", "expired")
PAGE = 1_000


@rule("purchase", "1")
def as_bought(ctx: Any) -> Any:
    """As many points for the buyer as were paid."""
    yield ctx.award("member", points=ctx.event.amount)


@rule("order", "1")
def held_as_ordered(ctx: Any) -> Any:
    """As many points for the buyer as were paid, on hold for two days."""
    yield ctx.award("member", points=ctx.event.amount, hold=2 * DAY)


@rule("preorder", "1")
def confirmed_as_ordered(ctx: Any) -> Any:
    """As many points for the buyer as were paid, until the delivery."""
    yield ctx.award("member", points=ctx.event.amount, confirmed_by="delivery")


@rule("cashback", "1")
def cash_back(ctx: Any) -> Any:
    """As many cents for the buyer as were paid."""
    yield ctx.award("member", usd=ctx.event.amount)


EARNING = (as_bought, held_as_ordered, confirmed_as_ordered, cash_back)


def gives(amount: int = 100, *, to: Any = "member", unit: str = "points", **changes: Any) -> Rule:
    """A rule with one flat reward, for gifts unless told otherwise; `hold` and `confirmed_by` are the reward's."""
    terms = {name: changes.pop(name) for name in ("hold", "confirmed_by") if name in changes}
    given: dict[str, Any] = {"id": "gives", "on": "gift", "give": [Reward(to, unit, amount, **terms)]}
    return Rule(**(given | changes))


def program_of(
    *rules: Rule | PythonRule,
    expires: Expiry | None = None,
    transferable: bool = True,
    cash: Mapping[str, Any] | None = None,
    zone: str = "UTC",
    chained: bool = False,
    named: str = "acme",
    **campaign: Any,
) -> Program:
    """A program of one open campaign: the rules above, and the rules given; `cash` are the terms of its cash unit."""
    units = {
        "points": Unit(expires=expires, transferable=transferable),
        "usd": Unit(scale=2, kind="cash", **(cash or {})),
    }
    only = Campaign(id="spring", rules=[*EARNING, *rules], **campaign)
    return Program(id=named, units=units, campaigns=[only], timezone=zone, ledger_chain=chained)


def rolling(days: int | None = None, *, months: int | None = None) -> Expiry:
    return Expiry(kind="rolling", days=days, months=months)


def idle(days: int | None = None, *, months: int | None = None) -> Expiry:
    return Expiry(kind="inactivity", days=days, months=months)


def calendar(period: Any, months: int | None = None) -> Expiry:
    return Expiry(kind="calendar", period=period, months=months)


class Books:
    """An engine over the store under test, its clock, and short ways to make things happen; ids are counted."""

    def __init__(self, store: BlockingStore, program: Program, clock: FakeClock, made: Iterator[int]) -> None:
        self.store, self.clock, self.program = store, clock, program.id
        self.engine = ReferralEngine(store, program, clock=clock)
        self.people = list(MEMBERS)
        self._made = made

    # Making things happen

    def do(self, kind: str, member: str = "bob", **more: Any) -> Outcome:
        """Record an event that must be accepted."""
        outcome = self.engine.record(self.event(kind, member, **more))
        assert outcome.status == "accepted", outcome.reasons
        return outcome

    def refused(self, kind: str, member: str = "bob", **more: Any) -> list[str]:
        """Record an event that must be rejected, and answer why."""
        outcome = self.engine.record(self.event(kind, member, **more))
        assert outcome.status == "rejected"
        return [reason.code for reason in outcome.reasons]

    def event(self, kind: str, member: str, **more: Any) -> Event:
        return Event(**({"id": f"{kind}-{next(self._made)}", "type": kind, "member": member} | more))

    def earn(self, member: str, amount: int, **more: Any) -> Outcome:
        """Points at once, as many as were paid."""
        return self.do("purchase", member, amount=amount, **more)

    def refund(self, of: str, amount: int | None = None, member: str = "bob", **more: Any) -> list[tuple[int, ...]]:
        """What was taken back of each grant: amount, from_held, debt and waived."""
        outcome = self.do("refund", member, of=of, amount=amount, **more)
        return [(one.amount, one.from_held, one.debt, one.waived) for one in outcome.reversals]

    def give(self, member: str, amount: int, key: str, unit: str = "points") -> Transfer:
        """An adjustment by staff, by which the member is known."""
        self.engine.join(member)
        return self.engine.adjust(member, amount, unit, key=key, actor="staff-1", memo="a gift")

    def wait(self, **time: float) -> None:
        self.clock.advance(timedelta(**time))

    # Reading

    def figures(self, member: str = "bob", unit: str = "points") -> dict[str, int]:
        """The figures of a balance that are not 0."""
        balance = self.engine.balance(member, unit)
        names = ("available", "held", "lifetime", "expired", "redeemed", "debt", "expiring", "paying")
        return {name: figure for name in names if (figure := getattr(balance, name))}

    def lots(self, member: str = "bob") -> list[tuple[str, int]]:
        """The lots, the soonest first, by the end of their last day."""
        return [(f"{lot.expires_at:%Y-%m-%dT%H:%MZ}", lot.remaining) for lot in self.engine.lots(member)]

    def lines(self, member: str = "bob", unit: str = "points") -> list[tuple[str, int, int, int]]:
        """The statement: kind, and by how much available, held and debt changed."""
        found = self.engine.statement(member, unit, limit=PAGE)
        return [(line.kind, line.available, line.held, line.debt) for line in found]

    def moves(self, member: str = "bob", unit: str = "points") -> list[tuple[str, int, str, str]]:
        """The transfers: kind, amount and the two accounts."""
        return [(one.kind, one.amount, one.debit, one.credit) for one in self.transfers(member, unit)]

    def transfers(self, member: str = "bob", unit: str = "points") -> list[Transfer]:
        return self.store.transfers(self.program, member, unit, None, PAGE)

    def told(self, *kinds: str) -> list[tuple[str, dict[str, Any]]]:
        """The messages of these kinds, with what they say."""
        found = self.engine.messages(after=0, limit=PAGE)
        return [(one.type, dict(one.payload)) for one in found if one.type in kinds or not kinds]

    # Checking

    def check(self) -> None:
        """Hold the figures to the records, and the transfers to double entry."""
        assert self.engine.verify() == []
        for unit in self.engine.program.units:
            self._check_unit(unit)

    def knows(self, people: Iterable[str]) -> list[str]:
        """Say who else takes part, so that the check at the end looks at them too."""
        self.people += [one for one in people if one not in self.people]
        return self.people[len(MEMBERS) :]

    def _check_unit(self, unit: str) -> None:
        sums: Counter[str] = Counter()
        clearing: Counter[str] = Counter()
        for member in self.people:
            mine: Counter[str] = Counter()
            for one in self.transfers(member, unit):
                assert type(one.amount) is int
                assert one.amount > 0
                assert one.debit != one.credit
                mine[one.debit] -= one.amount
                mine[one.credit] += one.amount
                clearing[one.reference] += one.amount * ((one.credit == "clearing") - (one.debit == "clearing"))
                below = {name: mine[name] for name in ACCOUNTS if name != "debt" and mine[name] < 0}
                assert below == {}, (member, one)
                assert mine["debt"] <= 0
            balance = self._kept(member, unit)
            assert {name: mine[name] for name in ACCOUNTS} == balance
            sums.update(mine)
        assert sum(sums.values()) == 0
        assert [key for key, left in clearing.items() if left] == []
        budgets = [self.engine.budget(one.id, unit) for one in self.engine.program.campaigns]
        assert -sums["campaign"] == sum(one.spent + one.held for one in budgets)

    def _kept(self, member: str, unit: str) -> dict[str, int]:
        wanted = Wanted(self.program, members=frozenset({member}), units=frozenset({unit}))
        balance = self.store.read(wanted).balances.get((member, unit), NOTHING)
        return {name: getattr(balance, name) * (-1 if name == "debt" else 1) for name in ACCOUNTS}


class Shelf:
    """Opens books over one store; what is opened again goes on where it was, by the same clock."""

    def __init__(self, store: BlockingStore) -> None:
        self.store, self.clock, self._made = store, FakeClock(START), count(1)
        self._opened: list[Books] = []
        self._damaged = False

    def open(self, program: Program) -> Books:
        self._opened.append(Books(self.store, program, self.clock, self._made))
        return self._opened[-1]

    def damaged(self) -> None:
        """Say that the books were tampered with, and will not add up."""
        self._damaged = True

    def close(self) -> None:
        for books in self._opened if not self._damaged else ():
            books.check()
