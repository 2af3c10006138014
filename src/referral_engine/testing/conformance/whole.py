"""Whole: what an engine does over the store, told in short stories."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from itertools import count, permutations
from typing import TYPE_CHECKING, Any

from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from referral_engine.events import Event
from referral_engine.leaderboard import BoardEntry
from referral_engine.ledger import Balance
from referral_engine.testing.conformance._machine import Histories
from referral_engine.testing.conformance._spring import BUDGET, HOLD, STARTS, HandClock, an_engine

if TYPE_CHECKING:
    from collections.abc import Iterator

    from referral_engine.engine import ReferralEngine
    from referral_engine.ports import BlockingStore

BATCH = 1_000


def _a_story() -> list[Event]:
    """Alice brings Bob and Carol, who buy; Bob returns half, Carol all."""
    day = STARTS + timedelta(days=1)
    return [
        Event(id="s-a", type="signup", member="alice", at=day),
        Event(id="s-b", type="signup", member="bob", at=day, referrer="alice"),
        Event(id="s-c", type="signup", member="carol", at=day, referrer="alice"),
        Event(id="o-b", type="purchase", member="bob", at=day, amount=4000),
        Event(id="o-c", type="purchase", member="carol", at=day, amount=2000),
        Event(id="r-b", type="refund", member="bob", at=day, of="o-b", amount=2000),
        Event(id="r-c", type="refund", member="carol", at=day, of="o-c"),
    ]


class Whole:
    """What the parts of a store come to together. The class attributes set how much is played at random."""

    histories_max = 25
    history_steps_max = 30
    invariants_every = 1

    def test_a_story_comes_out_exact(self, store: BlockingStore) -> None:
        """Sign-ups, purchases, refunds, a release and a redemption leave exact figures and no drift."""
        engine = an_engine(store)
        for event in _a_story():
            assert engine.record(event).status == "accepted"
        assert Balance(held=250) == engine.balance("alice")
        assert Balance(available=100, lifetime=100, expiring=100) == engine.balance("bob")
        assert Balance() == engine.balance("carol")
        clock: HandClock = engine.clock  # type: ignore[assignment]
        clock.at = STARTS + timedelta(days=1) + HOLD
        assert engine.release_due().holds == 1
        engine.redeem("alice", 200, key="k1", memo="a mug")
        assert Balance(available=50, lifetime=250, redeemed=200, expiring=50) == engine.balance("alice")
        assert [line.kind for line in engine.statement("alice")] == [
            "hold",
            "hold",
            "void",
            "void",
            "release",
            "redemption",
        ]
        budget = engine.budget("spring", "points")
        assert (budget.spent, budget.held, budget.remaining) == (350, 0, BUDGET - 350)
        assert [BoardEntry("alice", 2, 1)] == engine.board("inviters", period="2026-03").top()
        assert [(one.member, one.score) for one in engine.board("earners").top()] == [("alice", 250), ("bob", 100)]
        assert engine.verify() == []

    def test_a_story_of_money_comes_out_exact(self, store: BlockingStore) -> None:
        """What staff gives is passed on, spent and expires; cash is held, confirmed, asked for, returned and paid."""
        engine = an_engine(store)
        clock: HandClock = engine.clock  # type: ignore[assignment]
        for name in ("alice", "bob"):
            engine.join(name)
        engine.adjust("alice", 300, key="k1", actor="staff", memo="welcome")
        engine.transfer("alice", "bob", 120, key="k2")
        engine.redeem("alice", 30, key="k3")
        engine.record_many(
            [
                Event(id="b-1", type="booking", member="alice", amount=9000),
                Event(id="v-1", type="stay", member="alice", of="b-1"),
                Event(id="b-2", type="booking", member="bob", amount=9000),
            ]
        )
        engine.settle_payout(engine.request_payout("alice", 90, "usd", key="k4").id, "failed", actor="staff")
        paid = engine.request_payout("alice", 50, "usd", key="k5").id
        waits = engine.request_payout("alice", 60, "usd", key="k6").id
        engine.settle_payout(paid, "paid", actor="staff")
        cash = Balance(available=10, lifetime=120, redeemed=50, paying=60)
        assert (cash, Balance(held=120)) == (engine.balance("alice", "usd"), engine.balance("bob", "usd"))
        assert [(one.id, one.state) for one in engine.payouts()[1:]] == [(paid, "paid"), (waits, "requested")]
        owed = engine.liability()
        assert (owed.outstanding, owed.expiring, owed.lasting) == (270, {"2026-03": 270}, 0)
        self._and_then_expires(engine, clock)
        assert [one.action for one in engine.audit_log()] == ["adjust", "payout", "payout"]
        assert engine.verify() == []

    def _and_then_expires(self, engine: ReferralEngine, clock: HandClock) -> None:
        """Points live through the end of the day in Shanghai; then they are gone, written down or not."""
        there = Balance(available=150, lifetime=300, redeemed=30, expiring=150)
        gone = Balance(lifetime=300, redeemed=30, expired=150)
        clock.at = STARTS + timedelta(days=29, hours=16) - timedelta(microseconds=1)
        released = engine.release_due()
        assert (1, 0, there) == (released.holds, released.lots, engine.balance("alice"))
        clock.at += timedelta(microseconds=1)
        assert (gone, []) == (engine.balance("alice"), engine.lots("alice"))
        released = engine.release_due()
        assert (released.holds, released.lots, released.more) == (0, 2, False)
        assert (gone, Balance(expired=120)) == (engine.balance("alice"), engine.balance("bob"))
        lines = engine.statement("alice")
        assert [(line.kind, line.available, line.available_after) for line in lines] == [
            ("adjustment", 300, 300),
            ("transfer", -120, 180),
            ("redemption", -30, 150),
            ("expiry", -150, 0),
        ]

    def test_one_batch_is_as_good_as_one_by_one(self, store: BlockingStore) -> None:
        """The same events in one batch, and one by one in another program, lead to the same answers and figures."""
        one, many = an_engine(store, "one"), an_engine(store, "many")
        singly = [one.record(event) for event in _a_story()]
        at_once = many.record_many(_a_story())
        for first, second in zip(singly, at_once, strict=True):
            assert first.reasons == second.reasons
            assert [(g.member, g.amount) for g in first.grants] == [(g.member, g.amount) for g in second.grants]
        assert [one.balance(name) for name in ("alice", "bob", "carol")] == [
            many.balance(name) for name in ("alice", "bob", "carol")
        ]
        assert [(m.type, m.at) for m in one.messages()] == [(m.type, m.at) for m in many.messages()]
        assert [] == one.verify() == many.verify()

    def test_sending_all_again_changes_nothing(self, store: BlockingStore) -> None:
        """Events sent again, in one batch or singly and in any order, answer their first outcomes as duplicates."""
        engine = an_engine(store)
        first = {outcome.event_id: outcome for outcome in engine.record_many(_a_story())}
        before = (engine.messages(), engine.balance("alice"), engine.board("earners").top())
        for event, again in zip(_a_story()[::-1], engine.record_many(_a_story()[::-1]), strict=True):
            assert ("duplicate", first[event.id].grants) == (again.status, again.grants)
            assert (first[event.id].referral, first[event.id].reversals) == (again.referral, again.reversals)
        assert before == (engine.messages(), engine.balance("alice"), engine.board("earners").top())

    def test_any_order_of_a_batch_is_healthy(self, store: BlockingStore) -> None:
        """Whatever order a batch comes in, some events may be refused, and everything adds up."""
        for number, events in enumerate(list(permutations(_a_story()[1:], 4))[::30]):
            engine = an_engine(store, f"order-{number}")
            engine.record_many([_a_story()[0], *events])
            assert engine.verify() == []

    def test_a_thousand_events_in_one_transaction(self, store: BlockingStore) -> None:
        """A batch of BATCH_MAX events of many members is decided and written as one."""
        engine = an_engine(store, budget=10**9)
        events = [Event(id=f"s-{n}", type="signup", member=f"m{n}", referrer=f"m{n // 3}") for n in range(BATCH // 2)]
        events += [Event(id=f"o-{n}", type="purchase", member=f"m{n}", amount=2000) for n in range(BATCH // 2)]
        outcomes = engine.record_many(events)
        assert {"accepted"} == {outcome.status for outcome in outcomes}
        assert sum(outcome.referral is not None for outcome in outcomes) == BATCH // 2 - 1
        assert engine.board("inviters").count() == (BATCH // 2 + 2) // 3
        assert engine.verify() == []

    def test_a_rejected_event_leaves_no_trace(self, store: BlockingStore) -> None:
        """An event that is rejected makes no member, and its id may be sent again with other content."""
        engine = an_engine(store)
        poison = Event(id="o-1", type="purchase", member="alice", amount=100, attributes={"poison": True})
        assert engine.record(poison).status == "rejected"
        assert (engine.member("alice"), engine.messages(), engine.verify()) == (None, [], [])
        assert engine.record(Event(id="o-1", type="purchase", member="bob", amount=100)).status == "accepted"

    def test_programs_share_a_store(self, store: BlockingStore) -> None:
        """Two programs with the same members, events and campaigns keep their own figures."""
        one, other = an_engine(store, "one"), an_engine(store, "other")
        one.record_many(_a_story())
        assert (None, Balance()) == (other.member("alice"), other.balance("alice"))
        assert {"accepted"} == {outcome.status for outcome in other.record_many(_a_story())}
        assert one.balance("alice") == other.balance("alice")
        code = one.invite_code("alice").text
        outcome = other.record(Event(id="s-d", type="signup", member="dave", code=code))
        assert [reason.code for reason in outcome.reasons] == ["unknown_code"]
        assert [] == one.verify() == other.verify()

    def test_random_histories_agree_with_the_model(self, store: BlockingStore) -> None:
        """Histories drawn at random, each in a program of its own, go as a model of two pages says they should.

        After every step, or every `invariants_every` steps, balances, lots, statements, payouts, what is owed in all,
        budgets with their alarms, limits, boards, referrals and the audit log are the model's, the ledger sums to zero,
        and `verify` finds nothing. A failure shows the shortest history found.
        """
        programs = (f"history-{n}" for n in count())
        machine: Any = partial(self._a_history, store, programs)
        run_state_machine_as_test(machine, settings=self.history_settings())

    def _a_history(self, store: BlockingStore, programs: Iterator[str]) -> Histories:
        return Histories(store, next(programs), self.invariants_every)

    def history_settings(self) -> settings:
        """How the histories are drawn: the same ones each time."""
        return settings(
            max_examples=self.histories_max,
            stateful_step_count=self.history_steps_max,
            derandomize=True,
            deadline=None,
            database=None,
            phases=[Phase.generate, Phase.shrink],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        )
