"""Samples: small valid records, and the hand that writes them to a store as one decision.

They are records of the port, not of a program: no engine made them, so what they say together need not add up.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import TYPE_CHECKING, Any, get_args

from referral_engine import changes as c
from referral_engine.codes.code import InviteCode
from referral_engine.facts import Facts, Footprint, LimitKey, ScoreKey, StoredEvent, Wanted
from referral_engine.ledger.balance import Balance
from referral_engine.ledger.grant import Grant, StoredGrant
from referral_engine.ledger.payout import Payout
from referral_engine.ledger.transfer import Transfer
from referral_engine.members.member import Member, newcomer
from referral_engine.outcomes import Outcome, Revision
from referral_engine.ports import BlockingStore
from referral_engine.referrals.referral import Referral
from referral_engine.validation import FrozenDict

if TYPE_CHECKING:
    from collections.abc import Sequence

    from referral_engine.leaderboard.standing import Standing

PROGRAM = "acme"
START = datetime(2026, 3, 1, tzinfo=UTC)
REVISION = "0" * 64

_ORDER = {kind: place for place, kind in enumerate(get_args(c.Change))}


def a_member(member_id: str, **differs: Any) -> Member:
    """A member whom nobody referred."""
    return replace(newcomer(member_id, START), **differs)


def a_referral(referee: str, referrer: str, **differs: Any) -> Referral:
    """A referral without a code, qualified."""
    plain = Referral(referee, referrer, "qualified", None, None, None, None, START, START)
    return replace(plain, **differs)


def a_code(text: str, owner: str | None = None, **differs: Any) -> InviteCode:
    """A code without limits."""
    return replace(InviteCode(text, owner, None, "active", 0, None, None, None, None), **differs)


def an_event(event_id: str, member: str = "alice", **differs: Any) -> StoredEvent:
    """An accepted purchase that paid nobody."""
    plain = StoredEvent(
        id=event_id,
        type="purchase",
        member=member,
        at=START,
        recorded_at=START,
        amount=100,
        of=None,
        attributes=FrozenDict(),
        digest=sha256(event_id.encode()).digest(),
        outcome=Outcome(event_id, "accepted", None, (), (), (), REVISION),
        verdicts=(),
        footprint=Footprint(),
        counted=True,
    )
    return replace(plain, **differs)


def a_grant(
    grant_id: str, member: str = "alice", event: str = "buy-1", hold: timedelta | None = None, **differs: Any
) -> StoredGrant:
    """A grant of 10 points: posted, or held until `hold` after the start."""
    until = None if hold is None else START + hold
    grant = Grant(grant_id, "gift", "member", member, "points", "points", 10, 10, until)
    stored = StoredGrant(grant, event, "spring", "posted" if hold is None else "held")
    return replace(stored, **differs)


def a_transfer(transfer_id: str, member: str = "alice", **differs: Any) -> Transfer:
    """A transfer of 10 points from the campaign to what a member has available."""
    plain = Transfer(
        transfer_id, "grant", member, "points", 10, "campaign", "available", "spring", "buy-1", None, START
    )
    return replace(plain, **differs)


def a_payout(payout_id: str, member: str = "alice", **differs: Any) -> Payout:
    """A payout of 10 cents that was requested."""
    return replace(Payout(payout_id, member, "usd", 10, "requested", f"key-{payout_id}", None, START), **differs)


def a_revision(number: int, **differs: Any) -> Revision:
    """A program as it was published, in no form that an engine would read."""
    return replace(Revision(number, f"{number:064}", "{}", "staff", START), **differs)


def a_limit(holder: str = "alice", **differs: Any) -> LimitKey:
    """The counter of a monthly limit for each referee."""
    return LimitKey(holder, "gift", "referee", "month", "", holder, "2026-03")._replace(**differs)


def joining(*members: str) -> list[c.Change]:
    """The changes that make members."""
    return [c.PutMember(a_member(one), fresh=True) for one in members]


def raising(member: str, by: int, *, board: str = "inviters", period: str = "2026-03") -> c.AdjustScore:
    """The change that adds to a score."""
    return c.AdjustScore(ScoreKey(board, period, member), by, ordinal=0)


def saying(kind: str, **payload: Any) -> c.AddMessage:
    """The change that appends to the outbox."""
    return c.AddMessage(kind, START, FrozenDict(payload), ordinal=0)


def noting(action: str, **differs: Any) -> c.AddAudit:
    """The change that appends to the audit log."""
    plain = c.AddAudit("staff", action, "alice", START, FrozenDict[Any](), FrozenDict[Any](), None, ordinal=0)
    return replace(plain, **differs)


def owning(member: str = "alice", *, fresh: bool = True, unit: str = "points", **figures: int) -> c.AdjustBalance:
    """The change that adds to a balance."""
    return c.AdjustBalance(member, unit, Balance(**figures), fresh)


def keeping(slot: str, by: int, *, days: int, member: str = "alice", unit: str = "points") -> c.AdjustLot:
    """The change that adds to a lot which expires that many days after the start."""
    return c.AdjustLot(member, unit, slot, START + timedelta(days=days), by)


@dataclass(frozen=True, slots=True)
class Desk:
    """Writes changes to one program of a store, which seals its transfers if it is `chained`, and reads them back."""

    store: BlockingStore
    program: str = PROGRAM
    chained: bool = False

    def decision(self, *changes: c.Change) -> c.Decision[None]:
        """Put the changes in the order of kinds that a decision has, and number what they append as they were given."""
        ordinal = 0
        numbered: list[c.Change] = []
        for change in changes:
            if hasattr(change, "ordinal"):
                numbered.append(replace(change, ordinal=ordinal))  # type: ignore[arg-type]
                ordinal += 1
            else:
                numbered.append(change)
        return c.Decision(None, tuple(sorted(numbered, key=lambda one: _ORDER[type(one)])), ordinal, self.chained)

    def write(self, *changes: c.Change) -> None:
        """Write the changes in one decision, with just what they concern wanted."""
        decision = self.decision(*changes)
        self.store.apply(wanting(self.program, changes), lambda _: decision)

    def join(self, *members: str) -> None:
        """Make members."""
        self.write(*joining(*members))

    def read(self, **wanted: Any) -> Facts:
        """Read facts; what is wanted may be given as lists."""
        given: dict[str, Any] = {name: ids if isinstance(ids, bool) else frozenset(ids) for name, ids in wanted.items()}
        return self.store.read(Wanted(self.program, **given))

    def standings(self, skip: int = 0, limit: int = 1000, *, period: str = "2026-03") -> list[Standing]:
        """List the board that `raising` writes to."""
        return self.store.standings(self.program, "inviters", period, skip, limit)

    def said(self, after: int | None = None, limit: int = 1000) -> list[str]:
        """List the kinds of the messages in the outbox."""
        return [message.type for message in self.store.messages(self.program, after, limit)]


def wanting(program: str, changes: Sequence[c.Change]) -> Wanted:
    """Name what the changes concern, as a decision that makes them would have."""
    found: defaultdict[str, set[Any]] = defaultdict(set)
    for change in changes:
        for name, value in _concerned(change):
            found[name].add(value)
    wanted: dict[str, Any] = {name: frozenset(values) for name, values in found.items()}
    return Wanted(program, **wanted, revision=any(isinstance(change, c.AddRevision) for change in changes))


def _concerned(change: c.Change) -> list[tuple[str, Any]]:
    match change:
        case c.PutMember(member, fresh):
            return [("members", member.id), *([("arriving", member.id)] if fresh else [])]
        case c.AddReferral(referral) | c.UpdateReferral(referral):
            return [("actors", referral.referee), ("members", referral.referrer)]
        case c.AddCode() | c.DisableCode() | c.UseCode():
            return _code_concerned(change)
        case c.AddEvent(event):
            return [("events", event.id), ("members", event.member)]
        case c.PutRefunded(event_id):
            return [("origins", event_id)]
        case _:
            return _figures_concerned(change)


def _code_concerned(change: c.AddCode | c.DisableCode | c.UseCode) -> list[tuple[str, Any]]:
    if isinstance(change, c.AddCode):
        owner = change.code.owner
        return [("codes", change.code.text), *([("members", owner)] if owner else [])]
    return [("codes", change.text)]


def _figures_concerned(change: c.Change) -> list[tuple[str, Any]]:
    match change:
        case c.AdjustTally(member_id, name) | c.AdjustBalance(member_id, name):
            return [("members", member_id), ("units" if isinstance(change, c.AdjustBalance) else "tally_types", name)]
        case c.AdjustLot(member_id, unit):
            return [("members", member_id), ("units", unit), ("lot_units", unit)]
        case c.AdjustLimit(key):
            return [("members", key.holder), ("limit_rules", key.rule), ("limit_periods", key.period)]
        case c.AdjustSpend(campaign, unit):
            return [("spends", (campaign, unit))]
        case _:
            return _records_concerned(change)


def _records_concerned(change: c.Change) -> list[tuple[str, Any]]:
    match change:
        case c.AddGrant(stored) | c.UpdateGrant(stored):
            return [("members", stored.grant.member), ("grants", stored.grant.id)]
        case c.AddPayout(payout) | c.UpdatePayout(payout):
            return [("members", payout.member), ("payouts", payout.id)]
        case c.AddTransfer(transfer):
            return [("members", transfer.member), ("transfers", transfer.id)]
        case _:
            return []
