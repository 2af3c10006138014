"""Balance: what a member has in one unit."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from referral_engine.ledger.lot import Lot


@dataclass(frozen=True, slots=True)
class Balance:
    """What one member has in one unit, in minor units.

    `available` may be spent; `held` is granted and not due yet; `lifetime` is all that was ever posted less what was
    reversed of it; `redeemed` and `expired` left the account; `debt` is owed after a reversal of what was spent.
    `expiring` is the part of `available` that is in lots, which expire; `paying` was asked for as payouts, not decided.
    """

    available: int = 0
    held: int = 0
    lifetime: int = 0
    expired: int = 0
    redeemed: int = 0
    debt: int = 0
    expiring: int = 0
    paying: int = 0

    def plus(self, other: Balance) -> Balance:
        """Add another balance, figure by figure."""
        return Balance(
            self.available + other.available,
            self.held + other.held,
            self.lifetime + other.lifetime,
            self.expired + other.expired,
            self.redeemed + other.redeemed,
            self.debt + other.debt,
            self.expiring + other.expiring,
            self.paying + other.paying,
        )


NOTHING = Balance()


def without_due(balance: Balance, lots: Iterable[Lot], now: datetime) -> Balance:
    """The balance once the lots that are due at `now` have expired, whether or not that was written down yet."""
    gone = sum(lot.remaining for lot in lots if lot.expires_at <= now)
    return balance.plus(Balance(available=-gone, expired=gone, expiring=-gone)) if gone else balance


def throughput(balance: Balance) -> int:
    """All that is available, was, or may become so: no figure but `lifetime` can pass it without being given more."""
    return balance.available + balance.held + balance.paying + balance.redeemed + balance.expired


def fullest(balance: Balance) -> int:
    """The most that any figure can come to without being given more."""
    return max(balance.lifetime + balance.held, throughput(balance))
