"""The races are worth something: each fails over a database whose guard or lock was taken out."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import pytest
from sqlalchemy import CheckConstraint

from referral_engine import changes as c
from referral_engine.storage.sqlalchemy import SQLAlchemyStore, attempts, define_tables, rows
from referral_engine.storage.sqlalchemy.databases import database_for
from tests.conformance.trying import fails

RECORDED = (c.AddEvent, c.AddGrant, c.AddTransfer)


@dataclass(frozen=True)
class Lenient:
    """Writes what it can, and says that all was written."""

    bulk: Any

    def run(self, connection, written):
        self.bulk.run(connection, written)
        return len(written)


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
        return sql.update(tables.spends, ["campaign", "unit"], ["spent", "held", "total"], sums)
    if kind is c.UseCode:
        return sql.update(tables.codes, ["text"], ["uses"], {"uses": "kept.uses + :uses"})
    table, columns = {
        c.AddEvent: (tables.events, rows.EVENT_COLUMNS),
        c.AddGrant: (tables.grants, rows.GRANT_COLUMNS),
        c.AddTransfer: (tables.transfers, rows.TRANSFER_COLUMNS),
    }[kind]
    return sql.insert(table, columns, "ON CONFLICT DO NOTHING")


class Unguarded(SQLAlchemyStore):
    """Writes changes of some kinds whatever their preconditions."""

    def __init__(self, url, *kinds):
        tables = unchecked_tables()
        super().__init__(url, tables=tables)
        sql, writer = database_for(tables, self._engine.dialect).sql, self._operations._writer
        for part in ("_members", "_shared", "_appended"):
            steps = [
                replace(step, bulk=Lenient(unguarded_bulk(sql, tables, step.kind))) if step.kind in kinds else step
                for step in getattr(writer, part)
            ]
            setattr(writer, part, steps)


class Stale(Unguarded):
    """Decides on what it read before, with no lock."""

    def apply(self, wanted, decide):
        decision = decide(self.read(wanted))
        return super().apply(wanted, lambda _: decision)


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def url(request, tmp_path):
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'acme.db'}"
    return request.getfixturevalue("postgres_url")


@pytest.mark.parametrize(
    ("test", "kinds"),
    [
        ("race_for_a_budget", (c.AdjustSpend,)),
        ("race_for_a_limited_code", (c.UseCode,)),
        ("race_of_one_event", RECORDED),
        ("race_of_first_purchases_of_a_stranger", ()),
        ("race_of_two_first_purchases", ()),
    ],
)
def test_a_race_fails_without_lock_and_guard(monkeypatch, url, test, kinds):
    monkeypatch.setattr(attempts, "ATTEMPTS_MAX", 1)
    with Stale(url, *kinds) as store:
        store.create_schema()
        assert fails(store, test)


@pytest.mark.parametrize(
    ("test", "kind"), [("race_for_a_budget", c.AdjustSpend), ("race_for_a_limited_code", c.UseCode)]
)
def test_a_race_for_what_is_shared_fails_without_the_guard_alone(postgres_url, test, kind):
    with Unguarded(postgres_url, kind) as store:
        store.create_schema()
        assert fails(store, test)


@dataclass(frozen=True)
class Unlocking:
    """Reads rows that should be locked, and does not lock them."""

    lookup: Any

    def rows(self, connection, program, *among, lock=False):
        return self.lookup.rows(connection, program, *among)


@pytest.mark.parametrize("test", ["race_of_first_purchases_of_a_stranger", "race_of_two_first_purchases"])
def test_a_race_of_first_purchases_fails_without_row_locks_alone(postgres_url, test):
    with Unguarded(postgres_url) as store:
        store.create_schema()
        locking = store._operations._locking
        locking._members = Unlocking(locking._members)
        assert fails(store, test)


@pytest.mark.parametrize(
    "test",
    [
        "race_for_a_budget",
        "race_for_a_limited_code",
        "race_of_one_event",
        "race_of_first_purchases_of_a_stranger",
        "race_of_two_first_purchases",
    ],
)
def test_the_races_pass_with_locks_and_guards(url, test):
    with Unguarded(url) as store:
        store.create_schema()
        assert not fails(store, test)
