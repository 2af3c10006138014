"""Paying: the grants, transfers and figures that giving comes to."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from referral_engine.decisions.compiled import Compiled, CompiledRule
from referral_engine.decisions.draft import Draft
from referral_engine.decisions.view import View
from referral_engine.ids import derived_id
from referral_engine.ledger.balance import Balance
from referral_engine.ledger.grant import Grant, StoredGrant
from referral_engine.rewards.reward import Award
from referral_engine.validation import FrozenDict


def pay(
    draft: Draft,
    compiled: Compiled,
    rule: CompiledRule,
    view: View,
    awards: Sequence[Award],
    amounts: Sequence[int],
) -> list[Grant]:
    """Grant every amount above 0, at once or on hold, at the expense of the rule's campaign."""
    grants: list[Grant] = []
    for side, (award, amount) in enumerate(zip(awards, amounts, strict=True)):
        if not amount:
            continue
        to_referrer = award.to == "referrer" and view.referrer is not None
        grant = Grant(
            id=derived_id(compiled.id, view.event.id, rule.id, side),
            rule=rule.id,
            to=award.to,
            member=view.referrer.id if to_referrer and view.referrer is not None else view.member.id,
            kind=compiled.program.units[award.unit].kind,
            unit=award.unit,
            amount=amount,
            wanted=award.amount,
            held_until=None if award.hold is None else view.at + award.hold,
        )
        grants.append(grant)
        _book(draft, rule, view, grant)
    return grants


def _book(draft: Draft, rule: CompiledRule, view: View, grant: Grant) -> None:
    campaign, event_id, amount = rule.campaign, view.event.id, grant.amount
    total = campaign.total(grant.unit)
    payload = grant_payload(grant, event_id, amount)
    if grant.held_until is not None:
        draft.put_grant(StoredGrant(grant, event_id, campaign.id, "held"))
        draft.adjust_balance(grant.member, grant.unit, Balance(held=amount))
        draft.adjust_spend(campaign.id, grant.unit, held=amount, total=total)
        draft.transfer(
            derived_id(grant.id, "hold"),
            "hold",
            ("campaign", "held"),
            amount,
            member=grant.member,
            unit=grant.unit,
            campaign=campaign.id,
            reference=event_id,
            at=view.at,
        )
        draft.message("grant.held", view.at, payload)
        return
    draft.put_grant(StoredGrant(grant, event_id, campaign.id, "posted"))
    draft.adjust_balance(grant.member, grant.unit, Balance(available=amount, lifetime=amount))
    draft.adjust_spend(campaign.id, grant.unit, spent=amount, total=total)
    draft.transfer(
        derived_id(grant.id, "grant"),
        "grant",
        ("campaign", "available"),
        amount,
        member=grant.member,
        unit=grant.unit,
        campaign=campaign.id,
        reference=event_id,
        at=view.at,
    )
    draft.message("grant.posted", view.at, payload)
    repay(draft, grant, amount, view.at)


def repay(draft: Draft, grant: Grant, posted: int, at: datetime) -> None:
    """Let what was just posted repay what the member owes, before anything else."""
    owed = min(posted, draft.balance(grant.member, grant.unit).debt)
    if not owed:
        return
    draft.adjust_balance(grant.member, grant.unit, Balance(available=-owed, debt=-owed))
    draft.transfer(
        derived_id(grant.id, "repayment"),
        "repayment",
        ("available", "debt"),
        owed,
        member=grant.member,
        unit=grant.unit,
        campaign=None,
        reference=grant.id,
        at=at,
    )


def grant_payload(grant: Grant, event_id: str, amount: int) -> FrozenDict[str | int]:
    """What the outbox tells about a grant."""
    return FrozenDict(
        grant=grant.id, event=event_id, rule=grant.rule, member=grant.member, unit=grant.unit, amount=amount
    )
