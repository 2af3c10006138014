"""Releasing: posting the held grants that are due."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.changes import Decision
from referral_engine.decisions.draft import Draft
from referral_engine.decisions.paying import grant_payload, repay
from referral_engine.facts import Facts, Wanted
from referral_engine.ids import derived_id
from referral_engine.ledger import Balance, StoredGrant, Transfer

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from referral_engine.decisions.compiled import Compiled


def want_release(compiled: Compiled, grant_ids: Sequence[str]) -> Wanted:
    """Name what posting these grants needs."""
    return Wanted(program=compiled.id, grants=frozenset(grant_ids), units=compiled.units)


def decide_release(facts: Facts, grant_ids: Sequence[str], now: datetime) -> Decision[int]:
    """Post those of the grants that are still held and due at `now`, in the order given; answers how many. Pure."""
    draft = Draft(facts)
    released = 0
    for grant_id in grant_ids:
        stored = facts.grants.get(grant_id)
        if stored is not None and _due(stored, now):
            _post(draft, stored, now)
            released += 1
    return Decision(released, draft.changes(), draft.ordinals)


def _due(stored: StoredGrant, now: datetime) -> bool:
    until = stored.grant.held_until
    return stored.state == "held" and until is not None and now >= until


def _post(draft: Draft, stored: StoredGrant, now: datetime) -> None:
    grant, amount = stored.grant, stored.left
    draft.put_grant(StoredGrant(grant, stored.event_id, stored.campaign, "posted", stored.reversed))
    draft.adjust_balance(grant.member, grant.unit, Balance(available=amount, held=-amount, lifetime=amount))
    draft.adjust_spend(stored.campaign, grant.unit, amount, -amount)
    draft.transfer(
        Transfer(
            id=derived_id(grant.id, "release"),
            kind="release",
            member=grant.member,
            unit=grant.unit,
            amount=amount,
            debit="held",
            credit="available",
            campaign=stored.campaign,
            reference=grant.id,
            memo=None,
            at=now,
        )
    )
    draft.message("grant.posted", now, grant_payload(grant, stored.event_id, amount))
    repay(draft, grant, amount, now)
