"""Callers come in another order than they were sent, and nobody waits for ever."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from threading import Event as Flag
from threading import Thread
from time import sleep

import pytest

from referral_engine.errors import StoreError
from referral_engine.storage import AsyncMemoryStore, MemoryStore
from referral_engine.testing import AsyncChaosStore, ChaosStore, Faults, Injected
from referral_engine.testing.chaos import gate as gates
from referral_engine.testing.chaos.gate import TaskGate, ThreadGate
from referral_engine.testing.chaos.store import drive
from referral_engine.testing.conformance._persistence import through
from referral_engine.testing.conformance._spring import an_engine
from referral_engine.testing.conformance.races import together
from referral_engine.testing.conformance.samples import PROGRAM, Desk, joining, saying, wanting

PATIENCE_S = 30.0


class Crowd:
    """Threads that go through one gate; each says when it is in, and stays until it is let go."""

    def __init__(self, gate):
        self.gate, self.order, self.overtaken = gate, [], {}
        self.inside, self.leave, self.threads = {}, {}, {}

    def send(self, name, behind=0):
        """Send one to the gate, and go on when it is in or is held back there."""
        self.inside[name], self.leave[name] = Flag(), Flag()
        self.threads[name] = Thread(target=self._pass, args=(name, behind), daemon=True)
        self.threads[name].start()
        if behind:
            while not self.gate._moved._waiters and not self.inside[name].is_set():
                sleep(0)
        else:
            assert self.inside[name].wait(PATIENCE_S)

    def _pass(self, name, behind):
        drive(self._passed(name, behind))

    async def _passed(self, name, behind):
        with self.gate.visiting():
            self.overtaken[name] = await self.gate.enter(behind)
            self.order.append(name)
            self.inside[name].set()
            assert self.leave[name].wait(PATIENCE_S)

    def let_go(self, *names):
        for name in names:
            self.leave[name].set()
        for name in names:
            self.threads[name].join(PATIENCE_S)
            assert not self.threads[name].is_alive()


@pytest.fixture
def crowd(monkeypatch):
    """A crowd at a gate that holds back for as long as it takes."""
    monkeypatch.setattr(gates, "HELD_MAX_S", PATIENCE_S)
    return Crowd(ThreadGate())


def test_who_is_held_back_comes_after_those_who_came_later(crowd):
    crowd.send("first")
    crowd.send("held", behind=2)
    crowd.send("third")
    assert crowd.order == ["first", "third"]
    crowd.send("fourth")
    assert crowd.inside["held"].wait(PATIENCE_S)
    assert (crowd.order, crowd.overtaken["held"]) == (["first", "third", "fourth", "held"], 2)
    crowd.let_go("first", "held", "third", "fourth")


def test_who_is_held_back_goes_in_when_nobody_else_is_there(crowd):
    crowd.send("first")
    crowd.send("held", behind=4)
    crowd.let_go("first")
    assert crowd.inside["held"].wait(PATIENCE_S)
    assert (crowd.order, crowd.overtaken["held"]) == (["first", "held"], 0)
    crowd.let_go("held")


def test_two_who_are_held_back_do_not_wait_for_each_other(crowd):
    crowd.send("first")
    crowd.send("held", behind=4)
    crowd.leave["first"].set()
    crowd.send("held too", behind=4)
    crowd.let_go("first", "held", "held too")
    assert sorted(crowd.order) == ["first", "held", "held too"]


def test_who_is_alone_goes_in_at_once(crowd):
    crowd.send("alone", behind=4)
    assert crowd.inside["alone"].wait(PATIENCE_S)
    assert crowd.overtaken == {"alone": 0}
    crowd.let_go("alone")


def test_who_is_held_back_by_one_that_stays_goes_in_in_the_end(monkeypatch):
    """As when the one inside waits for a lock that the other one holds."""
    monkeypatch.setattr(gates, "HELD_MAX_S", 0.01)
    crowd = Crowd(ThreadGate())
    crowd.send("stays")
    crowd.send("held", behind=4)
    assert crowd.inside["held"].wait(PATIENCE_S)
    crowd.let_go("held", "stays")


def test_an_error_inside_lets_the_next_one_in():
    gate = ThreadGate()

    async def failing():
        with gate.visiting():
            await gate.enter(0)
            raise StoreError("down")

    async def next_one():
        with gate.visiting():
            return await gate.enter(4)

    with pytest.raises(StoreError):
        drive(failing())
    assert drive(next_one()) == 0


class Slow(MemoryStore):
    """Lets the first decision wait until it is told to go on."""

    def __init__(self):
        super().__init__()
        self.begun, self.go_on = Flag(), Flag()

    def apply(self, wanted, decide):
        if not self.begun.is_set():
            self.begun.set()
            assert self.go_on.wait(PATIENCE_S)
        return super().apply(wanted, decide)


def test_a_write_that_came_earlier_is_carried_out_later(monkeypatch):
    """The third overtakes the second, which is held back while the first is on its way; and the log says so."""
    monkeypatch.setattr(gates, "HELD_MAX_S", PATIENCE_S)
    store = Slow()
    chaos = ChaosStore(store, seed=1)
    chaos.calm()
    writes = [Thread(target=Desk(chaos).write, args=(saying(name),), daemon=True) for name in ("1", "2", "3")]
    writes[0].start()
    assert store.begun.wait(PATIENCE_S)
    chaos.storm(Faults(reordering=1))
    writes[1].start()
    while not chaos._storm.gate._moved._waiters:
        sleep(0)
    chaos.calm()
    writes[2].start()
    writes[2].join(PATIENCE_S)
    store.go_on.set()
    for write in writes:
        write.join(PATIENCE_S)
    said = Desk(store).said()
    assert said.index("3") < said.index("2")
    assert chaos.log == (Injected("apply", 1, "reordering"),)


def test_threads_are_let_in_in_another_order_and_all_come_through():
    chaos = ChaosStore(MemoryStore(), seed=3, faults=Faults(reordering=0.5, failure=0.1))
    engine = an_engine(chaos)
    together(lambda place: [through(engine.join, f"m{place}-{n}") for n in range(20)])
    chaos.calm()
    names = [f"m{place}-{n}" for place in range(8) for n in range(20)]
    assert Desk(chaos).read(members=names).members.keys() == set(names)


# The same for tasks


async def passed(gate, order, name, behind, *, leave=None, arrived=None):
    with gate.visiting():
        order.append((name, await gate.enter(behind)))
        if arrived is not None:
            arrived.set()
        if leave is not None:
            await leave.wait()


async def settled():
    """Let every other task go as far as it can."""
    for _ in range(10):
        await asyncio.sleep(0)


def test_a_task_that_is_held_back_comes_after_those_who_came_later(monkeypatch):
    monkeypatch.setattr(gates, "HELD_MAX_S", PATIENCE_S)

    async def run():
        gate, order, leave = TaskGate(), [], asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(passed(gate, order, "first", 0, leave=leave))
            await settled()
            group.create_task(passed(gate, order, "held", 2))
            await settled()
            group.create_task(passed(gate, order, "third", 0, leave=leave))
            await settled()
            assert order == [("first", 0), ("third", 0)]
            group.create_task(passed(gate, order, "fourth", 0, leave=leave))
            await settled()
            leave.set()
        return order

    assert asyncio.run(run()) == [("first", 0), ("third", 0), ("fourth", 0), ("held", 2)]


def test_tasks_that_are_all_held_back_come_through(monkeypatch):
    monkeypatch.setattr(gates, "HELD_MAX_S", PATIENCE_S)

    async def run():
        gate, order = TaskGate(), []
        async with asyncio.TaskGroup() as group:
            for n in range(8):
                group.create_task(passed(gate, order, n, 4))
        return sorted(name for name, _ in order)

    assert asyncio.run(run()) == list(range(8))


def test_a_task_that_is_held_back_by_one_that_stays_goes_in_in_the_end(monkeypatch):
    monkeypatch.setattr(gates, "HELD_MAX_S", 0.01)

    async def run():
        gate, order, leave, arrived = TaskGate(), [], asyncio.Event(), asyncio.Event()
        async with asyncio.TaskGroup() as group:
            group.create_task(passed(gate, order, "stays", 0, leave=leave))
            await settled()
            group.create_task(passed(gate, order, "held", 4, arrived=arrived))
            await arrived.wait()
            leave.set()
        return order

    assert asyncio.run(run()) == [("stays", 0), ("held", 0)]


def test_a_task_that_is_cancelled_while_it_is_held_back_holds_up_nobody(monkeypatch):
    monkeypatch.setattr(gates, "HELD_MAX_S", PATIENCE_S)

    async def run():
        gate, order, leave = TaskGate(), [], asyncio.Event()
        first = asyncio.create_task(passed(gate, order, "first", 0, leave=leave))
        await settled()
        held = asyncio.create_task(passed(gate, order, "held", 4))
        await settled()
        held.cancel()
        with suppress(asyncio.CancelledError):
            await held
        first.cancel()
        with suppress(asyncio.CancelledError):
            await first
        await passed(gate, order, "last", 4)
        return order

    assert asyncio.run(run()) == [("first", 0), ("last", 0)]


def test_a_write_of_a_task_is_held_back_behind_others(monkeypatch):
    monkeypatch.setattr(gates, "HELD_MAX_S", PATIENCE_S)

    async def run():
        store = AsyncMemoryStore()
        chaos = AsyncChaosStore(store, seed=2, faults=Faults(reordering=0.5))
        changes = [joining(f"m{n}") for n in range(20)]
        decisions = [Desk(MemoryStore()).decision(*one, saying(f"{n}")) for n, one in enumerate(changes)]
        async with asyncio.TaskGroup() as group:
            for decision in decisions:
                wanted = wanting(PROGRAM, decision.changes)
                group.create_task(chaos.apply(wanted, lambda _, decision=decision: decision))
        return [int(message.type) for message in await store.messages(PROGRAM, None, 100)], chaos.log

    said, log = asyncio.run(run())
    assert sorted(said) == list(range(20)) != said
    assert {one.fault for one in log} == {"reordering"}
