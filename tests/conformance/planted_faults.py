"""Memory stores with one fault each, as an adapter's author might make it. What they plant, the suite must find."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields, replace
from time import sleep

from referral_engine import changes as c
from referral_engine.errors import Conflict
from referral_engine.facts import Facts
from referral_engine.ledger.balance import NOTHING
from referral_engine.members.member import newcomer
from referral_engine.outcomes import Message
from referral_engine.storage import MemoryStore
from referral_engine.storage.memory import records as memory
from referral_engine.storage.memory.records import PreconditionFailed
from referral_engine.storage.memory.subset import subset
from referral_engine.testing.conformance.samples import START
from tests.conformance.rewritten import Rewritten, Unlocked, nothing, rewriting, unguarded

__all__ = ["nothing", "rewriting", "unguarded"]


class StaleBudget(Unlocked):
    """As if budgets were read before, and written without looking again."""

    checks = {c.AdjustSpend: None}  # noqa: RUF012 - as above


class StaleCodes(Unlocked):
    """As if the uses of a code were read before, and written without looking again."""

    checks = {c.UseCode: None}  # noqa: RUF012 - as above


class HalfApplied(Rewritten):
    """Checks each change only when its turn comes, and keeps those before it."""

    def write(self, records, decision):
        for change in decision.changes:
            check = memory._CHECKS.get(type(change))
            if check is not None and not check(records, change):
                raise PreconditionFailed(type(change).__name__)
            memory._WRITERS[type(change)](records, change, records.position + 1)
        records.position += decision.ordinals


class CutShort(Rewritten):
    """Writes at most five hundred changes of a decision."""

    def write(self, records, decision):
        super().write(records, replace(decision, changes=decision.changes[:500]))


class Impatient(MemoryStore):
    """Tries for ever so long."""

    def apply(self, wanted, decide):
        for _ in range(4):
            try:
                return super().apply(wanted, decide)
            except Conflict as exc:
                last = exc
        raise last


class Silent(Rewritten):
    """Gives up on a conflict without saying so."""

    def apply(self, wanted, decide):
        try:
            return super().apply(wanted, decide)
        except Conflict:
            return decide(self._records(wanted.program).facts())


class Swallowing(Rewritten):
    """Turns what `decide` raises into an error of its own."""

    def apply(self, wanted, decide):
        try:
            return super().apply(wanted, decide)
        except LookupError as exc:
            raise Conflict("decide failed") from exc


class LeavesStubs(Rewritten):
    """Makes those who may arrive, and does not take them back."""

    def apply(self, wanted, decide):
        decision = super().apply(wanted, decide)
        members = self._records(wanted.program).members
        for member in wanted.arriving:
            members.setdefault(member, newcomer(member, START))
        return decision


class ShowsStubs(Rewritten):
    """Shows those who may arrive to the decision as if they were there."""

    def shown(self, records, wanted):
        facts = records.facts()
        arriving = {one: newcomer(one, START) for one in wanted.arriving}
        return replace(facts, members=arriving | facts.members)


class StandingCursor(Rewritten):
    """Does not count on from commit to commit."""

    def move(self, records, ordinals):
        records.position += min(ordinals, 1)


class BackwardCursor(Rewritten):
    """Appends the last of a decision first."""

    def write(self, records, decision):
        turned = [
            replace(one, ordinal=decision.ordinals - 1 - one.ordinal) if hasattr(one, "ordinal") else one
            for one in decision.changes
        ]
        super().write(records, replace(decision, changes=tuple(turned)))


class LeakingFacts(Rewritten):
    """Shows records of every program, its own before others'."""

    def read(self, wanted):
        facts = super().read(wanted)
        for program in list(self._programs):
            other = super().read(replace(wanted, program=program))
            facts = Facts(**{f.name: self._both(getattr(other, f.name), getattr(facts, f.name)) for f in fields(Facts)})
        return facts

    @staticmethod
    def _both(other, own):
        return other | own if isinstance(own, Mapping) else own or other


class OneProgram(MemoryStore):
    """Keeps all programs as one."""

    def _records(self, program):
        return super()._records("all")


class Caseless(MemoryStore):
    """Compares programs without regard to case."""

    def _records(self, program):
        return super()._records(program.lower())


class Trimming(Rewritten):
    """Compares the ids of events without regard to case."""

    checks = {  # noqa: RUF012 - as above
        c.AddEvent: lambda records, change: change.event.id.lower() not in {one.lower() for one in records.events}
    }


class WritingRead(MemoryStore):
    """Makes those it is asked about."""

    def read(self, wanted):
        members = self._records(wanted.program).members
        for member in wanted.arriving:
            members.setdefault(member, newcomer(member, START))
        return super().read(wanted)


