"""Adjusting: the host's staff gives to a member, or takes what is available, and the audit log says who."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from referral_engine.decisions.draft import Draft
from referral_engine.decisions.keyed import done_before, require_member, want_keyed
from referral_engine.decisions.purse import Purse
from referral_engine.errors import InvalidInput
from referral_engine.ids import derived_id
from referral_engine.ledger import Balance, Transfer, fullest
from referral_engine.validation import TOTAL_MAX, FrozenDict

if TYPE_CHECKING:
    from datetime import datetime

    from referral_engine.changes import Decision
    from referral_engine.decisions.compiled import Compiled
    from referral_engine.facts import Facts, Wanted


@dataclass(frozen=True, slots=True)
class Adjustment:
    """What is asked: `amount` minor units, given if above 0 and taken if below, by `actor`, under a `key`."""

    program: str
    member: str
    amount: int
    unit: str
    key: str
    actor: str
    memo: str

    @property
    def transfer_id(self) -> str:
        """The id that the key gives the transfer."""
        return derived_id(self.program, "adjustment", self.key)


def want_adjustment(asked: Adjustment) -> Wanted:
    """Name what deciding needs."""
    return want_keyed(asked.program, (asked.member,), asked.unit, (asked.transfer_id,))


def decide_adjustment(compiled: Compiled, facts: Facts, asked: Adjustment, now: datetime) -> Decision[Transfer]:
    """Move the amount between the issuer and the member, once for a key, and note who did it. Pure.

    What is given counts as posted; what is taken does not lower `lifetime`. Raises IdempotencyConflict for a key used
    with other content, UnknownMember, InsufficientBalance, and InvalidInput for more than a balance can hold.
    """
    draft, made = Draft(facts, chained=compiled.chained), _transfer(asked, now)
    if (before := done_before(facts, made, asked.key)) is not None:
        return draft.decision(before)
    require_member(facts, asked.member)
    purse = Purse(compiled, draft, asked.member, asked.unit, now)
    purse.expire_due()
    kept = draft.balance(asked.member, asked.unit)
    if asked.amount < 0:
        purse.spend(made.amount, Balance())
        draft.transfer(made)
    else:
        if fullest(kept) + made.amount > TOTAL_MAX:
            raise InvalidInput("amount", "the member's total would pass 2**63 - 1")
        draft.transfer(made)
        purse.credit(made.amount, now, made.id, compiled.expiry.get(asked.unit), Balance(lifetime=made.amount))
    after = draft.balance(asked.member, asked.unit)
    draft.audit(
        "adjust",
        asked.member,
        now,
        actor=asked.actor,
        before=FrozenDict(unit=asked.unit, available=kept.available, debt=kept.debt),
        after=FrozenDict(unit=asked.unit, available=after.available, debt=after.debt, key=asked.key),
        memo=asked.memo,
    )
    payload = FrozenDict(member=asked.member, unit=asked.unit, amount=asked.amount, key=asked.key, actor=asked.actor)
    draft.message("adjustment.posted", now, payload)
    return draft.decision(made)


def _transfer(asked: Adjustment, now: datetime) -> Transfer:
    gives = asked.amount > 0
    return Transfer(
        id=asked.transfer_id,
        kind="adjustment",
        member=asked.member,
        unit=asked.unit,
        amount=abs(asked.amount),
        debit="issuer" if gives else "available",
        credit="available" if gives else "issuer",
        campaign=None,
        reference=asked.key,
        memo=asked.memo,
        at=now,
    )
