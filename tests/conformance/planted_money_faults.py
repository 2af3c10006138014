"""Memory stores with one fault each in what they keep and tell of money. What they plant, the suite must find."""

from __future__ import annotations

from dataclasses import replace

from referral_engine import changes as c
from referral_engine.ledger import NOTHING, Balance, Carried, Lot, moved
from referral_engine.storage import MemoryStore
from referral_engine.storage.memory import records as memory
from referral_engine.storage.memory.subset import subset
from tests.conformance.rewritten import Rewritten, Unlocked


def lots_of(records, change):
    return records.lots.setdefault((change.member, change.unit), {})


def sets_lot(records, change, base):
    at = change.expires_at
    lots_of(records, change)[change.slot] = Lot(change.member, change.unit, change.slot, at, change.by)


def shortens_lot(records, change, base):
    memory._adjust_lot(records, change, base)
    lots = lots_of(records, change)
    lots[change.slot] = replace(lots[change.slot], expires_at=change.expires_at)


def never_lengthens_lot(records, change, base):
    before = lots_of(records, change).get(change.slot)
    memory._adjust_lot(records, change, base)
    if before is not None:
        lots_of(records, change)[change.slot] = replace(
            lots_of(records, change)[change.slot], expires_at=before.expires_at
        )


def lengthens_only_filled_lots(records, change, base):
    (memory._adjust_lot if change.by > 0 else never_lengthens_lot)(records, change, base)


def forgets_spent_lots(records, change, base):
    memory._adjust_lot(records, change, base)
    if not lots_of(records, change)[change.slot].remaining:
        del lots_of(records, change)[change.slot]


class ShowsSpentLots(MemoryStore):
    """Shows lots with nothing left."""

    def read(self, wanted):
        facts = super().read(wanted)
        kept = self._records(wanted.program).lots
        return replace(facts, lots={key: dict(kept[key]) for key in facts.lots})


class ShowsAllLots(MemoryStore):
    """Shows the lots of every unit that is wanted."""

    def read(self, wanted):
        return super().read(replace(wanted, lot_units=wanted.units))


class HidesLots(Rewritten):
    """Shows a decision the lots of those members alone that it names."""

    def shown(self, records, wanted):
        facts = subset(records, wanted)
        named = wanted.members | wanted.actors
        return replace(facts, lots={key: lots for key, lots in facts.lots.items() if key[0] in named})


class DueById(MemoryStore):
    """Names due lots in the order of ids."""

    def due_lots(self, program, now, limit):
        return sorted(super().due_lots(program, now, 10**9))[:limit]


class DueEndless(MemoryStore):
    """Names all lots that are due, whatever the limit."""

    def due_lots(self, program, now, limit):
        return super().due_lots(program, now, 10**9)


class DueLots(MemoryStore):
    """Names a member and unit for each lot."""

    counts = staticmethod(lambda lot, now: lot.remaining and lot.expires_at <= now)

    def due_lots(self, program, now, limit):
        kept = [lot for lots in self._records(program).lots.values() for lot in lots.values()]
        due = sorted((lot.expires_at, lot.member, lot.unit) for lot in kept if self.counts(lot, now))
        return [(member, unit) for _, member, unit in due][:limit]


class DueLate(DueLots):
    """Takes `expires_at` for the last moment of a lot."""

    counts = staticmethod(lambda lot, now: lot.remaining and lot.expires_at < now)


class DueSpent(DueLots):
    """Names spent lots too."""

    counts = staticmethod(lambda lot, now: lot.expires_at <= now)


class OwesInAnyUnit(MemoryStore):
    """Adds up balances of every unit."""

    def liability(self, program, unit):
        _, left = super().liability(program, unit)
        total = NOTHING
        for balance in self._records(program).balances.values():
            total = total.plus(balance)
        return total, left


class OwesLotByLot(MemoryStore):
    """Lists each lot, and those with nothing left."""

    def liability(self, program, unit):
        total, _ = super().liability(program, unit)
        kept = self._records(program).lots.items()
        return total, sorted(
            (lot.expires_at, lot.remaining) for key, lots in kept for lot in lots.values() if key[1] == unit
        )


class OwesWithoutPaying(MemoryStore):
    """Forgets what was asked for as payouts."""

    def liability(self, program, unit):
        total, left = super().liability(program, unit)
        return replace(total, paying=0), left


def loses_decision(records, change, base):
    if change.payout.id in records.payouts:
        records.payouts[change.payout.id] = replace(records.payouts[change.payout.id], state=change.payout.state)


def moves_decided_payouts(records, change, base):
    records.payouts[change.payout.id] = replace(change.payout, cursor=base)


def puts_any_payout(records, change, base):
    records.payouts[change.payout.id] = replace(change.payout, cursor=base)


class ForgetsPayees(MemoryStore):
    """Does not find the members of payouts."""

    def read(self, wanted):
        found = super().read(replace(wanted, payouts=frozenset()))
        return replace(found, payouts=super().read(wanted).payouts)


class PayoutsOfAnyState(MemoryStore):
    """Lists payouts of every state."""

    def payouts(self, program, state, after, limit):
        return super().payouts(program, None, after, limit)


class PayoutsById(MemoryStore):
    """Lists payouts in the order of ids."""

    def payouts(self, program, state, after, limit):
        return sorted(super().payouts(program, state, after, limit), key=lambda one: one.id)


def given(records, change):
    before = records.spends.get((change.campaign, change.unit), memory._NO_SPEND)
    return before.spent + before.held


