"""Attribution: who gets the credit, a pure choice with its refusals."""

from __future__ import annotations

from typing import Literal

from referral_engine.members.member import Member
from referral_engine.validation import Part


class Attribution(Part):
    """How a program gives credit. `signup`: only the sign-up that makes the member may name a referrer."""

    bind: Literal["signup"] = "signup"


RefusalCode = Literal["self_referral", "already_referred", "referral_cycle", "has_referrals"]


def refusal(referee: Member, referrer: Member) -> RefusalCode | None:
    """Say why `referrer` cannot get the credit for `referee`, or None.

    A member has one referrer, and gets none once it has referred anyone: so depth and root never change, and a cycle
    cannot arise.
    """
    if referee.id == referrer.id:
        return "self_referral"
    if referee.referrer is not None:
        return "already_referred"
    if referee.referrals_total:
        return "referral_cycle" if referrer.root == referee.id else "has_referrals"
    return None


def referred(referee: Member, referrer: Member) -> Member:
    """Place the referee under its referrer."""
    return Member(
        id=referee.id,
        joined_at=referee.joined_at,
        referrer=referrer.id,
        root=referrer.root,
        depth=referrer.depth + 1,
        roles=referee.roles,
        tags=referee.tags,
        referrals_total=referee.referrals_total,
        referrals_qualified=referee.referrals_qualified,
    )
