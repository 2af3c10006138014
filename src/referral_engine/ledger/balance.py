"""Balance: what a member has in one unit; Budget: what a campaign may give and has given."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Balance:
    """What one member has in one unit, in minor units.

    `available` may be spent; `held` is granted and not due yet; `lifetime` is all that was ever posted less what was
    reversed of it; `redeemed` and `expired` left the account; `debt` is owed after a reversal of what was spent.
    """

    available: int = 0
    held: int = 0
    lifetime: int = 0
    expired: int = 0
    redeemed: int = 0
    debt: int = 0

    def plus(self, other: Balance) -> Balance:
        """Add another balance, figure by figure."""
        return Balance(
            self.available + other.available,
            self.held + other.held,
            self.lifetime + other.lifetime,
            self.expired + other.expired,
            self.redeemed + other.redeemed,
            self.debt + other.debt,
        )


NOTHING = Balance()


@dataclass(frozen=True, slots=True)
class Spend:
    """What a campaign has given in one unit: `spent` was posted, `held` is not due yet; reversals are taken off."""

    spent: int = 0
    held: int = 0


@dataclass(frozen=True, slots=True)
class Budget:
    """What a campaign may give in one unit and what is left of it; None where no budget is set, which is no limit."""

    total: int | None
    spent: int
    held: int
    remaining: int | None


def budget_of(total: int | None, spend: Spend) -> Budget:
    """Work out what remains: total - spent - held."""
    remaining = None if total is None else total - spend.spent - spend.held
    return Budget(total=total, spent=spend.spent, held=spend.held, remaining=remaining)
