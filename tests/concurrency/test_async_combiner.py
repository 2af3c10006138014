"""The combiner for tasks: what the one for threads promises, and callers that are cancelled."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import asynccontextmanager
from contextvars import ContextVar
from itertools import chain

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.ext.asyncio import create_async_engine

from referral_engine import AsyncReferralEngine, Conflict, InvalidInput, OutcomeUnknown, Overloaded, StoreError
from referral_engine.events import Event
from referral_engine.outcomes import Outcome
from referral_engine.storage import AsyncMemoryStore
from referral_engine.storage.combining import AsyncCombiner
from referral_engine.storage.sqlalchemy import AsyncSQLAlchemyStore
from tests.concurrency.watching import DEADLINE_S, a_clock, a_program, bought
from tests.databases import DATABASES, new_url

TASKS = 64


@pytest.fixture(params=["memory", *DATABASES])
def make_store(request, tmp_path):
    if request.param == "memory":
        return AsyncMemoryStore
    url = new_url(request.param, request, tmp_path)
    return lambda: AsyncSQLAlchemyStore(url)


class Doors:
    """Looks into the transactions of a combiner: `ids` are the events of each.

    A transaction whose number has a door waits before it, until the door is opened; one with an error raises it.
    """

    def __init__(self, combiner, *numbers):
        self.ids = []
        self.errors = {}
        self._doors = {number: asyncio.Event() for number in numbers}
        self._reached = {number: asyncio.Event() for number in numbers}
        self._commit = combiner._commit
        combiner._commit = self._look

    async def _look(self, events):
        number = len(self.ids)
        self.ids.append([event.id for event in events])
        if number in self._doors:
            self._reached[number].set()
            await self._doors[number].wait()
        if number in self.errors:
            raise self.errors[number]
        return await self._commit(events)

    async def reached(self, number):
        await asyncio.wait_for(self._reached[number].wait(), DEADLINE_S)

    def open(self, number):
        self._doors[number].set()


def play(story, make_store=AsyncMemoryStore, **options):
    """Run a story with an engine, a combiner over it and the doors of its first two transactions, and close it."""

    async def run():
        async with make_store() as store:
            await store.create_schema()
            engine = AsyncReferralEngine(store, a_program(), clock=a_clock())
            combiner = engine.combiner(**options)
            try:
                answer = await asyncio.wait_for(story(engine, combiner, Doors(combiner, 0, 1)), DEADLINE_S)
            finally:
                await asyncio.wait_for(combiner.close(), DEADLINE_S)
            assert (combiner._line.led, len(combiner._line)) == (False, 0)
            return answer

    return asyncio.run(run())


@asynccontextmanager
async def held(combiner, doors, *events):
    """Begin the first transaction, let the other events queue behind it, and open the first door at the end."""
    first = asyncio.create_task(combiner.record(bought("first")))
    await doors.reached(0)
    waiting = [asyncio.create_task(combiner.record(event)) for event in events]
    await asyncio.sleep(0)
    assert len(combiner._line) == len(events)
    yield first, waiting
    doors.open(0)
    doors.open(1)


async def answers(*tasks):
    """The outcomes of tasks, or what they raised."""
    return await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), DEADLINE_S)


# As for threads


def test_many_tasks_share_transactions_and_each_gets_its_own_outcome(make_store):
    async def story(engine, combiner, doors):
        events = [bought(f"e-{n}", f"m{n % 10}") for n in range(TASKS)]
        async with held(combiner, doors, *events) as (first, waiting):
            pass
        outcomes = await answers(first, *waiting)
        assert [outcome.event_id for outcome in outcomes] == ["first", *(event.id for event in events)]
        assert {("accepted", 1)} == {(outcome.status, len(outcome.grants)) for outcome in outcomes}
        assert [len(ids) for ids in doors.ids] == [1, TASKS]
        assert (await engine.budget("spring", "points")).spent == 100 * (TASKS + 1)
        assert await engine.verify() == []

    play(story, make_store)


def test_tasks_that_come_together_share_the_first_transaction_too(make_store):
    async def story(engine, combiner, doors):
        doors.open(0)
        doors.open(1)
        each = [[f"e-{place}-{n}" for n in range(5)] for place in range(20)]

        async def work(names):
            return [(await combiner.record(bought(name))).event_id for name in names]

        assert await asyncio.gather(*map(work, each)) == each
        assert len(doors.ids[0]) == 20
        assert Counter(chain(*doors.ids)) == Counter(chain(*each))
        assert await engine.verify() == []

    play(story, make_store)


def test_duplicates_and_rejected_events_in_one_batch(make_store):
    async def story(engine, combiner, doors):
        given = [
            *[bought("same", "alice")] * 3,
            bought("same", "alice", amount=2600),
            bought("back", "bob", type="refund", of="nowhere"),
            bought("good"),
        ]
        async with held(combiner, doors, *given) as (_, waiting):
            unread = await combiner.record({"id": "unread"})
        told = [(one.status, [reason.code for reason in one.reasons]) for one in await answers(*waiting)]
        assert told == [
            ("accepted", []),
            ("duplicate", []),
            ("duplicate", []),
            ("rejected", ["idempotency_conflict"]),
            ("rejected", ["unknown_event"]),
            ("accepted", []),
        ]
        assert (unread.status, unread.reasons[0].code, len(doors.ids)) == ("rejected", "invalid_event", 2)
        assert (await engine.balance("alice")).available == 100

    play(story, make_store)


def test_who_came_first_goes_first_in_batches_of_the_size_that_was_asked_for():
    async def story(_, combiner, doors):
        names = [f"e-{n}" for n in range(5)]
        async with held(combiner, doors, *map(bought, names)) as (_, waiting):
            pass
        assert [outcome.event_id for outcome in await answers(*waiting)] == names
        assert doors.ids == [["first"], ["e-0", "e-1"], ["e-2", "e-3"], ["e-4"]]

    play(story, batch_max=2)


def test_a_batch_that_fails_goes_through_in_halves_and_an_unknown_outcome_is_told_to_all():
    async def story(_, combiner, doors):
        doors.errors = {1: Conflict("busy"), 2: OutcomeUnknown("cut"), 3: StoreError("full"), 4: StoreError("full")}
        async with held(combiner, doors, *(bought(f"e-{n}") for n in range(8))) as (_, waiting):
            pass
        told = [type(one) for one in await answers(*waiting)]
        assert told == [OutcomeUnknown] * 4 + [Outcome] * 4
        assert [len(ids) for ids in doors.ids] == [1, 8, 4, 4, 2, 2, 1, 1]

    play(story)


def test_more_than_may_wait_are_refused():
    async def story(_, combiner, doors):
        async with held(combiner, doors, bought("e-0"), bought("e-1")) as (_, waiting):
            with pytest.raises(Overloaded) as refused:
                await combiner.record(bought("e-2"))
        assert refused.value.waiting_max == 2
        assert [outcome.status for outcome in await answers(*waiting)] == ["accepted"] * 2
        assert (await combiner.record(bought("e-2"))).status == "accepted"

    play(story, waiting_max=2)


def test_closing_waits_for_those_who_came_and_refuses_those_who_come():
    async def story(_, combiner, doors):
        async with held(combiner, doors, bought("e-0"), bought("e-1")) as (first, waiting):
            given_up = asyncio.create_task(combiner.close())
            closing = asyncio.create_task(combiner.close())
            await asyncio.sleep(0)
            given_up.cancel()
            assert isinstance((await answers(given_up))[0], asyncio.CancelledError)
            for late in (bought("late"), {}):
                with pytest.raises(InvalidInput, match="is closed; open another one"):
                    await combiner.record(late)
            assert not closing.done()
        await asyncio.wait_for(closing, DEADLINE_S)
        assert [task.result().status for task in (first, *waiting)] == ["accepted"] * 3
        await combiner.close()

    play(story)


# Cancelled


def test_who_is_cancelled_while_it_waits_takes_its_event_back(make_store):
    async def story(engine, combiner, doors):
        async with held(combiner, doors, *(bought(f"e-{n}") for n in range(3))) as (first, waiting):
            waiting[1].cancel()
        told = await answers(first, *waiting)
        assert [type(one) for one in told] == [Outcome, Outcome, asyncio.CancelledError, Outcome]
        assert doors.ids == [["first"], ["e-0", "e-2"]]
        assert (await engine.record(bought("e-1"))).status == "accepted"

    play(story, make_store)


def test_an_event_whose_transaction_has_begun_is_recorded_though_its_caller_is_cancelled(make_store):
    """Whoever came first is cancelled, and one of the next batch: nobody else notices."""

    async def story(engine, combiner, doors):
        async with held(combiner, doors, *(bought(f"e-{n}") for n in range(3))) as (first, waiting):
            first.cancel()
            doors.open(0)
            await doors.reached(1)
            waiting[1].cancel()
        told = await answers(first, *waiting)
        assert [type(one) for one in told] == [asyncio.CancelledError, Outcome, asyncio.CancelledError, Outcome]
        again = [await engine.record(bought(name)) for name in ("first", "e-0", "e-1", "e-2")]
        assert [outcome.status for outcome in again] == ["duplicate"] * 4
        assert await engine.verify() == []

    play(story, make_store)


def test_when_all_are_cancelled_before_anything_began_nothing_is_recorded():
    async def story(_, combiner, doors):
        tasks = [asyncio.create_task(combiner.record(bought(f"e-{n}"))) for n in range(3)]
        for task in tasks:
            task.cancel()
        await answers(*tasks)
        doors.open(0)
        assert (await combiner.record(bought("e-0"))).status == "accepted"
        assert doors.ids == [["e-0"]]

    play(story)


def test_a_time_limit_of_one_caller_is_nobody_elses():
    async def story(_, combiner, doors):
        async with held(combiner, doors, bought("e-0"), bought("e-1")) as (_, waiting):
            with pytest.raises(TimeoutError):
                await asyncio.wait_for(combiner.record(bought("hasty")), 0)
        assert [outcome.status for outcome in await answers(*waiting)] == ["accepted"] * 2
        assert doors.ids == [["first"], ["e-0", "e-1"]]

    play(story)


def test_when_the_carrying_task_is_cancelled_another_carries_on():
    async def story(_, combiner, doors):
        async with held(combiner, doors, bought("e-0"), bought("e-1")) as (first, waiting):
            combiner._carrier.cancel()
            assert [type(one) for one in await answers(first)] == [OutcomeUnknown]
        assert [outcome.status for outcome in await answers(*waiting)] == ["accepted"] * 2
        assert doors.ids == [["first"], ["e-0", "e-1"]]

    play(story)


def test_the_end_of_the_loop_leaves_nothing_behind(recwarn):
    """What is under way when the program ends is cancelled, as tasks are, and nothing is started anew."""
    left = []

    async def run():
        engine = AsyncReferralEngine(AsyncMemoryStore(), a_program(), clock=a_clock())
        combiner = engine.combiner()
        doors = Doors(combiner, 0)
        tasks = [asyncio.create_task(combiner.record(bought(f"e-{n}"))) for n in range(3)]
        await doors.reached(0)
        tasks += [asyncio.create_task(combiner.record(bought(f"f-{n}"))) for n in range(3)]
        await asyncio.sleep(0)
        left.extend([combiner, doors, *tasks])

    asyncio.run(run())

    combiner, doors, *tasks = left
    assert [task.cancelled() for task in tasks] == [True] * 6
    assert combiner._carrier.cancelled()
    assert (len(combiner._line), doors.ids, list(recwarn)) == (0, [["e-0", "e-1", "e-2"]], [])


def test_when_the_program_is_told_to_exit_in_a_transaction_it_exits():
    async def story(_, combiner, doors):
        doors.errors = {0: SystemExit(3)}
        doors.open(0)
        await combiner.record(bought("e"))

    with pytest.raises(SystemExit) as stopped:
        play(story)
    assert stopped.value.code == 3


# Where it belongs


def test_a_combiner_belongs_to_one_event_loop():
    engine = AsyncReferralEngine(AsyncMemoryStore(), a_program(), clock=a_clock())
    combiner = engine.combiner()

    assert asyncio.run(combiner.record(bought("e"))).status == "accepted"
    with pytest.raises(InvalidInput, match="another event loop"):
        asyncio.run(combiner.record(bought("f")))
    with pytest.raises(InvalidInput, match="another event loop"):
        asyncio.run(combiner.close())


def test_a_transaction_runs_in_no_callers_context():
    """A transaction of many belongs to none: the first one's request, or trace, is not everybody's."""
    request, seen = ContextVar("request", default="none"), []

    async def story(_, combiner, doors):
        commit = doors._commit

        async def look(events):
            seen.append(request.get())
            return await commit(events)

        doors._commit = look
        doors.open(0)
        request.set("one")
        await combiner.record(bought("e"))

    play(story)
    assert seen == ["none"]


def test_an_engine_inside_a_hosts_transaction_has_no_combiner(tmp_path):
    async def run():
        database = create_async_engine(f"sqlite+aiosqlite:///{tmp_path}/acme.db")
        store = AsyncSQLAlchemyStore(database)
        engine = AsyncReferralEngine(store, a_program())
        async with database.connect() as connection:
            for bound in (engine.bind(connection), AsyncReferralEngine(store.bind(connection), a_program())):
                with pytest.raises(InvalidInput, match="open the combiner on the engine that was bound"):
                    bound.combiner()
        await database.dispose()

    asyncio.run(run())


# Any history


async def turns(n):
    """Let others go on, `n` times."""
    for _ in range(n):
        await asyncio.sleep(0)


class History:
    """Callers over a store that takes its time: what was taken, and what each event's caller was told."""

    def __init__(self, pauses):
        self._pauses = iter(pauses)
        self._at_work = 0
        self.taken = []
        self.told = {}

    async def commit(self, events):
        assert self._at_work == 0, "two transactions at a time"
        self._at_work += 1
        try:
            await turns(next(self._pauses, 0))
            self.taken += [event.id for event in events]
            await turns(next(self._pauses, 0))
        finally:
            self._at_work -= 1
        return [Outcome(event.id, "accepted", None, (), (), (), "r") for event in events]

    async def call(self, combiner, place, after, n):
        await turns(after)
        for number in range(n):
            name = f"{place}-{number}"
            self.told[name] = "cancelled"
            try:
                self.told[name] = (await combiner.record(Event(id=name, type="visit", member="m"))).event_id
            except OutcomeUnknown:
                self.told[name] = "unknown"

    async def run(self, callers, stops, batch_max):
        combiner = AsyncCombiner(lambda event: event, self.commit, batch_max=batch_max, waiting_max=100)
        calls = [asyncio.create_task(self.call(combiner, place, *one[:2])) for place, one in enumerate(callers)]
        ends = [cancel(lambda place=place: calls[place], one[2]) for place, one in enumerate(callers) if one[2]]
        ends += [cancel(lambda: combiner._carrier, after) for after in stops]
        await asyncio.wait_for(asyncio.gather(*calls, *ends, return_exceptions=True), DEADLINE_S)
        await asyncio.wait_for(combiner.close(), DEADLINE_S)
        assert (combiner._line.led, len(combiner._line), self._at_work) == (False, 0, 0)


async def cancel(who, after):
    await turns(after)
    if (task := who()) is not None:
        task.cancel()


@settings(max_examples=200, deadline=None)
@given(
    callers=st.lists(st.tuples(st.integers(0, 4), st.integers(1, 4), st.none() | st.integers(1, 9)), max_size=8),
    pauses=st.lists(st.integers(0, 3), max_size=20),
    stops=st.lists(st.integers(0, 12), max_size=2),
    batch_max=st.integers(1, 4),
)
def test_any_history_of_calls_and_cancellations(callers, pauses, stops, batch_max):
    """Callers come after some turns of the loop, with some events each; some are cancelled, and so is the carrier."""
    history = History(pauses)

    asyncio.run(history.run(callers, stops, batch_max))

    times = {name: history.taken.count(name) for name in history.told}
    answered = {name for name, told in history.told.items() if told == name}
    assert {name: times[name] for name in answered} == dict.fromkeys(answered, 1)
    assert max(times.values(), default=0) <= 1
    assert set(history.taken) <= set(times)
    if not stops:
        assert "unknown" not in history.told.values()
        left_alone = [place for place, one in enumerate(callers) if one[2] is None]
        assert {f"{place}-{n}" for place in left_alone for n in range(callers[place][1])} <= answered
