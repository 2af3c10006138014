"""P1: the workload on a SQLite file in WAL mode, in batches of 1,000, against the same rows written by sqlite3 alone.

The floor has the library's own schema (tables, indexes, constraints) and PRAGMAs. Its rows are those that a finished
run left, each once and as it was in the end, split into the transactions in which the run first wrote them and in the
order in which it did; `executemany` writes them and nothing is read, decided or updated. The founders stand in both
files before the clock starts. Each repetition runs both, in turn, and gives one ratio.

What a commit costs depends on whether it waits for the disk. So both run three times: with `synchronous=FULL`, which
loses no commit, with NORMAL, which may lose the last ones when the power fails, and with OFF, which never waits.
"""

from __future__ import annotations

import sqlite3
import sys
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import TYPE_CHECKING, Any

from figure import Figure, Step, only_new_objects
from sqlalchemy import Engine, create_engine, event

from referral_engine.storage.sqlalchemy import SQLAlchemyStore

if TYPE_CHECKING:
    from workload import Workload

NAME = "p01"
MODES = ("FULL", "NORMAL", "OFF")
_PRAGMAS = ("page_size", "journal_mode", "wal_autocheckpoint", "foreign_keys", "cache_size", "mmap_size", "temp_store")
_JOURNAL = "bench_journal"

Batch = list[tuple[str, list[tuple[Any, ...]]]]
"""The tables that one transaction writes, each with its rows."""


def steps(repetitions: int) -> int:
    """How many times `measure` calls `step`."""
    return 1 + 2 * repetitions * len(MODES)


def measure(workload: Workload, repetitions: int, step: Step) -> list[Figure]:
    """Run library and floor in turn, for each mode of waiting for the disk."""
    n, figures, rates = len(workload.events), [], []
    with TemporaryDirectory() as name:
        folder = Path(name)
        step("p01 rows of the floor")
        rows = final_rows(workload, folder / "rows.db")
        for mode in MODES:
            ours, floors = [], []
            for place in range(repetitions):
                step(f"p01 library, synchronous={mode}")
                ours.append(library_s(workload, folder / f"{mode}-{place}.db", mode))
                step(f"p01 floor, synchronous={mode}")
                floors.append(floor_s(rows, folder / f"{mode}-{place}-floor.db", mode))
            ratio = median(one / other for one, other in zip(ours, floors, strict=True))
            work = f"record {n:,} mixed events in batches of 1,000, SQLite file, WAL, synchronous={mode}"
            most = 3.0 if mode == "FULL" else None
            figures.append(Figure(f"p01.{mode.lower()}", work, "the same rows by `executemany`", ratio, most=most))
            rates.append(Figure(f"p01.{mode.lower()}.rate", work, "wall clock", n / median(ours), "/s"))
            rates.append(Figure(f"p01.{mode.lower()}.floor_rate", work, "wall clock, floor", n / median(floors), "/s"))
    return figures + rates


def library_s(workload: Workload, path: Path, synchronous: str = "FULL") -> float:
    """Seconds that the library takes to record the events into a new file."""
    database = _database(path, synchronous)
    with SQLAlchemyStore(database) as store:
        engine = workload.engine(store)
        with only_new_objects():
            start = perf_counter()
            outcomes = engine.record_many(workload.events)
            taken_s = perf_counter() - start
            del outcomes
    database.dispose()
    return taken_s


def _database(path: Path, synchronous: str) -> Engine:
    """An engine that begins its connections as the store's own do, but for how they wait for the disk."""
    database = create_engine(f"sqlite:///{path}")

    def prepare(connection: sqlite3.Connection, _: object) -> None:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA foreign_keys=ON")
        connection.execute(f"PRAGMA synchronous={synchronous}")

    event.listen(database, "connect", prepare)
    return database


@dataclass(frozen=True, slots=True)
class FinalRows:
    """What a run left: how its tables are made, the connection's PRAGMAs, the rows before the events, and theirs."""

    schema: tuple[str, ...]
    pragmas: dict[str, Any]
    before: Batch
    batches: list[Batch]


