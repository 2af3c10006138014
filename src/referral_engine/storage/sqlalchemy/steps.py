"""Steps: for each kind of change the statement that carries it out, its rows, and what its row count must be."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from referral_engine import changes as c
from referral_engine.events import microseconds
from referral_engine.storage.sqlalchemy import rows
from referral_engine.storage.sqlalchemy.attempts import StartAgain
from referral_engine.storage.sqlalchemy.codec import maybe_microseconds, write_payload
from referral_engine.storage.sqlalchemy.sending import Write
from referral_engine.storage.sqlalchemy.statements import Bulk, Merge, Row

if TYPE_CHECKING:
    from referral_engine.storage.sqlalchemy.statements import Sql
    from referral_engine.storage.sqlalchemy.tables import Tables

_FIGURES = rows.BALANCE_COLUMNS[2:]
_LIMIT = ("holder", "rule", "period", "per", "within", "unit", "subject")


@dataclass(frozen=True, slots=True)
class Step:
    """Writes the changes of one kind.

    `rows` picks the rows that this step writes, from the program, the changes and the cursor of ordinal 0; with
    `sort` they are written in the order of their keys. Every row must find what it changes; `shared` tells that another
    decision, which holds no lock of ours, may have been in the way. `keys` is as for Write.
    """

    kind: type[Any]
    bulk: Bulk
    rows: Callable[[str, Sequence[Any], int], list[Row]]
    sort: bool = True
    shared: bool = False
    keys: int = 0

    def write(self, program: str, changes: Sequence[Any], base: int) -> Write | None:
        """Give the rows of this step to its statement, if there are any."""
        if not (written := self.rows(program, changes, base)):
            return None
        if self.sort:
            written.sort()
        return Write(self.bulk, written, self.keys, self.short)

    def short(self) -> StartAgain:
        """Tell that a row found nothing to change."""
        return StartAgain(f"a precondition of {self.kind.__name__} does not hold", shared=self.shared)


def member_steps(sql: Sql, tables: Tables, *, stubs: bool) -> list[Step]:
    """What the locks on members guard of themselves; with `stubs`, a fresh member's row is there already."""
    member = rows.MEMBER_COLUMNS[1:]
    given = {name: f":{name}" for name in member}
    if stubs:
        fresh_member = sql.update(tables.members, ["member"], member, given, "kept.joined_at IS NULL")
    else:
        fresh_member = sql.insert(tables.members, rows.MEMBER_COLUMNS)
    known_member = sql.update(tables.members, ["member"], member, given, "kept.joined_at IS NOT NULL")
    more_limit = sql.insert(tables.limits, [*_LIMIT, "count"], Merge(add=["count"]))
    less_limit = sql.update(tables.limits, _LIMIT, ["count"], {"count": "kept.count + :count"})
    return [
        Step(
            c.PutMember,
            fresh_member,
            lambda p, cs, _: [rows.member_row(p, x.member) for x in cs if x.fresh],
            keys=1,
        ),
        Step(
            c.PutMember,
            known_member,
            lambda p, cs, _: [rows.member_row(p, x.member) for x in cs if not x.fresh],
            keys=1,
        ),
        Step(
            c.AdjustTally,
            sql.insert(tables.tallies, ["member", "type", "count", "sum"], Merge(add=["count", "sum"])),
            lambda p, cs, _: [(p, x.member, x.type, x.count, x.sum) for x in cs],
        ),
        Step(c.AdjustLimit, more_limit, lambda p, cs, _: [_limit_row(p, x) for x in cs if x.by >= 0]),
        Step(c.AdjustLimit, less_limit, lambda p, cs, _: [_limit_row(p, x) for x in cs if x.by < 0]),
        Step(
            c.PutRefunded,
            sql.insert(tables.refunds, ["event", "amount"]),
            lambda p, cs, _: [(p, x.event_id, x.amount) for x in cs if x.fresh],
        ),
        Step(
            c.PutRefunded,
            sql.update(tables.refunds, ["event"], ["amount"], {"amount": ":amount"}),
            lambda p, cs, _: [(p, x.event_id, x.amount) for x in cs if not x.fresh],
        ),
    ]


