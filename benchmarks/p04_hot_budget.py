"""P4: purchases that all spend one campaign's budget, from 8 threads, against one guarded UPDATE for each.

Nothing but the budget is shared: each purchase pays two members whom no other one concerns. The floor is the least that
can be done to a budget: `UPDATE … SET spent = spent + x WHERE spent + held + x <= total`, a transaction each, and
nothing is written about what was paid, to whom and why. The budget is spent when ten purchases are left; what remains
pays nothing. Both must end exactly there, and the library with an account that adds up.

The library runs twice: each purchase in a transaction of its own, and by `engine.combiner()`, which is what to use
where many threads record on one budget.
"""

from __future__ import annotations

import sys
from contextlib import nullcontext
from statistics import median
from typing import TYPE_CHECKING

import psycopg
import server
import workload
from figure import Figure, Step
from p03_singles import recorded
from sqlalchemy import create_engine

from referral_engine.storage.sqlalchemy import SQLAlchemyStore
from referral_engine.testing import servers

if TYPE_CHECKING:
    from collections.abc import Callable

    from workload import Workload

    from referral_engine import Event, Outcome

NAME = "p04"
UNPAID = 10

_SPEND = """
UPDATE referral_spends SET spent = spent + %(paid)s
WHERE program = 'bench' AND campaign = 'spring' AND unit = 'points' AND spent + held + %(paid)s <= %(total)s
"""


def steps(repetitions: int) -> int:
    """How many times `measure` calls `step`."""
    return 1 + len(server.MODES) * repetitions * 3


def measure(given: Workload, repetitions: int, step: Step) -> list[Figure]:
    """Run the library and the floor in turn, for each mode of waiting for the disk."""
    n = max(4 * UNPAID, len(given.events) // 25)
    made, purchases = workload.make_purchases(n, UNPAID)
    figures: list[Figure] = []
    with server.server() as url, servers.fresh_database(url) as template:
        step("p04 the members before")
        recorded(made, template)
        with psycopg.connect(template) as connection:
            connection.execute("INSERT INTO referral_spends VALUES ('bench', 'spring', 'points', 0, 0)")
        for mode in server.MODES:
            ours, combined, floors = [], [], []
            for _ in range(repetitions):
                step(f"p04 library, synchronous_commit={mode}")
                with server.copied(url, template) as database:
                    ours.append(library_s(made, purchases, server.waiting(database, mode)))
                step(f"p04 library, combined, synchronous_commit={mode}")
                with server.copied(url, template) as database:
                    combined.append(library_s(made, purchases, server.waiting(database, mode), combine=True))
                step(f"p04 floor, synchronous_commit={mode}")
                with server.copied(url, template) as database:
                    floors.append(floor_s(made, n, server.waiting(database, mode)))
            work = f"{n:,} purchases on one budget, {server.CLIENTS} threads, PostgreSQL, {server.waits(url, mode)}"
            against = "one guarded UPDATE a transaction, nothing else"
            ratio, ratio_combined = (
                median(one / other for one, other in zip(runs, floors, strict=True)) for runs in (ours, combined)
            )
            figures += [
                Figure(f"p04.{mode}", work, against, ratio, most=3.0),
                Figure(f"p04.{mode}.combined", f"{work}, by a combiner", against, ratio_combined),
                Figure(f"p04.{mode}.rate", work, "wall clock", n / median(ours), "/s"),
                Figure(f"p04.{mode}.floor_rate", work, "wall clock, floor", n / median(floors), "/s"),
            ]
    return figures


def library_s(made: Workload, purchases: list[Event], url: str, *, combine: bool = False) -> float:
    """Seconds that the library takes; the budget must be spent exactly, by those who were paid."""
    database = create_engine(url.replace("postgresql://", "postgresql+psycopg://"), pool_size=server.CLIENTS)
    for connection in [database.connect() for _ in range(server.CLIENTS)]:
        connection.close()
    outcomes: list[Outcome] = []
    with SQLAlchemyStore(database) as store:
        engine = made.engine_again(store)

        with engine.combiner() if combine else nullcontext(engine) as recorder:

            def record(event: Event) -> None:
                outcomes.append(recorder.record(event))

            taken_s = server.together_s(purchases, server.CLIENTS, lambda: record)
        budget, drifts = engine.budget("spring", "points"), engine.verify()
    database.dispose()
    paid = sum(bool(outcome.grants) for outcome in outcomes)
    due = len(purchases) - UNPAID
    assert paid == due, f"{paid} purchases were paid, not {due}"
    assert budget.spent + budget.held == due * workload.PAID, f"{budget} after {due} payments of {workload.PAID}"
    assert drifts == [], drifts
    return taken_s


def floor_s(made: Workload, n: int, url: str) -> float:
    """Seconds that as many guarded updates take, each thread with a connection of its own."""
    total = made.program.campaigns[0].budget["points"]
    given = {"paid": workload.PAID, "total": total}
    connections: list[psycopg.Connection] = []

    def begin() -> Callable[[int], None]:
        connection = psycopg.connect(url, autocommit=True)
        connections.append(connection)
        cursor = connection.cursor()
        return lambda _: cursor.execute(_SPEND, given)

    try:
        taken_s = server.together_s(range(n), server.CLIENTS, begin)
        row = connections[0].execute("SELECT spent FROM referral_spends").fetchone()
    finally:
        for connection in connections:
            connection.close()
    assert row == ((n - UNPAID) * workload.PAID,), f"{row} after {n - UNPAID} payments of {workload.PAID}"
    return taken_s


if __name__ == "__main__":
    from run import main

    sys.exit(main([NAME, *sys.argv[1:]]))
