"""What revisions are made of: a chain of scripts, and steps that change tables with their rows, on every database."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from sqlalchemy import Column, Integer, MetaData, Table, inspect, select, text

from referral_engine import StoreError
from referral_engine.storage.sqlalchemy import SQLAlchemyStore, define_tables
from referral_engine.storage.sqlalchemy.migrations.frozen import Place, identifier, number
from referral_engine.storage.sqlalchemy.migrations.recorded import recorded
from referral_engine.storage.sqlalchemy.migrations.revisions import RELEASED, Chain
from referral_engine.storage.sqlalchemy.migrations.schema import Schema
from referral_engine.storage.sqlalchemy.migrations.steps import Steps
from tests.unit.storage.schema_picture import described, takes_back_tables

HEAD = RELEASED.head
OURS = Place(None, "referral_")


def names(engine):
    return set(inspect(engine).get_table_names())


def revision_of(engine):
    with engine.connect() as connection:
        return recorded(connection, OURS)


# A chain of several revisions


def script(name, upgrade):
    return SimpleNamespace(revision=name, upgrade=upgrade)


def chain_of(*scripts):
    """The released revisions, and further ones."""
    more = {one.revision: one for one in scripts}
    return Chain((*RELEASED.revisions, *more), lambda name: more.get(name) or RELEASED.load(name))


def test_the_scripts_run_in_order_and_each_is_recorded(new_engine):
    seen = []

    def noting(name):
        return script(name, lambda steps: seen.append((name, recorded(steps.op.get_bind(), steps.place))))

    chain = chain_of(noting("a"), noting("b"), noting("c"))
    SQLAlchemyStore(new_engine).upgrade()
    schema = Schema(define_tables(), chain)
    with new_engine.begin() as connection:
        schema.upgrade(connection, "b")
    assert (seen, revision_of(new_engine)) == ([("a", HEAD), ("b", "a")], "b")
    with new_engine.begin() as connection:
        schema.upgrade(connection, "a")
        assert schema.status(connection).problems == (
            "the tables are of revision 'b', this release works with 'c': call store.upgrade()",
        )
        with pytest.raises(StoreError, match="'b', this release works with 'c'"):
            schema.create(connection)
        schema.upgrade(connection)
    assert (seen[2:], revision_of(new_engine)) == ([("c", "b")], "c")


def test_a_revision_that_fails_is_taken_back_where_the_database_can(new_engine):
    def failing(steps):
        steps.create(Table("referral_newer", MetaData(), Column("id", Integer, primary_key=True)))
        steps.op.execute("INSERT INTO referral_counters VALUES ('acme', 1, -1)")

    SQLAlchemyStore(new_engine).upgrade()
    before = names(new_engine)
    schema = Schema(define_tables(), chain_of(script("a", failing)))
    with new_engine.connect() as connection:
        if connection.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        with pytest.raises(StoreError, match=r"rows do not fit the tables of this release.*mend them"):
            schema.upgrade(connection)
    assert revision_of(new_engine) == HEAD
    assert names(new_engine) - {"referral_newer"} == before
    assert ("referral_newer" in names(new_engine)) is not takes_back_tables(new_engine)


# Steps: a table that two releases made, with one column that must be filled and one that may be empty


def older(place=OURS):
    """A table with checks and indexes of each kind, whose rows SQLite keeps by the key."""
    return place.table(
        "trial",
        ("member",),
        identifier("member"),
        number("score"),
        number("spent"),
        *place.floor("trial", "score", "spent"),
        place.check("trial", "apart", "spent <> 13"),
        place.index("trial", "due", "program", "score", where="spent > 0"),
        place.index("trial", "order", "program", "score DESC", where="score > 0"),
        place.index("trial", "member", "member", "program"),
        clustered=True,
    )


def newer(place=OURS):
    return place.table(
        "trial",
        ("member",),
        identifier("member"),
        number("score"),
        number("spent"),
        number("unspent"),
        identifier("note", optional=True),
        number("seen", optional=True),
        *place.floor("trial", "score", "spent", "unspent"),
        place.check("trial", "sum", "spent <= score"),
        place.check("trial", "apart", "spent <> 13 AND score <> 13"),
        place.index("trial", "due", "program", "spent", "score", where="spent > 0"),
        place.index("trial", "order", "program", "score DESC", where="score > 0"),
        place.index("trial", "member", "member", "program"),
        place.index("trial", "unspent", "program", "unspent", where="unspent > 0"),
        clustered=True,
    )


FILL = {"unspent": "score - spent", "note": "CASE WHEN spent > 0 THEN 'used' END"}
ROWS = [("acme", "alice", 10, 4), ("acme", "bob", 3, 0), ("beta", "alice", 0, 0)]
FILLED = [
    ("acme", "alice", 10, 4, 6, "used", None),
    ("acme", "bob", 3, 0, 3, None, None),
    ("beta", "alice", 0, 0, 0, None, None),
]


def begun(engine):
    """A transaction that takes back tables too, as the store's own does."""
    connection = engine.connect()
    if engine.dialect.name == "sqlite":
        connection.exec_driver_sql("BEGIN IMMEDIATE")
    return connection


