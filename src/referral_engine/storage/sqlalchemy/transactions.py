"""Transactions: how they begin on each database, our own and inside a transaction of the host."""

from __future__ import annotations

from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any, Protocol

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from referral_engine.errors import InvalidInput, StoreError
from referral_engine.storage.sqlalchemy.attempts import StartAgain
from referral_engine.storage.sqlalchemy.engines import OWN

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection
    from sqlalchemy.engine.interfaces import IsolationLevel

    from referral_engine.storage.sqlalchemy.statements import Sql

_SCHEMA_LOCK = 7_301_455_120_886_413_921
"""The key of the advisory lock under which tables are created; any number that others are unlikely to use."""

_LOCK_SCHEMA = text(f"SELECT pg_advisory_xact_lock({_SCHEMA_LOCK})")

_SCHEMA_LOCK_NAME = "referral_engine.schema"
_SCHEMA_WAIT_S = 60
"""The lock of the server under which tables are created on MariaDB, and how long one attempt waits for it."""

_VERSION_MIN = (10, 6)
_CHECKED = "referral_engine_checked"

_AUTOCOMMIT = "is in AUTOCOMMIT mode, where there is no transaction to join; give one that begins a transaction"


class Transactions(Protocol):
    """Begins transactions; a connection is given fresh, or with the host's transaction open or about to open."""

    def write(self, connection: Connection) -> None:
        """Begin a transaction of our own that writes."""
        ...

    def read(self, connection: Connection) -> None:
        """Begin a transaction of our own that sees one snapshot."""
        ...

    def creating(self, connection: Connection) -> AbstractContextManager[None]:
        """Begin a transaction of our own in which tables are created by nobody else at the same time."""
        ...

    def join(self, connection: Connection) -> bool:
        """Make the host's transaction ready for a SAVEPOINT of ours, in which we write.

        Answers whether what is read there without a lock may be older than what is locked and written.
        """
        ...

    def join_creating(self, connection: Connection) -> None:
        """Make the host's transaction ready for the creation of tables."""
        ...

    def visit(self, connection: Connection) -> AbstractContextManager[None]:
        """Read inside the host's transaction, leaving it as it was."""
        ...

    def is_open(self, connection: Connection) -> bool:
        """Tell whether a transaction of the host is open still; True where the database never ends one in silence."""
        ...

    def keeps_snapshot(self, connection: Connection) -> bool:
        """Tell whether the host's transaction will never see what others commit, so that trying again is in vain."""
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

    @contextmanager
    def creating(self, connection: Connection) -> Iterator[None]:
        """As Transactions.creating; in a transaction that is open the first statement takes the lock."""
        if not _opened(connection):
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        yield

    def join(self, connection: Connection) -> bool:
        """As Transactions.join."""
        self._join(connection)
        self._lock.run(connection)
        return False

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

    def is_open(self, connection: Connection) -> bool:
        """As Transactions.is_open: an error such as that of a full disk may take back all of a transaction."""
        return bool(_driver(connection).in_transaction)

    def keeps_snapshot(self, connection: Connection) -> bool:
        """As Transactions.keeps_snapshot: nobody commits beside the one writer."""
        del connection
        return False


def _opened(connection: Connection) -> bool:
    """Tell whether the driver of an engine opens transactions by itself; refuse one that never ends ours."""
    _begun(connection)
    driver = _driver(connection)
    if getattr(driver, "autocommit", None) is True:
        raise InvalidInput("url", "the engine connects with autocommit=True; leave that argument out")
    return bool(driver.in_transaction)


class PostgresTransactions:
    """Own writing reads what is committed by then, under row locks; own reading sees one snapshot."""

    def write(self, connection: Connection) -> None:
        """As Transactions.write; SQLAlchemy is told of the transaction, for not all statements pass through it."""
        driver = _driver(connection)
        plain = driver.isolation_level is None and not driver.autocommit
        if not plain or connection.default_isolation_level != "READ COMMITTED":
            connection.execution_options(isolation_level="READ COMMITTED")
        _begun(connection)

    def read(self, connection: Connection) -> None:
        """As Transactions.read."""
        connection.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)
        _begun(connection)

    @contextmanager
    def creating(self, connection: Connection) -> Iterator[None]:
        """As Transactions.creating."""
        self.write(connection)
        connection.execute(_LOCK_SCHEMA)
        yield

    def join(self, connection: Connection) -> bool:
        """As Transactions.join: a host that sees one snapshot is refused by PostgreSQL where it locks newer rows."""
        _refuse_autocommit(connection)
        return False

    def join_creating(self, connection: Connection) -> None:
        """As Transactions.join_creating."""
        _refuse_autocommit(connection)
        connection.execute(_LOCK_SCHEMA)

    @contextmanager
    def visit(self, connection: Connection) -> Iterator[None]:
        """As Transactions.visit; what we read belongs to the host's transaction, which SQLAlchemy must know of."""
        _begun(connection)
        yield

    def is_open(self, connection: Connection) -> bool:
        """As Transactions.is_open."""
        del connection
        return True

    def keeps_snapshot(self, connection: Connection) -> bool:
        """As Transactions.keeps_snapshot: from REPEATABLE READ on, a key that is taken may stay unseen."""
        return connection.get_isolation_level() in {"REPEATABLE READ", "SERIALIZABLE"}