def floor_s(rows: FinalRows, path: Path, synchronous: str) -> float:
    """Seconds that sqlite3 takes to write the rows of the events into a new file."""
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for name, value in rows.pragmas.items():
            connection.execute(f"PRAGMA {name}={value}")
        connection.execute(f"PRAGMA synchronous={synchronous}")
        for statement in rows.schema:
            connection.execute(statement)
        _write(connection, rows.before)
        with only_new_objects():
            start = perf_counter()
            for batch in rows.batches:
                _write(connection, batch)
            return perf_counter() - start


def _write(connection: sqlite3.Connection, batch: Batch) -> None:
    connection.execute("BEGIN IMMEDIATE")
    for table, rows in batch:
        values = ", ".join("?" * len(rows[0]))
        connection.executemany(f'INSERT INTO "{table}" VALUES ({values})', rows)  # noqa: S608 - own names
    connection.execute("COMMIT")


def final_rows(workload: Workload, path: Path) -> FinalRows:
    """Run the workload with a journal of first writes in the file, and split the rows that it leaves by transaction."""
    database = _database(path, "OFF")
    with SQLAlchemyStore(database) as store, closing(sqlite3.connect(path, isolation_level=None)) as connection:
        store.create_schema()
        with database.connect() as ours:
            pragmas = {name: ours.exec_driver_sql(f"PRAGMA {name}").scalar_one() for name in _PRAGMAS}
        tables, schema = _schema(connection)
        _keep_journal(connection, tables)
        engine = workload.engine(store)
        ends = [_journal_end(connection)]
        for batch in workload.batches():
            engine.record_many(batch)
            ends.append(_journal_end(connection))
        before, *batches = _split(connection, tables, ends)
    database.dispose()
    return FinalRows(schema, pragmas, before, batches)


def _schema(connection: sqlite3.Connection) -> tuple[dict[str, str], tuple[str, ...]]:
    """The tables, each with its primary key as a JSON array of `{row}.column`, and what makes them all."""
    found = connection.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
    ).fetchall()
    keys: dict[str, str] = {}
    for kind, table, _ in found:
        if kind == "table":
            columns = sorted((row[5], row[1]) for row in connection.execute(f'PRAGMA table_info("{table}")') if row[5])
            parts = ", ".join(f'{{row}}."{column}"' for _, column in columns)
            keys[table] = f"json_array({parts})"
    return keys, tuple(statement for _, _, statement in found)


def _keep_journal(connection: sqlite3.Connection, tables: dict[str, str]) -> None:
    connection.execute(f"CREATE TABLE {_JOURNAL} (place INTEGER PRIMARY KEY, source TEXT, row TEXT)")
    for table, key in tables.items():
        note = f"INSERT INTO {_JOURNAL} (source, row) VALUES ('{table}', {key.format(row='new')})"  # noqa: S608 - own names
        connection.execute(f'CREATE TRIGGER "bench_{table}" AFTER INSERT ON "{table}" BEGIN {note}; END')


def _journal_end(connection: sqlite3.Connection) -> int:
    (end,) = connection.execute(f"SELECT coalesce(max(place), 0) FROM {_JOURNAL}").fetchone()  # noqa: S608 - own names
    return int(end)


def _split(connection: sqlite3.Connection, tables: dict[str, str], ends: list[int]) -> list[Batch]:
    """Deal the rows of each table to the transactions, by the place of their first insertion."""
    batches: list[Batch] = [[] for _ in ends]
    for table, key in tables.items():
        kept = connection.execute(f'SELECT {key.format(row="kept")}, kept.* FROM "{table}" AS kept')  # noqa: S608 - own names
        rows = {row[0]: row[1:] for row in kept}
        start = 0
        for batch, end in zip(batches, ends, strict=True):
            first_written = connection.execute(
                f"SELECT DISTINCT row FROM {_JOURNAL} WHERE source = ? AND place > ? AND place <= ? ORDER BY place",  # noqa: S608 - own names
                (table, start, end),
            )
            if found := [row for (name,) in first_written if (row := rows.pop(name, None)) is not None]:
                batch.append((table, found))
            start = end
        assert not rows, f"{table}: {len(rows)} rows that no journal names"
    return batches


if __name__ == "__main__":
    from run import main

    sys.exit(main([NAME, *sys.argv[1:]]))