def put_rows(connection, table, rows=ROWS):
    connection.execute(table.insert(), [dict(zip(table.columns.keys(), row, strict=True)) for row in rows])


def rows_of(engine, table):
    with engine.connect() as connection:
        return connection.execute(select(table).order_by(table.c.program, table.c.member)).all()


def look(engine, table):
    return described(engine, inspect(engine), table.name, table.schema)


def extended(engine, place=OURS):
    """Extend the older table with rows in it."""
    with begun(engine) as connection:
        steps = Steps.over(connection, place)
        steps.create(older(place))
        put_rows(connection, older(place))
        steps.extend(older(place), newer(place), FILL)
        connection.commit()


@pytest.mark.parametrize("prefix", ["referral_", ""])
def test_an_extended_table_is_as_if_it_had_been_created_so_and_keeps_its_rows(new_engine, prefix):
    place = Place(None, prefix)
    extended(new_engine, place)
    assert rows_of(new_engine, newer(place)) == FILLED
    after = look(new_engine, newer(place))
    assert len(after["checks"]) == 5
    newer(place).drop(new_engine)
    newer(place).create(new_engine)
    assert look(new_engine, newer(place)) == after


@pytest.mark.postgres
def test_an_extended_table_may_be_in_a_schema_of_its_own(postgres_url):
    place = Place("Growth 1", "referral_")
    with SQLAlchemyStore(postgres_url) as store:
        with store._engine.begin() as connection:
            connection.execute(text('CREATE SCHEMA "Growth 1"'))
        extended(store._engine, place)
        assert rows_of(store._engine, newer(place)) == FILLED
        assert names(store._engine) == set()


def test_extending_again_changes_nothing(new_engine):
    extended(new_engine)
    before = look(new_engine, newer())
    with begun(new_engine) as connection:
        Steps.over(connection, OURS).extend(older(), newer(), FILL)
        connection.commit()
    assert rows_of(new_engine, newer()) == FILLED
    assert look(new_engine, newer()) == before


@pytest.mark.parametrize("filled", [False, True])
def test_what_was_cut_off_halfway_is_finished(new_engine, filled):
    """MariaDB does not take back what a transaction did to tables."""
    with begun(new_engine) as connection:
        steps = Steps.over(connection, OURS)
        steps.create(older())
        put_rows(connection, older())
        steps.op.add_column("referral_trial", Column("unspent", newer().c.unspent.type))
        if filled:
            steps.op.execute("UPDATE referral_trial SET unspent = score - spent WHERE member = 'alice'")
        steps.extend(older(), newer(), FILL)
        connection.commit()
    assert rows_of(new_engine, newer()) == FILLED
    after = look(new_engine, newer())
    newer().drop(new_engine)
    newer().create(new_engine)
    assert look(new_engine, newer()) == after


