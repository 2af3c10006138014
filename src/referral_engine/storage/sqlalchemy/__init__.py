"""Stores over a database, through SQLAlchemy: SQLite and PostgreSQL."""

from referral_engine.storage.sqlalchemy.store import SQLAlchemyStore
from referral_engine.storage.sqlalchemy.tables import Tables, define_tables

__all__ = ["SQLAlchemyStore", "Tables", "define_tables"]
