"""Engines: the SQLAlchemy engine of a store, made from a URL or taken from the host."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from sqlalchemy import event
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, NoSuchModuleError, SQLAlchemyError

from referral_engine.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from sqlalchemy import Engine
    from sqlalchemy.engine.interfaces import DBAPIConnection

SQLITE_BUSY_WAIT_MS = 5_000
"""How long one attempt waits for SQLite's lock; there are ATTEMPTS_MAX of them."""

SQLITE_SYNCHRONOUS = "FULL"
"""How SQLite writes: FULL survives a loss of power; NORMAL, a little faster, may lose the last commits in one.

To choose otherwise, give the store an Engine of your own.
"""

DRIVERS: Mapping[str, frozenset[str]] = {
    "sqlite": frozenset({"pysqlite"}),
    "postgresql": frozenset({"psycopg"}),
}
ASYNC_DRIVERS: Mapping[str, frozenset[str]] = {
    "sqlite": frozenset({"aiosqlite"}),
    "postgresql": frozenset({"psycopg", "psycopg_async"}),
}
"""The drivers that the statements are written for, by database."""

_SPELLINGS = {"postgres": "postgresql", "sqlite3": "sqlite"}
_EXTRAS = {"psycopg": "postgres", "aiosqlite": "async", "greenlet": "async"}
_EngineT = TypeVar("_EngineT")


def own_engine(given: str | URL, drivers: Mapping[str, frozenset[str]], create: Callable[..., _EngineT]) -> _EngineT:
    """Make an engine for a URL; nothing is connected yet. Raises InvalidInput for a URL that no store can use."""
    url = _read_url(given)
    database, _, driver = url.drivername.partition("+")
    database = _SPELLINGS.get(database, database)
    if database not in drivers:
        raise InvalidInput("url", f"{database!r} is not supported; use one of {', '.join(sorted(drivers))}")
    driver = driver or min(drivers[database])
    _check_driver(database, driver, drivers)
    url = url.set(drivername=f"{database}+{driver}")
    _refuse_memory(url)
    try:
        return create(url)
    except ImportError as exc:
        extra = _EXTRAS.get(exc.name or driver, "postgres")
        problem = f"the driver {exc.name or driver} is not installed; install referral_engine[{extra}]"
        raise InvalidInput("url", problem) from exc
    except (SQLAlchemyError, TypeError, ValueError) as exc:
        raise InvalidInput("url", f"cannot be used: {type(exc).__name__}") from exc


def check_engine(engine: Engine, drivers: Mapping[str, frozenset[str]]) -> None:
    """Refuse a host's engine that a store cannot write through."""
    database = engine.dialect.name
    if database not in drivers:
        raise InvalidInput("url", f"{database!r} is not supported; use one of {', '.join(sorted(drivers))}")
    _check_driver(database, engine.dialect.driver, drivers)
    _refuse_memory(engine.url)


def prepare(engine: Engine) -> None:
    """Set up each connection that an engine of our own opens."""
    if engine.dialect.name != "sqlite":
        return
    wait_ms = SQLITE_BUSY_WAIT_MS if "timeout" not in engine.url.query else None

    def pragmas(connection: DBAPIConnection, _: object) -> None:
        cursor = connection.cursor()
        if wait_ms is not None:
            cursor.execute(f"PRAGMA busy_timeout = {wait_ms}")
        cursor.execute("PRAGMA journal_mode = WAL")
        cursor.execute("PRAGMA foreign_keys = ON")
        cursor.execute(f"PRAGMA synchronous = {SQLITE_SYNCHRONOUS}")
        cursor.close()

    event.listen(engine, "connect", pragmas)


def _read_url(given: object) -> URL:
    if not isinstance(given, str | URL):
        raise InvalidInput("url", "must be a database URL, such as 'sqlite:///acme.db', or an SQLAlchemy engine")
    try:
        return make_url(given)
    except (ArgumentError, NoSuchModuleError, ValueError) as exc:
        raise InvalidInput("url", "is no database URL; write one such as 'sqlite:///acme.db'") from exc


def _check_driver(database: str, driver: str, drivers: Mapping[str, frozenset[str]]) -> None:
    if driver not in drivers[database]:
        other = ASYNC_DRIVERS if drivers is DRIVERS else DRIVERS
        hint = ""
        if driver in other[database]:
            hint = "; it belongs to " + ("AsyncSQLAlchemyStore" if drivers is DRIVERS else "SQLAlchemyStore")
        known = ", ".join(sorted(drivers[database]))
        raise InvalidInput("url", f"the driver {driver!r} cannot be used here{hint}; use {known}")


def _refuse_memory(url: URL) -> None:
    if url.get_backend_name() != "sqlite":
        return
    database = url.database or ""
    if database in {"", ":memory:", "file::memory:"} or url.query.get("mode") == "memory" or ":memory:" in database:
        problem = "an in-memory SQLite database is not shared by connections; use MemoryStore() or a file"
        raise InvalidInput("url", problem)
