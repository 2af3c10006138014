"""What the caller is told about an event: the outcome, its reasons, and the trace of every rule."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from referral_engine.ledger.grant import Grant, Reversal
from referral_engine.referrals.referral import Referral
from referral_engine.validation import FrozenDict

ReasonCode = Literal[
    "self_referral",
    "referral_cycle",
    "has_referrals",
    "already_referred",
    "already_member",
    "unknown_referrer",
    "invalid_code",
    "unknown_code",
    "code_disabled",
    "code_expired",
    "code_not_started",
    "code_used_up",
    "invalid_event",
    "idempotency_conflict",
    "rule_error",
    "unknown_event",
    "refund_exceeds",
    "no_referrer",
    "limited",
    "budget_exhausted",
]
Status = Literal["accepted", "duplicate", "rejected"]
VerdictStatus = Literal["matched", "not_met", "limited", "inactive", "skipped"]
"""How a rule ended for one event. `skipped` is a campaign without money left or an end of the referral missing."""


@dataclass(frozen=True, slots=True)
class Reason:
    """Why something was refused or not paid: a stable code, the rule it concerns or None, the values looked at."""

    code: ReasonCode
    rule: str | None = None
    values: Mapping[str, Any] = FrozenDict()

    @classmethod
    def of(cls, code: ReasonCode, rule: str | None = None, /, **values: object) -> Reason:
        """Build a reason with the values that were looked at."""
        return cls(code, rule, FrozenDict(values))


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of an event.

    `event_id` is None for an event that could not be read. `revision` is that of the program that decided. `confirmed`
    are held grants that the event posted.
    """

    event_id: str | None
    status: Status
    referral: Referral | None
    grants: tuple[Grant, ...]
    reversals: tuple[Reversal, ...]
    reasons: tuple[Reason, ...]
    revision: str
    confirmed: tuple[Grant, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """How one rule ended for one event.

    `path` and `field` name the first condition that failed and `found` the value it saw, None for a missing one (then
    `field` is set). `code` is the reason of a rule that matched and was not paid. `because` are a Python rule's words.
    """

    rule: str
    status: VerdictStatus
    path: str | None = None
    field: str | None = None
    found: str | int | bool | None = None
    code: str | None = None
    because: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Message:
    """A domain event in the outbox; `cursor` grows in the order of commits."""

    cursor: int
    type: str
    at: datetime
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """What `actor` did: `action` to `subject`, from what to what, and the words given with it.

    `before` and `after` hold what changed, plain values by name. `cursor` grows in the order of commits.
    """

    cursor: int
    actor: str
    action: str
    subject: str
    at: datetime
    before: Mapping[str, Any]
    after: Mapping[str, Any]
    memo: str | None


@dataclass(frozen=True, slots=True)
class Revision:
    """A program as it was published: the `number`-th time, by `actor`, in its canonical JSON text."""

    number: int
    revision: str
    canonical: str
    actor: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Drift:
    """A kept figure that is not what the records add up to.

    `what` names it, and `key` the record that it belongs to, by its ids with "/" between them: `balance.…` and
    `payout.paying` of a member and unit, `clearing` of a unit and reference, `budget.…` of a campaign and unit,
    `tally.…`, `member.…`, `limit`, `score`, `code.uses`. Of a `chain` the first broken seal is named, by the cursor of
    its transfer.
    """

    what: str
    key: str
    kept: int
    expected: int