def money_steps(sql: Sql, tables: Tables) -> list[Step]:
    """What the locks on members guard of their money."""
    grown = {name: f"kept.{name} + :{name}" for name in _FIGURES}
    fresh_balance = sql.insert(tables.balances, ["member", "unit", *_FIGURES])
    known_balance = sql.update(tables.balances, ["member", "unit"], _FIGURES, grown)
    lot = rows.LOT_COLUMNS
    less_left = {
        "remaining": "kept.remaining + :remaining",
        "expires_at": "CASE WHEN kept.expires_at < :expires_at THEN :expires_at ELSE kept.expires_at END",
    }
    grant = ("state", "reversed", "waived", "slot")
    payout = ("state", "decided_at", "actor")
    return [
        Step(c.AdjustBalance, fresh_balance, lambda p, cs, _: [_balance_row(p, x) for x in cs if x.fresh], keys=2),
        Step(c.AdjustBalance, known_balance, lambda p, cs, _: [_balance_row(p, x) for x in cs if not x.fresh], keys=2),
        Step(
            c.AdjustLot,
            sql.insert(tables.lots, lot, Merge(add=["remaining"], greatest=["expires_at"])),
            lambda p, cs, _: [_lot_row(p, x) for x in cs if x.by >= 0],
        ),
        Step(
            c.AdjustLot,
            sql.update(tables.lots, lot[:3], lot[3:], less_left),
            lambda p, cs, _: [_lot_row(p, x) for x in cs if x.by < 0],
        ),
        Step(
            c.UpdatePayout,
            sql.update(tables.payouts, ["id"], payout, {name: f":{name}" for name in payout}),
            lambda p, cs, _: [_decided_row(p, x) for x in cs],
        ),
        Step(
            c.AddGrant,
            sql.insert(tables.grants, rows.GRANT_COLUMNS),
            lambda p, cs, _: [rows.grant_row(p, x.stored) for x in cs],
        ),
        Step(
            c.UpdateGrant,
            sql.update(tables.grants, ["id"], grant, {name: f":{name}" for name in grant}),
            lambda p, cs, _: [_grant_state_row(p, x) for x in cs],
        ),
    ]


def shared_steps(sql: Sql, tables: Tables) -> list[Step]:
    """What no lock on a member guards: guarded deltas, as late as can be."""
    within_uses = "kept.state = 'active' AND (kept.max_uses IS NULL OR kept.uses + :uses <= kept.max_uses)"
    spent = {"spent": "kept.spent + :spent", "held": "kept.held + :held"}
    within_bounds = "kept.spent + kept.held BETWEEN :low AND :high"
    return [
        Step(
            c.AddCode,
            sql.insert(tables.codes, rows.CODE_COLUMNS),
            lambda p, cs, _: [rows.code_row(p, x.code, invite=x.invite) for x in cs],
        ),
        Step(
            c.UseCode,
            sql.update(tables.codes, ["text"], ["uses"], {"uses": "kept.uses + :uses"}, within_uses),
            lambda p, cs, _: [(p, x.text, x.uses) for x in cs],
            shared=True,
        ),
        Step(
            c.DisableCode,
            sql.update(tables.codes, ["text"], (), {"state": "'disabled'"}),
            lambda p, cs, _: [(p, x.text) for x in cs],
        ),
        Step(
            c.AdjustSpend,
            sql.update(tables.spends, ["campaign", "unit"], ["spent", "held", "low", "high"], spent, within_bounds),
            lambda p, cs, _: [(p, x.campaign, x.unit, x.spent, x.held, x.low, x.high) for x in cs],
            shared=True,
        ),
    ]


