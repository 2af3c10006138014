"""Wanted and Facts: what a decision asks for, and what it sees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from referral_engine.codes.code import InviteCode
from referral_engine.ledger.balance import Balance
from referral_engine.ledger.budget import Spend
from referral_engine.ledger.grant import StoredGrant
from referral_engine.ledger.lot import Lot
from referral_engine.ledger.payout import Payout
from referral_engine.ledger.transfer import Transfer
from referral_engine.members.member import Member
from referral_engine.outcomes import Outcome, Revision, Verdict
from referral_engine.referrals.referral import Referral
from referral_engine.validation import AMOUNT_MAX, TOTAL_MAX, FrozenDict


class LimitKey(NamedTuple):
    """What a limit counts: it survives edits and reordering of rules.

    `holder` is the member whose lock guards the counter; `subject` is that member, or a pair of members.
    """

    holder: str
    rule: str
    per: str
    within: str
    unit: str
    subject: str
    period: str


class ScoreKey(NamedTuple):
    """One member's score on one board in one period."""

    board: str
    period: str
    member: str


TALLY_SUM_MAX = TOTAL_MAX - AMOUNT_MAX
"""The largest sum of amounts that is kept; the amount of one more event still fits."""


@dataclass(frozen=True, slots=True)
class Tally:
    """How many events of one type a member has had, and the sum of their amounts."""

    count: int
    sum: int


@dataclass(frozen=True, slots=True)
class Footprint:
    """What an event added to counters that it shares with other events.

    It is kept with the event, so that a full refund can take the limits back and `verify` can add everything up.
    """

    limits: tuple[tuple[LimitKey, int], ...] = ()
    scores: tuple[tuple[ScoreKey, int], ...] = ()
    code: str | None = None


NO_FOOTPRINT = Footprint()


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An accepted event as it is kept: its content, the receipt that makes it idempotent, and its trace.

    `at` is resolved; `digest` is that of the event as given. `counted` is False for a second sign-up, which changes
    nothing. `attributes`, `code`, `referrer` and `of` are as given.
    """

    id: str
    type: str
    member: str
    at: datetime
    recorded_at: datetime
    amount: int | None
    of: str | None
    attributes: Mapping[str, Any]
    digest: bytes
    outcome: Outcome
    verdicts: tuple[Verdict, ...]
    footprint: Footprint
    counted: bool


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which records a decision needs, from its input and the program's rules alone.

    Resolving (step 1 of `Store.apply`) turns it into the members concerned:

    - `actors`, and the referrers that they have,
    - `members`, named directly,
    - the owners of `codes`,
    - the members of the events in `origins` and of the grants made for them, those of the grants in `grants` and those
      of the `payouts`.

    `arriving` are those of them that may be new: they are made before they are locked.
    For all the members concerned, together `M`, these facts are read: their referrals; tallies of M x `tally_types`;
    balances of M x `units`; lots with something left of M x `lot_units`, and lots by inactivity, also emptied ones, of
    M x `idle_units`, both among `units`; limits of M (as holders) x `limit_rules` x `limit_periods`. `revision` asks
    for the program's latest published revision.
    """

    program: str
    actors: frozenset[str] = frozenset()
    members: frozenset[str] = frozenset()
    arriving: frozenset[str] = frozenset()
    codes: frozenset[str] = frozenset()
    own_codes: frozenset[tuple[str, str | None]] = frozenset()
    events: frozenset[str] = frozenset()
    origins: frozenset[str] = frozenset()
    grants: frozenset[str] = frozenset()
    transfers: frozenset[str] = frozenset()
    tally_types: frozenset[str] = frozenset()
    payouts: frozenset[str] = frozenset()
    units: frozenset[str] = frozenset()
    lot_units: frozenset[str] = frozenset()
    idle_units: frozenset[str] = frozenset()
    limit_rules: frozenset[str] = frozenset()
    limit_periods: frozenset[str] = frozenset()
    spends: frozenset[tuple[str, str]] = frozenset()
    revision: bool = False


_EMPTY: Mapping[Any, Any] = FrozenDict()


@dataclass(frozen=True, slots=True)
class Facts:
    """What a decision sees; a store may show more than was wanted, never less, and nothing of other programs.

    `events` holds the wanted `events` and `origins` that are recorded, and `grants` those made for an origin and those
    wanted by id. `own_codes` names the invite code that an owner has for a campaign, and `codes` holds it too.
    `refunded` is what was refunded of an origin so far. `lots` are by member and unit, then by slot. What is not
    recorded is not in the mapping.
    """

    members: Mapping[str, Member] = field(default=_EMPTY)
    referrals: Mapping[str, Referral] = field(default=_EMPTY)
    codes: Mapping[str, InviteCode] = field(default=_EMPTY)
    own_codes: Mapping[tuple[str, str | None], str] = field(default=_EMPTY)
    events: Mapping[str, StoredEvent] = field(default=_EMPTY)
    grants: Mapping[str, StoredGrant] = field(default=_EMPTY)
    refunded: Mapping[str, int] = field(default=_EMPTY)
    transfers: Mapping[str, Transfer] = field(default=_EMPTY)
    tallies: Mapping[tuple[str, str], Tally] = field(default=_EMPTY)
    payouts: Mapping[str, Payout] = field(default=_EMPTY)
    balances: Mapping[tuple[str, str], Balance] = field(default=_EMPTY)
    lots: Mapping[tuple[str, str], Mapping[str, Lot]] = field(default=_EMPTY)
    limits: Mapping[LimitKey, int] = field(default=_EMPTY)
    spends: Mapping[tuple[str, str], Spend] = field(default=_EMPTY)
    revision: Revision | None = None
