"""The same scenario over every store, once by the engine that blocks and once by the one that is awaited."""

from __future__ import annotations

import asyncio
import inspect
from datetime import UTC, datetime, timedelta

import pytest

from referral_engine import (
    AsyncReferralEngine,
    Board,
    Campaign,
    Event,
    Limit,
    Program,
    ReferralEngine,
    Reward,
    Rule,
    Unit,
    field,
)
from referral_engine.storage import AsyncMemoryStore, MemoryStore
from referral_engine.storage.sqlalchemy import AsyncSQLAlchemyStore, SQLAlchemyStore
from referral_engine.testing import FakeClock
from tests.databases import DATABASES, new_url

START = datetime(2026, 3, 2, tzinfo=UTC)
PROGRAM = Program(
    "acme",
    {"points": Unit()},
    [
        Campaign(
            "spring",
            datetime(2026, 3, 1, tzinfo=UTC),
            datetime(2026, 6, 1, tzinfo=UTC),
            [
                Rule(
                    id="first-order",
                    on="purchase",
                    where=(field("event.amount") >= 2000) & (field("referee.count.purchase") == 1),
                    give=[Reward("referrer", "points", 500, hold=timedelta(days=14)), Reward("referee", "points", 200)],
                    limits=[Limit(times=10, per="referrer", within="month")],
                )
            ],
            budget={"points": 1500},
            boards=[Board("inviters", "referrals.qualified", "month"), Board("ever", "granted.points", "lifetime")],
        )
    ],
    timezone="Asia/Shanghai",
)


async def scenario(engine, clock):
    """Walk through all that an engine does, and tell what it answered; each answer may have to be awaited."""
    told = []

    async def ask(answer):
        said = await answer if inspect.isawaitable(answer) else answer
        told.append(said)
        return said

    async def known(answer):
        return await answer if inspect.isawaitable(answer) else answer

    await ask(engine.join("alice", roles=["seed"]))
    code = await known(engine.invite_code("alice", campaign="spring"))
    events = [Event(id=f"s-{n}", type="signup", member=f"friend-{n}", code=code.text, at=START) for n in range(3)]
    signups = await known(engine.record_many([*events, {"id": "bad id", "type": "signup", "member": "x"}]))
    told.append([(one.status, one.referral is not None, [r.code for r in one.reasons]) for one in signups])
    for n in range(3):
        await ask(engine.preview(Event(id=f"p-{n}", type="purchase", member=f"friend-{n}", amount=3000, at=START)))
        await ask(engine.record(Event(id=f"p-{n}", type="purchase", member=f"friend-{n}", amount=3000, at=START)))
    await ask(engine.record(Event(id="p-0", type="purchase", member="friend-0", amount=3000, at=START)))
    await ask(engine.record(Event(id="r-0", type="refund", member="friend-0", of="p-0", amount=1000)))
    clock.advance(timedelta(days=14))
    await ask(engine.release_due())
    await ask(engine.redeem("friend-1", 150, key="coffee"))
    await ask(engine.redeem("friend-1", 150, key="coffee"))
    await ask(engine.record(Event(id="r-1", type="refund", member="friend-1", of="p-1")))
    told.append((await known(engine.explain("p-2"))).text())
    for member in ("alice", "friend-0", "friend-1", "friend-2", "stranger"):
        await ask(engine.balance(member))
        told.append(
            [(line.kind, line.available, line.held, line.debt) for line in await known(engine.statement(member))]
        )
    referrals = await known(engine.referrals("alice"))
    told.append([(one.referee, one.state, one.campaign) for one in referrals])
    await ask(engine.budget("spring", "points"))
    for board in (await known(engine.board("inviters")), await known(engine.board("ever"))):
        await ask(board.top())
        await ask(board.rank("alice"))
        await ask(board.around("friend-2", 2))
        await ask(board.count())
    messages = await known(engine.messages())
    told.append([(one.type, one.at) for one in messages])
    await ask(engine.acknowledge(messages[2].cursor))
    told.append(len(await known(engine.messages())) - len(messages))
    await ask(engine.verify())
    return told


def blocking(store):
    """Drive the scenario with an engine that blocks; nothing in it waits."""
    with store:
        store.create_schema()
        clock = FakeClock(START)
        return asyncio.run(scenario(ReferralEngine(store, PROGRAM, clock=clock), clock))


def awaited(store):
    async def run():
        async with store:
            await store.create_schema()
            clock = FakeClock(START)
            return await scenario(AsyncReferralEngine(store, PROGRAM, clock=clock), clock)

    return asyncio.run(run())


@pytest.fixture(scope="module")
def expected():
    told = blocking(MemoryStore())
    assert told[-1] == []
    return told


@pytest.mark.parametrize("where", ["memory", *DATABASES])
def test_the_blocking_engine_tells_the_same_over_every_store(where, expected, tmp_path, request):
    store = MemoryStore() if where == "memory" else SQLAlchemyStore(new_url(where, request, tmp_path))
    assert blocking(store) == expected


@pytest.mark.parametrize("where", ["memory", *DATABASES])
def test_the_awaited_engine_tells_the_same_over_every_store(where, expected, tmp_path, request):
    store = AsyncMemoryStore() if where == "memory" else AsyncSQLAlchemyStore(new_url(where, request, tmp_path))
    assert awaited(store) == expected
