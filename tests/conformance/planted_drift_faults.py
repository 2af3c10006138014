"""Memory stores with one fault each in the drift they find, and in the seals of their transfers."""

from __future__ import annotations

from dataclasses import replace
from time import sleep

from referral_engine import changes as c
from referral_engine.ledger import FIRST
from referral_engine.storage import MemoryStore
from referral_engine.storage.memory import records as memory
from referral_engine.storage.memory.audit import audit
from tests.conformance.rewritten import Rewritten


class FindsNothing(MemoryStore):
    """Finds no drift, whatever is wrong."""

    def drift(self, program):
        return []


def deaf_to(*figures):
    """A store that finds no drift in these figures."""

    def drift(self, program):
        return [one for one in MemoryStore.drift(self, program) if one.what not in figures]

    return type("Deaf", (MemoryStore,), {"drift": drift})


class StopsAtTheFirst(MemoryStore):
    """Tells of one figure that drifted, and not of the others."""

    def drift(self, program):
        return super().drift(program)[:1]


class NeverDecided(MemoryStore):
    """Takes payouts for asked for after they were decided."""

    def drift(self, program):
        records = self._records(program)
        asked = {key: replace(one, state="requested") for key, one in records.payouts.items()}
        return audit(replace(records, payouts=asked))


class NoSeals(Rewritten):
    """Seals nothing."""

    def seal(self, records, added):
        pass


class SealsAnew(Rewritten):
    """Begins a new chain with each decision."""

    def seal(self, records, added):
        kept, records.seals = records.seals, []
        super().seal(records, added)
        records.seals = kept + records.seals


class StaleSeals(Rewritten):
    """Looks for the last seal, and adds the next one, without a lock."""

    def apply(self, wanted, decide):
        decision = super().apply(wanted, lambda facts: replace(decide(facts), chained=False))
        added = [one for one in decision.changes if isinstance(one, c.AddTransfer)]
        records = self._records(wanted.program)
        last = records.seals[-1][1] if records.seals else FIRST
        cursors = {row[1]: row[0] for rows in list(records.statements.values()) for row in rows}
        for change in added:
            cursor = cursors[change.transfer.id]
            last = memory.seal(last, replace(change.transfer, cursor=cursor))
            sleep(0)
            records.seals.append((cursor, last))
        return decision


class NamesTheLastBroken(MemoryStore):
    """Names the last transfer of a chain that is broken somewhere."""

    def drift(self, program):
        last = str(self._records(program).seals[-1][0]) if self._records(program).seals else ""
        return [replace(one, key=last) if one.what == "chain" else one for one in super().drift(program)]
