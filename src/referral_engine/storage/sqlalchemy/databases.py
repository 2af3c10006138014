"""Databases: which ones there are, and what each brings: its statements, its transactions and its locks."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from referral_engine.storage.sqlalchemy.locking import FileLocking, Locking, RowLocking
from referral_engine.storage.sqlalchemy.mariadb import MariadbNames, MariadbSql
from referral_engine.storage.sqlalchemy.postgresql import PostgresSql
from referral_engine.storage.sqlalchemy.postgresql_sending import PostgresSender
from referral_engine.storage.sqlalchemy.sending import InTurn, Sender
from referral_engine.storage.sqlalchemy.sqlite import SqliteSql
from referral_engine.storage.sqlalchemy.statements import Names, Sql
from referral_engine.storage.sqlalchemy.transactions import (
    MariadbTransactions,
    PostgresTransactions,
    SqliteTransactions,
    Transactions,
)

if TYPE_CHECKING:
    from sqlalchemy import Dialect

    from referral_engine.storage.sqlalchemy.tables import Tables


@dataclass(frozen=True, slots=True)
class Database:
    """What a store needs to know of its database.

    `row_locks`: rows are locked one by one, so there is an order to keep, and rows are made to be locked. Without it a
    transaction that writes has locked everything.
    """

    sql: Sql
    transactions: Transactions
    locking: Locking
    sender: Sender
    row_locks: bool


def kind_of(dialect: Dialect) -> tuple[str, str]:
    """Name the database and the driver of a dialect; SQLAlchemy spells MariaDB as the URL does."""
    return ("mariadb" if dialect.name == "mysql" else dialect.name, dialect.driver)


def database_for(tables: Tables, dialect: Dialect) -> Database:
    """Build what a database needs, in the words of its dialect."""
    database, _ = kind_of(dialect)
    if database == "mariadb":
        mariadb = MariadbSql(MariadbNames(tables, dialect.identifier_preparer))
        locking = RowLocking(mariadb, tables)
        return Database(mariadb, MariadbTransactions(mariadb), locking, InTurn(), row_locks=True)
    names = Names(tables, dialect.identifier_preparer)
    if database == "postgresql":
        sql = PostgresSql(names)
        return Database(sql, PostgresTransactions(), RowLocking(sql, tables), PostgresSender(), row_locks=True)
    sqlite = SqliteSql(names)
    return Database(sqlite, SqliteTransactions(sqlite), FileLocking(), InTurn(), row_locks=False)
