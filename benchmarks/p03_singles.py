"""P3: one event a transaction on PostgreSQL, from 8 threads, against SQL written by hand for the same rows.

Library and floor begin from copies of one database, in which the workload has been recorded. What follows is as mixed,
every event by itself; all threads share one process, as the threads of a server do. `by_hand` says what the floor does.
It sends its statements one after the other, as programs mostly do, and in a second run all together, as few do; the
quicker of the two in each repetition counts.

The round trips of an event are counted on the wire, for each kind of event; the figure is the most that any takes.
"""

from __future__ import annotations

import sys
from collections import defaultdict
from statistics import mean, median
from typing import TYPE_CHECKING, Any

import by_hand
import psycopg
import server
import workload
from figure import Figure, Step
from round_trips import counted
from sqlalchemy import create_engine

from referral_engine.storage import MemoryStore
from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.testing import servers

if TYPE_CHECKING:
    from collections.abc import Callable

    from by_hand import Statement
    from workload import Workload

    from referral_engine import Event
    from referral_engine.changes import Decision
    from referral_engine.facts import Facts, Wanted

NAME = "p03"
SENDERS = {"one_by_one": by_hand.send, "together": by_hand.send_together}
WARM = 8
"""Events of each kind before round trips are counted: psycopg prepares a statement at its fifth use."""


def steps(repetitions: int) -> int:
    """How many times `measure` calls `step`."""
    return 2 + len(server.MODES) * repetitions * (1 + len(SENDERS))


def measure(given: Workload, repetitions: int, step: Step) -> list[Figure]:
    """Run the library and the floors in turn, for each mode of waiting for the disk, then count round trips."""
    before, singles = sizes(len(given.events))
    made, events = workload.make_with_singles(before, singles)
    floor = statements(made, events)
    figures: list[Figure] = []
    with server.server() as url, servers.fresh_database(url) as template:
        step("p03 the events before")
        recorded(made, template)
        for mode in server.MODES:
            ours: list[float] = []
            floors: dict[str, list[float]] = {name: [] for name in SENDERS}
            for _ in range(repetitions):
                step(f"p03 library, synchronous_commit={mode}")
                with server.copied(url, template) as database:
                    ours.append(library_s(made, events, server.waiting(database, mode)))
                for name, send in SENDERS.items():
                    step(f"p03 by hand, {name}, synchronous_commit={mode}")
                    with server.copied(url, template) as database:
                        floors[name].append(floor_s(floor, server.waiting(database, mode), send))
            work = f"{singles:,} events, each a transaction, {server.CLIENTS} threads, PostgreSQL, "
            figures += _figures(mode, work + server.waits(url, mode), singles, ours, floors)
        step("p03 round trips")
        with server.copied(url, template) as database:
            trips = round_trips(made, events, database)
    most, average = max(trips.values()), mean(trips[event.type] for event in events)
    kinds = ", ".join(f"{kind} {count:g}" for kind, count in sorted(trips.items()))
    work = f"round trips of one event ({kinds})"
    figures.append(Figure("p03.round_trips", work, "the goal, for the kind that takes the most", most, "", most=8))
    figures.append(Figure("p03.round_trips.mean", work, "mean of the mixed events", average, ""))
    return figures


def _figures(mode: str, work: str, n: int, ours: list[float], floors: dict[str, list[float]]) -> list[Figure]:
    best = [min(taken) for taken in zip(*floors.values(), strict=True)]
    ratio = median(one / other for one, other in zip(ours, best, strict=True))
    against = "hand-written SQL, the same rows, guards and locks; statements one by one or together, the quicker"
    return [
        Figure(f"p03.{mode}", work, against, ratio, most=2.0),
        Figure(f"p03.{mode}.rate", work, "wall clock", n / median(ours), "/s"),
        *(
            Figure(f"p03.{mode}.{name}_rate", work, "wall clock, floor", n / median(taken), "/s")
            for name, taken in floors.items()
        ),
    ]


def sizes(events: int) -> tuple[int, int]:
    """How many events are recorded before, and how many singly: 100,000 events take too long one by one."""
    return max(100, events // 5), max(8 * server.CLIENTS, events // 25)


def recorded(made: Workload, url: str) -> None:
    """Record the workload, and leave the database as one that has been in use."""
    with SQLAlchemyStore(url) as store:
        made.engine(store).record_many(made.events)
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")


def library_s(made: Workload, events: list[Event], url: str) -> float:
    """Seconds that the library takes to record events one by one from several threads."""
    database = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), pool_size=server.CLIENTS)
    for connection in [database.connect() for _ in range(server.CLIENTS)]:
        connection.close()
    with SQLAlchemyStore(database) as store:
        engine = made.engine_again(store)
        taken_s = server.together_s(events, server.CLIENTS, lambda: engine.record)
    database.dispose()
    return taken_s


def floor_s(
    floor: list[list[Statement]], url: str, send: Callable[[psycopg.Connection[Any], list[Statement]], None]
) -> float:
    """Seconds that psycopg takes for the same, each thread with a connection of its own."""
    connections: list[psycopg.Connection[Any]] = []

    def begin() -> Callable[[list[Statement]], None]:
        connection = psycopg.connect(url, autocommit=True)
        connections.append(connection)
        return lambda statements: send(connection, statements)

    try:
        return server.together_s(floor, server.CLIENTS, begin)
    finally:
        for connection in connections:
            connection.close()


class _Watched(MemoryStore):
    """A store that keeps the decisions it carries out."""

    def __init__(self) -> None:
        super().__init__()
        self.decisions: list[Decision[Any]] = []

    def apply(self, wanted: Wanted, decide: Callable[[Facts], Decision[Any]]) -> Decision[Any]:
        """As MemoryStore.apply."""
        decision = super().apply(wanted, decide)
        self.decisions.append(decision)
        return decision


def statements(made: Workload, events: list[Event]) -> list[list[Statement]]:
    """What is written by hand for each event, as a run in memory decides it."""
    store = _Watched()
    engine = made.engine(store)
    engine.record_many(made.events)
    store.decisions.clear()
    for event in events:
        engine.record(event)
    return [by_hand.written_by_hand(made.program.id, decision) for decision in store.decisions]


def round_trips(made: Workload, events: list[Event], url: str) -> dict[str, float]:
    """Count the round trips of an event of each kind on a connection that knows its statements."""
    kinds: dict[str, list[Event]] = defaultdict(list)
    for event in events:
        kinds[event.type].append(event)
    trips = {}
    with counted(url) as (through, wire), SQLAlchemyStore(through) as store:
        engine = made.engine_again(store)
        for kind, found in kinds.items():
            warm, rest = found[:WARM], found[WARM : 2 * WARM]
            for event in warm:
                engine.record(event)
            start = wire.trips
            for event in rest:
                engine.record(event)
            trips[kind] = (wire.trips - start) / len(rest)
    return trips


if __name__ == "__main__":
    from run import main

    sys.exit(main([NAME, *sys.argv[1:]]))
