"""Paying: the grants, transfers and figures that giving comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.ids import derived_id
from referral_engine.ledger import Balance, Grant, StoredGrant, Transfer
from referral_engine.validation import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from referral_engine.decisions.case import Case
    from referral_engine.decisions.compiled import CompiledRule
    from referral_engine.decisions.draft import Draft
    from referral_engine.decisions.view import View
    from referral_engine.rewards.reward import Award


def recipient(view: View, award: Award) -> str:
    """Who an award goes to."""
    return view.referrer.id if award.to == "referrer" and view.referrer is not None else view.member.id


def pay(case: Case, rule: CompiledRule, view: View, awards: Sequence[Award], amounts: Sequence[int]) -> None:
    """Grant every amount above 0, at once or on hold, at the expense of the rule's campaign."""
    for side, (award, amount) in enumerate(zip(awards, amounts, strict=True)):
        if not amount:
            continue
        grant = Grant(
            id=derived_id(case.compiled.id, case.event.id, rule.id, side),
            rule=rule.id,
            to=award.to,
            member=recipient(view, award),
            kind=case.compiled.program.units[award.unit].kind,
            unit=award.unit,
            amount=amount,
            wanted=award.amount,
            held_until=None if award.hold is None else case.at + award.hold,
        )
        case.grants.append(grant)
        _book(case, rule, grant)


def _book(case: Case, rule: CompiledRule, grant: Grant) -> None:
    draft, campaign, amount = case.draft, rule.campaign.id, grant.amount
    held = grant.held_until is not None
    draft.put_grant(StoredGrant(grant, case.event.id, campaign, "held" if held else "posted"))
    draft.adjust_balance(
        grant.member, grant.unit, Balance(held=amount) if held else Balance(available=amount, lifetime=amount)
    )
    total = rule.campaign.total(grant.unit)
    draft.adjust_spend(campaign, grant.unit, 0 if held else amount, amount if held else 0, total)
    draft.transfer(
        Transfer(
            id=derived_id(grant.id, "hold" if held else "grant"),
            kind="hold" if held else "grant",
            member=grant.member,
            unit=grant.unit,
            amount=amount,
            debit="campaign",
            credit="held" if held else "available",
            campaign=campaign,
            reference=case.event.id,
            memo=None,
            at=case.at,
        )
    )
    payload = grant_payload(grant, case.event.id, amount)
    draft.message("grant.held" if held else "grant.posted", case.at, payload)
    if not held:
        repay(draft, grant, amount, case.at)


def repay(draft: Draft, grant: Grant, posted: int, at: datetime) -> None:
    """Let what was just posted repay what the member owes, before anything else."""
    owed = min(posted, draft.balance(grant.member, grant.unit).debt)
    if not owed:
        return
    draft.adjust_balance(grant.member, grant.unit, Balance(available=-owed, debt=-owed))
    draft.transfer(
        Transfer(
            id=derived_id(grant.id, "repayment"),
            kind="repayment",
            member=grant.member,
            unit=grant.unit,
            amount=owed,
            debit="available",
            credit="debt",
            campaign=None,
            reference=grant.id,
            memo=None,
            at=at,
        )
    )


def grant_payload(grant: Grant, event_id: str, amount: int) -> FrozenDict[str | int]:
    """What the outbox tells about a grant."""
    return FrozenDict(
        grant=grant.id, event=event_id, rule=grant.rule, member=grant.member, unit=grant.unit, amount=amount
    )
