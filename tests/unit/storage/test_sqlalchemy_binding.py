"""A bound store writes inside the host's transaction: what the host ends, ends ours; and nothing else does."""

from __future__ import annotations

import sys
from contextlib import contextmanager

import pytest
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from referral_engine import changes as c
from referral_engine.errors import Conflict, InvalidInput, StoreError
from referral_engine.facts import Wanted
from referral_engine.ledger.balance import Balance
from referral_engine.storage.sqlalchemy import SQLAlchemyStore, define_tables
from referral_engine.testing.conformance.samples import (
    PROGRAM,
    Desk,
    a_code,
    a_grant,
    a_member,
    a_referral,
    an_event,
    joining,
    raising,
    saying,
    wanting,
)
from tests.databases import driver_url, new_url


@pytest.fixture
def url(database_url):
    return driver_url(database_url)


@contextmanager
def hosting(url, **options):
    """A host's engine with a table of orders, and a store over that engine with its schema."""
    engine = create_engine(url, **options)
    try:
        store = SQLAlchemyStore(engine)
        store.create_schema()
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE orders (id VARCHAR(40) PRIMARY KEY)"))
        yield engine, store
    finally:
        engine.dispose()


@pytest.fixture
def host(url):
    with hosting(url) as given:
        yield given


def order(connection, name="o1"):
    connection.execute(text("INSERT INTO orders VALUES (:id)"), {"id": name})


def orders(engine):
    with engine.connect() as connection:
        return connection.execute(text("SELECT COUNT(*) FROM orders")).scalar()


def members(store, *names):
    return set(Desk(store).read(members=names or ("alice", "bob", "carol")).members)


def connections(engine):
    """Each way in which a host holds a connection: what to bind, and how the host ends its transaction."""

    @contextmanager
    def plain():
        with engine.connect() as connection:
            yield connection

    @contextmanager
    def session():
        with Session(engine) as one:
            yield one

    @contextmanager
    def scoped():
        registry = scoped_session(sessionmaker(engine))
        yield registry
        registry.remove()

    return {"connection": plain, "session": session, "scoped": scoped}


@pytest.mark.parametrize("way", ["connection", "session", "scoped"])
@pytest.mark.parametrize("first", ["ours", "theirs"])
@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_both_or_neither(host, way, first, end):
    engine, store = host
    with connections(engine)[way]() as given:
        bound = Desk(store.bind(given))
        if first == "theirs":
            order(given)
        bound.join("alice")
        if first == "ours":
            order(given)
        bound.join("bob")
        getattr(given, end)()
    kept = end == "commit"
    assert (orders(engine), members(store)) == ((1, {"alice", "bob"}) if kept else (0, set()))


@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_our_write_alone_is_the_hosts_to_end(host, end):
    engine, store = host
    with engine.connect() as connection:
        Desk(store.bind(connection)).join("alice")
        getattr(connection, end)()
    assert members(store) == ({"alice"} if end == "commit" else set())


def test_a_host_that_leaves_without_commit_keeps_nothing(host):
    engine, store = host
    with engine.connect() as connection:
        order(connection)
        Desk(store.bind(connection)).join("alice")
    assert (orders(engine), members(store)) == (0, set())


def test_a_savepoint_of_the_host_takes_ours_back(host):
    engine, store = host
    with engine.begin() as connection:
        bound = Desk(store.bind(connection))
        bound.join("alice")
        savepoint = connection.begin_nested()
        order(connection)
        bound.join("bob")
        savepoint.rollback()
        bound.join("carol")
    assert (orders(engine), members(store)) == (0, {"alice", "carol"})


