"""How much of a grant a refund takes back, and from where."""

from __future__ import annotations

from dataclasses import dataclass


def due_back(granted: int, reversed_before: int, refunded: int, paid: int) -> int:
    """How much more to take back when `refunded` of `paid` has been refunded in all, in minor units.

    Cumulative and proportional: ceil(granted * refunded / paid) less what was taken back before, so that three thirds
    of 1000 come back as 334 + 333 + 333; never more than the grant.
    """
    target = -(-granted * refunded // paid)
    return max(0, min(granted, target) - reversed_before)


@dataclass(frozen=True, slots=True)
class Sources:
    """Where the money of a reversal comes from."""

    held: int
    available: int
    debt: int


def sources(amount: int, available: int, *, held: bool) -> Sources:
    """Policy `debt`: a held grant gives it back from the hold; else what is available, and the shortfall is owed."""
    if held:
        return Sources(held=amount, available=0, debt=0)
    paid = min(amount, available)
    return Sources(held=0, available=paid, debt=amount - paid)
