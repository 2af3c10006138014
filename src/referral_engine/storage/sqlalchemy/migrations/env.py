"""Our environment for Alembic's own commands: `current`, `history`, `upgrade`, and `upgrade --sql` for a script.

    [alembic]
    script_location = referral_engine.storage.sqlalchemy:migrations
    sqlalchemy.url = postgresql://user@host/name
    referral_schema =
    referral_prefix = referral_

`store.upgrade()` does the same without a file. Alembic runs this module; it is not for importing.
"""

from __future__ import annotations

from typing import Any

from alembic import context
from alembic.operations import Operations
from sqlalchemy import create_engine
from sqlalchemy.schema import CreateSchema

from referral_engine.storage.sqlalchemy.databases import database_for
from referral_engine.storage.sqlalchemy.engines import DRIVERS, own_engine, prepare
from referral_engine.storage.sqlalchemy.migrations.frozen import Place
from referral_engine.storage.sqlalchemy.migrations.schema import make_room
from referral_engine.storage.sqlalchemy.migrations.steps import Steps
from referral_engine.storage.sqlalchemy.tables import define_tables


def run() -> None:
    """Do what Alembic was asked to do."""
    option = context.config.get_main_option
    tables = define_tables(schema=option("referral_schema") or None, prefix=option("referral_prefix", "referral_"))
    place = Place.of(tables)
    where: dict[str, Any] = {"version_table": place.version_table, "version_table_schema": place.schema}
    engine = own_engine(option("sqlalchemy.url") or "", DRIVERS, create_engine)
    prepare(engine)
    if context.is_offline_mode():
        context.configure(dialect_name=engine.dialect.name, literal_binds=True, **where)
        with context.begin_transaction():
            if place.schema is not None:
                context.execute(CreateSchema(place.schema, if_not_exists=True))
            _run(place)
        return
    try:
        transactions = database_for(tables, engine.dialect).transactions
        with engine.connect() as connection, transactions.creating(connection):
            make_room(connection, place)
            context.configure(connection=connection, **where)
            _run(place)
            connection.commit()
    finally:
        engine.dispose()


def _run(place: Place) -> None:
    context.run_migrations(steps=Steps(Operations(context.get_context()), place))


run()
