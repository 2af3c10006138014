"""Transferring: a member passes on what is available to another."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from referral_engine.decisions.draft import Draft
from referral_engine.decisions.keyed import done_before, require_member, want_keyed
from referral_engine.decisions.purse import Purse
from referral_engine.errors import InvalidInput
from referral_engine.ids import derived_id
from referral_engine.ledger import Balance, Transfer, throughput
from referral_engine.validation import TOTAL_MAX, FrozenDict

if TYPE_CHECKING:
    from datetime import datetime

    from referral_engine.changes import Decision
    from referral_engine.decisions.compiled import Compiled
    from referral_engine.facts import Facts, Wanted


@dataclass(frozen=True, slots=True)
class MemberTransfer:
    """What is asked: `amount` minor units from `member` to `to`, under the caller's `key`."""

    program: str
    member: str
    to: str
    amount: int
    unit: str
    key: str
    memo: str | None

    def transfer_id(self, leg: Literal["out", "in"]) -> str:
        """The id that the key gives one of the two legs."""
        return derived_id(self.program, "transfer", self.key, leg)


def want_transfer(asked: MemberTransfer) -> Wanted:
    """Name what deciding needs."""
    legs = (asked.transfer_id("out"), asked.transfer_id("in"))
    return want_keyed(asked.program, (asked.member, asked.to), asked.unit, legs)


def decide_transfer(compiled: Compiled, facts: Facts, asked: MemberTransfer, now: datetime) -> Decision[Transfer]:
    """Move the amount from one member to the other, once for a key; answers the sender's leg. Pure.

    Points keep the end of their lot; they repay what the receiver owes first, and count in nobody's `lifetime`. Raises
    IdempotencyConflict for a key used with other content, UnknownMember, InsufficientBalance, and InvalidInput for a
    unit that is not transferable, and for more than a balance can hold.
    """
    draft, (out, into) = Draft(facts, chained=compiled.chained), _legs(asked, now)
    before = done_before(facts, out, asked.key)
    done_before(facts, into, asked.key)
    if before is not None:
        return draft.decision(before)
    if not compiled.program.units[asked.unit].transferable:
        raise InvalidInput("unit", f"{asked.unit} stays with its member; set Unit(transferable=True) to pass it on")
    require_member(facts, asked.member)
    require_member(facts, asked.to)
    if throughput(draft.balance(asked.to, asked.unit)) + asked.amount > TOTAL_MAX:
        raise InvalidInput("amount", "the receiver's total would pass 2**63 - 1")
    parts = Purse(compiled, draft, asked.member, asked.unit, now).spend(asked.amount, Balance())
    draft.transfer(out)
    draft.transfer(into)
    Purse(compiled, draft, asked.to, asked.unit, now).receive(parts, asked.amount, now, into.id)
    payload = FrozenDict(member=asked.member, to=asked.to, unit=asked.unit, amount=asked.amount, key=asked.key)
    draft.message("transfer.posted", now, payload)
    return draft.decision(out)


def _legs(asked: MemberTransfer, now: datetime) -> tuple[Transfer, Transfer]:
    """Two transfers over the clearing account, which comes to nothing for the key."""
    out = Transfer(
        id=asked.transfer_id("out"),
        kind="transfer",
        member=asked.member,
        unit=asked.unit,
        amount=asked.amount,
        debit="available",
        credit="clearing",
        campaign=None,
        reference=asked.key,
        memo=asked.memo,
        at=now,
    )
    into = Transfer(
        id=asked.transfer_id("in"),
        kind="transfer",
        member=asked.to,
        unit=asked.unit,
        amount=asked.amount,
        debit="clearing",
        credit="available",
        campaign=None,
        reference=asked.key,
        memo=asked.memo,
        at=now,
    )
    return out, into
