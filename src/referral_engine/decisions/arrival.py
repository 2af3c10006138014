"""Arrival: a sign-up that makes a member, and who gets the credit for it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from referral_engine.codes import parse, usable
from referral_engine.members import Member, newcomer
from referral_engine.outcomes import Reason
from referral_engine.referrals import Referral, referred, refusal
from referral_engine.validation import FrozenDict

if TYPE_CHECKING:
    from referral_engine.decisions.case import Case
    from referral_engine.decisions.draft import Draft


@dataclass(frozen=True, slots=True)
class Arrival:
    """A new member, the credit for bringing it if any, the code that was used up for it, and what was refused."""

    member: Member
    referrer: Member | None = None
    referral: Referral | None = None
    code: str | None = None
    reason: Reason | None = None


def arrive(case: Case) -> Arrival:
    """Make the member of a sign-up, under the referrer that its code or its `referrer` names.

    Nothing is written; whatever is wrong with the code or the referrer is a reason, for the person did join.
    """
    event = case.event
    member = newcomer(event.member, case.at)
    if event.code is not None:
        return _by_code(case, member, event.code)
    if event.referrer is not None:
        return _credit(case.draft, member, event.referrer, None, None)
    return Arrival(member)


def _by_code(case: Case, member: Member, given: str) -> Arrival:
    parsed = parse(case.compiled.program.codes, given)
    if parsed.text is None:
        return Arrival(member, reason=Reason.of("invalid_code", code=given, problem=parsed.problem))
    code = case.draft.code(parsed.text)
    if code is None:
        return Arrival(member, reason=Reason.of("unknown_code", code=parsed.text))
    if (problem := usable(code, member.joined_at)) is not None:
        return Arrival(member, reason=Reason.of(problem, code=parsed.text))
    if code.owner is None:
        return Arrival(member, code=code.text, reason=Reason.of("no_referrer", code=parsed.text))
    return _credit(case.draft, member, code.owner, code.campaign, code.text)


def _credit(draft: Draft, member: Member, referrer_id: str, campaign: str | None, code: str | None) -> Arrival:
    referrer = member if referrer_id == member.id else draft.member(referrer_id)
    if referrer is None:
        return Arrival(member, reason=Reason.of("unknown_referrer", referrer=referrer_id))
    if (problem := refusal(member, referrer)) is not None:
        return Arrival(member, reason=Reason.of(problem, referrer=referrer_id))
    referral = Referral(
        referee=member.id,
        referrer=referrer.id,
        state="qualified",
        channel=None,
        campaign=campaign,
        code=code,
        link=None,
        at=member.joined_at,
        qualified_at=member.joined_at,
    )
    return Arrival(referred(member, referrer), credited(referrer, 1, 1), referral, code)


def credited(referrer: Member, total: int, qualified: int) -> Member:
    """Add to a referrer's counts of referrals."""
    return Member(
        id=referrer.id,
        joined_at=referrer.joined_at,
        referrer=referrer.referrer,
        root=referrer.root,
        depth=referrer.depth,
        roles=referrer.roles,
        tags=referrer.tags,
        referrals_total=referrer.referrals_total + total,
        referrals_qualified=referrer.referrals_qualified + qualified,
    )


def referral_payload(referral: Referral) -> FrozenDict[str | None]:
    """What the outbox tells about a referral."""
    return FrozenDict(referee=referral.referee, referrer=referral.referrer, campaign=referral.campaign)
