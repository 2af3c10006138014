"""Keyed: an operation that the caller names by a key is carried out once, however often it is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from referral_engine.errors import IdempotencyConflict, UnknownMember

if TYPE_CHECKING:
    from referral_engine.facts import Facts
    from referral_engine.ledger import Transfer


def done_before(facts: Facts, made: Transfer, key: str) -> Transfer | None:
    """Answer the transfer that the key made before, None for a new key; its time may differ.

    Raises IdempotencyConflict for a key that was used with other content.
    """
    before = facts.transfers.get(made.id)
    if before is not None and replace(made, at=before.at) != before:
        raise IdempotencyConflict(key)
    return before


def require_member(facts: Facts, member: str) -> None:
    """Refuse a member nobody has seen. Raises UnknownMember."""
    if member not in facts.members:
        raise UnknownMember(member)
