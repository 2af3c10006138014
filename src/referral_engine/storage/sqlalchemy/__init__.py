"""Stores over a database, through SQLAlchemy: SQLite and PostgreSQL, blocking and awaitable."""

from typing import TYPE_CHECKING, Any

from referral_engine.storage.sqlalchemy.migrations.status import SchemaStatus
from referral_engine.storage.sqlalchemy.store import SQLAlchemyStore
from referral_engine.storage.sqlalchemy.tables import Tables, define_tables

if TYPE_CHECKING:
    from referral_engine.storage.sqlalchemy.asynchronous import AsyncSQLAlchemyStore

__all__ = ["AsyncSQLAlchemyStore", "SQLAlchemyStore", "SchemaStatus", "Tables", "define_tables"]


def __getattr__(name: str) -> Any:
    """Load the awaitable store when it is asked for: SQLAlchemy's asyncio needs the extra `async`."""
    if name != "AsyncSQLAlchemyStore":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from referral_engine.storage.sqlalchemy.asynchronous import AsyncSQLAlchemyStore  # noqa: PLC0415 - see above

    return AsyncSQLAlchemyStore