def spend_bounded_by(fits):
    """A check of AdjustSpend with other bounds."""

    def check(records, change):
        return fits(given(records, change), change) and memory._spend_stays_within(
            records, replace(change, low=0, high=2**63)
        )

    return {"checks": {c.AdjustSpend: check}}


NoLowerBound = type("NoLowerBound", (Rewritten,), spend_bounded_by(lambda now, change: now <= change.high))
NoUpperBound = type("NoUpperBound", (Rewritten,), spend_bounded_by(lambda now, change: change.low <= now))
OpenLowerBound = type(
    "OpenLowerBound", (Rewritten,), spend_bounded_by(lambda now, change: change.low < now <= change.high)
)
OpenUpperBound = type(
    "OpenUpperBound", (Rewritten,), spend_bounded_by(lambda now, change: change.low <= now < change.high)
)


class BoundsOnWhatWasSpent(Rewritten):
    """Holds to the bounds what was spent alone, without what is held."""

    checks = {  # noqa: RUF012 - by kind of change
        c.AdjustSpend: lambda records, change: (
            change.low <= records.spends.get((change.campaign, change.unit), memory._NO_SPEND).spent <= change.high
            and memory._spend_stays_within(records, replace(change, low=0, high=2**63))
        )
    }


class BoundsAfterwards(Rewritten):
    """Holds to the bounds what was given after the change is made."""

    checks = {  # noqa: RUF012 - by kind of change
        c.AdjustSpend: lambda records, change: (
            change.low <= given(records, change) + change.spent + change.held <= change.high
            and memory._spend_stays_within(records, replace(change, low=0, high=2**63))
        )
    }


def forgets_expiring(records, change):
    before = records.balances.get((change.member, change.unit))
    after = (before or NOTHING).plus(change.by)
    return change.fresh == (before is None) and min(after.available, after.held, after.lifetime, after.debt) >= 0


def forgets_paying(records, change, base):
    memory._adjust_balance(records, replace(change, by=replace(change.by, paying=0)), base)


def forgets_slot(records, change, base):
    memory._update_grant(records, replace(change, stored=replace(change.stored, slot=None)), base)


def forgets_what_was_fixed(records, change, base):
    fixed = replace(change.stored, reversal="debt", expiry=None)
    memory._add_grant(records, replace(change, stored=fixed), base)


def forgets_memo(records, change, base):
    memory._add_audit(records, replace(change, memo=None), base)


class AuditEndless(MemoryStore):
    """Lists the whole audit log."""

    def audit_log(self, program, after, limit):
        return super().audit_log(program, None, 10**9)


class AuditBackwards(MemoryStore):
    """Lists the latest entries first."""

    def audit_log(self, program, after, limit):
        return super().audit_log(program, after, limit)[::-1]


class FirstRevision(Rewritten):
    """Takes the first revision for the latest."""

    @staticmethod
    def chosen(revisions):
        return revisions[0]

    def shown(self, records, wanted):
        return self._chosen(super().shown(records, wanted), records)

    def read(self, wanted):
        facts = super().read(wanted)
        return self._chosen(facts, self._records(wanted.program)) if wanted.revision else facts

    def _chosen(self, facts, records):
        return replace(facts, revision=self.chosen(records.revisions)) if records.revisions else facts


class RevisionByText(FirstRevision):
    """Orders the numbers of revisions as text."""

    @staticmethod
    def chosen(revisions):
        return max(revisions, key=lambda one: str(one.number))


class StaleRevisions(Unlocked):
    """As if the latest revision were read before, and the next one written without looking again."""

    checks = {c.AddRevision: None}  # noqa: RUF012 - by kind of change


class StaleLots(Unlocked):
    """As if lots and balances were read before, and written without looking again."""

    checks = {c.AdjustLot: None, c.AdjustBalance: None}  # noqa: RUF012 - by kind of change


class CarriesUpTo(MemoryStore):
    """Leaves out the transfer at the cursor."""

    def carried(self, program, member, unit, up_to):
        return super().carried(program, member, unit, up_to - 1)


class CarriesOfEverybody(MemoryStore):
    """Adds up the transfers of all members."""

    def carried(self, program, member, unit, up_to):
        kept = self._records(program)
        rows = [row for (_, kind), rows in kept.statements.items() if kind == unit for row in rows]
        found = [kept.transfers[transfer] for cursor, transfer in rows if cursor <= up_to]
        sums = [sum(moved(one, account) for one in found) for account in ("available", "held", "debt")]
        return Carried(*sums[:2], -sums[2])


class CarriesDebtBackwards(MemoryStore):
    """Takes what was repaid for what is owed."""

    def carried(self, program, member, unit, up_to):
        found = super().carried(program, member, unit, up_to)
        return replace(found, debt=-found.debt)


class OneOfAKind(Rewritten):
    """Keeps the first of several messages of one kind in a decision, as one row for each kind and time would."""

    def write(self, records, decision):
        said = {}
        for one in decision.changes:
            if isinstance(one, c.AddMessage):
                said.setdefault((one.type, one.at), one)
        kept = [one for one in decision.changes if not isinstance(one, c.AddMessage) or one in said.values()]
        super().write(records, replace(decision, changes=tuple(kept)))


class CachedBalances(Rewritten):
    """Shows readers a balance as it was when last something became available or was spent."""

    def read(self, wanted):
        facts = super().read(wanted)
        seen = self.__dict__.setdefault("seen", {})
        for key, balance in facts.balances.items():
            kept = seen.get((wanted.program, key), Balance())
            if kept.available != balance.available:
                seen[wanted.program, key] = balance
        return replace(facts, balances={key: seen.get((wanted.program, key), Balance()) for key in facts.balances})
