"""Records: everything that is kept of one program, in dictionaries, with the changes that can be made to it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import groupby
from typing import TYPE_CHECKING, Any

from referral_engine import changes as c
from referral_engine.codes.code import InviteCode
from referral_engine.facts import Facts, LimitKey, ScoreKey, StoredEvent, Tally
from referral_engine.leaderboard.standing import Standing
from referral_engine.ledger import FIRST, NOTHING, Balance, Lot, Payout, Spend, StoredGrant, Transfer, seal
from referral_engine.members.member import Member
from referral_engine.outcomes import AuditEntry, Message, Revision
from referral_engine.referrals.referral import Referral

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_NO_SPEND = Spend()
_NO_TALLY = Tally(0, 0)


class PreconditionFailed(Exception):
    """A change does not fit the records any more."""


@dataclass(slots=True)
class Records:
    """One program's records. Not safe for threads by itself: the store's lock guards it."""

    members: dict[str, Member] = field(default_factory=dict)
    referrals: dict[str, Referral] = field(default_factory=dict)
    referees: dict[str, list[tuple[int, str]]] = field(default_factory=dict)
    codes: dict[str, InviteCode] = field(default_factory=dict)
    own_codes: dict[tuple[str, str | None], str] = field(default_factory=dict)
    events: dict[str, StoredEvent] = field(default_factory=dict)
    refunded: dict[str, int] = field(default_factory=dict)
    grants: dict[str, StoredGrant] = field(default_factory=dict)
    grants_of: dict[str, tuple[str, ...]] = field(default_factory=dict)
    held: set[str] = field(default_factory=set)
    transfers: dict[str, Transfer] = field(default_factory=dict)
    statements: dict[tuple[str, str], list[tuple[int, str]]] = field(default_factory=dict)
    tallies: dict[tuple[str, str], Tally] = field(default_factory=dict)
    balances: dict[tuple[str, str], Balance] = field(default_factory=dict)
    lots: dict[tuple[str, str], dict[str, Lot]] = field(default_factory=dict)
    payouts: dict[str, Payout] = field(default_factory=dict)
    limits: dict[LimitKey, int] = field(default_factory=dict)
    spends: dict[tuple[str, str], Spend] = field(default_factory=dict)
    scores: dict[tuple[str, str], dict[str, Standing]] = field(default_factory=dict)
    messages: list[Message] = field(default_factory=list)
    audit: list[AuditEntry] = field(default_factory=list)
    revisions: list[Revision] = field(default_factory=list)
    seals: list[tuple[int, bytes]] = field(default_factory=list)
    acknowledged: int = 0
    position: int = 0

    def facts(self) -> Facts:
        """Show everything, as live views: good as long as the lock is held."""
        return Facts(
            members=self.members,
            referrals=self.referrals,
            codes=self.codes,
            own_codes=self.own_codes,
            events=self.events,
            grants=self.grants,
            refunded=self.refunded,
            transfers=self.transfers,
            tallies=self.tallies,
            payouts=self.payouts,
            balances=self.balances,
            lots=self.lots,
            limits=self.limits,
            spends=self.spends,
            revision=self.revisions[-1] if self.revisions else None,
        )

    def write(self, changes: Sequence[c.Change], ordinals: int, *, chained: bool = False) -> None:
        """Carry out the changes, all or none. Raises PreconditionFailed, with nothing written."""
        kinds = [(kind, list(found)) for kind, found in groupby(changes, type)]
        for kind, found in kinds:
            check = _CHECKS.get(kind)
            if check is not None and not all(check(self, change) for change in found):
                raise PreconditionFailed(kind.__name__)
        base = self.position + 1
        for kind, found in kinds:
            write = _WRITERS[kind]
            for change in found:
                write(self, change, base)
            if chained and kind is c.AddTransfer:
                self._seal(found, base)
        self.position += ordinals

    def _seal(self, added: Sequence[Any], base: int) -> None:
        last = self.seals[-1][1] if self.seals else FIRST
        for change in sorted(added, key=lambda change: change.ordinal):
            cursor = base + change.ordinal
            last = seal(last, replace(change.transfer, cursor=cursor))
            self.seals.append((cursor, last))


def _put_member(records: Records, change: c.PutMember, _: int) -> None:
    records.members[change.member.id] = change.member


def _add_referral(records: Records, change: c.AddReferral, base: int) -> None:
    referral = change.referral
    records.referrals[referral.referee] = referral
    records.referees.setdefault(referral.referrer, []).append((base + change.ordinal, referral.referee))


def _update_referral(records: Records, change: c.UpdateReferral, _: int) -> None:
    records.referrals[change.referral.referee] = change.referral


def _add_code(records: Records, change: c.AddCode, _: int) -> None:
    records.codes[change.code.text] = change.code
    if change.invite and change.code.owner is not None:
        records.own_codes[change.code.owner, change.code.campaign] = change.code.text


def _disable_code(records: Records, change: c.DisableCode, _: int) -> None:
    records.codes[change.text] = replace(records.codes[change.text], state="disabled")


def _use_code(records: Records, change: c.UseCode, _: int) -> None:
    code = records.codes[change.text]
    records.codes[change.text] = replace(code, uses=code.uses + change.uses)


def _add_event(records: Records, change: c.AddEvent, _: int) -> None:
    records.events[change.event.id] = change.event


def _put_refunded(records: Records, change: c.PutRefunded, _: int) -> None:
    records.refunded[change.event_id] = change.amount


def _adjust_tally(records: Records, change: c.AdjustTally, _: int) -> None:
    key = (change.member, change.type)
    before = records.tallies.get(key, _NO_TALLY)
    records.tallies[key] = Tally(before.count + change.count, before.sum + change.sum)


def _adjust_balance(records: Records, change: c.AdjustBalance, _: int) -> None:
    key = (change.member, change.unit)
    records.balances[key] = records.balances.get(key, NOTHING).plus(change.by)


def _adjust_lot(records: Records, change: c.AdjustLot, _: int) -> None:
    lots = records.lots.setdefault((change.member, change.unit), {})
    before = lots.get(change.slot)
    remaining, expires_at = change.by, change.expires_at
    if before is not None:
        remaining, expires_at = before.remaining + remaining, max(before.expires_at, expires_at)
    lots[change.slot] = Lot(change.member, change.unit, change.slot, expires_at, remaining)


def _add_grant(records: Records, change: c.AddGrant, _: int) -> None:
    stored = change.stored
    records.grants[stored.grant.id] = stored
    records.grants_of[stored.event_id] = (*records.grants_of.get(stored.event_id, ()), stored.grant.id)
    if stored.state == "held":
        records.held.add(stored.grant.id)


def _update_grant(records: Records, change: c.UpdateGrant, _: int) -> None:
    records.grants[change.stored.grant.id] = change.stored
    if change.stored.state != "held":
        records.held.discard(change.stored.grant.id)


def _add_payout(records: Records, change: c.AddPayout, base: int) -> None:
    records.payouts[change.payout.id] = replace(change.payout, cursor=base + change.ordinal)


def _update_payout(records: Records, change: c.UpdatePayout, _: int) -> None:
    cursor = records.payouts[change.payout.id].cursor
    records.payouts[change.payout.id] = replace(change.payout, cursor=cursor)


def _add_transfer(records: Records, change: c.AddTransfer, base: int) -> None:
    transfer = change.transfer
    records.transfers[transfer.id] = transfer
    records.statements.setdefault((transfer.member, transfer.unit), []).append((base + change.ordinal, transfer.id))


def _adjust_limit(records: Records, change: c.AdjustLimit, _: int) -> None:
    records.limits[change.key] = records.limits.get(change.key, 0) + change.by


def _adjust_spend(records: Records, change: c.AdjustSpend, _: int) -> None:
    key = (change.campaign, change.unit)
    before = records.spends.get(key, _NO_SPEND)
    records.spends[key] = Spend(before.spent + change.spent, before.held + change.held)


def _score_before(records: Records, key: ScoreKey) -> int:
    standing = records.scores.get((key.board, key.period), {}).get(key.member)
    return 0 if standing is None else standing.score


def _adjust_score(records: Records, change: c.AdjustScore, base: int) -> None:
    key = change.key
    score = _score_before(records, key) + change.by
    table = records.scores.setdefault((key.board, key.period), {})
    table[key.member] = Standing(key.member, score, base + change.ordinal)


def _add_message(records: Records, change: c.AddMessage, base: int) -> None:
    records.messages.append(Message(base + change.ordinal, change.type, change.at, change.payload))


def _add_audit(records: Records, change: c.AddAudit, base: int) -> None:
    named = (change.actor, change.action, change.subject, change.at, change.before, change.after, change.memo)
    records.audit.append(AuditEntry(base + change.ordinal, *named))


def _add_revision(records: Records, change: c.AddRevision, _: int) -> None:
    records.revisions.append(change.revision)


def _acknowledge(records: Records, change: c.Acknowledge, _: int) -> None:
    records.acknowledged = max(records.acknowledged, min(change.up_to, records.position))


def _referee_is_free(records: Records, change: c.AddReferral) -> bool:
    return change.referral.referee not in records.referrals


def _referral_is_kept(records: Records, change: c.UpdateReferral) -> bool:
    return change.referral.referee in records.referrals


def _code_is_free(records: Records, change: c.AddCode) -> bool:
    code = change.code
    mine = change.invite and (code.owner or "", code.campaign) in records.own_codes
    return code.text not in records.codes and not mine


def _code_is_kept(records: Records, change: c.DisableCode) -> bool:
    return change.text in records.codes


def _code_is_usable(records: Records, change: c.UseCode) -> bool:
    code = records.codes.get(change.text)
    if code is None or code.state != "active":
        return False
    return code.max_uses is None or code.uses + change.uses <= code.max_uses


def _event_is_free(records: Records, change: c.AddEvent) -> bool:
    return change.event.id not in records.events


def _balance_stays_positive(records: Records, change: c.AdjustBalance) -> bool:
    before = records.balances.get((change.member, change.unit))
    after = (before or NOTHING).plus(change.by)
    figures = (after.available, after.held, after.lifetime, after.expired, after.redeemed, after.debt, after.paying)
    return change.fresh == (before is None) and min(figures) >= 0 and 0 <= after.expiring <= after.available


def _lot_stays_positive(records: Records, change: c.AdjustLot) -> bool:
    before = records.lots.get((change.member, change.unit), {}).get(change.slot)
    return (0 if before is None else before.remaining) + change.by >= 0


def _payout_is_free(records: Records, change: c.AddPayout) -> bool:
    return change.payout.id not in records.payouts


def _payout_is_kept(records: Records, change: c.UpdatePayout) -> bool:
    return change.payout.id in records.payouts


def _revision_is_next(records: Records, change: c.AddRevision) -> bool:
    return all(known.number != change.revision.number for known in records.revisions)


def _grant_is_free(records: Records, change: c.AddGrant) -> bool:
    return change.stored.grant.id not in records.grants


def _grant_is_kept(records: Records, change: c.UpdateGrant) -> bool:
    return change.stored.grant.id in records.grants


def _transfer_is_free(records: Records, change: c.AddTransfer) -> bool:
    return change.transfer.id not in records.transfers


def _limit_stays_positive(records: Records, change: c.AdjustLimit) -> bool:
    return records.limits.get(change.key, 0) + change.by >= 0


def _spend_stays_within(records: Records, change: c.AdjustSpend) -> bool:
    before = records.spends.get((change.campaign, change.unit), _NO_SPEND)
    fits = change.low <= before.spent + before.held <= change.high
    return fits and before.spent + change.spent >= 0 and before.held + change.held >= 0


def _score_stays_positive(records: Records, change: c.AdjustScore) -> bool:
    return _score_before(records, change.key) + change.by >= 0


def _member_is_as_said(records: Records, change: c.PutMember) -> bool:
    return change.fresh == (change.member.id not in records.members)


_CHECKS: dict[type[Any], Callable[[Records, Any], bool]] = {
    c.PutMember: _member_is_as_said,
    c.AddReferral: _referee_is_free,
    c.UpdateReferral: _referral_is_kept,
    c.AddCode: _code_is_free,
    c.DisableCode: _code_is_kept,
    c.UseCode: _code_is_usable,
    c.AddEvent: _event_is_free,
    c.AdjustBalance: _balance_stays_positive,
    c.AdjustLot: _lot_stays_positive,
    c.AddPayout: _payout_is_free,
    c.UpdatePayout: _payout_is_kept,
    c.AddRevision: _revision_is_next,
    c.AddGrant: _grant_is_free,
    c.UpdateGrant: _grant_is_kept,
    c.AddTransfer: _transfer_is_free,
    c.AdjustLimit: _limit_stays_positive,
    c.AdjustSpend: _spend_stays_within,
    c.AdjustScore: _score_stays_positive,
}
_WRITERS: dict[type[Any], Callable[[Records, Any, int], None]] = {
    c.PutMember: _put_member,
    c.AddReferral: _add_referral,
    c.UpdateReferral: _update_referral,
    c.AddCode: _add_code,
    c.DisableCode: _disable_code,
    c.UseCode: _use_code,
    c.AddEvent: _add_event,
    c.PutRefunded: _put_refunded,
    c.AdjustTally: _adjust_tally,
    c.AdjustBalance: _adjust_balance,
    c.AdjustLot: _adjust_lot,
    c.AddPayout: _add_payout,
    c.UpdatePayout: _update_payout,
    c.AddAudit: _add_audit,
    c.AddRevision: _add_revision,
    c.AddGrant: _add_grant,
    c.UpdateGrant: _update_grant,
    c.AddTransfer: _add_transfer,
    c.AdjustLimit: _adjust_limit,
    c.AdjustSpend: _adjust_spend,
    c.AdjustScore: _adjust_score,
    c.AddMessage: _add_message,
    c.Acknowledge: _acknowledge,
}