class ForgetsReferrers(MemoryStore):
    """Does not find the referrers of those who act."""

    def read(self, wanted):
        return super().read(replace(wanted, actors=frozenset(), members=wanted.members | wanted.actors))


class ByMember(MemoryStore):
    """Orders ties by member."""

    def _listed(self, program, board, period):
        return sorted(super()._listed(program, board, period), key=lambda row: (-row.score, row.member))


class ByLatest(MemoryStore):
    """Orders ties by who was last."""

    def _listed(self, program, board, period):
        return sorted(super()._listed(program, board, period), key=lambda row: (-row.score, -row.reached))


class ListsNothings(MemoryStore):
    """Lists scores of 0 too."""

    def _listed(self, program, board, period):
        rows = self._records(program).scores.get((board, period), {}).values()
        return sorted(rows, key=lambda row: (-row.score, row.reached))


class OnePeriod(MemoryStore):
    """Counts the members of a board in all periods."""

    def count(self, program, board, period):
        tables = self._records(program).scores
        return len({one for (name, _), rows in tables.items() if name == board for one in rows})


class SharedPlaces(MemoryStore):
    """Takes the rank among equals for the place."""

    def place(self, program, board, period, member):
        place = super().place(program, board, period, member)
        return place and replace(place, before=place.above)


class DueAnyhow(MemoryStore):
    """Names what is due in the order of ids."""

    def due(self, program, now, limit):
        return sorted(super().due(program, now, 10**9))[:limit]


class DueEndless(MemoryStore):
    """Names all that is due, whatever the limit."""

    def due(self, program, now, limit):
        return super().due(program, now, 10**9)


class DueLate(MemoryStore):
    """Takes `held_until` for the last moment of the hold."""

    def due(self, program, now, limit):
        held = self._records(program).grants
        return [one for one in super().due(program, now, limit) if held[one].grant.held_until < now]


class PagesFromCursor(MemoryStore):
    """Shows the last item of the page before once more."""

    def transfers(self, program, member, unit, after, limit):
        return super().transfers(program, member, unit, None if after is None else after - 1, limit)


class AnyState(MemoryStore):
    """Lists referrals of every state."""

    def referrals(self, program, referrer, state, after, limit):
        return super().referrals(program, referrer, None, after, limit)


class FromTheStart(MemoryStore):
    """Begins the outbox at its start, whatever was acknowledged."""

    def messages(self, program, after, limit):
        return super().messages(program, after or 0, limit)


class TextPayloads(MemoryStore):
    """Keeps payloads as text."""

    def messages(self, program, after, limit):
        rows = super().messages(program, after, limit)
        return [Message(one.cursor, one.type, one.at, {k: str(v) for k, v in one.payload.items()}) for one in rows]


class Recreating(MemoryStore):
    """Empties the store when its schema is created again."""

    def create_schema(self):
        self._programs.clear()


class ClosesOnce(MemoryStore):
    """Fails when it is closed again."""

    open = True

    def close(self):
        assert self.open
        self.open = False


class TornReads(Rewritten):
    """Lets readers in between the changes of a decision."""

    def write(self, records, decision):
        for change in decision.changes:
            super().write(records, replace(decision, changes=(change,), ordinals=0))
            sleep(0)
        records.position += decision.ordinals

    def read(self, wanted):
        return subset(self._records(wanted.program), wanted)


def sets_balance(records, change, base):
    records.balances[change.member, change.unit] = NOTHING.plus(change.by)


def keeps_reached(records, change, base):
    before = records.scores.get((change.key.board, change.key.period), {}).get(change.key.member)
    memory._adjust_score(records, change, base)
    if before is not None:
        table = records.scores[change.key.board, change.key.period]
        table[change.key.member] = replace(table[change.key.member], reached=before.reached)


def skips_equal_scores(records, change, base):
    if change.by:
        memory._adjust_score(records, change, base)


def loses_reversals(records, change, base):
    if change.by > 0:
        memory._adjust_limit(records, change, base)


def sets_refunded_first_only(records, change, base):
    records.refunded.setdefault(change.event_id, change.amount)


def forgets_trace(records, change, base):
    memory._add_event(records, replace(change, event=replace(change.event, verdicts=())), base)


def forgets_grants(records, change, base):
    outcome = replace(change.event.outcome, grants=())
    memory._add_event(records, replace(change, event=replace(change.event, outcome=outcome)), base)


def keeps_held(records, change, base):
    records.grants[change.stored.grant.id] = change.stored


def acknowledges_downwards(records, change, base):
    records.acknowledged = min(change.up_to, records.position)


def acknowledges_the_future(records, change, base):
    records.acknowledged = max(records.acknowledged, change.up_to)
