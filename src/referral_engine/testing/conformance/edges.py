"""Edges: for each precondition of a change, what just breaks it, and what just keeps it."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from referral_engine import changes as c
from referral_engine.ledger.balance import Balance
from referral_engine.testing.conformance.samples import (
    START,
    a_code,
    a_grant,
    a_limit,
    a_payout,
    a_referral,
    a_revision,
    a_transfer,
    an_event,
    keeping,
    owning,
    raising,
)
from referral_engine.validation import TOTAL_MAX

Step = tuple[c.Change, ...]


def spending(spent: int, held: int = 0, total: int | None = 100) -> c.AdjustSpend:
    """The change that gives out of a budget of `total`, or gives back to it."""
    most = TOTAL_MAX if total is None or spent + held <= 0 else total - spent - held
    return c.AdjustSpend("spring", "points", spent, held, 0, most)


def _between(low: int, high: int) -> c.AdjustSpend:
    """The change that gives one point as long as what was given before lies within bounds."""
    return c.AdjustSpend("spring", "points", 1, 0, low, high)


def _own(text: str, campaign: str | None) -> c.AddCode:
    return c.AddCode(a_code(text, "alice", campaign=campaign), invite=True)


_RICH = owning(available=5, held=5, lifetime=5, expired=5, redeemed=5, debt=5, expiring=5, paying=5)
_CODE = c.AddCode(a_code("C1", max_uses=2), invite=False)

REFUSED: dict[str, tuple[Step, c.Change]] = {
    "an event's id is taken": ((c.AddEvent(an_event("buy-1"), 0),), c.AddEvent(an_event("buy-1"), 0)),
    "a referee has a referrer": (
        (c.AddReferral(a_referral("bob", "alice"), 0),),
        c.AddReferral(a_referral("bob", "carol"), 0),
    ),
    "a referral to update is not kept": ((), c.UpdateReferral(a_referral("bob", "alice", state="reversed"))),
    "a code's text is taken": ((_CODE,), c.AddCode(a_code("C1", "bob"), invite=False)),
    "an owner has an invite code for the campaign": ((_own("C1", "spring"),), _own("C2", "spring")),
    "an owner has an invite code for every campaign": ((_own("C1", None),), _own("C2", None)),
    "a code to disable is not kept": ((), c.DisableCode("C1")),
    "a code to use is not kept": ((), c.UseCode("C1", 1)),
    "a code is disabled": ((_CODE, c.DisableCode("C1")), c.UseCode("C1", 1)),
    "a code is used up": ((_CODE, c.UseCode("C1", 2)), c.UseCode("C1", 1)),
    "a code has not so many uses left": ((_CODE, c.UseCode("C1", 1)), c.UseCode("C1", 2)),
    "a code with max_uses=0 has none": ((c.AddCode(a_code("C1", max_uses=0), invite=False),), c.UseCode("C1", 1)),
    **{
        f"{name} would fall below 0": (
            (_RICH,),
            c.AdjustBalance("alice", "points", replace(Balance(), **{name: -6}), fresh=False),
        )
        for name in ("available", "held", "lifetime", "expired", "redeemed", "debt", "expiring", "paying")
    },
    "a new balance would be below 0": ((), owning(available=-1)),
    "more would expire than is available": ((_RICH,), owning(fresh=False, available=-1)),
    "more would expire than is available of a new balance": ((), owning(available=1, expiring=2)),
    "a lot would fall below 0": ((keeping("l1", 5, days=9),), keeping("l1", -6, days=9)),
    "a spent lot would fall below 0": (
        (keeping("l1", 5, days=9), keeping("l1", -5, days=9)),
        keeping("l1", -1, days=9),
    ),
    "a new lot would be below 0": ((), keeping("l1", -1, days=9)),
    "a lot of another unit is not drawn on": ((keeping("l1", 5, days=9, unit="usd"),), keeping("l1", -1, days=9)),
    "a grant's id is taken": ((c.AddGrant(a_grant("g1")),), c.AddGrant(a_grant("g1", "bob"))),
    "a grant to update is not kept": ((), c.UpdateGrant(a_grant("g1", reversed=1))),
    "a payout's id is taken": ((c.AddPayout(a_payout("p1"), 0),), c.AddPayout(a_payout("p1", "bob"), 0)),
    "a payout to update is not kept": ((), c.UpdatePayout(a_payout("p1", state="paid"))),
    "a transfer's id is taken": ((c.AddTransfer(a_transfer("t1"), 0),), c.AddTransfer(a_transfer("t1", "bob"), 0)),
    "a limit would fall below 0": ((c.AdjustLimit(a_limit(), 1),), c.AdjustLimit(a_limit(), -2)),
    "a new limit would be below 0": ((), c.AdjustLimit(a_limit(), -1)),
    "a budget would be passed by spending": ((spending(60, 40),), spending(1)),
    "a budget would be passed by holding": ((spending(60, 39),), spending(0, 2)),
    "a budget is smaller than the first spending": ((), spending(101)),
    "less was given than the lower bound": ((spending(20, 29),), _between(50, 99)),
    "more was given than the upper bound": ((spending(20, 80),), _between(50, 99)),
    "nothing was given yet and the lower bound is above it": ((), _between(1, 99)),
    "what a campaign spent would fall below 0": ((spending(5, 5),), spending(-6, 6)),
    "what a campaign holds would fall below 0": ((spending(5, 5),), spending(6, -6)),
    "a score would fall below 0": ((raising("alice", 1),), raising("alice", -2)),
    "a new score would be below 0": ((), raising("alice", -1)),
    "a revision's number is taken": ((c.AddRevision(a_revision(1)),), c.AddRevision(a_revision(1, revision="2" * 64))),
}
"""By what is in the way: what was written before, and the change whose precondition does not hold then."""

ALLOWED: dict[str, tuple[Step, c.Change]] = {
    "the last uses of a code": ((_CODE,), c.UseCode("C1", 2)),
    "any use of a code without max_uses": ((c.AddCode(a_code("C1"), invite=False),), c.UseCode("C1", 10_000)),
    "an invite code for another campaign": ((_own("C1", None),), _own("C2", "spring")),
    "a code of a lot beside the invite code": (
        (_own("C1", "spring"),),
        c.AddCode(a_code("C2", "alice", campaign="spring"), invite=False),
    ),
    "a balance falling to 0": ((_RICH,), owning(fresh=False, available=-5, debt=-5, expiring=-5, paying=-5)),
    "all that is available expiring": ((_RICH,), owning(fresh=False, available=1, expiring=1)),
    "a lot falling to 0": ((keeping("l1", 5, days=9),), keeping("l1", -5, days=9)),
    "a spent lot that is filled again": (
        (keeping("l1", 5, days=9), keeping("l1", -5, days=9)),
        keeping("l1", 1, days=9),
    ),
    "a lot that is missing and gets nothing": ((), keeping("l1", 0, days=9)),
    "a lot of the same name of another member": ((keeping("l1", 5, days=9),), keeping("l1", 5, days=9, member="bob")),
    "a payout decided": (
        (c.AddPayout(a_payout("p1"), 0),),
        c.UpdatePayout(a_payout("p1", state="failed", decided_at=START + timedelta(days=1), actor="staff")),
    ),
    "a limit falling to 0": ((c.AdjustLimit(a_limit(), 1),), c.AdjustLimit(a_limit(), -1)),
    "a budget spent to the last point": ((spending(60, 39),), spending(1)),
    "posting what was held of a budget that is used up": ((spending(60, 40),), spending(40, -40)),
    "giving back to a budget that was cut below what is spent": ((spending(60, 40),), spending(-1, 0, 10)),
    "spending without a budget": ((spending(60, 40),), spending(10**15, 0, None)),
    "spending again what came back": ((spending(100), spending(-30)), spending(30)),
    "giving at the lower bound": ((spending(20, 30),), _between(50, 99)),
    "giving at the upper bound": ((spending(20, 79),), _between(50, 99)),
    "giving where both bounds are what was given": ((spending(20, 30),), _between(50, 50)),
    "giving back within bounds that it leaves": (
        (spending(20, 30),),
        c.AdjustSpend("spring", "points", -20, -30, 50, 50),
    ),
    "a score falling to 0": ((raising("alice", 1),), raising("alice", -1)),
    "the next revision": ((c.AddRevision(a_revision(1)),), c.AddRevision(a_revision(2))),
}
"""By what may happen at the edge: what was written before, and the change that must be carried out then."""
