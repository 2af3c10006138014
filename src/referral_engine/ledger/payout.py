"""Payout: cash that a member asked for, until it was paid or went back."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

PayoutState = Literal["requested", "paid", "failed", "rejected"]
"""`requested → paid`, or `→ failed` (the transfer did not go through) or `→ rejected`: then the money is back."""


@dataclass(frozen=True, slots=True)
class Payout:
    """A member's request to be paid `amount` minor units of a cash unit, and what became of it.

    The money left what is available when it was requested. `decided_at` and `actor` are set with the final state.
    """

    id: str
    member: str
    unit: str
    amount: int
    state: PayoutState
    key: str
    memo: str | None
    requested_at: datetime
    decided_at: datetime | None = None
    actor: str | None = None
    cursor: int | None = field(default=None, compare=False)
