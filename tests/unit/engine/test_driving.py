"""One code path: the driver and the guards of the two engines."""

import asyncio

import pytest

from referral_engine import AsyncReferralEngine, InvalidInput, Program, ReferralEngine, Unit
from referral_engine.engine.driving import Dressed, drive
from referral_engine.facts import Wanted
from referral_engine.storage import AsyncMemoryStore, MemoryStore

PROGRAM = Program("acme", {"points": Unit()}, [])


async def answer():
    return 42


async def wait():
    await asyncio.sleep(0)


def test_a_coroutine_that_never_waits_is_run_to_its_end():
    assert drive(answer()) == 42


def test_it_works_inside_a_running_event_loop():
    async def within():
        return drive(answer())

    assert asyncio.run(within()) == 42


def test_a_coroutine_that_waits_is_refused():
    with pytest.raises(InvalidInput, match="AsyncReferralEngine"):
        drive(wait())


def test_what_a_coroutine_raises_comes_through():
    async def fail():
        raise KeyError("x")

    with pytest.raises(KeyError):
        drive(fail())


@pytest.mark.parametrize("store", [AsyncMemoryStore(), None, object(), "sqlite:///x.db"])
def test_the_blocking_engine_refuses_any_other_kind_of_store(store):
    with pytest.raises(InvalidInput, match="store"):
        ReferralEngine(store, PROGRAM)


@pytest.mark.parametrize("store", [MemoryStore(), None, object(), "sqlite:///x.db"])
def test_the_awaiting_engine_refuses_any_other_kind_of_store(store):
    with pytest.raises(InvalidInput, match="store"):
        AsyncReferralEngine(store, PROGRAM)


def test_a_dressed_store_refuses_an_awaitable_answer():
    class Disguised(MemoryStore):
        def read(self, wanted):
            return answer()

    with pytest.raises(InvalidInput, match="await"):
        drive(Dressed(Disguised()).read(Wanted(program="acme")))


def test_a_clock_that_tells_a_naive_time_is_refused():
    from datetime import datetime

    class Naive:
        def now(self):
            return datetime(2026, 3, 1)  # noqa: DTZ001 - naive on purpose

    with pytest.raises(InvalidInput, match="naive"):
        ReferralEngine(MemoryStore(), PROGRAM, clock=Naive()).join("alice")
