"""Expiring: writing down that lots have come to their end."""

from __future__ import annotations

from typing import TYPE_CHECKING

from referral_engine.decisions.draft import Draft
from referral_engine.decisions.purse import Purse
from referral_engine.facts import Facts, Wanted

if TYPE_CHECKING:
    from collections.abc import Collection
    from datetime import datetime

    from referral_engine.changes import Decision
    from referral_engine.decisions.compiled import Compiled


def want_expiry(program: str, owners: Collection[tuple[str, str]]) -> Wanted:
    """Name what expiring the due lots of these members and units needs."""
    units = frozenset(unit for _, unit in owners)
    members = frozenset(member for member, _ in owners)
    return Wanted(program=program, members=members, units=units, lot_units=units)


def decide_expiry(
    compiled: Compiled, facts: Facts, owners: Collection[tuple[str, str]], now: datetime
) -> Decision[int]:
    """Let the lots that are due at `now` expire, in the order given; answers how many. Pure."""
    draft = Draft(facts, chained=compiled.chained)
    expired = sum(Purse(compiled, draft, member, unit, now).expire_due() for member, unit in owners)
    return draft.decision(expired)
