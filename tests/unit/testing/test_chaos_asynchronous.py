"""AsyncChaosStore does the same to awaitable stores, call by call, and tasks that send again lose nothing."""

from __future__ import annotations

import asyncio

import pytest

from referral_engine import AsyncReferralEngine, Conflict, Event, InvalidInput, OutcomeUnknown, StoreError
from referral_engine.storage import AsyncMemoryStore, MemoryStore
from referral_engine.storage.sqlalchemy import AsyncSQLAlchemyStore
from referral_engine.testing import STORM, AsyncChaosStore, ChaosStore, Faults, Injected
from referral_engine.testing.conformance._spring import HandClock, an_engine, spring
from tests.unit.testing.test_chaos_store import NAMES, READING, joined

FAILURES = (Conflict, OutcomeUnknown, StoreError)
BUDGET = 70 * 30 + 69


def async_engine(chaos):
    clock = an_engine(MemoryStore()).clock
    return AsyncReferralEngine(chaos, spring("acme", budget=BUDGET), clock=HandClock(clock.now()))


def test_the_same_seed_brings_the_same_faults_as_to_a_blocking_store():
    chaos = AsyncChaosStore(AsyncMemoryStore(), seed=11)
    engine = async_engine(chaos)

    async def run():
        came = []
        for name in NAMES:
            try:
                came.append((await engine.join(name)).id)
            except FAILURES as exc:
                came.append(exc.code)
        return came

    blocking = ChaosStore(MemoryStore(), seed=11)
    assert asyncio.run(run()) == joined(blocking, NAMES)
    assert chaos.log == blocking.log != ()
    assert repr(chaos) == f"Async{blocking!r}"


@pytest.mark.parametrize("method", READING)
def test_a_reading_call_fails_or_is_answered(method):
    async def run():
        chaos = AsyncChaosStore(AsyncMemoryStore(), seed=7, faults=Faults(failed_read=1))
        with pytest.raises(StoreError, match=f"seed 7 at {method} 1: failed_read"):
            await READING[method](chaos)
        chaos.calm()
        assert await READING[method](chaos) == READING[method](MemoryStore())
        return chaos.log

    assert asyncio.run(run()) == (Injected(method, 1, "failed_read"),)


def test_a_delay_is_awaited():
    waited = []

    async def wait(seconds):
        await asyncio.sleep(0)
        waited.append(seconds)

    async def run():
        async with AsyncChaosStore(AsyncMemoryStore(), seed=7, faults=Faults(delay=1), wait=wait) as chaos:
            await chaos.create_schema()
            await async_engine(chaos).join("alice")
            await chaos.messages("acme", None, 10)
        return chaos.log

    assert asyncio.run(run()) == (Injected("apply", 1, "delay"), Injected("messages", 1, "delay"))
    assert len(waited) == 2


def test_it_wraps_an_awaitable_store():
    with pytest.raises(InvalidInput, match="use ReferralEngine"):
        AsyncChaosStore(MemoryStore(), seed=1)


def test_a_bound_store_is_the_hosts(tmp_path):
    async def run():
        store = AsyncSQLAlchemyStore(f"sqlite:///{tmp_path / 'acme.db'}")
        async with AsyncChaosStore(store, seed=1, faults=Faults(cut_after_commit=1)) as chaos:
            await chaos.create_schema()
            async with store._engine.connect() as connection:
                bound = async_engine(chaos).bind(connection)
                assert (await bound.join("alice")).id == "alice"
                await connection.rollback()
            assert (await async_engine(chaos).member("alice"), chaos.log) == (None, ())
            chaos.storm(Faults(conflict=1))
            async with store._engine.connect() as connection:
                with pytest.raises(Conflict) as caught:
                    await async_engine(chaos).bind(connection).join("alice")
        return caught.value.host_must_retry

    assert asyncio.run(run())


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_tasks_that_send_until_they_are_answered_lose_nothing_and_are_paid_once(tmp_path, kind, seed):
    """Sixteen tasks, two for each event; a budget that pays for thirty of eighty."""
    events = [Event(id=f"c-{n}", type="checkin", member=f"m{n // 2}") for n in range(80)]

    async def persistently(engine, event):
        while True:
            try:
                return await engine.record(event)
            except FAILURES:
                continue

    async def send(engine, mine):
        return [await persistently(engine, event) for event in mine]

    async def run():
        url = f"sqlite:///{tmp_path / 'acme.db'}"
        store = AsyncMemoryStore() if kind == "memory" else AsyncSQLAlchemyStore(url)
        async with AsyncChaosStore(store, seed=seed, faults=STORM, wait=lambda _: asyncio.sleep(0)) as chaos:
            await chaos.create_schema()
            engine = async_engine(chaos)
            shares = [events[n % 8 :: 8] for n in range(16)]
            told = [one for group in await asyncio.gather(*(send(engine, mine) for mine in shares)) for one in group]
            chaos.calm()
            assert {one.fault for one in chaos.log} >= {"cut_after_commit", "stale_facts", "reordering"}
            paid = {one.event_id for one in told if one.grants}
            assert (len(told), len(paid), len({(one.event_id, one.grants) for one in told})) == (160, 30, 80)
            assert sum(one.status == "accepted" for one in told) <= 80
            assert (await engine.budget("spring", "points")).spent == 70 * 30
            assert await engine.verify() == []
            balances = [(await engine.balance(f"m{n}")).available for n in range(40)]
        assert balances == [70 * sum(f"c-{2 * n + k}" in paid for k in (0, 1)) for n in range(40)]

    asyncio.run(run())
