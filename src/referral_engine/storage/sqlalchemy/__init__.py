"""Stores over a database, through SQLAlchemy: SQLite and PostgreSQL, blocking and awaitable."""

from referral_engine.storage.sqlalchemy.asynchronous import AsyncSQLAlchemyStore
from referral_engine.storage.sqlalchemy.store import SQLAlchemyStore
from referral_engine.storage.sqlalchemy.tables import Tables, define_tables

__all__ = ["AsyncSQLAlchemyStore", "SQLAlchemyStore", "Tables", "define_tables"]
