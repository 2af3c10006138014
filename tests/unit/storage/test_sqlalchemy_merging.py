"""An insert that meets a row adds to it, replaces in it, keeps the greater, or leaves it, as its merge says."""

from __future__ import annotations

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from referral_engine.storage.sqlalchemy import SQLAlchemyStore, define_tables
from referral_engine.storage.sqlalchemy.databases import database_for
from referral_engine.storage.sqlalchemy.statements import Merge

TABLES = define_tables()
FIGURES = ("available", "held", "lifetime")
COLUMNS = ("member", "unit", *FIGURES, "expired", "redeemed", "debt", "expiring", "paying")


@pytest.fixture
def store(database_url):
    with SQLAlchemyStore(database_url, tables=TABLES) as made:
        made.create_schema()
        yield made


def insert(connection, merge, *figures):
    """Insert a balance for each triple of figures, the first for m0, and answer the row count."""
    bulk = database_for(TABLES, connection.dialect).sql.insert(TABLES.balances, COLUMNS, merge)
    return bulk.run(
        connection, [("acme", f"m{place}", "points", *three, 0, 0, 0, 0, 0) for place, three in enumerate(figures)]
    )


def balances(connection):
    columns = [TABLES.balances.c[name] for name in FIGURES]
    return list(map(tuple, connection.execute(select(*columns).order_by(TABLES.balances.c.member))))


MERGES = [
    (Merge(add=["available", "held"]), (15, 9, 7)),
    (Merge(replace=["available", "lifetime"]), (5, 8, 9)),
    (Merge(greatest=["available", "held", "lifetime"]), (10, 8, 9)),
    (Merge(add=["available"], replace=["held"], greatest=["lifetime"]), (15, 1, 9)),
]


@pytest.mark.parametrize(("merge", "expected"), MERGES)
def test_a_row_that_is_there_is_merged_into(store, merge, expected):
    with store._engine.begin() as connection:
        insert(connection, None, (10, 8, 7))
        assert insert(connection, merge, (5, 1, 9)) == 1
        assert balances(connection) == [expected]


@pytest.mark.parametrize(("merge", "expected"), MERGES)
def test_new_and_kept_rows_of_one_statement_all_count(store, merge, expected):
    with store._engine.begin() as connection:
        insert(connection, None, (10, 8, 7))
        assert insert(connection, merge, (5, 1, 9), (1, 2, 3), (4, 5, 6)) == 3
        assert balances(connection) == [expected, (1, 2, 3), (4, 5, 6)]


def test_a_row_that_stays_as_it_is_counts_too(store):
    with store._engine.begin() as connection:
        insert(connection, None, (10, 8, 7), (1, 1, 1))
        for merge in (Merge(add=FIGURES), Merge(greatest=FIGURES)):
            assert insert(connection, merge, (0, 0, 0), (0, 0, 0)) == 2
        assert insert(connection, Merge(replace=FIGURES), (10, 8, 7), (1, 1, 1)) == 2
        assert balances(connection) == [(10, 8, 7), (1, 1, 1)]


def test_a_merge_without_columns_leaves_the_row(store):
    with store._engine.begin() as connection:
        insert(connection, None, (10, 8, 7))
        insert(connection, Merge(), (5, 1, 9), (1, 2, 3))
        assert balances(connection) == [(10, 8, 7), (1, 2, 3)]


def test_without_a_merge_a_taken_key_is_an_error(store):
    with store._engine.begin() as connection:
        insert(connection, None, (10, 8, 7))
    with pytest.raises(IntegrityError), store._engine.begin() as connection:
        insert(connection, None, (5, 1, 9))


def test_a_counter_begins_at_nothing_and_moves(store):
    with store._engine.begin() as connection:
        advance = database_for(TABLES, connection.dialect).sql.advance(TABLES.counters, "position")
        assert [advance.to(connection, "acme", by) for by in (3, 1, 1000)] == [3, 4, 1004]
        assert advance.to(connection, "other", 1) == 1
        assert connection.execute(select(TABLES.counters.c.acknowledged)).scalars().all() == [0, 0]
