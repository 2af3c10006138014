"""Drifting: figures that do not add up are named, and so is the first sealed transfer that was changed."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import TYPE_CHECKING

import pytest

from referral_engine import changes as c
from referral_engine.facts import Footprint, ScoreKey
from referral_engine.ledger.balance import Balance
from referral_engine.outcomes import Drift
from referral_engine.testing.conformance.samples import (
    PROGRAM,
    Desk,
    a_code,
    a_grant,
    a_limit,
    a_member,
    a_payout,
    a_referral,
    a_transfer,
    an_event,
    joining,
    keeping,
    owning,
    raising,
)

if TYPE_CHECKING:
    from collections.abc import Iterable

    from referral_engine.ports import BlockingStore

Case = tuple[list[c.Change], list[Drift]]

_PURSE = "alice/points"
_LIMIT = a_limit()


def _moving(kind: str, debit: str, credit: str, member: str = "alice", **differs: object) -> c.AddTransfer:
    """The change that moves 10 points."""
    ends = {"kind": kind, "debit": debit, "credit": credit}
    return c.AddTransfer(a_transfer(f"{member}-{kind}-{debit}-{credit}", member, **ends, **differs), 0)


def _kept(figure: str) -> Case:
    """A figure of a balance that no record accounts for."""
    found = [Drift(f"balance.{figure}", _PURSE, 5, 0)]
    if figure == "paying":
        found.append(Drift("payout.paying", _PURSE, 5, 0))
    by = replace(Balance(), **{figure: 5})
    if figure == "expiring":
        found.append(Drift("balance.available", _PURSE, 5, 0))
        by = replace(by, available=5)
    return [c.AdjustBalance("alice", "points", by, fresh=True)], found


def _moved(kind: str, debit: str, credit: str, **figures: int) -> Case:
    """A transfer that no balance was changed by."""
    found = [Drift(f"balance.{name}", _PURSE, 0, expected) for name, expected in figures.items()]
    return [_moving(kind, debit, credit)], found


DRIFTS: dict[str, Case] = {
    **{f"{one.name} without a record": _kept(one.name) for one in fields(Balance)},
    "a grant that was not booked": _moved("grant", "campaign", "available", available=10, lifetime=10),
    "a hold that was not booked": _moved("hold", "campaign", "held", held=10),
    "a release that was not booked": _moved("release", "held", "available", held=-10, available=10, lifetime=10),
    "a hold voided and not booked": _moved("void", "held", "campaign", held=-10),
    "a reversal that was not booked": _moved("reversal", "available", "campaign", available=-10, lifetime=-10),
    "a reversal on credit that was not booked": _moved("reversal", "debt", "campaign", debt=10, lifetime=-10),
    "a repayment that was not booked": _moved("repayment", "available", "debt", available=-10, debt=-10),
    "a redemption that was not booked": _moved("redemption", "available", "redeemed", available=-10, redeemed=10),
    "an expiry that was not booked": _moved("expiry", "available", "expired", available=-10, expired=10),
    "what staff gave and was not booked": _moved("adjustment", "issuer", "available", available=10, lifetime=10),
    "what staff took and was not booked": _moved("adjustment", "available", "issuer", available=-10),
    "a payout that was not booked": _moved("payout", "available", "paying", available=-10, paying=10),
    "a payout paid and not booked": _moved("payout_paid", "paying", "redeemed", paying=-10, redeemed=10),
    "a payout returned and not booked": _moved("payout_return", "paying", "available", paying=-10, available=10),
    "a lot beside the balance": ([keeping("l1", 5, days=9)], [Drift("balance.expiring", _PURSE, 0, 5)]),
    "a lot in another unit than the balance": (
        [
            _moving("grant", "campaign", "available"),
            owning(available=10, lifetime=10, expiring=4),
            keeping("l1", 3, days=9),
            keeping("l2", 1, days=9, unit="usd"),
        ],
        [Drift("balance.expiring", _PURSE, 4, 3), Drift("balance.expiring", "alice/usd", 0, 1)],
    ),
    "a payout requested beside the balance": (
        [c.AddPayout(a_payout("p1"), 0)],
        [Drift("payout.paying", "alice/usd", 0, 10)],
    ),
    "a payout requested and another one paid": (
        [
            _moving("payout", "campaign", "paying"),
            owning(paying=10),
            c.AddPayout(a_payout("p1", unit="points"), 0),
            c.AddPayout(a_payout("p2", unit="points", state="paid"), 0),
        ],
        [],
    ),
    "a payout decided that is still set aside": (
        [
            _moving("payout", "campaign", "paying"),
            owning(paying=10),
            *(c.AddPayout(a_payout(name, unit="points", state=name), 0) for name in ("paid", "failed", "rejected")),
        ],
        [Drift("payout.paying", _PURSE, 10, 0)],
    ),
    "a transfer that never arrived": (
        [_moving("transfer", "available", "clearing"), _moving("grant", "campaign", "available"), owning(lifetime=10)],
        [Drift("clearing", "points/buy-1", 10, 0)],
    ),
    "a transfer that arrived under another reference": (
        [
            _moving("transfer", "available", "clearing", reference="k1"),
            _moving("grant", "campaign", "available"),
            _moving("transfer", "clearing", "available", "bob", reference="k2"),
            owning(lifetime=10),
            owning("bob", available=10),
        ],
        [Drift("clearing", "points/k1", 10, 0), Drift("clearing", "points/k2", -10, 0)],
    ),
    "a transfer that arrived": (
        [
            _moving("transfer", "available", "clearing"),
            _moving("grant", "campaign", "available"),
            _moving("transfer", "clearing", "available", "bob"),
            owning(lifetime=10),
            owning("bob", available=10),
        ],
        [],
    ),
    "spending without grants": (
        [c.AdjustSpend("spring", "points", 5, 7)],
        [Drift("budget.spent", "spring/points", 5, 0), Drift("budget.held", "spring/points", 7, 0)],
    ),
    "grants without spending": (
        [
            c.AddGrant(a_grant("g1", reversed=4)),
            c.AddGrant(a_grant("g2", state="held", reversed=1)),
            c.AddGrant(a_grant("g3", state="voided")),
        ],
        [Drift("budget.spent", "spring/points", 0, 6), Drift("budget.held", "spring/points", 0, 9)],
    ),
    "a tally without events": (
        [c.AdjustTally("alice", "visit", 2, 30)],
        [Drift("tally.count", "alice/visit", 2, 0), Drift("tally.sum", "alice/visit", 30, 0)],
    ),
    "events without a tally": (
        [c.AddEvent(an_event("buy-1"), 0), c.AddEvent(an_event("buy-2", counted=False), 0)],
        [Drift("tally.count", "alice/purchase", 0, 1), Drift("tally.sum", "alice/purchase", 0, 100)],
    ),
    "a referral that its referrer was not credited with": (
        [c.AddReferral(a_referral("bob", "alice"), 0)],
        [Drift("member.referrals_total", "alice", 0, 1), Drift("member.referrals_qualified", "alice", 0, 1)],
    ),
    "a referral that ended and is credited": (
        [
            c.AddReferral(a_referral("bob", "alice", state="reversed"), 0),
            c.PutMember(a_member("alice", referrals_total=1, referrals_qualified=1), fresh=False),
        ],
        [Drift("member.referrals_qualified", "alice", 1, 0)],
    ),
    "counters without a footprint": (
        [c.AdjustLimit(_LIMIT, 3), raising("alice", 4), c.UseCode("C1", 2)],
        [
            Drift("limit", "/".join(_LIMIT), 3, 0),
            Drift("score", "inviters/2026-03/alice", 4, 0),
            Drift("code.uses", "C1", 2, 0),
        ],
    ),
    "a footprint without counters": (
        [
            c.AdjustTally("alice", "purchase", 1, 100),
            c.AddEvent(
                an_event(
                    "buy-1", footprint=Footprint(((_LIMIT, 3),), ((ScoreKey("inviters", "2026-03", "alice"), 4),), "C1")
                ),
                0,
            ),
        ],
        [
            Drift("limit", "/".join(_LIMIT), 0, 3),
            Drift("score", "inviters/2026-03/alice", 0, 4),
            Drift("code.uses", "C1", 0, 1),
        ],
    ),
}
"""By what is wrong: what is written beside a code and two members, and the drift that must be named; none is health."""


def _chain(found: Iterable[Drift]) -> list[str]:
    return [drift.key for drift in found if drift.what == "chain"]


class Drifting:
    """What `drift` promises: all that does not add up, and nothing else."""

    @pytest.mark.parametrize("case", sorted(DRIFTS))
    def test_what_does_not_add_up_is_named(self, store: BlockingStore, case: str) -> None:
        """Each figure that is not what the records add up to is listed once, with what is kept and what it should be.

        Another program, in which everything adds up, has none of it.
        """
        changes, expected = DRIFTS[case]
        desk = Desk(store)
        desk.write(*joining("alice", "bob"), c.AddCode(a_code("C1"), invite=False))
        Desk(store, "other").write(*joining("alice", "bob"))
        desk.write(*changes)
        assert set(expected) == set(found := store.drift(PROGRAM))
        assert len(expected) == len(found)
        assert store.drift("other") == []

    def test_an_empty_program_is_healthy(self, store: BlockingStore) -> None:
        """A program that nobody has written to has no drift."""
        assert store.drift(PROGRAM) == []

    def forge(self, store: BlockingStore, program: str, transfer_id: str) -> None:
        """Add 1 to the amount of a kept transfer, behind the store's back. A suite overrides it to prove the seals."""
        del store, program, transfer_id
        pytest.skip("the suite does not say how a kept transfer is changed; override `forge`")

    def test_sealed_transfers_that_nobody_changed_are_whole(self, store: BlockingStore) -> None:
        """A chain over several decisions, of several transfers each and of other changes between them, is not broken.

        Transfers of a decision that is not chained are not sealed and break nothing, here and in another program.
        """
        desk, other = Desk(store, chained=True), Desk(store, "other", chained=True)
        for one in (desk, other):
            one.join("alice", "bob")
            for n in range(3):
                one.write(*(c.AddTransfer(a_transfer(f"t{n}-{place}"), 0) for place in (3, 1, 2)))
                one.write(c.AddTransfer(a_transfer(f"memo-{n}", "bob", memo="in words, also 中文", campaign=None), 0))
                Desk(store, one.program).write(c.AddTransfer(a_transfer(f"loose-{n}"), 0))
        assert [] == _chain(store.drift(PROGRAM)) == _chain(store.drift("other"))

    @pytest.mark.parametrize("place", [0, 4, 8])
    def test_a_sealed_transfer_that_was_changed_is_named(self, store: BlockingStore, place: int) -> None:
        """The first transfer that is not as it was sealed is named by its cursor, wherever it stands in the chain."""
        desk = Desk(store, chained=True)
        desk.join("alice")
        for n in range(0, 9, 3):
            desk.write(*(c.AddTransfer(a_transfer(f"t{n + more}"), 0) for more in range(3)))
        rows = store.transfers(PROGRAM, "alice", "points", None, 99)
        self.forge(store, PROGRAM, f"t{place}")
        assert [str(rows[place].cursor)] == _chain(store.drift(PROGRAM))
        self.forge(store, PROGRAM, "t8")
        assert [str(rows[place].cursor)] == _chain(store.drift(PROGRAM))

    def test_a_transfer_that_is_not_sealed_is_not_missed(self, store: BlockingStore) -> None:
        """A transfer of a decision that is not chained may change without a broken seal; its balance tells."""
        desk = Desk(store)
        desk.write(*joining("alice"), c.AddTransfer(a_transfer("t1"), 0), owning(available=10, lifetime=10))
        self.forge(store, PROGRAM, "t1")
        expected = {Drift("balance.available", _PURSE, 10, 11), Drift("balance.lifetime", _PURSE, 10, 11)}
        assert expected == set(store.drift(PROGRAM))
