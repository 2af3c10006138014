"""Redeeming: a member spends what is available."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from referral_engine.decisions.draft import Draft
from referral_engine.decisions.keyed import done_before, require_member, want_keyed
from referral_engine.decisions.purse import Purse
from referral_engine.ids import derived_id
from referral_engine.ledger import Balance, Transfer
from referral_engine.validation import FrozenDict

if TYPE_CHECKING:
    from datetime import datetime

    from referral_engine.changes import Decision
    from referral_engine.decisions.compiled import Compiled
    from referral_engine.facts import Facts, Wanted


@dataclass(frozen=True, slots=True)
class Redemption:
    """What is asked: `amount` minor units of a member's `unit`, under the caller's `key`."""

    program: str
    member: str
    amount: int
    unit: str
    key: str
    memo: str | None

    @property
    def transfer_id(self) -> str:
        """The id that the key gives the transfer."""
        return derived_id(self.program, "redemption", self.key)


def want_redemption(asked: Redemption) -> Wanted:
    """Name what deciding needs."""
    return want_keyed(asked.program, (asked.member,), asked.unit, (asked.transfer_id,))


def decide_redemption(compiled: Compiled, facts: Facts, asked: Redemption, now: datetime) -> Decision[Transfer]:
    """Move the amount out of the account, once for a key. Pure.

    Raises IdempotencyConflict for a key used with other content, UnknownMember, InsufficientBalance.
    """
    draft, made = Draft(facts, chained=compiled.chained), _transfer(asked, now)
    if (before := done_before(facts, made, asked.key)) is not None:
        return draft.decision(before)
    require_member(facts, asked.member)
    Purse(compiled, draft, asked.member, asked.unit, now).spend(asked.amount, Balance(redeemed=asked.amount))
    draft.transfer(made)
    payload = FrozenDict(member=asked.member, unit=asked.unit, amount=asked.amount, key=asked.key)
    draft.message("redemption.posted", now, payload)
    return draft.decision(made)


def _transfer(asked: Redemption, now: datetime) -> Transfer:
    return Transfer(
        id=asked.transfer_id,
        kind="redemption",
        member=asked.member,
        unit=asked.unit,
        amount=asked.amount,
        debit="available",
        credit="redeemed",
        campaign=None,
        reference=asked.key,
        memo=asked.memo,
        at=now,
    )
