"""The combiner for threads: everybody its own outcome, few transactions, and nobody left waiting."""

from __future__ import annotations

import threading
from collections import Counter
from concurrent.futures import Future
from contextlib import contextmanager
from itertools import chain
from threading import Event as Flag
from threading import Thread

import pytest
from sqlalchemy import create_engine

from referral_engine import (
    AsyncReferralEngine,
    Conflict,
    InvalidInput,
    OutcomeUnknown,
    Overloaded,
    ReferralEngine,
    StoreError,
)
from referral_engine.storage import AsyncMemoryStore, MemoryStore
from referral_engine.storage.combining import blocking
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.testing.conformance.races import together
from tests.concurrency.watching import DEADLINE_S, Arrivals, Transactions, a_clock, a_program, bought
from tests.databases import DATABASES, new_url

THREADS = 64


@pytest.fixture(params=["memory", *DATABASES])
def store(request, tmp_path):
    if request.param == "memory":
        yield MemoryStore()
        return
    with SQLAlchemyStore(new_url(request.param, request, tmp_path)) as store:
        store.create_schema()
        yield store


def engine_over(store, **program):
    return ReferralEngine(store, a_program(**program), clock=a_clock())


@contextmanager
def opened(engine, **options):
    """A combiner, a look at its transactions and at its line; closed at the end, which must not take for ever."""
    combiner = engine.combiner(**options)
    try:
        yield combiner, Transactions(combiner), Arrivals(combiner)
    finally:
        started(combiner.close).result(DEADLINE_S)


def started(call, *arguments):
    """Call something in a thread of its own, which does not keep the tests from ending; answers a future."""
    future = Future()

    def run():
        try:
            future.set_result(call(*arguments))
        except BaseException as exc:  # noqa: BLE001 - handed on to the test's own thread
            future.set_exception(exc)

    Thread(target=run, daemon=True).start()
    return future


class Door:
    """Holds the first transaction until it is opened; the others go through."""

    def __init__(self, transactions):
        self._open = Flag()
        self.reached = Flag()
        transactions.before = self

    def __call__(self, ids):
        if not self.reached.is_set():
            self.reached.set()
            assert self._open.wait(DEADLINE_S)

    def open(self):
        self._open.set()


@contextmanager
def held(combiner, transactions, arrivals, *events, first="first"):
    """Begin a transaction of one event, let the others queue behind it in their order, and open the door at the end.

    Yields the future of the first and those of the others.
    """
    door = Door(transactions)
    leading = started(combiner.record, bought(first))
    assert door.reached.wait(DEADLINE_S)
    waiting = []
    for event in events:
        waiting.append(started(combiner.record, event))
        arrivals.wait_for(len(waiting))
    try:
        yield leading, waiting
    finally:
        door.open()


def answer(future):
    """The outcome of a call in another thread, or what it raised."""
    error = future.exception(DEADLINE_S)
    return future.result() if error is None else error


# Everybody gets its own


def test_many_threads_share_transactions_and_each_gets_its_own_outcome(store):
    """Each round is one event of every thread. The first transaction is held until all others wait: two a round."""
    engine, rounds = engine_over(store), 3
    with opened(engine) as (combiner, transactions, arrivals):

        def hold(ids):
            if sum(transactions.sizes) % THREADS == len(ids):
                arrivals.wait_for(THREADS - len(ids))

        transactions.before = hold
        for turn in range(rounds):
            outcomes = together(lambda place, turn=turn: combiner.record(bought(f"e-{turn}-{place}")), THREADS)
            assert [outcome.event_id for outcome in outcomes] == [f"e-{turn}-{place}" for place in range(THREADS)]
            assert {("accepted", 1)} == {(outcome.status, len(outcome.grants)) for outcome in outcomes}

    assert (sum(transactions.sizes), len(transactions.sizes) <= 2 * rounds) == (THREADS * rounds, True)
    assert engine.budget("spring", "points").spent == 100 * THREADS * rounds
    assert engine.verify() == []


def test_threads_that_go_on_as_fast_as_they_can_record_each_event_once(store):
    """Nothing is held: leaders, followers and those who come in between meet as they may."""
    engine, each = engine_over(store), 12
    with opened(engine) as (combiner, transactions, _):

        def work(place):
            return [combiner.record(bought(f"e-{place}-{n}", f"m{place % 10}")) for n in range(each)]

        outcomes = together(work, THREADS)

    expected = [[f"e-{place}-{n}" for n in range(each)] for place in range(THREADS)]
    assert [[outcome.event_id for outcome in own] for own in outcomes] == expected
    assert Counter(chain(*transactions.ids)) == Counter(chain(*expected))
    assert engine.budget("spring", "points").spent == 100 * each * THREADS
    assert sum(engine.balance(f"m{n}").available for n in range(10)) == 100 * each * THREADS
    assert engine.verify() == []