class MariadbTransactions:
    """Own writing reads what is committed by then, under row locks; own reading sees one snapshot.

    A connection that is the host's is asked whether it refuses values that do not fit: MariaDB would cut them silently,
    and we change no setting that is not ours. One that is our own was set up when it was opened.
    """

    def __init__(self, sql: Sql) -> None:
        session = "SELECT @@autocommit, @@in_transaction, @@sql_mode, @@{}"
        self._session = sql.query(session.format("tx_isolation"))
        self._renamed_session = sql.query(session.format("transaction_isolation"))
        self._lock = sql.query("SELECT GET_LOCK(:name, :wait_s)")
        self._unlock = sql.query("DO RELEASE_LOCK(:name)")

    def write(self, connection: Connection) -> None:
        """As Transactions.write."""
        self._begin(connection, "READ COMMITTED")

    def read(self, connection: Connection) -> None:
        """As Transactions.read."""
        self._begin(connection, "REPEATABLE READ")
        connection.exec_driver_sql("START TRANSACTION WITH CONSISTENT SNAPSHOT, READ ONLY")

    @contextmanager
    def creating(self, connection: Connection) -> Iterator[None]:
        """As Transactions.creating; the lock belongs to the session, for every table that is created commits."""
        self.write(connection)
        ((locked,),) = self._lock.rows(connection, name=_SCHEMA_LOCK_NAME, wait_s=_SCHEMA_WAIT_S)
        if locked != 1:
            raise StartAgain("another process is creating the tables", lost=True)
        try:
            yield
        finally:
            with suppress(SQLAlchemyError):
                self._unlock.run(connection, name=_SCHEMA_LOCK_NAME)

    def join(self, connection: Connection) -> bool:
        """As Transactions.join."""
        self._check_version(connection)
        autocommit, open_, mode, isolation = self._asked(connection)
        if autocommit and not open_:
            raise InvalidInput("connection", _AUTOCOMMIT)
        _require_strict(mode)
        return bool(isolation != "READ-COMMITTED")

    def join_creating(self, connection: Connection) -> None:
        """As Transactions.join_creating: refuse, for it would commit what the host has not finished."""
        del connection
        raise InvalidInput(
            "connection",
            "MariaDB commits a transaction in which a table is created or changed; call create_schema() or upgrade() "
            "of the store",
        )

    @contextmanager
    def visit(self, connection: Connection) -> Iterator[None]:
        """As Transactions.visit."""
        del connection
        yield

    def is_open(self, connection: Connection) -> bool:
        """As Transactions.is_open."""
        del connection
        return True

    def keeps_snapshot(self, connection: Connection) -> bool:
        """As Transactions.keeps_snapshot: a read that locks sees what is committed by then, in any isolation."""
        del connection
        return False

    def _begin(self, connection: Connection, level: IsolationLevel) -> None:
        """Choose the isolation of the transaction that begins with the next statement, and look at the connection."""
        autocommit = _driver(connection).get_autocommit()
        if autocommit:
            connection.execution_options(isolation_level=level)
        self._check(connection)
        if not autocommit and (level != "READ COMMITTED" or not connection.info.get(OWN)):
            connection.exec_driver_sql(f"SET TRANSACTION ISOLATION LEVEL {level}")

    def _check(self, connection: Connection) -> None:
        """Look once at each connection to the server."""
        if connection.info.get(_CHECKED):
            return
        self._check_version(connection)
        if not connection.info.get(OWN):
            _, _, mode, _ = self._asked(connection)
            _require_strict(mode)
        connection.info[_CHECKED] = True

    def _asked(self, connection: Connection) -> Any:
        renamed = _version(connection) >= (11, 1)
        ((*answers,),) = (self._renamed_session if renamed else self._session).rows(connection)
        return answers

    def _check_version(self, connection: Connection) -> None:
        version = _version(connection)
        if not getattr(connection.dialect, "is_mariadb", False) or version < _VERSION_MIN:
            found = ".".join(map(str, version))
            raise StoreError(f"MariaDB 10.6 or later is needed; this server is of version {found}, or is no MariaDB")


def _version(connection: Connection) -> tuple[int, ...]:
    return tuple(getattr(connection.dialect, "server_version_info", None) or ())


def _require_strict(mode: str) -> None:
    """Refuse a session that cuts a value that does not fit, with a warning that nobody reads."""
    if "STRICT_TRANS_TABLES" not in mode and "STRICT_ALL_TABLES" not in mode:
        problem = f"has sql_mode={mode!r}, which cuts values that do not fit; add STRICT_TRANS_TABLES"
        raise InvalidInput("connection", problem)
