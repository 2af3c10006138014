"""In the host's own transaction: what fails is taken back with the host's, and the host runs it again."""

from __future__ import annotations

import pytest
from sqlalchemy import create_engine, text

from referral_engine import Conflict, Event, ReferralEngine, StoreError
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.testing import STORM, ChaosStore, Faults, Injected
from referral_engine.testing.conformance._spring import spring


@pytest.fixture
def database(tmp_path):
    """A host's database with its orders, and the store's tables in it."""
    engine = create_engine(f"sqlite:///{tmp_path / 'host.db'}")
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE orders (id TEXT PRIMARY KEY)"))
    with SQLAlchemyStore(engine) as store:
        store.create_schema()
    yield engine
    engine.dispose()


def order(engine, database, number):
    """Place an order and record it in one transaction."""
    with database.begin() as connection:
        connection.execute(text("INSERT INTO orders VALUES (:id)"), {"id": f"o-{number}"})
        bound = engine.bind(connection)
        return bound.record(Event(id=f"o-{number}", type="purchase", member="alice", amount=100))


def orders(database):
    with database.connect() as connection:
        return connection.execute(text("SELECT count(*) FROM orders")).scalar_one()


def test_a_conflict_has_ended_the_hosts_transaction(database):
    chaos = ChaosStore(SQLAlchemyStore(database), seed=1, faults=Faults(conflict=1))
    with pytest.raises(Conflict) as caught:
        order(ReferralEngine(chaos, spring("acme")), database, 1)
    assert caught.value.host_must_retry
    assert (orders(database), chaos.log) == (0, (Injected("apply", 1, "conflict"),))


@pytest.mark.parametrize("cut", ["cut_before_commit", "cut_after_commit"])
def test_a_commit_that_is_the_hosts_is_not_cut(database, cut):
    chaos = ChaosStore(SQLAlchemyStore(database), seed=1, faults=Faults(**{cut: 1}))
    assert order(ReferralEngine(chaos, spring("acme")), database, 1).status == "accepted"
    assert (orders(database), chaos.log) == (1, ())


def test_nobody_is_held_back_inside_the_hosts_transaction(database):
    chaos = ChaosStore(SQLAlchemyStore(database), seed=1, faults=Faults(reordering=1))
    with database.connect() as connection:
        assert chaos.bind(connection)._storm.host
    assert order(ReferralEngine(chaos, spring("acme")), database, 1).status == "accepted"
    assert chaos.log == ()


def test_reading_fails_there_too_and_all_is_counted_together(database):
    chaos = ChaosStore(SQLAlchemyStore(database), seed=1, faults=Faults(failed_read=1))
    with database.connect() as connection, pytest.raises(StoreError):
        chaos.bind(connection).messages("acme", None, 10)
    with pytest.raises(StoreError):
        chaos.messages("acme", None, 10)
    assert chaos.log == (Injected("messages", 1, "failed_read"), Injected("messages", 2, "failed_read"))


def test_a_host_that_runs_its_transaction_again_has_order_and_record_once(database):
    chaos = ChaosStore(SQLAlchemyStore(database), seed=5, faults=STORM)
    engine, again = ReferralEngine(chaos, spring("acme")), 0
    for number in range(40):
        while True:
            try:
                outcome = order(engine, database, number)
            except (Conflict, StoreError):
                again += 1
                continue
            assert outcome.status == "accepted", "what failed was taken back, so no order is a duplicate"
            break
    chaos.calm()
    assert again > 0
    assert (orders(database), engine.verify()) == (40, [])
    assert all(engine.explain(f"o-{number}").event_id == f"o-{number}" for number in range(40))
