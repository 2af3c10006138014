"""SQLite ends a whole transaction when the disk gets full: a host whose transaction it was must not believe it kept."""

from __future__ import annotations

import asyncio
from itertools import islice

import pytest
from sqlalchemy import create_engine, text
from sqlalchemy.exc import PendingRollbackError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.orm import Session

from referral_engine import AsyncReferralEngine, StoreError
from referral_engine.storage.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore
from tests.crash.checking import assert_sent_again, assert_there
from tests.crash.loading import MEMBERS, batches, engine_for, event, record

PAGES = 60
MOST = 100
ENDED = "that ended your transaction: roll back and run it again"


@pytest.fixture
def host(tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path / 'acme.db'}")
    with SQLAlchemyStore(engine) as store, engine.begin() as connection:
        store.bind(connection).create_schema()
        connection.execute(text("CREATE TABLE orders (id INTEGER)"))
    yield engine, store
    engine.dispose()


def order(connection):
    connection.execute(text("INSERT INTO orders VALUES (1)"))


def orders(connection):
    return connection.execute(text("SELECT COUNT(*) FROM orders")).scalar_one()


def limit(connection, pages=PAGES):
    connection.execute(text(f"PRAGMA max_page_count = {pages}"))


def fill(bound):
    """Record in the host's transaction until it is refused, and answer what was recorded by then and what was not."""
    known = []
    for batch in islice(batches(1), MOST):
        try:
            record(bound, batch)
        except StoreError as exc:
            return known, batch, exc
        known.append(batch)
    raise AssertionError("the disk does not get full")


@pytest.mark.parametrize("way", [lambda engine: engine.connect(), Session])
def test_a_transaction_that_the_full_disk_has_ended_cannot_be_committed(host, way):
    engine, store = host
    with way(engine) as given:
        limit(given)
        order(given)
        known, refused, error = fill(engine_for(store).bind(given))
        assert known
        assert error.problem == f"the database refused: database or disk is full; {ENDED}"
        with pytest.raises(PendingRollbackError):
            order(given)
        with pytest.raises(PendingRollbackError):
            given.commit()
        given.rollback()
        assert orders(given) == 0
        given.rollback()
    assert_there(store, [], absent=[number for batch in [*known, refused] for number in batch])

    with way(engine) as given:
        order(given)
        bound = engine_for(store).bind(given)
        for batch in [*known, refused]:
            record(bound, batch)
        given.commit()
        assert orders(given) == 1
    assert_sent_again(store, [*known, refused], fresh=0)


def test_so_it_is_for_a_host_that_awaits(host, tmp_path):
    _, store = host
    program = engine_for(store).program

    async def story():
        awaiting = create_async_engine(f"sqlite+aiosqlite:///{tmp_path / 'acme.db'}")
        async with awaiting.connect() as connection:
            await connection.run_sync(limit)
            await connection.run_sync(order)
            bound = AsyncReferralEngine(AsyncSQLAlchemyStore(awaiting), program).bind(connection)

            async def fill_up():
                for batch in islice(batches(1), MOST):
                    await bound.record_many([event(number) for number in batch])

            with pytest.raises(StoreError, match=ENDED):
                await fill_up()
            with pytest.raises(PendingRollbackError):
                await connection.commit()
        await awaiting.dispose()

    asyncio.run(story())
    assert_there(store, [], absent=range(MEMBERS))
