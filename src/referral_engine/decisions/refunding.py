"""Refunding: what a refund takes back of the grants, limits, scores and referral that its event led to."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from referral_engine.decisions.arrival import credited
from referral_engine.decisions.compiled import Compiled
from referral_engine.decisions.draft import Draft
from referral_engine.decisions.effects import Effects
from referral_engine.decisions.paying import grant_payload
from referral_engine.decisions.scoring import QUALIFIED
from referral_engine.events import REFUND, Event
from referral_engine.facts import StoredEvent
from referral_engine.ids import derived_id
from referral_engine.ledger.balance import Balance
from referral_engine.ledger.grant import Reversal, StoredGrant
from referral_engine.ledger.reversal import Sources, due_back, sources
from referral_engine.outcomes import Reason
from referral_engine.validation import FrozenDict


class Refused(Exception):
    """The event is rejected, for this reason."""

    def __init__(self, reason: Reason) -> None:
        self.reason = reason
        super().__init__(reason.code)


def refund(draft: Draft, compiled: Compiled, event: Event, at: datetime, effects: Effects) -> int | None:
    """Take back, in proportion, what the refunded event led to; answer the amount refunded, None where it has none.

    Raises Refused, with nothing written, for an event that is unknown, of another member or itself a refund, and for
    more than is left of it.
    """
    origin = _origin(draft, event)
    paid = 1 if origin.amount is None else origin.amount
    before = draft.refunded(origin.id)
    amount = paid - before if event.amount is None else event.amount
    if amount > paid - before or amount <= 0 or (origin.amount is None and event.amount is not None):
        left = 0 if origin.amount is None else paid - before
        raise Refused(Reason("refund_exceeds", None, FrozenDict(of=origin.id, asked=event.amount, left=left)))
    refunded = before + amount
    draft.put_refunded(origin.id, refunded)
    for grant_id in draft.grants_of(origin.id):
        stored = draft.grant(grant_id)
        if (back := due_back(stored.grant.amount, stored.reversed, refunded, paid)) > 0:
            effects.reversals.append(_reverse(draft, event, stored, back, at))
            _unscore(draft, compiled, origin, f"granted.{stored.grant.unit}", back, effects, stored.grant.member)
    if refunded == paid:
        _undo_whole(draft, compiled, origin, at, effects)
    return None if origin.amount is None else amount


def _origin(draft: Draft, event: Event) -> StoredEvent:
    origin = draft.event(event.of or "")
    if origin is None or origin.member != event.member or origin.type == REFUND:
        raise Refused(Reason("unknown_event", None, FrozenDict(of=event.of, member=event.member)))
    return origin


def _reverse(draft: Draft, event: Event, stored: StoredGrant, amount: int, at: datetime) -> Reversal:
    grant, held = stored.grant, stored.state == "held"
    parts = sources(amount, draft.balance(grant.member, grant.unit).available, held=held)
    state = "voided" if held and stored.left == amount else stored.state
    draft.put_grant(StoredGrant(grant, stored.event_id, stored.campaign, state, stored.reversed + amount))
    lost = 0 if held else -amount
    draft.adjust_balance(
        grant.member,
        grant.unit,
        Balance(available=-parts.available, held=-parts.held, lifetime=lost, debt=parts.debt),
    )
    draft.adjust_spend(stored.campaign, grant.unit, spent=lost, held=-parts.held)
    _move(draft, event, stored, parts, at)
    draft.message("grant.reversed", at, FrozenDict({**grant_payload(grant, event.id, amount), "debt": parts.debt}))
    return Reversal(grant.id, grant.member, grant.unit, amount, from_held=parts.held, debt=parts.debt)


def _move(draft: Draft, event: Event, stored: StoredGrant, parts: Sources, at: datetime) -> None:
    grant = stored.grant
    for account, amount in (("held", parts.held), ("available", parts.available), ("debt", parts.debt)):
        if not amount:
            continue
        draft.transfer(
            derived_id(grant.id, "back", event.id, account),
            "void" if account == "held" else "reversal",
            (account, "campaign"),
            amount,
            member=grant.member,
            unit=grant.unit,
            campaign=stored.campaign,
            reference=event.id,
            at=at,
        )


def _unscore(
    draft: Draft, compiled: Compiled, origin: StoredEvent, metric: str, by: int, effects: Effects, member: str
) -> None:
    """Lower the scores of one metric that the refunded event raised, in the period they were raised in."""
    for key, _ in dict(origin.footprint.scores).items():
        board = compiled.boards.get(key.board)
        if board is not None and board.board.metric == metric and key.member == member:
            draft.adjust_score(key, -by)
            effects.scores.append((key, -by))


def _undo_whole(draft: Draft, compiled: Compiled, origin: StoredEvent, at: datetime, effects: Effects) -> None:
    """Give the limits' slots back, and reverse the referral that a sign-up began."""
    for key, by in origin.footprint.limits:
        draft.adjust_limit(key, -by)
        effects.limits.append((key, -by))
    referral = draft.referral(origin.member)
    if origin.outcome.referral is None or referral is None or referral.state != "qualified":
        return
    draft.update_referral(replace(referral, state="reversed"))
    if (referrer := draft.member(referral.referrer)) is not None:
        draft.put_member(credited(referrer, 0, -1))
    _unscore(draft, compiled, origin, QUALIFIED, 1, effects, referral.referrer)
    draft.message("referral.reversed", at, FrozenDict(referee=referral.referee, referrer=referral.referrer))
