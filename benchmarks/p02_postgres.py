"""P2: the workload on PostgreSQL, in batches of 1,000, against the same rows written by psycopg alone.

The floor is that of P1 on another database: the rows that a finished run leaves, each once and as it was in the end,
in the transactions in which the run first wrote them, into the library's own tables with their indexes and constraints.
It writes them in three ways, COPY, `executemany` and INSERT from arrays, and the quickest of each repetition counts.

Library and floor run in turn, each in a database of its own, with commits that wait for the disk and without.
"""

from __future__ import annotations

import sys
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

import psycopg
import server
from figure import Figure, Step, only_new_objects
from p01_sqlite import final_rows
from psycopg import sql

from referral_engine.storage.sqlalchemy import SQLAlchemyStore, define_tables
from referral_engine.testing import servers

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from p01_sqlite import Batch
    from workload import Workload

NAME = "p02"

Rows = list[tuple[Any, ...]]

_TABLES = {table.name for table in define_tables().all()}
"""Those that events fill; the table that records the schema's revision is filled when the floor makes its schema."""


def steps(repetitions: int) -> int:
    """How many times `measure` calls `step`."""
    return 1 + len(server.MODES) * repetitions * (1 + len(WRITERS))


def measure(workload: Workload, repetitions: int, step: Step) -> list[Figure]:
    """Run the library and the three floors in turn, for each mode of waiting for the disk."""
    n, figures, rates = len(workload.events), [], []
    with server.server() as url:
        step("p02 rows of the floor")
        before, batches = floor_rows(workload)
        for mode in server.MODES:
            ours: list[float] = []
            floors: dict[str, list[float]] = {name: [] for name in WRITERS}
            for _ in range(repetitions):
                step(f"p02 library, synchronous_commit={mode}")
                with servers.fresh_database(url) as database:
                    ours.append(library_s(workload, server.waiting(database, mode)))
                for name, writer in WRITERS.items():
                    step(f"p02 {name}, synchronous_commit={mode}")
                    with servers.fresh_database(url) as database:
                        floors[name].append(floor_s(before, batches, server.waiting(database, mode), writer))
            best = [min(taken) for taken in zip(*floors.values(), strict=True)]
            ratio = median(one / other for one, other in zip(ours, best, strict=True))
            work = f"record {n:,} mixed events in batches of 1,000, PostgreSQL, {server.waits(url, mode)}"
            against = "the same rows by COPY, `executemany` or arrays, whichever is quickest"
            figures.append(Figure(f"p02.{mode}", work, against, ratio, most=3.0))
            rates.append(Figure(f"p02.{mode}.rate", work, "wall clock", n / median(ours), "/s"))
            rates += [
                Figure(f"p02.{mode}.{name}_rate", work, "wall clock, floor", n / median(taken), "/s")
                for name, taken in floors.items()
            ]
    return figures + rates


def library_s(workload: Workload, url: str) -> float:
    """Seconds that the library takes to record the events into an empty database."""
    with SQLAlchemyStore(url) as store:
        engine = workload.engine(store)
        with only_new_objects():
            start = perf_counter()
            outcomes = engine.record_many(workload.events)
            taken_s = perf_counter() - start
            del outcomes
    return taken_s


def floor_rows(workload: Workload) -> tuple[Batch, list[Batch]]:
    """The rows before the events, and those of each transaction; a run on SQLite leaves the same."""
    with TemporaryDirectory() as folder:
        rows = final_rows(workload, Path(folder, "rows.db"))
    before, *batches = [
        [_typed(table, found) for table, found in batch if table in _TABLES] for batch in (rows.before, *rows.batches)
    ]
    return before, batches


def _typed(table: str, rows: Rows) -> tuple[str, Rows]:
    """Give SQLite's rows the types of PostgreSQL; only the one truth value differs."""
    if table != "referral_events":
        return table, rows
    counted = -2
    return table, [(*row[:counted], bool(row[counted]), *row[counted + 1 :]) for row in rows]


def floor_s(before: Batch, batches: list[Batch], url: str, write: Callable[..., None]) -> float:
    """Seconds that psycopg takes to write the rows of the events into an empty database."""
    with SQLAlchemyStore(url) as store:
        store.create_schema()
    with psycopg.connect(url, autocommit=True) as connection, connection.cursor() as cursor:
        types = _column_types(cursor)
        _transaction(connection, cursor, before, types, write)
        with only_new_objects():
            start = perf_counter()
            for batch in batches:
                _transaction(connection, cursor, batch, types, write)
            return perf_counter() - start


def _transaction(
    connection: psycopg.Connection,
    cursor: psycopg.Cursor,
    batch: Batch,
    types: dict[str, list[str]],
    write: Callable[..., None],
) -> None:
    with connection.transaction():
        for table, rows in batch:
            write(cursor, table, types[table], rows)


def _column_types(cursor: psycopg.Cursor) -> dict[str, list[str]]:
    """The types of each table's columns, in their order."""
    cursor.execute(
        "SELECT table_name, array_agg(data_type::text ORDER BY ordinal_position) FROM information_schema.columns "
        "WHERE table_schema = current_schema() GROUP BY table_name"
    )
    return dict(cursor.fetchall())


def _by_copy(cursor: psycopg.Cursor, table: str, _: Sequence[str], rows: Rows) -> None:
    with cursor.copy(sql.SQL("COPY {} FROM STDIN").format(sql.Identifier(table))) as copy:
        for row in rows:
            copy.write_row(row)


def _by_executemany(cursor: psycopg.Cursor, table: str, types: Sequence[str], rows: Rows) -> None:
    values = sql.SQL(", ").join([sql.Placeholder()] * len(types))
    cursor.executemany(sql.SQL("INSERT INTO {} VALUES ({})").format(sql.Identifier(table), values), rows)


def _by_arrays(cursor: psycopg.Cursor, table: str, types: Sequence[str], rows: Rows) -> None:
    arrays = sql.SQL(", ").join([sql.SQL("%s::{}[]").format(sql.SQL(kind)) for kind in types])
    text = sql.SQL("INSERT INTO {} SELECT * FROM unnest({})").format(sql.Identifier(table), arrays)
    cursor.execute(text, [list(column) for column in zip(*rows, strict=True)])


WRITERS: dict[str, Callable[..., None]] = {"copy": _by_copy, "executemany": _by_executemany, "arrays": _by_arrays}


if __name__ == "__main__":
    from run import main

    sys.exit(main([NAME, *sys.argv[1:]]))
