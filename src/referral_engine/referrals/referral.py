"""Referral: that one member brought another, and how far it has come."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

ReferralState = Literal["pending", "qualified", "expired", "rejected", "held", "reversed"]
"""`pending → qualified`; a qualified referral whose sign-up was refunded is `reversed`."""


@dataclass(frozen=True, slots=True)
class Referral:
    """The credit for one referee, which belongs to the program; `campaign` is that of its code, else None.

    `at` is when the referee signed up. `cursor` is the place in a page of referrals, None elsewhere.
    """

    referee: str
    referrer: str
    state: ReferralState
    channel: str | None
    campaign: str | None
    code: str | None
    link: str | None
    at: datetime
    qualified_at: datetime | None
    cursor: int | None = field(default=None, compare=False)

    @property
    def live(self) -> bool:
        """Whether rewards may rest on it."""
        return self.state in {"pending", "qualified"}
