"""Rewritten: a memory store with checks, writers or its lock taken out, to plant faults with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from time import sleep

from referral_engine import changes as c
from referral_engine.errors import Conflict
from referral_engine.facts import Facts
from referral_engine.storage import MemoryStore
from referral_engine.storage.memory import records as memory
from referral_engine.storage.memory.records import PreconditionFailed

SWITCHES = 20
"""How often a store without a lock lets others go on between reading and writing, as waiting for a database does."""


def copied(facts):
    """The facts as they are now, which do not move on."""
    shown = {one.name: getattr(facts, one.name) for one in fields(Facts)}
    kept = {name: dict(value) for name, value in shown.items() if isinstance(value, Mapping)}
    kept["lots"] = {key: dict(lots) for key, lots in facts.lots.items()}
    return Facts(**{**shown, **kept})


class Rewritten(MemoryStore):
    """Carries out the changes with some checks or writers taken out or replaced."""

    checks = {}  # noqa: RUF012 - by kind of change; None for no check
    writers = {}  # noqa: RUF012 - by kind of change

    def apply(self, wanted, decide):
        with self._lock:
            records = self._records(wanted.program)
            for _ in range(8):
                decision = decide(self.shown(records, wanted))
                try:
                    self.write(records, decision)
                except PreconditionFailed:
                    continue
                return decision
            raise Conflict("no more attempts")

    def shown(self, records, wanted):
        return records.facts()

    def write(self, records, decision):
        for change in decision.changes:
            check = self.checks.get(type(change), memory._CHECKS.get(type(change)))
            if check is not None and not check(records, change):
                raise PreconditionFailed(type(change).__name__)
        for change in decision.changes:
            writer = self.writers.get(type(change), memory._WRITERS[type(change)])
            writer(records, change, records.position + 1)
        if decision.chained:
            self.seal(records, [one for one in decision.changes if isinstance(one, c.AddTransfer)])
        self.move(records, decision.ordinals)

    def seal(self, records, added):
        records._seal(added, records.position + 1)

    def move(self, records, ordinals):
        records.position += ordinals


def nothing(records, change, base):
    """A writer that loses the change."""


def unguarded(*kinds):
    """A store that does not check the preconditions of these kinds."""
    return type("Unguarded", (Rewritten,), {"checks": dict.fromkeys(kinds)})


def rewriting(**writers):
    """A store that carries out these kinds in another way."""
    return type("Rewriting", (Rewritten,), {"writers": {getattr(c, name): one for name, one in writers.items()}})


class Unlocked(Rewritten):
    """Decides on facts that others may change before it writes: no mutual exclusion at all."""

    def apply(self, wanted, decide):
        records = self._records(wanted.program)
        for _ in range(8):
            decision = decide(copied(records.facts()))
            for _ in range(SWITCHES):
                sleep(0)
            try:
                self.write(records, decision)
            except (PreconditionFailed, KeyError):
                continue
            return decision
        raise Conflict("no more attempts")
