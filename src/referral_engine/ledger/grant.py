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

ReversalPolicy = Literal["held_only", "within_balance", "debt"]
"""How far a refund reaches into what was posted: not at all, as far as it is still there, or all of it, on credit."""


@dataclass(frozen=True, slots=True)
class Grant:
    """An amount, in minor units, given to a member.

    `wanted` is the amount before limits and budget clamped it. `held_until` is when it may be posted, and
    `confirmed_by` the type of the event that posts it before; with neither it was posted at once.
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
    confirmed_by: str | None = None

    @property
    def held(self) -> bool:
        """Whether it waited, or waits, for a time or an event."""
        return self.held_until is not None or self.confirmed_by is not None


@dataclass(frozen=True, slots=True)
class StoredGrant:
    """A grant as it stands: where it came from, its state, and how much of it was taken back.

    `reversal` and `expiry` were fixed with the grant; `slot` names the lot it was posted to, None where it never
    expires. `waived` is what a refund asked back and the policy left with the member.
    """

    grant: Grant
    event_id: str
    campaign: str
    state: GrantState
    reversed: int = 0
    waived: int = 0
    reversal: ReversalPolicy = "debt"
    expiry: str | None = None
    slot: str | None = None

    @property
    def left(self) -> int:
        """What has not been taken back."""
        return self.grant.amount - self.reversed


@dataclass(frozen=True, slots=True)
class Reversal:
    """What a refund took back of one grant: `amount` in all, `from_held` of it before it was posted.

    `debt` is the part that the member had spent already; later grants repay it first. `waived` is what the refund asked
    for beyond `amount`, and the campaign's policy left with the member.
    """

    grant: str
    member: str
    unit: str
    amount: int
    from_held: int
    debt: int
    waived: int = 0
