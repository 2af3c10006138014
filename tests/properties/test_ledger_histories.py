"""Random histories of money over the real engine, held step by step to a small model that expires without a timer."""

from __future__ import annotations

import inspect
import random
import shutil
from datetime import timedelta
from itertools import count
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test

from referral_engine import (
    Campaign,
    Event,
    Expiry,
    InsufficientBalance,
    Program,
    ReferralEngine,
    Unit,
)
from referral_engine import rule as reward_rule
from referral_engine.storage import MemoryStore
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.testing import FakeClock
from tests.ledger.stage import START
from tests.properties.purses import NEVER, Gift, Model, Short

if TYPE_CHECKING:
    from collections.abc import Sequence

PEOPLE = ("alice", "bob")
LIVES_DAYS = 3
HOLD = timedelta(days=2)
BUDGET = 300
POLICIES = {"debt": "debt", "within": "within_balance", "kept": "held_only", "sale": "debt"}
"""The campaigns and their policies; that of the sale has a budget, and clamps."""
WAYS: dict[str, dict[str, Any]] = {
    "now": {},
    "held": {"hold": HOLD},
    "awaited": {"confirmed_by": "delivery"},
    "either": {"hold": HOLD, "confirmed_by": "delivery"},
}


def paying(campaign: str, way: str) -> Any:
    """A rule that gives half of what was paid, rounded up."""

    def pays(ctx: Any) -> Any:
        yield ctx.award("member", points=-(-ctx.event.amount // 2), **WAYS[way])

    pays.__name__ = f"{campaign}-{way}"
    return reward_rule(pays.__name__, "1")(pays)


@reward_rule("cashback", "1")
def cash_back(ctx: Any) -> Any:
    """As many cents as were paid."""
    yield ctx.award("member", usd=ctx.event.amount)


def program_that(expiry: str | None) -> Program:
    kind = {"rolling": "rolling", "idle": "inactivity"}
    expires = None if expiry is None else Expiry(kind=kind[expiry], days=LIVES_DAYS)
    campaigns = [
        Campaign(
            id=name,
            rules=[*[paying(name, way) for way in WAYS], *([cash_back] if name == "debt" else [])],
            reversal=policy,
            budget={"points": BUDGET} if name == "sale" else None,
            over_budget="clamp",
        )
        for name, policy in POLICIES.items()
    ]
    units = {"points": Unit(expires=expires, transferable=True), "usd": Unit(kind="cash")}
    return Program(id="acme", units=units, campaigns=campaigns, ledger_chain=True)


PROGRAMS = {expiry: program_that(expiry) for expiry in (None, "rolling", "idle")}

people = st.sampled_from(PEOPLE)
AMOUNTS = (1, 7, 20, 50, 99)
AGES = (0, 0, 0, 1, 2, 5)
HOURS = (1, 12, 24, 24, 48, 96)
amounts = st.sampled_from(AMOUNTS)
places = st.integers(0, 2**16)
ages = st.sampled_from(AGES)


class Histories(RuleBasedStateMachine):
    """One history; after each step all figures must be the model's, whether or not a timer came by."""

    def __init__(self, store: Any, expiry: str | None) -> None:
        super().__init__()
        self.clock = FakeClock(START)
        self.engine = ReferralEngine(store, PROGRAMS[expiry], clock=self.clock)
        self.model = Model(expiry, LIVES_DAYS)
        self.ids = count()
        self.bought: list[tuple[Event, str]] = []
        self.payouts: list[tuple[str, str, int]] = []
        self.batch: list[tuple[Event, Any]] = []
        for person in PEOPLE:
            self.engine.join(person)

    # What members do

    @rule(member=people, campaign=st.sampled_from(sorted(POLICIES)), way=st.sampled_from(sorted(WAYS)),
          amount=amounts, age=ages, alone=st.booleans())  # fmt: skip
    def buy(self, member: str, campaign: str, way: str, amount: int, age: int, alone: bool) -> None:
        event = self._event(f"{campaign}-{way}", member, age, amount=amount)
        self.bought.append((event, campaign))
        held_until = event.at + HOLD if way in {"held", "either"} else None
        gift = Gift(member, -(-amount // 2), POLICIES[campaign], held_until, held=way != "now")
        budget = BUDGET if campaign == "sale" else float("inf")

        def expected() -> Any:
            given = self.model.grant(event.id, gift, event.at, campaign, budget)
            return ([given] if given else [], [], [])

        self._send(event, expected, alone=alone)

    @rule(place=places, age=ages, alone=st.booleans())
    def confirm(self, place: int, age: int, alone: bool) -> None:
        if not self.bought:
            return
        origin, _ = self.bought[place % len(self.bought)]
        event = self._event("delivery", origin.member, age, of=origin.id)

        def expected() -> Any:
            waits = origin.type.endswith(("awaited", "either")) and self.model.release(origin.id, event.at)
            return ([], [origin.id] if waits else [], [])

        self._send(event, expected, alone=alone)

    @rule(place=places, part=st.sampled_from([None, 1, 3, 20]), alone=st.booleans())
    def refund(self, place: int, part: int | None, alone: bool) -> None:
        self._deliver()
        if not self.bought:
            return
        origin, campaign = self.bought[place % len(self.bought)]
        left = origin.amount - self.model.refunded[origin.id]
        if left < (part or 1):
            return
        event = self._event("refund", origin.member, 0, of=origin.id, amount=part)

        def expected() -> Any:
            return ([], [], self.model.refund(origin.id, origin.amount, part or left, campaign))

        self._send(event, expected, alone=alone)

    @rule(member=people, amount=amounts)
    def redeem(self, member: str, amount: int) -> None:
        self._do(
            lambda key: self.engine.redeem(member, amount, key=key),
            lambda: self.model.spend(member, "points", amount, self._now(), "redeemed"),
        )

    @rule(member=people, to=people, amount=amounts)
    def transfer(self, member: str, to: str, amount: int) -> None:
        if member != to:
            self._do(
                lambda key: self.engine.transfer(member, to, amount, key=key),
                lambda: self.model.transfer(member, to, amount, self._now()),
            )

    @rule(member=people, amount=amounts)
    def take(self, member: str, amount: int) -> None:
        self._do(
            lambda key: self.engine.adjust(member, -amount, key=key, actor="staff-1", memo="x"),
            lambda: self.model.spend(member, "points", amount, self._now(), None),
        )

    @rule(member=people, amount=amounts)
    def give(self, member: str, amount: int) -> None:
        def expected() -> None:
            self.model.purses[member, "points"].figures["lifetime"] += amount
            self.model.credit(member, "points", amount, self._now())

        self._do(lambda key: self.engine.adjust(member, amount, key=key, actor="staff-1", memo="x"), expected)

    @rule(member=people, amount=amounts)
    def earn_cash(self, member: str, amount: int) -> None:
        self._deliver()
        assert len(self.engine.record(self._event("cashback", member, 0, amount=amount)).grants) == 1
        self.model.purses[member, "usd"].figures["lifetime"] += amount
        self.model.credit(member, "usd", amount, self._now())

    @rule(member=people, amount=amounts)
    def request_payout(self, member: str, amount: int) -> None:
        def act(key: str) -> None:
            self.payouts.append((self.engine.request_payout(member, amount, "usd", key=key).id, member, amount))

        self._do(act, lambda: self.model.spend(member, "usd", amount, self._now(), "paying"))

    @rule(place=places, state=st.sampled_from(["paid", "failed", "rejected"]))
    def settle(self, place: int, state: Any) -> None:
        self._deliver()
        if not self.payouts:
            return
        payout, member, amount = self.payouts.pop(place % len(self.payouts))
        assert self.engine.settle_payout(payout, state, actor="staff-1").state == state
        figures = self.model.purses[member, "usd"].figures
        figures["paying"] -= amount
        if state == "paid":
            figures["redeemed"] += amount
        else:
            self.model.credit(member, "usd", amount, self._now())

    @rule(hours=st.sampled_from(HOURS))
    def wait(self, hours: int) -> None:
        self._deliver()
        self.clock.advance(timedelta(hours=hours))
        self.model.expire(self._now())

    @rule(limit=st.sampled_from([1, 3, 10_000]))
    def close_the_day(self, limit: int) -> None:
        self._deliver()
        held = [(event, gift) for event, gift in self.model.gifts.items() if gift.held and gift.until is not None]
        due = sorted((gift.until, event) for event, gift in held if gift.until <= self._now())
        done = self.engine.release_due(limit=limit)
        assert done.holds == min(len(due), limit)
        if done.holds < len(due):
            assert done.more
            while self.engine.release_due().more:
                pass
        for _, event in due:
            self.model.release(event, self._now())

    # How it is compared

    def _now(self) -> Any:
        return self.clock.now()

    def _event(self, kind: str, member: str, age: int, **more: Any) -> Event:
        return Event(id=f"e-{next(self.ids)}", type=kind, member=member, at=self._now() - timedelta(days=age), **more)

    def _send(self, event: Event, expected: Any, *, alone: bool) -> None:
        """Send an event, alone or together with those that follow."""
        self.batch.append((event, expected))
        if alone:
            self._deliver()

    def _deliver(self) -> None:
        """Send what was gathered in one batch, and hold each outcome to the model's."""
        batch, self.batch = self.batch, []
        outcomes = self.engine.record_many([event for event, _ in batch])
        for outcome, (event, expected) in zip(outcomes, batch, strict=True):
            assert outcome.status == "accepted", (event, outcome.reasons)
            said = (
                [grant.amount for grant in outcome.grants],
                [event.of for _ in outcome.confirmed],
                [(back.amount, back.from_held, back.debt, back.waived) for back in outcome.reversals],
            )
            assert said == expected()
            self.model.expire(self._now())

    def _do(self, act: Any, expected: Any) -> None:
        self._deliver()
        try:
            expected()
        except Short:
            with pytest.raises(InsufficientBalance):
                act(f"k-{next(self.ids)}")
            return
        act(f"k-{next(self.ids)}")
        self.model.expire(self._now())

    @invariant()
    def the_figures_are_the_models(self) -> None:
        if self.batch:
            return
        for member in PEOPLE:
            for unit in ("points", "usd"):
                self._compare(member, unit)
        budget = self.engine.budget("sale", "points")
        assert (budget.spent + budget.held, budget.remaining) == (
            self.model.given["sale"], BUDGET - self.model.given["sale"],
        )  # fmt: skip

    def _compare(self, member: str, unit: str) -> None:
        purse = self.model.purses[member, unit]
        balance = self.engine.balance(member, unit)
        lots = [(purse.end(lot), amount) for lot, amount in purse.left().items() if lot != NEVER]
        assert [(lot.expires_at, lot.remaining) for lot in self.engine.lots(member, unit)] == lots
        kept = {name: getattr(balance, name) for name in balance.__dataclass_fields__}
        expected = dict.fromkeys(kept, 0) | purse.figures
        expected |= {"available": sum(purse.lots.values()), "expiring": sum(amount for _, amount in lots)}
        assert kept == expected
        assert not (balance.debt and balance.available), "who owes has nothing available"

    def teardown(self) -> None:
        self._deliver()
        while self.engine.release_due().more:
            pass
        assert self.engine.verify() == []
        for member in PEOPLE:
            for unit in ("points", "usd"):
                lines, balance = self.engine.statement(member, unit, limit=1000), self.engine.balance(member, unit)
                last = lines[-1] if lines else None
                after = (last.available_after, last.held_after, last.debt_after) if last else (0, 0, 0)
                assert after == (balance.available, balance.held, balance.debt)


SHARES = {
    "buy": 30, "refund": 14, "confirm": 8, "wait": 14, "redeem": 8, "transfer": 8, "close_the_day": 3, "take": 3,
    "give": 3, "earn_cash": 3, "request_payout": 3, "settle": 3,
}  # fmt: skip
"""How often each thing happens among a hundred, in a history that is drawn by a seed."""

CHOICES: dict[str, Sequence[Any]] = {
    "member": PEOPLE,
    "to": PEOPLE,
    "campaign": sorted(POLICIES),
    "way": sorted(WAYS),
    "amount": AMOUNTS,
    "age": AGES,
    "alone": (True, True, False),
    "place": range(2**16),
    "part": (None, 1, 3, 20),
    "state": ("paid", "failed", "rejected"),
    "hours": HOURS,
    "limit": (1, 3, 10_000),
}
"""What is drawn, evenly, for each argument."""


def play(machine: Histories, seed: int, steps: int) -> None:
    """Draw a history, dense in what leads to something; much faster than where each draw may be made shorter later."""
    draw = random.Random(seed)
    for act in draw.choices([*SHARES], [*SHARES.values()], k=steps):
        happen = getattr(machine, act)
        happen(**{name: draw.choice(CHOICES[name]) for name in inspect.signature(happen).parameters})
        machine.the_figures_are_the_models()
    machine.teardown()


@pytest.mark.parametrize("expiry", [None, "rolling", "idle"])
@pytest.mark.parametrize("part", range(4))
def test_histories_by_seeds_in_memory(part, expiry):
    for seed in range(part * 25, part * 25 + 25):
        play(Histories(MemoryStore(), expiry), seed, 60)


@pytest.mark.parametrize("expiry", [None, "rolling", "idle"])
def test_a_history_in_memory_as_short_as_can_be(expiry):
    few = settings(max_examples=20, stateful_step_count=30, deadline=None)
    run_state_machine_as_test(lambda: Histories(MemoryStore(), expiry), settings=few)


@pytest.fixture(scope="module")
def made_file(tmp_path_factory):
    path = tmp_path_factory.mktemp("made") / "acme.db"
    with SQLAlchemyStore(f"sqlite:///{path}") as store:
        store.create_schema()
    return path


@pytest.mark.parametrize("expiry", ["rolling", "idle"])
def test_a_history_in_a_file(expiry, made_file, tmp_path):
    for seed in range(4):
        with SQLAlchemyStore(f"sqlite:///{shutil.copy(made_file, tmp_path / f'{seed}.db')}") as store:
            play(Histories(store, expiry), seed, 60)
