"""Hosting: our migrations inside those of a host that has an Alembic environment of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from referral_engine.errors import InvalidInput
from referral_engine.storage.sqlalchemy.attempts import StartAgain
from referral_engine.storage.sqlalchemy.databases import database_for
from referral_engine.storage.sqlalchemy.engines import DRIVERS
from referral_engine.storage.sqlalchemy.migrations.frozen import Place
from referral_engine.storage.sqlalchemy.migrations.schema import Schema
from referral_engine.storage.sqlalchemy.tables import define_tables
from referral_engine.storage.sqlalchemy.translating import translating

if TYPE_CHECKING:
    from collections.abc import Callable

    from referral_engine.storage.sqlalchemy.tables import Tables


def upgrade(connection: Connection, *, tables: Tables | None = None, revision: str | None = None) -> None:
    """Bring our tables to a revision inside the host's transaction, which stays the host's to commit.

    For a revision of the host: `upgrade(op.get_bind(), revision="0002")`. Naming the revision keeps the host's own
    revision from meaning something else after this library was updated. Tables that are further are left alone.
    Raises InvalidInput on MariaDB, which would commit what the host has not finished: `upgrade` of a store works there.
    """
    if not isinstance(connection, Connection):
        problem = (
            "give a Connection of SQLAlchemy, such as op.get_bind() of Alembic; where a script is written (--sql) "
            "there is none: write that of these tables by our own environment"
        )
        raise InvalidInput("connection", problem)
    if connection.dialect.name not in DRIVERS:
        raise InvalidInput("connection", f"{connection.dialect.name!r} is not supported; use one of {sorted(DRIVERS)}")
    tables = define_tables() if tables is None else tables
    try:
        with translating():
            database_for(tables, connection.dialect).transactions.join_creating(connection)
        Schema(tables).upgrade(connection, revision)
    except StartAgain as again:
        raise again.final(host=again.lost) from again.__cause__


def leave_out(tables: Tables | None = None) -> Callable[[Any, str | None, str, bool, Any], bool]:
    """Make the host's autogenerate leave our tables alone, which it would drop as tables it does not know.

    The answer goes to the host's `context.configure(include_object=...)`.
    """
    tables = define_tables() if tables is None else tables
    place = Place.of(tables)
    ours = {place.version_table, *(table.name for table in tables.all())}

    def include(item: Any, name: str | None, kind: str, reflected: bool, compared: Any) -> bool:  # noqa: FBT001 - Alembic's
        """Tell whether Alembic is to look at an item."""
        del reflected, compared
        return not (kind == "table" and name in ours and item.schema == place.schema)

    return include
