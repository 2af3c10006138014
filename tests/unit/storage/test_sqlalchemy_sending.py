"""Sending: writes that cannot meet are one statement on PostgreSQL, the others follow it; so all is in order."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine

from referral_engine import changes as c
from referral_engine.errors import Conflict
from referral_engine.facts import LimitKey, Wanted
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.storage.sqlalchemy.postgresql import PostgresAdvance, PostgresBulk
from referral_engine.storage.sqlalchemy.postgresql_sending import _joined
from referral_engine.storage.sqlalchemy.sending import Move, Write
from referral_engine.testing.conformance.samples import PROGRAM, a_member
from tests.databases import driver_url

KEY = LimitKey("alice", "order", "referrer", "month", "points", "alice", "2026-03")


@pytest.fixture
def store(database_url):
    with SQLAlchemyStore(database_url) as made:
        made.create_schema()
        yield made


def written(store, *changes, ordinals=0):
    wanted = Wanted(
        PROGRAM,
        members=frozenset({"alice", "bob"}),
        arriving=frozenset({"alice", "bob"}),
        limit_rules=frozenset({"order"}),
        limit_periods=frozenset({"2026-03"}),
    )
    store.apply(wanted, lambda _: c.Decision(None, changes, ordinals))
    return store.read(wanted)


def test_one_row_may_be_written_twice_by_a_decision(store):
    """What is added to a limit and taken from it again are two statements, of which the second sees the first."""
    facts = written(store, c.AdjustLimit(KEY, 5), c.AdjustLimit(KEY, -2))
    assert facts.limits == {KEY: 3}


def test_fresh_and_known_members_are_written_together(store):
    written(store, c.PutMember(a_member("alice"), fresh=True))
    alice = a_member("alice", referrals_total=1)
    facts = written(store, c.PutMember(a_member("bob"), fresh=True), c.PutMember(alice, fresh=False))
    assert facts.members == {"alice": alice, "bob": a_member("bob")}


def test_nothing_is_left_of_a_decision_whose_second_write_fails(store):
    written(store, c.PutMember(a_member("alice"), fresh=True))
    with pytest.raises(Conflict):
        written(store, c.AdjustLimit(KEY, 5), c.PutMember(a_member("alice"), fresh=True), ordinals=3)
    assert written(store).limits == {}


def test_the_parts_of_a_statement_wait_for_each_other():
    """Each part of the joined text names the one before it; each value has its number; cursors count from the move."""
    guarded = PostgresBulk("t", "A %(program)s %(x)s %(y)s {after}", "many", ("x", "y"), frozenset())
    appended = PostgresBulk("u", "one", "B %(cursor)s::BIGINT{base} {after}", ("cursor",), frozenset())
    move = Move(PostgresAdvance("C %(program)s %(by)s {after}"), PROGRAM, 1)
    writes = [Write(guarded, [(PROGRAM, 1, 2)]), Write(guarded, [(PROGRAM, 3, 4)])]
    assert _joined(writes, move, [Write(appended, [(PROGRAM, 0), (PROGRAM, 1)])]) == (
        "WITH part0 AS (A $1::TEXT $3 $4 true RETURNING 1), "
        "part1 AS (A $1::TEXT $5 $6 (SELECT count(*) FROM part0) >= 0 RETURNING 1), "
        "moved AS (C $1::TEXT $2 (SELECT count(*) FROM part1) >= 0), "
        "part3 AS (B $7::BIGINT + (SELECT * FROM moved) - $2::BIGINT + 1 (SELECT count(*) FROM moved) >= 0 RETURNING 1)"
        " SELECT (SELECT * FROM moved), "
        "(SELECT count(*) FROM part0), (SELECT count(*) FROM part1), (SELECT count(*) FROM part3)"
    )


@pytest.mark.postgres
@pytest.mark.parametrize(
    "isolation", [{}, {"isolation_level": "SERIALIZABLE"}, {"isolation_level": "AUTOCOMMIT"}], ids=str
)
def test_a_hosts_engine_of_any_isolation_writes_whole_decisions(postgres_url, isolation):
    """What is written is seen together with the decision's commit, and the engine's own isolation comes back."""
    engine = create_engine(driver_url(postgres_url), **isolation)
    with SQLAlchemyStore(engine) as store:
        store.create_schema()
        seen = []

        def decide(_):
            with engine.connect() as other:
                seen.append(other.exec_driver_sql("SELECT count(*) FROM referral_members").scalar())
            return c.Decision(None, (c.PutMember(a_member("alice"), fresh=True),))

        store.apply(Wanted(PROGRAM, arriving=frozenset({"alice"}), members=frozenset({"alice"})), decide)
        assert seen == [0]
        assert store.read(Wanted(PROGRAM, members=frozenset({"alice"}))).members == {"alice": a_member("alice")}
    asked = isolation.get("isolation_level")
    with engine.connect() as connection:
        assert connection.connection.driver_connection.autocommit == (asked == "AUTOCOMMIT")
        assert connection.get_isolation_level() == ("SERIALIZABLE" if asked == "SERIALIZABLE" else "READ COMMITTED")
    engine.dispose()


@pytest.mark.postgres
def test_a_bound_read_begins_the_hosts_transaction_and_ends_with_it(postgres_url):
    engine = create_engine(driver_url(postgres_url))
    with SQLAlchemyStore(engine) as store, engine.connect() as connection:
        store.create_schema()
        bound = store.bind(connection)
        for end in (connection.commit, connection.rollback):
            assert bound.read(Wanted(PROGRAM, members=frozenset({"alice"}))).members == {}
            assert connection.in_transaction()
            end()
            assert connection.connection.driver_connection.info.transaction_status.name == "IDLE"
    engine.dispose()


@pytest.mark.postgres
def test_a_read_ends_its_transaction_whatever_the_pool_does(postgres_url):
    engine = create_engine(driver_url(postgres_url), pool_reset_on_return=None, pool_size=1, max_overflow=0)
    with SQLAlchemyStore(engine) as store:
        store.create_schema()
        written(store, c.PutMember(a_member("alice"), fresh=True))
        for _ in range(3):
            assert store.read(Wanted(PROGRAM, members=frozenset({"alice"}))).members.keys() == {"alice"}
    engine.dispose()
