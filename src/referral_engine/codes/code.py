"""InviteCode: a code that was issued, and whether it may be used now."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Unusable = Literal["code_disabled", "code_not_started", "code_expired", "code_used_up"]
"""Why a code that exists brings no referral; also the code of the reason in an outcome."""


@dataclass(frozen=True, slots=True)
class InviteCode:
    """An invite code of a program.

    `text` is canonical: symbols only. `owner` is the member who gets the credit, None for a code that belongs to no
    member; `campaign` is what its referrals belong to, None for every campaign. A `disabled` code brings no more
    referrals and keeps those it brought. `uses` counts the referrals it brought, `max_uses` is the most it may bring:
    None for no limit, 0 for none. It may be used from `starts_at` on and before `expires_at`, None for no such bound.
    `lot` names the bulk it was made in, None for a member's own.
    """

    text: str
    owner: str | None
    campaign: str | None
    state: Literal["active", "disabled"]
    uses: int
    max_uses: int | None
    starts_at: datetime | None
    expires_at: datetime | None
    lot: str | None


def usable(code: InviteCode, at: datetime) -> Unusable | None:
    """Say why a code may not be used at `at`, an aware datetime, or None when it may; the first reason found counts."""
    if code.state == "disabled":
        return "code_disabled"
    if code.starts_at is not None and at < code.starts_at:
        return "code_not_started"
    if code.expires_at is not None and at >= code.expires_at:
        return "code_expired"
    if code.max_uses is not None and code.uses >= code.max_uses:
        return "code_used_up"
    return None
