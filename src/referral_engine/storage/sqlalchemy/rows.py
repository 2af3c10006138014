"""Rows: how each record lies in the columns of its table, in both directions.

`…_COLUMNS` are the columns that are read, in the order in which `…_of` takes them; `…_row` writes the program, then the
same columns.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from referral_engine.codes.code import InviteCode
from referral_engine.events import microseconds
from referral_engine.facts import StoredEvent
from referral_engine.ledger.grant import Grant, StoredGrant
from referral_engine.ledger.lot import Lot
from referral_engine.ledger.payout import Payout
from referral_engine.ledger.transfer import Transfer
from referral_engine.members.member import Member
from referral_engine.outcomes import AuditEntry, Message, Revision
from referral_engine.referrals.referral import Referral
from referral_engine.storage.sqlalchemy import codec

if TYPE_CHECKING:
    from referral_engine.ledger.balance import Balance
    from referral_engine.storage.sqlalchemy.statements import Row

MEMBER_COLUMNS = (
    "member", "joined_at", "referrer", "root", "depth", "roles", "tags", "referrals_total", "referrals_qualified",
)  # fmt: skip
REFERRAL_COLUMNS = (
    "referee", "referrer", "state", "channel", "campaign", "code", "link", "at", "qualified_at", "cursor",
)  # fmt: skip
CODE_COLUMNS = (
    "text", "owner", "campaign", "state", "uses", "max_uses", "starts_at", "expires_at", "lot", "invite_for",
)  # fmt: skip
EVENT_COLUMNS = (
    "id", "type", "member", "at", "recorded_at", "amount", "origin", "attributes", "digest", "revision", "outcome",
    "verdicts", "footprint", "counted", "cursor",
)  # fmt: skip
GRANT_COLUMNS = (
    "id", "event", "rule", "recipient", "member", "kind", "unit", "amount", "wanted", "held_until", "campaign", "state",
    "reversed", "waived", "reversal", "confirmed_by", "expiry", "slot",
)  # fmt: skip
TRANSFER_COLUMNS = (
    "id", "kind", "member", "unit", "amount", "debit", "credit", "campaign", "reference", "memo", "at", "cursor",
)  # fmt: skip
BALANCE_COLUMNS = (
    "member", "unit", "available", "held", "lifetime", "expired", "redeemed", "debt", "expiring", "paying",
)  # fmt: skip
LOT_COLUMNS = ("member", "unit", "slot", "expires_at", "remaining")
PAYOUT_COLUMNS = (
    "id", "member", "unit", "amount", "state", "key", "memo", "requested_at", "decided_at", "actor", "cursor",
)  # fmt: skip
AUDIT_COLUMNS = ("cursor", "actor", "action", "subject", "at", "before", "after", "memo")
REVISION_COLUMNS = ("number", "revision", "canonical", "actor", "at")
MESSAGE_COLUMNS = ("cursor", "type", "at", "payload")


def member_of(row: Row) -> Member:
    """Read a member; not for a stub."""
    member, joined_at, referrer, root, depth, roles, tags, total, qualified = row
    words, more_words = codec.read_words(roles), codec.read_words(tags)
    return Member(member, codec.time_of(joined_at), referrer, root, depth, words, more_words, total, qualified)


def member_row(program: str, one: Member) -> Row:
    """Write a member."""
    return (
        program,
        one.id,
        microseconds(one.joined_at),
        one.referrer,
        one.root,
        one.depth,
        codec.write_words(one.roles),
        codec.write_words(one.tags),
        one.referrals_total,
        one.referrals_qualified,
    )


def referral_of(row: Row) -> Referral:
    """Read a referral, with its cursor."""
    referee, referrer, state, channel, campaign, code, link, at, qualified_at, cursor = row
    times = codec.time_of(at), codec.maybe_time_of(qualified_at)
    return Referral(referee, referrer, state, channel, campaign, code, link, *times, cursor)


def referral_row(program: str, one: Referral, cursor: int) -> Row:
    """Write a referral."""
    ends = (one.referee, one.referrer, one.state, one.channel, one.campaign, one.code, one.link)
    return (program, *ends, microseconds(one.at), codec.maybe_microseconds(one.qualified_at), cursor)


def code_of(row: Row) -> InviteCode:
    """Read a code."""
    text, owner, campaign, state, uses, max_uses, starts_at, expires_at, lot, _ = row
    times = codec.maybe_time_of(starts_at), codec.maybe_time_of(expires_at)
    return InviteCode(text, owner, campaign, state, uses, max_uses, *times, lot)


def code_row(program: str, one: InviteCode, *, invite: bool) -> Row:
    """Write a code; `invite` makes it its owner's own for its campaign."""
    return (
        program,
        one.text,
        one.owner,
        one.campaign,
        one.state,
        one.uses,
        one.max_uses,
        codec.maybe_microseconds(one.starts_at),
        codec.maybe_microseconds(one.expires_at),
        one.lot,
        invite_for(one.campaign) if invite else None,
    )


