"""Keyed: an operation that the caller names by a key is carried out once, however often it is asked for."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from referral_engine.errors import IdempotencyConflict, UnknownMember
from referral_engine.facts import Wanted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from referral_engine.facts import Facts
    from referral_engine.ledger import Transfer


def want_keyed(program: str, members: Iterable[str], unit: str, transfers: Iterable[str]) -> Wanted:
    """Name what deciding needs: what these members have in a unit, and the transfers that the key may have made."""
    units = frozenset({unit})
    return Wanted(
        program=program,
        members=frozenset(members),
        units=units,
        lot_units=units,
        transfers=frozenset(transfers),
    )


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
