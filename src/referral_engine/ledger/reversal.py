"""How much of a grant a refund takes back, and from where."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from referral_engine.ledger.grant import ReversalPolicy


def due_back(granted: int, reversed_before: int, refunded: int, paid: int) -> int:
    """How much more to take back when `refunded` of `paid` has been refunded in all, in minor units.

    Cumulative and proportional: ceil(granted * refunded / paid) less what was taken back before, so that three thirds
    of 1000 come back as 334 + 333 + 333; never more than the grant.
    """
    target = -(-granted * refunded // paid)
    return max(0, min(granted, target) - reversed_before)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the money of a reversal comes from; `waived` is not taken at all."""

    held: int = 0
    available: int = 0
    debt: int = 0
    waived: int = 0

    @property
    def taken(self) -> int:
        """How much is taken back."""
        return self.held + self.available + self.debt


def sources(amount: int, available: int, policy: ReversalPolicy, *, held: bool) -> Sources:
    """A held grant gives it back from the hold; for a posted one the policy says how far the reversal reaches."""
    if held:
        return Sources(held=amount)
    if policy == "held_only":
        return Sources(waived=amount)
    paid = min(amount, available)
    if policy == "within_balance":
        return Sources(available=paid, waived=amount - paid)
    return Sources(available=paid, debt=amount - paid)
