"""Transactions: how they begin on each database, our own and inside a transaction of the host."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy.exc import SQLAlchemyError

from referral_engine.errors import InvalidInput

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

    from referral_engine.storage.sqlalchemy.statements import Sql

_SCHEMA_LOCK = 7_301_455_120_886_413_921
"""The key of the advisory lock under which tables are created; any number that others are unlikely to use."""

_AUTOCOMMIT = "is in AUTOCOMMIT mode, where there is no transaction to join; give one that begins a transaction"


class Transactions(Protocol):
    """Begins transactions; a connection is given fresh, or with the host's transaction open or about to open."""

    def write(self, connection: Connection) -> None:
        """Begin a transaction of our own that writes."""
        ...

    def read(self, connection: Connection) -> None:
        """Begin a transaction of our own that sees one snapshot."""
        ...

    def create(self, connection: Connection) -> None:
        """Begin a transaction of our own in which tables are created by nobody else at the same time."""
        ...

    def join(self, connection: Connection) -> None:
        """Make the host's transaction ready for a SAVEPOINT of ours, in which we write."""
        ...

    def join_creating(self, connection: Connection) -> None:
        """Make the host's transaction ready for the creation of tables."""
        ...

    def visit(self, connection: Connection) -> AbstractContextManager[None]:
        """Read inside the host's transaction, leaving it as it was."""
        ...


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection


def _refuse_autocommit(connection: Connection) -> None:
    """Refuse a host's connection on which every statement commits."""
    option = connection.get_execution_options().get("isolation_level")
    if option == "AUTOCOMMIT" or getattr(_driver(connection), "autocommit", None) is True:
        raise InvalidInput("connection", _AUTOCOMMIT)


def _begun(connection: Connection) -> None:
    if not connection.in_transaction():
        connection.begin()


class SqliteTransactions:
    """One writer at a time: a transaction that writes says so when it begins.

    What the driver does by itself differs between versions of Python and with the host's settings, so the driver is
    asked whether a transaction is open, and told to begin one only when none is.
    """

    def __init__(self, sql: Sql) -> None:
        self._lock = sql.query("UPDATE {counters} SET position = position WHERE 1 = 0")

    def write(self, connection: Connection) -> None:
        """As Transactions.write: the lock of the file comes first, so that nothing is read before it is held."""
        if _opened(connection):
            self._lock.run(connection)
        else:
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    def read(self, connection: Connection) -> None:
        """As Transactions.read."""
        if not _opened(connection):
            connection.exec_driver_sql("BEGIN")

    def create(self, connection: Connection) -> None:
        """As Transactions.create; in a transaction that is open the first statement takes the lock."""
        if not _opened(connection):
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    def join(self, connection: Connection) -> None:
        """As Transactions.join."""
        self._join(connection)
        self._lock.run(connection)

    def join_creating(self, connection: Connection) -> None:
        """As Transactions.join_creating."""
        self._join(connection)

    def _join(self, connection: Connection) -> None:
        """Begin for the host where the driver would begin too late: a SAVEPOINT without BEGIN commits by itself."""
        _begun(connection)
        _refuse_autocommit(connection)
        driver = _driver(connection)
        if not driver.in_transaction:
            if driver.isolation_level is None:
                raise InvalidInput("connection", _AUTOCOMMIT)
            connection.exec_driver_sql("BEGIN IMMEDIATE")

    @contextmanager
    def visit(self, connection: Connection) -> Iterator[None]:
        """As Transactions.visit: where no transaction is open, the snapshot is ours and ends with the reading."""
        _begun(connection)
        ours = not _driver(connection).in_transaction
        if ours:
            connection.exec_driver_sql("BEGIN")
        try:
            yield
        finally:
            if ours:
                with suppress(SQLAlchemyError):
                    connection.exec_driver_sql("ROLLBACK")


def _opened(connection: Connection) -> bool:
    """Tell whether the driver of an engine opens transactions by itself; refuse one that never ends ours."""
    _begun(connection)
    driver = _driver(connection)
    if getattr(driver, "autocommit", None) is True:
        raise InvalidInput("url", "the engine connects with autocommit=True; leave that argument out")
    return bool(driver.in_transaction)


class PostgresTransactions:
    """Own writing reads what is committed by then, under row locks; own reading sees one snapshot."""

    def __init__(self, sql: Sql) -> None:
        self._creating = sql.query("SELECT pg_advisory_xact_lock(:key)")

    def write(self, connection: Connection) -> None:
        """As Transactions.write."""
        connection.execution_options(isolation_level="READ COMMITTED")

    def read(self, connection: Connection) -> None:
        """As Transactions.read."""
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    def create(self, connection: Connection) -> None:
        """As Transactions.create."""
        self.write(connection)
        self._creating.run(connection, key=_SCHEMA_LOCK)

    def join(self, connection: Connection) -> None:
        """As Transactions.join."""
        _refuse_autocommit(connection)

    def join_creating(self, connection: Connection) -> None:
        """As Transactions.join_creating."""
        _refuse_autocommit(connection)
        self._creating.run(connection, key=_SCHEMA_LOCK)

    @contextmanager
    def visit(self, connection: Connection) -> Iterator[None]:
        """As Transactions.visit."""
        del connection
        yield