def test_a_budget_is_drained_to_the_last_point(store):
    """Two combiners, as in two processes, draw on one budget that is not enough for all."""
    engine = engine_over(store, budget=100 * 150 + 99)
    with engine.combiner() as one, engine_over(store, budget=100 * 150 + 99).combiner() as other:

        def work(place):
            return [(one, other)[place % 2].record(bought(f"e-{place}-{n}")) for n in range(4)]

        outcomes = list(chain(*together(work, THREADS)))

    paid = Counter(len(outcome.grants) for outcome in outcomes)
    assert paid == {1: 150, 0: 4 * THREADS - 150}
    budget = engine.budget("spring", "points")
    assert (budget.spent, budget.remaining) == (100 * 150, 99)
    assert engine.verify() == []


def test_the_same_event_from_everywhere_in_one_batch_is_accepted_once(store):
    engine, same = engine_over(store), bought("same", "alice")
    with opened(engine) as (combiner, transactions, arrivals):
        with held(combiner, transactions, arrivals, *[same] * 20) as (_, waiting):
            pass
        outcomes = [answer(future) for future in waiting]

    assert transactions.sizes == [1, 20]
    assert Counter(outcome.status for outcome in outcomes) == {"accepted": 1, "duplicate": 19}
    assert len({outcome.grants for outcome in outcomes}) == 1
    assert engine.balance("alice").available == 100


def test_a_rejected_event_is_rejected_alone(store):
    engine = engine_over(store)
    given = [
        bought("good"),
        bought("again", "alice"),
        bought("again", "alice", amount=2600),
        bought("back", "bob", type="refund", of="nowhere"),
        bought("also-good"),
    ]
    with opened(engine) as (combiner, transactions, arrivals):
        with held(combiner, transactions, arrivals, *given) as (_, waiting):
            pass
        outcomes = [answer(future) for future in waiting]

    assert transactions.sizes == [1, 5]
    told = [(outcome.event_id, outcome.status, [reason.code for reason in outcome.reasons]) for outcome in outcomes]
    assert told == [
        ("good", "accepted", []),
        ("again", "accepted", []),
        ("again", "rejected", ["idempotency_conflict"]),
        ("back", "rejected", ["unknown_event"]),
        ("also-good", "accepted", []),
    ]


def test_what_is_no_event_is_rejected_without_a_transaction():
    engine = engine_over(MemoryStore())
    with opened(engine) as (combiner, transactions, _):
        outcomes = [combiner.record(given) for given in ({"id": "e", "type": "purchase"}, {}, None, 7)]
        taken = combiner.record({"id": "e", "type": "purchase", "member": "bob", "amount": 2500})

    assert [(one.event_id, one.status, one.reasons[0].code) for one in outcomes] == [
        ("e", "rejected", "invalid_event"),
        *[(None, "rejected", "invalid_event")] * 3,
    ]
    assert (taken.status, transactions.ids) == ("accepted", [("e",)])


def test_a_lone_caller_waits_for_nobody_and_no_thread_is_started():
    engine, before = engine_over(MemoryStore()), threading.enumerate()
    with opened(engine) as (combiner, transactions, _):
        outcomes = [combiner.record(bought(f"e-{n}")) for n in range(3)]
        assert threading.enumerate() == before

    assert transactions.ids == [("e-0",), ("e-1",), ("e-2",)]
    assert outcomes == engine_over(MemoryStore()).record_many([bought(f"e-{n}") for n in range(3)])


# In which order


def test_who_came_first_goes_first_in_batches_of_the_size_that_was_asked_for():
    engine = engine_over(MemoryStore())
    with opened(engine, batch_max=2) as (combiner, transactions, arrivals):
        names = [f"e-{n}" for n in range(5)]
        with held(combiner, transactions, arrivals, *map(bought, names)) as (_, waiting):
            pass
        assert [answer(future).event_id for future in waiting] == names

    assert transactions.ids == [("first",), ("e-0", "e-1"), ("e-2", "e-3"), ("e-4",)]


def test_the_events_of_one_thread_are_recorded_in_the_order_of_its_calls(store):
    """Each thread refunds what it bought before; a refund that came first would be refused."""
    engine = engine_over(store)
    with engine.combiner() as combiner:

        def work(place):
            outcomes = []
            for n in range(4):
                outcomes.append(combiner.record(bought(f"e-{place}-{n}", f"m{place}")))
                refund = {"type": "refund", "of": f"e-{place}-{n}", "amount": 1000}
                outcomes.append(combiner.record(bought(f"r-{place}-{n}", f"m{place}", **refund)))
            return outcomes

        outcomes = list(chain(*together(work, 16)))

    assert {("accepted", ())} == {(outcome.status, outcome.reasons) for outcome in outcomes}
    assert engine.verify() == []


