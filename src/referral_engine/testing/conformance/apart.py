"""Apart: programs do not see each other, and ids that only look alike are different ids."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from referral_engine import changes as c
from referral_engine.facts import Facts, Wanted
from referral_engine.ledger.balance import Balance
from referral_engine.testing.conformance.samples import (
    START,
    Desk,
    a_code,
    a_grant,
    a_limit,
    a_payout,
    a_referral,
    a_revision,
    a_transfer,
    an_event,
    joining,
    keeping,
    noting,
    raising,
    saying,
)

if TYPE_CHECKING:
    from referral_engine.ports import BlockingStore

_MOMENT = timedelta(microseconds=1)


class Apart:
    """What a store promises about records that must not be taken for each other."""

    def test_programs_do_not_see_each_other(self, store: BlockingStore) -> None:
        """The same ids in two programs are different records, in facts, preconditions and pages."""
        one, other = Desk(store, "acme"), Desk(store, "Acme")
        for points, desk in ((5, one), (7, other)):
            desk.write(
                *joining("alice", "bob"),
                c.AddReferral(a_referral("bob", "alice"), 0),
                c.AddCode(a_code("C1", "alice"), invite=True),
                c.AddEvent(an_event("buy-1", amount=points), 0),
                c.PutRefunded("buy-1", points, fresh=True),
                c.AdjustTally("alice", "purchase", 1, points),
                c.AdjustBalance("alice", "points", Balance(available=points, expiring=points), fresh=True),
                keeping("l1", points, days=points),
                c.AddPayout(a_payout("p1", amount=points), 0),
                c.AddRevision(a_revision(1, canonical=str(points))),
                noting(f"noted-{points}"),
                c.AddGrant(a_grant("g1", hold=timedelta(days=points))),
                c.AddTransfer(a_transfer("t1", amount=points), 0),
                c.AdjustLimit(a_limit(), points),
                c.AdjustSpend("spring", "points", points, 0),
                raising("alice", points),
                saying(f"said-{points}"),
            )
        for points, desk in ((5, one), (7, other)):
            facts = desk.read(
                members=["alice"],
                origins=["buy-1"],
                units=["points"],
                lot_units=["points"],
                payouts=["p1"],
                revision=True,
                transfers=["t1"],
                tally_types=["purchase"],
                limit_rules=["gift"],
                limit_periods=["2026-03"],
                spends=[("spring", "points")],
            )
            assert points == facts.events["buy-1"].amount == facts.refunded["buy-1"] == facts.limits[a_limit()]
            assert points == facts.balances["alice", "points"].available == facts.tallies["alice", "purchase"].sum
            assert points == facts.spends["spring", "points"].spent == facts.transfers["t1"].amount
            assert points == facts.lots["alice", "points"]["l1"].remaining == facts.payouts["p1"].amount
            assert a_revision(1, canonical=str(points)) == facts.revision
            self._books_are_apart(desk, points)
            assert ([points], [f"said-{points}"]) == ([row.score for row in desk.standings()], desk.said())
            assert [row.referee for row in store.referrals(desk.program, "alice", None, None, 9)] == ["bob"]
            assert points <= 5 or store.due(desk.program, START + timedelta(days=6), 9) == []  # noqa: PLR2004
        assert Facts() == store.read(
            Wanted("acm", members=frozenset({"alice"}), spends=frozenset({("spring", "points")}))
        )

    def _books_are_apart(self, desk: Desk, points: int) -> None:
        """Each page of the books shows one record, that of the program."""
        store, program = desk.store, desk.program
        at = START + timedelta(days=points)
        assert [points] == [row.amount for row in store.transfers(program, "alice", "points", None, 9)]
        assert [points] == [row.amount for row in store.payouts(program, None, None, 9)]
        assert [f"noted-{points}"] == [row.action for row in store.audit_log(program, None, 9)]
        assert points == store.carried(program, "alice", "points", 10**9).available
        assert (Balance(available=points, expiring=points), [(at, points)]) == store.liability(program, "points")
        assert [store.due_lots(program, one, 9) for one in (at - _MOMENT, at)] == [[], [("alice", "points")]]

    def test_ids_compare_by_bytes(self, store: BlockingStore) -> None:
        """Ids that differ in case, or only by a sign at the end, are different ids everywhere."""
        desk = Desk(store)
        names = ["a", "A", "a.", "a-", "a/b", "a_b", "aB", "a:b"]
        for place, name in enumerate(names):
            desk.write(
                *joining(name),
                c.AddEvent(an_event(name, name), 0),
                c.AddCode(a_code(name.upper() + name, name), invite=True),
                c.AdjustBalance(name, "points", Balance(available=place + 1), fresh=True),
                c.AdjustBalance(name, "POINTS", Balance(available=place + 100), fresh=True),
                c.AddPayout(a_payout(name, name, amount=place + 1), 0),
                c.AdjustSpend(name, "points", place + 1, 0),
                raising(name, place + 1),
            )
        wanted = {"members": names, "events": names, "payouts": names, "units": ["points"]}
        facts = desk.read(**wanted, spends=[(name, "points") for name in names])
        assert {name: place + 1 for place, name in enumerate(names)} == {
            key: one.amount for key, one in facts.payouts.items()
        }
        assert set(names) == set(facts.members) == set(facts.events)
        assert {(name, "points"): place + 1 for place, name in enumerate(names)} == {
            key: one.available for key, one in facts.balances.items()
        }
        assert {(name, "points"): place + 1 for place, name in enumerate(names)} == {
            key: one.spent for key, one in facts.spends.items()
        }
        assert names[::-1] == [row.member for row in desk.standings()]
        assert {"A"} == set(desk.read(members=["A"], units=["points"]).members)
