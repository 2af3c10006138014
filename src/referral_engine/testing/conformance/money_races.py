"""Money races: what many threads at once spend, pass on, are paid, let expire, publish and seal stays exact."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from referral_engine.engine import ReferralEngine
from referral_engine.errors import InsufficientBalance, InvalidInput
from referral_engine.events import Event
from referral_engine.ledger import Balance
from referral_engine.testing.conformance._spring import LIFE_DAYS, HandClock, an_engine, spring
from referral_engine.testing.conformance.races import THREADS, Races, an_unhurried_engine, patiently, record, together

if TYPE_CHECKING:
    from collections.abc import Callable

    from referral_engine.decisions import FinalState
    from referral_engine.outcomes import Message
    from referral_engine.ports import BlockingStore

STATES: tuple[FinalState, ...] = ("paid", "failed", "rejected")


def _given(engine: ReferralEngine, member: str, *amounts: int, unit: str = "points") -> None:
    """Let staff give a new member amounts, one a day, so that each is a lot of its own."""
    clock: HandClock = engine.clock  # type: ignore[assignment]
    today = clock.at
    engine.join(member)
    for place, amount in enumerate(amounts):
        clock.at = today + timedelta(days=place)
        engine.adjust(member, amount, unit, key=f"{member}-{place}", actor="staff", memo="a gift")
    clock.at = today


def _spent(call: Callable[[], object], amount: int) -> int:
    """Make a call that spends, patiently, and tell how much it spent; what is not there is not spent."""
    try:
        patiently(call)
    except InsufficientBalance:
        return 0
    return amount


def _said(engine: ReferralEngine, kind: str) -> list[Message]:
    return [message for message in engine.messages(after=0, limit=1000) if message.type == kind]


class MoneyRaces(Races):
    """What a store promises to threads that move money."""

    def test_race_to_spend_lots(self, store: BlockingStore) -> None:
        """Lots that everybody draws on are spent to the last point that fits, each once, the soonest to expire first.

        They are redeemed, passed on and taken back by staff, all at the same time.
        """
        engine = an_engine(store)
        _given(engine, "alice", 50, 45, 45)
        last = engine.lots("alice")[-1]
        for place in range(THREADS):
            engine.join(f"m{place}")

        def work(place: int) -> int:
            spent = 0
            for n in range(4):
                key = f"k-{place}-{n}"
                ways: list[Callable[[], object]] = [
                    lambda key=key: engine.redeem("alice", 9, key=key),  # type: ignore[misc]
                    lambda key=key: engine.transfer("alice", f"m{place}", 9, key=key),  # type: ignore[misc]
                    lambda key=key: engine.adjust("alice", -9, key=key, actor="staff", memo="a fee"),  # type: ignore[misc]
                ]
                spent += _spent(ways[place % 3], 9)
            return spent

        assert sum(together(work)) == 135  # noqa: PLR2004 - 15 times 9 of 140
        assert [replace(last, remaining=5)] == engine.lots("alice")
        assert (engine.balance("alice").available, engine.balance("alice").expiring) == (5, 5)
        passed_on = sum(engine.balance(f"m{place}").expiring for place in range(THREADS))
        assert passed_on == sum(-line.available for line in engine.statement("alice") if line.kind == "transfer")
        assert engine.verify() == []

    def test_race_of_transfers_both_ways(self, store: BlockingStore) -> None:
        """Two members who pass points to each other at once do not wait for each other, and lose and gain nothing.

        Neither passes on, at any time, what is not there yet.
        """
        engine = an_engine(store)
        _given(engine, "alice", 12, 8)
        _given(engine, "bob", 5, 15)

        def work(place: int) -> int:
            member, to = ("alice", "bob") if place % 2 else ("bob", "alice")
            spent = 0
            for n in range(5):
                key = f"k-{place}-{n}"
                spent += _spent(lambda key=key: engine.transfer(member, to, 7, key=key), 7)  # type: ignore[misc]
            return spent

        moved = together(work)
        to_bob, to_alice = sum(moved[1::2]), sum(moved[::2])
        assert engine.balance("alice").available == 20 - to_bob + to_alice == engine.balance("alice").expiring
        assert engine.balance("bob").available == 20 + to_bob - to_alice == engine.balance("bob").expiring
        assert all(line.available_after >= 0 for name in ("alice", "bob") for line in engine.statement(name))
        assert len(_said(engine, "transfer.posted")) == (to_bob + to_alice) // 7
        assert engine.verify() == []

    def test_race_of_transfers_in_a_ring(self, store: BlockingStore) -> None:
        """Each of eight members passes points on to the next, and to the one before, at the same moment."""
        engine = an_engine(store)
        names = [f"m{place}" for place in range(THREADS)]
        for name in names:
            _given(engine, name, 100)

        def work(place: int) -> None:
            for step in (1, -1, 3, -3):
                to = names[(place + step) % THREADS]
                patiently(lambda to=to: engine.transfer(names[place], to, 5, key=f"{place}-{to}"))  # type: ignore[misc]

        together(work)
        assert {100} == {engine.balance(name).available for name in names}
        assert {8} == {sum(line.kind == "transfer" for line in engine.statement(name)) for name in names}
        assert engine.verify() == []

    def test_race_to_ask_for_a_payout(self, store: BlockingStore) -> None:
        """A payout that is asked for by one key from everywhere is one; cash is set aside once, and not beyond zero."""
        engine = an_engine(store)
        _given(engine, "alice", 100, unit="usd")
        asked = together(lambda _: patiently(lambda: engine.request_payout("alice", 30, "usd", key="one-key")))
        assert ({one.id for one in engine.payouts()}, asked) == ({asked[0].id}, [asked[0]] * THREADS)
        spent = together(lambda place: _spent(lambda: engine.request_payout("alice", 20, "usd", key=f"k-{place}"), 20))
        assert sum(spent) == 60  # noqa: PLR2004 - three times 20 of the 70 that are left
        assert Balance(available=10, lifetime=100, paying=90) == engine.balance("alice", "usd")
        assert engine.verify() == []

    def test_race_to_settle_a_payout(self, store: BlockingStore) -> None:
        """Of those who decide a payout differently at once one state wins; all who said that state are told so."""
        engine = an_engine(store)
        _given(engine, "alice", 600, unit="usd")
        payouts = [engine.request_payout("alice", 100, "usd", key=f"k-{n}").id for n in range(6)]
        returned = 0
        for n, payout in enumerate(payouts):

            def work(place: int, payout: str = payout, n: int = n) -> FinalState | None:
                state = STATES[(place + n) % len(STATES)]
                try:
                    made = patiently(lambda: engine.settle_payout(payout, state, actor=f"staff-{place}"))
                except InvalidInput:
                    return None
                assert made.state == state
                return state

            (won,) = set(told := together(work)) - {None}
            assert [STATES[(place + n) % len(STATES)] == won for place in range(THREADS)] == [bool(one) for one in told]
            returned += 100 * (won != "paid")
        balance = engine.balance("alice", "usd")
        assert (balance.available, balance.redeemed, balance.paying) == (returned, 600 - returned, 0)
        assert len([one for one in engine.audit_log() if one.action == "payout"]) == 6  # noqa: PLR2004 - one for each
        assert engine.verify() == []

    def test_race_to_expire(self, store: BlockingStore) -> None:
        """Workers that let lots expire while others spend expire each lot once, and spend none that is over."""
        engine = an_engine(store)
        names = [f"m{n}" for n in range(6)]
        for name in names:
            _given(engine, name, 50, 50)
        clock: HandClock = engine.clock  # type: ignore[assignment]
        clock.at += timedelta(days=LIFE_DAYS + 1)

        def work(place: int) -> int:
            if place % 2:
                return patiently(engine.release_due).lots
            return sum(
                _spent(lambda name=name, n=n: engine.redeem(name, 9, key=f"{place}-{name}-{n}"), 0)  # type: ignore[misc]
                for n in range(2)
                for name in names
            )

        assert sum(together(work)) <= len(names)
        balances = {engine.balance(name) for name in names}
        assert {Balance(available=5, lifetime=100, expired=50, redeemed=45, expiring=5)} == balances
        assert [(one.payload["amount"]) for one in _said(engine, "lot.expired")] == [50] * len(names)
        assert engine.verify() == []

    def test_race_to_the_alarms_of_a_budget(self, store: BlockingStore) -> None:
        """Each alarm is set off once, by the very grant that reaches it, also when a budget is drained by everybody."""
        engine = an_unhurried_engine(store, budget=70 * 30)

        def work(place: int) -> None:
            for n in range(5):
                record(engine, Event(id=f"c-{place}-{n}", type="checkin", member=f"m{place}-{n}"))

        together(work)
        alarms = [(one.payload["percent"], one.payload["given"]) for one in _said(engine, "budget.alarm")]
        assert alarms == [(50, 70 * 15), (80, 70 * 24), (100, 70 * 30)]
        assert (engine.budget("spring", "points").remaining, engine.verify()) == (0, [])

    def test_race_to_publish(self, store: BlockingStore) -> None:
        """One program published from everywhere is one revision; different ones are numbered without a gap."""
        engines = [an_engine(store) for _ in range(THREADS)]
        made = together(lambda place: patiently(lambda: engines[place].publish(actor=f"staff-{place}")))
        assert (made, len(engines[0].audit_log())) == ([made[0]] * THREADS, 1)
        others = [ReferralEngine(store, spring("acme", budget=place)) for place in range(THREADS)]
        revisions = together(lambda place: patiently(lambda: others[place].publish(actor="staff")))
        assert [others[place].program.revision for place in range(THREADS)] == [one.revision for one in revisions]
        assert sorted(one.number for one in revisions) == list(range(2, THREADS + 2))
        log, in_order = engines[0].audit_log()[1:], sorted(revisions, key=lambda one: one.number)
        assert [one.revision for one in in_order] == [one.after["revision"] for one in log]
        assert [made[0].revision, *(one.revision for one in in_order[:-1])] == [one.before["revision"] for one in log]

    def test_race_of_sealed_transfers(self, store: BlockingStore) -> None:
        """Transfers of members who have nothing to do with each other are sealed one after the other.

        Who verifies meanwhile sees a whole chain, and figures that add up.
        """
        engine = an_engine(store)
        engine.join("m0")

        def work(place: int) -> int:
            found = 0
            engine.join(f"m{place}")
            for n in range(5):
                if place == 0:
                    found += len(engine.verify())
                else:
                    patiently(
                        lambda n=n: engine.adjust(f"m{place}", 1, key=f"{place}-{n}", actor="staff", memo="a gift")  # type: ignore[misc]
                    )
            return found

        assert (sum(together(work)), engine.verify()) == (0, [])
        expected = Counter({f"m{place}": 5 for place in range(1, THREADS)})
        assert expected == Counter(message.payload["member"] for message in _said(engine, "adjustment.posted"))
