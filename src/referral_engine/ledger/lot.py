"""Lot: points of a member that expire together, and which lots are spent first."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable


@dataclass(frozen=True, slots=True)
class Lot:
    """What is left of the points of a member that expire at one time, in minor units.

    `slot` names the lot among those of the member and unit: its last day, or `idle`. At `expires_at` it is gone. What
    is available and in no lot never expires.
    """

    member: str
    unit: str
    slot: str
    expires_at: datetime
    remaining: int


def drawn(amount: int, lots: Iterable[Lot], own: str | None = None) -> list[tuple[Lot, int]]:
    """Say how much of an amount each lot pays: that of slot `own` first, then the soonest to expire.

    What the lots do not cover comes out of what never expires.
    """
    found: list[tuple[Lot, int]] = []
    for lot in sorted(lots, key=lambda lot: (lot.slot != own, lot.expires_at, lot.slot)):
        if not amount:
            break
        if part := min(amount, lot.remaining):
            found.append((lot, part))
            amount -= part
    return found
