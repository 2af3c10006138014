"""Grant: what one rule gave one member for one event; Reversal: what a refund took back of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from referral_engine.ledger.units import UnitKind

Recipient = Literal["referrer", "referee", "member"]
"""Who is paid: an end of the referral, or the member of the event, referred or not."""

GrantState = Literal["held", "posted", "voided"]
"""`held → posted`, or `held → voided` when all of it was reversed before it was due."""


@dataclass(frozen=True, slots=True)
class Grant:
    """An amount, in minor units, given to a member.

    `wanted` is the amount before limits clamped it. `held_until` is when it may be posted, None when it was at once.
    """

    id: str
    rule: str
    to: Recipient
    member: str
    kind: UnitKind
    unit: str
    amount: int
    wanted: int
    held_until: datetime | None


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """A grant as it stands: where it came from, its state, and how much of it was taken back."""

    grant: Grant
    event_id: str
    campaign: str
    state: GrantState
    reversed: int = 0

    @property
    def left(self) -> int:
        """What has not been taken back."""
        return self.grant.amount - self.reversed


@dataclass(frozen=True, slots=True)
class Reversal:
    """What a refund took back of one grant: `amount` in all, `from_held` of it before it was posted.

    `debt` is the part that the member had spent already; later grants repay it first.
    """

    grant: str
    member: str
    unit: str
    amount: int
    from_held: int
    debt: int