# What goes wrong


def failing(error, *, on=(), first=0):
    """Raise in the place of a transaction that holds one of the events, or of the first ones."""
    made = []

    def before(ids):
        made.append(ids)
        if len(made) <= first or set(ids) & set(on):
            raise error(f"refused {len(made)}")

    return before


def test_an_event_that_the_store_cannot_take_fails_alone(store):
    engine, names = engine_over(store), [f"e-{n}" for n in range(15)]
    with opened(engine) as (combiner, transactions, arrivals):
        with held(combiner, transactions, arrivals, *map(bought, names)) as (_, waiting):
            transactions.before = failing(StoreError, on=["e-6"])
        answers = [answer(future) for future in waiting]

    assert [type(one) for one in answers if isinstance(one, Exception)] == [StoreError]
    assert isinstance(answers[6], StoreError)
    others = [one for one in answers if one is not answers[6]]
    assert {("accepted", 1)} == {(outcome.status, len(outcome.grants)) for outcome in others}
    assert engine.record(bought("e-6")).status == "accepted"
    assert engine.verify() == []


def test_a_batch_that_meets_conflicts_goes_through_in_halves():
    engine, names = engine_over(MemoryStore()), [f"e-{n}" for n in range(8)]
    with opened(engine) as (combiner, transactions, arrivals):
        with held(combiner, transactions, arrivals, *map(bought, names)) as (_, waiting):
            transactions.before = failing(Conflict, first=1)
        outcomes = [answer(future) for future in waiting]

    assert [outcome.status for outcome in outcomes] == ["accepted"] * 8
    assert transactions.sizes == [1, 8, 4, 4]


def test_when_the_store_is_down_all_are_told_soon_and_may_send_again():
    engine, names = engine_over(MemoryStore()), [f"e-{n}" for n in range(30)]
    with opened(engine) as (combiner, transactions, arrivals):
        with held(combiner, transactions, arrivals, *map(bought, names)) as (_, waiting):
            transactions.before = failing(StoreError, on=names)
        errors = [answer(future) for future in waiting]
        transactions.before = lambda _: None
        again = [combiner.record(bought(name)).status for name in names]

    assert [type(error) for error in errors] == [StoreError] * 30
    assert len({id(error) for error in errors}) == 30
    assert transactions.sizes[:6] == [1, 30, 15, 15, 7, 8]
    assert again == ["accepted"] * 30


def test_an_unknown_outcome_is_told_to_all_of_the_transaction_and_sending_again_is_safe(store):
    engine, names = engine_over(store), [f"e-{n}" for n in range(6)]
    with opened(engine) as (combiner, transactions, arrivals):
        committing = combiner._commit

        def lose_the_answer(events):
            outcomes = committing(events)
            if len(events) > 1:
                raise OutcomeUnknown("cut")
            return outcomes

        combiner._commit = lose_the_answer
        with held(combiner, transactions, arrivals, *map(bought, names)) as (first, waiting):
            pass
        errors = [answer(future) for future in waiting]
        again = [combiner.record(bought(name)).status for name in names]

    assert answer(first).status == "accepted"
    assert [type(error) for error in errors] == [OutcomeUnknown] * 6
    assert (transactions.sizes[:2], again) == ([1, 6], ["duplicate"] * 6)
    assert engine.budget("spring", "points").spent == 700


def test_the_error_of_a_lone_event_is_the_very_one_that_its_transaction_raised():
    engine, cause = engine_over(MemoryStore()), StoreError("full")
    with opened(engine) as (combiner, transactions, _):

        def fail(_):
            raise cause

        transactions.before = fail
        with pytest.raises(StoreError) as raised:
            combiner.record(bought("e"))
        transactions.before = lambda _: None
        assert (raised.value, combiner.record(bought("e")).status) == (cause, "accepted")


@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_when_the_leader_is_interrupted_nobody_is_left_waiting(stop):
    """It is raised in the leader; those of its batch are told that nobody knows; those behind go on."""
    engine, names = engine_over(MemoryStore()), [f"e-{n}" for n in range(4)]
    with opened(engine, batch_max=3) as (combiner, transactions, arrivals):
        with held(combiner, transactions, arrivals, *map(bought, names)) as (first, waiting):
            transactions.before = failing(stop, on=["e-1"])
        answers = [answer(future) for future in waiting]
        assert combiner.record(bought("later")).status == "accepted"

    assert answer(first).status == "accepted"
    assert [type(one) for one in answers[:3]] == [stop, OutcomeUnknown, OutcomeUnknown]
    assert stop.__name__ in str(answers[1])
    assert answers[3].status == "accepted"