def invite_for(campaign: str | None) -> str:
    """What stands in the column `invite_for`: nothing for every campaign, which NULL could not say in a unique key."""
    return campaign or ""


def event_of(row: Row) -> StoredEvent:
    """Read an accepted event with its receipt and its trace."""
    id_, kind, member, at, recorded_at, amount, origin, attributes, digest, revision, *texts, counted, _ = row
    outcome, verdicts, footprint = texts
    return StoredEvent(
        id=id_,
        type=kind,
        member=member,
        at=codec.time_of(at),
        recorded_at=codec.time_of(recorded_at),
        amount=amount,
        of=origin,
        attributes=codec.read_mapping(attributes),
        digest=bytes(digest),
        outcome=codec.read_outcome(outcome, id_, revision),
        verdicts=codec.read_verdicts(verdicts),
        footprint=codec.read_footprint(footprint),
        counted=bool(counted),
    )


def event_row(program: str, one: StoredEvent, cursor: int) -> Row:
    """Write an accepted event."""
    return (
        program,
        one.id,
        one.type,
        one.member,
        microseconds(one.at),
        microseconds(one.recorded_at),
        one.amount,
        one.of,
        codec.write_mapping(one.attributes),
        one.digest,
        one.outcome.revision,
        codec.write_outcome(one.outcome),
        codec.write_verdicts(one.verdicts),
        codec.write_footprint(one.footprint),
        one.counted,
        cursor,
    )


def grant_of(row: Row) -> StoredGrant:
    """Read a grant as it stands."""
    id_, event, rule, recipient, member, kind, unit, amount, wanted, held_until, campaign, state, *rest = row
    taken_back, waived, reversal, confirmed_by, expiry, slot = rest
    until = codec.maybe_time_of(held_until)
    grant = Grant(id_, rule, recipient, member, kind, unit, amount, wanted, until, confirmed_by)
    return StoredGrant(grant, event, campaign, state, taken_back, waived, reversal, expiry, slot)


def grant_row(program: str, stored: StoredGrant) -> Row:
    """Write a grant."""
    one = stored.grant
    return (
        program,
        one.id,
        stored.event_id,
        one.rule,
        one.to,
        one.member,
        one.kind,
        one.unit,
        one.amount,
        one.wanted,
        codec.maybe_microseconds(one.held_until),
        stored.campaign,
        stored.state,
        stored.reversed,
        stored.waived,
        stored.reversal,
        one.confirmed_by,
        stored.expiry,
        stored.slot,
    )


def balance_row(program: str, member: str, unit: str, one: Balance) -> Row:
    """Write the figures of a balance, or what is added to them."""
    spendable = (one.available, one.held, one.lifetime, one.expired, one.redeemed, one.debt)
    return (program, member, unit, *spendable, one.expiring, one.paying)


def lot_of(row: Row) -> Lot:
    """Read a lot."""
    member, unit, slot, expires_at, remaining = row
    return Lot(member, unit, slot, codec.time_of(expires_at), remaining)


def payout_of(row: Row) -> Payout:
    """Read a payout, with its cursor."""
    id_, member, unit, amount, state, key, memo, requested_at, decided_at, actor, cursor = row
    times = codec.time_of(requested_at), codec.maybe_time_of(decided_at)
    return Payout(id_, member, unit, amount, state, key, memo, *times, actor, cursor)


def payout_row(program: str, one: Payout, cursor: int) -> Row:
    """Write a payout."""
    asked = (one.id, one.member, one.unit, one.amount, one.state, one.key, one.memo)
    times = (microseconds(one.requested_at), codec.maybe_microseconds(one.decided_at))
    return (program, *asked, *times, one.actor, cursor)


def audit_entry_of(row: Row) -> AuditEntry:
    """Read an entry of the audit log."""
    cursor, actor, action, subject, at, before, after, memo = row
    change = codec.read_mapping(before), codec.read_mapping(after)
    return AuditEntry(cursor, actor, action, subject, codec.time_of(at), *change, memo)


def revision_of(row: Row) -> Revision:
    """Read a published revision."""
    number, revision, canonical, actor, at = row
    return Revision(number, revision, canonical, actor, codec.time_of(at))


def transfer_of(row: Row) -> Transfer:
    """Read a transfer, with its cursor."""
    id_, kind, member, unit, amount, debit, credit, campaign, reference, memo, at, cursor = row
    moment = codec.time_of(at)
    return Transfer(id_, kind, member, unit, amount, debit, credit, campaign, reference, memo, moment, cursor)


def transfer_row(program: str, one: Transfer, cursor: int) -> Row:
    """Write a transfer."""
    ends: tuple[Any, ...] = (one.debit, one.credit, one.campaign, one.reference, one.memo)
    return (program, one.id, one.kind, one.member, one.unit, one.amount, *ends, microseconds(one.at), cursor)


def message_of(row: Row) -> Message:
    """Read a message of the outbox."""
    cursor, kind, at, payload = row
    return Message(cursor, kind, codec.time_of(at), codec.read_mapping(payload))
