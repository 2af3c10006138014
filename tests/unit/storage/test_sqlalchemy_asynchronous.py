"""The awaitable store: the same writes inside a host's transaction, cancelled tasks, tasks that take turns."""

from __future__ import annotations

import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession, create_async_engine

from referral_engine import changes as c
from referral_engine.errors import Conflict, InvalidInput, StoreError
from referral_engine.facts import Wanted
from referral_engine.storage.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore
from referral_engine.testing.conformance.samples import PROGRAM, a_code, joining, wanting
from tests.databases import async_driver_url


@pytest.fixture
def url(database_url):
    return async_driver_url(database_url)


def over(url, story, **options):
    """Run a story over a host's engine with a table of orders, and a store over that engine."""

    async def run():
        engine = create_async_engine(url, **options)
        try:
            store = AsyncSQLAlchemyStore(engine)
            await store.create_schema()
            async with engine.begin() as connection:
                await connection.execute(text("CREATE TABLE orders (id VARCHAR(40) PRIMARY KEY)"))
            return await story(engine, store)
        finally:
            await engine.dispose()

    return asyncio.run(run())


async def write(store, *changes):
    decision = c.Decision(None, changes, 0)
    await store.apply(wanting(PROGRAM, changes), lambda _: decision)


async def members(store):
    return set((await store.read(Wanted(PROGRAM, members=frozenset({"alice", "bob", "carol"})))).members)


async def orders(engine):
    async with engine.connect() as connection:
        return (await connection.execute(text("SELECT COUNT(*) FROM orders"))).scalar()


@pytest.mark.parametrize("kind", ["connection", "session"])
@pytest.mark.parametrize("first", ["ours", "theirs"])
@pytest.mark.parametrize("end", ["commit", "rollback"])
def test_both_or_neither(url, kind, first, end):
    async def story(engine, store):
        async with engine.connect() if kind == "connection" else AsyncSession(engine) as given:
            bound = store.bind(given)
            if first == "theirs":
                await given.execute(text("INSERT INTO orders VALUES ('o1')"))
            await write(bound, *joining("alice"))
            if first == "ours":
                await given.execute(text("INSERT INTO orders VALUES ('o1')"))
            await write(bound, *joining("bob"))
            seen = await members(bound)
            await getattr(given, end)()
        return seen, await orders(engine), await members(store)

    kept = (1, {"alice", "bob"}) if end == "commit" else (0, set())
    assert over(url, story) == ({"alice", "bob"}, *kept)


def test_a_failed_precondition_leaves_the_hosts_transaction_open(url):
    async def story(engine, store):
        await write(store, c.AddCode(a_code("C1", max_uses=0), invite=False))
        async with engine.begin() as connection:
            await connection.execute(text("INSERT INTO orders VALUES ('o1')"))
            bound = store.bind(connection)
            with pytest.raises(Conflict) as caught:
                await write(bound, *joining("bob"), c.UseCode("C1", 1))
            assert caught.value.host_must_retry is False
            await write(bound, *joining("carol"))
        return await orders(engine), await members(store)

    assert over(url, story) == (1, {"carol"})


def test_autocommit_is_refused(url):
    async def story(engine, store):
        async with engine.connect() as connection:
            await connection.execution_options(isolation_level="AUTOCOMMIT")
            with pytest.raises(InvalidInput, match="AUTOCOMMIT"):
                await write(store.bind(connection), *joining("alice"))
        return await members(store)

    assert over(url, story) == set()


def test_a_bound_store_is_bound_once_and_closes_nothing(url):
    async def story(engine, store):
        async with engine.connect() as connection:
            async with store.bind(connection) as bound:
                with pytest.raises(InvalidInput, match="bound"):
                    bound.bind(connection)
                await write(bound, *joining("alice"))
            await bound.close()
            await connection.commit()
        for wrong in (engine, engine.sync_engine, None, object()):
            with pytest.raises(InvalidInput, match="cannot be joined"):
                store.bind(wrong)
        return await members(store)

    assert over(url, story) == {"alice"}


def test_the_schema_can_be_created_in_the_hosts_transaction(tmp_path):
    async def story():
        engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/a.db")
        store = AsyncSQLAlchemyStore(engine)
        async with engine.connect() as connection:
            await store.bind(connection).create_schema()
            await connection.rollback()
        with pytest.raises(StoreError, match="create_schema"):
            await write(store, *joining("alice"))
        async with engine.begin() as connection:
            await store.bind(connection).create_schema()
        await write(store, *joining("alice"))
        found = await members(store)
        await engine.dispose()
        return found

    assert asyncio.run(story()) == {"alice"}


def test_a_cancelled_task_leaves_nothing_and_the_store_usable(url):
    async def story(_, store):
        async def cancelled():
            task = asyncio.current_task()

            def decide(_):
                task.cancel()
                return c.Decision(None, tuple(joining("alice")))

            await store.apply(wanting(PROGRAM, joining("alice")), decide)

        with pytest.raises(asyncio.CancelledError):
            await asyncio.create_task(cancelled())
        left = await members(store)
        await write(store, *joining("bob"))
        return left, await members(store)

    assert over(url, story) == (set(), {"bob"})


def test_tasks_take_turns(url):
    """Many tasks on one counter: each is carried out once, and none gives up."""

    async def story(_, store):
        await write(store, *joining("alice"))
        await asyncio.gather(*(write(store, c.AdjustTally("alice", "visit", 1, 2)) for _ in range(30)))
        wanted = Wanted(PROGRAM, members=frozenset({"alice"}), tally_types=frozenset({"visit"}))
        tally = (await store.read(wanted)).tallies["alice", "visit"]
        return tally.count, tally.sum

    assert over(url, story) == (30, 60)


def test_the_wrong_kind_of_engine_is_refused(tmp_path):
    engine = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/a.db")
    for kind, given in (
        (AsyncSQLAlchemyStore, engine.sync_engine),
        (SQLAlchemyStore, engine),
        (SQLAlchemyStore, engine.sync_engine),
        (SQLAlchemyStore, f"sqlite+aiosqlite:///{tmp_path}/a.db"),
        (AsyncSQLAlchemyStore, f"sqlite+pysqlite:///{tmp_path}/a.db"),
    ):
        with pytest.raises(InvalidInput):
            kind(given)


def test_what_decide_raises_passes_through(url):
    async def story(_, store):
        raised = LookupError("mine")

        def decide(_):
            raise raised

        with pytest.raises(LookupError) as caught:
            await store.apply(wanting(PROGRAM, joining("alice")), decide)
        return caught.value is raised, await members(store)

    assert over(url, story) == (True, set())