def appended_steps(sql: Sql, tables: Tables) -> list[Step]:
    """What is appended at the program's position, in the order of the ordinals."""
    state = {"state": ":state", "qualified_at": ":qualified_at"}
    score = ["board", "period", "member", "score", "reached"]
    raised = Merge(add=["score"], replace=["reached"])
    lowered = {"score": "kept.score + :score", "reached": ":reached"}
    return [
        Step(
            c.AddReferral,
            sql.insert(tables.referrals, rows.REFERRAL_COLUMNS),
            lambda p, cs, base: [rows.referral_row(p, x.referral, base + x.ordinal) for x in cs],
        ),
        Step(
            c.UpdateReferral,
            sql.update(tables.referrals, ["referee"], ["state", "qualified_at"], state),
            lambda p, cs, _: [_state_row(p, x) for x in cs],
        ),
        Step(
            c.AddEvent,
            sql.insert(tables.events, rows.EVENT_COLUMNS),
            lambda p, cs, base: [rows.event_row(p, x.event, base + x.ordinal) for x in cs],
            sort=False,
        ),
        Step(
            c.AddPayout,
            sql.insert(tables.payouts, rows.PAYOUT_COLUMNS),
            lambda p, cs, base: [rows.payout_row(p, x.payout, base + x.ordinal) for x in cs],
        ),
        Step(
            c.AddTransfer,
            sql.insert(tables.transfers, rows.TRANSFER_COLUMNS),
            lambda p, cs, base: [rows.transfer_row(p, x.transfer, base + x.ordinal) for x in cs],
            sort=False,
        ),
        Step(
            c.AdjustScore,
            sql.insert(tables.scores, score, raised),
            lambda p, cs, base: [_score_row(p, x, base) for x in cs if x.by >= 0],
        ),
        Step(
            c.AdjustScore,
            sql.update(tables.scores, score[:3], score[3:], lowered),
            lambda p, cs, base: [_score_row(p, x, base) for x in cs if x.by < 0],
        ),
        Step(
            c.AddMessage,
            sql.insert(tables.messages, rows.MESSAGE_COLUMNS),
            lambda p, cs, base: [
                (p, base + x.ordinal, x.type, microseconds(x.at), write_payload(x.payload)) for x in cs
            ],
            sort=False,
        ),
        Step(
            c.AddAudit,
            sql.insert(tables.audit, rows.AUDIT_COLUMNS),
            lambda p, cs, base: [_audit_row(p, x, base) for x in cs],
            sort=False,
        ),
        Step(
            c.AddRevision,
            sql.insert(tables.revisions, rows.REVISION_COLUMNS),
            lambda p, cs, _: [_revision_row(p, x) for x in cs],
        ),
    ]


def _balance_row(program: str, change: c.AdjustBalance) -> Row:
    return rows.balance_row(program, change.member, change.unit, change.by)


def _lot_row(program: str, change: c.AdjustLot) -> Row:
    return (program, change.member, change.unit, change.slot, microseconds(change.expires_at), change.by)


def _decided_row(program: str, change: c.UpdatePayout) -> Row:
    one = change.payout
    return (program, one.id, one.state, maybe_microseconds(one.decided_at), one.actor)


def _grant_state_row(program: str, change: c.UpdateGrant) -> Row:
    stored = change.stored
    return (program, stored.grant.id, stored.state, stored.reversed, stored.waived, stored.slot)


def _audit_row(program: str, change: c.AddAudit, base: int) -> Row:
    what = (change.actor, change.action, change.subject, microseconds(change.at))
    return (
        program,
        base + change.ordinal,
        *what,
        write_payload(change.before),
        write_payload(change.after),
        change.memo,
    )


def _revision_row(program: str, change: c.AddRevision) -> Row:
    one = change.revision
    return (program, one.number, one.revision, one.canonical, one.actor, microseconds(one.at))


def _limit_row(program: str, change: c.AdjustLimit) -> Row:
    key = change.key
    names = (key.holder, key.rule, key.period, key.per, key.within, key.unit, key.subject)
    return (program, *names, change.by)


def _score_row(program: str, change: c.AdjustScore, base: int) -> Row:
    return (program, *change.key, change.by, base + change.ordinal)


def _state_row(program: str, change: c.UpdateReferral) -> Row:
    one = change.referral
    return (program, one.referee, one.state, maybe_microseconds(one.qualified_at))
