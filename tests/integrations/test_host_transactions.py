"""What a host's own transaction on PostgreSQL means: isolation, conflicts, and poolers between it and the server."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from referral_engine import Conflict, Event, ReferralEngine
from referral_engine.storage.sqlalchemy import SQLAlchemyStore


@pytest.fixture
def host(postgres_url, program):
    """Make an engine of the host's with the options given, and the referral engine over it."""
    made = []

    def make(**options):
        database = create_engine(postgres_url.replace("postgresql://", "postgresql+psycopg://"), **options)
        made.append(database)
        engine = ReferralEngine(SQLAlchemyStore(database), program)
        engine.store.create_schema()
        engine.join("alice")
        return database, engine

    yield make
    for database in made:
        database.dispose()


def begun(connection):
    """Let the host's transaction take its snapshot."""
    connection.execute(text("SELECT COUNT(*) FROM referral_members")).all()


def order(n):
    return Event(id=f"order-{n}", type="purchase", member="alice")


@pytest.mark.parametrize("isolation", ["REPEATABLE READ", "SERIALIZABLE"])
def test_what_was_recorded_after_the_hosts_snapshot_is_a_conflict(host, isolation):
    database, engine = host(isolation_level=isolation)
    with database.connect() as connection:
        begun(connection)
        engine.record(order(0))
        with pytest.raises(Conflict) as caught:
            engine.bind(connection).record(order(1))
        assert caught.value.host_must_retry is True
        connection.rollback()
        assert engine.bind(connection).record(order(1)).status == "accepted"
        connection.commit()
    assert engine.balance("alice").available == 200
    assert engine.verify() == []


def test_in_read_committed_it_is_seen(host):
    database, engine = host()
    with database.connect() as connection:
        begun(connection)
        engine.record(order(0))
        assert engine.bind(connection).record(order(1)).status == "accepted"
        assert engine.bind(connection).record(order(0)).status == "duplicate"
        connection.commit()
    assert engine.balance("alice").available == 200


@pytest.mark.parametrize(("isolation", "referrer"), [("READ COMMITTED", "alice"), ("REPEATABLE READ", None)])
def test_a_decision_on_what_is_not_there_goes_by_the_hosts_snapshot(host, isolation, referrer):
    """A code that was issued since is unknown in REPEATABLE READ: nothing was written that would tell."""
    database, engine = host(isolation_level=isolation)
    with database.connect() as connection:
        begun(connection)
        code = engine.invite_code("alice")
        outcome = engine.bind(connection).record(Event(id="evt-1", type="signup", member="bob", code=code.text))
        connection.commit()
    assert (None if outcome.referral is None else outcome.referral.referrer) == referrer
    assert [reason.code for reason in outcome.reasons] == ([] if referrer else ["unknown_code"])
    assert engine.verify() == []


@pytest.mark.parametrize(("arguments", "prepared"), [({}, True), ({"prepare_threshold": None}, False)])
def test_statements_are_prepared_on_the_server_unless_told_otherwise(host, arguments, prepared):
    """A pooler in transaction mode gives the next transaction another server connection, which does not know them."""
    database, engine = host(connect_args=arguments, pool_size=1, max_overflow=0)
    for n in range(12):
        engine.record(order(n))
    with database.connect() as connection:
        left = connection.execute(text("SELECT COUNT(*) FROM pg_prepared_statements")).scalar()
    assert (left > 0) is prepared
    assert engine.balance("alice").available == 1200
