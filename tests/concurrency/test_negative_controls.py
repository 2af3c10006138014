"""The races are worth something: each fails over a database whose guard or lock was taken out."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import pytest
from sqlalchemy import CheckConstraint

from referral_engine import ReferralEngineError
from referral_engine import changes as c
from referral_engine.storage.sqlalchemy import SQLAlchemyStore, attempts, define_tables, rows
from referral_engine.storage.sqlalchemy.claiming import ClaimInSteps
from referral_engine.storage.sqlalchemy.databases import database_for
from referral_engine.storage.sqlalchemy.statements import Merge
from referral_engine.storage.sqlalchemy.steps import Step
from tests.conformance.trying import fails
from tests.ledger.racing import TOTAL, race_for_a_budget

RECORDED = (c.AddEvent, c.AddGrant, c.AddTransfer)


class Lenient(Step):
    """Writes what it can, and says that all was written."""

    def write(self, program, changes, base):
        """As Step.write, but that a short count means nothing."""
        write = super().write(program, changes, base)
        return write and write._replace(short=None)


def unchecked_tables():
    """The tables without the checks that repeat the guards."""
    tables = define_tables()
    for table in tables.all():
        for one in [one for one in table.constraints if isinstance(one, CheckConstraint)]:
            table.constraints.discard(one)
    return tables


def unguarded_bulk(sql, tables, kind):
    """The statement that carries out a kind of change whatever its precondition."""
    if kind is c.AdjustSpend:
        sums = {"spent": "kept.spent + :spent", "held": "kept.held + :held"}
        return sql.update(tables.spends, ["campaign", "unit"], ["spent", "held", "low", "high"], sums)
    if kind is c.UseCode:
        return sql.update(tables.codes, ["text"], ["uses"], {"uses": "kept.uses + :uses"})
    table, columns = {
        c.AddEvent: (tables.events, rows.EVENT_COLUMNS),
        c.AddGrant: (tables.grants, rows.GRANT_COLUMNS),
        c.AddTransfer: (tables.transfers, rows.TRANSFER_COLUMNS),
        c.AddRevision: (tables.revisions, rows.REVISION_COLUMNS),
    }[kind]
    return sql.insert(table, columns, Merge())


def lenient(step, sql, tables):
    """The step without its guard."""
    given = {one.name: getattr(step, one.name) for one in fields(Step)}
    return Lenient(**given | {"bulk": unguarded_bulk(sql, tables, step.kind)})


class Unguarded(SQLAlchemyStore):
    """Writes changes of some kinds whatever their preconditions, and has no checks on balances and lots."""

    def __init__(self, url, *kinds):
        tables = unchecked_tables()
        super().__init__(url, tables=tables)
        sql, writer = database_for(tables, self._engine.dialect).sql, self._operations._writer
        for steps in (writer._guarded, writer._appended):
            for kind in steps.keys() & set(kinds):
                steps[kind] = [(place, lenient(step, sql, tables)) for place, step in steps[kind]]


class Stale(Unguarded):
    """Decides on what it read before, with no lock."""

    def apply(self, wanted, decide):
        decision = decide(self.read(wanted))
        return super().apply(wanted, lambda _: decision)


WITHOUT_LOCK_AND_GUARD = {
    "race_for_a_budget": (c.AdjustSpend,),
    "race_for_a_limited_code": (c.UseCode,),
    "race_of_one_event": RECORDED,
    "race_of_first_purchases_of_a_stranger": (),
    "race_of_two_first_purchases": (),
    "race_to_spend_lots": (),
    "race_to_settle_a_payout": (),
    "race_to_expire": (),
    "race_to_the_alarms_of_a_budget": (c.AdjustSpend,),
    "race_to_publish": (c.AddRevision,),
}
WITHOUT_GUARD = {
    "race_for_a_budget": c.AdjustSpend,
    "race_for_a_limited_code": c.UseCode,
    "race_to_the_alarms_of_a_budget": c.AdjustSpend,
}
WITHOUT_ROW_LOCKS = [
    "race_of_first_purchases_of_a_stranger",
    "race_of_two_first_purchases",
    "race_to_spend_lots",
    "race_to_settle_a_payout",
]


TRIES = 5
"""How often a race may be run until its fault shows; nearly always it does at once."""


def shows(store, fault):
    """Run a race, on fresh tables each time, until it shows the fault of the store, and tell whether it does."""
    metadata = store._operations.schema._tables.members.metadata
    for _ in range(TRIES):
        metadata.drop_all(store._engine)
        store.create_schema()
        if fault(store):
            return True
    return False


@pytest.mark.parametrize("test", WITHOUT_LOCK_AND_GUARD)
def test_a_race_fails_without_lock_and_guard(monkeypatch, database_url, test):
    monkeypatch.setattr(attempts, "ATTEMPTS_MAX", 1)
    with Stale(database_url, *WITHOUT_LOCK_AND_GUARD[test]) as store:
        assert shows(store, lambda store: fails(store, test))


@pytest.mark.parametrize("test", WITHOUT_GUARD)
def test_a_race_for_what_is_shared_fails_without_the_guard_alone(served_url, test):
    with Unguarded(served_url, WITHOUT_GUARD[test]) as store:
        assert shows(store, lambda store: fails(store, test))


def spends_and_alarms_are_right(store, **race):
    """Run the race for a budget and tell whether it was kept to the point, with each alarm once."""
    try:
        _, given, alarms = race_for_a_budget(store, "clamp", **race)
    except ReferralEngineError:
        return False
    return sum(given) == TOTAL and [percent for percent, _ in alarms] == [50, 80, 100]


def test_a_race_for_alarms_fails_without_lock_and_guard(monkeypatch, database_url):
    monkeypatch.setattr(attempts, "ATTEMPTS_MAX", 1)
    with Stale(database_url, c.AdjustSpend) as store:
        assert shows(store, lambda store: not spends_and_alarms_are_right(store))


def test_a_race_for_alarms_fails_without_the_guard_alone(served_url):
    with Unguarded(served_url, c.AdjustSpend) as store:
        assert shows(store, lambda store: not spends_and_alarms_are_right(store))


def test_a_race_for_alarms_fails_with_a_guard_on_the_total_alone(postgres_url):
    """That nothing is overspent does not yet make each alarm go off once."""
    with Unguarded(postgres_url) as store:
        writer = store._operations._writer
        ((place, step),) = writer._guarded[c.AdjustSpend]
        writer._guarded[c.AdjustSpend] = [(place, replace(step, rows=only_the_total(step.rows)))]
        assert shows(store, alarms_are_wrong)


def alarms_are_wrong(store):
    """Run the race for a budget, which must be kept to the point, and tell whether alarms were missed or repeated."""
    _, given, alarms = race_for_a_budget(store, "clamp")
    assert sum(given) == TOTAL
    return [percent for percent, _ in alarms] != [50, 80, 100]


def only_the_total(rows):
    """The rows of an AdjustSpend without bounds but that of the total."""

    def loosened(program, changes, base):
        totals = [replace(one, low=0, high=TOTAL - one.spent - one.held) for one in changes]
        return rows(program, totals, base)

    return loosened


def test_a_race_for_alarms_passes_with_locks_and_guards(database_url):
    with Unguarded(database_url) as store:
        store.create_schema()
        assert spends_and_alarms_are_right(store)


@dataclass(frozen=True)
class Unlocking:
    """Reads rows that should be locked, and does not lock them."""

    lookup: Any

    def rows(self, connection, program, *among, lock=False):
        return self.lookup.rows(connection, program, *among)


def unlocking(claim):
    """A claim that finds and makes members, and locks none of those that are there."""
    if isinstance(claim, ClaimInSteps):
        return replace(claim, locked=Unlocking(claim.locked))
    return replace(claim, lock="")


@pytest.mark.parametrize("test", WITHOUT_ROW_LOCKS)
def test_a_race_fails_without_row_locks_alone(served_url, test):
    with Unguarded(served_url) as store:
        locking = store._operations._locking
        locking._claim = unlocking(locking._claim)
        assert shows(store, lambda store: fails(store, test))


@pytest.mark.parametrize("test", WITHOUT_LOCK_AND_GUARD)
def test_the_races_pass_with_locks_and_guards(database_url, test):
    with Unguarded(database_url) as store:
        store.create_schema()
        assert not fails(store, test)


@pytest.mark.parametrize("test", ["a_story_comes_out_exact", "a_story_of_money_comes_out_exact"])
def test_without_rivals_nothing_is_missed(database_url, test):
    kinds = {kind for kinds in WITHOUT_LOCK_AND_GUARD.values() for kind in kinds}
    with Stale(database_url, *kinds) as store:
        store.create_schema()
        assert not fails(store, test)
