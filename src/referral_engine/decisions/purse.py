"""Purse: what a member can spend of one unit, its lots among it: money comes in, goes out and expires."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from referral_engine.decisions.compiled import Compiled
from referral_engine.decisions.draft import Draft
from referral_engine.errors import InsufficientBalance
from referral_engine.ids import derived_id
from referral_engine.ledger import IDLE, Balance, Transfer, drawn
from referral_engine.validation import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from referral_engine.ledger import Expiry, Lot


@dataclass(frozen=True, slots=True)
class Purse:
    """One member's available amount in one unit, as a draft has it. `now` is the time of the decision."""

    compiled: Compiled
    draft: Draft
    member: str
    unit: str
    now: datetime

    def credit(self, amount: int, at: datetime, cause: str, expiry: Expiry | None, by: Balance) -> str | None:
        """Let an amount, activated at `at`, repay what the member owes, and make the rest available.

        `cause` names the credit, for the repayment's id and reference; `by` are the other figures that it moves.
        Answers the slot of the lot that it went to, None where it never expires.
        """
        owed = min(amount, self.draft.balance(self.member, self.unit).debt)
        if owed:
            self._repay(owed, at, cause)
        rest, slot, expiring = amount - owed, None, 0
        if expiry is not None and rest:
            if expiry.kind == "inactivity":
                self.expire_due()
            slot, expires_at = expiry.lot(at, self.compiled.calendar)
            self.draft.adjust_lot(self.member, self.unit, slot, expires_at, rest)
            expiring = rest
        more = Balance(available=rest, debt=-owed, expiring=expiring)
        self.draft.adjust_balance(self.member, self.unit, by.plus(more))
        return slot

    def receive(self, parts: Sequence[tuple[Lot, int]], amount: int, at: datetime, cause: str) -> None:
        """As `credit`, for an amount whose `parts` keep the ends of their lots; what is in none never expires.

        The first of the parts, which are the soonest to expire, repay what is owed.
        """
        self.expire_due()
        owed = min(amount, self.draft.balance(self.member, self.unit).debt)
        if owed:
            self._repay(owed, at, cause)
        expiring, owing = 0, owed
        for lot, whole in parts:
            repaid = min(whole, owing)
            owing -= repaid
            if part := whole - repaid:
                self.draft.adjust_lot(self.member, self.unit, lot.slot, lot.expires_at, part)
                expiring += part
        more = Balance(available=amount - owed, debt=-owed, expiring=expiring)
        self.draft.adjust_balance(self.member, self.unit, more)
        self._stay_active()

    def spend(self, amount: int, by: Balance) -> list[tuple[Lot, int]]:
        """Take an amount out of what is available, the soonest to expire first; answers what each lot paid.

        What is due by now has expired before. `by` are the other figures that it moves. Raises InsufficientBalance.
        """
        self.expire_due()
        available = self.draft.balance(self.member, self.unit).available
        if available < amount:
            raise InsufficientBalance(self.member, self.unit, amount, available)
        parts = self.draw(amount, None)
        self.draft.adjust_balance(self.member, self.unit, by.plus(Balance(available=-amount)))
        self._stay_active()
        return parts

    def draw(self, amount: int, own: str | None) -> list[tuple[Lot, int]]:
        """Take an amount out of the lots, that of slot `own` first, as far as they go; the balance is the caller's."""
        if not self.draft.balance(self.member, self.unit).expiring:
            return []
        parts = drawn(amount, self.draft.lots(self.member, self.unit), own)
        for lot, part in parts:
            self.draft.adjust_lot(self.member, self.unit, lot.slot, lot.expires_at, -part)
        self.draft.adjust_balance(self.member, self.unit, Balance(expiring=-sum(part for _, part in parts)))
        return parts

    def expire_due(self) -> int:
        """Let the lots that are due expire; answers how many."""
        due = [lot for lot in self.draft.lots(self.member, self.unit) if lot.expires_at <= self.now]
        for lot in sorted(due, key=lambda lot: (lot.expires_at, lot.slot)):
            self._expire(lot)
        return len(due)

    def _expire(self, lot: Lot) -> None:
        draft, amount = self.draft, lot.remaining
        before = draft.balance(self.member, self.unit).expired
        draft.adjust_lot(self.member, self.unit, lot.slot, lot.expires_at, -amount)
        draft.adjust_balance(self.member, self.unit, Balance(available=-amount, expired=amount, expiring=-amount))
        draft.transfer(
            Transfer(
                id=derived_id(self.compiled.id, "expiry", self.member, self.unit, lot.slot, before),
                kind="expiry",
                member=self.member,
                unit=self.unit,
                amount=amount,
                debit="available",
                credit="expired",
                campaign=None,
                reference=lot.slot,
                memo=None,
                at=lot.expires_at,
            )
        )
        payload = FrozenDict(member=self.member, unit=self.unit, amount=amount, expired_at=lot.expires_at.isoformat())
        draft.message("lot.expired", lot.expires_at, payload)

    def _stay_active(self) -> None:
        """Spending, too, keeps points alive that expire by inactivity."""
        expiry = self.compiled.expiry.get(self.unit)
        if expiry is None or expiry.kind != "inactivity":
            return
        if any(lot.slot == IDLE for lot in self.draft.lots(self.member, self.unit)):
            slot, expires_at = expiry.lot(self.now, self.compiled.calendar)
            self.draft.adjust_lot(self.member, self.unit, slot, expires_at, 0)

    def _repay(self, owed: int, at: datetime, cause: str) -> None:
        self.draft.transfer(
            Transfer(
                id=derived_id(cause, "repayment"),
                kind="repayment",
                member=self.member,
                unit=self.unit,
                amount=owed,
                debit="available",
                credit="debt",
                campaign=None,
                reference=cause,
                memo=None,
                at=at,
            )
        )
