"""Lots: what a store promises about points that expire, from the facts of one member to what is owed to all."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from referral_engine import changes as c
from referral_engine.facts import Wanted
from referral_engine.ledger.balance import Balance
from referral_engine.ledger.lot import Lot
from referral_engine.testing.conformance.samples import PROGRAM, START, Desk, a_referral, joining, keeping, owning

if TYPE_CHECKING:
    from collections.abc import Mapping

    from referral_engine.facts import Facts
    from referral_engine.ports import BlockingStore

_DAY = timedelta(days=1)
_MOMENT = timedelta(microseconds=1)


def _shown(desk: Desk, *members: str, unit: str = "points") -> dict[str, Mapping[str, Lot]]:
    """The lots of members in one unit, for those who have any."""
    facts = desk.read(members=members, units=[unit], lot_units=[unit])
    return {member: lots for (member, _), lots in facts.lots.items() if lots}


def _a_lot(slot: str, remaining: int, *, days: int, member: str = "alice") -> Lot:
    return Lot(member, "points", slot, START + days * _DAY, remaining)


class Lots:
    """What is kept of lots, what is shown of them, and which are due."""

    def test_a_lot_adds_up(self, store: BlockingStore) -> None:
        """A lot that is missing begins at 0; what is added and taken adds up, each lot by itself, up to 2**63 - 1."""
        desk = Desk(store)
        most = 2**63 - 1
        desk.join("alice", "bob")
        desk.write(
            owning(available=most, expiring=most),
            owning("bob", available=3, expiring=3),
            keeping("l1", 5, days=9),
            keeping("l2", most - 9, days=8),
            keeping("l1", 3, days=9, member="bob"),
        )
        desk.write(keeping("l1", 7, days=9))
        desk.write(keeping("l1", -3, days=9), keeping("l3", 0, days=7))
        lots = {"l1": _a_lot("l1", 9, days=9), "l2": _a_lot("l2", most - 9, days=8)}
        assert {"alice": lots, "bob": {"l1": _a_lot("l1", 3, days=9, member="bob")}} == _shown(desk, "alice", "bob")

    @pytest.mark.parametrize("by", [2, 0, -2])
    def test_a_lot_is_never_shortened(self, store: BlockingStore, by: int) -> None:
        """Whatever is added to a lot, it expires when it did or, if that is later, when the change says."""
        desk = Desk(store)
        desk.write(*joining("alice"), owning(available=9, expiring=9), keeping("l1", 9, days=9))
        desk.write(keeping("l1", by, days=8))
        assert {"alice": {"l1": _a_lot("l1", 9 + by, days=9)}} == _shown(desk, "alice")
        desk.write(keeping("l1", by, days=10))
        assert {"alice": {"l1": _a_lot("l1", 9 + 2 * by, days=10)}} == _shown(desk, "alice")
        assert store.due_lots(PROGRAM, START + 9 * _DAY, 9) == []
        assert store.due_lots(PROGRAM, START + 10 * _DAY, 9) == [("alice", "points")]

    def test_a_spent_lot_lives_on_when_it_is_filled_again(self, store: BlockingStore) -> None:
        """A lot with nothing left keeps its end: filled again, it expires when it did, or later."""
        desk = Desk(store)
        desk.write(*joining("alice"), owning(available=9, expiring=9), keeping("l1", 9, days=9))
        desk.write(owning(available=-9, expiring=-9, fresh=False), keeping("l1", -9, days=9))
        desk.write(owning(available=2, expiring=2, fresh=False), keeping("l1", 2, days=7))
        assert {"alice": {"l1": _a_lot("l1", 2, days=9)}} == _shown(desk, "alice")

    def test_only_lots_with_something_left_are_shown(self, store: BlockingStore) -> None:
        """Facts show the lots of the members concerned in `lot_units` that have something left, and no others."""
        desk = Desk(store)
        desk.join("alice", "bob")
        for unit in ("points", "usd"):
            desk.write(
                owning(available=5, expiring=5, unit=unit),
                owning("bob", available=7, expiring=7, unit=unit),
                keeping("l1", 4, days=9, unit=unit),
                keeping("l2", 5, days=9, unit=unit),
                keeping("l1", 7, days=9, unit=unit, member="bob"),
            )
        desk.write(keeping("l1", -4, days=9))
        assert {"alice": {"l2": _a_lot("l2", 5, days=9)}} == _shown(desk, "alice")
        assert desk.read(members=["alice"], units=["points", "usd"]).lots == {}
        facts = desk.read(members=["alice"], units=["points", "usd"], lot_units=["usd"])
        assert {key: set(lots) for key, lots in facts.lots.items()} == {("alice", "usd"): {"l1", "l2"}}
        desk.write(owning(available=-5, expiring=-5, fresh=False), keeping("l2", -5, days=9))
        assert _shown(desk, "alice") == {}

    def test_a_decision_sees_the_lots_it_wants(self, store: BlockingStore) -> None:
        """`decide` is shown every lot that is wanted and has something left, of a member it is led to as well."""
        desk = Desk(store)
        desk.write(*joining("alice", "bob"), c.AddReferral(a_referral("bob", "alice"), 0))
        desk.write(owning(available=9, expiring=9), keeping("l1", 4, days=9), keeping("l2", 5, days=3))
        seen: list[dict[str, Lot]] = []
        units = frozenset({"points"})
        wanted = Wanted(PROGRAM, actors=frozenset({"bob"}), units=units, lot_units=units)

        def decide(facts: Facts) -> c.Decision[None]:
            lots = facts.lots.get(("alice", "points"), {})
            seen.append({slot: lot for slot, lot in lots.items() if lot.remaining})
            return c.Decision(None)

        store.apply(wanted, decide)
        assert {"l1": _a_lot("l1", 4, days=9), "l2": _a_lot("l2", 5, days=3)} == seen[-1]

    def test_lots_are_due_by_time(self, store: BlockingStore) -> None:
        """Members and units are named by when their first lot is due, each once, from its end on, at most `limit`."""
        desk = Desk(store)
        names = ["carol", "alice", "dave", "bob"]
        desk.write(*joining(*names))
        for place, name in enumerate(names):
            desk.write(
                owning(name, available=6, expiring=6),
                keeping("l1", 2, days=place + 1, member=name),
                keeping("l2", 1, days=9 - place, member=name),
                keeping("l3", 3, days=20, member=name),
            )
        desk.write(
            owning("bob", available=1, expiring=1, unit="usd"), keeping("l1", 1, days=5, member="bob", unit="usd")
        )
        assert store.due_lots(PROGRAM, START + _DAY - _MOMENT, 9) == []
        assert store.due_lots(PROGRAM, START + _DAY, 9) == [("carol", "points")]
        everybody = [*((name, "points") for name in names), ("bob", "usd")]
        assert everybody == store.due_lots(PROGRAM, START + 19 * _DAY, 9)
        assert everybody[:3] == store.due_lots(PROGRAM, START + 19 * _DAY, 3)

    def test_a_spent_lot_is_not_due(self, store: BlockingStore) -> None:
        """A lot with nothing left is not due; another one of the same member and unit is, at its own time."""
        desk = Desk(store)
        desk.write(*joining("alice", "bob"), owning(available=4, expiring=4), owning("bob", available=1, expiring=1))
        desk.write(keeping("l1", 2, days=1), keeping("l2", 2, days=3), keeping("l1", 1, days=2, member="bob"))
        desk.write(owning(available=-2, expiring=-2, fresh=False), keeping("l1", -2, days=1))
        assert store.due_lots(PROGRAM, START + 2 * _DAY, 9) == [("bob", "points")]
        assert store.due_lots(PROGRAM, START + 3 * _DAY, 9) == [("bob", "points"), ("alice", "points")]

    def test_the_liability_adds_up_everybody(self, store: BlockingStore) -> None:
        """All balances in one unit are added figure by figure, and what is left of its lots by when they expire."""
        desk = Desk(store)
        assert store.liability(PROGRAM, "points") == (Balance(), [])
        desk.write(*joining("alice", "bob", "carol"))
        desk.write(
            owning(available=9, held=1, lifetime=2, expired=3, redeemed=4, expiring=9, paying=6),
            owning("bob", available=2**62, held=10, lifetime=20, expired=30, redeemed=40, expiring=7, paying=60),
            owning("carol", debt=8),
            owning(available=100, expiring=100, unit="usd"),
            keeping("l1", 4, days=9),
            keeping("l2", 5, days=3),
            keeping("other", 7, days=9, member="bob"),
            keeping("l1", 100, days=9, unit="usd"),
        )
        Desk(store, "other").write(*joining("alice"), owning(available=1, expiring=1), keeping("l1", 1, days=9))
        total, left = store.liability(PROGRAM, "points")
        assert total == Balance(2**62 + 9, 11, 22, 33, 44, 8, 16, 66)
        assert sorted(left) == [(START + 3 * _DAY, 5), (START + 9 * _DAY, 11)]
        desk.write(owning(available=-5, expiring=-5, fresh=False), keeping("l2", -5, days=3))
        assert store.liability(PROGRAM, "points")[1] == [(START + 9 * _DAY, 11)]
