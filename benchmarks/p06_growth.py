"""P6: whether recording slows down as the database grows: a hundred times the members, the same events.

Two databases hold members as if each had signed up, all but the first been referred, and made one purchase that paid
both ends: rows in every table, written straight into them. Then batches of 1,000 mixed events of members drawn from all
are recorded in one and the other, in turn; each pair gives one ratio. On SQLite and on PostgreSQL, whose statistics are
up to date, as autovacuum keeps them.
"""

from __future__ import annotations

import sys
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from pathlib import Path
from random import Random
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING

import psycopg
import server
import stored
import workload
from figure import Figure, Step, only_new_objects
from sqlalchemy import create_engine, event

from referral_engine import BATCH_MAX, Event
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.testing import servers

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

    from workload import Workload

    from referral_engine import ReferralEngine

NAME = "p06"
GROWTH = 100
"""How many times as large the larger database is."""

BATCHES = 8
"""Pairs of batches for each repetition."""

_SEED = 7


def steps(repetitions: int) -> int:
    """How many times `measure` calls `step`."""
    return 2 * (2 + repetitions)


def measure(given: Workload, repetitions: int, step: Step) -> list[Figure]:
    """Fill two databases of each kind, and record in turn."""
    few = max(100, len(given.events) // 10)
    figures = []
    for name, opened in (("sqlite", _sqlite), ("postgres", _postgres)):
        with opened() as fresh, ExitStack() as stores:
            engines = []
            for members in (few, few * GROWTH):
                step(f"p06 {name}, {members:,} members")
                engines.append(workload_engine(stores.enter_context(fresh(members))))
            ratios, rates = [], []
            for repetition in range(repetitions):
                step(f"p06 {name}, recording")
                for place in range(BATCHES):
                    tag = f"{repetition}-{place}"
                    small_s = batch_s(engines[0], few, tag)
                    large_s = batch_s(engines[1], few * GROWTH, tag)
                    ratios.append(large_s / small_s)
                    rates.append(BATCH_MAX / large_s)
        work = f"record batches of 1,000 mixed events with {few * GROWTH:,} members stored, {name}"
        figures.append(Figure(f"p06.{name}", work, f"with {few:,} members stored", median(ratios), most=1.3))
        figures.append(Figure(f"p06.{name}.rate", work, "wall clock", median(rates), "/s"))
    return figures


def workload_engine(store: SQLAlchemyStore) -> ReferralEngine:
    """The engine of the workload's program over a store that is filled."""
    return workload.Workload(workload.make_program(), {}, []).engine_again(store)


def batch_s(engine: ReferralEngine, members: int, tag: str) -> float:
    """Seconds to record one batch of members drawn from all; every event must be accepted."""
    events = list(_events(members, tag))
    with only_new_objects():
        start = perf_counter()
        outcomes = engine.record_many(events)
        taken_s = perf_counter() - start
    assert {one.status for one in outcomes} == {"accepted"}
    return taken_s


def _events(members: int, tag: str) -> Iterator[Event]:
    """A batch as mixed as the workload is."""
    draw = Random(f"{_SEED} {members} {tag}")
    at = workload.ENDS - timedelta(seconds=1)
    for place in range(BATCH_MAX):
        kind = draw.choices(list(workload.SHARES), list(workload.SHARES.values()))[0]
        one, event_id = stored.member(draw.randrange(1, members)), f"new-{tag}-{place}"
        if kind == "signup":
            yield Event(id=event_id, type=kind, member=f"newcomer-{tag}-{place}", at=at, referrer=one)
        elif kind == "checkin":
            yield Event(id=event_id, type=kind, member=one, at=at)
        else:
            yield Event(id=event_id, type=kind, member=one, at=at, amount=5000)


@contextmanager
def _sqlite() -> Iterator[Callable[[int], SQLAlchemyStore]]:
    """Yield what makes a store over a file with that many members."""
    with TemporaryDirectory() as name:

        def fresh(members: int) -> SQLAlchemyStore:
            path = Path(name, f"{members}.db")
            database = create_engine(f"sqlite:///{path}")
            event.listen(database, "connect", _unsafely)
            stored.fill(database, members, path.with_suffix(".pattern"))
            database.dispose()
            return SQLAlchemyStore(f"sqlite:///{path}")

        yield fresh


def _unsafely(connection: sqlite3.Connection, _: object) -> None:
    """Fill a file fast: it is new, and its cache large."""
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute("PRAGMA synchronous=OFF")
    connection.execute("PRAGMA cache_size=-500000")


@contextmanager
def _postgres() -> Iterator[Callable[[int], SQLAlchemyStore]]:
    """Yield what makes a store over a database with that many members."""
    with server.server() as url, ExitStack() as databases, TemporaryDirectory() as name:

        def fresh(members: int) -> SQLAlchemyStore:
            made = databases.enter_context(servers.fresh_database(url))
            database = create_engine(made.replace("postgresql://", "postgresql+psycopg://"))
            stored.fill(database, members, Path(name, f"{members}.pattern"))
            database.dispose()
            with psycopg.connect(made, autocommit=True) as connection:
                connection.execute("VACUUM ANALYZE")
                connection.execute("CHECKPOINT")
            return SQLAlchemyStore(made)

        yield fresh


if __name__ == "__main__":
    from run import main

    sys.exit(main([NAME, *sys.argv[1:]]))
