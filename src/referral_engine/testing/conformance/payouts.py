"""Payouts: what a store promises about cash that was asked for."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from referral_engine import changes as c
from referral_engine.ledger.balance import Balance
from referral_engine.testing.conformance.samples import PROGRAM, START, Desk, a_payout, joining, owning, saying

if TYPE_CHECKING:
    from referral_engine.ports import BlockingStore

_LATER = START + timedelta(hours=23, minutes=59, seconds=59, microseconds=999_999)


class Payouts:
    """What is kept of payouts, who is led to by them, and how they are listed."""

    def test_a_payout_is_kept_to_the_last_detail(self, store: BlockingStore) -> None:
        """Every field of a payout that was requested, or decided, comes back equal."""
        desk = Desk(store)
        asked = a_payout("p1", amount=10**15, memo="in words, also 中文", requested_at=_LATER)
        decided = a_payout("p2", "bob", state="rejected", decided_at=_LATER, actor="staff")
        desk.write(*joining("alice", "bob"), c.AddPayout(asked, 0), c.AddPayout(decided, 0))
        assert {"p1": asked, "p2": decided} == desk.read(payouts=["p1", "p2", "p3"]).payouts

    def test_a_payout_is_decided(self, store: BlockingStore) -> None:
        """State, time and actor become those given; the place among the payouts stays, and so do the others."""
        desk = Desk(store)
        desk.write(*joining("alice"), c.AddPayout(a_payout("p1"), 0), c.AddPayout(a_payout("p2"), 0))
        places = {row.id: row.cursor for row in store.payouts(PROGRAM, None, None, 9)}
        paid = a_payout("p1", state="paid", decided_at=_LATER, actor="staff")
        desk.write(c.UpdatePayout(paid))
        assert {"p1": paid, "p2": a_payout("p2")} == desk.read(payouts=["p1", "p2"]).payouts
        assert places == {row.id: row.cursor for row in store.payouts(PROGRAM, None, None, 9)}

    def test_a_payout_leads_to_its_member(self, store: BlockingStore) -> None:
        """Whose payout is wanted is concerned, with the facts that are wanted of it."""
        desk = Desk(store)
        desk.write(*joining("alice", "bob"), c.AddPayout(a_payout("p1"), 0), c.AddPayout(a_payout("p2", "bob"), 0))
        desk.write(owning(available=3, unit="usd"), owning("bob", available=4, unit="usd"))
        facts = desk.read(payouts=["p1"], units=["usd"])
        assert ({"alice"}, {"p1"}) == (set(facts.members), set(facts.payouts))
        assert {("alice", "usd"): Balance(available=3)} == facts.balances

    def test_payouts_are_paged(self, store: BlockingStore) -> None:
        """Payouts come in the order of recording, of the asked state, after a cursor, at most `limit` of them."""
        desk = Desk(store)
        desk.join("alice", "bob")
        names = ["p5", "p1", "p4", "p2", "p3"]
        for place, name in enumerate(names):
            desk.write(saying("said"), c.AddPayout(a_payout(name, ("alice", "bob")[place % 2]), 0))
        Desk(store, "other").write(*joining("alice"), c.AddPayout(a_payout("p9"), 0))
        for name in ("p4", "p5"):
            desk.write(c.UpdatePayout(a_payout(name, state="paid", decided_at=_LATER, actor="staff")))
        rows = store.payouts(PROGRAM, None, None, 9)
        assert names == [row.id for row in rows]
        assert [row.cursor for row in rows] == sorted({row.cursor or 0 for row in rows})
        assert names[:2] == [row.id for row in store.payouts(PROGRAM, None, None, 2)]
        assert names[3:] == [row.id for row in store.payouts(PROGRAM, None, rows[2].cursor, 9)]
        assert [row.id for row in store.payouts(PROGRAM, "paid", None, 9)] == ["p5", "p4"]
        assert [row.id for row in store.payouts(PROGRAM, "paid", rows[0].cursor, 9)] == ["p4"]
        assert [row.id for row in store.payouts(PROGRAM, "requested", rows[1].cursor, 1)] == ["p2"]
        assert store.payouts(PROGRAM, "failed", None, 9) == []
        assert store.payouts(PROGRAM, None, rows[4].cursor, 9) == []