class Gate:
    """The gate of a caller who is interrupted there: while it still waits, or when it has just been let through."""

    def __init__(self, gate, *, after):
        self._gate, self._after, self.interrupt = gate, after, Flag()

    def acquire(self):
        assert self._gate.acquire(timeout=DEADLINE_S) if self._after else self.interrupt.wait(DEADLINE_S)
        raise KeyboardInterrupt


@pytest.mark.parametrize("after", [False, True], ids=["while it waits", "when it is to lead"])
def test_a_caller_that_is_interrupted_while_it_waits_takes_its_event_back(monkeypatch, after):
    engine, gates = engine_over(MemoryStore()), []

    class Interrupted(blocking._Caller):
        __slots__ = ()

        def __init__(self, event):
            super().__init__(event)
            if event.id == "e-0":
                self.gate = Gate(self.gate, after=after)
                gates.append(self.gate)

    monkeypatch.setattr(blocking, "_Caller", Interrupted)
    with opened(engine) as (combiner, transactions, arrivals):
        names = [f"e-{n}" for n in range(3)]
        with held(combiner, transactions, arrivals, *map(bought, names)) as (first, waiting):
            if not after:
                gates[0].interrupt.set()
                assert isinstance(answer(waiting[0]), KeyboardInterrupt)
        answers = [answer(future) for future in (first, *waiting)]

    assert isinstance(answers.pop(1), KeyboardInterrupt)
    assert [outcome.event_id for outcome in answers] == ["first", "e-1", "e-2"]
    assert transactions.ids == [("first",), ("e-1", "e-2")]
    assert engine.record(bought("e-0")).status == "accepted"


# Limits and the end


def test_more_than_may_wait_are_refused_and_nothing_of_them_is_written():
    engine = engine_over(MemoryStore())
    with opened(engine, waiting_max=2) as (combiner, transactions, arrivals):
        with (
            held(combiner, transactions, arrivals, bought("e-0"), bought("e-1")) as (_, waiting),
            pytest.raises(Overloaded, match="send the event again later") as refused,
        ):
            combiner.record(bought("e-2"))
        assert [answer(future).status for future in waiting] == ["accepted", "accepted"]
        assert combiner.record(bought("e-2")).status == "accepted"

    assert refused.value.waiting_max == 2
    assert transactions.ids == [("first",), ("e-0", "e-1"), ("e-2",)]


def test_closing_waits_for_those_who_came_and_refuses_those_who_come():
    engine = engine_over(MemoryStore())
    combiner, closing = engine.combiner(), Flag()
    transactions, arrivals = Transactions(combiner), Arrivals(combiner)
    rest = combiner._resting.wait_for
    combiner._resting.wait_for = lambda idle: (closing.set(), rest(idle))
    with held(combiner, transactions, arrivals, bought("e-0"), bought("e-1")) as (first, waiting):
        closed = started(combiner.close)
        assert closing.wait(DEADLINE_S)
        for late in (bought("late"), {}):
            with pytest.raises(InvalidInput, match="is closed; open another one"):
                combiner.record(late)
        assert not closed.done()
    closed.result(DEADLINE_S)

    assert [answer(future).status for future in (first, *waiting)] == ["accepted"] * 3
    assert transactions.ids == [("first",), ("e-0", "e-1")]
    combiner.close()
    with pytest.raises(InvalidInput, match="is closed"), combiner as again:
        again.record(bought("late"))


def test_the_end_of_a_block_closes_also_when_an_error_ends_it():
    engine = engine_over(MemoryStore())
    with pytest.raises(LookupError), engine.combiner() as combiner:
        raise LookupError
    with pytest.raises(InvalidInput, match="is closed"):
        combiner.record(bought("e"))


@pytest.mark.parametrize(
    "options",
    [
        {"batch_max": 0},
        {"batch_max": 1_001},
        {"batch_max": True},
        {"batch_max": "10"},
        {"waiting_max": 0},
        {"waiting_max": 1_000_001},
        {"waiting_max": None},
    ],
)
@pytest.mark.parametrize(
    ("engine", "store"), [(ReferralEngine, MemoryStore), (AsyncReferralEngine, AsyncMemoryStore)], ids=["", "async"]
)
def test_limits_out_of_range_are_refused(engine, store, options):
    (name,) = options
    with pytest.raises(InvalidInput) as refused:
        engine(store(), a_program()).combiner(**options)
    assert refused.value.name == name


def test_an_engine_inside_a_hosts_transaction_has_no_combiner(tmp_path):
    """Neither one that was bound nor one that was built over a bound store."""
    database = create_engine(f"sqlite:///{tmp_path}/acme.db")
    engine = engine_over(SQLAlchemyStore(database))
    with database.connect() as connection:
        for bound in (engine.bind(connection), engine_over(engine.store.bind(connection))):
            with pytest.raises(InvalidInput, match="open the combiner on the engine that was bound"):
                bound.combiner()
    database.dispose()
