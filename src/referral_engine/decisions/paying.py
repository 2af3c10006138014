"""Paying: the grants, transfers and figures that giving comes to."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.decisions.purse import Purse
from referral_engine.ids import derived_id
from referral_engine.ledger import Balance, Grant, StoredGrant, Transfer
from referral_engine.validation import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from referral_engine.decisions.case import Case
    from referral_engine.decisions.compiled import CompiledRule
    from referral_engine.decisions.view import View
    from referral_engine.ledger import GrantState
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
            confirmed_by=award.confirmed_by,
        )
        case.grants.append(grant)
        _book(case, rule, grant)


def _book(case: Case, rule: CompiledRule, grant: Grant) -> None:
    draft, campaign, amount, held = case.draft, rule.campaign.id, grant.amount, grant.held
    _spend(case, rule, grant)
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
    expiry, slot, text = case.compiled.expiry.get(grant.unit), None, None
    if held:
        draft.adjust_balance(grant.member, grant.unit, Balance(held=amount))
        text = None if expiry is None else expiry.text
    else:
        purse = Purse(case.compiled, draft, grant.member, grant.unit, case.now)
        slot = purse.credit(amount, case.at, grant.id, expiry, Balance(lifetime=amount))
    state: GrantState = "held" if held else "posted"
    stored = StoredGrant(grant, case.event.id, campaign, state, 0, 0, rule.campaign.reversal, text, slot)
    draft.put_grant(stored)
    draft.message(f"grant.{state}", case.at, grant_payload(grant, case.event.id, amount))


def _spend(case: Case, rule: CompiledRule, grant: Grant) -> None:
    """Take the grant out of the campaign's budget, if it has one, with the alarms that it sets off."""
    campaign, unit = rule.campaign.id, grant.unit
    held = grant.amount if grant.held else 0
    total = rule.campaign.total(unit)
    if total is None:
        case.draft.adjust_spend(campaign, unit, grant.amount - held, held)
        return
    for percent in case.draft.spend_within(campaign, unit, grant.amount - held, held, total):
        payload = FrozenDict(
            campaign=campaign, unit=unit, percent=percent, total=total, given=case.draft.committed(campaign, unit)
        )
        case.draft.message("budget.alarm", case.at, payload)


def grant_payload(grant: Grant, event_id: str, amount: int) -> FrozenDict[str | int]:
    """What the outbox tells about a grant."""
    return FrozenDict(
        grant=grant.id, event=event_id, rule=grant.rule, member=grant.member, unit=grant.unit, amount=amount
    )
