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
    from sqlalchemy.pool import ConnectionPoolEntry

SQLITE_BUSY_WAIT_MS = 5_000
"""How long one attempt waits for SQLite's lock; there are ATTEMPTS_MAX of them."""

SQLITE_SYNCHRONOUS = "FULL"
"""How SQLite writes: FULL survives a loss of power; NORMAL, a little faster, may lose the last commits in one.

To choose otherwise, give the store an Engine of your own.
"""

DRIVERS: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("pysqlite",),
    "postgresql": ("psycopg",),
    "mariadb": ("pymysql",),
    "mysql": ("pymysql",),
}
ASYNC_DRIVERS: Mapping[str, tuple[str, ...]] = {
    "sqlite": ("aiosqlite",),
    "postgresql": ("psycopg", "psycopg_async"),
    "mariadb": ("asyncmy",),
    "mysql": ("asyncmy",),
}
"""The drivers that the statements are written for, by database; the first is taken for a URL that names none."""

OWN = "referral_engine_own"
"""What marks, in its `info`, a connection that an engine of our own opened and set up."""

_SETTINGS = (
    "SET SESSION sql_mode = 'STRICT_ALL_TABLES,NO_ENGINE_SUBSTITUTION', time_zone = '+00:00'",
    "SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED",
)
"""How a connection to MariaDB of our own is set up: what does not fit is refused, and never cut."""

_MARIADB = ("mariadb", "mysql")
_SPELLINGS = {"postgres": "postgresql", "sqlite3": "sqlite"}
_EXTRAS = {
    "psycopg": "postgres",
    "aiosqlite": "async",
    "greenlet": "async",
    "pymysql": "mariadb",
    "asyncmy": "mariadb-async",
}
_EngineT = TypeVar("_EngineT")


def own_engine(given: str | URL, drivers: Mapping[str, tuple[str, ...]], create: Callable[..., _EngineT]) -> _EngineT:
    """Make an engine for a URL; nothing is connected yet. Raises InvalidInput for a URL that no store can use."""
    url = _read_url(given)
    database, _, driver = url.drivername.partition("+")
    database = _SPELLINGS.get(database, database)
    if database not in drivers:
        raise InvalidInput("url", f"{database!r} is not supported; use one of {', '.join(sorted(drivers))}")
    driver = driver or drivers[database][0]
    _check_driver(database, driver, drivers)
    url = url.set(drivername=f"{database}+{driver}")
    if database in _MARIADB and "charset" not in url.query:
        url = url.update_query_dict({"charset": "utf8mb4"})
    _refuse_memory(url)
    try:
        return create(url)
    except ImportError as exc:
        extra = _EXTRAS.get(exc.name or driver, "postgres")
        problem = f"the driver {exc.name or driver} is not installed; install referral_engine[{extra}]"
        raise InvalidInput("url", problem) from exc
    except (SQLAlchemyError, TypeError, ValueError) as exc:
        raise InvalidInput("url", f"cannot be used: {type(exc).__name__}") from exc


def check_engine(engine: Engine, drivers: Mapping[str, tuple[str, ...]]) -> None:
    """Refuse a host's engine that a store cannot write through."""
    database = engine.dialect.name
    if database not in drivers:
        raise InvalidInput("url", f"{database!r} is not supported; use one of {', '.join(sorted(drivers))}")
    _check_driver(database, engine.dialect.driver, drivers)
    _refuse_memory(engine.url)


def prepare(engine: Engine) -> None:
    """Set up each connection that an engine of our own opens."""
    if engine.dialect.name == "sqlite":
        _prepare_sqlite(engine)
    elif engine.dialect.name in _MARIADB:
        event.listen(engine, "connect", _set_up_mariadb)


def _prepare_sqlite(engine: Engine) -> None:
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


def _set_up_mariadb(connection: DBAPIConnection, record: ConnectionPoolEntry) -> None:
    cursor = connection.cursor()
    for setting in _SETTINGS:
        cursor.execute(setting)
    cursor.close()
    record.info[OWN] = True


def _read_url(given: object) -> URL:
    if not isinstance(given, str | URL):
        raise InvalidInput("url", "must be a database URL, such as 'sqlite:///acme.db', or an SQLAlchemy engine")
    try:
        return make_url(given)
    except (ArgumentError, NoSuchModuleError, ValueError) as exc:
        raise InvalidInput("url", "is no database URL; write one such as 'sqlite:///acme.db'") from exc


def _check_driver(database: str, driver: str, drivers: Mapping[str, tuple[str, ...]]) -> None:
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
