"""Draft: the working copy of the facts that decisions are made on, and the changes that it comes to."""

from __future__ import annotations

from dataclasses import replace
from itertools import starmap
from typing import TYPE_CHECKING, Any, TypeVar

from referral_engine.changes import (
    AddAudit,
    AddEvent,
    AddGrant,
    AddMessage,
    AddPayout,
    AddReferral,
    AddTransfer,
    AdjustBalance,
    AdjustLimit,
    AdjustLot,
    AdjustScore,
    AdjustSpend,
    AdjustTally,
    Change,
    Decision,
    PutMember,
    PutRefunded,
    UpdateGrant,
    UpdatePayout,
    UpdateReferral,
    UseCode,
)
from referral_engine.facts import Facts, LimitKey, ScoreKey, StoredEvent, Tally
from referral_engine.ledger import NOTHING, Balance, Lot, step
from referral_engine.validation import TOTAL_MAX

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from referral_engine.codes import InviteCode
    from referral_engine.ledger import Payout, StoredGrant, Transfer
    from referral_engine.members import Member
    from referral_engine.referrals import Referral

ResultT = TypeVar("ResultT")

_NO_TALLY = Tally(0, 0)
_NO_SPEND = (0, 0, 0, TOTAL_MAX)


class Draft:
    """The facts, with what was decided so far laid over them. Reads see both; `changes()` tells what to write.

    Figures that several events touch are folded, so that each record is written once.
    """

    def __init__(self, facts: Facts, *, chained: bool) -> None:
        self._facts = facts
        self._chained = chained
        self._members: dict[str, Member] = {}
        self._new_referrals: dict[str, AddReferral] = {}
        self._referrals: dict[str, Referral] = {}
        self._events: dict[str, AddEvent] = {}
        self._grants: dict[str, StoredGrant] = {}
        self._refunded: dict[str, int] = {}
        self._tallies: dict[tuple[str, str], tuple[int, int]] = {}
        self._balances: dict[tuple[str, str], Balance] = {}
        self._lots: dict[tuple[str, str], dict[str, tuple[int, datetime]]] = {}
        self._payouts: dict[str, AddPayout | UpdatePayout] = {}
        self._limits: dict[LimitKey, int] = {}
        self._spends: dict[tuple[str, str], tuple[int, int, int, int]] = {}
        self._scores: dict[ScoreKey, tuple[int, int]] = {}
        self._code_uses: dict[str, int] = {}
        self._transfers: list[AddTransfer] = []
        self._messages: list[AddMessage] = []
        self._audit: list[AddAudit] = []
        self.ordinals: int = 0

    def _next(self) -> int:
        ordinal = self.ordinals
        self.ordinals = ordinal + 1
        return ordinal

    # Members and referrals

    def member(self, member_id: str) -> Member | None:
        """The member as it is by now, None for a stranger."""
        return self._members.get(member_id) or self._facts.members.get(member_id)

    def put_member(self, member: Member) -> None:
        """Keep the member as given."""
        self._members[member.id] = member

    def referral(self, referee: str) -> Referral | None:
        """The referral of a referee as it is by now."""
        if (new := self._new_referrals.get(referee)) is not None:
            return new.referral
        return self._referrals.get(referee) or self._facts.referrals.get(referee)

    def add_referral(self, referral: Referral) -> None:
        """Keep a new referral."""
        self._new_referrals[referral.referee] = AddReferral(referral, self._next())

    def update_referral(self, referral: Referral) -> None:
        """Keep the new state of a referral."""
        if (new := self._new_referrals.get(referral.referee)) is not None:
            self._new_referrals[referral.referee] = AddReferral(referral, new.ordinal)
        else:
            self._referrals[referral.referee] = referral

    # Events and codes

    def event(self, event_id: str) -> StoredEvent | None:
        """The recorded event of that id."""
        new = self._events.get(event_id)
        return self._facts.events.get(event_id) if new is None else new.event

    def add_event(self, event: StoredEvent) -> None:
        """Keep an accepted event."""
        self._events[event.id] = AddEvent(event, self._next())

    def refunded(self, event_id: str) -> int:
        """How much of an event is refunded by now."""
        return self._refunded.get(event_id) or self._facts.refunded.get(event_id, 0)

    def put_refunded(self, event_id: str, amount: int) -> None:
        """Set how much of an event is refunded."""
        self._refunded[event_id] = amount

    def code(self, text: str) -> InviteCode | None:
        """The code of that text, with the uses of this draft."""
        code = self._facts.codes.get(text)
        uses = self._code_uses.get(text, 0)
        return code if code is None or not uses else replace(code, uses=code.uses + uses)

    def use_code(self, text: str) -> None:
        """Count one use of a code."""
        self._code_uses[text] = self._code_uses.get(text, 0) + 1

    # Counters

    def tally(self, member_id: str, event_type: str) -> Tally:
        """How many events of a type a member has had by now, and the sum of their amounts."""
        key = (member_id, event_type)
        base = self._facts.tallies.get(key, _NO_TALLY)
        new = self._tallies.get(key)
        return base if new is None else Tally(base.count + new[0], base.sum + new[1])

    def count(self, member_id: str, event_type: str, amount: int) -> None:
        """Count one more event."""
        key = (member_id, event_type)
        count, total = self._tallies.get(key, (0, 0))
        self._tallies[key] = (count + 1, total + amount)

    def limit(self, key: LimitKey) -> int:
        """What a limit's counter stands at."""
        return self._facts.limits.get(key, 0) + self._limits.get(key, 0)

    def adjust_limit(self, key: LimitKey, by: int) -> None:
        """Charge a limit, or give back."""
        self._limits[key] = self._limits.get(key, 0) + by

    def adjust_score(self, key: ScoreKey, by: int) -> None:
        """Add to a score, reached now."""
        before = self._scores.get(key)
        self._scores[key] = (by + (before[0] if before else 0), self._next())

    # Money

    def balance(self, member_id: str, unit: str) -> Balance:
        """What a member has in a unit by now."""
        key = (member_id, unit)
        base = self._facts.balances.get(key, NOTHING)
        new = self._balances.get(key)
        return base if new is None else base.plus(new)

    def adjust_balance(self, member_id: str, unit: str, by: Balance) -> None:
        """Add to the figures of a balance."""
        key = (member_id, unit)
        before = self._balances.get(key)
        self._balances[key] = by if before is None else before.plus(by)

    def lots(self, member_id: str, unit: str) -> list[Lot]:
        """The lots of a member in a unit by now that have something left."""
        key = (member_id, unit)
        found = dict(self._facts.lots.get(key, {}))
        for slot, (by, expires_at) in self._lots.get(key, {}).items():
            base = found.get(slot)
            if base is None:
                found[slot] = Lot(member_id, unit, slot, expires_at, by)
            else:
                found[slot] = Lot(member_id, unit, slot, max(expires_at, base.expires_at), base.remaining + by)
        return [lot for lot in found.values() if lot.remaining]

    def adjust_lot(self, member_id: str, unit: str, slot: str, expires_at: datetime, by: int) -> None:
        """Add to what is left of a lot; it may live longer by that, never shorter."""
        slots = self._lots.setdefault((member_id, unit), {})
        before = slots.get(slot)
        slots[slot] = (by, expires_at) if before is None else (before[0] + by, max(before[1], expires_at))

    def put_payout(self, payout: Payout) -> None:
        """Keep a payout as given."""
        fresh = payout.id not in self._facts.payouts
        self._payouts[payout.id] = AddPayout(payout, self._next()) if fresh else UpdatePayout(payout)

    def committed(self, campaign: str, unit: str) -> int:
        """What a campaign has spent and holds in a unit by now."""
        key = (campaign, unit)
        base = self._facts.spends.get(key)
        new = self._spends.get(key)
        total = 0 if base is None else base.spent + base.held
        return total if new is None else total + new[0] + new[1]

    def adjust_spend(self, campaign: str, unit: str, spent: int, held: int) -> None:
        """Add to what a campaign has spent and holds, where the sum does not grow or has no bound."""
        key = (campaign, unit)
        before = self._spends.get(key, _NO_SPEND)
        self._spends[key] = (before[0] + spent, before[1] + held, before[2], before[3])

    def spend_within(self, campaign: str, unit: str, spent: int, held: int, total: int) -> tuple[int, ...]:
        """Give more out of a budget of `total`; answers the alarms, in percent, that it reaches.

        What was decided so far has moved the sum already: the bounds of this step are carried back to what it was
        before all of them.
        """
        key = (campaign, unit)
        before = self._spends.get(key, _NO_SPEND)
        taken = step(self.committed(campaign, unit), spent + held, total)
        moved = before[0] + before[1]
        bounds = max(before[2], taken.low - moved), min(before[3], taken.high - moved)
        self._spends[key] = (before[0] + spent, before[1] + held, *bounds)
        return taken.alarms

    def transfer(self, transfer: Transfer) -> None:
        """Move an amount between two accounts."""
        self._transfers.append(AddTransfer(transfer, self._next()))

    def grant(self, grant_id: str) -> StoredGrant:
        """The grant of that id as it is by now."""
        return self._grants.get(grant_id) or self._facts.grants[grant_id]

    def put_grant(self, stored: StoredGrant) -> None:
        """Keep a grant as given."""
        self._grants[stored.grant.id] = stored

    def message(self, kind: str, at: datetime, payload: Mapping[str, Any]) -> None:
        """Append to the outbox."""
        self._messages.append(AddMessage(kind, at, payload, self._next()))

    def audit(
        self,
        action: str,
        subject: str,
        at: datetime,
        *,
        actor: str,
        before: Mapping[str, Any],
        after: Mapping[str, Any],
        memo: str | None,
    ) -> None:
        """Append to the audit log."""
        self._audit.append(AddAudit(actor, action, subject, at, before, after, memo, self._next()))

    # What it comes to

    def decision(self, result: ResultT) -> Decision[ResultT]:
        """Answer `result`, with everything that must be written for it to be true."""
        return Decision(result, self.changes(), self.ordinals, chained=self._chained)

    def changes(self) -> tuple[Change, ...]:
        """What must be written, each record once, by kind."""
        known = self._facts
        return (
            *[PutMember(member, fresh=member.id not in known.members) for member in self._members.values()],
            *self._new_referrals.values(),
            *map(UpdateReferral, self._referrals.values()),
            *starmap(UseCode, self._code_uses.items()),
            *self._events.values(),
            *[PutRefunded(*item, fresh=item[0] not in known.refunded) for item in self._refunded.items()],
            *[AdjustBalance(*key, by, fresh=key not in known.balances) for key, by in self._balances.items()],
            *[
                AdjustLot(*key, slot, expires_at, by)
                for key, slots in self._lots.items()
                for slot, (by, expires_at) in slots.items()
            ],
            *[AddGrant(stored) for grant_id, stored in self._grants.items() if grant_id not in known.grants],
            *[UpdateGrant(stored) for grant_id, stored in self._grants.items() if grant_id in known.grants],
            *[change for change in self._payouts.values() if isinstance(change, AddPayout)],
            *[change for change in self._payouts.values() if isinstance(change, UpdatePayout)],
            *self._transfers,
            *[AdjustTally(*key, count, total) for key, (count, total) in self._tallies.items()],
            *[AdjustLimit(key, by) for key, by in self._limits.items() if by],
            *[AdjustSpend(*key, *by) for key, by in self._spends.items() if by != _NO_SPEND],
            *[AdjustScore(key, by, ordinal) for key, (by, ordinal) in self._scores.items()],
            *self._messages,
            *self._audit,
        )