def test_a_begin_event_of_the_host_is_respected(tmp_path):
    """SQLAlchemy's own recipe for SQLite: the driver begins nothing, an event does."""
    with hosting(f"sqlite:///{tmp_path}/a.db", connect_args={"isolation_level": None}) as (engine, store):
        event.listen(engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN"))
        for end, expected in (("rollback", set()), ("commit", {"alice"})):
            with engine.connect() as connection:
                bound = store.bind(connection)
                assert members(bound) == set()
                Desk(bound).join("alice")
                getattr(connection, end)()
            assert members(store) == expected
        Desk(store).join("bob")
        assert members(store) == {"alice", "bob"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the driver's autocommit attribute is of Python 3.12")
def test_a_driver_that_always_has_a_transaction_is_fine(tmp_path):
    with hosting(f"sqlite:///{tmp_path}/a.db", connect_args={"autocommit": False}) as (engine, store):
        for end, expected in (("rollback", set()), ("commit", {"alice"})):
            with engine.connect() as connection:
                Desk(store.bind(connection)).join("alice")
                order(connection)
                getattr(connection, end)()
            assert members(store) == expected
        Desk(store).join("bob")
        assert members(store) == {"alice", "bob"}


@pytest.mark.skipif(sys.version_info < (3, 12), reason="the driver's autocommit attribute is of Python 3.12")
def test_a_driver_without_transactions_is_refused(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/a.db", connect_args={"autocommit": True})
    store = SQLAlchemyStore(engine)
    with pytest.raises(InvalidInput, match="autocommit"):
        store.create_schema()
    with engine.connect() as connection, pytest.raises(InvalidInput, match="AUTOCOMMIT"):
        Desk(store.bind(connection)).join("alice")
    engine.dispose()


@pytest.mark.parametrize("place", ["engine", "connection", "execution_options"])
def test_autocommit_is_refused(url, place):
    options = {"isolation_level": "AUTOCOMMIT"} if place == "engine" else {}
    with hosting(url, **options) as (engine, store):
        given = engine.execution_options(isolation_level="AUTOCOMMIT") if place == "execution_options" else engine
        with given.connect() as connection:
            if place == "connection":
                connection.execution_options(isolation_level="AUTOCOMMIT")
            bound = store.bind(connection)
            with pytest.raises(InvalidInput, match="AUTOCOMMIT"):
                Desk(bound).join("alice")
            assert members(bound) == set()
        assert members(store) == set()


def test_an_engine_in_autocommit_mode_may_be_owned(url):
    """What the engine's default is does not matter where the transaction is our own."""
    with hosting(url, isolation_level="AUTOCOMMIT") as (_, store):
        Desk(store).join("alice")
        with pytest.raises(Conflict):
            Desk(store).write(*joining("bob"), c.AddEvent(an_event("e"), 0), c.UseCode("C1", 1))
        assert members(store) == {"alice"}


def test_what_decide_raises_leaves_the_hosts_transaction_open(host):
    engine, store = host

    def decide(_):
        raise LookupError("mine")

    with engine.begin() as connection:
        order(connection)
        bound = store.bind(connection)
        with pytest.raises(LookupError, match="mine"):
            bound.apply(wanting(PROGRAM, joining("alice")), decide)
        Desk(bound).join("bob")
    assert (orders(engine), members(store)) == (1, {"bob"})


def test_a_failed_precondition_leaves_the_hosts_transaction_open(host):
    engine, store = host
    Desk(store).write(*joining("alice"), c.AddCode(a_code("C1", max_uses=0), invite=False))
    with engine.begin() as connection:
        order(connection)
        bound = Desk(store.bind(connection))
        with pytest.raises(Conflict) as caught:
            bound.write(*joining("bob"), c.UseCode("C1", 1), saying("never"))
        assert caught.value.host_must_retry is False
        bound.join("carol")
    assert (orders(engine), members(store)) == (1, {"alice", "carol"})


def test_a_guard_is_tried_again_inside_the_hosts_transaction(host):
    """The first attempt asks for more than is left; the next one is shown what is left and takes just that."""
    engine, store = host
    Desk(store).write(*joining("alice"), c.AdjustSpend("spring", "points", 95, 0))
    wanted = Wanted(PROGRAM, members=frozenset({"alice"}), spends=frozenset({("spring", "points")}))
    seen = []

    def decide(facts):
        left = 100 - facts.spends["spring", "points"].spent
        seen.append(left)
        amount = left if len(seen) > 1 else 10
        return c.Decision(amount, (c.AdjustSpend("spring", "points", amount, 0, 0, 100 - amount),))

    with engine.begin() as connection:
        order(connection)
        assert store.bind(connection).apply(wanted, decide).result == 5
    assert (seen, orders(engine)) == ([5, 5], 1)
    spend = Desk(store).read(spends=[("spring", "points")]).spends["spring", "points"]
    assert spend.spent == 100


def test_reads_and_pages_see_the_hosts_transaction(host):
    engine, store = host
    Desk(store).join("alice")
    with engine.connect() as connection:
        bound = store.bind(connection)
        desk = Desk(bound)
        assert members(bound) == {"alice"}
        desk.write(
            *joining("bob"),
            c.AddReferral(a_referral("bob", "alice"), 0),
            c.AddGrant(a_grant("g1")),
            c.AdjustBalance("bob", "points", Balance(available=1), fresh=True),
            raising("alice", 1),
            saying("hello"),
        )
        assert members(bound) == {"alice", "bob"}
        assert [row.referee for row in bound.referrals(PROGRAM, "alice", None, None, 9)] == ["bob"]
        assert ([row.member for row in desk.standings()], desk.said()) == (["alice"], ["hello"])
        assert "bob/points" in {drift.key for drift in bound.drift(PROGRAM)}
        connection.rollback()
    assert (members(store), Desk(store).said(), store.drift(PROGRAM)) == ({"alice"}, [], [])


def test_reading_leaves_the_hosts_connection_as_it_was(tmp_path):
    """On SQLite a reading store keeps no snapshot open that a later write would trip over."""
    with hosting(f"sqlite:///{tmp_path}/a.db") as (engine, store), engine.connect() as connection:
        bound = store.bind(connection)
        assert members(bound) == set()
        assert not connection.connection.driver_connection.in_transaction
        Desk(store).join("alice")
        Desk(bound).join("bob")
        connection.commit()
        assert members(store) == {"alice", "bob"}


def test_a_stale_snapshot_of_the_host_must_be_retried_by_the_host(tmp_path):
    """A host of SQLite that read before it wrote cannot write over what others wrote since."""
    with hosting(f"sqlite:///{tmp_path}/a.db") as (engine, store), engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA journal_mode = WAL")
        connection.exec_driver_sql("BEGIN")
        connection.execute(text("SELECT * FROM orders")).all()
        Desk(store).join("alice")
        with pytest.raises(Conflict) as caught:
            Desk(store.bind(connection)).join("bob")
        assert caught.value.host_must_retry is True
        connection.rollback()
        Desk(store.bind(connection)).join("bob")
        connection.commit()
        assert members(store) == {"alice", "bob"}


def test_a_repeatable_read_host_must_retry(postgres_url):
    with hosting(driver_url(postgres_url), isolation_level="REPEATABLE READ") as (engine, store):
        Desk(store).write(*joining("alice"), c.AdjustTally("alice", "visit", 1, 0))
        with engine.connect() as connection:
            order(connection)
            Desk(store).write(c.PutMember(a_member("alice", depth=0, referrals_total=1), fresh=False))
            with pytest.raises(Conflict) as caught:
                Desk(store.bind(connection)).write(c.AdjustTally("alice", "visit", 1, 0))
            assert caught.value.host_must_retry is True
            connection.rollback()
        assert Desk(store).read(members=["alice"], tally_types=["visit"]).tallies["alice", "visit"].count == 1


@pytest.mark.postgres
def test_a_guard_that_a_repeatable_read_host_cannot_see_past_is_the_hosts_to_retry(postgres_url):
    """What another wrote since the host's snapshot began takes the key, and stays unseen in the host's transaction."""
    url = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    with hosting(url, isolation_level="REPEATABLE READ") as (engine, store):
        Desk(store).join("alice")
        calls = []

        def decide(_):
            calls.append(1)
            return c.Decision(None, (c.AddCode(a_code("C1", owner="alice"), invite=True),))

        wanted = Wanted(PROGRAM, members=frozenset({"alice"}), codes=frozenset({"C1"}))
        with engine.connect() as connection:
            order(connection)
            Desk(store).write(c.AddCode(a_code("C1", owner="alice"), invite=True))
            with pytest.raises(Conflict) as caught:
                store.bind(connection).apply(wanted, decide)
            assert (len(calls), caught.value.host_must_retry) == (1, True)
            connection.rollback()
        assert {"C1"} == Desk(store).read(codes=["C1"]).codes.keys()


def test_a_deadlock_with_the_host_must_be_retried_by_the_host(served_url):
    """Two hosts that lock members in different orders, over several calls, end in a deadlock; one is told to retry."""
    from threading import Barrier, Thread

    with hosting(driver_url(served_url), isolation_level="READ COMMITTED") as (engine, store):
        Desk(store).join("alice", "bob")
        meet, told = Barrier(2, timeout=30), []

        def run(first, second):
            with engine.connect() as connection:
                desk = Desk(store.bind(connection))
                desk.write(c.AdjustTally(first, "visit", 1, 0))
                meet.wait()
                try:
                    desk.write(c.AdjustTally(second, "visit", 1, 0))
                    connection.commit()
                except Conflict as exc:
                    told.append(exc.host_must_retry)
                    connection.rollback()

        threads = [Thread(target=run, args=names) for names in (("alice", "bob"), ("bob", "alice"))]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        facts = Desk(store).read(members=["alice", "bob"], tally_types=["visit"])
        assert told == [True]
        assert {key: tally.count for key, tally in facts.tallies.items()} == {
            ("alice", "visit"): 1,
            ("bob", "visit"): 1,
        }


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def test_the_schema_can_be_created_in_the_hosts_transaction(database, request, tmp_path):
    engine = create_engine(driver_url(new_url(database, request, tmp_path)))
    tables = define_tables(prefix="other_")
    store = SQLAlchemyStore(engine, tables=tables)
    with engine.connect() as connection:
        store.bind(connection).create_schema()
        connection.rollback()
    with pytest.raises(StoreError, match="create_schema"):
        Desk(store).join("alice")
    with engine.begin() as connection:
        store.bind(connection).create_schema()
        Desk(store.bind(connection)).join("alice")
    assert members(store) == {"alice"}
    engine.dispose()


def test_a_bound_store_is_bound_once_and_closes_nothing(host):
    engine, store = host
    with engine.connect() as connection:
        with store.bind(connection) as bound:
            with pytest.raises(InvalidInput, match="bound"):
                bound.bind(connection)
            Desk(bound).join("alice")
        bound.close()
        connection.commit()
    assert members(store) == {"alice"}


def test_what_is_no_connection_of_this_database_is_refused(host, tmp_path):
    engine, store = host
    other = create_engine(f"sqlite:///{tmp_path}/b.db")
    unreachable = "postgresql://nobody@127.0.0.1:1/none"
    other_store = SQLAlchemyStore(unreachable) if engine.dialect.name == "sqlite" else store
    with other.connect() as connection:
        with pytest.raises(InvalidInput, match="sqlite"):
            other_store.bind(connection)
        with Session(connection) as session, pytest.raises(InvalidInput, match="sqlite"):
            Desk(other_store.bind(session)).join("alice")
    for wrong in (engine, "sqlite:///x", None, object()):
        with pytest.raises(InvalidInput, match="cannot be joined"):
            store.bind(wrong)
    other.dispose()


def test_a_closed_connection_is_a_store_error(host):
    engine, store = host
    with engine.connect() as connection:
        bound = store.bind(connection)
    with pytest.raises(StoreError):
        Desk(bound).join("alice")
    with pytest.raises(StoreError):
        members(bound)
    assert members(store) == set()


@pytest.mark.postgres
def test_a_connection_that_breaks_while_a_conflict_is_looked_into_is_a_store_error(postgres_url, monkeypatch):
    url = postgres_url.replace("postgresql://", "postgresql+psycopg://")
    with hosting(url) as (engine, store), engine.connect() as connection:
        transactions = store._operations._transactions
        asked = transactions.keeps_snapshot

        def broken(given):
            given.connection.driver_connection.close()
            return asked(given)

        monkeypatch.setattr(transactions, "keeps_snapshot", broken)
        with pytest.raises(StoreError, match="lost"):
            Desk(store.bind(connection)).write(*joining("alice"), c.UseCode("C1", 1))
