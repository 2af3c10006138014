"""Chain: each transfer sealed with the one before it, so that a change made afterwards shows."""

from __future__ import annotations

from hashlib import sha256
from typing import TYPE_CHECKING

from referral_engine.events import microseconds

if TYPE_CHECKING:
    from referral_engine.ledger.transfer import Transfer

FIRST = bytes(32)
"""What stands in for the seal before the first one."""


def seal(before: bytes, transfer: Transfer) -> bytes:
    """SHA-256 over the seal of the transfer before and every field of this one, its cursor included.

    Fields are joined with their lengths, so that no two transfers read the same.
    """
    fields = (
        transfer.cursor,
        transfer.id,
        transfer.kind,
        transfer.member,
        transfer.unit,
        transfer.amount,
        transfer.debit,
        transfer.credit,
        transfer.campaign,
        transfer.reference,
        transfer.memo,
        microseconds(transfer.at),
    )
    texts = ["" if field is None else f"{type(field).__name__} {field}" for field in fields]
    return sha256(before + "".join(f"{len(text)}:{text}" for text in texts).encode()).digest()