def test_rows_that_the_newer_table_does_not_allow_are_refused_and_kept(new_engine):
    with begun(new_engine) as connection:
        Steps.over(connection, OURS).create(older())
        put_rows(connection, older(), [("acme", "carol", 1, 2)])
        connection.commit()
    before = look(new_engine, older())
    schema = Schema(define_tables(), chain_of(script("a", lambda steps: steps.extend(older(), newer(), FILL))))
    with begun(new_engine) as connection, pytest.raises(StoreError, match="rows do not fit"):
        schema.upgrade(connection)
    assert rows_of(new_engine, older()) == [("acme", "carol", 1, 2)]
    assert revision_of(new_engine) != "a"
    if takes_back_tables(new_engine):
        assert look(new_engine, older()) == before


def test_a_table_is_created_once_and_gets_the_indexes_that_it_lacks(new_engine):
    older().create(new_engine)
    with begun(new_engine) as connection:
        put_rows(connection, older())
        connection.commit()
    next(index for index in older().indexes if index.name == "ix_referral_trial_order").drop(new_engine)
    with begun(new_engine) as connection:
        Steps.over(connection, OURS).create(older())
        connection.commit()
    assert rows_of(new_engine, older()) == ROWS
    assert any("ix_referral_trial_order" in index for index in look(new_engine, older())["indexes"])


# SQLite makes a table anew, and must lose nothing by it


@pytest.mark.parametrize(
    ("theirs", "name"),
    [
        ("CREATE INDEX theirs ON referral_trial (spent)", "theirs"),
        ("CREATE TRIGGER theirs AFTER INSERT ON referral_trial BEGIN SELECT 1; END", "theirs"),
        ("ALTER TABLE referral_trial ADD COLUMN theirs TEXT", "theirs"),
    ],
    ids=["index", "trigger", "column"],
)
def test_what_is_the_hosts_is_not_lost_with_the_old_table(sqlite_url, theirs, name):
    with SQLAlchemyStore(sqlite_url) as store:
        engine = store._engine
        older().create(engine)
        with begun(engine) as connection:
            put_rows(connection, older())
            connection.execute(text(theirs))
            connection.commit()
        with begun(engine) as connection:
            with pytest.raises(StoreError, match=f"'{name}' of the table 'referral_trial'.*make it again"):
                Steps.over(connection, OURS).extend(older(), newer(), FILL)
            connection.rollback()
        assert rows_of(engine, older()) == ROWS


@pytest.mark.parametrize("foreign_keys", ["ON", "OFF"])
def test_rows_that_refer_to_ours_are_not_deleted_with_the_old_table(sqlite_url, foreign_keys):
    with SQLAlchemyStore(sqlite_url) as store:
        engine = store._engine
        older().create(engine)
        with engine.connect() as connection:
            connection.exec_driver_sql(f"PRAGMA foreign_keys = {foreign_keys}")
            put_rows(connection, older())
            connection.execute(
                text(
                    "CREATE TABLE orders (program TEXT, member TEXT, FOREIGN KEY (program, member) "
                    "REFERENCES referral_trial (program, member) ON DELETE CASCADE)"
                )
            )
            connection.execute(text("INSERT INTO orders VALUES ('acme', 'alice')"))
            connection.commit()
            steps = Steps.over(connection, OURS)
            connection.exec_driver_sql("BEGIN IMMEDIATE")
            if foreign_keys == "ON":
                with pytest.raises(StoreError, match=r"'orders' refers to 'referral_trial'.*foreign_keys"):
                    steps.extend(older(), newer(), FILL)
                connection.rollback()
            else:
                steps.extend(older(), newer(), FILL)
                connection.commit()
            assert connection.execute(text("SELECT * FROM orders")).all() == [("acme", "alice")]
