"""Releasing: posting held grants, when their time has come or an event confirms them."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from referral_engine.decisions.draft import Draft
from referral_engine.decisions.paying import grant_payload
from referral_engine.decisions.purse import Purse
from referral_engine.facts import Facts, Wanted
from referral_engine.ids import derived_id
from referral_engine.ledger import Balance, Expiry, StoredGrant, Transfer, expiry_named

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from referral_engine.changes import Decision
    from referral_engine.decisions.compiled import Compiled


def want_release(compiled: Compiled, grant_ids: Sequence[str], units: frozenset[str]) -> Wanted:
    """Name what posting these grants needs; `units` are theirs, which the program may have left behind."""
    ids = frozenset(grant_ids)
    return Wanted(program=compiled.id, grants=ids, units=units, lot_units=units & compiled.idle_units)


def decide_release(compiled: Compiled, facts: Facts, grant_ids: Sequence[str], now: datetime) -> Decision[int]:
    """Post those of the grants that are still held and due at `now`, in the order given; answers how many. Pure."""
    draft = Draft(facts, chained=compiled.chained)
    released = 0
    for grant_id in grant_ids:
        stored = facts.grants.get(grant_id)
        if stored is not None and _due(stored, now):
            post(compiled, draft, stored, now, now)
            released += 1
    return draft.decision(released)


def _due(stored: StoredGrant, now: datetime) -> bool:
    until = stored.grant.held_until
    return stored.state == "held" and until is not None and now >= until


def post(compiled: Compiled, draft: Draft, stored: StoredGrant, at: datetime, now: datetime) -> None:
    """Make what is left of a held grant available at `at`, which activates it."""
    grant, amount = stored.grant, stored.left
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
            at=at,
        )
    )
    purse = Purse(compiled, draft, grant.member, grant.unit, now)
    slot = purse.credit(amount, at, grant.id, _expiry(compiled, stored), Balance(held=-amount, lifetime=amount))
    draft.put_grant(replace(stored, state="posted", slot=slot))
    draft.message("grant.posted", at, grant_payload(grant, stored.event_id, amount))


def _expiry(compiled: Compiled, stored: StoredGrant) -> Expiry | None:
    """The expiry fixed with the grant; where its unit no longer expires by inactivity, nothing prolongs it any more."""
    expiry = None if stored.expiry is None else expiry_named(stored.expiry)
    if expiry is None or expiry.kind != "inactivity" or stored.grant.unit in compiled.idle_units:
        return expiry
    return Expiry(kind="rolling", months=expiry.months, days=expiry.days)
