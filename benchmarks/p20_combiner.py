"""P20: 64 threads that record single events on one campaign budget through a combiner, on PostgreSQL and SQLite.

The floor is the same threads and events with one transaction an event, by `engine.record`; on PostgreSQL each thread
has a connection of its own in the pool. Combiner and floor run in turn, each on a new database with the same members in
it, and each pair gives one ratio of rates, and one of how long calls take: the combiner's 99th percentile over the
floor's median. The threads begin together once each of them has recorded a few events, so that connections are open
and statements prepared.

The most that a combiner can reach is what one thread reaches that has all events at hand and gives them to
`record_many` in batches of 64; how near it comes is given beside.

How much a shared transaction saves depends on what a commit costs. So PostgreSQL runs with fsync, unless the
environment names a server, which runs as it does; SQLite runs with synchronous=FULL; and beside each stands the time of
the least transaction there is, an UPDATE of one row.
"""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from threading import Barrier, Thread
from time import perf_counter
from typing import TYPE_CHECKING, Any

from figure import Figure, Step, only_new_objects
from sqlalchemy import create_engine
from workload import SEED

from referral_engine import Campaign, Event, Program, ReferralEngine, Reward, Rule, Unit
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.testing import servers

if TYPE_CHECKING:
    from collections.abc import Iterator

    from workload import Workload

NAME = "p20"
THREADS = 64
EACH_MAX = 40
"""Events of a thread at full size."""

_WARM = 3
_MEMBERS = 1_000
_COMMITS = 200
_PATIENCE_S = 300.0

_PROGRAM = Program(
    id="bench",
    units={"points": Unit()},
    campaigns=[
        Campaign(
            id="spring",
            budget={"points": 10**12},
            rules=[
                Rule(
                    id="cashback",
                    on="purchase",
                    where="event.amount >= 2000",
                    give=[Reward(to="member", unit="points", amount=100)],
                )
            ],
        )
    ],
)


@dataclass(frozen=True, slots=True)
class Database:
    """A kind of database: how it is named, how a store over a new one is opened, and a plain connection to one."""

    name: str
    settings: str
    store: Callable[[], AbstractContextManager[SQLAlchemyStore]]
    connection: Callable[[], AbstractContextManager[Any]]


@dataclass(frozen=True, slots=True)
class Run:
    """How fast the threads were: events a second, and the median and the 99th percentile of a call, in seconds."""

    rate: float
    p50_s: float
    p99_s: float


def steps(repetitions: int) -> int:
    """How many times `measure` calls `step`."""
    return 2 * 3 * repetitions


