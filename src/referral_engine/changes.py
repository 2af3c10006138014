"""The only vocabulary for writes: frozen records, each stating its precondition.

A store carries out the changes of a decision all or none. Where a precondition does not hold, somebody else was
faster: the store starts the decision again. `ordinal` orders what a decision appends: the store adds the position that
the program has reached, so that `cursor`, `reached` and the outbox grow in the order of commits, without gaps that
are filled later.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Generic, TypeVar

from referral_engine.codes.code import InviteCode
from referral_engine.facts import LimitKey, ScoreKey, StoredEvent
from referral_engine.ledger.balance import Balance
from referral_engine.ledger.grant import StoredGrant
from referral_engine.ledger.payout import Payout
from referral_engine.ledger.transfer import Transfer
from referral_engine.members.member import Member
from referral_engine.outcomes import Revision
from referral_engine.referrals.referral import Referral
from referral_engine.validation import TOTAL_MAX


@dataclass(frozen=True, slots=True)
class PutMember:
    """Keep the member as given. `fresh`: it was unknown; else it was known. The member is locked."""

    member: Member
    fresh: bool


@dataclass(frozen=True, slots=True)
class AddReferral:
    """Keep a new referral. Precondition: the referee has none."""

    referral: Referral
    ordinal: int


@dataclass(frozen=True, slots=True)
class UpdateReferral:
    """Set the state of a referral to that given. Precondition: it is kept; its referee is locked."""

    referral: Referral


@dataclass(frozen=True, slots=True)
class AddCode:
    """Keep a new code. Precondition: its text is free; `invite`: its owner has no invite code for its campaign yet."""

    code: InviteCode
    invite: bool


@dataclass(frozen=True, slots=True)
class DisableCode:
    """Disable a code. Precondition: it is kept."""

    text: str


@dataclass(frozen=True, slots=True)
class UseCode:
    """Count `uses` more uses of a code. Precondition: it is active, and stays within its max_uses."""

    text: str
    uses: int


@dataclass(frozen=True, slots=True)
class AddEvent:
    """Keep an accepted event. Precondition: its id is free."""

    event: StoredEvent
    ordinal: int


@dataclass(frozen=True, slots=True)
class PutRefunded:
    """Set how much of an event is refunded by now. Precondition: its member is locked."""

    event_id: str
    amount: int
    fresh: bool


@dataclass(frozen=True, slots=True)
class AdjustTally:
    """Add to the number of a member's events of a type, and to the sum of their amounts; both at least 0."""

    member: str
    type: str
    count: int
    sum: int


@dataclass(frozen=True, slots=True)
class AdjustBalance:
    """Add to the figures of a balance, each by its own sign.

    Precondition: none falls below 0, and `expiring` is at most `available`. `fresh`: the member had none in this unit;
    else it had one. The member is locked.
    """

    member: str
    unit: str
    by: Balance
    fresh: bool


@dataclass(frozen=True, slots=True)
class AdjustLot:
    """Add to what is left of a lot, by its sign; it expires at `expires_at` or, if that is later, when it did.

    Precondition: it does not fall below 0. A lot that is missing begins at 0. The member is locked.
    """

    member: str
    unit: str
    slot: str
    expires_at: datetime
    by: int


@dataclass(frozen=True, slots=True)
class AddGrant:
    """Keep a new grant. Precondition: its id is free."""

    stored: StoredGrant


@dataclass(frozen=True, slots=True)
class UpdateGrant:
    """Set the state of a grant, its lot, how much of it is reversed and waived.

    Precondition: it is kept; its member is locked.
    """

    stored: StoredGrant


@dataclass(frozen=True, slots=True)
class AddTransfer:
    """Keep a new transfer. Precondition: its id is free."""

    transfer: Transfer
    ordinal: int


@dataclass(frozen=True, slots=True)
class AddPayout:
    """Keep a new payout. Precondition: its id is free."""

    payout: Payout
    ordinal: int


@dataclass(frozen=True, slots=True)
class UpdatePayout:
    """Set the state of a payout, with who decided it and when. Precondition: it is kept; its member is locked."""

    payout: Payout


@dataclass(frozen=True, slots=True)
class AdjustLimit:
    """Add to the counter of a limit. Precondition: it does not fall below 0; its holder is locked."""

    key: LimitKey
    by: int


@dataclass(frozen=True, slots=True)
class AdjustSpend:
    """Add to what a campaign has spent and holds in one unit, each by its own sign.

    Precondition: neither falls below 0, and before it is written low <= spent + held <= high: within these bounds the
    budget is kept and the alarms are those decided.
    """

    campaign: str
    unit: str
    spent: int
    held: int
    low: int = 0
    high: int = TOTAL_MAX


@dataclass(frozen=True, slots=True)
class AdjustScore:
    """Add to a score, and note that it was reached now, also when `by` is 0. Precondition: it does not fall below 0."""

    key: ScoreKey
    by: int
    ordinal: int


@dataclass(frozen=True, slots=True)
class AddMessage:
    """Append to the outbox."""

    type: str
    at: datetime
    payload: Mapping[str, Any]
    ordinal: int


@dataclass(frozen=True, slots=True)
class AddAudit:
    """Append to the audit log: who did what, to what, from what to what."""

    actor: str
    action: str
    subject: str
    at: datetime
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    memo: str | None
    ordinal: int


@dataclass(frozen=True, slots=True)
class AddRevision:
    """Keep a published revision of the program. Precondition: its number is free."""

    revision: Revision


@dataclass(frozen=True, slots=True)
class Acknowledge:
    """Note that the outbox was read up to a cursor, at most as far as the program has come.

    A lower cursor than is noted changes nothing.
    """

    up_to: int


Change = (
    PutMember
    | AddReferral
    | UpdateReferral
    | AddCode
    | DisableCode
    | UseCode
    | AddEvent
    | PutRefunded
    | AdjustTally
    | AdjustBalance
    | AdjustLot
    | AddGrant
    | UpdateGrant
    | AddPayout
    | UpdatePayout
    | AddTransfer
    | AdjustLimit
    | AdjustSpend
    | AdjustScore
    | AddMessage
    | AddAudit
    | AddRevision
    | Acknowledge
)

ResultT_co = TypeVar("ResultT_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Decision(Generic[ResultT_co]):
    """What was decided: the answer to the caller, and what must be written for it to be true.

    Changes of one kind stand together and name each record once. `ordinals` is how many places are taken by what is
    appended: every ordinal is in 0 … ordinals - 1. With `chained` its transfers are sealed, each with the one before.
    """

    result: ResultT_co
    changes: tuple[Change, ...] = ()
    ordinals: int = 0
    chained: bool = False
