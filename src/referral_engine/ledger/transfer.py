"""Transfer: one movement between two accounts, so that it cannot be unbalanced; Entry: a member's view of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    from collections.abc import Iterable

Account = Literal["campaign", "issuer", "clearing", "available", "held", "debt", "paying", "redeemed", "expired"]
"""The ends of a transfer: who gives, an account of the member, or the sink for what left it.

`campaign` gives by its rules and `issuer` by its staff; `clearing` stands between two members and comes to nothing for
each reference. `paying` is asked for as a payout. `campaign`, `issuer`, `redeemed` and `expired` have no floor; `debt`
falls below zero by what the member owes.
"""

TransferKind = Literal[
    "grant",
    "hold",
    "release",
    "void",
    "reversal",
    "repayment",
    "redemption",
    "adjustment",
    "transfer",
    "expiry",
    "payout",
    "payout_paid",
    "payout_return",
]


@dataclass(frozen=True, slots=True)
class Transfer:
    """`amount` minor units, more than zero, from the `debit` account to the `credit` account.

    `member` owns the accounts that belong to a member and `campaign` is the campaign that gives or takes back.
    `reference` is the event, the grant or the caller's key that it was made for.
    """

    id: str
    kind: TransferKind
    member: str
    unit: str
    amount: int
    debit: Account
    credit: Account
    campaign: str | None
    reference: str
    memo: str | None
    at: datetime
    cursor: int | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a member's statement: by how much each figure changed, in minor units, and why.

    `…_after` are the figures once it was made: the running balance.
    """

    cursor: int
    at: datetime
    kind: TransferKind
    unit: str
    available: int
    held: int
    debt: int
    reference: str
    memo: str | None
    available_after: int
    held_after: int
    debt_after: int


@dataclass(frozen=True, slots=True)
class Carried:
    """What a member's transfers up to some place come to, in minor units."""

    available: int = 0
    held: int = 0
    debt: int = 0


def moved(transfer: Transfer, account: Account) -> int:
    """By how much a transfer changes an account."""
    return transfer.amount * ((transfer.credit == account) - (transfer.debit == account))


def entries_of(transfers: Iterable[Transfer], carried: Carried) -> list[Entry]:
    """Show stored transfers from the member's side, on from what the ones before them came to."""
    entries: list[Entry] = []
    for transfer in transfers:
        available, held, debt = moved(transfer, "available"), moved(transfer, "held"), -moved(transfer, "debt")
        carried = Carried(carried.available + available, carried.held + held, carried.debt + debt)
        entry = Entry(
            cursor=transfer.cursor or 0,
            at=transfer.at,
            kind=transfer.kind,
            unit=transfer.unit,
            available=available,
            held=held,
            debt=debt,
            reference=transfer.reference,
            memo=transfer.memo,
            available_after=carried.available,
            held_after=carried.held,
            debt_after=carried.debt,
        )
        entries.append(entry)
    return entries