def measure(workload: Workload, repetitions: int, step: Step) -> list[Figure]:
    """Measure on PostgreSQL, where there is one, and on SQLite."""
    each = max(2, min(EACH_MAX, len(workload.events) // (10 * THREADS)))
    figures: list[Figure] = []
    try:
        with servers.postgres(fsync="on", synchronous_commit="on", full_page_writes="on") as server:
            figures += _measured(_postgres(server), each, repetitions, step)
    except servers.ServerUnavailable as exc:
        print(f"p20 leaves PostgreSQL out: {exc}", file=sys.stderr)
    return figures + _measured(_sqlite(), each, repetitions, step)


def _measured(database: Database, each: int, repetitions: int, step: Step) -> list[Figure]:
    ours, floors, batches = [], [], []
    for _ in range(repetitions):
        step(f"p20 combiner, {database.name}")
        with database.store() as store:
            ours.append(_run(store, each, combined=True))
        step(f"p20 floor, {database.name}")
        with database.store() as store:
            floors.append(_run(store, each, combined=False))
        step(f"p20 batches, {database.name}")
        with database.store() as store:
            batches.append(_batches_rate(store, each))
    pairs = list(zip(ours, floors, strict=True))
    ratio = median(one.rate / floor.rate for one, floor in pairs)
    reached = median(one.rate / most for one, most in zip(ours, batches, strict=True))
    tail = median(one.p99_s / floor.p50_s for one, floor in pairs)
    name = f"p20.{database.name}"
    work = f"{THREADS} threads, {THREADS * each:,} single events on one budget, {database.settings}"
    rate, floor_rate = median(one.rate for one in ours), median(one.rate for one in floors)
    commit_us = _commit_s(database) * 1e6
    return [
        Figure(name, work, "one transaction an event", ratio, least=8),
        Figure(f"{name}.p99", "99th percentile of a call, the same", "median of the floor's calls", tail, most=1),
        Figure(f"{name}.batches", work, f"`record_many` of {THREADS} events at a time, one thread", reached),
        Figure(f"{name}.rate", work, "wall clock", rate, "/s"),
        Figure(f"{name}.floor_rate", work, "wall clock, floor", floor_rate, "/s"),
        Figure(f"{name}.commit", f"UPDATE of one row, {database.settings}", "wall clock", commit_us, "µs"),
    ]


def _run(store: SQLAlchemyStore, each: int, *, combined: bool) -> Run:
    """Let the threads record, each its own events, and take the time of each call."""
    engine, lots = _prepared(store, each)
    taken_s: list[float] = []
    ready = Barrier(THREADS + 1, timeout=_PATIENCE_S)
    with engine.combiner() if combined else nullcontext(engine) as recorder:

        def work(events: list[Event]) -> None:
            for event in events[:_WARM]:
                recorder.record(event)
            ready.wait()
            for event in events[_WARM:]:
                begun = perf_counter()
                outcome = recorder.record(event)
                taken_s.append(perf_counter() - begun)
                assert (outcome.event_id, len(outcome.grants)) == (event.id, 1), outcome

        threads = [Thread(target=work, args=(lot,)) for lot in lots]
        for thread in threads:
            thread.start()
        with only_new_objects():
            ready.wait()
            start = perf_counter()
            for thread in threads:
                thread.join()
            whole_s = perf_counter() - start
    assert len(taken_s) == THREADS * each, "a thread failed"
    assert engine.budget("spring", "points").spent == 100 * THREADS * (_WARM + each), "paid too much or too little"
    taken_s.sort()
    return Run(len(taken_s) / whole_s, median(taken_s), taken_s[len(taken_s) * 99 // 100])


def _batches_rate(store: SQLAlchemyStore, each: int) -> float:
    """Events a second of one thread that records the same events in batches, one of each thread in every batch."""
    engine, lots = _prepared(store, each)
    batches = [list(batch) for batch in zip(*lots, strict=True)]
    for batch in batches[:_WARM]:
        engine.record_many(batch)
    with only_new_objects():
        start = perf_counter()
        for batch in batches[_WARM:]:
            engine.record_many(batch)
        return THREADS * each / (perf_counter() - start)


def _prepared(store: SQLAlchemyStore, each: int) -> tuple[ReferralEngine, list[list[Event]]]:
    """Make an engine over a new database with members in it, and the events of each thread."""
    store.create_schema()
    engine, draw = ReferralEngine(store, _PROGRAM), Random(SEED)
    engine.record_many(Event(id=f"s-{n}", type="signup", member=f"m{n}") for n in range(_MEMBERS))
    return engine, [[_purchase(draw, f"e-{place}-{n}") for n in range(_WARM + each)] for place in range(THREADS)]


def _purchase(draw: Random, event_id: str) -> Event:
    return Event(id=event_id, type="purchase", member=f"m{draw.randrange(_MEMBERS)}", amount=draw.randint(2000, 20_000))


def _commit_s(database: Database) -> float:
    """Seconds of the least transaction that changes something, the median of many."""
    with database.connection() as connection:
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE bench_one (n INTEGER)")
        cursor.execute("INSERT INTO bench_one VALUES (0)")
        connection.commit()
        marks = [perf_counter()]
        for _ in range(_COMMITS):
            cursor.execute("UPDATE bench_one SET n = n + 1")
            connection.commit()
            marks.append(perf_counter())
    return median(end - start for start, end in pairwise(marks))


def _sqlite() -> Database:
    @contextmanager
    def store() -> Iterator[SQLAlchemyStore]:
        with TemporaryDirectory() as folder, SQLAlchemyStore(f"sqlite:///{folder}/bench.db") as store:
            yield store

    @contextmanager
    def connection() -> Iterator[Any]:
        with TemporaryDirectory() as folder, closing(sqlite3.connect(Path(folder, "one.db"))) as connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute("PRAGMA synchronous = FULL")
            yield connection

    return Database("sqlite", "SQLite file, WAL, synchronous=FULL", store, connection)


def _postgres(server: str) -> Database:
    import psycopg

    @contextmanager
    def store() -> Iterator[SQLAlchemyStore]:
        with servers.fresh_database(server) as url:
            pool = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), pool_size=THREADS)
            try:
                yield SQLAlchemyStore(pool)
            finally:
                pool.dispose()

    @contextmanager
    def connection() -> Iterator[Any]:
        with servers.fresh_database(server) as url, psycopg.connect(url) as connection:
            yield connection

    with psycopg.connect(servers.database_url(server)) as asked:
        values = [asked.execute(f"SHOW {name}").fetchone() for name in ("fsync", "synchronous_commit")]
    fsync, waits = [value[0] for value in values if value]
    return Database("postgres", f"PostgreSQL, fsync={fsync}, synchronous_commit={waits}", store, connection)


if __name__ == "__main__":
    from run import main

    sys.exit(main([NAME, *sys.argv[1:]]))
