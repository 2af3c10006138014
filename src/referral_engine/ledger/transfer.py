"""Transfer: one movement between two accounts, so that it cannot be unbalanced; Entry: a member's view of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Literal

Account = Literal["campaign", "available", "held", "debt", "redeemed", "expired"]
"""The ends of a transfer: the campaign that gives, an account of the member, or the sink for what left it.

`campaign`, `redeemed` and `expired` have no floor; `debt` falls below zero by what the member owes.
"""

TransferKind = Literal["grant", "hold", "release", "void", "reversal", "repayment", "redemption"]


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
    """One line of a member's statement: by how much each figure changed, in minor units, and why."""

    cursor: int
    at: datetime
    kind: TransferKind
    unit: str
    available: int
    held: int
    debt: int
    reference: str
    memo: str | None


def entry_of(transfer: Transfer) -> Entry:
    """Show a stored transfer from the member's side."""

    def change(account: Account) -> int:
        return transfer.amount * ((transfer.credit == account) - (transfer.debit == account))

    return Entry(
        cursor=transfer.cursor or 0,
        at=transfer.at,
        kind=transfer.kind,
        unit=transfer.unit,
        available=change("available"),
        held=change("held"),
        debt=-change("debt"),
        reference=transfer.reference,
        memo=transfer.memo,
    )
