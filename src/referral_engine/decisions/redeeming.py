"""Redeeming: a member spends what is available."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from referral_engine.changes import Decision
from referral_engine.decisions.draft import Draft
from referral_engine.errors import IdempotencyConflict, InsufficientBalance, UnknownMember
from referral_engine.facts import Facts, Wanted
from referral_engine.ids import derived_id
from referral_engine.ledger import Balance, Transfer
from referral_engine.validation import FrozenDict

if TYPE_CHECKING:
    from datetime import datetime


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
    return Wanted(
        program=asked.program,
        members=frozenset({asked.member}),
        units=frozenset({asked.unit}),
        transfers=frozenset({asked.transfer_id}),
    )


def decide_redemption(facts: Facts, asked: Redemption, now: datetime) -> Decision[Transfer]:
    """Move the amount out of the account, once for a key. Pure.

    Raises IdempotencyConflict for a key used with other content, UnknownMember, InsufficientBalance.
    """
    if (before := facts.transfers.get(asked.transfer_id)) is not None:
        if replace(_transfer(asked, now), at=before.at) != before:
            raise IdempotencyConflict(asked.key)
        return Decision(before)
    if asked.member not in facts.members:
        raise UnknownMember(asked.member)
    draft = Draft(facts)
    available = draft.balance(asked.member, asked.unit).available
    if available < asked.amount:
        raise InsufficientBalance(asked.member, asked.unit, asked.amount, available)
    draft.adjust_balance(asked.member, asked.unit, Balance(available=-asked.amount, redeemed=asked.amount))
    made = _transfer(asked, now)
    draft.transfer(made)
    payload = FrozenDict(member=asked.member, unit=asked.unit, amount=asked.amount, key=asked.key)
    draft.message("redemption.posted", now, payload)
    return Decision(made, draft.changes(), draft.ordinals)


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
