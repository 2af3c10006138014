"""Refunding: what a refund takes back of the grants, limits, scores and referral that its event led to."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from referral_engine.decisions.arrival import credited, referral_payload
from referral_engine.decisions.origin import origin_of
from referral_engine.decisions.paying import grant_payload
from referral_engine.decisions.purse import Purse
from referral_engine.decisions.refused import Refused
from referral_engine.decisions.scoring import QUALIFIED, unscore
from referral_engine.ids import derived_id
from referral_engine.ledger import Account, Balance, Reversal, StoredGrant, Transfer, due_back, sources
from referral_engine.outcomes import Reason
from referral_engine.validation import FrozenDict

if TYPE_CHECKING:
    from referral_engine.decisions.case import Case
    from referral_engine.facts import StoredEvent
    from referral_engine.ledger import Sources


def refund(case: Case) -> int | None:
    """Take back, in proportion, what the refunded event led to; answer the amount refunded, None where it has none.

    Raises Refused, with nothing written, for an event that is unknown, of another member or itself a refund, for more
    than is left of it, and for a sum of refunds that cannot be kept.
    """
    draft, event = case.draft, case.event
    origin = origin_of(case)
    paid = 1 if origin.amount is None else origin.amount
    refunded_before = draft.refunded(origin.id)
    amount = paid - refunded_before if event.amount is None else event.amount
    if amount > paid - refunded_before or amount <= 0 or (origin.amount is None and event.amount is not None):
        left = 0 if origin.amount is None else paid - refunded_before
        raise Refused(Reason.of("refund_exceeds", of=origin.id, asked=event.amount, left=left))
    if origin.amount is not None:
        case.refuse_overflow(amount)
    refunded = refunded_before + amount
    draft.put_refunded(origin.id, refunded)
    for grant in origin.outcome.grants:
        stored = draft.grant(grant.id)
        before = stored.reversed + stored.waived
        if (back := due_back(stored.grant.amount, before, refunded, paid)) > 0:
            reversal = _reverse(case, stored, back)
            case.reversals.append(reversal)
            if reversal.amount:
                metric = f"granted.{reversal.unit}"
                unscore(case, origin, metric, reversal.member, reversal.amount, campaign=stored.campaign)
    if refunded == paid:
        _undo_whole(case, origin)
    return None if origin.amount is None else amount


def _reverse(case: Case, stored: StoredGrant, amount: int) -> Reversal:
    """Take an amount back of one grant; what is due by now has expired before."""
    draft, grant, held = case.draft, stored.grant, stored.state == "held"
    purse = Purse(case.compiled, draft, grant.member, grant.unit, case.now)
    if not held:
        purse.expire_due()
    available = draft.balance(grant.member, grant.unit).available
    parts = sources(amount, available, stored.reversal, held=held)
    state = "voided" if held and stored.left == amount else stored.state
    draft.put_grant(
        replace(stored, state=state, reversed=stored.reversed + parts.taken, waived=stored.waived + parts.waived)
    )
    if parts.available:
        purse.draw(parts.available, stored.slot)
    lost = parts.available + parts.debt
    change = Balance(available=-parts.available, held=-parts.held, lifetime=-lost, debt=parts.debt)
    draft.adjust_balance(grant.member, grant.unit, change)
    draft.adjust_spend(stored.campaign, grant.unit, -lost, -parts.held)
    _move(case, stored, parts)
    if parts.taken:
        payload = grant_payload(grant, case.event.id, parts.taken)
        draft.message("grant.reversed", case.at, FrozenDict({**payload, "debt": parts.debt, "waived": parts.waived}))
    return Reversal(grant.id, grant.member, grant.unit, parts.taken, parts.held, parts.debt, parts.waived)


def _move(case: Case, stored: StoredGrant, parts: Sources) -> None:
    grant = stored.grant
    ends: tuple[tuple[Account, int], ...] = (
        ("held", parts.held),
        ("available", parts.available),
        ("debt", parts.debt),
    )
    for account, amount in ends:
        if amount:
            case.draft.transfer(
                Transfer(
                    id=derived_id(grant.id, "back", case.event.id, account),
                    kind="void" if account == "held" else "reversal",
                    member=grant.member,
                    unit=grant.unit,
                    amount=amount,
                    debit=account,
                    credit="campaign",
                    campaign=stored.campaign,
                    reference=case.event.id,
                    memo=None,
                    at=case.at,
                )
            )


def _undo_whole(case: Case, origin: StoredEvent) -> None:
    """Give the limits' slots back, and reverse the referral that a sign-up began."""
    for key, by in origin.footprint.limits:
        case.charge(key, -by)
    draft = case.draft
    referral = draft.referral(origin.member)
    if origin.outcome.referral is None or referral is None or referral.state != "qualified":
        return
    draft.update_referral(replace(referral, state="reversed"))
    if (referrer := draft.member(referral.referrer)) is not None:
        draft.put_member(credited(referrer, 0, -1))
    unscore(case, origin, QUALIFIED, referral.referrer, 1)
    draft.message("referral.reversed", case.at, referral_payload(referral))
